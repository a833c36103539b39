//! What can go wrong.

/// What can go wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnnxError {
    /// The weights are not those of the network.
    #[error("{0}")]
    Weights(String),
}
