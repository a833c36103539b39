//! What the champion said of a picture.

use plugin_api::Labels;
use plugin_api::runs::ModelCard;
use plugin_metric::{temper, temper_each};
use serde::{Deserialize, Serialize};

/// Classes that are kept of an answer.
const TOP: usize = 3;
/// With several labels, a class is said from this probability on.
const SAID: f64 = 0.5;

/// A class and how probable it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guess {
    /// The class.
    pub class: String,
    /// 0 to 1.
    pub probability: f64,
}

/// What a model said of a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// The model: a folder in `models/`.
    pub model: String,
    /// The most probable classes, at most three, the most probable first.
    pub top: Vec<Guess>,
    /// The classes it says the picture has: the most probable one, or with several labels all from 0.5 on.
    pub classes: Vec<String>,
    /// How far the most probable class is ahead of the next, 0 to 1; with several labels, how far the most doubtful one is
    /// from a half, doubled.
    pub margin: f64,
    /// Whether a temperature was applied, so that the probabilities mean what they say.
    pub calibrated: bool,
}

impl Said {
    /// From a row of probabilities, one a class of the card. What is no number counts as 0.
    pub fn new(card: &ModelCard, row: &[f32]) -> Self {
        let row = match (card.temperature, card.labels) {
            (Some(temperature), Labels::Single) => temper(row, temperature),
            (Some(temperature), Labels::Multi) => temper_each(row, temperature),
            (None, _) => row.to_vec(),
        };
        let number = |p: &f32| if p.is_finite() { f64::from(*p) } else { 0.0 };
        let guess = |(class, p): (&String, &f32)| Guess { class: class.clone(), probability: number(p) };
        let mut all: Vec<Guess> = card.classes.iter().zip(&row).map(guess).collect();
        all.sort_by(|a, b| b.probability.total_cmp(&a.probability));
        let at = |rank: usize| all.get(rank).map_or(0.0, |guess| guess.probability);
        let (margin, count) = match card.labels {
            Labels::Single => (at(0) - at(1), all.len().min(1)),
            Labels::Multi => {
                let doubts = all.iter().map(|guess| (guess.probability - SAID).abs() * 2.0);
                (doubts.fold(1.0, f64::min), all.iter().filter(|guess| guess.probability >= SAID).count())
            }
        };
        let classes = all[..count].iter().map(|guess| guess.class.clone()).collect();
        all.truncate(TOP);
        Self { model: card.run.clone(), top: all, classes, margin, calibrated: card.temperature.is_some() }
    }

    /// Whether it is sure enough to name a class.
    pub fn is_sure(&self, abstain_below: f64) -> bool {
        !self.classes.is_empty() && self.top.first().is_some_and(|guess| guess.probability >= abstain_below)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn card(labels: Labels, temperature: Option<f64>) -> ModelCard {
        ModelCard {
            architecture: "small-cnn".to_owned(),
            definition: None,
            size_px: 32,
            resize_mode: "stretch".to_owned(),
            classes: ["a", "b", "c", "d"].map(str::to_owned).to_vec(),
            labels,
            run: "one".to_owned(),
            digest: String::new(),
            temperature,
            backbone: None,
        }
    }

    #[test]
    fn the_three_most_probable_classes_are_kept_in_order() {
        let said = Said::new(&card(Labels::Single, None), &[0.1, 0.55, 0.05, 0.3]);
        let top: Vec<&str> = said.top.iter().map(|g| g.class.as_str()).collect();
        assert_eq!((top, said.classes.clone(), said.calibrated), (vec!["b", "d", "a"], vec!["b".to_owned()], false));
        assert!((said.margin - 0.25).abs() < 1e-6);
        assert!(said.is_sure(0.5) && !said.is_sure(0.6));
    }

    #[test]
    fn a_temperature_makes_it_less_sure() {
        let said = Said::new(&card(Labels::Single, Some(2.0)), &[0.8, 0.2, 0.0, 0.0]);
        assert!((said.top[0].probability - 2.0 / 3.0).abs() < 1e-4 && said.calibrated, "{said:?}");
    }

    #[test]
    fn with_several_labels_all_that_is_said_counts() {
        let said = Said::new(&card(Labels::Multi, None), &[0.9, 0.2, 0.6, 0.1]);
        assert_eq!(said.classes, ["a", "c"]);
        assert!((said.margin - 0.2).abs() < 1e-6, "0.6 is the doubtful one");
        let none = Said::new(&card(Labels::Multi, None), &[0.4, 0.2, 0.1, 0.1]);
        assert!(none.classes.is_empty() && !none.is_sure(0.0));
    }

    #[test]
    fn what_is_no_number_is_no_class_and_survives_the_file() {
        let said = Said::new(&card(Labels::Single, None), &[f32::NAN, 0.2, f32::INFINITY, 0.1]);
        assert_eq!(said.top[0].class, "b");
        let text = serde_json::to_string(&said).unwrap();
        assert_eq!(serde_json::from_str::<Said>(&text).unwrap(), said);
    }
}
