//! What can be asked for of a version of the data set.

use crate::split::Split;
use std::fmt;

/// One fold of a cross-validation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fold {
    /// From 0, below `of`.
    pub index: u32,
    /// How many folds there are, at least 2.
    pub of: u32,
}

/// Images of a version, as the column `split` of [`Demand`](crate::edges::Demand) and the header of its answers name them.
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
}
