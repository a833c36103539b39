//! A model in use: a champion, or a head on embeddings.

use crate::head::Head;
use crate::said::Said;
use plugin_api::Home;
use plugin_api::runs::{ModelCard, read_json};
use plugin_decode::Picture;
use plugin_embed::{Cache, EmbedError, Embedder};
use plugin_model::device::Opened;
use plugin_model::{Batch, ModelError, Precision, Predictor};
use plugin_resize::{Mode, resize};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// A model in use.
pub enum Model {
    /// A network that a run has made.
    Network {
        /// The network.
        predictor: Box<Predictor>,
        /// How it gets its square of a picture.
        mode: &'static dyn Mode,
    },
    /// A head on the embeddings of another network.
    Head {
        /// The head.
        head: Arc<Head>,
        /// What embeds pictures.
        eyes: Arc<Embedder>,
        /// What was embedded before.
        cache: Mutex<Cache>,
    },
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SayError {
    /// The network.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The embedding.
    #[error(transparent)]
    Embed(#[from] EmbedError),
}

impl Model {
    /// Reads a champion.
    ///
    /// # Errors
    /// Why it cannot be used, for a person.
    pub fn load(folder: &Path, device: &Opened, precision: Precision) -> Result<Self, String> {
        let path = folder.join("model.json");
        let card: ModelCard = read_json(&path).map_err(|e| e.to_string())?;
        let unknown = || format!("{}: resize mode {:?} is not known", path.display(), card.resize_mode);
        let mode = plugin_resize::mode(&card.resize_mode).ok_or_else(unknown)?;
        let weights = folder.join("model.safetensors");
        let predictor = Predictor::load(&weights, card, device, precision).map_err(|e| e.to_string())?;
        Ok(Self::Network { predictor: Box::new(predictor), mode })
    }

    /// Takes up a head.
    ///
    /// # Errors
    /// Any of the file system: embeddings are kept on disk.
    pub fn of_head(head: Arc<Head>, eyes: Arc<Embedder>, home: &Home) -> io::Result<Self> {
        let cache = Mutex::new(Cache::open(home, eyes.fingerprint(), eyes.dimensions())?);
        Ok(Self::Head { head, eyes, cache })
    }

    /// What it is.
    pub fn card(&self) -> &ModelCard {
        match self {
            Self::Network { predictor, .. } => predictor.card(),
            Self::Head { head, .. } => &head.card,
        }
    }

    /// A picture as the model looks at it: RGB bytes of a square.
    ///
    /// # Errors
    /// When it is no picture, for a person.
    pub fn square(&self, picture: Picture) -> Result<Vec<u8>, String> {
        match self {
            Self::Network { predictor, mode } => {
                let Picture { width, height, pixels } = &picture;
                resize(*width, *height, pixels, predictor.card().size_px, *mode).map_err(|e| e.to_string())
            }
            Self::Head { eyes, .. } => eyes.prepare(picture).map(|small| small.pixels).map_err(|e| e.to_string()),
        }
    }

    /// What it says of a picture, by its digest, without looking at it again; none when it has to look.
    pub fn recall(&self, digest: &str) -> Option<Said> {
        let Self::Head { head, cache, .. } = self else { return None };
        Some(Said::new(&head.card, &head.probabilities(locked(cache).get(digest)?)))
    }

    /// What it says of each of these squares, by the digests of their pictures.
    ///
    /// # Errors
    /// When the device fails.
    pub fn say(&self, digests: &[&str], squares: &[Vec<u8>]) -> Result<Vec<Said>, SayError> {
        if squares.is_empty() {
            return Ok(Vec::new());
        }
        match self {
            Self::Network { predictor, .. } => {
                let batch = Batch {
                    size_px: self.card().size_px,
                    pixels: squares.concat(),
                    targets: vec![Vec::new(); squares.len()],
                    weights: vec![1.0; squares.len()],
                };
                let rows = predictor.predict(&batch)?;
                Ok(rows.iter().map(|row| Said::new(self.card(), row)).collect())
            }
            Self::Head { head, eyes, cache } => {
                let side = |pixels: &Vec<u8>| (pixels.len() / 3).isqrt() as u32;
                let picture =
                    |pixels: &Vec<u8>| Picture { width: side(pixels), height: side(pixels), pixels: pixels.clone() };
                let embeddings = eyes.embed(&squares.iter().map(picture).collect::<Vec<_>>())?;
                for (digest, embedding) in digests.iter().zip(&embeddings) {
                    // A full disk costs time, not an answer.
                    if let Err(error) = locked(cache).put(digest, embedding) {
                        tracing::warn!(%error, digest, "not kept");
                    }
                }
                Ok(embeddings.iter().map(|row| Said::new(&head.card, &head.probabilities(row))).collect())
            }
        }
    }
}

fn locked(cache: &Mutex<Cache>) -> std::sync::MutexGuard<'_, Cache> {
    cache.lock().unwrap_or_else(PoisonError::into_inner)
}
