//! A model in use.

use crate::backbone::Backbones;
use plugin_api::runs::{ModelCard, read_json};
use plugin_api::{Labels, Workspace};
use plugin_decode::DecodedImage;
use plugin_embed::{Cache, EmbedError, Embedder, Occlusions};
use plugin_heads::{AnyHead, HeadError};
use plugin_metric::{temper, temper_each};
use plugin_model::device::Opened;
use plugin_model::{Batch, Heat, ModelError, Precision, Predictor};
use plugin_resize::resize;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Why a model cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Card, weights or backbone are missing, broken, or of a kind this program does not know: it will not do later either.
    #[error("{0}")]
    Unusable(String),
    /// The device failed: it may do after a restart.
    #[error("{0}")]
    Device(String),
}

/// Why there is no prediction.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// The network failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The embedding failed.
    #[error(transparent)]
    Embed(#[from] EmbedError),
    /// The head refuses the embedding.
    #[error(transparent)]
    Head(#[from] HeadError),
}

/// An image to predict.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// BLAKE3 of its file, hexadecimal.
    pub digest: &'a str,
    /// `size_px` × `size_px` × 3 bytes, RGB, channels last, as [`Model::square`] makes them.
    pub square: &'a [u8],
}

/// What a model says of an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Class probabilities before the temperature of the card, one number a class.
    pub probabilities: Vec<f32>,
    /// Whether the image is unlike anything that the model was trained on, so that the probabilities say nothing of it. A whole
    /// network cannot tell: never.
    pub is_novel: bool,
}

/// A model in use. It can be shared between threads.
pub struct Model {
    card: ModelCard,
    kind: Kind,
}

enum Kind {
    Network(Box<Predictor>),
    Head { head: AnyHead, embedder: Arc<Embedder>, cache: Mutex<Cache> },
}

impl Model {
    /// Opens the model in a folder: `model.json` beside `model.safetensors`.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn open(
        workspace: &Workspace,
        folder: &Path,
        backbones: &Backbones,
        device: &Opened,
        precision: Precision,
    ) -> Result<Self, LoadError> {
        let card: ModelCard =
            read_json(&folder.join("model.json")).map_err(|error| LoadError::Unusable(error.to_string()))?;
        Self::load(workspace, &folder.join("model.safetensors"), card, backbones, device, precision)
    }

    /// Reads the weights that `card` describes; the digest of the file must be that of the card.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(
        workspace: &Workspace,
        weights: &Path,
        card: ModelCard,
        backbones: &Backbones,
        device: &Opened,
        precision: Precision,
    ) -> Result<Self, LoadError> {
        let unusable = |text: String| LoadError::Unusable(text);
        let Some(backbone) = card.backbone.clone() else {
            let predictor = Predictor::load(weights, card.clone(), device, precision).map_err(of_model)?;
            return Ok(Self { card, kind: Kind::Network(Box::new(predictor)) });
        };
        let bytes = std::fs::read(weights).map_err(|e| unusable(format!("{}: {e}", weights.display())))?;
        let digest = blake3::hash(&bytes).to_hex();
        if *digest.as_str() != *card.digest {
            let text = format!("{}: its BLAKE3 is {digest}, that of the card {}", weights.display(), card.digest);
            return Err(unusable(text));
        }
        let head = AnyHead::load(weights).map_err(|e| unusable(e.to_string()))?;
        if matches!(head, AnyHead::Single(_)) != (card.labels == Labels::Single) {
            let text =
                format!("{}: not a head for images of {} labels, as the card says", weights.display(), card.labels);
            return Err(unusable(text));
        }
        let embedder = backbones.open(workspace, &card, &backbone, device, precision).map_err(|error| match error {
            EmbedError::Model(error) => of_model(error),
            other => unusable(other.to_string()),
        })?;
        let (classes, dimensions) = (card.classes.len(), embedder.dimensions());
        if (head.classes(), head.dimensions()) != (classes, dimensions) {
            let (of_head, of_features) = (head.classes(), head.dimensions());
            return Err(unusable(format!(
                "{}: a head of {of_head} classes on {of_features} features, where the card has {classes} classes and the backbone \
                 {dimensions} features",
                weights.display()
            )));
        }
        let cache = Cache::open(workspace, embedder.fingerprint(), dimensions).map_err(|e| unusable(e.to_string()))?;
        let kind = Kind::Head { head, embedder, cache: Mutex::new(cache) };
        Ok(Self { card, kind })
    }

    /// Architecture, classes and input of the model.
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// The network, where the model is a whole one; `None` for a head.
    pub fn network(&self) -> Option<&Predictor> {
        match &self.kind {
            Kind::Network(predictor) => Some(predictor),
            Kind::Head { .. } => None,
        }
    }

    /// Whether it is a head on a backbone.
    pub fn is_head(&self) -> bool {
        matches!(self.kind, Kind::Head { .. })
    }

    /// An image as the model sees it: RGB bytes of a square of the card's side.
    ///
    /// # Errors
    /// In words for a person, when the image has no pixel.
    pub fn square(&self, image: &DecodedImage) -> Result<Vec<u8>, String> {
        let DecodedImage { width, height, pixels } = image;
        if (*width, *height) == (self.card.size_px, self.card.size_px) {
            return Ok(pixels.clone());
        }
        resize(*width, *height, pixels, self.card.size_px, self.card.resize_mode).map_err(|e| e.to_string())
    }

    /// Of an image that was embedded before, by the BLAKE3 of its file; `None` where it must be seen.
    pub fn recall(&self, digest: &str) -> Option<Output> {
        let Kind::Head { head, cache, .. } = &self.kind else { return None };
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.get(digest).is_none() {
            // Another node may have embedded it since.
            cache.refresh().ok()?;
        }
        output(head, cache.get(digest)?).ok()
    }

    /// Of each image. Embeddings are kept in the workspace.
    ///
    /// # Errors
    /// [`PredictError`] when the device fails.
    pub fn predict(&self, images: &[Image]) -> Result<Vec<Output>, PredictError> {
        self.predict_and(images, |image, embedding, cache| {
            // A full disk costs time, not an answer.
            if let Err(error) = cache.put(image.digest, embedding) {
                tracing::warn!(%error, digest = image.digest, "embedding not kept");
            }
        })
    }

    /// As [`Self::predict`], but nothing is kept of the images.
    ///
    /// # Errors
    /// As [`Self::predict`].
    pub fn predict_without_trace(&self, images: &[Image]) -> Result<Vec<Output>, PredictError> {
        self.predict_and(images, |_, _, _| {})
    }

    /// How much each part of an image speaks for a class. Of a whole network by Grad-CAM; of a head by what the class's
    /// log-probability loses without each place of the last map of features, which costs no further pass through the backbone.
    ///
    /// # Errors
    /// [`PredictError`] when there is no such class, the network has no map of features, or the device fails.
    pub fn heat(&self, square: &[u8], class: usize) -> Result<Heat, PredictError> {
        let side = self.card.size_px;
        match &self.kind {
            Kind::Network(predictor) => {
                let (targets, weights) = (vec![Vec::new()], vec![1.0]);
                let batch = Batch { size_px: side, pixels: square.to_vec(), targets, weights };
                Ok(predictor.heat(&batch, class)?)
            }
            Kind::Head { head, embedder, .. } => {
                if class >= head.classes() {
                    let problem = format!("there are {} classes, none has the number {class}", head.classes());
                    return Err(ModelError::Execution(problem).into());
                }
                let image = DecodedImage { width: side, height: side, pixels: square.to_vec() };
                let Occlusions { height, width, whole, without } = embedder.occlusions(&image)?;
                let (probabilities, _) = head.predict(&[whole, without.concat()].concat())?;
                let of_class = probabilities.chunks_exact(head.classes()).map(|row| row[class]);
                let mut scores = of_class.map(|p| p.max(f32::MIN_POSITIVE).ln());
                let whole = scores.next().unwrap_or_default();
                let losses: Vec<f32> = scores.map(|score| (whole - score).max(0.0)).collect();
                let most = losses.iter().copied().fold(0.0, f32::max);
                let share = |loss: f32| if most > 0.0 { loss / most } else { 0.0 };
                Ok(Heat { height, width, values: losses.into_iter().map(share).collect() })
            }
        }
    }

    fn predict_and(
        &self,
        images: &[Image],
        keep: impl Fn(&Image, &[f32], &mut Cache),
    ) -> Result<Vec<Output>, PredictError> {
        if images.is_empty() {
            return Ok(Vec::new());
        }
        match &self.kind {
            Kind::Network(predictor) => {
                let batch = Batch {
                    size_px: self.card.size_px,
                    pixels: images.iter().flat_map(|image| image.square).copied().collect(),
                    targets: vec![Vec::new(); images.len()],
                    weights: vec![1.0; images.len()],
                };
                let known = |probabilities| Output { probabilities, is_novel: false };
                Ok(predictor.predict(&batch)?.into_iter().map(known).collect())
            }
            Kind::Head { head, embedder, cache } => {
                let side = self.card.size_px;
                let decoded = |image: &Image| DecodedImage { width: side, height: side, pixels: image.square.to_vec() };
                let embeddings = embedder.embed_each(&images.iter().map(decoded).collect::<Vec<_>>())?;
                let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
                for (image, embedding) in images.iter().zip(&embeddings) {
                    if let Some(embedding) = embedding {
                        keep(image, embedding, &mut cache);
                    } else {
                        tracing::warn!(digest = image.digest, "the features of this image are not finite");
                    }
                }
                drop(cache);
                let of = |embedding: &Option<Vec<f32>>| match embedding {
                    Some(embedding) => output(head, embedding),
                    None => Ok(unseen(head.classes())),
                };
                Ok(embeddings.iter().map(of).collect::<Result<_, _>>()?)
            }
        }
    }
}

/// Probabilities of a row with the temperature of the card applied, which makes them mean what they say.
pub fn calibrated(card: &ModelCard, row: &[f32]) -> Vec<f32> {
    match (card.temperature, card.labels) {
        (Some(temperature), Labels::Single) => temper(row, temperature),
        (Some(temperature), Labels::Multi) => temper_each(row, temperature),
        (None, _) => row.to_vec(),
    }
}

fn output(head: &AnyHead, embedding: &[f32]) -> Result<Output, HeadError> {
    let (probabilities, is_novel) = head.predict(embedding)?;
    Ok(Output { probabilities, is_novel: is_novel.contains(&true) })
}

/// Of an image that has no features: no class is more probable than another.
fn unseen(classes: usize) -> Output {
    Output { probabilities: vec![1.0 / classes as f32; classes], is_novel: true }
}

fn of_model(error: ModelError) -> LoadError {
    match error {
        ModelError::Execution(_) | ModelError::Device { .. } => LoadError::Device(error.to_string()),
        other => LoadError::Unusable(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::runs::{Backbone, write_json};
    use plugin_heads::{Head, HeadOptions, Samples};
    use plugin_model::{DeviceChoice, Shape, network, weights};

    const SIDE: u32 = 96;

    /// A square of one colour, or of two, one beside the other.
    fn square(left: [u8; 3], right: [u8; 3]) -> Vec<u8> {
        let pixel = |at: u32| if at % SIDE < SIDE / 2 { left } else { right };
        (0..SIDE * SIDE).flat_map(pixel).collect()
    }

    #[test]
    fn heat_of_a_head_lies_where_its_class_is() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let device = DeviceChoice::Flex.open().unwrap();
        let shape = Shape { classes: 1, size_px: SIDE };
        let network = network::find("resnet18").unwrap().network(shape, 1, &device.device).unwrap();
        std::fs::create_dir_all(workspace.models().join("backbones")).unwrap();
        let file = workspace.models().join("backbones/new");
        let digest = weights::save(&network, &file).unwrap();
        std::fs::rename(&file, workspace.backbone(&digest)).unwrap();
        let backbone = Backbone { architecture: "resnet18".to_owned(), digest };
        let card = ModelCard {
            architecture: backbone.architecture.clone(),
            size_px: SIDE,
            backbone: Some(backbone.clone()),
            ..plugin_api::fixture::card("one", &["red", "blue"])
        };
        let backbones = Backbones::default();
        let embedder = backbones.open(&workspace, &card, &backbone, &device, Precision::Fp32).unwrap();
        let colour = |class: u8, shade: u8| if class == 0 { [200 + shade, 9, shade] } else { [shade, 9, 200 + shade] };
        let images: Vec<DecodedImage> = (0..8)
            .map(|i: u8| DecodedImage {
                width: SIDE,
                height: SIDE,
                pixels: square(colour(i / 4, i * 5), colour(i / 4, i * 5)),
            })
            .collect();
        let features = embedder.embed(&images).unwrap().concat();
        let samples = Samples {
            features: &features,
            dimensions: embedder.dimensions(),
            labels: &[0, 0, 0, 0, 1, 1, 1, 1],
            classes: 2,
            groups: &[0, 1, 2, 3, 4, 5, 6, 7],
        };
        let model = workspace.models().join("one");
        std::fs::create_dir_all(&model).unwrap();
        let digest =
            Head::fit(&samples, &HeadOptions::DEFAULT).unwrap().save(&model.join("model.safetensors")).unwrap();
        write_json(&model.join("model.json"), &ModelCard { digest, ..card }).unwrap();
        let model = Model::open(&workspace, &model, &backbones, &device, Precision::Fp32).unwrap();

        let image = square(colour(0, 20), colour(1, 20));
        let sums = |class: usize| {
            let Heat { height, width, values } = model.heat(&image, class).unwrap();
            assert_eq!((height, width), (3, 3));
            assert!(values.iter().all(|value| (0.0..=1.0).contains(value)) && values.contains(&1.0), "{values:?}");
            [0, 2].map(|column| values.iter().skip(column).step_by(3).sum::<f32>())
        };
        let ([red_left, red_right], [blue_left, blue_right]) = (sums(0), sums(1));
        assert!(red_left > red_right && blue_left < blue_right, "{red_left} {red_right} {blue_left} {blue_right}");
        assert!(model.heat(&image, 2).is_err());
    }
}
