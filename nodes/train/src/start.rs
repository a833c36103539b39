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
use plugin_model::{ModelError, Start, Task, Trainer};

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
        architecture: config.model.clone(),
        classes: state.classes.clone(),
        labels: state.labels,
        size_px: config.size,
        epochs: config.epochs,
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
                    (Trainer::new(&task, &config.trainer, Start::Scratch, device)?, None)
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(because) => {
            why = format!("{why}; from scratch: {because}");
            (Trainer::new(&task, &config.trainer, Start::Scratch, device)?, None)
        }
    };

    let started_ms = now_ms();
    let manifest = RunManifest {
        id: run_id(started_ms, &state.fingerprint),
        started_ms,
        reason: why,
        parent,
        architecture: config.model.clone(),
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
        options: config.options(),
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

/// The champion's card, or why its weights are of no use here.
fn champion(config: &Config, home: &Home) -> Result<ModelCard, String> {
    let path = home.champion().join("model.json");
    if !path.exists() {
        return Err("there is no champion yet".to_owned());
    }
    let card: ModelCard = read_json(&path).map_err(|e| e.to_string())?;
    let (here, there) =
        (format!("{} at {} px", config.model, config.size), format!("{} at {} px", card.architecture, card.size_px));
    if here != there {
        return Err(format!("the champion is {there}, not {here}"));
    }
    Ok(card)
}

/// Goes on after the last epoch; none when its weights cannot be read.
fn go_on(found: Unfinished, config: &Config, device: &Opened, state: &State) -> Result<Option<Begun>, TrainError> {
    let Unfinished { journal, mut manifest, progress } = found;
    let task = Task {
        architecture: manifest.architecture.clone(),
        classes: manifest.classes.clone(),
        labels: manifest.labels,
        size_px: manifest.size_px,
        epochs: manifest.epochs,
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
                tracing::warn!(run = manifest.id, %error, "the optimizer's memory (momentum) starts anew");
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
            size_px: begun.manifest.size_px,
            resize_mode: "stretch".to_owned(),
            classes: begun.manifest.classes.clone(),
            labels: begun.manifest.labels,
            run: begun.manifest.id.clone(),
            digest,
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
