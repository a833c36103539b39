//! Whether an image has one class or several.

use crate::header::{Header, HeaderFields};
use serde::{Deserialize, Serialize};

/// What an image that stands in several class folders means. `dataset` decides, and says so in the header of its snapshots and
/// records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Labels {
    /// A mistake: an image has one class, and one that stands in several is kept out until that is resolved.
    #[default]
    Single,
    /// It has all of them.
    Multi,
}

impl HeaderFields for Labels {
    const NAME: &'static str = "labels";
}

impl Labels {
    /// As the header says; [`Labels::Single`] when it says nothing.
    pub fn of(header: &Header) -> Self {
        header.get().unwrap_or_default()
    }

    /// As in options, headers and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::Multi => "multi",
        }
    }
}

impl std::fmt::Display for Labels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_says_which_and_files_hold_the_same_word() {
        for labels in [Labels::Single, Labels::Multi] {
            assert_eq!(Labels::of(&Header::new("x", 0).with(&labels)), labels);
            assert_eq!(serde_json::to_string(&labels).unwrap(), format!("\"{labels}\""));
        }
        assert_eq!(Labels::of(&Header::new("x", 0)), Labels::Single, "a message of an earlier version");
    }
}
