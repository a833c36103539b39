//! Weights in use: pictures in, probabilities out.

use crate::device::Opened;
use crate::interpreter::{Heat, Network};
use crate::network::{Architecture, Shape};
use crate::{Batch, ModelError, weights};
use burn::tensor::Device;
use burn::tensor::activation::{sigmoid, softmax};
use plugin_api::Labels;
use plugin_api::runs::ModelCard;
use std::path::Path;

/// A network with the weights a card describes.
pub struct Predictor {
    card: ModelCard,
    network: Network,
    device: Device,
}

impl Predictor {
    /// Reads weights; the digest of the file must be that of the card.
    ///
    /// # Errors
    /// [`ModelError`] when the architecture is not known, or the file is not there, broken, or of another network.
    pub fn load(weights: &Path, card: ModelCard, device: &Opened) -> Result<Self, ModelError> {
        let shape = Shape { classes: card.classes.len(), size_px: card.size_px };
        let network = Architecture::of_card(&card)?.network(shape, 0, &device.device)?;
        let network = weights::load(network, weights, Some(&card.digest))?;
        Ok(Self { card, network, device: device.device.clone() })
    }

    /// What the weights are.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// Probabilities of each picture, by class index; with several labels each is of its own, and they sum to anything.
    ///
    /// # Errors
    /// [`ModelError`] when the batch is empty or the device fails.
    pub fn predict(&self, batch: &Batch) -> Result<Vec<Vec<f32>>, ModelError> {
        probabilities(&self.network, batch, self.card.labels, &self.device)
    }

    /// How much each part of the first picture of a batch speaks for a class, by Grad-CAM.
    ///
    /// # Errors
    /// [`ModelError`] when the batch is empty, there is no such class, the network has no map of features, or the device
    /// fails.
    pub fn heat(&self, batch: &Batch, class: usize) -> Result<Heat, ModelError> {
        if class >= self.card.classes.len() {
            let problem = format!("there are {} classes, none has the number {class}", self.card.classes.len());
            return Err(ModelError::Execution(problem));
        }
        let input = self.network.input(batch, &self.device)?;
        self.network.heat(input.narrow(0, 0, 1), class)
    }
}

/// Probabilities by a network on a device without autodiff.
pub(crate) fn probabilities(
    network: &Network,
    batch: &Batch,
    labels: Labels,
    device: &Device,
) -> Result<Vec<Vec<f32>>, ModelError> {
    let logits = network.forward(network.input(batch, device)?);
    let scores = match labels {
        Labels::Single => softmax(logits, 1),
        Labels::Multi => sigmoid(logits),
    };
    let classes = scores.dims()[1];
    let values = scores.try_into_vec_as::<f32>().map_err(|e| ModelError::Execution(e.to_string()))?;
    Ok(values.chunks_exact(classes).map(<[f32]>::to_vec).collect())
}
