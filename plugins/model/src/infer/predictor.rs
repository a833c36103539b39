//! Weights in use: images in, probabilities out.

use crate::device::Opened;
use crate::device::precision::Precision;
use crate::error::ModelError;
use crate::input::batch::Batch;
use crate::network::interpreter::{Heat, Ready};
use crate::network::probabilities::probabilities;
use crate::network::{Architecture, Shape};
use crate::weights;
use burn::tensor::Device;
use plugin_api::runs::ModelCard;
use std::path::Path;

/// A network with the weights a card describes.
pub struct Predictor {
    card: ModelCard,
    ready: Ready,
    device: Device,
}

impl Predictor {
    /// Reads weights; the digest of the file must be that of the card.
    ///
    /// # Errors
    /// [`ModelError`] when the architecture is not known, the file is not there, broken, or of another network, or the
    /// device cannot do the precision.
    pub fn load(weights: &Path, card: ModelCard, device: &Opened, precision: Precision) -> Result<Self, ModelError> {
        precision.check(device)?;
        precision.set_up(device);
        let shape = Shape { classes: card.classes.len(), size_px: card.size_px };
        let network = Architecture::of_card(&card)?.network(shape, 0, &device.device)?;
        let network = weights::load(network, weights, Some(&card.digest))?;
        Ok(Self { card, ready: Ready::new(network, precision), device: device.device.clone() })
    }

    /// What the weights are.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// Probabilities of each image, by class index; with several labels each is of its own, and they sum to anything.
    ///
    /// # Errors
    /// [`ModelError`] when the batch is empty or the device fails.
    pub fn predict(&self, batch: &Batch) -> Result<Vec<Vec<f32>>, ModelError> {
        probabilities(self.ready.logits_of(batch, &self.device)?, self.card.labels)
    }

    /// How much each part of the first image of a batch speaks for a class, by Grad-CAM.
    ///
    /// # Errors
    /// [`ModelError`] when the batch is empty, there is no such class, the network has no map of features, or the device
    /// fails.
    pub fn heat(&self, batch: &Batch, class: usize) -> Result<Heat, ModelError> {
        if class >= self.card.classes.len() {
            let problem = format!("there are {} classes, none has the number {class}", self.card.classes.len());
            return Err(ModelError::Execution(problem));
        }
        let network = self.ready.network();
        network.heat(network.input(batch, &self.device)?.narrow(0, 0, 1), class)
    }
}
