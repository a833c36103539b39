//! What the champion says of a single picture, when somebody asks. It is read then, and again when it is another.

use plugin_api::runs::{ModelCard, read_json};
use plugin_api::{Home, Labels};
use plugin_decode::Picture;
use plugin_metric::{temper, temper_each};
use plugin_model::{Batch, DeviceChoice, Precision, Predictor};
use plugin_resize::{Mode, Placement, resize};
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

/// What of a picture speaks for a class, over the part of it that the network saw.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeatMap {
    /// The model.
    pub model: String,
    /// The class.
    pub class: String,
    /// Rows and columns.
    pub grid: [usize; 2],
    /// Row after row, 0 to 1.
    pub values: Vec<f32>,
    /// Left, top, width and height of the grid, in widths and heights of the picture; it may stand out over the edges.
    pub frame: [f64; 4],
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

    /// What the champion looked at, for a class; none when there is no champion.
    ///
    /// # Errors
    /// Why it cannot be asked, for a person: there is no such class, its network has no map.
    pub fn heat(&self, picture: &Picture, class: &str) -> Result<Option<HeatMap>, String> {
        let loaded = self.champion()?;
        let Some(champion) = loaded.as_ref() else { return Ok(None) };
        let card = champion.predictor.card();
        let number = card.classes.iter().position(|known| known == class);
        let number = number.ok_or_else(|| format!("{} knows no class {class:?}", card.run))?;
        let heat = champion.predictor.heat(&champion.batch(picture)?, number).map_err(|e| e.to_string())?;
        let placed = champion.mode.place(picture.width, picture.height, card.size_px);
        let frame = frame(&placed, [picture.width, picture.height], card.size_px);
        let (model, class) = (card.run.clone(), class.to_owned());
        Ok(Some(HeatMap { model, class, grid: [heat.height, heat.width], values: heat.values, frame }))
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
        let weights = folder.join("model.safetensors");
        let predictor = Predictor::load(&weights, card, &device, Precision::Fp32).map_err(|e| e.to_string())?;
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

/// Where the square that a network sees lies in the picture.
fn frame(placed: &Placement, [width, height]: [u32; 2], size_px: u32) -> [f64; 4] {
    let (from, to, side) = (&placed.from, &placed.to, f64::from(size_px));
    // Pixels of the picture a pixel of the square.
    let (x, y) = (from.width / f64::from(to.width), from.height / f64::from(to.height));
    let (left, top) = (from.left - f64::from(to.left) * x, from.top - f64::from(to.top) * y);
    let (width, height) = (f64::from(width), f64::from(height));
    [left / width, top / height, side * x / width, side * y / height]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frame_is_where_the_network_looked() {
        let frame = |mode: &str, width, height| {
            let placed = plugin_resize::mode(mode).unwrap().place(width, height, 32);
            frame(&placed, [width, height], 32)
        };
        assert_eq!(frame("stretch", 200, 100), [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(frame("crop", 200, 100), [0.25, 0.0, 0.5, 1.0]);
        assert_eq!(frame("pad", 200, 100), [0.0, -0.5, 1.0, 2.0]);
    }
}
