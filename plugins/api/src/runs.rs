//! The files of a training run, `runs/<id>/`, and of a model, `models/<id>/`.
//!
//! ```text
//! runs/<id>/run.json                        RunManifest, written at the start
//! runs/<id>/metrics.jsonl                   MetricRow, one a line, appended as the run goes
//! runs/<id>/checkpoints/epoch-0009.safetensors
//! runs/<id>/cross_validation.json           CrossValidation, written before finished.json where few images are held out
//! runs/<id>/finished.json                   Finished, written when training is over
//! runs/<id>/verdict.json                    Verdict, written by evaluate
//! runs/<id>/report/index.html               and predictions.csv, confusion.csv, per_class.csv
//! models/<id>/model.safetensors, model.json (ModelCard)
//! models/champion -> <id>
//! ```

use crate::decision::Decision;
use crate::labels::Labels;
use crate::message::Text;
use crate::resize_mode::ResizeMode;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The frozen, pretrained network under a head.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backbone {
    /// What the architecture is called: `efficientnet-lite0`.
    pub architecture: String,
    /// BLAKE3 of the file of its weights, which lies in `models/backbones/` under that name (see [`Workspace::backbone`]) and is
    /// shared by all heads on it.
    ///
    /// [`Workspace::backbone`]: crate::Workspace::backbone
    pub digest: String,
}

/// What must be known of weights to use them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// What the architecture is called: `small-cnn`, `resnet18`, …
    pub architecture: String,
    /// Its blocks, as text; none in cards from when a name was enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// Side of the square input, pixels.
    pub size_px: u32,
    /// How images are brought to that size.
    pub resize_mode: ResizeMode,
    /// Class names, by index.
    pub classes: Vec<String>,
    /// Whether an image has one class or several.
    #[serde(default)]
    pub labels: Labels,
    /// The run the weights come from.
    pub run: String,
    /// BLAKE3 of the weights' file.
    pub digest: String,
    /// What its logits are divided by so that probabilities mean what they say; none in cards from before, and where
    /// there were too few validation images to find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The network whose embeddings it is a head on: `model.safetensors` then holds the head alone. `None`: the weights are those
    /// of a whole network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backbone: Option<Backbone>,
}

/// Everything that decides a run, written before it starts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunManifest {
    /// Sortable by time: `20261123-224530-3f2a`.
    pub id: String,
    /// Start, milliseconds since 1970.
    pub started_ms: u64,
    /// Why it was started.
    pub reason: Text,
    /// The model whose weights it started from; none when from scratch.
    pub parent: Option<String>,
    /// What the architecture is called.
    pub architecture: String,
    /// Its blocks, as text; none in runs from when a name was enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// The frozen network under a head; `None` where a whole network is trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backbone: Option<Backbone>,
    /// Side of the square input, pixels.
    pub size_px: u32,
    /// How images are brought to that size.
    pub resize_mode: ResizeMode,
    /// Class names, by index.
    pub classes: Vec<String>,
    /// Whether an image has one class or several.
    #[serde(default)]
    pub labels: Labels,
    /// Version of the data set.
    pub version: u64,
    /// Digest of the data set's images and labels.
    pub fingerprint: String,
    /// Images by class: `[train, validation, test, conflicts]`, in the order of `classes`.
    pub counts: Vec<[u64; 4]>,
    /// Epochs to train.
    pub epochs: u64,
    /// Images a batch.
    pub batch_size: u32,
    /// Seed of initial weights, order and augmentation.
    pub seed: u64,
    /// `flex`, `libtorch`, `libtorch-cuda:0`.
    pub device: String,
    /// Optimizer, learning rate, schedule and the like, as the options named them.
    pub options: serde_json::Value,
    /// Version of the program.
    pub code: String,
}

/// Somebody asks `train` for a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRequest {
    /// The run from whose weights it is to begin; none: as it would by itself.
    pub from: Option<String>,
}

impl RunRequest {
    /// The file in `runs/`.
    pub const FILE: &str = "request.json";
}

/// Somebody asks `train` to start no run by itself: as long as the file is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when, milliseconds since 1970.
    pub since_ms: u64,
}

impl Pause {
    /// The file in `runs/`.
    pub const FILE: &str = "paused.json";
}

/// One figure of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricRow {
    /// `train`, `validation` or `test`.
    pub split: String,
    /// `loss`, `accuracy`, `learning_rate`, …
    pub metric: String,
    /// Number of the epoch, from 0.
    pub epoch: u64,
    /// Optimizer steps so far.
    pub step: u64,
    /// The figure.
    pub value: f64,
}

/// The end of a run's training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// The weights to evaluate, relative to the workspace.
    pub uri: String,
    /// BLAKE3 of the weights' file.
    pub digest: String,
    /// Epochs done.
    pub epochs: u64,
    /// Optimizer steps done.
    pub steps: u64,
    /// Training images seen.
    pub samples: u64,
    /// Wall time of training, seconds.
    pub seconds: f64,
}

/// How far a model's probabilities are from how often it is right, before and after temperature scaling.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// What the logits are divided by.
    pub temperature: f64,
    /// Validation images it was fitted on; 0 for a head, which is calibrated out of fold when it is fitted.
    pub fitted_on: u64,
    /// Expected calibration error of 15 bins, 0 to 1, of the held-out images as the model answers; none without any.
    pub error_before: Option<f64>,
    /// The same with the temperature.
    pub error_after: Option<f64>,
}

/// What networks of the run's options said of images that they were not trained on: one network a fold, trained on all others.
///
/// The networks start as a first run does, never from a champion, which may have been trained on the very images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CrossValidation {
    /// Number of folds.
    pub folds: u32,
    /// Class names, by index.
    pub classes: Vec<String>,
    /// Digest of the data set's images and labels.
    pub fingerprint: String,
    /// Every image of the version, fold by fold.
    pub samples: Vec<OutOfFold>,
    /// Wall time, seconds.
    pub seconds: f64,
}

/// What a network said of an image that it was not trained on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutOfFold {
    /// BLAKE3 of the image's file.
    pub digest: String,
    /// One file that holds it, relative to the workspace.
    pub path: String,
    /// The fold it was in, from 0.
    pub fold: u32,
    /// Its classes.
    pub targets: Vec<u32>,
    /// One a class.
    pub probabilities: Vec<f32>,
    /// The network was trained on a near-copy of it, because their group is too large for one fold.
    pub near_copy: bool,
}

impl CrossValidation {
    /// The file in the folder of the run.
    pub const FILE: &str = "cross_validation.json";

    /// The same while folds are missing.
    pub const PARTIAL: &str = "cross_validation-partial.json";
}

/// How the figures of a verdict were come by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evaluation {
    /// The model answered for the test split.
    #[default]
    HeldOut,
    /// Networks of its options answered for all images, see [`CrossValidation`].
    CrossValidated {
        /// Number of folds.
        folds: u32,
    },
}

/// What was found of one class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassResult {
    /// Images it was evaluated on; with 0 nothing is known of it.
    pub images: u64,
    /// Those of which it was said.
    pub correct: u64,
    /// Those with a near-copy among the images trained on: on them figures are optimistic.
    pub optimistic: u64,
}

/// What `evaluate` found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The run that was evaluated.
    pub run: String,
    /// Whether it became champion.
    pub decision: Decision,
    /// Why.
    pub reason: Text,
    /// The champion after the verdict.
    pub champion: Option<String>,
    /// The champion before it.
    pub previous: Option<String>,
    /// Class names, by index of the confusion matrix.
    pub classes: Vec<String>,
    /// Whether an image has one class or several.
    #[serde(default)]
    pub labels: Labels,
    /// Held-out images.
    #[serde(rename = "pictures")]
    pub images: u64,
    /// Accuracy of the challenger on them: with several labels, all of an image's classes and no other.
    pub accuracy: f64,
    /// Its 95 % confidence interval (Wilson).
    pub accuracy_interval: [f64; 2],
    /// Mean recall over the classes that have held-out images.
    pub balanced_accuracy: f64,
    /// The same of the champion before, on the same images.
    pub champion_accuracy: Option<f64>,
    /// The same of the champion before, on the same images.
    pub champion_balanced_accuracy: Option<f64>,
    /// Mean average precision over the classes, with several labels.
    #[serde(default)]
    pub mean_average_precision: Option<f64>,
    /// The same of the champion before, on the same images.
    #[serde(default)]
    pub champion_mean_average_precision: Option<f64>,
    /// Two-sided test of the two: McNemar's, or with several labels a paired bootstrap of mean average precision.
    pub p_value: Option<f64>,
    /// What the deciding figure differs from the champion's by at least, with the confidence that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower_bound: Option<f64>,
    /// F1 of each class, by index; none where it would be 0 / 0.
    #[serde(default)]
    pub f1: Vec<Option<f64>>,
    /// Confusion matrix of the challenger: `[truth][prediction]`; empty with several labels.
    pub confusion: Vec<Vec<u64>>,
    /// How far its probabilities can be trusted; none when there were too few validation images to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calibration: Option<Calibration>,
    /// How the figures were come by.
    #[serde(default)]
    pub evaluation: Evaluation,
    /// By class index; empty in verdicts of earlier versions.
    #[serde(default)]
    pub class_results: Vec<ClassResult>,
    /// The report, relative to the workspace.
    pub report: String,
    /// When, milliseconds since 1970.
    #[serde(rename = "judged_ms")]
    pub evaluated_ms: u64,
}

/// The folder of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFolder(pub PathBuf);

impl RunFolder {
    /// The folder of run `id` in `runs`.
    pub fn new(runs: &Path, id: &str) -> Self {
        Self(runs.join(id))
    }

    /// The run's id: the folder's name.
    pub fn id(&self) -> String {
        self.0.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Runs on disk, oldest first.
    pub fn all(runs: &Path) -> Vec<Self> {
        let Ok(entries) = std::fs::read_dir(runs) else { return Vec::new() };
        let mut folders: Vec<PathBuf> =
            entries.flatten().filter(is_shown).map(|e| e.path()).filter(|p| p.join("run.json").is_file()).collect();
        folders.sort();
        folders.into_iter().map(Self).collect()
    }

    /// `run.json`, when it is there and sound.
    pub fn manifest(&self) -> Option<RunManifest> {
        read_json(&self.0.join("run.json")).ok()
    }

    /// `finished.json`, when training is over.
    pub fn finished(&self) -> Option<Finished> {
        read_json(&self.0.join("finished.json")).ok()
    }

    /// `cross_validation.json`, when there is one and it is whole.
    pub fn cross_validation(&self) -> Option<CrossValidation> {
        read_json(&self.0.join(CrossValidation::FILE)).ok()
    }

    /// `verdict.json`, when the run has been evaluated.
    pub fn verdict(&self) -> Option<Verdict> {
        read_json(&self.0.join("verdict.json")).ok()
    }

    /// The lines of `metrics.jsonl`; a half-written last line is left out.
    pub fn metrics(&self) -> Vec<MetricRow> {
        let text = std::fs::read_to_string(self.0.join("metrics.jsonl")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Appends to `metrics.jsonl`.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn append_metrics(&self, rows: &[MetricRow]) -> io::Result<()> {
        let path = self.0.join("metrics.jsonl");
        let mut text = String::new();
        for row in rows {
            text.push_str(&serde_json::to_string(row)?);
            text.push('\n');
        }
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(&path)?;
        file.write_all(text.as_bytes()).map_err(|e| crate::files::with_path(&path, &e))
    }
}

/// Hidden folders are on their way out.
fn is_shown(entry: &std::fs::DirEntry) -> bool {
    !entry.file_name().as_encoded_bytes().starts_with(b".")
}

/// Reads a JSON file.
///
/// # Errors
/// Any error of the file system or the content, with the path in its text.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    let bytes = std::fs::read(path).map_err(|e| crate::files::with_path(path, &e))?;
    serde_json::from_slice(&bytes).map_err(|e| crate::files::with_path(path, &e.into()))
}

/// Writes a JSON file, whole or not at all.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    crate::files::write_atomically(path, &serde_json::to_vec_pretty(value)?)
}
