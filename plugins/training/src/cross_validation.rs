//! What is done otherwise where few images are held out: cross-validation, and no choice between epochs.

use plugin_api::Message;
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// Held-out images below which a run is cross-validated by itself.
const FEW_HELD_OUT: u64 = 50;
/// Held-out images of a class, likewise.
const FEW_OF_CLASS: u64 = 3;
/// Images above which a run is not cross-validated by itself, as it takes `AUTO_FOLDS` times as long.
const MANY_IMAGES: u64 = 1000;
/// Folds of a run that is cross-validated by itself.
const AUTO_FOLDS: u32 = 5;
/// The same for heads, whose folds take a second.
const MANY_IMAGES_OF_HEADS: u64 = 5000;
/// Validation images below which they do not choose between epochs.
const FEW_VALIDATION: u64 = 20;
/// A class of so many images has some in validation, unless splits are given.
const HAS_VALIDATION: u64 = 8;

/// Whether a run is cross-validated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CrossValidate {
    /// Where few images are held out, and there are not many in all.
    #[default]
    Auto,
    /// Never.
    Off,
    /// Always, with so many folds.
    Folds(u32),
}

impl FromStr for CrossValidate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            number => match number.parse() {
                Ok(folds @ 2..=20) => Ok(Self::Folds(folds)),
                _ => Err("not auto, off or a number of folds from 2 to 20".to_owned()),
            },
        }
    }
}

impl fmt::Display for CrossValidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Off => f.write_str("off"),
            Self::Folds(folds) => folds.fmt(f),
        }
    }
}

impl CrossValidate {
    /// How many folds a run has whose images by class are `counts` (`[train, validation, test, conflicts]`); `None` when it is
    /// not cross-validated.
    pub fn folds(self, counts: &[[u64; 4]]) -> Option<u32> {
        let all: u64 = counts.iter().map(images).sum();
        let classes = counts.iter().filter(|of| images(of) > 0).count();
        if classes < 2 || all < 4 {
            return None;
        }
        let held_out: u64 = counts.iter().map(|of| of[2]).sum();
        let is_few = held_out < FEW_HELD_OUT || counts.iter().any(|of| images(of) > 0 && of[2] < FEW_OF_CLASS);
        match self {
            Self::Off => None,
            Self::Folds(folds) => Some(folds.min(all as u32)),
            Self::Auto => (is_few && all <= MANY_IMAGES).then_some(AUTO_FOLDS.min(all as u32)),
        }
    }
}

impl CrossValidate {
    /// As [`Self::folds`], for a run of a head: by itself it is cross-validated up to 5,000 images, as all images tell more than
    /// those of the test split.
    pub fn folds_of_head(self, counts: &[[u64; 4]]) -> Option<u32> {
        let all: u64 = counts.iter().map(images).sum();
        match self {
            Self::Auto if all <= MANY_IMAGES_OF_HEADS => Self::Folds(AUTO_FOLDS).folds(counts),
            other => other.folds(counts),
        }
    }
}

fn images(of: &[u64; 4]) -> u64 {
    of[..3].iter().sum()
}

/// Why a run keeps its last epoch; `None` when validation images choose the best one.
pub fn keeps_last_epoch(classes: &[String], counts: &[[u64; 4]]) -> Option<Message> {
    let validation: u64 = counts.iter().map(|of| of[1]).sum();
    if validation < FEW_VALIDATION {
        return Some(Message::few_validation(validation, FEW_VALIDATION));
    }
    let missing = std::iter::zip(classes, counts).find(|(_, of)| images(of) >= HAS_VALIDATION && of[1] == 0);
    missing.map(|(class, _)| Message::none_in_validation(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_sets_are_cross_validated_by_themselves() {
        let auto = |counts: &[[u64; 4]]| CrossValidate::Auto.folds(counts);
        assert_eq!(auto(&[[6, 1, 1, 0]; 3]), Some(5));
        assert_eq!(auto(&[[140, 30, 30, 0]; 2]), None, "60 held out");
        assert_eq!(auto(&[[140, 30, 30, 0], [140, 30, 30, 0], [3, 1, 1, 0]]), Some(5), "one of a class");
        assert_eq!(auto(&vec![[3, 1, 1, 0]; 1000]), None, "5,000 images");
        assert_eq!(auto(&[[2, 0, 0, 0], [1, 0, 1, 0]]), Some(4), "no more folds than images");
        assert_eq!(auto(&[[6, 1, 1, 0], [0, 0, 0, 9]]), None, "one class");
        assert_eq!(CrossValidate::Off.folds(&[[6, 1, 1, 0]; 3]), None);
        assert_eq!(CrossValidate::Folds(3).folds(&[[700, 150, 150, 0]; 3]), Some(3));
    }

    #[test]
    fn heads_are_cross_validated_unless_there_are_many_images() {
        let many = vec![[1400, 300, 300, 0]; 3];
        assert_eq!(CrossValidate::Auto.folds_of_head(&[[140, 30, 30, 0]; 2]), Some(5));
        assert_eq!(CrossValidate::Auto.folds_of_head(&many), None);
        assert_eq!(CrossValidate::Folds(3).folds_of_head(&many), Some(3));
        assert_eq!(CrossValidate::Off.folds_of_head(&[[140, 30, 30, 0]; 2]), None);
    }

    #[test]
    fn options_are_read_as_they_are_shown() {
        for text in ["auto", "off", "7"] {
            assert_eq!(text.parse::<CrossValidate>().unwrap().to_string(), text);
        }
        for wrong in ["1", "21", "on", ""] {
            assert!(wrong.parse::<CrossValidate>().unwrap_err().contains("from 2 to 20"), "{wrong}");
        }
    }

    #[test]
    fn last_epochs_are_kept_where_validation_is_small() {
        let classes = ["cat", "dog"].map(str::to_owned);
        let kept = |counts: [[u64; 4]; 2]| keeps_last_epoch(&classes, &counts);
        assert!(kept([[6, 1, 1, 0]; 2]).unwrap().to_string().starts_with("2 validation images cannot choose"));
        assert!(kept([[70, 30, 15, 0], [70, 0, 15, 0]]).unwrap().to_string().contains("no image of dog"));
        assert_eq!(kept([[70, 15, 15, 0]; 2]), None);
        assert_eq!(kept([[70, 20, 15, 0], [3, 0, 1, 0]]), None, "too small a class for validation");
    }
}
