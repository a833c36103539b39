//! Augmentation as command line options.

use crate::{Entry, REGISTRY};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// When an augmentation that is configured is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// Unless it works against the task: before a run, `train` finds out whether changed images of one class look like another's.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// How training images are changed. A strength of 0 switches a change off.
#[derive(Clone, Debug, PartialEq, clap::Args, Serialize, Deserialize)]
pub struct AugmentOptions {
    /// Whether images are mirrored left to right. auto: unless mirrored images of one class look like another's, which the
    /// run's reason then says.
    #[arg(long, value_enum, default_value_t = Policy::Auto, value_name = "WHEN")]
    pub flip: Policy,

    /// Whether brightness, contrast and saturation are changed. auto: unless recoloured images of one class look like another's.
    #[arg(long, value_enum, default_value_t = Policy::Auto, value_name = "WHEN")]
    pub jitter: Policy,

    /// Whether images are rotated, where --rotation-degrees is more than 0. auto: unless rotated images of one class look like
    /// another's.
    #[arg(long, value_enum, default_value_t = Policy::Auto, value_name = "WHEN")]
    pub rotation: Policy,

    /// How often an image is mirrored, 0 to 1.
    #[arg(long, default_value_t = 0.5, value_name = "SHARE", value_parser = share)]
    pub flip_probability: f64,
    /// How far an image is moved at most, in percent of its side, 0 to 50.
    #[arg(long, default_value_t = 10, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=50))]
    pub crop_padding_percent: u8,
    /// What comes in at the edges of an image that is moved.
    #[arg(long, default_value = "reflect", value_name = "FILL")]
    pub crop_padding_fill: Fill,
    /// Largest angle an image is turned by, 0 to 45 degrees.
    #[arg(long, default_value_t = 0.0, value_name = "DEGREES", value_parser = degrees)]
    pub rotation_degrees: f64,
    /// Brightness is multiplied by 1 − x to 1 + x; x is 0 to 1.
    #[arg(long, default_value_t = 0.2, value_name = "SHARE", value_parser = share)]
    pub brightness: f64,
    /// Contrast is multiplied by 1 − x to 1 + x; x is 0 to 1.
    #[arg(long, default_value_t = 0.2, value_name = "SHARE", value_parser = share)]
    pub contrast: f64,
    /// Saturation is multiplied by 1 − x to 1 + x; x is 0 to 1.
    #[arg(long, default_value_t = 0.2, value_name = "SHARE", value_parser = share)]
    pub saturation: f64,
    /// How often a rectangle of an image is covered, 0 to 1.
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = share)]
    pub erase_probability: f64,
}

impl AugmentOptions {
    /// No change at all.
    pub const NONE: Self = Self {
        flip: Policy::Auto,
        jitter: Policy::Auto,
        rotation: Policy::Auto,
        flip_probability: 0.0,
        crop_padding_percent: 0,
        crop_padding_fill: Fill::Reflect,
        rotation_degrees: 0.0,
        brightness: 0.0,
        contrast: 0.0,
        saturation: 0.0,
        erase_probability: 0.0,
    };

    /// Names of the augmentations that are configured and whose policy is [`Policy::Auto`].
    pub fn undecided(&self) -> Vec<&'static str> {
        let undecided = |entry: &&Entry| (entry.policy)(self) == Policy::Auto && (entry.build)(self).is_some();
        REGISTRY.iter().filter(undecided).map(|entry| entry.name).collect()
    }
}

/// What is to be seen beyond the edges of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fill {
    /// The image mirrored at its edge; the outermost pixels are not repeated.
    Reflect,
    /// The outermost pixels, repeated.
    Edge,
}

impl Fill {
    /// The place inside `0..side` (which is not empty) that shows at `at`, which may be outside.
    pub fn index(self, at: i64, side: usize) -> usize {
        let last = side as i64 - 1;
        let inside = match self {
            Self::Edge => at.clamp(0, last),
            Self::Reflect if last == 0 => 0,
            Self::Reflect => {
                let place = at.rem_euclid(2 * last);
                place.min(2 * last - place)
            }
        };
        inside as usize
    }
}

fn between(text: &str, low: f64, high: f64) -> Result<f64, String> {
    let wanted = || format!("a number from {low} to {high} is wanted");
    let value: f64 = text.parse().map_err(|_| wanted())?;
    if (low..=high).contains(&value) { Ok(value) } else { Err(wanted()) }
}

fn share(text: &str) -> Result<f64, String> {
    between(text, 0.0, 1.0)
}

fn degrees(text: &str) -> Result<f64, String> {
    between(text, 0.0, 45.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Config {
        #[command(flatten)]
        augment: AugmentOptions,
    }

    fn parse(args: &[&str]) -> Result<AugmentOptions, String> {
        let all = [&["x"], args].concat();
        Config::try_parse_from(all).map(|c| c.augment).map_err(|e| e.to_string())
    }

    #[test]
    fn every_number_has_a_range_and_the_message_names_it() {
        for flag in ["--flip-probability", "--brightness", "--contrast", "--saturation", "--erase-probability"] {
            for bad in ["1.5", "NaN", "much", "inf"] {
                let error = parse(&[flag, bad]).unwrap_err();
                assert!(error.contains(flag) && error.contains(bad) && error.contains("0 to 1"), "{error}");
            }
            assert!(parse(&[flag, "0"]).is_ok() && parse(&[flag, "1"]).is_ok());
        }
        assert!(parse(&["--rotation-degrees", "46"]).unwrap_err().contains("0 to 45"));
        assert!(parse(&["--crop-padding-percent", "51"]).unwrap_err().contains("0..=50"));
        let fill = parse(&["--crop-padding-fill", "black"]).unwrap_err();
        assert!(fill.contains("reflect, edge"), "{fill}");
    }

    #[test]
    fn beyond_the_edge_is_a_mirror_or_the_edge() {
        let seen = |fill: Fill| (-4..8).map(|at| fill.index(at, 4)).collect::<Vec<_>>();
        assert_eq!(seen(Fill::Reflect), [2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1]);
        assert_eq!(seen(Fill::Edge), [0, 0, 0, 0, 0, 1, 2, 3, 3, 3, 3, 3]);
        assert_eq!(Fill::Reflect.index(-5, 1), 0);
    }
}
