//! Promotion and rollback by a person.

use crate::lock::Lock;
use crate::models::{ByHand, Model, model, models};
use crate::promote::{card_of, champion, check, copy, discard, point, remove, weights};
use plugin_api::Workspace;
use plugin_api::files::{sync_folder, with_path};
use plugin_api::runs::{ModelCard, RunFolder, write_json};
use std::fs;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// The model is the champion already.
    #[error("{0} is champion already")]
    Already(String),
    /// There is no such model or run.
    #[error("there is neither a model nor a run {id}; models there are: {known}")]
    Unknown {
        /// What was asked for.
        id: String,
        /// What there is.
        known: String,
    },
    /// The run has no weights to use.
    #[error("run {id} cannot be promoted: {why}")]
    Run {
        /// The run.
        id: String,
        /// Why not.
        why: String,
    },
    /// There is no champion.
    #[error("there is no champion to go back from")]
    Nobody,
    /// There is none to go back to.
    #[error("{0} was the first champion: there is none to go back to")]
    First(String),
    /// The one to go back to is not there any more.
    #[error("the champion before {champion} was {previous}, and that is not there any more; models there are: {known}")]
    Gone {
        /// Id of the run that is champion.
        champion: String,
        /// The one before.
        previous: String,
        /// What there is.
        known: String,
    },
    /// A file could not be read or written, or is not what it should be.
    #[error(transparent)]
    File(#[from] io::Error),
}

/// A step of a promotion by hand, in order. Tests end it after each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The run's weights lie in an unfinished folder.
    Weights,
    /// The folder is whole and has its name.
    Named,
    /// It is written down who was champion before.
    Noted,
    /// The link points to it.
    Linked,
}

/// Makes a model champion, or a run that was evaluated, whatever its verdict. Returns the champion there was before.
///
/// # Errors
/// [`Refused`]; nothing has changed then.
pub fn promote_by_hand(workspace: &Workspace, id: &str) -> Result<Option<String>, Refused> {
    promote_until(workspace, id, Step::Linked)
}

pub(crate) fn promote_until(workspace: &Workspace, id: &str, until: Step) -> Result<Option<String>, Refused> {
    let _lock = Lock::take(workspace)?;
    let previous = champion(workspace);
    if previous.as_deref() == Some(id) {
        return Err(Refused::Already(id.to_owned()));
    }
    if let Some(Model { card, folder, .. }) = model(workspace, id) {
        check(&weights(&folder), &card.digest)?;
    } else {
        from_run(workspace, id, until)?;
    }
    if [Step::Weights, Step::Named].contains(&until) {
        return Ok(previous);
    }
    let promoted_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    let note = ByHand { previous: previous.clone(), promoted_ms };
    write_json(&workspace.models().join(id).join("by-hand.json"), &note)?;
    if until == Step::Noted {
        return Ok(previous);
    }
    point(workspace, id)?;
    Ok(previous)
}

/// Copies the weights of a finished run into a whole folder in `models/`.
fn from_run(workspace: &Workspace, id: &str, until: Step) -> Result<(), Refused> {
    let folder = RunFolder::new(&workspace.runs(), id);
    let is_name = Path::new(id).file_name().is_some_and(|name| name == id) && !id.starts_with('.');
    let (Some(manifest), true) = (folder.manifest(), is_name) else {
        return Err(Refused::Unknown { id: id.to_owned(), known: known(workspace) });
    };
    let refused = |why: String| Refused::Run { id: id.to_owned(), why };
    let finished = folder.finished().ok_or_else(|| refused("it has not finished".to_owned()))?;
    let from = workspace.root().join(&finished.uri);
    if !from.is_file() {
        return Err(refused(format!("its weights {} are gone", finished.uri)));
    }
    let verdict = folder.verdict().ok_or_else(|| refused("it has not been evaluated yet".to_owned()))?;
    let temperature = verdict.calibration.map(|of| of.temperature);
    let card = ModelCard { temperature, ..card_of(&manifest, id, &finished.digest) };
    let models = workspace.models();
    let (target, part) = (models.join(id), models.join(format!(".{id}.part")));
    remove(&part)?;
    fs::create_dir(&part).map_err(|e| with_path(&part, &e))?;
    copy(&from, &weights(&part), &card.digest)?;
    if until == Step::Weights {
        return Ok(());
    }
    write_json(&part.join("model.json"), &card)?;
    write_json(&part.join("verdict.json"), &verdict)?;
    sync_folder(&part).map_err(|e| with_path(&part, &e))?;
    discard(workspace, id)?;
    fs::rename(&part, &target).map_err(|e| with_path(&target, &e))?;
    Ok(sync_folder(&models).map_err(|e| with_path(&models, &e))?)
}

/// Makes the champion before the present one champion again. Returns both: who was, and who is.
///
/// # Errors
/// [`Refused`]; nothing has changed then.
pub fn roll_back(workspace: &Workspace) -> Result<(String, String), Refused> {
    let _lock = Lock::take(workspace)?;
    let champion = champion(workspace).ok_or(Refused::Nobody)?;
    let now = model(workspace, &champion);
    let previous = now.as_ref().and_then(Model::previous).map(str::to_owned);
    let previous = previous.ok_or_else(|| Refused::First(champion.clone()))?;
    let Some(target) = model(workspace, &previous) else {
        return Err(Refused::Gone { champion, previous, known: known(workspace) });
    };
    check(&weights(&target.folder), &target.card.digest)?;
    point(workspace, &previous)?;
    // Was it a person's choice, then that is taken back; going back further follows the verdicts again.
    let note = workspace.models().join(&champion).join("by-hand.json");
    if now.is_some_and(|model| model.by_hand.is_some()) {
        fs::remove_file(&note).map_err(|e| with_path(&note, &e))?;
    }
    Ok((champion, previous))
}

fn known(workspace: &Workspace) -> String {
    let names: Vec<String> = models(workspace).into_iter().map(|model| model.id).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
