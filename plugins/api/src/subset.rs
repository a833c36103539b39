//! What can be asked for of a version of the data set.

use crate::split::Split;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One fold of a cross-validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fold {
    /// From 0, below `of`.
    pub index: u32,
    /// How many folds there are, at least 2.
    pub of: u32,
}

/// Images of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subset {
    /// A split: `train`, `validation`, `test`.
    Split(Split),
    /// All images of all splits that are not in a fold: `fold-train:0/5`.
    FoldTrain(Fold),
    /// All images of all splits that are in a fold: `fold-test:0/5`.
    FoldTest(Fold),
}

impl Subset {
    /// The subset of that text; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(split) = Split::parse(text) {
            return Some(Self::Split(split));
        }
        let (kind, fold) = text.split_once(':')?;
        let (index, of) = fold.split_once('/')?;
        let fold = Fold { index: index.parse().ok()?, of: of.parse().ok()? };
        if fold.of < 2 || fold.index >= fold.of {
            return None;
        }
        match kind {
            "fold-train" => Some(Self::FoldTrain(fold)),
            "fold-test" => Some(Self::FoldTest(fold)),
            _ => None,
        }
    }

    /// Whether a network is trained on it: it is shuffled and augmented.
    pub fn is_trained_on(self) -> bool {
        matches!(self, Self::Split(Split::Train) | Self::FoldTrain(_))
    }
}

impl fmt::Display for Subset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Split(split) => split.fmt(f),
            Self::FoldTrain(fold) => write!(f, "fold-train:{}/{}", fold.index, fold.of),
            Self::FoldTest(fold) => write!(f, "fold-test:{}/{}", fold.index, fold.of),
        }
    }
}

/// What is asked for of a version: the column `split` of [`Demand`](crate::edges::Demand), and the header of its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Selection {
    /// [`Batches`](crate::edges::Batches) of a subset, by its name.
    Images(Subset),
    /// [`Records`](crate::edges::Records) of all files: `records`.
    Records,
}

impl Selection {
    /// The selection of that text; `None` for any other.
    pub fn parse(text: &str) -> Option<Self> {
        if text == "records" { Some(Self::Records) } else { Subset::parse(text).map(Self::Images) }
    }

    /// The subset whose images it is.
    pub fn subset(self) -> Option<Subset> {
        match self {
            Self::Images(subset) => Some(subset),
            Self::Records => None,
        }
    }
}

impl Default for Selection {
    fn default() -> Self {
        Self::Images(Subset::Split(Split::Train))
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Images(subset) => subset.fmt(f),
            Self::Records => f.write_str("records"),
        }
    }
}

impl From<Selection> for String {
    fn from(selection: Selection) -> Self {
        selection.to_string()
    }
}

/// A text that is no [`Selection`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is nothing to be asked for: train, validation, test, fold-train:I/K, fold-test:I/K and records are")]
pub struct UnknownSelection(pub String);

impl TryFrom<String> for Selection {
    type Error = UnknownSelection;

    fn try_from(text: String) -> Result<Self, UnknownSelection> {
        Self::parse(&text).ok_or(UnknownSelection(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subsets_are_read_as_they_are_written() {
        let fold = Fold { index: 4, of: 5 };
        for subset in [Subset::Split(Split::Test), Subset::FoldTrain(fold), Subset::FoldTest(fold)] {
            assert_eq!(Subset::parse(&subset.to_string()), Some(subset));
        }
        assert_eq!(Subset::FoldTrain(fold).to_string(), "fold-train:4/5");
        for wrong in ["", "records", "fold-train", "fold-train:5/5", "fold-test:0/1", "fold-test:-1/5", "fold:0/5"] {
            assert_eq!(Subset::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn selections_are_texts_in_json() {
        let fold = Selection::Images(Subset::FoldTest(Fold { index: 0, of: 2 }));
        for (selection, text) in
            [(Selection::Records, "records"), (fold, "fold-test:0/2"), (Selection::default(), "train")]
        {
            let json = serde_json::to_string(&selection).unwrap();
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(serde_json::from_str::<Selection>(&json).unwrap(), selection);
        }
        let error = serde_json::from_str::<Selection>("\"pool\"").unwrap_err().to_string();
        assert!(error.contains("\"pool\"") && error.contains("records"), "{error}");
    }
}
