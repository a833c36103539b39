//! Which files of a workspace the other machine is to have, and their parts.

use crate::options::TransferOptions;
use arrow::array::{LargeBinaryArray, StringArray, UInt64Array};
use plugin_api::edges::{FileParts, OfferedFiles, WantedParts};
use plugin_api::files::{digest, with_path, write_atomically};
use plugin_api::runs::{CrossValidation, RunFolder, RunRequest};
use plugin_api::{Edge, Workspace};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::time::{Duration, Instant};

/// Rows of a message of offers.
const ROWS: usize = 64;
/// Offers are repeated after so long, in case they were lost.
const AGAIN: Duration = Duration::from_secs(2);
/// Who is champion as far as both machines know: a file in `models/`.
const AGREED: &str = ".champion-agreed";
/// The champion's link, as messages name it.
pub const CHAMPION: &str = "models/champion";

/// What a machine is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Photos, data set and page are here: offers what a person asks for (a run, another champion).
    Files,
    /// `train` and `evaluate` are here: offers runs, reports and models.
    Training,
}

/// A file or link that the other machine is to have.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Offer {
    path: String,
    target: Option<String>,
    size: u64,
    digest: String,
}

/// A file with what it had when it was hashed: size, modification time, inode.
type Hashed = ((u64, i64, u64), String);

/// The files that are offered.
#[derive(Debug)]
pub struct Offers {
    workspace: Workspace,
    role: Role,
    options: TransferOptions,
    hashed: HashMap<String, Hashed>,
    /// By path, the digest that the other machine keeps.
    kept: HashMap<String, String>,
    open: Vec<Offer>,
    told: Option<Instant>,
    changed: bool,
    /// Something was said to be kept since.
    answered: bool,
    /// What was lacking when the last offer was made.
    lacked: usize,
}

impl Offers {
    /// Nothing is known of the other machine yet.
    pub fn new(workspace: Workspace, role: Role, options: TransferOptions) -> Self {
        let (hashed, kept) = (HashMap::new(), HashMap::new());
        Self {
            workspace,
            role,
            options,
            hashed,
            kept,
            open: Vec::new(),
            told: None,
            changed: true,
            answered: false,
            lacked: 0,
        }
    }

    /// Looks through the workspace for what is new or has changed.
    pub fn look(&mut self) {
        let paths = match self.role {
            Role::Training => training_files(&self.workspace),
            Role::Files => asked_for(&self.workspace),
        };
        let mut offers = Vec::with_capacity(paths.len());
        for path in paths {
            if path == CHAMPION {
                offers.extend(champion_offer(&self.workspace));
            } else if let Some(offer) = self.file(path) {
                offers.push(offer);
            }
        }
        self.changed |= offers != self.open;
        self.open = offers;
    }

    fn file(&mut self, path: String) -> Option<Offer> {
        let whole = self.workspace.root().join(&path);
        let meta = fs::metadata(&whole).ok().filter(fs::Metadata::is_file)?;
        let version = version(&meta);
        let digest = match self.hashed.get(&path) {
            Some((known, digest)) if *known == version => digest.clone(),
            _ => {
                let digest = digest(&whole).ok()?;
                self.hashed.insert(path.clone(), (version, digest.clone()));
                digest
            }
        };
        Some(Offer { path, target: None, size: meta.len(), digest })
    }

    fn is_kept(&self, offer: &Offer) -> bool {
        self.kept.get(&offer.path) == Some(&offer.digest)
    }

    /// How many files the other machine still lacks.
    pub fn lacking(&self) -> usize {
        self.open.iter().filter(|offer| !self.is_kept(offer)).count()
    }

    /// What to offer now: the first files that are lacking, when something has changed or after a while.
    pub fn due(&mut self, now: Instant) -> Option<OfferedFiles> {
        let silent = self.told.is_none_or(|told| now.saturating_duration_since(told) >= AGAIN);
        // All that was offered is kept, and there is more.
        let goes_on = self.answered && self.lacking() > 0 && self.lacking() + ROWS <= self.lacked;
        if !self.changed && !silent && !goes_on {
            return None;
        }
        (self.answered, self.lacked) = (false, self.lacking());
        (self.changed, self.told) = (false, Some(now));
        let rows: Vec<&Offer> = self.open.iter().filter(|offer| !self.is_kept(offer)).take(ROWS).collect();
        Some(OfferedFiles {
            path: StringArray::from_iter_values(rows.iter().map(|offer| &offer.path)),
            target: rows.iter().map(|offer| offer.target.as_deref()).collect(),
            size_bytes: rows.iter().map(|offer| offer.size).collect(),
            digest: StringArray::from_iter_values(rows.iter().map(|offer| &offer.digest)),
        })
    }

    /// The other machine has been started again, and may have another disk.
    pub fn forget(&mut self) {
        self.kept.clear();
        self.changed = true;
    }

    /// Answers what is wanted; `None` when all the message says is what is kept.
    ///
    /// # Errors
    /// Any error of the file system but that a file has changed or gone, with the path in its text.
    pub fn answer(&mut self, wanted: &WantedParts) -> io::Result<Option<FileParts>> {
        let mut parts: Vec<(&str, &str, u64, Vec<u8>)> = Vec::new();
        for row in 0..wanted.rows() {
            let (path, digest) = (wanted.path.value(row), wanted.digest.value(row));
            let (first, bytes) = (wanted.first.value(row), wanted.bytes.value(row));
            if bytes == 0 {
                self.is_kept_there(path, digest)?;
                continue;
            }
            let bytes = bytes.min(self.options.payload_bytes() as u64) as usize;
            parts.push((path, digest, first, self.part(path, digest, first, bytes).unwrap_or_default()));
        }
        Ok((!parts.is_empty()).then(|| FileParts {
            path: StringArray::from_iter_values(parts.iter().map(|part| part.0)),
            digest: StringArray::from_iter_values(parts.iter().map(|part| part.1)),
            first: parts.iter().map(|part| part.2).collect::<UInt64Array>(),
            data: LargeBinaryArray::from_iter_values(parts.iter().map(|part| &part.3)),
        }))
    }

    /// Bytes of a file that is offered; `None` when it is another by now.
    fn part(&self, path: &str, digest: &str, first: u64, bytes: usize) -> Option<Vec<u8>> {
        let offer = self.open.iter().find(|offer| offer.path == path && offer.digest == digest)?;
        let (known, _) = self.hashed.get(path)?;
        let file = File::open(self.workspace.root().join(path)).ok()?;
        if version(&file.metadata().ok()?) != *known {
            return None;
        }
        let bytes = bytes.min(usize::try_from(offer.size.saturating_sub(first)).ok()?);
        let mut data = vec![0; bytes];
        file.read_exact_at(&mut data, first).ok()?;
        Some(data)
    }

    fn is_kept_there(&mut self, path: &str, digest: &str) -> io::Result<()> {
        let Some(offer) = self.open.iter().find(|offer| offer.path == path && offer.digest == digest) else {
            return Ok(());
        };
        if offer.target.is_some() {
            agree(&self.workspace, digest)?;
        }
        self.kept.insert(path.to_owned(), digest.to_owned());
        self.answered = true;
        if path == request_path() {
            // It has been handed over: `train` answers it there.
            let whole = self.workspace.root().join(path);
            fs::remove_file(&whole).map_err(|e| with_path(&whole, &e))?;
            self.kept.remove(path);
            self.look();
        }
        Ok(())
    }
}

fn request_path() -> String {
    format!("runs/{}", RunRequest::FILE)
}

fn version(meta: &fs::Metadata) -> (u64, i64, u64) {
    (meta.len(), meta.mtime() * 1_000_000_000 + meta.mtime_nsec(), meta.ino())
}

/// Who is champion as far as both machines know.
pub fn agreed(workspace: &Workspace) -> Option<String> {
    fs::read_to_string(workspace.models().join(AGREED)).ok()
}

/// Both machines know of a champion.
pub fn agree(workspace: &Workspace, champion: &str) -> io::Result<()> {
    if agreed(workspace).as_deref() == Some(champion) {
        return Ok(());
    }
    write_atomically(&workspace.models().join(AGREED), champion.as_bytes())
}

/// The champion's link, if it was swapped on this machine.
fn champion_offer(workspace: &Workspace) -> Option<Offer> {
    let target = plugin_champion::champion(workspace).filter(|target| agreed(workspace).as_deref() != Some(target))?;
    Some(Offer { path: CHAMPION.to_owned(), target: Some(target.clone()), size: 0, digest: target })
}

/// What a person asks for: a run, or another champion with its files.
fn asked_for(workspace: &Workspace) -> Vec<String> {
    let mut paths = Vec::new();
    if let Some(offer) = champion_offer(workspace) {
        // With what `train` needs to go on from it, should the other machine be a new one.
        let model = format!("models/{}", offer.digest);
        files_below(workspace, &model, &mut paths);
        paths.sort_by_key(|path| path.ends_with("/model.json"));
        paths.push(CHAMPION.to_owned());
    }
    if workspace.root().join(request_path()).is_file() {
        paths.push(request_path());
    }
    paths
}

/// Runs, reports and models, in an order in which each may be put there: what is read first, last.
fn training_files(workspace: &Workspace) -> Vec<String> {
    let (mut paths, mut verdicts) = (Vec::new(), Vec::new());
    for run in RunFolder::all(&workspace.runs()) {
        let folder = format!("runs/{}", run.id());
        let weights = run.finished().map(|finished| finished.uri);
        let mut files = Vec::new();
        files_below(workspace, &folder, &mut files);
        files.retain(|path| {
            let is_checkpoint = path.starts_with(&format!("{folder}/checkpoints/"));
            let name = path.rsplit('/').next().unwrap_or_default();
            // Checkpoints of a run that goes on are for `train` alone.
            (!is_checkpoint || weights.as_ref() == Some(path)) && name != CrossValidation::PARTIAL
        });
        files.sort_by_key(|path| (path.ends_with("/finished.json"), !path.ends_with("/run.json"), path.clone()));
        let is_verdict = |path: &String| *path == format!("{folder}/verdict.json");
        verdicts.extend(files.iter().filter(|path| is_verdict(path)).cloned());
        paths.extend(files.into_iter().filter(|path| !is_verdict(path)));
    }
    let mut models = Vec::new();
    files_below(workspace, "models", &mut models);
    models.retain(|path| !path.starts_with("models/backbones/"));
    models.sort_by_key(|path| (path.ends_with("/model.json"), path.clone()));
    paths.extend(models);
    paths.push(CHAMPION.to_owned());
    paths.extend(verdicts);
    paths
}

/// Files below a folder that are no links and not hidden, as the workspace names them.
fn files_below(workspace: &Workspace, folder: &str, paths: &mut Vec<String>) {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(workspace.root().join(&folder)).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
            let path = format!("{folder}/{name}");
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() => paths.push(path),
                _ => {}
            }
        }
    }
}
