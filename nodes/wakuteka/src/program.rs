//! Subcommands that other programs do, which are built when they are asked for: `exchange` (export-nnc, import-nnc, export-model) and
//! `experiment`. They work on pictures, the catalog and networks; this program is spared all of them.

use crate::checkout::Checkout;
use crate::{Error, process};
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// A program of the workspace: its package is called `node-` and its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// Data sets and models in the formats of other tools.
    Exchange,
    /// Networks trained side by side.
    Experiment,
}

/// Runs a program where the person stands, over the workspace of the checkout when none is named. With LibTorch when the
/// environment says where it is.
///
/// # Errors
/// [`Error::Failed`] with the program's exit code, once it has said itself what is wrong.
pub fn run(checkout: &Checkout, program: Program, subcommand: Option<&str>, words: &[OsString]) -> Result<(), Error> {
    let here = std::env::current_dir()?;
    let named = std::env::var_os("WAKUTEKA_HOME").is_some();
    let libtorch = std::env::var_os("LIBTORCH").is_some();
    process::run(&mut command(checkout, &here, [named, libtorch], program, subcommand, words))
}

fn command(
    checkout: &Checkout,
    here: &Path,
    [named, libtorch]: [bool; 2],
    program: Program,
    subcommand: Option<&str>,
    words: &[OsString],
) -> Command {
    let mut cargo = process::cargo(checkout);
    cargo.current_dir(here).args(["run", "--quiet", "--manifest-path"]).arg(checkout.root().join("Cargo.toml"));
    match program {
        Program::Exchange => cargo.args(["--package", "node-exchange", "--bin", "exchange"]),
        Program::Experiment if libtorch => {
            cargo.args(["--package", "node-experiment", "--bin", "experiment", "--features", "libtorch"])
        }
        Program::Experiment => cargo.args(["--package", "node-experiment", "--bin", "experiment"]),
    };
    cargo.arg("--").args(subcommand).args(words);
    if !named {
        cargo.env("WAKUTEKA_HOME", checkout.home());
    }
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_follow_and_paths_stay_where_the_person_stands() {
        let checkout = Checkout::find().unwrap();
        let words = ["out".into(), "--size".into(), "32".into()];
        let made = |flags, program, subcommand| command(&checkout, Path::new("/"), flags, program, subcommand, &words);
        let trained = process::shown(&made([false, true], Program::Experiment, None));
        assert!(trained.ends_with("--bin experiment --features libtorch -- out --size 32"), "{trained}");
        let named = made([true, false], Program::Exchange, Some("export-nnc"));
        let made = made([false, false], Program::Exchange, Some("export-nnc"));
        let shown = process::shown(&made);
        assert!(shown.ends_with("--package node-exchange --bin exchange -- export-nnc out --size 32"), "{shown}");
        assert_eq!(made.get_current_dir(), Some(Path::new("/")));
        let home = |command: &Command| command.get_envs().any(|(name, _)| name == "WAKUTEKA_HOME");
        assert!(home(&made) && !home(&named));
    }
}
