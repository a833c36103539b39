//! Other programs: run, and blamed by name when they fail.

use crate::checkout::Checkout;
use crate::error::Error;
use crate::{interrupt, say};
use std::ffi::OsStr;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

/// Runs a command that speaks to the person itself.
///
/// # Errors
/// [`Error::Start`], [`Error::Failed`], or [`Error::Interrupted`] when a signal ended it.
pub fn run(command: &mut Command) -> Result<(), Error> {
    interrupt::check()?;
    if say::is_json() {
        // Standard output is for the result alone.
        command.stdout(std::io::stderr());
    }
    let status = command.stdin(Stdio::null()).status().map_err(|e| not_started(command, e))?;
    check_status(command, status, "")
}

/// Runs a command and gives what it wrote to standard output.
///
/// # Errors
/// [`Error::Start`], or [`Error::Failed`] with what it said.
pub fn capture(command: &mut Command) -> Result<String, Error> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| not_started(command, e))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = format!("{}\n{said}", String::from_utf8_lossy(&output.stderr));
    check_status(command, output.status, complaint.trim()).map(|()| said)
}

/// The same of a command that tells the person on standard error what is wrong.
///
/// # Errors
/// [`Error::Start`], or [`Error::Failed`] without output.
pub fn capture_result(command: &mut Command) -> Result<String, Error> {
    interrupt::check()?;
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().map_err(|e| not_started(command, e))?;
    check_status(command, output.status, "").map(|()| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Does this program exist and succeed? For asking after tools.
pub fn succeeds(command: &mut Command) -> bool {
    let silent = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

/// The cargo that runs this program, in the checkout, without what cargo told this program about itself.
pub fn cargo(checkout: &Checkout) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(checkout.root());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|part| text.starts_with(part)) {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// A command as a person would type it.
pub fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy);
    words.collect::<Vec<_>>().join(" ")
}

/// That a command cannot be run at all.
pub fn not_started(command: &Command, source: std::io::Error) -> Error {
    Error::Start { program: command.get_program().to_string_lossy().into_owned(), source }
}

/// # Errors
/// [`Error::Failed`] with `output` when a command has failed, [`Error::Interrupted`] when a signal ended it.
pub fn check_status(command: &Command, status: ExitStatus, output: &str) -> Result<(), Error> {
    if status.success() {
        return Ok(());
    }
    // A terminal sends Ctrl-C to the command as well, and the command's death is then no news.
    interrupt::check()?;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Err(Error::Failed { command: shown(command), code: u8::try_from(code).unwrap_or(1), output: output.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_has_the_command_the_code_and_the_complaint() {
        let mut command = Command::new("/bin/sh");
        let error = capture(command.args(["-c", "echo out; echo err >&2; exit 7"])).unwrap_err();
        assert_eq!(error.exit_code(), 7);
        let text = error.to_string();
        assert!(text.starts_with("`sh -c") && text.contains("\n  err") && text.contains("\n  out"), "{text}");
    }

    #[test]
    fn a_killed_program_has_failed() {
        let error = run(Command::new("/bin/sh").args(["-c", "kill -9 $$"])).unwrap_err();
        assert_eq!(error.exit_code(), 137);
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = capture(&mut Command::new("no-such-program")).unwrap_err();
        assert!(matches!(&error, Error::Start { program, .. } if program == "no-such-program"), "{error}");
        assert!(!succeeds(&mut Command::new("no-such-program")));
    }
}
