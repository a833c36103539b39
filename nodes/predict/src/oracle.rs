//! The champion in use. The link `models/champion` is looked at again and again, so that whatever swaps it, a verdict or a
//! person, is noticed.

use crate::said::Said;
use plugin_api::Home;
use plugin_api::runs::{ModelCard, read_json};
use plugin_decode::Picture;
use plugin_model::device::Opened;
use plugin_model::{Batch, ModelError, Predictor};
use plugin_resize::{Mode, resize};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A champion that cannot be used is tried again after so long.
const AGAIN: Duration = Duration::from_secs(5);

/// A model in use.
pub struct Model {
    predictor: Predictor,
    mode: &'static dyn Mode,
}

impl Model {
    fn load(folder: &std::path::Path, device: &Opened) -> Result<Self, String> {
        let path = folder.join("model.json");
        let card: ModelCard = read_json(&path).map_err(|e| e.to_string())?;
        let unknown = || format!("{}: resize mode {:?} is not known", path.display(), card.resize_mode);
        let mode = plugin_resize::mode(&card.resize_mode).ok_or_else(unknown)?;
        let predictor = Predictor::load(&folder.join("model.safetensors"), card, device).map_err(|e| e.to_string())?;
        Ok(Self { predictor, mode })
    }

    /// What it is.
    pub fn card(&self) -> &ModelCard {
        self.predictor.card()
    }

    /// A picture as the model looks at it: size and mode of its card.
    ///
    /// # Errors
    /// When it is no picture, for a person.
    pub fn square(&self, picture: &Picture) -> Result<Vec<u8>, String> {
        let Picture { width, height, pixels } = picture;
        resize(*width, *height, pixels, self.card().size_px, self.mode).map_err(|e| e.to_string())
    }

    /// What it says of each of these squares.
    ///
    /// # Errors
    /// When the device fails.
    pub fn say(&self, squares: &[Vec<u8>]) -> Result<Vec<Said>, ModelError> {
        if squares.is_empty() {
            return Ok(Vec::new());
        }
        let batch = Batch {
            size_px: self.card().size_px,
            pixels: squares.concat(),
            targets: vec![Vec::new(); squares.len()],
            weights: vec![1.0; squares.len()],
        };
        let rows = self.predictor.predict(&batch)?;
        Ok(rows.iter().map(|row| Said::new(self.card(), row)).collect())
    }
}

/// The champion, whoever that is now.
pub struct Oracle {
    home: Home,
    device: Opened,
    /// Where the link pointed when it was last looked at.
    target: Option<PathBuf>,
    model: Option<Model>,
    /// Why it cannot be used, and when to try again.
    failed: Option<(String, Instant)>,
}

impl Oracle {
    /// Nobody yet.
    pub fn new(home: &Home, device: Opened) -> Self {
        Self { home: home.clone(), device, target: None, model: None, failed: None }
    }

    /// The champion; none when there is none, or it cannot be used and neither could the one before.
    pub fn model(&self) -> Option<&Model> {
        self.model.as_ref()
    }

    /// Why the present champion cannot be used.
    pub fn problem(&self) -> Option<&str> {
        self.failed.as_ref().map(|(why, _)| why.as_str())
    }

    /// Looks at the link. True when another model, or none, is in use from now on.
    pub fn follow(&mut self, now: Instant) -> bool {
        let target = std::fs::read_link(self.home.champion()).ok();
        let is_time = self.failed.as_ref().is_some_and(|(_, again)| *again <= now);
        if target == self.target && !is_time {
            return false;
        }
        self.target.clone_from(&target);
        let Some(target) = target else {
            self.failed = None;
            return self.model.take().is_some();
        };
        // By its own folder: the link may be swapped again, what it points to now stays whole.
        match Model::load(&self.home.models().join(target), &self.device) {
            Ok(model) => {
                tracing::info!(model = model.card().run, temperature = model.card().temperature, "champion in use");
                self.failed = None;
                let same = self.model.as_ref().is_some_and(|before| before.card() == model.card());
                self.model = Some(model);
                !same
            }
            Err(why) => {
                if self.problem() != Some(&why) {
                    tracing::error!(why, "the champion cannot be used");
                }
                self.failed = Some((why, now + AGAIN));
                false
            }
        }
    }
}
