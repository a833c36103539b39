//! How a run begins: with an unfinished one, with the champion's weights, or from scratch.

use crate::config::Config;
use crate::error::TrainError;
use crate::journal::{Journal, Progress, now_ms, run_id};
use crate::reason::reason;
use crate::recover::{self, Unfinished};
use crate::snapshot::State;
use plugin_api::Home;
use plugin_api::runs::{ModelCard, RunFolder, RunManifest, read_json};
use plugin_model::device::Opened;
use plugin_model::{Architecture, ModelError, Start, Task, Trainer};

/// A run that is ready to learn.
pub struct Begun {
    /// Its folder.
    pub journal: Journal,
    /// What decides it.
    pub manifest: RunManifest,
    /// Where it stands; none at the start.
    pub progress: Option<Progress>,
    /// The network.
    pub trainer: Trainer,
}

/// Begins a run, or goes on with one.
///
/// # Errors
/// Any of the file system, or of the network.
pub fn begin(config: &Config, device: &Opened, home: &Home, state: &State) -> Result<Begun, TrainError> {
    if let Some(found) = recover::unfinished(&home.runs(), state, &config.digest())?
        && let Some(begun) = go_on(found, config, device, state)?
    {
        return Ok(begun);
    }
    let ended = recover::last_ended(&home.runs());
    let same_options = ended.as_ref().is_some_and(|manifest| recover::key(manifest).1 == config.digest());
    let mut why = reason(recover::last_finished(&home.runs()).as_ref(), state, same_options);

    let mut task = Task {
        architecture: config.model.name().to_owned(),
        definition: Some(config.model.description().text().to_owned()),
        classes: state.classes.clone(),
        labels: state.labels,
        size_px: config.size,
        epochs: config.epochs,
        freeze_epochs: 0,
        seed: config.seed,
    };
    let (trainer, parent) = match champion(config, home) {
        Ok(card) => {
            let weights = home.champion().join("model.safetensors");
            task.epochs = config.retrain_epochs();
            match Trainer::new(&task, &config.trainer, Start::Model(&weights, &card.classes), device) {
                Ok(trainer) => (trainer, Some(card.run)),
                Err(error @ (ModelError::File { .. } | ModelError::Weights { .. })) => {
                    why = format!("{why}; from scratch: {error}");
                    task.epochs = config.epochs;
                    (fresh(&task, config, device)?, None)
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(because) => {
            why = format!("{why}; from scratch: {because}");
            (fresh(&task, config, device)?, None)
        }
    };
    if let (Some(weights), Some(loaded)) = (&config.weights, trainer.loaded()) {
        tracing::info!(weights = %weights.path.display(), %loaded, "weights read");
        why = format!("{why}, with weights of {}", weights.path.display());
    }

    let started_ms = now_ms();
    let manifest = RunManifest {
        id: run_id(started_ms, &state.fingerprint),
        started_ms,
        reason: why,
        parent,
        architecture: task.architecture,
        definition: task.definition,
        size_px: config.size,
        resize_mode: config.resize_mode.clone(),
        classes: state.classes.clone(),
        labels: state.labels,
        version: state.version,
        fingerprint: state.fingerprint.clone(),
        counts: state.counts.clone(),
        epochs: task.epochs,
        batch_size: config.batch_size,
        seed: config.seed,
        device: device.name.clone(),
        options: config.options(trainer.loaded()),
        code: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let journal = Journal::create(RunFolder::new(&home.runs(), &manifest.id), &manifest)?;
    tracing::info!(
        run = manifest.id,
        reason = manifest.reason,
        parent = manifest.parent,
        device = device.name,
        "begins"
    );
    Ok(Begun { journal, manifest, progress: None, trainer })
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

/// The champion's card, or why its weights are of no use here.
fn champion(config: &Config, home: &Home) -> Result<ModelCard, String> {
    let path = home.champion().join("model.json");
    if !path.exists() {
        return Err("there is no champion yet".to_owned());
    }
    let card: ModelCard = read_json(&path).map_err(|e| e.to_string())?;
    let blocks = Architecture::of_card(&card).map_err(|e| format!("the champion cannot be read: {e}"))?;
    let same_blocks = blocks.description() == config.model.description();
    if same_blocks && card.size_px == config.size {
        return Ok(card);
    }
    let there = format!("{} at {} px", card.architecture, card.size_px);
    Err(match format!("{} at {} px", config.model.name(), config.size) {
        here if here == there => format!("the champion is {there} too, but of other blocks"),
        here => format!("the champion is {there}, not {here}"),
    })
}

/// Goes on after the last epoch; none when its weights cannot be read.
fn go_on(found: Unfinished, config: &Config, device: &Opened, state: &State) -> Result<Option<Begun>, TrainError> {
    let Unfinished { journal, mut manifest, progress } = found;
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
    let weights = journal.checkpoints().join(&progress.last.file);
    let fresh = || Trainer::new(&task, &config.trainer, Start::Checkpoint(&weights), device);
    match fresh() {
        Ok(mut trainer) => {
            let memory = progress.memory.as_ref().map_or(Ok(()), |memory| {
                trainer.load_memory(&journal.checkpoints().join(&memory.file), &memory.digest)
            });
            if let Err(error) = memory {
                tracing::warn!(run = manifest.id, %error, "the optimizer starts anew");
                trainer = fresh()?;
            }
            tracing::info!(run = manifest.id, epochs_done = progress.epochs, "goes on");
            journal.rewind(&progress)?;
            manifest.version = state.version;
            manifest.device.clone_from(&device.name);
            journal.write_manifest(&manifest)?;
            Ok(Some(Begun { journal, manifest, progress: Some(progress), trainer }))
        }
        Err(error @ (ModelError::File { .. } | ModelError::Weights { .. })) => {
            journal.abandon(&format!("its weights cannot be read: {error}"), false)?;
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

    fn setup(line: &str) -> (tempfile::TempDir, Home, Config, Opened) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::create(folder.path()).unwrap();
        let config = Config::parse_from(
            ["train", "--size", "16", "--device", "flex"].into_iter().chain(line.split_whitespace()),
        );
        let device = config.device.open().unwrap();
        (folder, home, config, device)
    }

    fn state(classes: &[&str]) -> State {
        State {
            version: 3,
            fingerprint: classes.concat(),
            classes: classes.iter().map(ToString::to_string).collect(),
            counts: classes.iter().map(|_| [9, 1, 1, 0]).collect(),
            labels: plugin_api::Labels::Single,
        }
    }

    /// Makes the weights of a run the champion.
    fn crown(begun: &Begun, home: &Home) {
        let folder = home.models().join(&begun.manifest.id);
        std::fs::create_dir(&folder).unwrap();
        let digest = begun.trainer.save(&folder.join("model.safetensors")).unwrap();
        let card = ModelCard {
            architecture: begun.manifest.architecture.clone(),
            definition: begun.manifest.definition.clone(),
            size_px: begun.manifest.size_px,
            resize_mode: "stretch".to_owned(),
            classes: begun.manifest.classes.clone(),
            labels: begun.manifest.labels,
            run: begun.manifest.id.clone(),
            digest,
            temperature: None,
        };
        write_json(&folder.join("model.json"), &card).unwrap();
        plugin_api::files::point_atomically(&home.champion(), std::path::Path::new(&begun.manifest.id)).unwrap();
    }

    #[test]
    fn the_first_run_is_from_scratch_and_the_next_from_the_champion() {
        let (_folder, home, config, device) = setup("");
        let first = begin(&config, &device, &home, &state(&["a", "b"])).unwrap();
        assert_eq!(
            (first.manifest.reason.as_str(), first.manifest.epochs),
            ("first run; from scratch: there is no champion yet", 15)
        );
        assert_eq!(first.journal.folder.manifest(), Some(first.manifest.clone()));
        crown(&first, &home);
        let second = begin(&config, &device, &home, &state(&["a", "b", "c"])).unwrap();
        assert_eq!((second.manifest.parent.as_ref(), second.manifest.epochs), (Some(&first.manifest.id), 8));
        assert!(first.journal.abandoned().is_some(), "a run that never ended an epoch");
    }

    #[test]
    fn a_champion_of_another_kind_or_a_broken_one_is_not_used() {
        let (_folder, home, config, device) = setup("");
        crown(&begin(&config, &device, &home, &state(&["a", "b"])).unwrap(), &home);
        let other = Config { size: 32, ..config.clone() };
        let begun = begin(&other, &device, &home, &state(&["a", "b"])).unwrap();
        assert!(begun.manifest.parent.is_none() && begun.manifest.reason.contains("small-cnn at 16 px"));
        std::fs::write(home.champion().join("model.safetensors"), b"broken").unwrap();
        let begun = begin(&config, &device, &home, &state(&["a", "b"])).unwrap();
        assert!(begun.manifest.parent.is_none() && begun.manifest.reason.contains("model.safetensors"));
    }

    #[test]
    fn a_champion_of_other_blocks_is_not_used_and_says_itself_what_it_is() {
        let (folder, home, config, device) = setup("");
        let path = folder.path().join("mine.yml");
        let with = |block: &str| {
            std::fs::write(&path, format!("blocks: [{block}, {{affine: classes, name: fc}}]")).unwrap();
            Config { model: path.display().to_string().parse().unwrap(), ..config.clone() }
        };
        let two = state(&["a", "b"]);
        let first = begin(&with("relu"), &device, &home, &two).unwrap();
        crown(&first, &home);
        let card: ModelCard = read_json(&home.champion().join("model.json")).unwrap();
        let other = begin(&with("tanh"), &device, &home, &two).unwrap();
        assert!(other.manifest.parent.is_none(), "{}", other.manifest.reason);
        assert!(other.manifest.reason.contains("mine at 16 px too, but of other blocks"), "{}", other.manifest.reason);
        // The file has changed, and yet the champion can be read.
        let weights = home.champion().join("model.safetensors");
        assert!(plugin_model::Predictor::load(&weights, card, &device).is_ok());
        let again = begin(&with("relu"), &device, &home, &state(&["a", "c"])).unwrap();
        assert_eq!(again.manifest.parent, Some(first.manifest.id));
    }

    #[test]
    fn weights_are_started_from_until_there_is_a_champion() {
        let (folder, home, config, device) = setup("");
        let scratch = begin(&config, &device, &home, &state(&["a", "b"])).unwrap();
        let path = folder.path().join("start.safetensors");
        scratch.trainer.save(&path).unwrap();
        let config = Config { weights: Some(path.display().to_string().parse().unwrap()), seed: 9, ..config };
        let begun = begin(&config, &device, &home, &state(&["a", "b", "c"])).unwrap();
        assert!(begun.manifest.parent.is_none() && begun.manifest.reason.contains("with weights of "));
        let loaded = &begun.manifest.options["weights"];
        assert_eq!((&loaded["read"], &loaded["kept"][0]), (&4.into(), &"fc.weight".into()));
        crown(&begun, &home);
        let next = begin(&config, &device, &home, &state(&["a", "d"])).unwrap();
        assert_eq!(next.manifest.parent, Some(begun.manifest.id));
        assert!(next.manifest.options.get("weights").is_none());

        std::fs::remove_file(home.champion()).unwrap();
        std::fs::write(&path, b"broken").unwrap();
        let error = begin(&config, &device, &home, &state(&["a", "e"])).err().unwrap().to_string();
        assert!(error.contains("--weights") && error.contains("start.safetensors"), "{error}");
    }

    #[test]
    fn a_run_goes_on_with_its_weights() {
        let (_folder, home, config, device) = setup("");
        let begun = begin(&config, &device, &home, &state(&["a", "b"])).unwrap();
        let file = Journal::checkpoint(0);
        let digest = begun.trainer.save(&begun.journal.checkpoints().join(&file)).unwrap();
        let score = crate::journal::Score { accuracy: None, loss: 1.0 };
        let last = crate::journal::Saved { epoch: 0, file, digest, score };
        let progress =
            Progress { epochs: 1, steps: 2, samples: 18, seconds: 1.0, best: last.clone(), last, memory: None };
        begun.journal.end_epoch(&[], &progress).unwrap();
        let moved = State { version: 9, ..state(&["a", "b"]) };
        let again = begin(&config, &device, &home, &moved).unwrap();
        assert_eq!((again.manifest.id.as_str(), again.manifest.version), (begun.manifest.id.as_str(), 9));
        assert_eq!(again.progress, Some(progress));
        let other = begin(&config, &device, &home, &state(&["a", "c"])).unwrap();
        assert_ne!(other.manifest.id, begun.manifest.id);
    }
}
