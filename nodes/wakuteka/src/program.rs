//! Programs behind subcommands of their own options.

use crate::checkout::Checkout;
use crate::error::Error;
use crate::{building, process, say};
use serde_json::json;
use std::ffi::OsString;
use std::process::Command;

/// A program that is not a node of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Data sets and models in the formats of other tools.
    Exchange,
    /// Networks trained side by side.
    Experiment,
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Experiment => "experiment",
        }
    }
}

/// Builds a program when it is not up to date, and runs it where the person stands, over the workspace of the checkout when none is
/// named. With LibTorch when the environment says where it is.
///
/// # Errors
/// [`Error::Ended`] with the program's exit code, once it has said itself what is wrong.
pub fn run(checkout: &Checkout, program: Program, subcommand: Option<&str>, words: &[OsString]) -> Result<(), Error> {
    let named = std::env::var_os("WAKUTEKA_HOME").is_some();
    let libtorch = std::env::var_os("LIBTORCH").is_some();
    building::nodes(checkout, &[program.name()].into(), libtorch)?;
    let mut command = command(checkout, named, program, subcommand, words);
    let ended = if say::is_json() {
        process::capture_result(&mut command).map(|said| {
            let command = subcommand.unwrap_or_else(|| program.name());
            say::result(&json!({ "command": command, "output": said.lines().collect::<Vec<_>>() }));
        })
    } else {
        process::run(&mut command)
    };
    ended.map_err(|error| match error {
        Error::Failed { code, .. } => Error::Ended { code },
        other => other,
    })
}

fn command(
    checkout: &Checkout,
    named: bool,
    program: Program,
    subcommand: Option<&str>,
    words: &[OsString],
) -> Command {
    let mut command = Command::new(checkout.target().join("debug").join(program.name()));
    command.args(subcommand).args(words);
    if !named {
        command.env("WAKUTEKA_HOME", checkout.workspace());
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_follow_and_paths_stay_where_the_person_stands() {
        let checkout = Checkout::find().unwrap();
        let words = ["out".into(), "--size".into(), "32".into()];
        let named = command(&checkout, true, Program::Experiment, None, &words);
        assert_eq!(process::shown(&named), "experiment out --size 32");
        let made = command(&checkout, false, Program::Exchange, Some("export-nnc"), &words);
        assert_eq!(process::shown(&made), "exchange export-nnc out --size 32");
        assert_eq!(made.get_current_dir(), None, "where the person stands");
        let workspace = |command: &Command| command.get_envs().any(|(name, _)| name == "WAKUTEKA_HOME");
        assert!(workspace(&made) && !workspace(&named));
    }
}
