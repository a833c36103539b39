//! The parts of the data set.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A part of the data set. The order is by strictness: what is in [`Split::Test`] has steered nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Trained on.
    #[default]
    Train,
    /// Chooses the epoch and the temperature.
    Validation,
    /// Held out: the model is evaluated on it.
    Test,
}

impl Split {
    /// All of them, the strictest last.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// As in messages, the catalog and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }

    /// The split of that [name](Split::name); `None` for any other text. [`FromStr`] says what is wrong instead.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|split| split.name() == name)
    }

    /// Place in [`Split::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is none of `train`, `validation` and `test`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownSplit(pub String);

impl fmt::Display for UnknownSplit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no split: train, validation and test are", self.0)
    }
}

impl std::error::Error for UnknownSplit {}

impl FromStr for Split {
    type Err = UnknownSplit;

    fn from_str(name: &str) -> Result<Self, UnknownSplit> {
        Self::parse(name).ok_or_else(|| UnknownSplit(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_serde_and_parse() {
        for split in Split::ALL {
            assert_eq!(Split::parse(split.name()), Some(split));
            assert_eq!(serde_json::to_string(&split).unwrap(), format!("\"{split}\""));
            assert_eq!(Split::ALL[split.index()], split);
        }
        assert_eq!(Split::parse("records"), None);
        let error = "records".parse::<Split>().unwrap_err().to_string();
        assert!(error.contains("records") && error.contains("validation"), "{error}");
    }
}
