//! Writes what an epoch leaves on disk beside learning: serialising, hashing and syncing take longer than copying.

use crate::error::TrainError;
use crate::run::run_dir::{OptimizerState, Progress, RunDir, Saved, Score};
use plugin_api::runs::MetricRow;
use plugin_model::Checkpoint;
use std::io;
use std::thread::JoinHandle;
use std::time::Instant;

/// What an epoch leaves on disk.
pub struct EpochRecord {
    /// Which, from 0.
    pub epoch: u64,
    /// How good it is.
    pub score: Score,
    /// It is kept whatever the epochs before were like.
    pub keep: bool,
    /// Its weights.
    pub checkpoint: Checkpoint,
    /// Its figures.
    pub rows: Vec<MetricRow>,
    /// Steps of the run so far.
    pub steps: u64,
    /// Images it was trained on.
    pub samples: u64,
    /// Seconds of work.
    pub seconds: f64,
}

/// Writes one epoch after the other.
pub struct CheckpointWriter {
    run_dir: RunDir,
    progress: Option<Progress>,
    busy: Option<JoinHandle<Result<Progress, TrainError>>>,
}

impl CheckpointWriter {
    /// Goes on after `progress`.
    pub fn new(run_dir: RunDir, progress: Option<Progress>) -> Self {
        Self { run_dir, progress, busy: None }
    }

    /// Waits until all is written, and returns where the run then stands.
    ///
    /// # Errors
    /// What the write failed with.
    pub fn settle(&mut self) -> Result<Option<&Progress>, TrainError> {
        if let Some(busy) = self.busy.take() {
            let written = busy.join().map_err(|_| io::Error::other("writing a checkpoint panicked"))?;
            self.progress = Some(written?);
        }
        Ok(self.progress.as_ref())
    }

    /// Begins to write an epoch, once the one before is written.
    ///
    /// # Errors
    /// What the write before failed with.
    pub fn write(&mut self, record: EpochRecord) -> Result<(), TrainError> {
        self.settle()?;
        let (run_dir, before) = (self.run_dir.clone(), self.progress.clone());
        let writing = move || {
            // Of this thread alone: a step waits for the slowest of LibTorch's threads, so one that is held up holds up all.
            plugin_harness::yield_to_others(19);
            write(&run_dir, before.as_ref(), record)
        };
        self.busy = Some(std::thread::Builder::new().name("checkpoint".to_owned()).spawn(writing)?);
        Ok(())
    }
}

impl Drop for CheckpointWriter {
    fn drop(&mut self) {
        // Nobody else may touch the folder before.
        if let Err(error) = self.settle() {
            tracing::warn!(run = self.run_dir.folder.id(), %error, "the last checkpoint was not written");
        }
    }
}

/// Weights and the optimizer's state, then figures and progress, then old weights go.
fn write(run_dir: &RunDir, before: Option<&Progress>, record: EpochRecord) -> Result<Progress, TrainError> {
    let EpochRecord { epoch, score, keep, checkpoint, rows, steps, samples, seconds } = record;
    let (file, memory) = (RunDir::checkpoint(epoch), RunDir::memory(epoch));
    let (folder, writing) = (run_dir.checkpoints(), Instant::now());
    let [digest, of_memory] = checkpoint.save(&folder.join(&file), &folder.join(&memory))?;
    let last = Saved { epoch, file, digest, score };
    let best = match before {
        Some(before) if !keep && !score.better_than(&before.best.score) => before.best.clone(),
        _ => last.clone(),
    };
    let progress = Progress {
        epochs: epoch + 1,
        steps,
        samples: before.map_or(0, |p| p.samples) + samples,
        seconds: before.map_or(0.0, |p| p.seconds) + seconds,
        last,
        best,
        memory: Some(OptimizerState { file: memory, digest: of_memory }),
    };
    run_dir.end_epoch(&rows, &progress)?;
    let seconds = writing.elapsed().as_secs_f64();
    tracing::debug!(run = run_dir.folder.id(), epoch, seconds, "checkpoint written");
    Ok(progress)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::run_dir::tests::manifest;
    use clap::Parser as _;
    use plugin_api::DatasetState;
    use plugin_api::runs::RunFolder;
    use plugin_model::{DeviceChoice, Start, Task, Trainer};

    fn trainer() -> Trainer {
        let task = Task {
            architecture: "small-cnn".to_owned(),
            definition: None,
            classes: vec!["a".to_owned(), "b".to_owned()],
            labels: plugin_api::Labels::Single,
            size_px: 16,
            epochs: 3,
            freeze_epochs: 0,
            seed: 1,
        };
        let options = crate::Config::parse_from(["train"]).trainer;
        Trainer::new(&task, &options, Start::Scratch, &DeviceChoice::Flex.open().unwrap()).unwrap()
    }

    fn record(epoch: u64, loss: f64) -> EpochRecord {
        let score = Score { accuracy: None, loss };
        let rows =
            vec![MetricRow { epoch, step: 1, split: "train".to_owned(), metric: "loss".to_owned(), value: loss }];
        EpochRecord {
            epoch,
            score,
            keep: false,
            checkpoint: trainer().checkpoint(),
            rows,
            steps: epoch + 1,
            samples: 9,
            seconds: 0.5,
        }
    }

    #[test]
    fn epochs_are_written_in_order_and_the_best_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::new(folder.path(), "r");
        let run_dir = RunDir::create(run, &manifest("r", &DatasetState::default())).unwrap();
        let mut checkpoint_writer = CheckpointWriter::new(run_dir.clone(), None);
        assert!(checkpoint_writer.settle().unwrap().is_none());
        for (epoch, loss) in [(0, 2.0), (1, 1.0), (2, 3.0)] {
            checkpoint_writer.write(record(epoch, loss)).unwrap();
        }
        let progress = checkpoint_writer.settle().unwrap().cloned().unwrap();
        assert_eq!((progress.epochs, progress.steps, progress.samples, progress.seconds), (3, 3, 27, 1.5));
        assert_eq!((progress.best.epoch, progress.last.epoch), (1, 2));
        assert_eq!(run_dir.progress(), Some(progress));
        assert_eq!(run_dir.folder.metrics().len(), 3);
        checkpoint_writer.write(EpochRecord { keep: true, ..record(3, 9.0) }).unwrap();
        assert_eq!(checkpoint_writer.settle().unwrap().unwrap().best.epoch, 3, "kept whatever it is like");
    }

    #[test]
    fn a_write_that_fails_is_told_and_nothing_is_taken_for_written() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::new(folder.path(), "r");
        let run_dir = RunDir::create(run, &manifest("r", &DatasetState::default())).unwrap();
        let mut checkpoint_writer = CheckpointWriter::new(run_dir.clone(), None);
        checkpoint_writer.write(record(0, 1.0)).unwrap();
        checkpoint_writer.settle().unwrap();
        std::fs::remove_dir_all(run_dir.checkpoints()).unwrap();
        checkpoint_writer.write(record(1, 0.5)).unwrap();
        let error = checkpoint_writer.settle().unwrap_err().to_string();
        assert!(error.contains("epoch-0001.safetensors"), "{error}");
        assert_eq!(run_dir.progress().unwrap().epochs, 1);
    }
}
