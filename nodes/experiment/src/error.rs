//! What can stop an experiment.

use plugin_model::ModelError;
use plugin_training::classifier::ClassifierError;
use plugin_training::pass::PassError;

/// What can stop an experiment.
#[derive(Debug, thiserror::Error)]
pub enum ExperimentError {
    /// Options that do not go together.
    #[error("{0}")]
    Options(String),
    /// Images there must be, and are not.
    #[error("{folder}: {problem}")]
    Photos {
        /// Where they were sought.
        folder: String,
        /// What is wrong.
        problem: String,
    },
    /// The network, its weights or the device.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The embeddings of a head.
    #[error(transparent)]
    Embed(#[from] plugin_embed::EmbedError),
    /// A head that cannot be fitted.
    #[error(transparent)]
    Head(#[from] plugin_heads::HeadError),
    /// The file system; the path is in the text.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl From<PassError> for ExperimentError {
    fn from(error: PassError) -> Self {
        match error {
            PassError::Model(error) => Self::Model(error),
            diverged @ PassError::Diverged { .. } => Self::Options(diverged.to_string()),
        }
    }
}

impl From<ClassifierError> for ExperimentError {
    fn from(error: ClassifierError) -> Self {
        match error {
            ClassifierError::Model(error) => Self::Model(error),
            ClassifierError::Head(error) => Self::Head(error),
        }
    }
}
