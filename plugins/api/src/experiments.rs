//! What experiments leave for other programs: `experiments/<name>.json` of the workspace, beside the page and the table.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Input sizes of one network, each trained for about the same time on the same images: `experiments/sizes.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// What the network is called.
    pub network: String,
    /// Seconds each size had.
    pub budget_seconds: u64,
    /// Training images.
    #[serde(rename = "learnt")]
    pub training_images: u64,
    /// Images it was evaluated on.
    #[serde(rename = "judged")]
    pub test_images: u64,
    /// Networks that were trained for each size.
    pub seeds: u64,
    /// The sizes, in the order they were asked for.
    pub points: Vec<SizePoint>,
}

/// A size and what came of it; means over the seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SizePoint {
    /// Side of the square, pixels.
    pub size_px: u32,
    /// Multiply-adds for one image.
    pub multiply_adds: u64,
    /// Epochs that fit into the budget.
    pub epochs: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// Training images a second.
    #[serde(rename = "pictures_per_second")]
    pub images_per_second: f64,
    /// Share of the test images that was classified correctly, 0 to 1.
    pub accuracy: f64,
    /// Standard deviation of that over the seeds; none with one.
    pub deviation: Option<f64>,
    /// Mean recall, 0 to 1.
    pub balanced_accuracy: f64,
}

impl Sizes {
    /// Where it lies in a folder of experiments.
    pub fn file(folder: &Path) -> PathBuf {
        folder.join("sizes.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_a_field_that_nobody_knows_is_refused() {
        let sizes = r#"{"network": "lenet", "budget_seconds": 9, "learnt": 3, "judged": 2, "seeds": 1, "points": []}"#;
        assert!(serde_json::from_str::<Sizes>(sizes).is_ok());
        assert!(serde_json::from_str::<Sizes>(&sizes.replace("learnt", "trained")).is_err());
    }
}
