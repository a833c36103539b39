//! Why a file or an image is refused.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a stage refuses a row: the column `reason` of [`Rejects`](crate::edges::Rejects), and `reason` of a note in quarantine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// The file has no byte.
    Empty,
    /// The file does not begin like any image format that is known.
    NotAnImage,
    /// A format, or a kind of it, that is not decoded.
    Unsupported,
    /// The file ends before the image does.
    Truncated,
    /// The file breaks the rules of its format.
    Corrupt,
    /// The file or the image is over a limit.
    TooLarge,
    /// The decoder panicked.
    Panicked,
    /// The image could not be brought to the size of the model.
    NotResized,
    /// The image's quality could not be measured.
    NotChecked,
    /// The backbone failed on the image.
    NotEmbedded,
    /// Decoding the file has ended the process several times.
    Crashes,
    /// The file is gone, another one, or being written.
    Changed,
    /// The file cannot be read.
    Unreadable,
}

impl RejectReason {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Empty,
        Self::NotAnImage,
        Self::Unsupported,
        Self::Truncated,
        Self::Corrupt,
        Self::TooLarge,
        Self::Panicked,
        Self::NotResized,
        Self::NotChecked,
        Self::NotEmbedded,
        Self::Crashes,
        Self::Changed,
        Self::Unreadable,
    ];

    /// As in messages, tables and notes in quarantine.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::NotAnImage => "not_an_image",
            Self::Unsupported => "unsupported",
            Self::Truncated => "truncated",
            Self::Corrupt => "corrupt",
            Self::TooLarge => "too_large",
            Self::Panicked => "panicked",
            Self::NotResized => "not_resized",
            Self::NotChecked => "not_checked",
            Self::NotEmbedded => "not_embedded",
            Self::Crashes => "crashes",
            Self::Changed => "changed",
            Self::Unreadable => "unreadable",
        }
    }

    /// The reason of that [name](Self::name); `None` for a word of somebody else's stage.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.name() == name)
    }

    /// Whether the stage did not get to see the version that was sent: `watch` looks at the file again and moves it nowhere.
    pub const fn is_transient(self) -> bool {
        matches!(self, Self::Changed | Self::Unreadable)
    }
}

impl fmt::Display for RejectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_are_those_of_json() {
        for reason in RejectReason::ALL {
            assert_eq!(RejectReason::parse(reason.name()), Some(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.to_string());
        }
        assert_eq!(RejectReason::parse("blurred"), None);
    }
}
