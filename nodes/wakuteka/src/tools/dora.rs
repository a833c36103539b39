//! The dora command line.

use super::python::Python;
use super::{is_whole, lock, make, mark_whole, start_over};
use crate::checkout::Checkout;
use crate::error::Error;
use crate::{process, say};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version that is set up here. Any 1.1 that is there already will do as well.
const VERSION: &str = "1.1.0";

/// The command line: `$WAKUTEKA_DORA`, the one on the `PATH` when its version fits, or our own, set up when it is not
/// there yet.
///
/// # Errors
/// [`Error::Tool`] when `$WAKUTEKA_DORA` does not fit, [`Error::Failed`] when the set-up fails.
pub fn ready(checkout: &Checkout) -> Result<PathBuf, Error> {
    if let Some(program) = std::env::var_os("WAKUTEKA_DORA").map(PathBuf::from) {
        return if fits(&program) {
            Ok(program)
        } else {
            Err(Error::Tool(format!("WAKUTEKA_DORA={}: that is no dora 1.1", program.display())))
        };
    }
    if let Some(program) = on_path().into_iter().find(|program| fits(program)) {
        return Ok(program);
    }
    let _lock = lock(checkout)?;
    let folder = checkout.local().join("tools/dora");
    let program = folder.join("bin/dora");
    if !(is_whole(&folder, VERSION) && fits(&program)) {
        say::problem("fetching dora: 30 MB; this is done once");
        start_over(&folder)?;
        set_up(checkout, &folder)?;
        if !fits(&program) {
            return Err(Error::Tool(format!("{}: does not run, though it was just set up", program.display())));
        }
        mark_whole(&folder, VERSION)?;
    }
    Ok(program)
}

/// Every `dora` on the `PATH`.
fn on_path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join("dora")).filter(|program| program.is_file()).collect()
}

/// Is this a dora 1.1?
fn fits(program: &Path) -> bool {
    process::capture(Command::new(program).arg("--version")).is_ok_and(|text| is_1_1(&text))
}

/// `dora-cli 1.1.0`
fn is_1_1(text: &str) -> bool {
    let version = text.trim().strip_prefix("dora-cli ").unwrap_or_default();
    let mut parts = version.split('.');
    parts.next() == Some("1") && parts.next() == Some("1") && parts.next().is_some_and(|p| p.parse::<u32>().is_ok())
}

/// The wheel where there is a Python that takes it (3.11 or later); else from source, which takes many minutes.
fn set_up(checkout: &Checkout, folder: &Path) -> Result<(), Error> {
    if let Some(python) = Python::find() {
        match from_wheel(python, folder) {
            Err(error @ Error::Failed { .. }) => {
                say::problem(&format!("the dora-rs-cli wheel cannot be had, so dora is built from source: {error}"));
                start_over(folder)?;
            }
            done => return done,
        }
    }
    let version = ["--version", VERSION, "--locked", "--root"];
    process::run(process::cargo(checkout).args(["install", "dora-cli"]).args(version).arg(folder))
}

/// An environment without a pip of its own: made in no time, and Debian's Python can do it without `python3-venv`.
fn from_wheel(python: Python, folder: &Path) -> Result<(), Error> {
    if let Some(above) = folder.parent() {
        make(above.to_owned())?;
    }
    process::capture(python.command().args(["-m", "venv", "--without-pip"]).arg(folder))?;
    let mut pip = python.pip();
    pip.arg("--python").arg(folder.join("bin/python"));
    pip.args(["install", "--no-deps", "--only-binary=:all:", &format!("dora-rs-cli=={VERSION}")]);
    process::capture(&mut pip).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_1_1_fits_and_nothing_else() {
        assert!(is_1_1("dora-cli 1.1.0\n") && is_1_1("dora-cli 1.1.12"));
        for other in ["dora-cli 1.2.0", "dora-cli 0.3.12", "dora-cli 1.10.0", "dora-cli 1.1", "dora 1.1.0", "", "1.1.0"]
        {
            assert!(!is_1_1(other), "{other}");
        }
    }
}
