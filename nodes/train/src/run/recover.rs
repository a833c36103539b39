//! What runs on disk mean after a start.

use crate::run::run_dir::{Progress, RunDir};
use crate::trigger::candidate::Candidate;
use plugin_api::DatasetState;
use plugin_api::runs::{RunFolder, RunManifest};
use plugin_training::trigger::Key;
use std::io;
use std::path::Path;

/// A run that can go on.
pub struct Unfinished {
    /// Its folder.
    pub run_dir: RunDir,
    /// What decides it.
    pub manifest: RunManifest,
    /// Where it stands.
    pub progress: Progress,
}

/// The digest of the options a run was started with.
fn options(manifest: &RunManifest) -> &str {
    manifest.options.get("config").and_then(serde_json::Value::as_str).unwrap_or_default()
}

/// The last run that came to an end: finished, or hopeless.
pub fn last_ended(runs: &Path) -> Option<RunManifest> {
    last_ended_of(runs, |_| true)
}

/// The last run of a candidate of this kind that came to an end.
pub fn last_ended_by(runs: &Path, candidate: Candidate) -> Option<RunManifest> {
    last_ended_of(runs, |manifest| Candidate::of(manifest) == candidate)
}

fn last_ended_of(runs: &Path, is_wanted: impl Fn(&RunManifest) -> bool) -> Option<RunManifest> {
    RunFolder::all(runs).into_iter().rev().find_map(|folder| {
        let ended = folder.finished().is_some()
            || RunDir { folder: folder.clone() }.abandoned().is_some_and(|abandoned| abandoned.hopeless);
        folder.manifest().filter(|manifest| ended && is_wanted(manifest))
    })
}

/// All runs that have finished, newest first.
pub fn all_ended(runs: &Path) -> Vec<RunManifest> {
    let finished = RunFolder::all(runs).into_iter().rev().filter(|folder| folder.finished().is_some());
    finished.filter_map(|folder| folder.manifest()).collect()
}

/// The last run that finished, of those that are wanted.
pub fn last_finished(runs: &Path, is_wanted: impl Fn(&RunManifest) -> bool) -> Option<RunManifest> {
    let finished = RunFolder::all(runs).into_iter().rev().filter(|folder| folder.finished().is_some());
    finished.filter_map(|folder| folder.manifest()).find(is_wanted)
}

/// A time at which a run can begin so that its id sorts after all others: now, or a second after the newest, when the clock
/// was set back or runs are short.
pub fn after_all(runs: &Path, now_ms: u64) -> u64 {
    let newest = RunFolder::all(runs).into_iter().rev().find_map(|folder| folder.manifest());
    newest.map_or(now_ms, |newest| now_ms.max((newest.started_ms / 1000 + 1) * 1000))
}

/// Abandons every run that has not finished, for this reason: whatever begins now does not go on with it.
///
/// # Errors
/// Any error of the file system.
pub fn abandon_unfinished(runs: &Path, reason: &str) -> io::Result<()> {
    for folder in RunFolder::all(runs) {
        let run_dir = RunDir { folder };
        if run_dir.folder.finished().is_none() && run_dir.abandoned().is_none() {
            run_dir.abandon(reason, false)?;
        }
    }
    Ok(())
}

/// What a run was trained on, and how.
pub fn key(manifest: &RunManifest) -> Key {
    (manifest.fingerprint.clone(), options(manifest).to_owned())
}

/// Looks for a run to go on with: the newest unfinished one, when data and options are still the same. All others that
/// are not finished are abandoned.
///
/// # Errors
/// Any error of the file system.
pub fn unfinished(runs: &Path, state: &DatasetState, options_now: &str) -> io::Result<Option<Unfinished>> {
    let mut newest = None;
    for folder in RunFolder::all(runs).into_iter().rev() {
        let run_dir = RunDir { folder };
        if run_dir.folder.finished().is_some() || run_dir.abandoned().is_some() {
            continue;
        }
        let Some(manifest) = run_dir.folder.manifest() else {
            run_dir.abandon("its run.json cannot be read", false)?;
            continue;
        };
        let progress = run_dir.progress();
        let reason = if newest.is_some() {
            "a newer run goes on"
        } else if manifest.fingerprint != state.fingerprint || manifest.classes != state.classes {
            "it stopped before its end, and the data set has changed since"
        } else if options(&manifest) != options_now {
            "it stopped before its end, and the options have changed since"
        } else if let Some(progress) = progress
            && run_dir.checkpoints().join(&progress.last.file).is_file()
        {
            newest = Some(Unfinished { run_dir, manifest, progress });
            continue;
        } else {
            "it stopped before the end of its first epoch"
        };
        run_dir.abandon(reason, false)?;
    }
    Ok(newest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::run_dir::tests::{manifest, saved};
    use plugin_api::runs::{Finished, write_json};

    fn state(fingerprint: &str) -> DatasetState {
        DatasetState { version: 1, fingerprint: fingerprint.to_owned(), ..DatasetState::default() }
    }

    fn run(runs: &Path, id: &str, fingerprint: &str, epochs: u64) -> RunDir {
        let run_dir = RunDir::create(RunFolder::new(runs, id), &manifest(id, &state(fingerprint))).unwrap();
        for epoch in 0..epochs {
            std::fs::write(run_dir.checkpoints().join(RunDir::checkpoint(epoch)), b"w").unwrap();
            let progress = Progress {
                epochs: epoch + 1,
                steps: 1,
                samples: 1,
                seconds: 1.0,
                last: saved(epoch),
                best: saved(epoch),
                memory: None,
            };
            run_dir.end_epoch(&[], &progress).unwrap();
        }
        run_dir
    }

    #[test]
    fn a_run_comes_after_all_others_whatever_the_clock_says() {
        let folder = tempfile::tempdir().unwrap();
        let noon = 1_764_072_000_000;
        assert_eq!(after_all(folder.path(), noon), noon);
        let mut ids = Vec::new();
        for now in [noon, noon + 1, noon + 5_000, noon - 3_600_000, noon - 3_599_000, noon + 86_400_000] {
            let started_ms = after_all(folder.path(), now);
            let id = crate::run::run_dir::run_id(started_ms, &ids.len().to_string());
            let run = RunManifest { started_ms, ..manifest(&id, &state("1")) };
            RunDir::create(RunFolder::new(folder.path(), &id), &run).unwrap();
            ids.push(id);
        }
        assert!(ids.is_sorted(), "{ids:?}");
        assert_eq!(after_all(folder.path(), 0), noon + 86_401_000);
    }

    fn finish(run_dir: &RunDir) {
        let finished =
            Finished { uri: String::new(), digest: String::new(), epochs: 1, steps: 1, samples: 1, seconds: 1.0 };
        write_json(&run_dir.folder.0.join("finished.json"), &finished).unwrap();
    }

    #[test]
    fn a_run_goes_on_when_data_and_options_are_the_same() {
        let workspace = tempfile::tempdir().unwrap();
        run(workspace.path(), "1", "a", 2);
        run(workspace.path(), "2", "a", 3);
        let found = unfinished(workspace.path(), &state("a"), "options").unwrap().unwrap();
        assert_eq!((found.manifest.id.as_str(), found.progress.epochs), ("2", 3));
        let older = RunDir { folder: RunFolder::new(workspace.path(), "1") };
        assert!(older.abandoned().unwrap().reason.contains("newer"));
        assert!(unfinished(workspace.path(), &state("a"), "options").unwrap().is_some(), "and again");
    }

    #[test]
    fn what_cannot_go_on_is_abandoned_with_the_reason() {
        for (fingerprint, options, epochs, word) in
            [("b", "options", 2, "data set"), ("a", "other", 2, "options"), ("a", "options", 0, "first epoch")]
        {
            let workspace = tempfile::tempdir().unwrap();
            let run_dir = run(workspace.path(), "1", "a", epochs);
            assert!(unfinished(workspace.path(), &state(fingerprint), options).unwrap().is_none());
            let abandoned = run_dir.abandoned().unwrap();
            assert!(abandoned.reason.contains(word) && !abandoned.hopeless, "{}", abandoned.reason);
        }
    }

    #[test]
    fn the_last_run_that_ended_is_found() {
        let workspace = tempfile::tempdir().unwrap();
        assert!(last_ended(workspace.path()).is_none());
        finish(&run(workspace.path(), "1", "a", 1));
        finish(&run(workspace.path(), "2", "b", 1));
        run(workspace.path(), "3", "c", 1);
        assert_eq!(key(&last_ended(workspace.path()).unwrap()), ("b".to_owned(), "options".to_owned()));
        run(workspace.path(), "4", "d", 1).abandon("not a number", true).unwrap();
        run(workspace.path(), "5", "e", 1).abandon("changed", false).unwrap();
        assert_eq!(key(&last_ended(workspace.path()).unwrap()).0, "d");
        assert_eq!(last_finished(workspace.path(), |_| true).unwrap().id, "2");
        assert!(
            unfinished(workspace.path(), &state("c"), "options").unwrap().is_some(),
            "finished ones are left alone"
        );
    }
}
