//! Tells `evaluate` of finished runs until there is a verdict.

use arrow::array::{BooleanArray, StringArray, UInt64Array};
use plugin_api::edges::Checkpoints;
use plugin_api::runs::RunFolder;
use std::path::Path;
use std::time::{Duration, Instant};

/// `evaluate` may have been started again and forgotten.
const AGAIN: Duration = Duration::from_secs(20);
/// A new run waits so long for the verdict on the one before, to start from the right champion.
const PATIENCE: Duration = Duration::from_mins(2);

struct Waiting {
    folder: RunFolder,
    since: Instant,
    told: Option<Instant>,
}

/// Finished runs without a verdict.
#[derive(Default)]
pub struct Announcer {
    waiting: Vec<Waiting>,
}

impl Announcer {
    /// The finished runs on disk that have not been evaluated.
    pub fn from_disk(runs: &Path, now: Instant) -> Self {
        let mut announcer = Self::default();
        for folder in RunFolder::all(runs) {
            if folder.finished().is_some() && folder.verdict().is_none() {
                announcer.add(folder, now);
            }
        }
        announcer
    }

    /// A run has finished.
    pub fn add(&mut self, folder: RunFolder, now: Instant) {
        self.waiting.push(Waiting { folder, since: now, told: None });
    }

    /// `evaluate` has evaluated a run.
    pub fn evaluated(&mut self, run: &str) {
        self.waiting.retain(|w| w.folder.id() != run);
    }

    /// `evaluate` was started again: tell it at once.
    pub fn forget(&mut self) {
        self.waiting.iter_mut().for_each(|w| w.told = None);
    }

    /// The run whose verdict a new run should wait for.
    pub fn awaited(&self, now: Instant) -> Option<String> {
        let recent = |w: &&Waiting| now.saturating_duration_since(w.since) < PATIENCE;
        self.waiting.iter().rev().find(recent).map(|w| w.folder.id())
    }

    /// What to send now: the run and the message.
    pub fn due(&mut self, workspace: &Path, now: Instant) -> Vec<(String, Checkpoints)> {
        self.waiting.retain(|w| w.folder.verdict().is_none());
        let mut messages = Vec::new();
        self.waiting.retain_mut(|w| {
            if w.told.is_some_and(|told| now.saturating_duration_since(told) < AGAIN) {
                return true;
            }
            let message = message(&w.folder, workspace);
            let there = message.is_some();
            if !there {
                tracing::warn!(run = w.folder.id(), "its weights are gone; it will not be evaluated");
            }
            messages.extend(message.map(|m| (w.folder.id(), m)));
            w.told = Some(now);
            there
        });
        messages
    }
}

/// The message about a finished run; none when its files are gone.
fn message(folder: &RunFolder, workspace: &Path) -> Option<Checkpoints> {
    let (manifest, finished) = (folder.manifest()?, folder.finished()?);
    if !workspace.join(&finished.uri).is_file() {
        return None;
    }
    Some(Checkpoints {
        run: StringArray::from(vec![manifest.id]),
        uri: StringArray::from(vec![finished.uri]),
        digest: StringArray::from(vec![finished.digest]),
        epoch: UInt64Array::from(vec![finished.epochs]),
        step: UInt64Array::from(vec![finished.steps]),
        samples: UInt64Array::from(vec![finished.samples]),
        version: UInt64Array::from(vec![manifest.version]),
        last: BooleanArray::from(vec![true]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::run_dir::RunDir;
    use crate::run::run_dir::tests::manifest;
    use plugin_api::DatasetState;
    use plugin_api::runs::{Finished, write_json};

    fn finished(workspace: &Path, id: &str) -> RunFolder {
        std::fs::create_dir_all(workspace.join("runs")).unwrap();
        let folder = RunFolder::new(&workspace.join("runs"), id);
        let run_dir = RunDir::create(folder.clone(), &manifest(id, &DatasetState::default())).unwrap();
        let uri = format!("runs/{id}/checkpoints/epoch-0001.safetensors");
        std::fs::write(workspace.join(&uri), b"w").unwrap();
        let finished = Finished { uri, digest: "d".to_owned(), epochs: 2, steps: 4, samples: 8, seconds: 1.0 };
        write_json(&run_dir.folder.0.join("finished.json"), &finished).unwrap();
        folder
    }

    #[test]
    fn a_finished_run_is_told_of_until_there_is_a_verdict() {
        let workspace = tempfile::tempdir().unwrap();
        let now = Instant::now();
        let later = now + AGAIN;
        finished(workspace.path(), "1");
        let mut announcer = Announcer::from_disk(&workspace.path().join("runs"), now);
        let sent = announcer.due(workspace.path(), now);
        assert_eq!((sent.len(), sent[0].0.as_str(), sent[0].1.last.value(0)), (1, "1", true));
        assert!(announcer.due(workspace.path(), now + AGAIN / 2).is_empty());
        assert_eq!(announcer.due(workspace.path(), later).len(), 1);
        announcer.forget();
        assert_eq!(announcer.due(workspace.path(), later).len(), 1, "evaluate was started again");
        assert_eq!(announcer.awaited(now).as_deref(), Some("1"));
        assert_eq!(announcer.awaited(now + PATIENCE), None);
        announcer.evaluated("1");
        assert!(announcer.due(workspace.path(), later + AGAIN).is_empty());
    }

    #[test]
    fn a_run_whose_weights_are_gone_is_given_up() {
        let workspace = tempfile::tempdir().unwrap();
        let now = Instant::now();
        let folder = finished(workspace.path(), "1");
        std::fs::remove_dir_all(folder.0.join("checkpoints")).unwrap();
        let mut announcer = Announcer::from_disk(&workspace.path().join("runs"), now);
        assert!(announcer.due(workspace.path(), now).is_empty());
        assert_eq!(announcer.awaited(now), None);
    }
}
