//! What the champion says of a single picture, when somebody asks. It is read then, and again when it is another.

use plugin_api::runs::{ModelCard, read_json};
use plugin_api::{Home, Labels};
use plugin_decode::Picture;
use plugin_metric::{temper, temper_each};
use plugin_model::{Batch, DeviceChoice, Predictor};
use plugin_resize::{Mode, resize};
use serde::Serialize;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Asks the champion.
pub struct Seer {
    home: Home,
    device: DeviceChoice,
    loaded: Mutex<Option<Loaded>>,
}

/// The champion in use.
struct Loaded {
    id: String,
    predictor: Predictor,
    mode: &'static dyn Mode,
}

/// A class and how probable it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Guess {
    /// The class.
    pub class: String,
    /// 0 to 1.
    pub probability: f32,
}

/// What a model says of a picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The model.
    pub model: String,
    /// Every class, the most probable first.
    pub guesses: Vec<Guess>,
    /// Whether a temperature was applied.
    pub calibrated: bool,
}

impl Seer {
    /// Nothing is read before the first question.
    pub fn new(home: Home, device: DeviceChoice) -> Self {
        Self { home, device, loaded: Mutex::new(None) }
    }

    /// What the champion says; none when there is no champion.
    ///
    /// # Errors
    /// Why it cannot be asked, for a person.
    pub fn ask(&self, picture: &Picture) -> Result<Option<Answer>, String> {
        let loaded = self.champion()?;
        let Some(champion) = loaded.as_ref() else { return Ok(None) };
        let row = champion.predictor.predict(&champion.batch(picture)?).map_err(|e| e.to_string())?.pop();
        let card = champion.predictor.card();
        Ok(row.map(|row| answer(card, &row)))
    }

    /// The champion of this moment.
    fn champion(&self) -> Result<MutexGuard<'_, Option<Loaded>>, String> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let now = plugin_champion::champion(&self.home);
        if loaded.as_ref().map(|loaded| &loaded.id) != now.as_ref() {
            *loaded = None;
            *loaded = now.map(|id| Loaded::read(id, &self.home.models(), self.device)).transpose()?;
        }
        Ok(loaded)
    }
}

impl Loaded {
    fn read(id: String, models: &Path, device: DeviceChoice) -> Result<Self, String> {
        let folder = models.join(&id);
        let card: ModelCard = read_json(&folder.join("model.json")).map_err(|e| e.to_string())?;
        let mode = plugin_resize::mode(&card.resize_mode);
        let mode = mode.ok_or_else(|| format!("resize mode {:?} is not known", card.resize_mode))?;
        let device = device.open().map_err(|e| e.to_string())?;
        let predictor = Predictor::load(&folder.join("model.safetensors"), card, &device).map_err(|e| e.to_string())?;
        Ok(Self { id, predictor, mode })
    }

    /// The picture as the model looks at it.
    fn batch(&self, picture: &Picture) -> Result<Batch, String> {
        let size_px = self.predictor.card().size_px;
        let Picture { width, height, pixels } = picture;
        let pixels = resize(*width, *height, pixels, size_px, self.mode).map_err(|e| e.to_string())?;
        Ok(Batch { size_px, pixels, targets: vec![Vec::new()], weights: vec![1.0] })
    }
}

fn answer(card: &ModelCard, row: &[f32]) -> Answer {
    let row = match (card.temperature, card.labels) {
        (Some(temperature), Labels::Single) => temper(row, temperature),
        (Some(temperature), Labels::Multi) => temper_each(row, temperature),
        (None, _) => row.to_vec(),
    };
    let finite = |p: f32| if p.is_finite() { p } else { 0.0 };
    let guess = |(class, p): (&String, &f32)| Guess { class: class.clone(), probability: finite(*p) };
    let mut guesses: Vec<Guess> = card.classes.iter().zip(&row).map(guess).collect();
    guesses.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    Answer { model: card.run.clone(), guesses, calibrated: card.temperature.is_some() }
}
