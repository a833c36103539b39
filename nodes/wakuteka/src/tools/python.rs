//! Python, for the packages that come as wheels.

use crate::process;
use std::process::Command;

/// A Python that has pip.
#[derive(Clone, Copy, Debug)]
pub struct Python {
    program: &'static str,
}

impl Python {
    /// The first Python on the `PATH` that has pip.
    pub fn find() -> Option<Self> {
        let has_pip = |program: &&str| process::succeeds(Command::new(program).args(["-m", "pip", "--version"]));
        ["python3", "python"].into_iter().find(has_pip).map(|program| Self { program })
    }

    /// A command that begins with this Python.
    pub fn command(self) -> Command {
        Command::new(self.program)
    }

    /// A pip command that does not chat.
    pub fn pip(self) -> Command {
        let mut pip = self.command();
        pip.args(["-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet"]);
        pip
    }
}
