//! From what a network answers to probabilities.

use crate::error::ModelError;
use burn::tensor::Tensor;
use burn::tensor::activation::{sigmoid, softmax};
use plugin_api::Labels;

/// Probabilities from logits `[images, classes]`, a list for each image.
pub(crate) fn probabilities(logits: Tensor<2>, labels: Labels) -> Result<Vec<Vec<f32>>, ModelError> {
    let scores = match labels {
        Labels::Single => softmax(logits, 1),
        Labels::Multi => sigmoid(logits),
    };
    let classes = scores.dims()[1];
    let values = scores.try_into_vec_as::<f32>().map_err(|e| ModelError::Execution(e.to_string()))?;
    Ok(values.chunks_exact(classes).map(<[f32]>::to_vec).collect())
}
