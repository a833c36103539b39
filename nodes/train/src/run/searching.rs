//! Networks that `search` proposes, one after the other: `--strategy search`.
//!
//! A proposal names the run that it becomes, so it may come twice: a run that has ended is left alone, one that was cut short
//! goes on. What cannot be trained becomes an abandoned run with its reason, and the next proposal is waited for.

use crate::config::Config;
use crate::error::TrainError;
use crate::io::announce::Announcer;
use crate::io::incoming::Incoming;
use crate::io::proposal::Proposal;
use crate::run::augmentation::Augmentation;
use crate::run::data::Data;
use crate::run::learn::{End, Learning};
use crate::run::recover::Unfinished;
use crate::run::run_dir::{RunDir, now_ms};
use crate::run::start::{Begun, go_on};
use crate::trigger::candidate::Candidate;
use plugin_api::runs::{RunFolder, RunManifest};
use plugin_api::{Message, Workspace};
use plugin_harness::Node;
use plugin_model::device::Opened;
use plugin_model::{ModelError, Start, Task, Trainer};
use plugin_training::retrain::StartFrom;
use plugin_training::trigger::Trigger;
use serde_json::json;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Runs the node until the dataflow stops.
///
/// # Errors
/// [`TrainError`] of the graph or the file system. What is wrong with a network is no error.
pub fn run(config: &Config, device: &Opened, node: &mut Node) -> Result<(), TrainError> {
    let runs = node.workspace().runs();
    let trigger = Trigger::new(config.trigger_options(Candidate::Network), String::new(), None);
    let mut incoming = Incoming::new(trigger, Announcer::from_disk(&runs, Instant::now()));
    incoming.worker = config.worker;
    let mut known: Option<Known> = None;
    loop {
        incoming.pump(node, Duration::from_millis(100))?;
        if incoming.stop {
            return Ok(());
        }
        incoming.batches.clear();
        let Some(proposal) = incoming.proposals.pop_front() else {
            node.status().state(Message::waiting_network());
            continue;
        };
        let workspace = node.workspace().clone();
        let folder = RunFolder::new(&workspace.runs(), &proposal.run);
        node.status().state(Message::run_begins(&proposal.run));
        let begun = match begin(config, device, &workspace, &proposal, known.as_ref()) {
            Ok(Some(begun)) => begun,
            Ok(None) => continue,
            Err(TrainError::Model(error)) => {
                give_up(&folder, &error)?;
                continue;
            }
            Err(error) => return Err(error),
        };
        match Learning::new(begun).work(config, device, node, &mut incoming) {
            Ok(End::Stopped) => return Ok(()),
            Ok(End::Finished | End::Abandoned) => {}
            Err(TrainError::Model(error)) => give_up(&folder, &error)?,
            Err(error) => return Err(error),
        }
        known = folder.manifest().as_ref().and_then(Known::of).or(known);
    }
}

/// What was found out about the images of a data set, which holds for all networks.
struct Known {
    fingerprint: String,
    augmentation: Augmentation,
}

impl Known {
    fn of(manifest: &RunManifest) -> Option<Self> {
        Some(Self { fingerprint: manifest.fingerprint.clone(), augmentation: Augmentation::of(manifest)? })
    }
}

/// A network cannot be trained.
fn give_up(folder: &RunFolder, error: &ModelError) -> Result<(), TrainError> {
    Ok(RunDir { folder: folder.clone() }.abandon(&error.to_string(), true)?)
}

/// Begins a run or goes on with it; `None` when it has ended.
fn begin(
    config: &Config,
    device: &Opened,
    workspace: &Workspace,
    proposal: &Proposal,
    known: Option<&Known>,
) -> Result<Option<Begun>, TrainError> {
    let folder = RunFolder::new(&workspace.runs(), &proposal.run);
    let run_dir = RunDir { folder: folder.clone() };
    if folder.finished().is_some() || run_dir.abandoned().is_some() {
        return Ok(None);
    }
    if let (Some(manifest), Some(progress)) = (folder.manifest(), run_dir.progress())
        && run_dir.checkpoints().join(&progress.last.file).is_file()
    {
        return go_on(Unfinished { run_dir, manifest, progress }, config, device, &proposal.state);
    }
    // Cut short before its first epoch was over: it begins anew.
    if folder.0.is_dir() {
        std::fs::remove_dir_all(&folder.0).map_err(|e| plugin_api::files::with_path(&folder.0, &e))?;
    }
    let task = Task {
        architecture: format!("attempt-{:04}", proposal.attempt),
        definition: Some(proposal.definition.clone()),
        classes: proposal.state.classes.clone(),
        labels: proposal.state.labels,
        size_px: config.size,
        epochs: proposal.epochs,
        freeze_epochs: 0,
        seed: proposal.seed,
    };
    let manifest = manifest(config, device, proposal, &task, known);
    let run_dir = RunDir::create(folder, &manifest)?;
    if let Some(data) = Data::at(workspace, proposal.state.version) {
        data.write(&run_dir.folder.0)?;
    }
    let inherited = proposal.inherits.as_ref().and_then(|run| weights_of(workspace, run));
    let start = inherited.as_deref().map_or(Start::Scratch, Start::Inherited);
    let trainer = Trainer::new(&task, &config.trainer, start, device)?;
    tracing::info!(run = manifest.id, attempt = proposal.attempt, change = proposal.change, "begins");
    Ok(Some(Begun { run_dir, manifest, progress: None, trainer, data: None }))
}

/// The weights of a run that are there.
fn weights_of(workspace: &Workspace, run: &str) -> Option<PathBuf> {
    let finished = RunFolder::new(&workspace.runs(), run).finished()?;
    Some(workspace.root().join(finished.uri)).filter(|path| path.is_file())
}

fn manifest(config: &Config, device: &Opened, proposal: &Proposal, task: &Task, known: Option<&Known>) -> RunManifest {
    let Proposal { search, attempt, change, state, .. } = proposal;
    let reason = match &proposal.parent {
        Some(run) => Message::attempt_from(*attempt, search, run, change),
        None => Message::attempt_of(*attempt, search, change),
    };
    let mut manifest = RunManifest {
        id: proposal.run.clone(),
        started_ms: now_ms(),
        reason: reason.into(),
        parent: proposal.inherits.clone(),
        architecture: task.architecture.clone(),
        definition: task.definition.clone(),
        backbone: None,
        size_px: config.size,
        resize_mode: config.resize_mode,
        classes: state.classes.clone(),
        labels: state.labels,
        version: state.version,
        fingerprint: state.fingerprint.clone(),
        counts: state.counts.clone(),
        epochs: proposal.epochs,
        batch_size: config.batch_size,
        seed: proposal.seed,
        device: device.name.clone(),
        options: config.options(None, StartFrom::Anew.json("proposed by search")),
        code: env!("CARGO_PKG_VERSION").to_owned(),
    };
    manifest.options["search"] =
        json!({ "search": search, "attempt": attempt, "parent": proposal.parent, "change": change });
    if let Some(known) = known.filter(|known| known.fingerprint == state.fingerprint) {
        // None that can be met: what was read as JSON is written as JSON.
        let _ = known.augmentation.note(&mut manifest);
    }
    manifest
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;
    use plugin_api::DatasetState;
    use plugin_model::DeviceChoice;

    const TINY: &str = "blocks: [{convolution: 4, kernel: 3, name: conv1}, relu, {affine: classes, name: fc}]";

    fn state() -> DatasetState {
        let classes = ["a", "b"].map(str::to_owned).to_vec();
        DatasetState {
            version: 1,
            fingerprint: "f".to_owned(),
            classes,
            counts: vec![[9, 3, 3, 0]; 2],
            ..DatasetState::default()
        }
    }

    fn proposal(run: &str, definition: &str) -> Proposal {
        Proposal {
            run: run.to_owned(),
            search: "s".to_owned(),
            attempt: 3,
            parent: Some("p".to_owned()),
            change: "relu removed".to_owned(),
            definition: definition.to_owned(),
            epochs: 4,
            seed: 7,
            inherits: None,
            state: state(),
        }
    }

    fn setup() -> (tempfile::TempDir, Workspace, Config, Opened) {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let config = Config::parse_from(["train", "--strategy", "search", "--size", "16", "--device", "flex"]);
        (folder, workspace, config, DeviceChoice::Flex.open().unwrap())
    }

    #[test]
    fn a_run_says_of_which_search_it_is_and_is_begun_once() {
        let (_folder, workspace, config, device) = setup();
        let of = proposal("r1", TINY);
        let begun = begin(&config, &device, &workspace, &of, None).unwrap().unwrap();
        assert!(begun.manifest.reason.contains("attempt 3 of search s, from run p: relu removed"));
        assert_eq!(begun.manifest.options["search"]["attempt"], 3);
        assert_eq!((begun.manifest.epochs, begun.manifest.seed), (4, 7));
        // Killed before its first epoch was over.
        assert!(begin(&config, &device, &workspace, &of, None).unwrap().is_some());
        begun.run_dir.abandon("no more", true).unwrap();
        assert!(begin(&config, &device, &workspace, &of, None).unwrap().is_none());
    }

    #[test]
    fn a_network_that_does_not_fit_is_a_run_with_its_reason() {
        let (_folder, workspace, config, device) = setup();
        let of = proposal("r1", "blocks: [{convolution: 4, kernel: 99}, {affine: classes, name: fc}]");
        let Err(TrainError::Model(error)) = begin(&config, &device, &workspace, &of, None) else { panic!("it fits") };
        let folder = RunFolder::new(&workspace.runs(), "r1");
        give_up(&folder, &error).unwrap();
        let abandoned = RunDir { folder }.abandoned().unwrap();
        assert!(abandoned.hopeless && abandoned.reason.contains("99 px"), "{}", abandoned.reason);
    }

    #[test]
    fn what_was_found_of_the_images_is_not_looked_for_again() {
        let (_folder, workspace, config, device) = setup();
        let known = Known { fingerprint: "f".to_owned(), augmentation: Augmentation::default() };
        let begun = begin(&config, &device, &workspace, &proposal("r1", TINY), Some(&known)).unwrap().unwrap();
        assert!(Augmentation::of(&begun.manifest).is_some());
        let other = Known { fingerprint: "g".to_owned(), augmentation: Augmentation::default() };
        let begun = begin(&config, &device, &workspace, &proposal("r2", TINY), Some(&other)).unwrap().unwrap();
        assert!(Augmentation::of(&begun.manifest).is_none());
    }
}
