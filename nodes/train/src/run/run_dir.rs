//! The folder of a run as `train` writes it. Every file is whole or not there; what a kill leaves behind is put right
//! when the run goes on.
//!
//! Beside the files of [`plugin_api::runs`]: `progress.json` (where the run stands after an epoch) and
//! `abandoned.json` (it will not go on, and why).

use plugin_api::files::with_path;
use plugin_api::runs::{MetricRow, RunFolder, RunManifest, read_json, write_json};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::io;
use std::path::PathBuf;

pub use plugin_api::run_id::{now_ms, run_id};

/// How good the weights of an epoch are.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Accuracy on the validation images, by weight; none without validation images.
    pub accuracy: Option<f64>,
    /// Loss on the validation images, or on the training images when there are none.
    pub loss: f64,
}

impl Score {
    /// Higher accuracy is better, then lower loss. A loss that is not a number is the worst.
    pub fn better_than(&self, other: &Self) -> bool {
        let accuracy = self.accuracy.unwrap_or_default().total_cmp(&other.accuracy.unwrap_or_default());
        match accuracy {
            Ordering::Equal => self.loss < other.loss || (other.loss.is_nan() && !self.loss.is_nan()),
            order => order == Ordering::Greater,
        }
    }
}

/// Weights on disk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// The epoch they are from, from 0.
    pub epoch: u64,
    /// File name in `checkpoints/`.
    pub file: String,
    /// BLAKE3 of the file.
    pub digest: String,
    /// How good they are.
    pub score: Score,
}

/// The state of the optimizer, on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OptimizerState {
    /// File name in `checkpoints/`.
    pub file: String,
    /// BLAKE3 of the file.
    pub digest: String,
}

/// Where a run stands after an epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Epochs done.
    pub epochs: u64,
    /// Optimizer steps done.
    pub steps: u64,
    /// Training images seen.
    pub samples: u64,
    /// Seconds of work.
    pub seconds: f64,
    /// The weights after the last epoch.
    pub last: Saved,
    /// The best ones.
    pub best: Saved,
    /// What the optimizer remembers after the last epoch; none in runs of older versions.
    #[serde(default)]
    pub memory: Option<OptimizerState>,
}

/// Why a run will not go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Abandoned {
    /// For a person.
    pub reason: String,
    /// The same data and options would fail again.
    pub hopeless: bool,
}

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct RunDir {
    /// The folder.
    pub folder: RunFolder,
}

impl RunDir {
    /// Makes the folder of a new run and writes its manifest.
    ///
    /// # Errors
    /// Any error of the file system; there is a folder of that name already.
    pub fn create(folder: RunFolder, manifest: &RunManifest) -> io::Result<Self> {
        std::fs::create_dir(&folder.0).map_err(|e| with_path(&folder.0, &e))?;
        let run_dir = Self { folder };
        std::fs::create_dir(run_dir.checkpoints()).map_err(|e| with_path(&run_dir.checkpoints(), &e))?;
        run_dir.write_manifest(manifest)?;
        Ok(run_dir)
    }

    /// Writes `run.json`.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn write_manifest(&self, manifest: &RunManifest) -> io::Result<()> {
        write_json(&self.folder.0.join("run.json"), manifest)
    }

    /// The folder of the weights.
    pub fn checkpoints(&self) -> PathBuf {
        self.folder.0.join("checkpoints")
    }

    /// The file for the weights after an epoch.
    pub fn checkpoint(epoch: u64) -> String {
        format!("epoch-{epoch:04}.safetensors")
    }

    /// The file for what the optimizer remembers after an epoch.
    pub fn memory(epoch: u64) -> String {
        format!("epoch-{epoch:04}.optimizer")
    }

    /// Where the run stands, when an epoch is over.
    pub fn progress(&self) -> Option<Progress> {
        read_json(&self.folder.0.join("progress.json")).ok()
    }

    /// Ends an epoch whose weights are written: figures, then the progress, then old weights go. Killed in between,
    /// the run goes on from the epoch before.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn end_epoch(&self, rows: &[MetricRow], progress: &Progress) -> io::Result<()> {
        self.folder.append_metrics(rows)?;
        write_json(&self.folder.0.join("progress.json"), progress)?;
        self.tidy(progress);
        Ok(())
    }

    /// Makes ready to go on after `progress`: what came after it goes.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn rewind(&self, progress: &Progress) -> io::Result<()> {
        let mut text = String::new();
        for row in self.folder.metrics().iter().filter(|row| row.epoch < progress.epochs) {
            text.push_str(&serde_json::to_string(row)?);
            text.push('\n');
        }
        plugin_api::files::write_atomically(&self.folder.0.join("metrics.jsonl"), text.as_bytes())?;
        self.tidy(progress);
        Ok(())
    }

    /// Removes all weights but the last and the best, and all optimizer states but the last. A failure costs space alone.
    fn tidy(&self, progress: &Progress) {
        let memory = progress.memory.as_ref().map(|memory| &memory.file);
        let kept: Vec<&String> = [&progress.last.file, &progress.best.file].into_iter().chain(memory).collect();
        let Ok(entries) = std::fs::read_dir(self.checkpoints()) else { return };
        for entry in entries.flatten() {
            if !kept.iter().any(|kept| ***kept == *entry.file_name()) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Why the run will not go on, when it won't.
    pub fn abandoned(&self) -> Option<Abandoned> {
        read_json(&self.folder.0.join("abandoned.json")).ok()
    }

    /// Writes down that the run will not go on, and removes its weights.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn abandon(&self, reason: &str, hopeless: bool) -> io::Result<()> {
        tracing::warn!(run = self.folder.id(), reason, "abandoned");
        write_json(&self.folder.0.join("abandoned.json"), &Abandoned { reason: reason.to_owned(), hopeless })?;
        let _ = std::fs::remove_dir_all(self.checkpoints());
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use plugin_api::{DatasetState, fixture};

    pub fn manifest(id: &str, state: &DatasetState) -> RunManifest {
        RunManifest {
            reason: "first run".into(),
            classes: state.classes.clone(),
            labels: state.labels,
            version: state.version,
            fingerprint: state.fingerprint.clone(),
            counts: state.counts.clone(),
            options: serde_json::json!({ "config": "options" }),
            ..fixture::manifest(id, &[])
        }
    }

    pub fn saved(epoch: u64) -> Saved {
        let score = Score { accuracy: Some(0.5), loss: 1.0 };
        Saved { epoch, file: RunDir::checkpoint(epoch), digest: "d".to_owned(), score }
    }

    fn row(epoch: u64) -> MetricRow {
        MetricRow { split: "train".to_owned(), metric: "loss".to_owned(), epoch, step: 1, value: 0.5 }
    }

    fn files(run_dir: &RunDir) -> Vec<String> {
        let entries = std::fs::read_dir(run_dir.checkpoints()).unwrap();
        let mut names: Vec<String> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn best_is_by_accuracy_then_by_loss() {
        let score = |accuracy, loss| Score { accuracy, loss };
        assert!(score(Some(0.6), 2.0).better_than(&score(Some(0.5), 1.0)));
        assert!(score(Some(0.5), 1.0).better_than(&score(Some(0.5), 2.0)));
        assert!(!score(Some(0.5), 1.0).better_than(&score(Some(0.5), 1.0)));
        assert!(score(None, 1.0).better_than(&score(None, 2.0)), "no validation image");
        assert!(score(None, 1.0).better_than(&score(None, f64::NAN)));
    }

    #[test]
    fn best_and_last_weights_survive_until_a_rewind() {
        let workspace = tempfile::tempdir().unwrap();
        let folder = RunFolder::new(workspace.path(), "r");
        let run_dir = RunDir::create(folder.clone(), &manifest("r", &DatasetState::default())).unwrap();
        assert!(RunDir::create(folder, &manifest("r", &DatasetState::default())).is_err(), "never twice");
        let mut progress = None;
        for epoch in 0..4 {
            std::fs::write(run_dir.checkpoints().join(RunDir::checkpoint(epoch)), b"w").unwrap();
            std::fs::write(run_dir.checkpoints().join(RunDir::memory(epoch)), b"m").unwrap();
            let now = Progress {
                epochs: epoch + 1,
                steps: 10,
                samples: 80,
                seconds: 1.0,
                last: saved(epoch),
                best: saved(1.min(epoch)),
                memory: Some(OptimizerState { file: RunDir::memory(epoch), digest: "d".to_owned() }),
            };
            run_dir.end_epoch(&[row(epoch)], &now).unwrap();
            progress = Some(now);
        }
        assert_eq!(files(&run_dir), ["epoch-0001.safetensors", "epoch-0003.optimizer", "epoch-0003.safetensors"]);
        assert_eq!(run_dir.progress(), progress);
        // Killed in the fifth epoch, after its figures and weights were written and before its progress was.
        run_dir.folder.append_metrics(&[row(4)]).unwrap();
        std::fs::write(run_dir.checkpoints().join(RunDir::checkpoint(4)), b"w").unwrap();
        std::fs::write(run_dir.checkpoints().join(".epoch-0004.safetensors.77.part"), b"w").unwrap();
        run_dir.rewind(&progress.unwrap()).unwrap();
        assert_eq!(files(&run_dir), ["epoch-0001.safetensors", "epoch-0003.optimizer", "epoch-0003.safetensors"]);
        assert_eq!(run_dir.folder.metrics().iter().map(|r| r.epoch).collect::<Vec<_>>(), [0, 1, 2, 3]);
    }

    #[test]
    fn an_abandoned_run_says_why() {
        let workspace = tempfile::tempdir().unwrap();
        let run_dir =
            RunDir::create(RunFolder::new(workspace.path(), "r"), &manifest("r", &DatasetState::default())).unwrap();
        assert_eq!(run_dir.abandoned(), None);
        run_dir.abandon("no hope", true).unwrap();
        assert_eq!(run_dir.abandoned(), Some(Abandoned { reason: "no hope".to_owned(), hopeless: true }));
        assert!(!run_dir.checkpoints().exists());
    }
}
