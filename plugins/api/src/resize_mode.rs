//! How an image becomes a square.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which part of an image fills which part of a square, in options, in `run.json` and in `model.json`. `plugin-resize` computes the
/// pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ResizeMode {
    /// The whole image fills the square; its shape is not kept.
    #[default]
    Stretch,
    /// The largest square in the middle of the image; what sticks out is lost.
    Crop,
    /// The whole image in its shape, with white around it.
    Pad,
}

impl ResizeMode {
    /// All of them, the default first.
    pub const ALL: [Self; 3] = [Self::Stretch, Self::Crop, Self::Pad];

    /// As in options and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stretch => "stretch",
            Self::Crop => "crop",
            Self::Pad => "pad",
        }
    }
}

impl fmt::Display for ResizeMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of `stretch`, `crop` and `pad`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownResizeMode(pub String);

impl fmt::Display for UnknownResizeMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no resize mode: stretch, crop and pad are", self.0)
    }
}

impl std::error::Error for UnknownResizeMode {}

impl FromStr for ResizeMode {
    type Err = UnknownResizeMode;

    fn from_str(name: &str) -> Result<Self, UnknownResizeMode> {
        Self::ALL.into_iter().find(|mode| mode.name() == name).ok_or_else(|| UnknownResizeMode(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum as _;

    #[test]
    fn names_are_those_of_json_and_of_options() {
        assert_eq!(ResizeMode::value_variants(), ResizeMode::ALL);
        for mode in ResizeMode::ALL {
            assert_eq!(mode.name().parse(), Ok(mode));
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.to_string());
            assert_eq!(mode.to_possible_value().unwrap().get_name(), mode.name());
        }
        let error = "zoom".parse::<ResizeMode>().unwrap_err().to_string();
        assert!(error.contains("zoom") && error.contains("stretch, crop and pad"), "{error}");
    }
}
