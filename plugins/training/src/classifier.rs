//! What the last layer of a network begins with.

use plugin_heads::{FirstClassifier, HeadError, LinearClassifier, SHRINKAGE, Samples};
use plugin_model::{ModelError, Trainer};

/// Images that the first classifier is fitted to, at most.
pub const MAX_IMAGES: usize = 20_000;

/// Why the last layer could not be fitted.
#[derive(Debug, thiserror::Error)]
pub enum ClassifierError {
    /// The images do not determine it; the layer stays as it was drawn.
    #[error(transparent)]
    Head(#[from] HeadError),
    /// The network refused it, or its device failed.
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Whether the last layer is to be fitted: it was drawn at random, and nobody asked for it to stay so.
pub fn is_fitted(option: FirstClassifier, trainer: &Trainer) -> bool {
    option != FirstClassifier::Random && trainer.has_drawn_classifier()
}

/// Sets the last layer to a ridge regression on the features of the training images (`Trainer::features`, one row an image).
///
/// `labels`: class indices below `classes`; `groups`: near-copies share a number, and are left out together where shrinkage is chosen.
///
/// # Errors
/// [`ClassifierError`].
pub fn fit(
    trainer: &mut Trainer,
    features: &[f32],
    labels: &[u32],
    groups: &[u32],
    classes: usize,
) -> Result<(), ClassifierError> {
    let samples = Samples { features, dimensions: trainer.dimensions(), labels, classes, groups };
    let layer = LinearClassifier::fit(&samples, SHRINKAGE)?;
    Ok(trainer.set_classifier(&layer.weights, &layer.biases)?)
}
