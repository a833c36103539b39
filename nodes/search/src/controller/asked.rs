//! Searches that were asked for on the page ([`Request`]).

use super::{SearchController, outstanding};
use crate::config::{Config, Network};
use plugin_api::files::{sync_folder, with_path};
use plugin_api::run_id::run_id;
use plugin_api::runs::{read_json, write_json};
use plugin_architecture_search::{Event, FOLDER, Journal, Request, journal, searches};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::{self, ErrorKind};
use std::path::Path;

/// A request in the folder of the search that came of it.
#[derive(Serialize, Deserialize)]
struct Taken {
    request: Request,
    /// The node's own options at that time: once they are others, they hold again.
    options: Value,
}

/// The node's own options, as far as a search depends on them.
fn options(base: &Config) -> Value {
    let network = base.model.description.canonical();
    json!([
        network,
        base.method,
        base.objective,
        base.size,
        base.epochs,
        base.halving,
        base.attempts,
        base.hours,
        base.max_multiply_adds,
        base.max_parameters,
        base.seed
    ])
}

/// The node's options with those that were asked for in their place.
fn config(base: &Config, request: &Request) -> Result<Config, String> {
    let network = request.checked()?;
    let mut config = base.clone();
    if let Some((name, description)) = network {
        config.model = Network { name, description };
    }
    config.method = request.method.unwrap_or(config.method);
    config.objective = request.objective.unwrap_or(config.objective);
    config.epochs = request.epochs.unwrap_or(config.epochs);
    config.attempts = request.attempts.unwrap_or(config.attempts);
    config.hours = request.hours.unwrap_or(config.hours);
    Ok(config)
}

/// The options of the newest search: the node's own, or those it was asked for with.
pub(super) fn newest(base: &Config, root: &Path) -> Config {
    let taken = searches(root).pop().and_then(|folder| read_json::<Taken>(&folder.join(Request::FILE)).ok());
    let taken = taken.filter(|taken| taken.options == options(base));
    taken.and_then(|taken| config(base, &taken.request).ok()).unwrap_or_else(|| base.clone())
}

impl SearchController {
    /// Takes up a search that was asked for. The one that goes on ends; once its last attempts are over, the new one begins.
    ///
    /// # Errors
    /// Any error of the file system.
    pub(super) fn take_request(&mut self) -> io::Result<()> {
        let root = self.workspace.root().join(FOLDER);
        let path = root.join(Request::FILE);
        let request = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice::<Request>(&bytes),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(with_path(&path, &error)),
        };
        let Some((data, _)) = self.latest.clone() else { return Ok(()) };
        if data.train() < self.base.min_train || data.trained_classes() < 2 {
            return Ok(());
        }
        let asked = request.map_err(|e| e.to_string()).and_then(|request| {
            let config = config(&self.base, &request)?;
            let settings = config.settings(&data)?;
            Ok((request, config, settings))
        });
        let (request, config, settings) = match asked {
            Ok(asked) => asked,
            Err(problem) => {
                tracing::warn!(problem, "the search that was asked for cannot be done");
                self.problem = Some(problem);
                return std::fs::remove_file(&path).map_err(|e| with_path(&path, &e));
            }
        };
        if let Some(journal) = &mut self.journal {
            if journal.search().finished.is_none() {
                journal.record(Event::Finished { reason: "another search was asked for".to_owned() })?;
                self.is_stale = true;
            }
            if outstanding(journal.search()).next().is_some() {
                return Ok(());
            }
        }
        self.write_report()?;
        let id = run_id(request.asked_ms, &data.fingerprint);
        let folder = root.join(&id);
        // Ended before the request was deleted, it is the same search the next time.
        let begun = if folder.join(journal::FILE).is_file() { Journal::open(&folder)? } else { None };
        let journal = if let Some(journal) = begun {
            journal
        } else {
            let _ = std::fs::remove_file(folder.join(journal::FILE));
            Journal::create(&root, &id, settings, data, request.asked_ms)?
        };
        write_json(&folder.join(Request::FILE), &Taken { request, options: options(&self.base) })?;
        std::fs::remove_file(&path).map_err(|e| with_path(&path, &e))?;
        sync_folder(&root)?;
        tracing::info!(search = id, "begins, as was asked for");
        self.config = config;
        self.journal = Some(journal);
        self.told.clear();
        self.problem = None;
        self.is_stale = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Outgoing;
    use super::*;
    use clap::Parser as _;
    use plugin_api::{DatasetState, Workspace};
    use plugin_architecture_search::{Method, read_search};
    use std::time::Instant;

    fn controller(workspace: &Path, line: &str) -> SearchController {
        let words = format!("search --debounce-seconds 0 --size 32 --epochs 4 --model lenet {line}");
        let mut controller =
            SearchController::new(Config::parse_from(words.split_whitespace()), Workspace::create(workspace).unwrap());
        let data = DatasetState {
            version: 2,
            fingerprint: "f".to_owned(),
            classes: ["a", "b"].map(str::to_owned).to_vec(),
            counts: vec![[9, 3, 3, 0]; 2],
            ..DatasetState::default()
        };
        controller.snapshot(data, Instant::now());
        controller
    }

    fn ask(workspace: &Path, json: Value) {
        write_json(&workspace.join(FOLDER).join(Request::FILE), &json).unwrap();
    }

    fn runs(out: &[Outgoing]) -> Vec<&str> {
        out.iter().filter_map(|out| if let Outgoing::Proposal(one) = out { Some(&one.run[..]) } else { None }).collect()
    }

    #[test]
    fn what_is_asked_for_begins_once_the_attempts_before_are_over() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path();
        let mut first = controller(workspace, "--method random");
        let out = first.proceed(Instant::now()).unwrap();
        let [run] = runs(&out)[..] else { panic!("{out:?}") };
        let before = first.search().unwrap().id.clone();
        ask(
            workspace,
            json!({ "asked_ms": 4_000_000_000_000_u64, "network": "cnn-relu", "method": "gaussian-process", "epochs": 2, "attempts": 5 }),
        );
        first.proceed(Instant::now()).unwrap();
        assert_eq!(first.search().unwrap().finished.as_deref(), Some("another search was asked for"));
        assert_eq!(first.search().unwrap().id, before, "its attempt is in training");
        let abandoned = workspace.join("runs").join(run);
        std::fs::create_dir_all(&abandoned).unwrap();
        write_json(&abandoned.join("abandoned.json"), &json!({ "reason": "diverged" })).unwrap();
        first.look_again();
        first.proceed(Instant::now()).unwrap();
        let out = first.proceed(Instant::now()).unwrap();
        let search = first.search().unwrap();
        assert_ne!(search.id, before);
        assert_eq!((search.settings.network.as_str(), search.settings.method), ("cnn-relu", Method::GaussianProcess));
        assert_eq!((search.settings.epochs, runs(&out).len()), (2, 1));
        assert!(!workspace.join(FOLDER).join(Request::FILE).exists());
        let (id, attempts) = (search.id.clone(), search.attempts.len());

        // Started again it is the same search; with other options of the node's own, one of those.
        let mut again = controller(workspace, "--method random");
        again.proceed(Instant::now()).unwrap();
        assert_eq!((&again.search().unwrap().id, again.search().unwrap().attempts.len()), (&id, attempts));
        let mut other = controller(workspace, "--method random --seed 9");
        other.proceed(Instant::now()).unwrap();
        assert_eq!(other.search().unwrap().settings.network, "lenet");
        assert!(read_search(&workspace.join(FOLDER).join(id)).unwrap().is_some());
    }

    #[test]
    fn what_cannot_be_done_is_told_and_left() {
        let folder = tempfile::tempdir().unwrap();
        let mut controller = controller(folder.path(), "");
        controller.proceed(Instant::now()).unwrap();
        for (json, part) in [
            (json!({ "asked_ms": 1, "network": "resnet19" }), "resnet19"),
            (json!({ "asked_ms": 1, "epochs": 0 }), "epochs: 0"),
            (json!({ "asked_ms": 1, "definition": "blocks: [{max-pooling: 99}, {affine: classes}]" }), "99"),
            (json!(["no", "request"]), "expected"),
        ] {
            ask(folder.path(), json);
            controller.proceed(Instant::now()).unwrap();
            let problem = controller.problem.clone().unwrap();
            assert!(problem.contains(part), "{problem}");
            assert!(!folder.path().join(FOLDER).join(Request::FILE).exists());
            assert!(controller.search().unwrap().finished.is_none(), "the search before goes on");
        }
    }
}
