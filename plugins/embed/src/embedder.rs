//! The network at work.

use crate::error::EmbedError;
use crate::options::{EmbedOptions, NetworkChoice};
use plugin_api::files::with_path;
use plugin_api::runs::{Backbone, ModelCard, read_json};
use plugin_api::{ResizeMode, Workspace};
use plugin_decode::DecodedImage;
use plugin_model::device::Opened;
use plugin_model::{Cells, Extractor, ModelError, Precision};
use plugin_resize::resize;
use rayon::prelude::*;

/// Images at a time: on LibTorch twice as fast as one at a time, and as fast as more (`plugin-model`'s example `features`,
/// 2 cores).
const BATCH: usize = 4;
/// Features an image may have: sixteen embeddings then fit a message many times over.
const MOST_DIMENSIONS: usize = 32_768;

/// Turns images into embeddings.
pub struct Embedder {
    /// None with `--network none`.
    network: Option<FeatureNetwork>,
    fingerprint: String,
}

/// A network without its last layer, and how images are resized for it.
struct FeatureNetwork {
    extractor: Extractor,
    mode: ResizeMode,
}

impl Embedder {
    /// Reads the weights.
    ///
    /// # Errors
    /// [`EmbedError`] when the weights or the champion are not there, broken, or of another network, or the device is
    /// not there.
    pub fn open(options: &EmbedOptions, workspace: &Workspace) -> Result<Self, EmbedError> {
        match options.network {
            NetworkChoice::None => Ok(Self { network: None, fingerprint: "none".to_owned() }),
            NetworkChoice::Champion => Self::champion(options, workspace, &options.device.open()?),
            NetworkChoice::EfficientNetLite0 => Self::pretrained(options, &options.device.open()?),
        }
    }

    fn pretrained(options: &EmbedOptions, device: &Opened) -> Result<Self, EmbedError> {
        let path = std::path::absolute(&options.weights).unwrap_or_else(|_| options.weights.clone());
        if !path.is_file() {
            return Err(EmbedError::NoWeights(path));
        }
        let name = options.network.to_string();
        let precision = options.precision.on(device);
        let (extractor, loaded) = Extractor::pretrained(&name, options.size_px, &path, device, precision)?;
        tracing::info!(weights = %path.display(), device = device.name, %precision, %loaded, "weights read");
        let digest = blake3::hash(&std::fs::read(&path).map_err(|e| with_path(&path, &e))?).to_hex();
        Ok(Self::new(&name, &digest, precision, FeatureNetwork { extractor, mode: options.mode }))
    }

    /// The backbone of a head, from the workspace. Its embeddings are those of [`Self::open`] with the same weights, size and
    /// mode, so both share a cache.
    ///
    /// # Errors
    /// [`EmbedError`] when the weights are not there, or others than the card says, or the device cannot do the precision.
    pub fn of_backbone(
        workspace: &Workspace,
        card: &ModelCard,
        backbone: &Backbone,
        device: &Opened,
        precision: Precision,
    ) -> Result<Self, EmbedError> {
        let path = workspace.backbone(&backbone.digest);
        let found = blake3::hash(&std::fs::read(&path).map_err(|e| with_path(&path, &e))?).to_hex();
        if *found.as_str() != *backbone.digest {
            let text = format!("its BLAKE3 is {found}: it is damaged; delete it and train again, which puts it back");
            return Err(with_path(&path, &std::io::Error::new(std::io::ErrorKind::InvalidData, text)).into());
        }
        let (extractor, _) = Extractor::pretrained(&backbone.architecture, card.size_px, &path, device, precision)?;
        Ok(Self::new(
            &backbone.architecture,
            &backbone.digest,
            precision,
            FeatureNetwork { extractor, mode: card.resize_mode },
        ))
    }

    fn champion(options: &EmbedOptions, workspace: &Workspace, device: &Opened) -> Result<Self, EmbedError> {
        // The link may be swapped at any time; what it points to now stays whole.
        let Ok(folder) = workspace.champion().canonicalize() else {
            return Err(EmbedError::NoChampion(workspace.champion()));
        };
        let card: ModelCard = read_json(&folder.join("model.json"))?;
        if let Some(backbone) = &card.backbone {
            return Self::of_backbone(workspace, &card, backbone, device, options.precision.on(device));
        }
        let weights = folder.join("model.safetensors");
        let precision = options.precision.on(device);
        let extractor = Extractor::of_card(&weights, &card, device, precision)?;
        let dimensions = extractor.dimensions();
        if dimensions > MOST_DIMENSIONS {
            let (architecture, size_px) = (card.architecture, card.size_px);
            return Err(EmbedError::TooWide { architecture, size_px, dimensions, limit: MOST_DIMENSIONS });
        }
        tracing::info!(weights = %weights.display(), device = device.name, %precision, dimensions, "weights read");
        Ok(Self::new(&card.architecture, &card.digest, precision, FeatureNetwork { extractor, mode: card.resize_mode }))
    }

    fn new(architecture: &str, digest: &str, precision: Precision, network: FeatureNetwork) -> Self {
        let (size_px, mode) = (network.extractor.size_px(), network.mode);
        let digest = &digest[..digest.len().min(16)];
        let precision = if precision == Precision::Fp32 { String::new() } else { format!("-{precision}") };
        Self { fingerprint: format!("{architecture}-{size_px}-{mode}-{digest}{precision}"), network: Some(network) }
    }

    /// Numbers of an embedding; 0 with `--network none`.
    pub fn dimensions(&self) -> usize {
        self.network.as_ref().map_or(0, |network| network.extractor.dimensions())
    }

    /// What decides the embeddings: architecture, size, resize mode, the beginning of the weights' digest, and the precision
    /// when it is not fp32. Good as the name of a file.
    ///
    /// The device is no part of it: in fp32 flex, LibTorch and PyTorch agree to 1e-4 in every feature
    /// (`tests/efficientnet_lite0.rs` of `plugin-model`), so embeddings of one may stand beside those of another.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// An image as the network looks at it, which is all that must be kept of it until it is embedded.
    ///
    /// # Errors
    /// [`EmbedError::Resize`] when it is no image.
    pub fn prepare(&self, image: DecodedImage) -> Result<DecodedImage, EmbedError> {
        let Some(network) = &self.network else { return Ok(image) };
        let size_px = network.extractor.size_px();
        Ok(DecodedImage { width: size_px, height: size_px, pixels: network.square(&image)? })
    }

    /// An embedding of each image, of unit length (of length 0 where the network sees nothing at all).
    ///
    /// # Errors
    /// [`EmbedError`] when the device fails, or the network's answer to one of them is not a number.
    pub fn embed(&self, images: &[DecodedImage]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.embed_each(images)?.into_iter().map(|embedding| embedding.ok_or(EmbedError::NotFinite)).collect()
    }

    /// Embeddings of an image without one place of it each, of the map that the network's features are the mean of.
    ///
    /// # Errors
    /// [`EmbedError`] when there is no network or no such map, or the device fails.
    pub fn occlusions(&self, image: &DecodedImage) -> Result<Occlusions, EmbedError> {
        let no_map = || ModelError::Execution("this network has no map of features to show".to_owned());
        let network = self.network.as_ref().ok_or_else(no_map)?;
        let cells = network.extractor.cells(network.square(image)?)?;
        Occlusions::of(&cells).ok_or_else(|| no_map().into())
    }

    /// As [`Self::embed`]; `None` for an image whose features are not finite, which costs no other one its embedding.
    ///
    /// # Errors
    /// [`EmbedError`] when the device fails.
    pub fn embed_each(&self, images: &[DecodedImage]) -> Result<Vec<Option<Vec<f32>>>, EmbedError> {
        let Some(network) = &self.network else { return Ok(vec![Some(Vec::new()); images.len()]) };
        let mut embeddings = Vec::with_capacity(images.len());
        for batch in images.chunks(BATCH) {
            embeddings.extend(network.extractor.features(network.squares(batch)?)?.into_iter().map(unit_length));
        }
        Ok(embeddings)
    }
}

/// Embeddings of an image without one place of it each.
#[derive(Clone, Debug, PartialEq)]
pub struct Occlusions {
    /// Rows of places.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// The embedding of the image.
    pub whole: Vec<f32>,
    /// Its embedding without each place, row after row.
    pub without: Vec<Vec<f32>>,
}

impl Occlusions {
    /// Of features `[height × width, dimensions]` whose mean is what is embedded; `None` for fewer than two places, or features that
    /// are not finite.
    fn of(cells: &Cells) -> Option<Self> {
        let Cells { height, width, ref features } = *cells;
        let places = height * width;
        if places < 2 {
            return None;
        }
        let dimensions = features.len() / places;
        let mut sums = vec![0.0; dimensions];
        for place in features.chunks_exact(dimensions) {
            sums.iter_mut().zip(place).for_each(|(sum, x)| *sum += x);
        }
        let mean = |place: &[f32]| {
            unit_length(sums.iter().zip(place).map(|(sum, x)| (sum - x) / (places - 1) as f32).collect())
        };
        let without: Option<Vec<_>> = features.chunks_exact(dimensions).map(mean).collect();
        let whole = unit_length(sums.iter().map(|sum| sum / places as f32).collect())?;
        Some(Self { height, width, whole, without: without? })
    }
}

impl FeatureNetwork {
    /// The images as the network wants them, one after the other.
    fn squares(&self, images: &[DecodedImage]) -> Result<Vec<u8>, EmbedError> {
        let squares: Result<Vec<Vec<u8>>, _> = images.par_iter().map(|p| self.square(p)).collect();
        Ok(squares?.concat())
    }

    fn square(&self, image: &DecodedImage) -> Result<Vec<u8>, EmbedError> {
        let (DecodedImage { width, height, pixels }, size_px) = (image, self.extractor.size_px());
        if (*width, *height) == (size_px, size_px) {
            return Ok(pixels.clone());
        }
        Ok(resize(*width, *height, pixels, size_px, self.mode)?)
    }
}

/// Features at unit length, or zero as they are; `None` where they are not finite.
fn unit_length(mut features: Vec<f32>) -> Option<Vec<f32>> {
    let length = features.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>().sqrt();
    if !length.is_finite() {
        return None;
    }
    if length > 0.0 {
        for v in &mut features {
            *v = (f64::from(*v) / length) as f32;
        }
    }
    Some(features)
}

#[cfg(test)]
mod tests;
