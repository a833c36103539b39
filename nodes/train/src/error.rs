//! What ends the node.

use std::io;

/// What ends the node. dora starts it again; the run goes on from its last epoch.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// Options that do not go together.
    #[error("{0}")]
    Options(String),
    /// The graph.
    #[error(transparent)]
    Harness(#[from] plugin_harness::HarnessError),
    /// The network, its weights or its device.
    #[error(transparent)]
    Model(#[from] plugin_model::ModelError),
    /// The backbone of a head.
    #[error(transparent)]
    Backbone(#[from] plugin_embed::EmbedError),
    /// An image that is no square of its size.
    #[error(transparent)]
    Shape(#[from] plugin_augment::ShapeError),
    /// Files of the run.
    #[error(transparent)]
    File(#[from] io::Error),
}
