//! What can be wrong with a description.

use std::path::PathBuf;

/// What can be wrong with a description.
#[derive(Debug, thiserror::Error)]
pub enum BlocksError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no description of a network.
    #[error("{file}: {problem}")]
    Form {
        /// The file, or the network's name.
        file: String,
        /// What is wrong, and where.
        problem: String,
    },
    /// A block does not go where it stands.
    #[error("{file}: {block}: {problem} (its input is {input})")]
    Block {
        /// The file, or the network's name.
        file: String,
        /// Where the block is: `block 3 (residual) > block 1 (convolution)`.
        block: String,
        /// The shape that comes in.
        input: String,
        /// What is wrong, and what would fit.
        problem: String,
    },
}
