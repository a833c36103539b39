//! Predictions of single images by the champion, when somebody asks. It is loaded then, and again when it is another.

use plugin_api::runs::ModelCard;
use plugin_api::{Message, Text, Workspace};
use plugin_decode::{DecodedImage, Scale};
use plugin_inference::{Backbones, Image, Model, Output, calibrated};
use plugin_model::{DeviceChoice, Precision};
use plugin_resize::Placement;
use serde::Serialize;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The champion, loaded once.
pub struct ModelCache {
    workspace: Workspace,
    device: DeviceChoice,
    backbones: Backbones,
    champion: Mutex<Option<Champion>>,
}

struct Champion {
    /// Its folder in `models/`.
    id: String,
    model: Model,
}

/// A class and its probability.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassScore {
    /// The class.
    pub class: String,
    /// 0 to 1.
    pub probability: f32,
}

/// A model's prediction of an image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Prediction {
    /// The model.
    pub model: String,
    /// Every class, the most probable first.
    pub classes: Vec<ClassScore>,
    /// Whether a temperature was applied.
    pub calibrated: bool,
    /// Whether the image is unlike anything that the model was trained on.
    pub is_novel: bool,
}

/// What of an image speaks for a class, over the part of it that the network saw.
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
    /// Left, top, width and height of the grid, in widths and heights of the image; it may stand out over the edges.
    pub frame: [f64; 4],
}

impl ModelCache {
    /// Loads nothing before the first question.
    pub fn new(workspace: Workspace, device: DeviceChoice) -> Self {
        Self { workspace, device, backbones: Backbones::default(), champion: Mutex::new(None) }
    }

    /// The champion's prediction of the image in a file with this BLAKE3; `None` when there is no champion. Nothing is kept of the
    /// image: it may be one that a browser sent.
    ///
    /// # Errors
    /// Why there is none, for a person.
    pub fn predict(&self, image: &DecodedImage, digest: &str) -> Result<Option<Prediction>, String> {
        let champion = self.champion()?;
        let Some(Champion { model, .. }) = champion.as_ref() else { return Ok(None) };
        let output = match model.recall(digest) {
            Some(output) => output,
            None => predicted(model, image, digest)?,
        };
        Ok(Some(prediction(model.card(), &output)))
    }

    /// The champion's name and classes; `None` when there is no champion.
    ///
    /// # Errors
    /// Why it cannot be used, for a person.
    pub fn classes(&self) -> Result<Option<(String, Vec<String>)>, String> {
        let champion = self.champion()?;
        Ok(champion.as_ref().map(|champion| (champion.id.clone(), champion.model.card().classes.clone())))
    }

    /// Calibrated probabilities of an image that was embedded before, one a class; `None` where it must be seen, or another model is
    /// champion.
    pub fn recall(&self, model: &str, digest: &str) -> Option<Vec<f32>> {
        let champion = self.champion().ok()?;
        let champion = champion.as_ref().filter(|champion| champion.id == model)?;
        Some(calibrated(champion.model.card(), &champion.model.recall(digest)?.probabilities))
    }

    /// The same of any image. Its embedding is kept in the workspace. `None` where it cannot be predicted.
    pub fn row(&self, model: &str, digest: &str, image: &DecodedImage) -> Option<Vec<f32>> {
        let champion = self.champion().ok()?;
        let champion = champion.as_ref().filter(|champion| champion.id == model)?;
        let square = champion.model.square(image).ok()?;
        let output = champion.model.predict(&[Image { digest, square: &square }]).ok()?.pop()?;
        Some(calibrated(champion.model.card(), &output.probabilities))
    }

    /// At which scale an image is decoded for the champion, as the graph does it.
    pub fn scale(&self) -> Scale {
        let champion = self.champion();
        let size_px =
            champion.ok().and_then(|champion| champion.as_ref().map(|champion| champion.model.card().size_px));
        size_px.map_or_else(Scale::default, Scale::for_square)
    }

    /// What of an image speaks for a class; `None` when there is no champion.
    ///
    /// # Errors
    /// Why there is no map, for a person: there is no such class, or the network has none.
    pub fn heat(&self, image: &DecodedImage, class: &str) -> Result<Option<HeatMap>, Text> {
        let champion = self.champion()?;
        let Some(Champion { model, .. }) = champion.as_ref() else { return Ok(None) };
        let card = model.card();
        let number = card.classes.iter().position(|known| known == class);
        let number = number.ok_or_else(|| Message::page_unknown_class(&card.run, class))?;
        let size_px = card.size_px;
        let heat = model.heat(&model.square(image)?, number).map_err(|e| e.to_string())?;
        let placed = plugin_resize::place(image.width, image.height, size_px, card.resize_mode);
        let frame = frame(&placed, [image.width, image.height], size_px);
        let (model, class) = (card.run.clone(), class.to_owned());
        Ok(Some(HeatMap { model, class, grid: [heat.height, heat.width], values: heat.values, frame }))
    }

    /// The champion of this moment.
    fn champion(&self) -> Result<MutexGuard<'_, Option<Champion>>, String> {
        let mut champion = self.champion.lock().unwrap_or_else(PoisonError::into_inner);
        let now = plugin_champion::champion(&self.workspace);
        if champion.as_ref().map(|champion| &champion.id) != now.as_ref() {
            *champion = None;
            *champion = now.map(|id| self.load(id)).transpose()?;
        }
        Ok(champion)
    }

    fn load(&self, id: String) -> Result<Champion, String> {
        let device = self.device.open().map_err(|e| e.to_string())?;
        let folder = self.workspace.models().join(&id);
        let model = Model::open(&self.workspace, &folder, &self.backbones, &device, Precision::Fp32);
        Ok(Champion { id, model: model.map_err(|e| e.to_string())? })
    }
}

/// Of an image that is not embedded yet. Its embedding is not put into the cache of the workspace.
fn predicted(model: &Model, image: &DecodedImage, digest: &str) -> Result<Output, String> {
    let square = model.square(image)?;
    let outputs = model.predict_without_trace(&[Image { digest, square: &square }]).map_err(|e| e.to_string())?;
    outputs.into_iter().next().ok_or_else(|| "there is no prediction".to_owned())
}

fn prediction(card: &ModelCard, output: &Output) -> Prediction {
    let finite = |p: f32| if p.is_finite() { p } else { 0.0 };
    let score = |(class, p): (&String, &f32)| ClassScore { class: class.clone(), probability: finite(*p) };
    let row = calibrated(card, &output.probabilities);
    let mut classes: Vec<ClassScore> = card.classes.iter().zip(&row).map(score).collect();
    classes.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    let (model, calibrated, is_novel) = (card.run.clone(), card.temperature.is_some(), output.is_novel);
    Prediction { model, classes, calibrated, is_novel }
}

/// Where the square that a network sees lies in the image.
fn frame(placed: &Placement, [width, height]: [u32; 2], size_px: u32) -> [f64; 4] {
    let (from, to, side) = (&placed.from, &placed.to, f64::from(size_px));
    // Pixels of the image a pixel of the square.
    let (x, y) = (from.width / f64::from(to.width), from.height / f64::from(to.height));
    let (left, top) = (from.left - f64::from(to.left) * x, from.top - f64::from(to.top) * y);
    let (width, height) = (f64::from(width), f64::from(height));
    [left / width, top / height, side * x / width, side * y / height]
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::ResizeMode;

    #[test]
    fn the_frame_is_where_the_network_looked() {
        let frame = |mode, width, height| {
            let placed = plugin_resize::place(width, height, 32, mode);
            frame(&placed, [width, height], 32)
        };
        assert_eq!(frame(ResizeMode::Stretch, 200, 100), [0.0, 0.0, 1.0, 1.0]);
        assert_eq!(frame(ResizeMode::Crop, 200, 100), [0.25, 0.0, 0.5, 1.0]);
        assert_eq!(frame(ResizeMode::Pad, 200, 100), [0.0, -0.5, 1.0, 2.0]);
    }
}
