//! What the end-to-end tests share: a real dataflow under a real `dora run`, images, and the catalog to count in.
//!
//! Every test that runs a graph takes a lock, so that graphs run one after another whatever the test runner does.

pub mod browser;
pub mod catalog;
pub mod champion;
pub mod cluster;
pub mod graph;
pub mod images;
pub mod reader;
pub mod trials;

use std::path::PathBuf;

/// Root of the checkout.
pub fn checkout() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).unwrap_or(here)
}

/// The folder with data that is not part of the checkout, when it is there.
pub fn shared() -> Option<PathBuf> {
    let folder = std::env::var_os("WAKUTEKA_SHARED").map_or_else(|| checkout().join("../shared"), PathBuf::from);
    let found = folder.join("data").is_dir().then_some(folder);
    if found.is_none() {
        skipped("../shared/data is not there: the checks that need the whole set are left out");
    }
    found
}

/// Weights of EfficientNet-Lite0, when they are there; says so when they are not.
pub fn efficientnet_lite0() -> Option<PathBuf> {
    let file = shared()?.join("data/models/efficientnet_lite0_imagenet.safetensors");
    let found = file.canonicalize().ok();
    if found.is_none() {
        skipped(&format!("{}: no weights, so nothing is embedded", file.display()));
    }
    found
}

/// Says loudly that something was not tested.
#[allow(clippy::print_stderr)]
pub fn skipped(what: &str) {
    eprintln!("\n=== SKIPPED: {what} ===\n");
}
