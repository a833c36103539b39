//! Options of the node.

use crate::order::Reading;
use clap::{Parser, ValueEnum};
use plugin_api::{Labels, ResizeMode, WorkspaceArgs};
use plugin_harness::HasWorkspace;
use plugin_hash::{Radii, Views};
use plugin_splits::Shares;

/// Keeps the catalog and the pixels, and serves batches of them.
///
/// The one owner of the truth: everything else can be killed and started again.
#[derive(Clone, Debug, Parser)]
#[command(name = "dataset")]
pub struct Config {
    #[command(flatten)]
    pub(crate) workspace: WorkspaceArgs,

    /// Side of the stored images, pixels: what `resize` sends. Given once for all nodes, under `env:`.
    #[arg(long, env = "WAKUTEKA_IMAGE_SIZE", default_value_t = 64, value_parser = clap::value_parser!(u32).range(16..=512), value_name = "PIXELS")]
    pub size: u32,

    /// How `resize` fits them: stored under this name, so that another mode starts its own shards.
    #[arg(long, env = "WAKUTEKA_RESIZE_MODE", value_enum, default_value_t)]
    pub mode: ResizeMode,

    /// Share of the images that choose the best epoch, percent.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(0..=40), value_name = "PERCENT")]
    pub validation_percent: u32,

    /// Share of the images that training never sees, percent.
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(0..=40), value_name = "PERCENT")]
    pub test_percent: u32,

    /// Which images are one group, that lies in one split where that is possible. usual:
    /// copies that were compressed, resized, cropped by a few percent, mirrored, turned a little or made brighter; strict:
    /// the same with less leeway, for images that look much alike; off: only equal files.
    #[arg(long, value_enum, default_value_t = Near::Usual, value_name = "HOW")]
    pub near_copies: Near,

    /// Images whose very pixels stand in several class folders: single keeps them out until that is resolved, multi learns
    /// all those classes.
    #[arg(long, value_enum, default_value_t = Labels::Single)]
    pub labels: Labels,

    /// Weight of an image in the loss: the same in total for every class, or one for every image.
    #[arg(long, value_enum, default_value_t = Balance::Classes)]
    pub balance: Balance,
}

/// Which images are near-copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Near {
    /// Only equal files.
    Off,
    /// With fewer false matches, and fewer of the turned and brighter ones.
    Strict,
    /// What was compressed, resized, cropped, mirrored, turned or made brighter.
    Usual,
}

impl Near {
    /// The radii; none when only equal files count.
    pub const fn radii(self) -> Option<Radii> {
        match self {
            Self::Off => None,
            Self::Strict => Some(Radii::STRICT),
            Self::Usual => Some(Radii::USUAL),
        }
    }
}

impl std::fmt::Display for Near {
    /// The rule, figures and all: another rule has another text.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} of {} bytes", self.radii(), Views::BYTES)
    }
}

/// Weight of an image in the loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Balance {
    /// Every class weighs the same.
    Classes,
    /// Every image weighs the same.
    Off,
}

impl HasWorkspace for Config {
    fn workspace(&self) -> &WorkspaceArgs {
        &self.workspace
    }
}

impl Config {
    /// Name of the kind of pixels that is stored: pixels of other kinds stay where they are.
    pub(crate) fn profile(&self) -> String {
        format!("{}-{}", self.size, self.mode)
    }

    /// How rows become images to learn from.
    pub(crate) fn reading(&self) -> Reading {
        Reading { labels: self.labels, balanced: self.balance == Balance::Classes }
    }

    /// How much goes into which split.
    pub(crate) fn shares(&self) -> Shares {
        Shares { validation: self.validation_percent, test: self.test_percent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_copies_are_named_and_what_is_unknown_is_refused() {
        let of = |args: &[&str]| Config::try_parse_from([&["dataset"], args].concat());
        assert_eq!(of(&[]).unwrap().near_copies, Near::Usual);
        assert_eq!(of(&["--near-copies", "off"]).unwrap().near_copies.radii(), None);
        assert_eq!(of(&["--near-copies", "strict"]).unwrap().near_copies.radii(), Some(Radii::STRICT));
        let error = of(&["--near-copies", "4"]).unwrap_err().to_string();
        assert!(error.contains("--near-copies") && error.contains("off, strict, usual"), "{error}");
        assert!(of(&["--near", "4"]).is_err());
    }
}
