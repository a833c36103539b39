//! A head of either kind, as a file may hold.

use crate::error::HeadError;
use crate::head::Head;
use crate::multi::MultiHead;
use std::path::Path;

/// A head for images of one class each, or of several.
#[derive(Clone, Debug, PartialEq)]
pub enum AnyHead {
    /// Classes exclude each other.
    Single(Box<Head>),
    /// They do not.
    Multi(Box<MultiHead>),
}

impl AnyHead {
    /// Number of classes.
    pub fn classes(&self) -> usize {
        match self {
            Self::Single(head) => head.classes(),
            Self::Multi(head) => head.classes(),
        }
    }

    /// Numbers of an embedding.
    pub fn dimensions(&self) -> usize {
        match self {
            Self::Single(head) => head.dimensions(),
            Self::Multi(head) => head.dimensions(),
        }
    }

    /// Probability of each class, of shape `[rows, classes]`, row-major, and whether each row is unlike anything that the head was
    /// fitted to, which a head for several classes does not know.
    ///
    /// # Errors
    /// As [`Head::log_probabilities`].
    pub fn predict(&self, features: &[f32]) -> Result<(Vec<f32>, Vec<bool>), HeadError> {
        match self {
            Self::Single(head) => {
                let (scores, novelty) = head.predict(features)?;
                let threshold = head.novelty_threshold();
                let is_novel = novelty.into_iter().map(|novelty| novelty > threshold).collect();
                Ok((scores.into_iter().map(f32::exp).collect(), is_novel))
            }
            Self::Multi(head) => {
                let probabilities = head.probabilities(features)?;
                let rows = probabilities.len() / head.classes().max(1);
                Ok((probabilities, vec![false; rows]))
            }
        }
    }

    /// Writes a safetensors file, as [`Head::save`].
    ///
    /// # Errors
    /// [`HeadError::Io`].
    pub fn save(&self, path: &Path) -> Result<String, HeadError> {
        match self {
            Self::Single(head) => head.save(path),
            Self::Multi(head) => head.save(path),
        }
    }
}
