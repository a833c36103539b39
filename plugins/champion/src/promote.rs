//! Making a run the champion by its verdict: a whole folder in `models/`, then one rename of the link.
//!
//! `models/<run>/verdict.json` holds the verdict from before the link is swapped. When the node is killed in between,
//! [`unfinished`] finds it and the promotion is finished, instead of evaluating the run against itself.

use crate::lock::Lock;
use plugin_api::Workspace;
use plugin_api::files::{point_atomically, sync_folder, with_path};
use plugin_api::runs::{ModelCard, RunManifest, Verdict, read_json, write_json};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A step of a promotion, in order. Tests end it after each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The weights lie in the unfinished folder.
    Weights,
    /// So do the card and the verdict.
    Folder,
    /// The folder has its name.
    Named,
    /// The link points to it.
    Linked,
}

/// The name of the champion: a folder in `models/`. None when there is no link.
///
/// A workspace that was copied by something that knows no links (a zip archive, a synchronised folder) has a copy of the model in the
/// link's place: the champion is the model that the copy is of.
pub fn champion(workspace: &Workspace) -> Option<String> {
    let link = workspace.champion();
    if let Ok(target) = fs::read_link(&link) {
        return Some(target.file_name()?.to_string_lossy().into_owned());
    }
    let card: ModelCard = read_json(&link.join("model.json")).ok()?;
    complete(&workspace.models().join(&card.run)).then_some(card.run)
}

/// Makes the link a link again where a copy of the champion lies in its place, so that whoever follows it finds the model by its name.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn restore_link(workspace: &Workspace) -> io::Result<()> {
    let _lock = Lock::take(workspace)?;
    match champion(workspace).filter(|_| !workspace.champion().is_symlink()) {
        Some(id) => point(workspace, &id),
        None => Ok(()),
    }
}

/// Points the link at a model, also where a copy of a model lies in its place.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub(crate) fn point(workspace: &Workspace, id: &str) -> io::Result<()> {
    let link = workspace.champion();
    if link.symlink_metadata().is_ok_and(|there| there.is_dir()) {
        let old = workspace.models().join(".champion.old");
        remove(&old)?;
        fs::rename(&link, &old).map_err(|e| with_path(&link, &e))?;
        point_atomically(&link, Path::new(id))?;
        return remove(&old);
    }
    point_atomically(&link, Path::new(id))
}

/// Where a model's weights lie.
pub fn weights(folder: &Path) -> PathBuf {
    folder.join("model.safetensors")
}

/// The card of a run's weights, before a temperature was found.
pub fn card_of(manifest: &RunManifest, run: &str, digest: &str) -> ModelCard {
    ModelCard {
        architecture: manifest.architecture.clone(),
        definition: manifest.definition.clone(),
        size_px: manifest.size_px,
        resize_mode: manifest.resize_mode,
        classes: manifest.classes.clone(),
        labels: manifest.labels,
        run: run.to_owned(),
        digest: digest.to_owned(),
        temperature: None,
        backbone: manifest.backbone.clone(),
    }
}

/// Makes the run of `verdict` champion. The caller holds the [`Lock`](crate::Lock). Done twice, or after an attempt that was cut short, it has the same result.
///
/// # Errors
/// Any error of the file system, with the path in its text, and a copy that has not the digest of `card`.
pub fn promote(workspace: &Workspace, checkpoint: &Path, card: &ModelCard, verdict: &Verdict) -> io::Result<()> {
    promote_until(workspace, checkpoint, card, verdict, Step::Linked)
}

pub(crate) fn promote_until(
    workspace: &Workspace,
    checkpoint: &Path,
    card: &ModelCard,
    verdict: &Verdict,
    until: Step,
) -> io::Result<()> {
    let models = workspace.models();
    let (folder, part) = (models.join(&card.run), models.join(format!(".{}.part", card.run)));
    if champion(workspace).as_deref() != Some(&card.run) || !complete(&folder) {
        remove(&part)?;
        fs::create_dir(&part).map_err(|e| with_path(&part, &e))?;
        copy(checkpoint, &weights(&part), &card.digest)?;
        if until == Step::Weights {
            return Ok(());
        }
        write_json(&part.join("model.json"), card)?;
        write_json(&part.join("verdict.json"), verdict)?;
        sync_folder(&part).map_err(|e| with_path(&part, &e))?;
        if until == Step::Folder {
            return Ok(());
        }
        discard(workspace, &card.run)?;
        fs::rename(&part, &folder).map_err(|e| with_path(&folder, &e))?;
        sync_folder(&models).map_err(|e| with_path(&models, &e))?;
    }
    if until == Step::Named {
        return Ok(());
    }
    point(workspace, &card.run)
}

/// A promotion of `run` that was decided but not told: the link is swapped if that is what was missing. None when the
/// run has to be evaluated, also when there is another champion now than there was then.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn unfinished(workspace: &Workspace, run: &str) -> io::Result<Option<Verdict>> {
    let folder = workspace.models().join(run);
    let Ok(verdict) = read_json::<Verdict>(&folder.join("verdict.json")) else { return Ok(None) };
    if !complete(&folder) || verdict.run != run {
        return Ok(None);
    }
    let now = champion(workspace);
    if now.as_deref() == Some(run) {
        return Ok(Some(verdict));
    }
    if now != verdict.previous {
        return Ok(None);
    }
    point(workspace, run)?;
    Ok(Some(verdict))
}

/// Removes what an attempt to promote `run` has left, unless it is the champion.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn discard(workspace: &Workspace, run: &str) -> io::Result<()> {
    let (folder, old) = (workspace.models().join(run), workspace.models().join(format!(".{run}.old")));
    remove(&old)?;
    if folder.is_dir() {
        // Out of sight in one step, so that nobody sees it half removed.
        fs::rename(&folder, &old).map_err(|e| with_path(&folder, &e))?;
        remove(&old)?;
    }
    Ok(())
}

/// Whether a folder holds a model. Folders get their name only when they do; this guards against a person's hands.
pub(crate) fn complete(folder: &Path) -> bool {
    weights(folder).is_file() && folder.join("model.json").is_file()
}

pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(with_path(folder, &e)),
        _ => Ok(()),
    }
}

/// Copies a file, makes the copy last, and checks its BLAKE3.
pub(crate) fn copy(from: &Path, to: &Path, digest: &str) -> io::Result<()> {
    let mut target = File::create(to).map_err(|e| with_path(to, &e))?;
    read(from, digest, |bytes| target.write_all(bytes).map_err(|e| with_path(to, &e)))?;
    target.sync_all().map_err(|e| with_path(to, &e))
}

/// Checks the BLAKE3 of a file.
pub(crate) fn check(file: &Path, digest: &str) -> io::Result<()> {
    read(file, digest, |_| Ok(()))
}

fn read(file: &Path, digest: &str, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let mut source = File::open(file).map_err(|e| with_path(file, &e))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = source.read(&mut buffer).map_err(|e| with_path(file, &e))?;
        if n == 0 {
            break;
        }
        hasher.update(&buffer[..n]);
        each(&buffer[..n])?;
    }
    let found = hasher.finalize().to_hex();
    if found.as_str() == digest {
        return Ok(());
    }
    let text = format!("{}: BLAKE3 is {found}, announced was {digest}", file.display());
    Err(io::Error::new(io::ErrorKind::InvalidData, text))
}
