//! What the messages of an edge say in their [`Header`](crate::Header), beside their rows.

use crate::header::HeaderFields;
use crate::subset::Selection;
use serde::{Deserialize, Serialize};

/// Of [`ImageFiles`](super::ImageFiles).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagesHeader {
    /// The most rows that a message of this source has.
    pub batch_rows: u32,
}

impl HeaderFields for ImagesHeader {
    const NAME: &'static str = "images";
}

/// Of [`Embedded`](super::Embedded): embeddings of two networks cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmbeddingHeader {
    /// The fingerprint of the network.
    pub network: String,
}

impl HeaderFields for EmbeddingHeader {
    const NAME: &'static str = "embedding";
}

/// Of [`Committed`](super::Committed): what became of the message with the same session and number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acknowledgement {
    /// It lasts.
    Committed,
    /// Messages before it are missing; it was not taken in.
    Resend {
        /// Number of the first that is missing.
        expected: u64,
    },
}

impl HeaderFields for Acknowledgement {
    const NAME: &'static str = "acknowledgement";
}

/// Of a [`Demand`](super::Demand) that has passed `cache`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DemandHeader {
    /// Batches are to come without pixels: `cache` keeps them by digest.
    pub omit_pixels: bool,
}

impl HeaderFields for DemandHeader {
    const NAME: &'static str = "demand";
}

/// Of [`Batches`](super::Batches) and [`Records`](super::Records): what was asked for, as the [`Demand`](super::Demand) has it, and what
/// holds for all rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchHeader {
    /// Version of the data set.
    pub version: u64,
    /// Number of the epoch, from 0.
    pub epoch: u64,
    /// Seed of the run.
    pub seed: u64,
    /// Images of which subset, or records.
    pub split: Selection,
    /// Augmentations that are left out, comma-separated, or `all`.
    pub withheld: String,
    /// Whether decisions are wanted instead of augmented images.
    pub decisions: bool,
    /// Images whose digest sorts before it come without pixels.
    pub held_below: String,
    /// How many messages there are; 0 where there is no row, which is one empty message.
    pub batches: u64,
    /// Class names, by index. Empty for records.
    pub classes: Vec<String>,
    /// Rows, from 0, that are held out and have a near-copy among the images trained on.
    pub near_copies: Vec<u32>,
}

impl HeaderFields for BatchHeader {
    const NAME: &'static str = "batch";
}

/// Of [`ImagePixels`](super::ImagePixels), and of [`Batches`](super::Batches) that come without pixels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileHeader {
    /// What the pixels are, size and resize mode: `64-stretch`.
    pub profile: String,
}

impl HeaderFields for ProfileHeader {
    const NAME: &'static str = "profile";
}

/// Of [`Batches`](super::Batches) that come without pixels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubsetHeader {
    /// Rows of the whole subset.
    pub rows: u64,
    /// Rows of a batch; the last one may have fewer.
    pub batch_size: u64,
}

impl HeaderFields for SubsetHeader {
    const NAME: &'static str = "subset";
}

/// Of [`Batches`](super::Batches) from which all augmentations are withheld.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AugmentationHeader {
    /// The options of `augment`.
    pub options: serde_json::Value,
}

impl HeaderFields for AugmentationHeader {
    const NAME: &'static str = "augmentation";
}

/// Of [`OfferedFiles`](super::OfferedFiles) and [`Statuses`](super::Statuses).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineHeader {
    /// Name of the machine that sends.
    pub machine: String,
}

impl HeaderFields for MachineHeader {
    const NAME: &'static str = "machine";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Labels;

    #[test]
    fn each_kind_has_a_name_of_its_own() {
        let names = [
            ImagesHeader::NAME,
            EmbeddingHeader::NAME,
            Acknowledgement::NAME,
            DemandHeader::NAME,
            BatchHeader::NAME,
            ProfileHeader::NAME,
            SubsetHeader::NAME,
            AugmentationHeader::NAME,
            MachineHeader::NAME,
            Labels::NAME,
            // Of dora, and of `watch`.
            "session_id",
            "seq",
            "fin",
            "stream",
        ];
        let distinct: std::collections::BTreeSet<&str> = names.into_iter().collect();
        assert_eq!(distinct.len(), names.len());
    }
}
