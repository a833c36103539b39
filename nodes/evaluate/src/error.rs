//! What can end the node early.

use plugin_harness::HarnessError;
use plugin_model::ModelError;

/// What can end the node early. It is started again and evaluates the run anew.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// dora, or a message that is not of its edge.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// The device that `--device` names is not there.
    #[error(transparent)]
    Device(#[from] ModelError),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] std::io::Error),
    /// The device failed at work.
    #[error("model {model}: {problem}")]
    Prediction {
        /// The run it comes from.
        model: String,
        /// What went wrong.
        problem: String,
    },
    /// A held-out batch does not keep to its contract.
    #[error("batch {seq} of run {run}: {problem}")]
    Batch {
        /// The run it was asked for.
        run: String,
        /// Index of the batch.
        seq: u64,
        /// What is wrong with it.
        problem: String,
    },
}
