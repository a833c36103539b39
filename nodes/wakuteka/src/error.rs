//! Everything that can go wrong, for a person.

use crate::say;
use serde::Serialize;
use serde_json::{Value, json};
use std::io;
use std::path::PathBuf;

/// Why a command stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Ctrl-C, or the terminal was closed.
    #[error("interrupted")]
    Interrupted,
    /// A program is not there or cannot be run.
    #[error("{program} cannot be started: {source}")]
    Start {
        /// Name of the program that could not be started.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program ended with an error.
    #[error("`{command}` failed with exit code {code}{}", say::indented(.output.lines()))]
    Failed {
        /// The command line.
        command: String,
        /// Its exit code; 128 and the signal's number when it was killed.
        code: u8,
        /// What it said, when it was not shown already.
        output: String,
    },
    /// A program that speaks for itself ended with an error, and has said so.
    #[error("exit code {code}")]
    Ended {
        /// Its exit code; 128 and the signal's number when it was killed.
        code: u8,
    },
    /// A file could not be read or written. The text names the file.
    #[error("{0}")]
    File(#[from] io::Error),
    /// This program is not in a checkout of Wakuteka.
    #[error("{0} is not a checkout of Wakuteka: run this as `cargo wakuteka` inside one")]
    NoCheckout(PathBuf),
    /// A tool that must be there is not, and cannot be had.
    #[error("{0}")]
    Tool(String),
    /// A network of blocks is not there, or is broken.
    #[error(transparent)]
    Blocks(#[from] plugin_blocks::BlocksError),
    /// The champion stays as it is.
    #[error(transparent)]
    Champion(#[from] plugin_champion::Refused),
    /// Options in a dataflow are wrong. Nothing was started.
    #[error("{}nothing was started", lines(.0))]
    Options(Vec<WrongOption>),
    /// What was asked for cannot be.
    #[error("{0}")]
    Refused(String),
    /// The demo could not go on.
    #[error("{0}")]
    Demo(String),
}

/// Each on a line of its own.
fn lines(wrong: &[WrongOption]) -> String {
    wrong.iter().fold(String::new(), |text, wrong| text + &wrong.to_string() + "\n")
}

/// What is wrong with the options of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WrongOption {
    /// The YAML, as a person in this folder would write it.
    pub file: String,
    /// Its line, from 1.
    pub line: usize,
    /// The node's id.
    pub node: String,
    /// Flag, value and what is accepted.
    pub problem: String,
}

impl std::fmt::Display for WrongOption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}: {}: {}", self.file, self.line, self.node, self.problem)
    }
}

impl Error {
    /// Whether the person knows already.
    pub fn is_told(&self) -> bool {
        matches!(self, Self::Ended { .. })
    }

    /// For `--json`: `error`, the text, and `options` when options are wrong.
    pub fn report(&self) -> Value {
        match self {
            Self::Options(options) => json!({ "error": self.to_string(), "options": options }),
            _ => json!({ "error": self.to_string() }),
        }
    }

    /// The exit code to end with: that of the program that failed, 130 after Ctrl-C, else 1.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Failed { code, .. } | Self::Ended { code } => (*code).max(1),
            Self::Interrupted => 130,
            _ => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_the_program() {
        let failed = |code| Error::Failed { command: "cargo test".into(), code, output: "a\nb".into() };
        assert_eq!(failed(101).exit_code(), 101);
        assert_eq!(failed(0).exit_code(), 1);
        assert_eq!(failed(4).to_string(), "`cargo test` failed with exit code 4\n  a\n  b");
        assert_eq!(Error::Interrupted.exit_code(), 130);
    }
}
