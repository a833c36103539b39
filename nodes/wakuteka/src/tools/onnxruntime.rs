//! onnxruntime, which the tests hold exported networks against.

use super::python::Python;
use super::{is_whole, lock, mark_whole, start_over};
use crate::checkout::Checkout;
use crate::error::Error;
use crate::{process, say};
use plugin_api::files;
use std::fs;
use std::path::PathBuf;

/// What pip installs. Without their dependencies: running a network takes no more.
const PACKAGES: [&str; 3] = ["onnxruntime==1.32.0", "numpy==2.4.6", "pillow==13.0.0"];

/// The folder for `PYTHONPATH`, set up when it is not there yet.
///
/// # Errors
/// [`Error::Tool`] when there is no Python with pip, [`Error::Failed`] when pip fails.
pub fn ready(checkout: &Checkout) -> Result<PathBuf, Error> {
    let folder = checkout.local().join("onnxruntime");
    let contents = PACKAGES.join(" ");
    let _lock = lock(checkout)?;
    if !is_whole(&folder, &contents) {
        let python = Python::find().ok_or_else(|| {
            Error::Tool("onnxruntime comes from PyPI, and there is no Python with pip here".to_owned())
        })?;
        say::problem("fetching onnxruntime: 0.2 GB; this is done once");
        start_over(&folder)?;
        let part = checkout.local().join("onnxruntime.part");
        start_over(&part)?;
        let mut pip = python.pip();
        pip.args(["install", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--root-user-action=ignore"]);
        process::capture(pip.arg("--target").arg(&part).args(PACKAGES))?;
        mark_whole(&part, &contents)?;
        fs::rename(&part, &folder).map_err(|e| files::with_path(&folder, &e))?;
    }
    Ok(folder)
}
