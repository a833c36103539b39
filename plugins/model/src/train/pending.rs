//! What comes of a batch, once the device has done with it.

use crate::error::ModelError;
use crate::input::batch::Batch;
use crate::train::loss::is_correct;
use burn::tensor::Tensor;
use plugin_api::Labels;

/// What a step or a look at a batch gave.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepResult {
    /// Mean loss, by weight.
    pub loss: f64,
    /// Sum of the images' weights.
    pub weight: f64,
    /// Images whose likeliest class was correct; with several labels, those whose classes were all predicted and no other.
    pub correct: usize,
    /// Sum of their weights.
    pub correct_weight: f64,
    /// Images.
    pub images: usize,
}

/// What a step or a look at a batch will have given: a GPU may still be at it.
#[must_use]
pub struct PendingStep {
    logits: Tensor<2>,
    loss: Tensor<1>,
    labels: Labels,
    targets: Vec<Vec<u32>>,
    weights: Vec<f32>,
}

impl PendingStep {
    /// `[images, classes]`, and one number.
    pub(crate) fn new(batch: &Batch, labels: Labels, logits: Tensor<2>, loss: Tensor<1>) -> Self {
        Self { logits, loss, labels, targets: batch.targets.clone(), weights: batch.weights.clone() }
    }

    /// Waits for it.
    ///
    /// # Errors
    /// [`ModelError::Execution`] when the device fails.
    pub fn result(self) -> Result<StepResult, ModelError> {
        let Self { logits, loss, labels, targets, weights } = self;
        let read = |values: Result<Vec<f32>, _>| {
            values.map_err(|e: burn::tensor::TensorReadError| ModelError::Execution(e.to_string()))
        };
        let classes = logits.dims()[1];
        let scores = read(logits.try_into_vec_as::<f32>())?;
        let loss = read(loss.try_into_vec_as::<f32>())?;
        let mut result = StepResult { loss: f64::from(loss[0]), images: targets.len(), ..StepResult::default() };
        for (row, (weight, targets)) in scores.chunks_exact(classes).zip(weights.iter().zip(&targets)) {
            let is_correct = is_correct(row, targets, labels);
            result.weight += if targets.is_empty() { 0.0 } else { f64::from(*weight) };
            result.correct += usize::from(is_correct);
            result.correct_weight += if is_correct { f64::from(*weight) } else { 0.0 };
        }
        Ok(result)
    }
}
