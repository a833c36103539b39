//! What the graph does with the images that come, by the code of the graph: when it trains, and whether a candidate becomes champion.

use super::Plan;
use crate::config::Strategy;
use crate::error::ExperimentError;
use plugin_api::DatasetState;
use plugin_metric::{Predictions, most_probable};
use plugin_training::gate::{Gate, Incumbent, decide};
use plugin_training::trigger::{Due, Now, Trigger};
use plugin_training::trigger_options::TriggerOptions;
use std::time::{Duration, Instant};

/// Seconds between two parts: long enough for a data set to count as quiet, too short for a run that is due whatever has changed.
const BETWEEN_PARTS_SECONDS: u64 = 10;

/// Trigger, gate and champion of one strategy.
///
/// The images of the gate are the test images of classes that have come.
pub(super) struct Selection<'a> {
    plan: &'a Plan<'a>,
    trigger: Trigger,
    gate: Gate,
    now: Now,
    /// Images that the last run was trained on.
    trained_on: usize,
    /// Predictions of the champion for every test image, one probability for each class that it knows.
    champion: Option<Vec<Vec<f32>>>,
    /// Candidates that the gate refused.
    pub(super) refused: usize,
}

impl<'a> Selection<'a> {
    /// No champion, and nothing has come.
    pub(super) fn new(plan: &'a Plan<'a>, way: Strategy) -> Self {
        let networks = TriggerOptions::default();
        let options = if way == Strategy::Head { networks.for_heads() } else { networks };
        let now = Now { instant: Instant::now(), unix_s: 0 };
        let trigger = Trigger::new(options, String::new(), None);
        Self { plan, trigger, gate: Gate::default(), now, trained_on: 0, champion: None, refused: 0 }
    }

    /// Whether a run starts now that the images `train` have come, of the first `classes` classes.
    pub(super) fn is_due(&mut self, train: &[usize], classes: usize) -> bool {
        let state = self.state(train, classes);
        self.trigger.snapshot(state, self.now);
        self.pass_time();
        let new = (train.len() - self.trained_on) as u64;
        matches!(self.trigger.due(self.now, false, false, |_| Some(new)), Due::Run(_))
    }

    /// Whether a candidate that was trained on `train` becomes champion, by its predictions for every test image.
    ///
    /// # Errors
    /// When a prediction does not have one probability for each class.
    pub(super) fn evaluate(
        &mut self,
        predictions: Vec<Vec<f32>>,
        train: &[usize],
        classes: usize,
    ) -> Result<bool, ExperimentError> {
        let candidate = self.evaluated(&predictions, classes)?;
        let champion = self.champion.as_ref().map(|champion| self.evaluated(champion, classes)).transpose()?;
        let incumbent = champion.as_ref().map_or(Incumbent::None, |evaluated| Incumbent::Evaluated {
            name: "champion",
            predictions: evaluated,
            handicap: &[],
        });
        let is_promoted = decide(&candidate, incumbent, &self.gate).promoted;
        if is_promoted {
            self.champion = Some(predictions);
        } else {
            self.refused += 1;
        }
        self.trained_on = train.len();
        let state = self.state(train, classes);
        self.trigger.done(&state.fingerprint, self.now);
        Ok(is_promoted)
    }

    /// Share of all test images that the champion predicts correctly; 0 without a champion.
    pub(super) fn accuracy(&self) -> f64 {
        let Some(champion) = &self.champion else { return 0.0 };
        let photos = &self.plan.context.photos.photos;
        let is_correct = |(row, place): &(&Vec<f32>, &usize)| most_probable(row) == photos[**place].class as usize;
        let correct = champion.iter().zip(&self.plan.test).filter(is_correct).count();
        correct as f64 / self.plan.test.len().max(1) as f64
    }

    fn pass_time(&mut self) {
        self.now.instant += Duration::from_secs(BETWEEN_PARTS_SECONDS);
        self.now.unix_s += BETWEEN_PARTS_SECONDS;
    }

    /// The data set as `train` would see it.
    fn state(&self, train: &[usize], classes: usize) -> DatasetState {
        let photos = &self.plan.context.photos;
        let mut counts = vec![[0; 4]; classes];
        for (split, places) in [(0, train), (2, &self.plan.test[..])] {
            for place in places {
                if let Some(of) = counts.get_mut(photos.photos[*place].class as usize) {
                    of[split] += 1;
                }
            }
        }
        DatasetState {
            version: train.len() as u64,
            fingerprint: train.len().to_string(),
            classes: photos.classes[..classes].to_vec(),
            counts,
            ..DatasetState::default()
        }
    }

    /// Predictions for the test images of the first `classes` classes; a model that knows fewer gives the others no probability.
    fn evaluated(&self, predictions: &[Vec<f32>], classes: usize) -> Result<Predictions, ExperimentError> {
        let photos = &self.plan.context.photos;
        let mut evaluated = Predictions::new(photos.classes[..classes].to_vec());
        for (row, place) in predictions.iter().zip(&self.plan.test) {
            let truth = photos.photos[*place].class as usize;
            if truth < classes {
                let mut row = row.clone();
                row.resize(classes, 0.0);
                evaluated.push(truth, &row).map_err(|error| ExperimentError::Options(error.to_string()))?;
            }
        }
        Ok(evaluated)
    }
}
