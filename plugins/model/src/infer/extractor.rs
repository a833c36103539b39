//! Weights in use: images in, features out, what the classifier sees of an image.

use crate::device::Opened;
use crate::device::precision::Precision;
use crate::error::ModelError;
use crate::input::batch::Batch;
use crate::network::interpreter::{Cells, Ready};
use crate::network::{Architecture, Shape, find};
use crate::weights::{self, Loaded};
use burn::tensor::Device;
use plugin_api::runs::ModelCard;
use std::path::Path;

/// A network without its classifier.
pub struct Extractor {
    ready: Ready,
    size_px: u32,
    device: Device,
}

impl Extractor {
    /// The network a card describes; the digest of the file must be that of the card.
    ///
    /// # Errors
    /// [`ModelError`] when the architecture is not known, the file is not there, broken, or of another network, or the
    /// device cannot do the precision.
    pub fn of_card(
        weights: &Path,
        card: &ModelCard,
        device: &Opened,
        precision: Precision,
    ) -> Result<Self, ModelError> {
        let architecture = Architecture::of_card(card)?;
        Ok(Self::load(&architecture, card.size_px, weights, Some(&card.digest), device, precision)?.0)
    }

    /// Pretrained weights of an architecture, for images of `size_px`. Says what of the file was read.
    ///
    /// # Errors
    /// [`ModelError`] when the architecture is not known or not for this size, the file is not there, broken, or of another
    /// network, or the device cannot do the precision.
    pub fn pretrained(
        architecture: &str,
        size_px: u32,
        weights: &Path,
        device: &Opened,
        precision: Precision,
    ) -> Result<(Self, Loaded), ModelError> {
        Self::load(&find(architecture)?, size_px, weights, None, device, precision)
    }

    fn load(
        architecture: &Architecture,
        size_px: u32,
        weights: &Path,
        digest: Option<&str>,
        device: &Opened,
        precision: Precision,
    ) -> Result<(Self, Loaded), ModelError> {
        precision.check(device)?;
        precision.set_up(device);
        // The classifier is never asked, so it may be small.
        let network = architecture.network(Shape { classes: 1, size_px }, 0, &device.device)?;
        let (network, loaded) = weights::load_features(network, weights, digest)?;
        Ok((Self { ready: Ready::new(network, precision), size_px, device: device.device.clone() }, loaded))
    }

    /// Side of the square images it takes, pixels.
    pub fn size_px(&self) -> u32 {
        self.size_px
    }

    /// Features of an image.
    pub fn dimensions(&self) -> usize {
        self.ready.network().classifier().weight.dims()[1]
    }

    /// Features of each place of one image of `size_px` × `size_px` × 3 bytes.
    ///
    /// # Errors
    /// [`ModelError`] when the bytes are not those of an image, the network's features are no mean over a map, or the device fails.
    pub fn cells(&self, pixels: Vec<u8>) -> Result<Cells, ModelError> {
        let expected = self.size_px as usize * self.size_px as usize * 3;
        if pixels.len() != expected {
            return Err(ModelError::Execution(format!("{} bytes are no image of {expected}", pixels.len())));
        }
        let batch = Batch { size_px: self.size_px, pixels, targets: vec![Vec::new()], weights: vec![1.0] };
        let network = self.ready.network();
        network.cells(network.input(&batch, &self.device)?)
    }

    /// Features of images of `size_px` × `size_px` × 3 bytes, one after the other: `dimensions` numbers an image.
    ///
    /// # Errors
    /// [`ModelError`] when there is no image, the bytes are not those of whole images, or the device fails.
    pub fn features(&self, pixels: Vec<u8>) -> Result<Vec<Vec<f32>>, ModelError> {
        let one = self.size_px as usize * self.size_px as usize * 3;
        let images = pixels.len() / one;
        if images * one != pixels.len() {
            let problem = format!("{} bytes are not images of {one} bytes each", pixels.len());
            return Err(ModelError::Execution(problem));
        }
        let batch =
            Batch { size_px: self.size_px, pixels, targets: vec![Vec::new(); images], weights: vec![1.0; images] };
        let features = self.ready.features_of(&batch, &self.device)?;
        let values = features.try_into_vec_as::<f32>().map_err(|e| ModelError::Execution(e.to_string()))?;
        Ok(values.chunks_exact(self.dimensions()).map(<[f32]>::to_vec).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceChoice;
    use crate::infer::predictor::Predictor;
    use crate::network::names;

    fn pixels_of_first(extractor: &Extractor) -> Vec<u8> {
        let side = extractor.size_px();
        (0..side * side * 3).map(|i| (i * 7 % 251) as u8).collect()
    }

    /// A classifier on the features gives what the predictor gives.
    #[test]
    fn features_are_what_the_classifier_sees() {
        let device = DeviceChoice::Flex.open().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        for name in names() {
            let architecture = find(name).unwrap();
            let network = architecture.network(Shape { classes: 3, size_px: 32 }, 1, &device.device).unwrap();
            let digest = weights::save(&network, &path).unwrap();
            let architecture = name.to_owned();
            let card = ModelCard { architecture, digest, ..plugin_api::fixture::card("one", &["a", "b", "c"]) };
            let extractor = Extractor::of_card(&path, &card, &device, Precision::Fp32).unwrap();
            let pixels: Vec<u8> = (0..2 * 32 * 32 * 3).map(|i| (i * 7 % 251) as u8).collect();
            let features = extractor.features(pixels.clone()).unwrap();
            assert_eq!((features.len(), features[1].len()), (2, extractor.dimensions()), "{name}");

            let head = network.classifier();
            let bias = head.bias.as_ref().unwrap().val().into_data();
            let rows = head.weight.val().into_data();
            let (rows, bias) = (rows.try_to_vec::<f32>().unwrap(), bias.try_to_vec::<f32>().unwrap());
            let scores: Vec<f64> = (0..3)
                .map(|c| {
                    let row = &rows[c * extractor.dimensions()..][..extractor.dimensions()];
                    let products = row.iter().zip(&features[1]).map(|(w, x)| f64::from(w * x));
                    (products.sum::<f64>() + f64::from(bias[c])).exp()
                })
                .collect();
            let batch = Batch { size_px: 32, pixels, targets: vec![vec![]; 2], weights: vec![1.0; 2] };
            let predicted =
                &Predictor::load(&path, card, &device, Precision::Fp32).unwrap().predict(&batch).unwrap()[1];
            for (score, predicted) in scores.iter().zip(predicted) {
                assert!((score / scores.iter().sum::<f64>() - f64::from(*predicted)).abs() < 1e-4, "{scores:?}");
            }
            assert!(extractor.features(vec![0; 32]).is_err() && extractor.features(vec![]).is_err());
            // The features are the mean over the places, where the network ends so.
            let image = pixels_of_first(&extractor);
            if let Ok(Cells { height, width, features: places }) = extractor.cells(image.clone()) {
                let features = extractor.features(image).unwrap().remove(0);
                for (channel, feature) in features.iter().enumerate() {
                    let mean =
                        places.iter().skip(channel).step_by(features.len()).sum::<f32>() / (height * width) as f32;
                    assert!((mean - feature).abs() < 1e-4, "{name}: {mean} {feature}");
                }
            }
            assert!(extractor.cells(vec![0; 5]).is_err());
        }
    }
}
