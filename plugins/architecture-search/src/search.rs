//! A search as it stands: what it was asked for, its attempts, and what came of each. It is a function of the journal's events.

use crate::mutation::Limits;
use crate::pareto::{Point, front};
use plugin_api::DatasetState;
use serde::{Deserialize, Serialize};

/// How networks are proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// A random change of any network that was trained before.
    Random,
    /// Of many random changes, most of them of the best networks so far, the one from which a Gaussian process expects most.
    GaussianProcess,
}

/// What is to be small.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// The validation error.
    Error,
    /// The validation error and the multiply-adds: networks that are the best for their cost.
    ErrorAndCost,
}

/// What decides a search, given the data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// What the network is called that the search starts from.
    pub network: String,
    /// Its file.
    pub definition: String,
    /// How networks are proposed.
    pub method: Method,
    /// What is to be small.
    pub objective: Objective,
    /// Side of the square images, pixels.
    pub size_px: u32,
    /// Epochs of an attempt that is not stopped.
    pub epochs: u64,
    /// Of the attempts that have come as far, one in so many goes on (successive halving); 1: all do.
    pub halving: u64,
    /// Whether weights are taken over from the parent.
    pub inherit: bool,
    /// Multiply-adds of a proposal at most.
    pub max_multiply_adds: u64,
    /// Parameters of a proposal at most.
    pub max_parameters: u64,
    /// Decides all that is drawn.
    pub seed: u64,
}

/// How an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is being trained, or waits for it.
    Training,
    /// It was trained to the end.
    Trained,
    /// It was stopped early, with the weights it had.
    Stopped,
    /// It could not be trained.
    Failed,
}

/// What is trained, and how it came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposed {
    /// From 0, which is the network that the search starts from.
    pub attempt: u64,
    /// Id of the run that trained the network.
    pub run: String,
    /// The attempt it was made from.
    pub parent: Option<u64>,
    /// What was changed, for a person.
    pub change: String,
    /// Its file.
    pub definition: String,
    /// Multiply-adds of an image.
    pub multiply_adds: u64,
    /// Trainable parameters.
    pub parameters: u64,
    /// The validation error that was expected and its standard deviation, where a Gaussian process chose it.
    pub expected: Option<[f64; 2]>,
    /// The attempt whose weights it takes over.
    pub inherits: Option<u64>,
    /// Which of several `train` does it.
    pub worker: u32,
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The search begins.
    Began {
        /// What decides it.
        settings: Settings,
        /// The data set it is over.
        data: DatasetState,
        /// Milliseconds since 1970.
        started_ms: u64,
    },
    /// A network is to be trained.
    Proposed(Proposed),
    /// An epoch of an attempt is over.
    Epoch {
        /// Number of the attempt.
        attempt: u64,
        /// The epoch, from 0.
        epoch: u64,
        /// Share of the validation images that were wrong, by weight of their class; the training loss where there are none.
        error: f64,
        /// Seconds it took.
        seconds: f64,
    },
    /// An attempt is to be stopped.
    Stopping {
        /// Number of the attempt.
        attempt: u64,
        /// Why.
        reason: String,
    },
    /// The program that trained it ended in the middle.
    Interrupted {
        /// Number of the attempt.
        attempt: u64,
    },
    /// Training is over.
    Ended {
        /// Number of the attempt.
        attempt: u64,
        /// How the attempt ended.
        outcome: Outcome,
        /// Why it failed or was stopped.
        reason: Option<String>,
    },
    /// The test images have been answered.
    Evaluated {
        /// Number of the attempt.
        attempt: u64,
        /// Accuracy.
        accuracy: f64,
        /// Mean recall.
        balanced_accuracy: f64,
        /// What the gate says.
        reason: String,
    },
    /// The search goes on no more.
    Finished {
        /// Why.
        reason: String,
    },
    /// It goes on all the same: limits are others now.
    Resumed {},
}

/// A line of the journal with the time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Seconds the search has worked; pauses do not count.
    pub at: f64,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

/// What the test images said of an attempt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Test {
    /// Accuracy.
    pub accuracy: f64,
    /// Mean recall.
    pub balanced_accuracy: f64,
    /// What the gate says.
    pub reason: String,
}

/// One network of a search.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attempt {
    /// What is trained.
    #[serde(flatten)]
    pub proposed: Proposed,
    /// How it stands.
    pub outcome: Outcome,
    /// Why it failed or was stopped.
    pub reason: Option<String>,
    /// Validation error after each epoch.
    pub curve: Vec<f64>,
    /// Seconds of training.
    pub seconds: f64,
    /// Why it is to be stopped.
    pub stopping: Option<String>,
    /// How often the program that trained it ended since the last epoch.
    pub interruptions: u32,
    /// What the test images said.
    pub test: Option<Test>,
    /// Seconds of the search when it was proposed.
    pub proposed_at: f64,
    /// Seconds of the search when its training was over.
    pub ended_at: Option<f64>,
}

impl Attempt {
    /// Smallest validation error in the first `epochs`; `None` when it has not come so far.
    pub fn error_after(&self, epochs: usize) -> Option<f64> {
        (epochs > 0 && self.curve.len() >= epochs).then(|| smallest(&self.curve[..epochs]))
    }

    /// Smallest validation error so far: the weights that are kept have it.
    pub fn error(&self) -> Option<f64> {
        self.error_after(self.curve.len())
    }

    /// Whether its training is over and left weights.
    pub fn has_weights(&self) -> bool {
        [Outcome::Trained, Outcome::Stopped].contains(&self.outcome) && !self.curve.is_empty()
    }
}

fn smallest(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// A search as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Search {
    /// Its folder's name.
    pub id: String,
    /// What decides it.
    pub settings: Settings,
    /// The data set it is over.
    pub data: DatasetState,
    /// Milliseconds since 1970.
    pub started_ms: u64,
    /// Seconds it has worked.
    pub seconds: f64,
    /// Its attempts, by number.
    pub attempts: Vec<Attempt>,
    /// Why it has ended.
    pub finished: Option<String>,
}

impl Search {
    /// A search that begins.
    pub fn new(id: &str, settings: Settings, data: DatasetState, started_ms: u64) -> Self {
        Self { id: id.to_owned(), settings, data, started_ms, seconds: 0.0, attempts: Vec::new(), finished: None }
    }

    /// What happened. An event of an attempt that there is none of changes nothing.
    pub fn apply(&mut self, entry: &Entry) {
        self.seconds = self.seconds.max(entry.at);
        match &entry.event {
            Event::Began { .. } => {}
            Event::Proposed(proposed) => self.attempts.push(Attempt {
                proposed: proposed.clone(),
                outcome: Outcome::Training,
                reason: None,
                curve: Vec::new(),
                seconds: 0.0,
                stopping: None,
                interruptions: 0,
                test: None,
                proposed_at: entry.at,
                ended_at: None,
            }),
            Event::Epoch { attempt, epoch, error, seconds } => self.with(*attempt, |of| {
                // A run that was cut short does epochs anew.
                of.curve.truncate(*epoch as usize);
                of.curve.push(*error);
                of.seconds += seconds;
                of.interruptions = 0;
            }),
            Event::Stopping { attempt, reason } => self.with(*attempt, |of| of.stopping = Some(reason.clone())),
            Event::Interrupted { attempt } => self.with(*attempt, |of| of.interruptions += 1),
            Event::Ended { attempt, outcome, reason } => self.with(*attempt, |of| {
                of.outcome = *outcome;
                of.reason.clone_from(reason);
                of.ended_at = Some(entry.at);
            }),
            Event::Evaluated { attempt, accuracy, balanced_accuracy, reason } => self.with(*attempt, |of| {
                of.test =
                    Some(Test { accuracy: *accuracy, balanced_accuracy: *balanced_accuracy, reason: reason.clone() });
            }),
            Event::Finished { reason } => self.finished = Some(reason.clone()),
            Event::Resumed {} => self.finished = None,
        }
    }

    fn with(&mut self, number: u64, change: impl FnOnce(&mut Attempt)) {
        if let Some(attempt) = self.attempts.get_mut(number as usize) {
            change(attempt);
        }
    }

    /// What proposals must keep to.
    pub fn limits(&self) -> Limits {
        Limits {
            size_px: self.settings.size_px,
            classes: self.data.classes.len(),
            multiply_adds: self.settings.max_multiply_adds,
            parameters: self.settings.max_parameters,
            blocks: 400,
        }
    }

    /// Validation error of guessing.
    pub fn chance_error(&self) -> f64 {
        1.0 - 1.0 / self.data.classes.len().max(1) as f64
    }

    /// The validation error that an attempt has, or would have at the end: one that was stopped is taken to have gained as much
    /// in its last epochs as the trained ones did in the mean. One that failed counts as guessing; `None` while nothing is known.
    pub fn estimate(&self, attempt: &Attempt) -> Option<f64> {
        match attempt.outcome {
            Outcome::Failed => return Some(self.chance_error()),
            Outcome::Trained => return attempt.error(),
            Outcome::Training => return None,
            Outcome::Stopped => {}
        }
        let (epochs, error) = (attempt.curve.len(), attempt.error()?);
        let gains: Vec<f64> = self
            .attempts
            .iter()
            .filter(|other| other.outcome == Outcome::Trained)
            .filter_map(|other| Some(other.error_after(epochs)? - other.error()?))
            .collect();
        let gain = if gains.is_empty() { 0.0 } else { gains.iter().sum::<f64>() / gains.len() as f64 };
        Some((error - gain).max(0.0))
    }

    /// The numbers of the attempts that are the best for their cost, cheapest last: of the weights there are.
    pub fn front(&self) -> Vec<u64> {
        let of: Vec<&Attempt> = self.attempts.iter().filter(|attempt| attempt.has_weights()).collect();
        let points: Vec<Point> =
            of.iter().map(|a| [a.error().unwrap_or(f64::NAN), a.proposed.multiply_adds as f64]).collect();
        front(&points).into_iter().map(|i| of[i].proposed.attempt).collect()
    }

    /// The attempt with the smallest validation error, the cheapest of equal ones.
    pub fn best(&self) -> Option<&Attempt> {
        self.front().first().and_then(|number| self.attempts.get(*number as usize))
    }
}
