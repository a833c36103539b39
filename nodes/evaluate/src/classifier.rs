//! A model that is evaluated, whatever computes it.

use plugin_api::Workspace;
use plugin_api::runs::ModelCard;
use plugin_decode::{DecodedImage, Limits};
use plugin_embed::{EmbedError, known};
use plugin_inference::{Backbones, Image, LoadError, Model, PredictError};
use plugin_model::device::Opened;
use plugin_model::{ModelError, Precision};
use rayon::prelude::*;
use std::path::Path;

/// Images of one size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageBatch {
    /// Side of the square images, pixels.
    pub size_px: u32,
    /// Number of images.
    pub count: usize,
    /// `[count, size_px, size_px, 3]`, 8 bit, sRGB, channels last.
    pub pixels: Vec<u8>,
    /// The files they come from, one an image; empty where that is not known.
    pub sources: Vec<Source>,
}

/// The file of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Relative to the workspace.
    pub path: String,
    /// BLAKE3 of the file, hexadecimal.
    pub digest: String,
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

    /// Whether it looks at the files that images come from, as heads do; otherwise at their pixels, in the card's size.
    fn reads_files(&self) -> bool {
        false
    }

    /// Probabilities of each image, one for each class of the card. `batch` has the card's size, unless it
    /// [reads files](Self::reads_files).
    ///
    /// # Errors
    /// [`ClassifierError::Device`] when the device fails.
    fn probabilities(&mut self, batch: &ImageBatch) -> Result<Vec<Vec<f32>>, ClassifierError>;
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
pub struct OnDevice {
    workspace: Workspace,
    device: Opened,
    precision: Precision,
    limits: Limits,
    backbones: Backbones,
}

impl OnDevice {
    /// For models over a workspace. `limits`: what is not opened to be embedded.
    pub fn new(workspace: Workspace, device: Opened, precision: Precision, limits: Limits) -> Self {
        Self { workspace, device, precision, limits, backbones: Backbones::default() }
    }
}

/// A model with the workspace whose files it may look at.
struct InUse {
    model: Model,
    workspace: Workspace,
    limits: Limits,
}

impl Loader for OnDevice {
    fn load(&self, weights: &Path, card: ModelCard) -> Result<Box<dyn Classifier>, ClassifierError> {
        let model = Model::load(&self.workspace, weights, card, &self.backbones, &self.device, self.precision);
        let model = model.map_err(|error| match error {
            LoadError::Unusable(why) => ClassifierError::Unusable(why),
            LoadError::Device(why) => ClassifierError::Device(why),
        })?;
        Ok(Box::new(InUse { model, workspace: self.workspace.clone(), limits: self.limits.clone() }))
    }
}

impl Classifier for InUse {
    fn card(&self) -> &ModelCard {
        self.model.card()
    }

    fn reads_files(&self) -> bool {
        self.model.is_head()
    }

    fn probabilities(&mut self, batch: &ImageBatch) -> Result<Vec<Vec<f32>>, ClassifierError> {
        if batch.count == 0 {
            return Ok(Vec::new());
        }
        let bytes = batch.pixels.len() / batch.count;
        let squares: Vec<&[u8]> = batch.pixels.chunks_exact(bytes).collect();
        if !self.reads_files() {
            let images: Vec<Image> = squares.iter().map(|square| Image { digest: "", square }).collect();
            let found = self.model.predict(&images).map_err(translate)?;
            return Ok(found.into_iter().map(|output| output.probabilities).collect());
        }
        let recall = |source: &Source| Some(self.model.recall(&source.digest)?.probabilities);
        let mut rows: Vec<Option<Vec<f32>>> = batch.sources.iter().map(recall).collect();
        rows.resize(batch.count, None);
        let missing: Vec<usize> = (0..rows.len()).filter(|i| rows[*i].is_none()).collect();
        let opened: Vec<(String, Vec<u8>)> = missing
            .par_iter()
            .map(|&i| self.open(batch.sources.get(i), batch.size_px, squares[i]))
            .collect::<Result<_, String>>()
            .map_err(ClassifierError::Unusable)?;
        let images: Vec<Image> = opened.iter().map(|(digest, square)| Image { digest, square }).collect();
        let found = self.model.predict(&images).map_err(translate)?;
        for (place, output) in missing.into_iter().zip(found) {
            rows[place] = Some(output.probabilities);
        }
        Ok(rows.into_iter().map(Option::unwrap_or_default).collect())
    }
}

impl InUse {
    /// An image as the model sees it, with the digest to keep its embedding by. Of a file that has changed or gone since, what was
    /// held out is enlarged; its embedding is not kept under the file's name.
    fn open(&self, source: Option<&Source>, size_px: u32, pixels: &[u8]) -> Result<(String, Vec<u8>), String> {
        if let Some(source) = source
            && let Some(image) = known(&self.workspace.root().join(&source.path), &source.digest, &self.limits)
        {
            return Ok((source.digest.clone(), self.model.square(&image)?));
        }
        let path = source.map(|source| source.path.as_str());
        tracing::warn!(path, size_px, "the file has changed or gone: its held-out pixels stand for it");
        let held_out = DecodedImage { width: size_px, height: size_px, pixels: pixels.to_vec() };
        Ok((blake3::hash(pixels).to_hex().to_string(), self.model.square(&held_out)?))
    }
}

fn translate(error: PredictError) -> ClassifierError {
    match error {
        PredictError::Model(error @ (ModelError::Execution(_) | ModelError::Device { .. }))
        | PredictError::Embed(EmbedError::Model(error @ (ModelError::Execution(_) | ModelError::Device { .. }))) => {
            ClassifierError::Device(error.to_string())
        }
        other => ClassifierError::Unusable(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::fixture;
    use plugin_model::{DeviceChoice, Shape, network, weights};

    #[test]
    fn weights_answer_with_probabilities_or_are_unusable() {
        let device = DeviceChoice::Flex.open().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let shape = Shape { classes: 3, size_px: 32 };
        let network = network::find("small-cnn").unwrap().network(shape, 1, &device.device).unwrap();
        let digest = weights::save(&network, &path).unwrap();
        let card = ModelCard { digest, ..fixture::card("one", &["a", "b", "c"]) };
        let workspace = Workspace::create(&folder.path().join("workspace")).unwrap();
        let loader = OnDevice::new(workspace, device, Precision::Fp32, Limits::default());
        let mut model = loader.load(&path, card.clone()).unwrap();
        let pixels: Vec<u8> = (0..2 * 32 * 32 * 3).map(|i| (i * 7 % 251) as u8).collect();
        let rows = model.probabilities(&ImageBatch { size_px: 32, count: 2, pixels, sources: Vec::new() }).unwrap();
        assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3]);
        assert!(rows.iter().all(|r| (r.iter().sum::<f32>() - 1.0).abs() < 1e-5), "{rows:?}");
        assert_eq!(model.probabilities(&ImageBatch::default()).unwrap(), Vec::<Vec<f32>>::new());

        let unusable =
            |card: ModelCard, path: &Path| matches!(loader.load(path, card).err(), Some(ClassifierError::Unusable(_)));
        assert!(unusable(ModelCard { digest: "0".repeat(64), ..card.clone() }, &path), "another digest");
        assert!(unusable(ModelCard { architecture: "unheard-of".to_owned(), ..card.clone() }, &path));
        assert!(unusable(card, &folder.path().join("nowhere")));
    }
}
