//! Predictions of a model directory: the one way from an image to class probabilities.
//!
//! A model is a whole network, or a head on the embeddings of a frozen [`Backbone`](plugin_api::runs::Backbone). [`Model`] loads
//! either, prepares images as it was trained on them, and predicts. [`calibrated`] applies the temperature of its card. Embeddings
//! are kept in the workspace's [`Cache`](plugin_embed::Cache) by the digest of the image's file, so an image that was embedded
//! by any node is not computed again.

pub mod backbone;
mod model;

pub use backbone::{BackboneOptions, Backbones};
pub use model::{Image, LoadError, Model, Output, PredictError, calibrated};
