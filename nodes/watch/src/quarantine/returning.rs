//! Files that change in quarantine, and their way back.
//!
//! A copy that paused for long is moved to quarantine cut off; its writer goes on there. A file that is not as its note says
//! is therefore given back to the folder it came from once it has stopped changing, and is looked at like any other.

use crate::fs::disk::{Stamp, look};
use crate::fs::ignore::{Kind, kind};
use crate::fs::roots::Roots;
use crate::fs::writers::has_writer;
use crate::quarantine::record::Record;
use crate::quarantine::{Quarantine, beside, noted};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// A file in quarantine that is not as its note says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Where it lies.
    pub target: PathBuf,
    /// Its note.
    pub record: Record,
    /// How it is now.
    pub stamp: Stamp,
}

/// Looks through the quarantine folder. Empty files are left out: such a file only claims a name.
pub fn changed_in(quarantine: &Path) -> Vec<Changed> {
    let mut changed = Vec::new();
    let mut folders = vec![quarantine.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() && beside(&path).exists() => changed.extend(look_at(path)),
                _ => {}
            }
        }
    }
    changed
}

fn look_at(target: PathBuf) -> Option<Changed> {
    let stamp = look(&target).ok()??;
    let record = noted(&target)?;
    let differs = stamp.version.size_bytes > 0 && !stamp.version.is_same(&record.moved_version());
    differs.then_some(Changed { target, record, stamp })
}

/// A thread that looks through the quarantine folder on request.
#[derive(Debug)]
pub struct QuarantineScanner {
    requests: Sender<()>,
    results: Receiver<Vec<Changed>>,
    is_idle: bool,
}

impl QuarantineScanner {
    /// Starts the thread. It ends when the scanner is dropped.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(quarantine: PathBuf) -> io::Result<Self> {
        let (requests, todo) = channel();
        let (done, results) = channel();
        thread::Builder::new().name("quarantine".to_owned()).spawn(move || {
            while todo.recv().is_ok() {
                if done.send(changed_in(&quarantine)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { requests, results, is_idle: true })
    }

    /// Asks for a look, unless one is under way.
    pub fn ask(&mut self) {
        if self.is_idle {
            self.is_idle = self.requests.send(()).is_err();
        }
    }

    /// What was found.
    pub fn take(&mut self) -> Option<Vec<Changed>> {
        let changed = self.results.try_recv().ok()?;
        self.is_idle = true;
        Some(changed)
    }
}

/// Files that changed in quarantine, on their way back.
#[derive(Debug)]
pub(crate) struct Returning {
    settle: Duration,
    /// How often a file that is being written is looked at.
    patience: Duration,
    /// By where they lie in quarantine, when they are looked at again.
    waiting: BTreeMap<PathBuf, (Instant, Changed)>,
}

impl Returning {
    /// None has changed yet. A file returns once it has been the same for `settle`.
    pub(crate) fn new(settle: Duration, patience: Duration) -> Self {
        Self { settle, patience, waiting: BTreeMap::new() }
    }

    /// Whether no file is on its way back.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes note of files that changed in quarantine. Those of folders that another node watches are left to it.
    pub(crate) fn add(&mut self, changed: Vec<Changed>, roots: &Roots, now: Instant) {
        for file in changed {
            let path = &file.record.path;
            let is_ours = kind(path) == Kind::Image && roots.of(path).is_some();
            if is_ours && !self.waiting.contains_key(&file.target) {
                self.waiting.insert(file.target.clone(), (now + self.settle, file));
            }
        }
    }

    /// Gives back files that have stopped changing. Returns the paths at which they are now.
    pub(crate) fn give_back(&mut self, quarantine: &Quarantine, roots: &Roots, now: Instant) -> Vec<String> {
        let is_due = |(due, _): &(Instant, Changed)| *due <= now;
        let due: Vec<PathBuf> =
            self.waiting.iter().filter(|(_, file)| is_due(file)).map(|(target, _)| target.clone()).collect();
        let mut returned = Vec::new();
        for target in due {
            let Some((_, file)) = self.waiting.remove(&target) else { continue };
            let Some(current) = look_at(target.clone()) else { continue };
            if current.stamp != file.stamp {
                self.waiting.insert(target, (now + self.settle, current));
            } else if has_writer(&target) {
                self.waiting.insert(target, (now + self.patience, current));
            } else {
                returned.extend(give_back(&current, quarantine, roots));
            }
        }
        returned
    }
}

/// Gives back a file. The path at which it is now.
fn give_back(file: &Changed, quarantine: &Quarantine, roots: &Roots) -> Option<String> {
    let path = &file.record.path;
    let place = roots.real(path).unwrap_or_default();
    // A folder that somebody deleted meanwhile is not made anew.
    if !place.parent().is_some_and(Path::is_dir) {
        return None;
    }
    match quarantine.give_back(&file.target, &place) {
        Ok(place) => {
            tracing::info!(path, to = %place.display(), "changed in quarantine and was given back");
            roots.name(&place)
        }
        Err(error) => {
            tracing::error!(path, %error, "changed in quarantine, but could not be given back");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantine::Moved;

    #[test]
    fn only_changed_files_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        fs::create_dir_all(at("photos/cat")).unwrap();
        let quarantine = Quarantine::new(at("quarantine"));
        for name in ["same", "changed"] {
            let path = format!("photos/cat/{name}.jpg");
            fs::write(at(&path), "half").unwrap();
            let version = look(&at(&path)).unwrap().unwrap().version;
            let record = Record::new(&path, version, "hash", "truncated", "it is cut off");
            assert!(matches!(quarantine.take(&at(&path), &record).unwrap(), Moved::To(_)));
        }
        fs::write(at("quarantine/cat/without-note.jpg"), "put there by hand").unwrap();
        assert_eq!(changed_in(&at("quarantine")), []);
        fs::write(at("quarantine/cat/changed.jpg"), "half and half").unwrap();
        let changed = changed_in(&at("quarantine"));
        assert_eq!(changed.len(), 1);
        assert_eq!(changed[0].record.path, "photos/cat/changed.jpg");
        fs::write(at("quarantine/cat/changed.jpg"), "").unwrap();
        assert_eq!(changed_in(&at("quarantine")), [], "an empty file only claims a name");
    }
}
