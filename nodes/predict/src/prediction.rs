//! A prediction of an image, as it is stored and shown.

use plugin_api::Labels;
use plugin_api::runs::ModelCard;
use plugin_inference::{Output, calibrated};
use serde::{Deserialize, Serialize};

/// Classes that are kept of a prediction.
const TOP: usize = 3;
/// With several labels, a class is named from this probability on.
const NAMED_FROM: f64 = 0.5;

/// A class and how probable it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassScore {
    /// Class name.
    pub class: String,
    /// Calibrated probability, 0 to 1.
    pub probability: f64,
}

/// What a model predicts of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The model: a folder in `models/`.
    pub model: String,
    /// The most probable classes, at most three, the most probable first.
    pub top: Vec<ClassScore>,
    /// The classes that are named: the most probable one, or with several labels all from 0.5 on.
    pub classes: Vec<String>,
    /// How far the most probable class is ahead of the next, 0 to 1; with several labels, how far the most doubtful one is
    /// from a half, doubled.
    pub margin: f64,
    /// Whether a temperature was applied, so that the probabilities mean what they say.
    pub calibrated: bool,
    /// Whether the image is unlike anything that the model was trained on.
    #[serde(default)]
    pub is_novel: bool,
}

/// Why no class is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The image is unlike anything that the model was trained on, whatever its probabilities are.
    Novel,
    /// No class is probable enough.
    Unsure,
}

impl Doubt {
    /// For tables and names of links.
    pub fn name(self) -> &'static str {
        match self {
            Self::Novel => "unlike anything learnt",
            Self::Unsure => "unsure",
        }
    }
}

impl Prediction {
    /// From what a model with this card says. What is no number counts as 0.
    pub fn new(card: &ModelCard, output: &Output) -> Self {
        let row = calibrated(card, &output.probabilities);
        let number = |p: &f32| if p.is_finite() { f64::from(*p) } else { 0.0 };
        let score = |(class, p): (&String, &f32)| ClassScore { class: class.clone(), probability: number(p) };
        let mut all: Vec<ClassScore> = card.classes.iter().zip(&row).map(score).collect();
        all.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        let at = |rank: usize| all.get(rank).map_or(0.0, |score| score.probability);
        let (margin, count) = match card.labels {
            Labels::Single => (at(0) - at(1), all.len().min(1)),
            Labels::Multi => {
                let doubts = all.iter().map(|score| (score.probability - NAMED_FROM).abs() * 2.0);
                (doubts.fold(1.0, f64::min), all.iter().filter(|score| score.probability >= NAMED_FROM).count())
            }
        };
        let classes = all[..count].iter().map(|score| score.class.clone()).collect();
        all.truncate(TOP);
        let (model, calibrated, is_novel) = (card.run.clone(), card.temperature.is_some(), output.is_novel);
        Self { model, top: all, classes, margin, calibrated, is_novel }
    }

    /// Why it names no class; `None` where it is sure enough to.
    pub fn doubt(&self, abstain_below: f64) -> Option<Doubt> {
        if self.is_novel {
            return Some(Doubt::Novel);
        }
        let is_sure =
            !self.classes.is_empty() && self.top.first().is_some_and(|score| score.probability >= abstain_below);
        (!is_sure).then_some(Doubt::Unsure)
    }

    /// Whether it is sure enough to name a class.
    pub fn is_sure(&self, abstain_below: f64) -> bool {
        self.doubt(abstain_below).is_none()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn card(labels: Labels, temperature: Option<f64>) -> ModelCard {
        ModelCard { labels, temperature, ..plugin_api::fixture::card("one", &["a", "b", "c", "d"]) }
    }

    fn known(probabilities: &[f32]) -> Output {
        Output { probabilities: probabilities.to_vec(), is_novel: false }
    }

    #[test]
    fn novel_images_are_of_no_class_however_probable() {
        let output = Output { is_novel: true, ..known(&[0.99, 0.01, 0.0, 0.0]) };
        let prediction = Prediction::new(&card(Labels::Single, None), &output);
        assert_eq!((prediction.doubt(0.5), prediction.is_sure(0.0)), (Some(Doubt::Novel), false));
        let prediction = Prediction::new(&card(Labels::Single, None), &known(&[0.4, 0.3, 0.2, 0.1]));
        assert_eq!((prediction.doubt(0.5), prediction.doubt(0.3)), (Some(Doubt::Unsure), None));
    }

    #[test]
    fn the_three_most_probable_classes_are_kept_in_order() {
        let prediction = Prediction::new(&card(Labels::Single, None), &known(&[0.1, 0.55, 0.05, 0.3]));
        let top: Vec<&str> = prediction.top.iter().map(|g| g.class.as_str()).collect();
        assert_eq!(
            (top, prediction.classes.clone(), prediction.calibrated),
            (vec!["b", "d", "a"], vec!["b".to_owned()], false)
        );
        assert!((prediction.margin - 0.25).abs() < 1e-6);
        assert!(prediction.is_sure(0.5) && !prediction.is_sure(0.6));
    }

    #[test]
    fn a_temperature_makes_it_less_sure() {
        let prediction = Prediction::new(&card(Labels::Single, Some(2.0)), &known(&[0.8, 0.2, 0.0, 0.0]));
        assert!((prediction.top[0].probability - 2.0 / 3.0).abs() < 1e-4 && prediction.calibrated, "{prediction:?}");
    }

    #[test]
    fn with_several_labels_all_named_classes_count() {
        let prediction = Prediction::new(&card(Labels::Multi, None), &known(&[0.9, 0.2, 0.6, 0.1]));
        assert_eq!(prediction.classes, ["a", "c"]);
        assert!((prediction.margin - 0.2).abs() < 1e-6, "0.6 is the doubtful one");
        let none = Prediction::new(&card(Labels::Multi, None), &known(&[0.4, 0.2, 0.1, 0.1]));
        assert!(none.classes.is_empty() && !none.is_sure(0.0));
    }

    #[test]
    fn what_is_no_number_is_no_class_and_survives_the_file() {
        let prediction = Prediction::new(&card(Labels::Single, None), &known(&[f32::NAN, 0.2, f32::INFINITY, 0.1]));
        assert_eq!(prediction.top[0].class, "b");
        let text = serde_json::to_string(&prediction).unwrap();
        assert_eq!(serde_json::from_str::<Prediction>(&text).unwrap(), prediction);
    }
}
