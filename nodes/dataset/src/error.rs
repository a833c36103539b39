//! What can end the node.

use plugin_harness::HarnessError;
use std::path::PathBuf;

/// The node cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// dora, or a message of the wrong type.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// `dataset/catalog.sqlite` is damaged, cannot be written, or is of a later version.
    #[error("catalog: {0}")]
    Catalog(#[from] plugin_catalog::CatalogError),
    /// A file of the data set.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        source: std::io::Error,
    },
    /// A shard that is not what was written.
    #[error("{}: not a shard of this data set: {source}", path.display())]
    Shard {
        /// The file.
        path: PathBuf,
        /// What Arrow says.
        source: arrow::error::ArrowError,
    },
    /// `resize` and `dataset` disagree.
    #[error("--size {expected}: images of {width}x{height} pixels came; give resize and dataset the same --size")]
    Size {
        /// Ours.
        expected: u32,
        /// What came.
        width: u32,
        /// What came.
        height: u32,
    },
    /// The catalog names pixels that are not there.
    #[error("image {digest} of profile {profile} has no pixels")]
    NoPixels {
        /// The image.
        digest: String,
        /// Kind of pixels.
        profile: String,
    },
}
