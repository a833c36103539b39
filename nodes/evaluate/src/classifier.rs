//! A model that is judged, whatever computes it.

use plugin_api::runs::ModelCard;
use plugin_model::device::Opened;
use plugin_model::{Batch, ModelError, Precision, Predictor};
use std::path::Path;

/// Pictures of one size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pictures {
    /// Side of the square pictures, pixels.
    pub size_px: u32,
    /// How many.
    pub count: usize,
    /// `[count, size_px, size_px, 3]`, 8 bit, sRGB, channels last.
    pub pixels: Vec<u8>,
}

/// A model cannot be used, or not now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassifierError {
    /// The weights are missing, broken, or of a network this program does not know: it will not do later either.
    #[error("{0}")]
    Unusable(String),
    /// The device failed: it may do after a restart.
    #[error("{0}")]
    Device(String),
}

/// A model in use.
pub trait Classifier {
    /// What it is: input size and class names.
    fn card(&self) -> &ModelCard;

    /// Probabilities of each picture, one for each class of the card. `pictures` have the card's size.
    ///
    /// # Errors
    /// [`ClassifierError::Device`] when the device fails.
    fn probabilities(&mut self, pictures: &Pictures) -> Result<Vec<Vec<f32>>, ClassifierError>;
}

/// Reads models.
pub trait Loader {
    /// Reads the weights that `card` describes.
    ///
    /// # Errors
    /// Any [`ClassifierError`].
    fn load(&self, weights: &Path, card: ModelCard) -> Result<Box<dyn Classifier>, ClassifierError>;
}

/// Reads models for a device of burn.
pub struct OnDevice(pub Opened, pub Precision);

impl Loader for OnDevice {
    fn load(&self, weights: &Path, card: ModelCard) -> Result<Box<dyn Classifier>, ClassifierError> {
        let predictor = Predictor::load(weights, card, &self.0, self.1).map_err(translate)?;
        Ok(Box::new(predictor))
    }
}

impl Classifier for Predictor {
    fn card(&self) -> &ModelCard {
        self.card()
    }

    fn probabilities(&mut self, pictures: &Pictures) -> Result<Vec<Vec<f32>>, ClassifierError> {
        if pictures.count == 0 {
            return Ok(Vec::new());
        }
        let batch = Batch {
            size_px: pictures.size_px,
            pixels: pictures.pixels.clone(),
            targets: vec![Vec::new(); pictures.count],
            weights: vec![1.0; pictures.count],
        };
        self.predict(&batch).map_err(translate)
    }
}

fn translate(error: ModelError) -> ClassifierError {
    match error {
        ModelError::Execution(_) | ModelError::Device { .. } => ClassifierError::Device(error.to_string()),
        other => ClassifierError::Unusable(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_model::{DeviceChoice, Shape, network, weights};

    #[test]
    fn weights_on_disk_answer_with_probabilities_and_others_are_unusable() {
        let device = DeviceChoice::Flex.open().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let shape = Shape { classes: 3, size_px: 32 };
        let network = network::find("small-cnn").unwrap().network(shape, 1, &device.device).unwrap();
        let digest = weights::save(&network, &path).unwrap();
        let card = ModelCard {
            architecture: "small-cnn".to_owned(),
            definition: None,
            size_px: 32,
            resize_mode: "stretch".to_owned(),
            classes: ["a", "b", "c"].map(str::to_owned).to_vec(),
            labels: plugin_api::Labels::Single,
            run: "one".to_owned(),
            digest,
            temperature: None,
            backbone: None,
        };
        let loader = OnDevice(device, Precision::Fp32);
        let mut model = loader.load(&path, card.clone()).unwrap();
        let pixels: Vec<u8> = (0..2 * 32 * 32 * 3).map(|i| (i * 7 % 251) as u8).collect();
        let rows = model.probabilities(&Pictures { size_px: 32, count: 2, pixels }).unwrap();
        assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3]);
        assert!(rows.iter().all(|r| (r.iter().sum::<f32>() - 1.0).abs() < 1e-5), "{rows:?}");
        assert_eq!(model.probabilities(&Pictures::default()).unwrap(), Vec::<Vec<f32>>::new());

        let unusable =
            |card: ModelCard, path: &Path| matches!(loader.load(path, card).err(), Some(ClassifierError::Unusable(_)));
        assert!(unusable(ModelCard { digest: "0".repeat(64), ..card.clone() }, &path), "another digest");
        assert!(unusable(ModelCard { architecture: "unheard-of".to_owned(), ..card.clone() }, &path));
        assert!(unusable(card, &folder.path().join("nowhere")));
    }
}
