//! Cross-validation after the last epoch of a run.
//!
//! For each fold a network of the run's options is trained on all images outside it, from where a first run starts, and answers
//! for those inside. Its last epoch counts: nothing is chosen by the images it answers for. After each fold the answers so far
//! are on disk, so that after a kill the fold that was cut short is the only one to be done again.

use super::{Interruption, Learning, PassEnd};
use crate::config::Config;
use crate::config::strategy::Strategy;
use crate::error::TrainError;
use crate::io::incoming::Incoming;
use crate::run::start;
use plugin_api::edges::{BatchHeader, list_row};
use plugin_api::runs::{CrossValidation, OutOfFold, RunFolder, RunManifest, read_json, write_json};
use plugin_api::{Fold, Subset};
use plugin_harness::Node;
use plugin_model::Batch;
use plugin_model::device::Opened;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::time::Instant;

/// The answers of the folds that are done.
#[derive(Serialize, Deserialize)]
struct Partial {
    done: u32,
    answers: CrossValidation,
}

impl Partial {
    /// Those on disk, when they are of the same data and as many folds; none otherwise.
    fn read(folder: &RunFolder, manifest: &RunManifest, folds: u32) -> Self {
        let read: Option<Self> = read_json(&folder.0.join(CrossValidation::PARTIAL)).ok();
        let same = |read: &Self| {
            let of = &read.answers;
            of.folds == folds && of.fingerprint == manifest.fingerprint && of.classes == manifest.classes
        };
        read.filter(same).unwrap_or_else(|| Self {
            done: 0,
            answers: CrossValidation {
                folds,
                classes: manifest.classes.clone(),
                fingerprint: manifest.fingerprint.clone(),
                samples: Vec::new(),
                seconds: 0.0,
            },
        })
    }
}

/// Whether the epochs of a run are over and its cross-validation has begun.
pub fn has_begun(folder: &RunFolder) -> bool {
    [CrossValidation::FILE, CrossValidation::PARTIAL].iter().any(|file| folder.0.join(file).is_file())
}

impl Learning {
    /// Cross-validates the run where the options say so. Where a network fails, the run goes without.
    pub(super) fn cross_validate(
        &mut self,
        config: &Config,
        device: &Opened,
        node: &mut Node,
        incoming: &mut Incoming,
    ) -> Result<Option<Interruption>, TrainError> {
        let manifest = self.begun.manifest.clone();
        let folder = self.begun.run_dir.folder.clone();
        // An attempt of a search is compared by its validation error, and six times as dear it would be with folds.
        if config.strategy == Strategy::Search {
            return Ok(None);
        }
        let Some(folds) = config.cross_validate.folds(&manifest.counts) else { return Ok(None) };
        if folder.0.join(CrossValidation::FILE).is_file() {
            return Ok(None);
        }
        self.checkpoint_writer.settle()?;
        let mut partial = Partial::read(&folder, &manifest, folds);
        write_json(&folder.0.join(CrossValidation::PARTIAL), &partial)?;
        let (start, before) = (Instant::now(), partial.answers.seconds);
        tracing::info!(run = manifest.id, folds, done = partial.done, "is cross-validated");
        for index in partial.done..folds {
            let fold = Fold { index, of: folds };
            self.fold = Some(fold);
            self.begun.trainer = start::first_run(config, &manifest, device)?;
            self.begun.manifest.epochs = config.epochs;
            if let Some(interruption) = self.fit_classifier(Subset::FoldTrain(fold), config, node, incoming)? {
                return Ok(Some(interruption));
            }
            for epoch in 0..config.epochs {
                match self.pass(Subset::FoldTrain(fold), epoch, config, node, incoming)? {
                    PassEnd::Done(_) => {}
                    PassEnd::Interrupted(Interruption::Failed { reason, hopeless: true }) => {
                        tracing::warn!(run = manifest.id, index, reason, "is not cross-validated");
                        let _ = std::fs::remove_file(folder.0.join(CrossValidation::PARTIAL));
                        return Ok(None);
                    }
                    PassEnd::Interrupted(interruption) => return Ok(Some(interruption)),
                }
            }
            let (samples, interruption) = self.out_of_fold(fold, config, node, incoming)?;
            if interruption.is_some() {
                return Ok(interruption);
            }
            partial.answers.samples.extend(samples);
            partial.answers.seconds = before + start.elapsed().as_secs_f64();
            partial.done = index + 1;
            write_json(&folder.0.join(CrossValidation::PARTIAL), &partial)?;
        }
        self.begun.manifest = manifest;
        write_json(&folder.0.join(CrossValidation::FILE), &partial.answers)?;
        let _ = std::fs::remove_file(folder.0.join(CrossValidation::PARTIAL));
        let (run, images, seconds) = (folder.id(), partial.answers.samples.len(), partial.answers.seconds);
        tracing::info!(run, folds, images, seconds, "cross-validated");
        Ok(None)
    }

    /// What the network says of the images of a fold that it was not trained on.
    fn out_of_fold(
        &mut self,
        fold: Fold,
        config: &Config,
        node: &mut Node,
        incoming: &mut Incoming,
    ) -> Result<(Vec<OutOfFold>, Option<Interruption>), TrainError> {
        let mut samples = Vec::new();
        let wanted = self.wanted(Subset::FoldTest(fold), 0, self.withheld());
        let interruption = self.each_batch(wanted, config, node, incoming, |this, header, rows, _, _| {
            let batch = Batch::from_edge(rows, this.begun.trainer.size_px())?;
            let near = header.get::<BatchHeader>().map(|of| of.near_copies).unwrap_or_default();
            for (row, probabilities) in this.begun.trainer.predict(&batch)?.into_iter().enumerate() {
                samples.push(OutOfFold {
                    digest: rows.digest.value(row).to_owned(),
                    path: rows.path.value(row).to_owned(),
                    fold: fold.index,
                    targets: list_row(&rows.targets, row),
                    probabilities,
                    near_copy: near.contains(&(row as u32)),
                });
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok((samples, interruption))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::run_dir::tests::manifest;
    use plugin_api::DatasetState;

    #[test]
    fn folds_on_disk_go_on_with_the_same_data_alone() {
        let folder = tempfile::tempdir().unwrap();
        let folder = RunFolder::new(folder.path(), "r");
        std::fs::create_dir_all(&folder.0).unwrap();
        let state = DatasetState { fingerprint: "f".to_owned(), ..DatasetState::default() };
        let run = manifest("r", &state);
        assert!(!has_begun(&folder));
        let mut partial = Partial::read(&folder, &run, 5);
        assert_eq!(partial.done, 0);
        partial.done = 2;
        write_json(&folder.0.join(CrossValidation::PARTIAL), &partial).unwrap();
        assert!(has_begun(&folder));
        assert_eq!(Partial::read(&folder, &run, 5).done, 2);
        assert_eq!(Partial::read(&folder, &run, 4).done, 0, "other folds");
        let other = manifest("r", &DatasetState { fingerprint: "g".to_owned(), ..DatasetState::default() });
        assert_eq!(Partial::read(&folder, &other, 5).done, 0, "other data");
        std::fs::write(folder.0.join(CrossValidation::PARTIAL), "{").unwrap();
        assert_eq!(Partial::read(&folder, &run, 5).done, 0, "broken");
    }
}
