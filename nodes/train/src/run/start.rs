//! How a run begins: with an unfinished one, with the champion's weights, or from scratch.

use crate::config::Config;
use crate::error::TrainError;
use crate::run::data::{Changes, Data};
use crate::run::recover::{self, Unfinished};
use crate::run::run_dir::{Progress, RunDir, now_ms, run_id};
use crate::trigger::candidate::Candidate;
use crate::trigger::reason::reason;
use plugin_api::runs::{ModelCard, RunFolder, RunManifest, RunRequest, read_json};
use plugin_api::{DatasetState, Message, Workspace};
use plugin_model::device::Opened;
use plugin_model::{Architecture, ModelError, Start, Task, Trainer};
use plugin_training::cross_validation::keeps_last_epoch;
use plugin_training::retrain::{StartFrom, runs_since_full};
use std::path::PathBuf;

/// A run that is ready to learn.
pub struct Begun {
    /// Its folder.
    pub run_dir: RunDir,
    /// What decides it.
    pub manifest: RunManifest,
    /// Where it stands; none at the start.
    pub progress: Option<Progress>,
    /// The network.
    pub trainer: Trainer,
    /// What it learns from; none when the catalog could not be read.
    pub data: Option<Data>,
}

/// What has changed since a run; none when that is not known.
fn changes(workspace: &Workspace, run: Option<&RunManifest>, data: Option<&Data>) -> Option<Changes> {
    let before = Data::read(&RunFolder::new(&workspace.runs(), &run?.id).0)?;
    Some(data?.since(&before))
}

/// How many images have changed since the last run of a kind of candidate that has ended: looked up once for a state of the data set,
/// as it takes reading all of the catalog. To be made anew after a run.
pub struct Counted {
    candidate: Candidate,
    /// The fingerprint of the data set and the number.
    known: Option<(String, Option<u64>)>,
}

impl Counted {
    /// Since the last run of this kind.
    pub fn new(candidate: Candidate) -> Self {
        Self { candidate, known: None }
    }

    /// Images that are new, relabelled or removed; `None` when that is not known.
    pub fn of(&mut self, workspace: &Workspace, state: &DatasetState) -> Option<u64> {
        if self.known.as_ref().is_none_or(|(fingerprint, _)| *fingerprint != state.fingerprint) {
            let last = last_ended(workspace, self.candidate);
            let changes = changes(workspace, last.as_ref(), Data::at(workspace, state.version).as_ref());
            self.known = Some((state.fingerprint.clone(), changes.map(|changes| changes.images)));
        }
        self.known.as_ref().and_then(|(_, changes)| *changes)
    }
}

/// The last run that has ended: of this kind of candidate, when there is one.
pub fn last_ended(workspace: &Workspace, candidate: Candidate) -> Option<RunManifest> {
    recover::last_ended_by(&workspace.runs(), candidate).or_else(|| recover::last_ended(&workspace.runs()))
}

/// Weights to go on from, and the classes of their rows.
struct Known {
    run: String,
    weights: PathBuf,
    classes: Vec<String>,
}

/// Why a run begins: what has changed since the last of its kind. `data`: what it is trained on; `options`: the digest of those
/// it is made by.
pub fn why(
    workspace: &Workspace,
    state: &DatasetState,
    candidate: Candidate,
    data: Option<&Data>,
    options: &str,
    asked: bool,
) -> Message {
    let ended = last_ended(workspace, candidate);
    let same_options = ended.as_ref().is_some_and(|manifest| recover::key(manifest).1 == options);
    let is_of_kind = |run: &RunManifest| Candidate::of(run) == candidate;
    let last = recover::last_finished(&workspace.runs(), is_of_kind)
        .or_else(|| recover::last_finished(&workspace.runs(), |_| true));
    let is_other = last.as_ref().is_some_and(|last| last.fingerprint != state.fingerprint);
    let exact = is_other.then(|| changes(workspace, ended.as_ref(), data)).flatten();
    let why = exact.map_or_else(|| reason(last.as_ref(), state, same_options), |changes| changes.message());
    match asked {
        false => why,
        true if last.is_some() && !is_other && same_options => Message::asked_by_hand(),
        true => Message::asked_because(why),
    }
}

/// Begins a run, or goes on with one. `request`: somebody has asked for it.
///
/// # Errors
/// Any of the file system, or of the network.
pub fn begin(
    config: &Config,
    device: &Opened,
    workspace: &Workspace,
    state: &DatasetState,
    request: Option<&RunRequest>,
) -> Result<Begun, TrainError> {
    begin_because(config, device, workspace, state, request, None)
}

/// The same of a network after a head, and why.
///
/// # Errors
/// As [`begin`].
pub fn follow(
    config: &Config,
    device: &Opened,
    workspace: &Workspace,
    state: &DatasetState,
    because: Message,
) -> Result<Begun, TrainError> {
    begin_because(config, device, workspace, state, None, Some(because))
}

fn begin_because(
    config: &Config,
    device: &Opened,
    workspace: &Workspace,
    state: &DatasetState,
    request: Option<&RunRequest>,
    because: Option<Message>,
) -> Result<Begun, TrainError> {
    if request.is_none()
        && let Some(found) = recover::unfinished(&workspace.runs(), state, &config.digest())?
        && let Some(begun) = go_on(found, config, device, state)?
    {
        return Ok(begun);
    }
    let data = Data::at(workspace, state.version);
    let changed = || why(workspace, state, Candidate::Network, data.as_ref(), &config.digest(), request.is_some());
    let why = because.unwrap_or_else(changed);

    let mut task = Task {
        architecture: config.network().name().to_owned(),
        definition: Some(config.network().description().text().to_owned()),
        classes: state.classes.clone(),
        labels: state.labels,
        size_px: config.size,
        epochs: config.epochs,
        freeze_epochs: 0,
        seed: config.seed,
    };
    let named = request.and_then(|request| request.from.as_ref()).or(config.from_run.as_ref());
    let (known, tier, because) = match named {
        Some(run) => match of_run(config, workspace, run) {
            Ok(known) => (Some(known), StartFrom::Champion, Message::from_run(run)),
            Err(problem) if request.is_some() => {
                tracing::warn!(run, %problem, "the run that was asked for cannot be begun from");
                (None, StartFrom::Anew, Message::from_scratch(Message::run_not_usable(run, problem)))
            }
            Err(problem) => return Err(TrainError::Options(format!("--from-run {run}: {problem}"))),
        },
        None => match champion(config, workspace) {
            Ok(known) => {
                let before = recover::all_ended(&workspace.runs());
                let warm = runs_since_full(before.iter().map(|run| run.parent.as_deref()));
                let (tier, because) = config.retrain.choose(&state.classes, &known.classes, warm);
                (Some(known).filter(|_| tier == StartFrom::Champion), tier, because)
            }
            Err(problem) => (None, StartFrom::Anew, Message::from_scratch(problem)),
        },
    };
    let mut tier = (tier, because);
    let mut learner = None;
    if let Some(known) = known {
        task.epochs = config.retrain_epochs();
        let perturb = config.retrain.perturb(config.seed, &state.fingerprint);
        match Trainer::new(&task, &config.trainer, Start::Model(&known.weights, &known.classes, perturb), device) {
            Ok(trainer) => learner = Some((trainer, Some(known.run))),
            Err(error @ (ModelError::File { .. } | ModelError::Weights { .. })) => {
                tier = (StartFrom::Anew, Message::from_scratch(error.to_string()));
                task.epochs = config.epochs;
            }
            Err(error) => return Err(error.into()),
        }
    }
    let (trainer, parent) = match learner {
        Some(learner) => learner,
        None => (fresh(&task, config, device)?, None),
    };
    let mut begins = tier.1.clone();
    if let (Some(weights), Some(loaded)) = (&config.weights, trainer.loaded()) {
        tracing::info!(weights = %weights.path.display(), %loaded, "weights read");
        begins = Message::with_weights(begins, weights.path.display().to_string());
    }

    let started_ms = recover::after_all(&workspace.runs(), now_ms());
    let mut options = config.options(trainer.loaded(), tier.0.json(&tier.1));
    if let Some(because) = keeps_last_epoch(&state.classes, &state.counts) {
        options["keeps_last_epoch"] = serde_json::to_value(because).map_err(std::io::Error::from)?;
    }
    let manifest = RunManifest {
        id: run_id(started_ms, &state.fingerprint),
        started_ms,
        reason: Message::run_reason(why, begins).into(),
        parent,
        architecture: task.architecture,
        definition: task.definition,
        backbone: None,
        size_px: config.size,
        resize_mode: config.resize_mode,
        classes: state.classes.clone(),
        labels: state.labels,
        version: state.version,
        fingerprint: state.fingerprint.clone(),
        counts: state.counts.clone(),
        epochs: task.epochs,
        batch_size: config.batch_size,
        seed: config.seed,
        device: device.name.clone(),
        options,
        code: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let run_dir = RunDir::create(RunFolder::new(&workspace.runs(), &manifest.id), &manifest)?;
    if let Some(data) = &data {
        data.write(&run_dir.folder.0)?;
    }
    tracing::info!(
        run = manifest.id,
        reason = %manifest.reason,
        parent = manifest.parent,
        device = device.name,
        "begins"
    );
    Ok(Begun { run_dir, manifest, progress: None, trainer, data })
}

/// A network as a first run of the options of `manifest` begins with.
///
/// # Errors
/// As [`begin`].
pub fn first_run(config: &Config, manifest: &RunManifest, device: &Opened) -> Result<Trainer, TrainError> {
    let task = Task {
        architecture: manifest.architecture.clone(),
        definition: manifest.definition.clone(),
        classes: manifest.classes.clone(),
        labels: manifest.labels,
        size_px: manifest.size_px,
        epochs: config.epochs,
        freeze_epochs: 0,
        seed: manifest.seed,
    };
    fresh(&task, config, device)
}

/// A network without a champion before it: from `--weights`, or drawn.
fn fresh(task: &Task, config: &Config, device: &Opened) -> Result<Trainer, TrainError> {
    let Some(weights) = &config.weights else {
        return Ok(Trainer::new(task, &config.trainer, Start::Scratch, device)?);
    };
    let task = Task { freeze_epochs: config.freeze_epochs, ..task.clone() };
    Trainer::new(&task, &config.trainer, Start::Pretrained(&weights.path), device).map_err(|error| match error {
        ModelError::File { .. } | ModelError::Weights { .. } => TrainError::Options(format!("--weights {error}")),
        other => other.into(),
    })
}

/// The champion, when a network of these options can go on from it; otherwise why not.
fn champion(config: &Config, workspace: &Workspace) -> Result<Known, Message> {
    let path = workspace.champion().join("model.json");
    if !path.exists() {
        return Err(Message::no_champion_yet());
    }
    let card: ModelCard = read_json(&path).map_err(|e| Message::champion_unreadable(e.to_string()))?;
    if let Some(backbone) = &card.backbone {
        return Err(Message::champion_is_head(&backbone.architecture));
    }
    let blocks = Architecture::of_card(&card).map_err(|e| Message::champion_unreadable(e.to_string()))?;
    match fit(config, &blocks, card.size_px) {
        Fit::Same => {}
        Fit::OtherBlocks { there } => return Err(Message::champion_other_blocks(there)),
        Fit::Other { there, here } => return Err(Message::champion_differs(there, here)),
    }
    Ok(Known { run: card.run, weights: workspace.champion().join("model.safetensors"), classes: card.classes })
}

/// Whether `--from-run` names a run that a network of these options can go on from.
///
/// # Errors
/// [`TrainError::Options`].
pub fn check_from_run(config: &Config, workspace: &Workspace) -> Result<(), TrainError> {
    let Some(run) = &config.from_run else { return Ok(()) };
    of_run(config, workspace, run)
        .map(drop)
        .map_err(|problem| TrainError::Options(format!("--from-run {run}: {problem}")))
}

/// A run that has ended, when a network of these options can go on from it; otherwise why not.
fn of_run(config: &Config, workspace: &Workspace, run: &str) -> Result<Known, Message> {
    if run.contains('/') || run.starts_with('.') {
        return Err(Message::run_no_name());
    }
    let folder = RunFolder::new(&workspace.runs(), run);
    let manifest = folder.manifest().ok_or_else(Message::run_missing)?;
    let finished = folder.finished().ok_or_else(Message::run_not_ended)?;
    if let Some(backbone) = &manifest.backbone {
        return Err(Message::run_is_head(&backbone.architecture));
    }
    let blocks = Architecture::of(&manifest.architecture, manifest.definition.as_deref())
        .map_err(|e| Message::plain(e.to_string()))?;
    match fit(config, &blocks, manifest.size_px) {
        Fit::Same => {}
        Fit::OtherBlocks { there } => return Err(Message::run_other_blocks(there)),
        Fit::Other { there, here } => return Err(Message::run_differs(there, here)),
    }
    Ok(Known { run: manifest.id, weights: workspace.root().join(finished.uri), classes: manifest.classes })
}

/// How a network is to that of the options.
enum Fit {
    /// The same blocks at the same size.
    Same,
    /// Of the same name and size, but of other blocks.
    OtherBlocks { there: Message },
    /// Another network or size.
    Other { there: Message, here: Message },
}

fn fit(config: &Config, blocks: &Architecture, size_px: u32) -> Fit {
    if blocks.description() == config.network().description() && size_px == config.size {
        return Fit::Same;
    }
    let there = Message::network_at(blocks.name(), size_px);
    let here = Message::network_at(config.network().name(), config.size);
    if here == there { Fit::OtherBlocks { there } } else { Fit::Other { there, here } }
}

/// Goes on after the last epoch; none when its weights cannot be read.
///
/// # Errors
/// As [`begin`].
pub fn go_on(
    found: Unfinished,
    config: &Config,
    device: &Opened,
    state: &DatasetState,
) -> Result<Option<Begun>, TrainError> {
    let Unfinished { run_dir, mut manifest, progress } = found;
    let task = Task {
        architecture: manifest.architecture.clone(),
        definition: manifest.definition.clone(),
        classes: manifest.classes.clone(),
        labels: manifest.labels,
        size_px: manifest.size_px,
        epochs: manifest.epochs,
        freeze_epochs: if manifest.options.get("weights").is_some() { config.freeze_epochs } else { 0 },
        seed: manifest.seed,
    };
    let weights = run_dir.checkpoints().join(&progress.last.file);
    let fresh = || Trainer::new(&task, &config.trainer, Start::Checkpoint(&weights), device);
    match fresh() {
        Ok(mut trainer) => {
            let memory = progress.memory.as_ref().map_or(Ok(()), |memory| {
                trainer.load_memory(&run_dir.checkpoints().join(&memory.file), &memory.digest)
            });
            if let Err(error) = memory {
                tracing::warn!(run = manifest.id, %error, "the optimizer starts anew");
                trainer = fresh()?;
            }
            tracing::info!(run = manifest.id, epochs_done = progress.epochs, "goes on");
            run_dir.rewind(&progress)?;
            manifest.version = state.version;
            manifest.device.clone_from(&device.name);
            run_dir.write_manifest(&manifest)?;
            let data = Data::read(&run_dir.folder.0);
            Ok(Some(Begun { run_dir, manifest, progress: Some(progress), trainer, data }))
        }
        Err(error @ (ModelError::File { .. } | ModelError::Weights { .. })) => {
            run_dir.abandon(&format!("its weights cannot be read: {error}"), false)?;
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;
    use plugin_api::runs::write_json;

    fn setup(line: &str) -> (tempfile::TempDir, Workspace, Config, Opened) {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let config = Config::parse_from(
            ["train", "--size", "16", "--device", "flex", "--full-when-classes-change", "off"]
                .into_iter()
                .chain(line.split_whitespace()),
        );
        let device = config.device.open().unwrap();
        (folder, workspace, config, device)
    }

    fn state(classes: &[&str]) -> DatasetState {
        DatasetState {
            version: 3,
            fingerprint: classes.concat(),
            classes: classes.iter().map(ToString::to_string).collect(),
            counts: classes.iter().map(|_| [9, 1, 1, 0]).collect(),
            labels: plugin_api::Labels::Single,
        }
    }

    /// Makes the weights of a run the champion.
    fn make_champion(begun: &Begun, workspace: &Workspace) {
        let folder = workspace.models().join(&begun.manifest.id);
        std::fs::create_dir(&folder).unwrap();
        let digest = begun.trainer.save(&folder.join("model.safetensors")).unwrap();
        let card = ModelCard {
            architecture: begun.manifest.architecture.clone(),
            definition: begun.manifest.definition.clone(),
            size_px: begun.manifest.size_px,
            classes: begun.manifest.classes.clone(),
            labels: begun.manifest.labels,
            digest,
            ..plugin_api::fixture::card(&begun.manifest.id, &[])
        };
        write_json(&folder.join("model.json"), &card).unwrap();
        plugin_api::files::point_atomically(&workspace.champion(), std::path::Path::new(&begun.manifest.id)).unwrap();
    }

    #[test]
    fn the_first_run_is_from_scratch_and_the_next_from_the_champion() {
        let (_folder, workspace, config, device) = setup("");
        let first = begin(&config, &device, &workspace, &state(&["a", "b"]), None).unwrap();
        assert_eq!(
            (&*first.manifest.reason, first.manifest.epochs),
            ("first run; from scratch: there is no champion yet", 15)
        );
        assert_eq!(first.run_dir.folder.manifest(), Some(first.manifest.clone()));
        make_champion(&first, &workspace);
        let second = begin(&config, &device, &workspace, &state(&["a", "b", "c"]), None).unwrap();
        assert_eq!((second.manifest.parent.as_ref(), second.manifest.epochs), (Some(&first.manifest.id), 8));
        assert!(first.run_dir.abandoned().is_some(), "a run that never ended an epoch");
    }

    #[test]
    fn a_champion_of_another_kind_or_a_broken_one_is_not_used() {
        let (_folder, workspace, config, device) = setup("");
        make_champion(&begin(&config, &device, &workspace, &state(&["a", "b"]), None).unwrap(), &workspace);
        let other = Config { size: 32, ..config.clone() };
        let begun = begin(&other, &device, &workspace, &state(&["a", "b"]), None).unwrap();
        assert!(begun.manifest.parent.is_none() && begun.manifest.reason.contains("small-cnn at 16 px"));
        std::fs::write(workspace.champion().join("model.safetensors"), b"broken").unwrap();
        let begun = begin(&config, &device, &workspace, &state(&["a", "b"]), None).unwrap();
        assert!(begun.manifest.parent.is_none() && begun.manifest.reason.contains("model.safetensors"));
    }

    #[test]
    fn champion_of_other_blocks_is_not_used_but_told() {
        let (folder, workspace, config, device) = setup("");
        let path = folder.path().join("mine.yml");
        let with = |block: &str| {
            std::fs::write(&path, format!("blocks: [{block}, {{affine: classes, name: fc}}]")).unwrap();
            Config { model: Some(path.display().to_string().parse().unwrap()), ..config.clone() }
        };
        let two = state(&["a", "b"]);
        let first = begin(&with("relu"), &device, &workspace, &two, None).unwrap();
        make_champion(&first, &workspace);
        let card: ModelCard = read_json(&workspace.champion().join("model.json")).unwrap();
        let other = begin(&with("tanh"), &device, &workspace, &two, None).unwrap();
        assert!(other.manifest.parent.is_none(), "{}", other.manifest.reason);
        assert!(other.manifest.reason.contains("mine at 16 px too, but of other blocks"), "{}", other.manifest.reason);
        // The file has changed, and yet the champion can be read.
        let weights = workspace.champion().join("model.safetensors");
        assert!(plugin_model::Predictor::load(&weights, card, &device, plugin_model::Precision::Fp32).is_ok());
        let again = begin(&with("relu"), &device, &workspace, &state(&["a", "c"]), None).unwrap();
        assert_eq!(again.manifest.parent, Some(first.manifest.id));
    }

    #[test]
    fn weights_are_started_from_until_there_is_a_champion() {
        let (folder, workspace, config, device) = setup("");
        let scratch = begin(&config, &device, &workspace, &state(&["a", "b"]), None).unwrap();
        let path = folder.path().join("start.safetensors");
        scratch.trainer.save(&path).unwrap();
        let config = Config { weights: Some(path.display().to_string().parse().unwrap()), seed: 9, ..config };
        let begun = begin(&config, &device, &workspace, &state(&["a", "b", "c"]), None).unwrap();
        assert!(begun.manifest.parent.is_none() && begun.manifest.reason.contains("with weights of "));
        let loaded = &begun.manifest.options["weights"];
        assert_eq!((&loaded["read"], &loaded["kept"][0]), (&4.into(), &"fc.weight".into()));
        make_champion(&begun, &workspace);
        let next = begin(&config, &device, &workspace, &state(&["a", "d"]), None).unwrap();
        assert_eq!(next.manifest.parent, Some(begun.manifest.id));
        assert!(next.manifest.options.get("weights").is_none());

        std::fs::remove_file(workspace.champion()).unwrap();
        std::fs::write(&path, b"broken").unwrap();
        let error = begin(&config, &device, &workspace, &state(&["a", "e"]), None).err().unwrap().to_string();
        assert!(error.contains("--weights") && error.contains("start.safetensors"), "{error}");
    }

    #[test]
    fn a_run_goes_on_with_its_weights() {
        let (_folder, workspace, config, device) = setup("");
        let begun = begin(&config, &device, &workspace, &state(&["a", "b"]), None).unwrap();
        let file = RunDir::checkpoint(0);
        let digest = begun.trainer.save(&begun.run_dir.checkpoints().join(&file)).unwrap();
        let score = crate::run::run_dir::Score { accuracy: None, loss: 1.0 };
        let last = crate::run::run_dir::Saved { epoch: 0, file, digest, score };
        let progress =
            Progress { epochs: 1, steps: 2, samples: 18, seconds: 1.0, best: last.clone(), last, memory: None };
        begun.run_dir.end_epoch(&[], &progress).unwrap();
        let moved = DatasetState { version: 9, ..state(&["a", "b"]) };
        let again = begin(&config, &device, &workspace, &moved, None).unwrap();
        assert_eq!((again.manifest.id.as_str(), again.manifest.version), (begun.manifest.id.as_str(), 9));
        assert_eq!(again.progress, Some(progress));
        let other = begin(&config, &device, &workspace, &state(&["a", "c"]), None).unwrap();
        assert_ne!(other.manifest.id, begun.manifest.id);
    }

    /// A run that has ended, as `work` leaves it.
    fn end(begun: &Begun, workspace: &Workspace) {
        let file = RunDir::checkpoint(0);
        let digest = begun.trainer.save(&begun.run_dir.checkpoints().join(&file)).unwrap();
        let uri = format!("runs/{}/checkpoints/{file}", begun.manifest.id);
        let finished = plugin_api::runs::Finished { uri, digest, epochs: 1, steps: 1, samples: 1, seconds: 1.0 };
        write_json(&begun.run_dir.folder.0.join("finished.json"), &finished).unwrap();
        make_champion(begun, workspace);
    }

    #[test]
    fn the_tier_and_its_reason_are_kept_with_the_run() {
        let (_folder, workspace, mut config, device) = setup("--full-every 3 --shrink 0.5 --noise 0.1");
        config.retrain.full_when_classes_change = plugin_training::trigger_options::Switch::On;
        let mut tiers = Vec::new();
        let run = |number: u64, classes: &[&str]| {
            let state = DatasetState { fingerprint: number.to_string(), ..state(classes) };
            let begun = begin(&config, &device, &workspace, &state, None).unwrap();
            end(&begun, &workspace);
            let tier = &begun.manifest.options["tier"];
            assert!(begun.manifest.reason.ends_with(tier["why"].as_str().unwrap()), "{}", begun.manifest.reason);
            (tier["tier"].as_u64().unwrap(), begun.manifest.parent.is_some(), begun.manifest.epochs)
        };
        for number in 0..4 {
            tiers.push(run(number, &["a", "b"]));
        }
        tiers.push(run(4, &["a", "b", "c"]));
        assert_eq!(tiers, [(3, false, 15), (2, true, 8), (2, true, 8), (3, false, 15), (3, false, 15)]);
    }

    #[test]
    fn a_run_can_begin_from_the_weights_of_any_other() {
        let (_folder, workspace, config, device) = setup("");
        let first = begin(&config, &device, &workspace, &state(&["a", "b"]), None).unwrap();
        end(&first, &workspace);
        let second =
            begin(&Config { seed: 2, ..config.clone() }, &device, &workspace, &state(&["a", "b"]), None).unwrap();
        end(&second, &workspace);
        let request = RunRequest { from: Some(first.manifest.id.clone()) };
        let asked = begin(&config, &device, &workspace, &state(&["a", "b"]), Some(&request)).unwrap();
        assert_eq!(asked.manifest.parent.as_ref(), Some(&first.manifest.id));
        assert!(asked.manifest.reason.starts_with("asked for by hand; "), "{}", asked.manifest.reason);
        let named = Config { from_run: Some(first.manifest.id.clone()), ..config.clone() };
        let begun = begin(&named, &device, &workspace, &state(&["a", "c"]), None).unwrap();
        assert_eq!(begun.manifest.parent, Some(first.manifest.id));
        let wrong = Config { from_run: Some("20200101-000000-none".to_owned()), ..config.clone() };
        assert!(check_from_run(&wrong, &workspace).unwrap_err().to_string().contains("no such run"));
        assert!(check_from_run(&named, &workspace).is_ok() && check_from_run(&config, &workspace).is_ok());
        let error = begin(&wrong, &device, &workspace, &state(&["a", "d"]), None).err().unwrap().to_string();
        assert!(error.contains("--from-run 20200101") && error.contains("no such run"), "{error}");
        // Somebody who asks for what is not there gets a run all the same, and is told.
        let request = RunRequest { from: Some("../x".to_owned()) };
        let begun = begin(&config, &device, &workspace, &state(&["a", "e"]), Some(&request)).unwrap();
        assert!(begun.manifest.parent.is_none() && begun.manifest.reason.contains("no name of a run"));
    }
}
