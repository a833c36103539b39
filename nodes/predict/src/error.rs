//! What can end the node.

use plugin_harness::HarnessError;
use plugin_inference::PredictError as InferenceError;
use plugin_model::ModelError;
use std::io;

/// The node cannot go on. It is started again, and what was not acknowledged is sent again.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// dora, or a message of the wrong type.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// What it has written down.
    #[error("dataset/inbox.sqlite: {0}")]
    Store(#[from] rusqlite::Error),
    /// It was written by a later version.
    #[error("dataset/inbox.sqlite: its format is {found}, this program knows {known}")]
    Format {
        /// The file's.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The device is not there.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The device failed at work.
    #[error(transparent)]
    Inference(#[from] InferenceError),
    /// A file or folder.
    #[error(transparent)]
    File(#[from] io::Error),
}
