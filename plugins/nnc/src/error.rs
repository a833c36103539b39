//! Why a project or model cannot be taken in.

/// Why a project or model cannot be taken in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NncError {
    /// The file is none of its kind, or broken.
    #[error("{0}")]
    Form(String),
    /// A block has no counterpart, or tells that the network is no image classifier.
    #[error("network {network}, block {block} ({kind}): {problem}")]
    Block {
        /// Name of the network in the project.
        network: String,
        /// What its author calls the block.
        block: String,
        /// Layer type, as the project names it.
        kind: String,
        /// What is wrong.
        problem: String,
    },
    /// The blocks do not go together.
    #[error("{0}")]
    Blocks(String),
}

impl From<plugin_blocks::BlocksError> for NncError {
    fn from(error: plugin_blocks::BlocksError) -> Self {
        Self::Blocks(error.to_string())
    }
}
