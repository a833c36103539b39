//! Options that are wrong: told with flag, value and what is accepted, before anything runs and where a person looks.
//!
//! A node that ends with an error before it has joined the dataflow is started again up to ten times, and meanwhile dora lets no
//! other node begin: the page never comes up, and the reason is a line in a log. So a node of a running dataflow joins it, says
//! in its status what is wrong, and waits to be stopped; nothing that it should have done is acknowledged, so nothing is lost.

use crate::error::HarnessError;
use crate::inbox::Event;
use crate::node::Node;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Args, FromArgMatches, Parser};
use plugin_api::status::Notice;
use plugin_api::{Message, WorkspaceArgs};
use std::ffi::OsString;
use std::time::Duration;

/// As the first argument: check the others and end, with status 0, or 2 and a message.
pub(crate) const CHECK: &str = "--check-options";
/// As the first argument: print the options as Markdown and end.
pub(crate) const MARKDOWN: &str = "--markdown-options";
/// What dora gives a node it starts.
const DORA: &str = "DORA_NODE_CONFIG";
/// Status of a process whose options are wrong.
pub(crate) const STATUS: i32 = 2;

/// Options that say where the workspace is.
pub trait HasWorkspace {
    /// Where the workspace is.
    fn workspace(&self) -> &WorkspaceArgs;

    /// What must hold between options.
    ///
    /// # Errors
    /// What is wrong, naming flags, values and what is accepted.
    fn check(&self) -> Result<(), String> {
        Ok(())
    }

    /// Parts of the workspace that no other node may work on, whatever its id is. The node's id is locked in any case.
    fn exclusive(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Reads options, and checks what must hold between them.
pub(crate) fn read<C: Parser + HasWorkspace>(args: &[OsString]) -> Result<C, clap::Error> {
    let config = C::try_parse_from(args)?;
    config.check().map_err(|problem| C::command().error(ErrorKind::ValueValidation, problem))?;
    Ok(config)
}

/// What is wrong in one line: flag, value, what is accepted, and what the flag is for.
pub(crate) fn told<C: Parser>(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let about = lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"));
    let mut told = about.collect::<Vec<_>>().join(" ").trim_start_matches("error: ").to_owned();
    let command = C::command();
    if let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg)
        && let Some(arg) = command.get_arguments().find(|arg| {
            arg.get_long().is_some_and(|long| flag.trim_start_matches("--").split([' ', '=']).next() == Some(long))
        })
        && let Some(help) = arg.get_help()
    {
        let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        let default = if defaults.is_empty() { String::new() } else { format!(" [default: {}]", defaults.join(" ")) };
        told = format!("{told}. {flag}: {help}{default}");
    }
    told
}

/// Ends a process whose options are wrong: at once on the command line, and when it is stopped in a dataflow.
pub(crate) fn refuse<C: Parser>(name: &str, args: &[OsString], error: &clap::Error) -> ! {
    if error.use_stderr() && std::env::var_os(DORA).is_some() {
        let told = told::<C>(error);
        if let Err(problem) = hold(name, args, &told) {
            tracing::error!(node = name, %problem, "cannot say so in the dataflow");
        }
    }
    error.exit()
}

/// Joins the dataflow, says what is wrong, and does nothing until it is stopped.
fn hold(name: &str, args: &[OsString], told: &str) -> Result<(), HarnessError> {
    tracing::error!(node = name, "configuration error: {told}");
    let workspace = workspace(args).open().map_err(|error| HarnessError::Dora(error.to_string()))?;
    let mut node = Node::connect(name, workspace, &[])?;
    node.status().state(Message::configuration_error(told));
    node.status().notices(&[Notice {
        kind: "configuration".to_owned(),
        count: 1,
        reason: Message::notice_configuration(told).into(),
        advice: Message::advice_configuration().into(),
        examples: Vec::new(),
    }]);
    node.status().write();
    while !matches!(node.recv(Duration::from_secs(1)), Ok(Event::Stop)) {}
    Ok(())
}

/// Where the workspace is, whatever else the options say.
fn workspace(args: &[OsString]) -> WorkspaceArgs {
    const FLAG: &str = "--home";
    let mut own = vec![OsString::from("node")];
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        if arg == FLAG {
            own.extend([arg.clone()].into_iter().chain(rest.next().cloned()));
        } else if arg.to_string_lossy().strip_prefix(FLAG).is_some_and(|value| value.starts_with('=')) {
            own.push(arg.clone());
        }
    }
    let matches = WorkspaceArgs::augment_args(clap::Command::new("node")).get_matches_from(own);
    WorkspaceArgs::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// A node of a test.
    #[derive(Debug, Parser)]
    struct Config {
        #[command(flatten)]
        workspace: WorkspaceArgs,
        /// Epochs of a run.
        #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1000))]
        epochs: u32,
        /// How a run begins.
        #[arg(long, value_parser = ["head", "scratch"])]
        strategy: Option<String>,
    }

    impl HasWorkspace for Config {
        fn workspace(&self) -> &WorkspaceArgs {
            &self.workspace
        }

        fn check(&self) -> Result<(), String> {
            if self.epochs == 13 { Err("--epochs 13 brings bad luck".to_owned()) } else { Ok(()) }
        }
    }

    fn args(line: &str) -> Vec<OsString> {
        ["node"].into_iter().chain(line.split_whitespace()).map(OsString::from).collect()
    }

    #[test]
    fn wrong_options_are_told_with_what_is_accepted() {
        assert_eq!(read::<Config>(&args("--epochs 3")).unwrap().epochs, 3);
        for (line, parts) in [
            ("--epochs many", ["'many'", "--epochs <EPOCHS>: Epochs of a run [default: 15]"]),
            ("--epochs 0", ["'--epochs <EPOCHS>': 0 is not in 1..=1000", "Epochs of a run"]),
            ("--strategy none", ["'none'", "[possible values: head, scratch]"]),
            ("--epoch 3", ["'--epoch'", "unexpected argument"]),
            ("--epochs 13", ["--epochs 13", "bad luck"]),
        ] {
            let told = told::<Config>(&read::<Config>(&args(line)).unwrap_err());
            assert!(parts.iter().all(|part| told.contains(part)), "{line}: {told}");
            assert!(!told.contains('\n') && !told.contains("Usage"), "{told}");
        }
    }

    #[test]
    fn workspace_is_found_beside_wrong_options() {
        for line in ["--home /x --epochs many", "--what --home /x", "--epochs many --home /x", "--home=/x -3"] {
            assert_eq!(workspace(&args(line)).root, Path::new("/x"), "{line}");
        }
    }
}
