//! LibTorch for the CPU: the headers and the few libraries it takes to build and run with `--features libtorch`.
//!
//! They come from PyPI's wheels, whose hashes are pinned, so that a machine without PyTorch can have them. The wheels
//! are for Linux on x86-64, and any Python can unpack them; elsewhere set `LIBTORCH` to a LibTorch 2.9.0 of your own.

use super::python::Python;
use super::{is_whole, lock, make, mark_whole, start_over};
use crate::checkout::Checkout;
use crate::error::Error;
use crate::{process, say};
use plugin_api::files;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The version that tch 0.22 wants.
const VERSION: &str = "2.9.0";

/// What the marker holds: the version, and a number to count up when the contents of the folder change.
const CONTENTS: &str = "2.9.0, 1";

/// For `pip download --require-hashes`.
const WHEELS: &str = "\
torch==2.9.0 --hash=sha256:51de31219c97c51cf4bf2be94d622e3deb5dcc526c6dc00e97c17eaec0fc1d67
nvidia-cuda-runtime-cu12==12.8.90 --hash=sha256:adade8dcbd0edf427b7204d480d6066d33902cab2a4707dcfc48a2d0fd44ab90
nvidia-cuda-cupti-cu12==12.8.90 --hash=sha256:ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182
";

/// The machine and Python those wheels are for; pip takes them with any Python.
const PLATFORM: &[&str] = &[
    "--platform=manylinux_2_28_x86_64",
    "--platform=manylinux2014_x86_64",
    "--python-version=3.11",
    "--implementation=cp",
    "--abi=cp311",
];

const UNPACK: &str = include_str!("unpack_libtorch.py");

/// The folder of LibTorch: `$LIBTORCH`, or our own, set up when it is not there yet.
///
/// # Errors
/// [`Error::Tool`] when `$LIBTORCH` is no LibTorch or none can be had, [`Error::Failed`] when the set-up fails.
pub fn ready(checkout: &Checkout) -> Result<PathBuf, Error> {
    if let Some(folder) = std::env::var_os("LIBTORCH").map(PathBuf::from) {
        return if folder.join("lib/libtorch_cpu.so").is_file() && folder.join("include/torch").is_dir() {
            Ok(folder)
        } else {
            Err(Error::Tool(format!("LIBTORCH={}: no lib/libtorch_cpu.so and include/torch there", folder.display())))
        };
    }
    let folder = checkout.local().join("libtorch");
    let _lock = lock(checkout)?;
    if !is_whole(&folder, CONTENTS) {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            let message = "LibTorch is set up for Linux on x86-64 only: set LIBTORCH to the folder of a LibTorch";
            return Err(Error::Tool(format!("{message} {VERSION}")));
        }
        say::problem("fetching LibTorch: 1 GB, of which 0.5 GB stay; this is done once");
        start_over(&folder)?;
        let part = checkout.local().join("libtorch.part");
        start_over(&part)?;
        set_up(&part)?;
        mark_whole(&part, CONTENTS)?;
        fs::rename(&part, &folder).map_err(|e| files::with_path(&folder, &e))?;
    }
    Ok(folder)
}

/// Sets LibTorch up and says where it is and what to do with it.
///
/// # Errors
/// Those of [`ready`].
pub fn show(checkout: &Checkout) -> Result<(), Error> {
    let folder = ready(checkout)?;
    let path = folder.display().to_string();
    say::either(&serde_json::json!({ "libtorch": path }), &[path]);
    say::problem(&format!(
        "To train and predict with it, build the nodes with it; `--device auto`, the default, then takes it:\n  \
         LIBTORCH={} cargo build --workspace --features libtorch",
        folder.display()
    ));
    Ok(())
}

fn set_up(folder: &Path) -> Result<(), Error> {
    let python = Python::find().ok_or_else(|| {
        let message = "LibTorch comes from PyPI, and there is no Python with pip here: install one, or set LIBTORCH";
        Error::Tool(format!("{message} to the folder of a LibTorch {VERSION}"))
    })?;
    let wheels = make(folder.join("wheels"))?;
    download(python, &wheels)?;
    process::capture(python.command().args(["-c", UNPACK]).arg(&wheels).arg(folder))?;
    start_over(&wheels)?;
    stub(&folder.join("lib/libtorch.so"))?;
    let version = folder.join("build-version");
    fs::write(&version, VERSION).map_err(|e| files::with_path(&version, &e))?;
    Ok(())
}

/// pip checks the hashes. Its temporary files stay beside the wheels: they are too large for some a `/tmp`.
fn download(python: Python, wheels: &Path) -> Result<(), Error> {
    let list = wheels.join("wheels.txt");
    fs::write(&list, WHEELS).map_err(|e| files::with_path(&list, &e))?;
    let mut pip = python.pip();
    pip.args(["--no-cache-dir", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]);
    pip.args(PLATFORM).arg("--dest").arg(wheels).arg("--requirement").arg(&list);
    process::capture(pip.env("TMPDIR", wheels)).map(|_| ())
}

/// The wheel's `libtorch.so` only ties the CPU's library to CUDA's, which is not here. An empty one ties nothing.
fn stub(path: &Path) -> Result<(), Error> {
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    process::capture(Command::new(compiler).args(["-shared", "-x", "c", "/dev/null", "-o"]).arg(path)).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wheel_has_a_version_and_a_hash() {
        for line in WHEELS.lines() {
            let (wheel, hash) = line.split_once(" --hash=sha256:").unwrap();
            assert!(wheel.contains("=="), "{wheel}");
            assert!(hash.len() == 64 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{hash}");
        }
        assert!(WHEELS.contains(&format!("torch=={VERSION} ")) && CONTENTS.starts_with(VERSION));
    }

    #[test]
    fn the_stub_is_a_library() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libtorch.so");
        stub(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap()[..4], *b"\x7fELF");
    }
}
