//! A model in use.

use crate::backbone::Backbones;
use plugin_api::runs::{ModelCard, read_json};
use plugin_api::{Home, Labels};
use plugin_decode::Picture;
use plugin_embed::{Cache, EmbedError, Embedder};
use plugin_heads::{Head, HeadError};
use plugin_metric::{temper, temper_each};
use plugin_model::device::Opened;
use plugin_model::{Batch, ModelError, Precision, Predictor};
use plugin_resize::{Mode, resize};
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
    mode: &'static dyn Mode,
    kind: Kind,
}

enum Kind {
    Network(Box<Predictor>),
    Head { head: Box<Head>, embedder: Arc<Embedder>, cache: Mutex<Cache> },
}

impl Model {
    /// Opens the model in a folder: `model.json` beside `model.safetensors`.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn open(
        home: &Home,
        folder: &Path,
        backbones: &Backbones,
        device: &Opened,
        precision: Precision,
    ) -> Result<Self, LoadError> {
        let card: ModelCard =
            read_json(&folder.join("model.json")).map_err(|error| LoadError::Unusable(error.to_string()))?;
        Self::load(home, &folder.join("model.safetensors"), card, backbones, device, precision)
    }

    /// Reads the weights that `card` describes; the digest of the file must be that of the card.
    ///
    /// # Errors
    /// [`LoadError`].
    pub fn load(
        home: &Home,
        weights: &Path,
        card: ModelCard,
        backbones: &Backbones,
        device: &Opened,
        precision: Precision,
    ) -> Result<Self, LoadError> {
        let unusable = |text: String| LoadError::Unusable(text);
        let mode = plugin_resize::mode(&card.resize_mode)
            .ok_or_else(|| unusable(format!("{}: resize mode {:?} is not known", card.run, card.resize_mode)))?;
        let Some(backbone) = card.backbone.clone() else {
            let predictor = Predictor::load(weights, card.clone(), device, precision).map_err(of_model)?;
            return Ok(Self { card, mode, kind: Kind::Network(Box::new(predictor)) });
        };
        let bytes = std::fs::read(weights).map_err(|e| unusable(format!("{}: {e}", weights.display())))?;
        let digest = blake3::hash(&bytes).to_hex();
        if *digest.as_str() != *card.digest {
            let text = format!("{}: its BLAKE3 is {digest}, that of the card {}", weights.display(), card.digest);
            return Err(unusable(text));
        }
        let head = Head::load(weights).map_err(|e| unusable(e.to_string()))?;
        let embedder = backbones.open(home, &card, &backbone, device, precision).map_err(|error| match error {
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
        let cache = Cache::open(home, embedder.fingerprint(), dimensions).map_err(|e| unusable(e.to_string()))?;
        let kind = Kind::Head { head: Box::new(head), embedder, cache: Mutex::new(cache) };
        Ok(Self { card, mode, kind })
    }

    /// What it is.
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

    /// The head and what embeds for it; `None` where the model is a whole network.
    pub fn head(&self) -> Option<(&Head, &Embedder)> {
        match &self.kind {
            Kind::Network(_) => None,
            Kind::Head { head, embedder, .. } => Some((head, embedder)),
        }
    }

    /// An image as the model sees it: RGB bytes of a square of the card's side.
    ///
    /// # Errors
    /// In words for a person, when the image has no pixel.
    pub fn square(&self, image: &Picture) -> Result<Vec<u8>, String> {
        let Picture { width, height, pixels } = image;
        if (*width, *height) == (self.card.size_px, self.card.size_px) {
            return Ok(pixels.clone());
        }
        resize(*width, *height, pixels, self.card.size_px, self.mode).map_err(|e| e.to_string())
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
                let picture = |image: &Image| Picture { width: side, height: side, pixels: image.square.to_vec() };
                let embeddings = embedder.embed_each(&images.iter().map(picture).collect::<Vec<_>>())?;
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

fn output(head: &Head, embedding: &[f32]) -> Result<Output, HeadError> {
    let (log_probabilities, novelty) = head.predict(embedding)?;
    let is_novel = novelty.iter().any(|novelty| *novelty > head.novelty_threshold());
    Ok(Output { probabilities: log_probabilities.into_iter().map(f32::exp).collect(), is_novel })
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
