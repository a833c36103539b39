//! What can end the node.

use plugin_harness::HarnessError;
use std::io;
use std::path::PathBuf;

/// The node cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum GatherError {
    /// dora, or a message of the wrong type.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// What it has written down.
    #[error("dataset/curation.sqlite: {0}")]
    Store(#[from] rusqlite::Error),
    /// It was written by a later version.
    #[error("dataset/curation.sqlite: its format is {found}, this program knows {known}")]
    Format {
        /// The file's.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// A file or folder.
    #[error(transparent)]
    File(#[from] io::Error),
    /// Hard links need one file system.
    #[error(
        "{} and {} lie on different file systems: candidates are hard links into the pool, which cannot cross them; \
         put both on one", pool.display(), candidates.display()
    )]
    Devices {
        /// Folder of unlabelled images.
        pool: PathBuf,
        /// The folder of candidates.
        candidates: PathBuf,
    },
    /// Options that do not go together.
    #[error("{0}")]
    Option(String),
    /// `embed` and `gather` disagree.
    #[error(
        "--metric embedding: {path} came without an embedding; give embed --network efficientnet-lite0 (its weights: \
         `cargo wakuteka weights efficientnet-lite0`), or gather --metric phash"
    )]
    NoEmbedding {
        /// The image.
        path: String,
    },
    /// Embeddings of two networks cannot be compared; everything is asked for again after the restart.
    #[error("embed has another network now ({now}); what the one before ({before}) said is dropped, starting again")]
    OtherNetwork {
        /// The network whose embeddings were kept.
        before: String,
        /// The one whose came.
        now: String,
    },
}
