//! What can go wrong with embeddings.

use crate::options::{FETCH, NetworkChoice};
use std::path::PathBuf;

/// What can go wrong with embeddings.
#[derive(Debug, thiserror::Error)]
pub enum EmbedError {
    /// The file of weights is not there.
    #[error(
        "--weights {}: there is no such file; `{fetch}` fetches the weights into .wakuteka/weights (without them: \
         --network champion or --network none)",
        .0.display(), fetch = FETCH
    )]
    NoWeights(PathBuf),
    /// No model has been trained yet.
    #[error(
        "--network {}: there is no {} yet; train one with dataflows/pipeline.yml, or use --network efficientnet-lite0",
        NetworkChoice::Champion, .0.display()
    )]
    NoChampion(PathBuf),
    /// The layer before the classifier is so wide that a message of images would not hold it.
    #[error(
        "--network champion: {architecture} at {size_px} px has {dimensions} features; at most {limit} can be used \
         (train it on smaller images, or use --network efficientnet-lite0)"
    )]
    TooWide {
        /// The champion's architecture.
        architecture: String,
        /// Its images' side, pixels.
        size_px: u32,
        /// Its features.
        dimensions: usize,
        /// Most there may be.
        limit: usize,
    },
    /// Weights are broken or of another network, or the device is not there or failed.
    #[error(transparent)]
    Model(#[from] plugin_model::ModelError),
    /// An image could not be resized.
    #[error(transparent)]
    Resize(#[from] plugin_resize::ResizeError),
    /// A network's answer is not a number: its weights are useless.
    #[error("the network's answer to an image is not a number: its weights are broken")]
    NotFinite,
    /// A file could not be read or written. The text names it.
    #[error("{0}")]
    File(#[from] std::io::Error),
}
