//! Folders that are away: a drive that dropped, a stick that was pulled out.
//!
//! A file that is not there was deleted by somebody, or the folder it was in is away for a while. The device number of a
//! folder tells the two apart: an unmounted folder shows the empty one below it, on another device. Files of a folder that
//! is away are held for a grace period. When the folder comes back nothing was lost and nothing is sent again; after the
//! period they count as deleted.
//!
//! - A watched folder or a class folder on another device than before, with none of its files: away.
//! - A folder that was a mount and has vanished, or whose parent is away: away.
//! - A class folder that is still there and has lost all of its files at once, two or more, none of which was moved within
//!   the watched folders: away. (Some drives show an empty folder and keep the device number.)
//! - A folder that somebody deleted, or single files: deleted, at once.
//!
//! Device numbers and the beginnings of absences are kept in `dataset/folders-<folder>.json`, so that a drive that drops
//! while `watch` is not running is noticed too.

use crate::fs::disk::wall_ns;
use crate::fs::roots::Roots;
use crate::fs::scan::{Scan, image_at, is_below, walk};
use crate::ledger::Ledger;
use crate::ledger::labels::Labels;
use plugin_api::Message;
use plugin_api::files::write_atomically;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A folder's state is looked up at most so often while files in it are found to be gone.
const LOOK_UP: Duration = Duration::from_secs(1);

/// Files of a folder that are looked for, to tell the same folder on a device of another number from another folder.
const SAMPLE: usize = 64;

/// What is kept of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KnownFolder {
    /// Number of the device it was on when its files were last there.
    device: u64,
    /// Since when it is away, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    away_since_ms: Option<u64>,
}

/// How a folder is away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absence {
    /// It is on another device than before, and none of its files is there.
    OtherDevice,
    /// It was a mount and has vanished.
    Unmounted,
    /// All of its files have vanished at once.
    Emptied,
}

impl Absence {
    /// What it tells people.
    pub fn message(self) -> Message {
        match self {
            Self::OtherDevice => Message::away_other_device(),
            Self::Unmounted => Message::away_unmounted(),
            Self::Emptied => Message::away_emptied(),
        }
    }
}

/// A folder that is away.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AwayFolder {
    pub(crate) absence: Absence,
    /// From when on its files count as deleted.
    until: Instant,
}

/// Folders of the watched ones, and which of them are away.
#[derive(Debug)]
pub(crate) struct AwayFolders {
    grace: Duration,
    dataset: PathBuf,
    known: BTreeMap<String, KnownFolder>,
    pub(crate) away: BTreeMap<String, AwayFolder>,
    /// Folders that have been away for longer than the grace period.
    given_up: BTreeSet<String>,
    looked_up: HashMap<String, (Instant, Option<Absence>)>,
    next_check: Instant,
    is_changed: bool,
    is_save_refused: bool,
    /// Files of folders that came back, or that count as deleted from now on.
    look_again: Vec<String>,
}

/// What else tells whether a folder is away.
pub(crate) struct Surroundings<'a> {
    pub(crate) roots: &'a Roots,
    pub(crate) ledger: &'a Ledger,
    pub(crate) labels: &'a Labels,
    /// Whether the dataset has not yet said what it holds.
    pub(crate) is_asking: bool,
}

impl Surroundings<'_> {
    /// Whether some of the files that the dataset holds of a folder are there.
    fn has_known_file(&self, folder: &str) -> bool {
        let mut held = self.ledger.held_below(folder).take(SAMPLE);
        held.any(|path| image_at(self.roots, path).is_ok_and(|stamp| stamp.is_some()))
    }

    fn holds_anything_below(&self, folder: &str) -> bool {
        self.ledger.held_below(folder).next().is_some()
    }
}

impl AwayFolders {
    /// Takes up what was kept in the folder `dataset` of the workspace.
    pub(crate) fn open(roots: &Roots, dataset: PathBuf, grace: Duration, now: Instant) -> Self {
        let mut folders = Self {
            grace,
            dataset,
            known: BTreeMap::new(),
            away: BTreeMap::new(),
            given_up: BTreeSet::new(),
            looked_up: HashMap::new(),
            next_check: now,
            is_changed: false,
            is_save_refused: false,
            look_again: Vec::new(),
        };
        for root in roots.iter() {
            let Ok(text) = fs::read(folders.file(root.folder.name())) else { continue };
            match serde_json::from_slice::<BTreeMap<String, KnownFolder>>(&text) {
                Ok(known) => folders.known.extend(known.into_iter().filter(|(at, _)| is_below(at, root.folder.name()))),
                Err(error) => {
                    tracing::warn!(folder = root.folder.name(), %error, "what was kept of folders is not readable");
                }
            }
        }
        for (folder, known) in &folders.known {
            if let Some(since_ms) = known.away_since_ms {
                let passed = Duration::from_millis(wall_ms().saturating_sub(since_ms));
                let until = now + grace.saturating_sub(passed);
                // How it is away is found out at the first check.
                folders.away.insert(folder.clone(), AwayFolder { absence: Absence::OtherDevice, until });
            }
        }
        folders
    }

    /// How long files of a folder that is away are kept.
    pub(crate) fn grace(&self) -> Duration {
        self.grace
    }

    fn file(&self, root: &str) -> PathBuf {
        self.dataset.join(format!("folders-{root}.json"))
    }

    fn set_device(&mut self, folder: &str, device: u64) {
        let known = KnownFolder { device, away_since_ms: None };
        self.is_changed |= self.known.insert(folder.to_owned(), known) != Some(known);
    }

    /// Writes down what changed. When that fails the log says so, once.
    fn save(&mut self, roots: &Roots) {
        if !std::mem::take(&mut self.is_changed) {
            return;
        }
        for root in roots.iter() {
            let name = root.folder.name();
            let known: BTreeMap<_, _> = self.known.iter().filter(|(folder, _)| is_below(folder, name)).collect();
            let text = serde_json::to_vec_pretty(&known).unwrap_or_default();
            if let Err(error) = write_atomically(&self.file(name), &text)
                && !std::mem::replace(&mut self.is_save_refused, true)
            {
                tracing::warn!(%error, "what is known of folders cannot be kept for the next start");
            }
        }
    }
}

fn wall_ms() -> u64 {
    (wall_ns() / 1_000_000) as u64
}

/// The folders that `path` is in, from the watched folder down.
fn folders_of(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').map(|(at, _)| &path[..at])
}

impl AwayFolders {
    /// Takes note of the devices of folders that were met by a scan.
    pub(crate) fn note_devices(&mut self, scan: &Scan, around: &Surroundings<'_>) {
        for (folder, device) in &scan.devices {
            let is_vacant = !around.is_asking && !around.holds_anything_below(folder);
            if is_vacant || !self.known.contains_key(folder) {
                self.set_device(folder, *device);
            }
        }
        // Files are there again: should they vanish once more, a grace period begins as at first.
        let mut given_up = std::mem::take(&mut self.given_up);
        given_up.retain(|folder| !around.has_known_file(folder));
        self.given_up = given_up;
        let is_whole = !scan.folder.contains('/');
        if is_whole && !around.is_asking {
            let met: BTreeSet<&String> = scan.devices.iter().map(|(folder, _)| folder).collect();
            let below: Vec<String> =
                self.known.keys().filter(|folder| is_below(folder, &scan.folder)).cloned().collect();
            for folder in below {
                if !met.contains(&folder) && !around.holds_anything_below(&folder) {
                    self.known.remove(&folder);
                    self.is_changed = true;
                }
            }
        }
    }

    /// Whether a file that is not at `path` counts as deleted. What was found out a moment ago is believed.
    pub(crate) fn is_deleted(&mut self, path: &str, around: &Surroundings<'_>, now: Instant) -> bool {
        let folders: Vec<String> = folders_of(path).map(str::to_owned).collect();
        !folders.iter().any(|folder| {
            self.recent_absence(folder, around, now).is_some_and(|absence| self.is_held(folder, absence, around, now))
        })
    }

    /// As [`Self::absence`], looked up at most every [`LOOK_UP`].
    fn recent_absence(&mut self, folder: &str, around: &Surroundings<'_>, now: Instant) -> Option<Absence> {
        match self.looked_up.get(folder) {
            Some((at, absence)) if now < *at + LOOK_UP => *absence,
            _ => {
                let absence = self.absence(folder, around);
                self.looked_up.insert(folder.to_owned(), (now, absence));
                absence
            }
        }
    }

    /// As [`Self::is_deleted`], and everything is looked up anew.
    pub(crate) fn is_deleted_now(&mut self, paths: &[String], around: &Surroundings<'_>, now: Instant) -> Vec<bool> {
        self.looked_up.clear();
        paths.iter().map(|path| self.is_deleted(path, around, now)).collect()
    }

    /// Folders that have come back, and those whose time is up. Writes down what changed.
    pub(crate) fn check(&mut self, around: &Surroundings<'_>, now: Instant) {
        if now >= self.next_check {
            self.next_check = now + LOOK_UP;
            for folder in self.away.keys().cloned().collect::<Vec<_>>() {
                match self.absence(&folder, around) {
                    Some(absence) => {
                        self.is_held(&folder, absence, around, now);
                    }
                    None => self.came_back(&folder, around),
                }
            }
        }
        self.save(around.roots);
    }

    /// How `folder` is away, if it is.
    fn absence(&mut self, folder: &str, around: &Surroundings<'_>) -> Option<Absence> {
        let known = *self.known.get(folder)?;
        let at = around.roots.real(folder)?;
        match fs::metadata(at) {
            Ok(meta) if meta.dev() == known.device => {
                (around.labels.is_class_folder(folder) && self.is_emptied(folder, around)).then_some(Absence::Emptied)
            }
            Ok(meta) if !around.holds_anything_below(folder) || around.has_known_file(folder) => {
                // The same folder; the number of a device may be another after each start of the machine.
                self.set_device(folder, meta.dev());
                None
            }
            Ok(_) => Some(Absence::OtherDevice),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let (parent, _) = folder.rsplit_once('/')?;
                let parent = self.known.get(parent)?;
                (parent.device != known.device).then_some(Absence::Unmounted)
            }
            // A drive that answers with errors.
            Err(_) => Some(Absence::Unmounted),
        }
    }

    /// Whether files of a folder that is away are still held. Begins the grace period, and ends it.
    fn is_held(&mut self, folder: &str, absence: Absence, around: &Surroundings<'_>, now: Instant) -> bool {
        let Some(away) = self.away.get_mut(folder) else { return self.begins(folder, absence, around, now) };
        away.absence = absence;
        let until = away.until;
        now < until || is_watched_folder_unmounted(folder, around) || self.give_up(folder, absence, around)
    }

    /// The grace period of a folder begins. Whether its files are held: not when there is none.
    fn begins(&mut self, folder: &str, absence: Absence, around: &Surroundings<'_>, now: Instant) -> bool {
        let grace = self.grace;
        let files = around.ledger.held_below(folder).count();
        tracing::warn!(
            folder,
            files,
            reason = %absence.message(),
            grace_seconds = grace.as_secs(),
            "is away: its files are kept"
        );
        self.away.insert(folder.to_owned(), AwayFolder { absence, until: now + grace });
        if let Some(known) = self.known.get_mut(folder) {
            known.away_since_ms = Some(wall_ms());
            self.is_changed = true;
        }
        !grace.is_zero() || self.give_up(folder, absence, around)
    }

    /// Files of a folder that was away for too long count as deleted from now on. Never held.
    fn give_up(&mut self, folder: &str, absence: Absence, around: &Surroundings<'_>) -> bool {
        let files = around.ledger.held_below(folder).count();
        tracing::warn!(folder, files, "was away for too long: its files count as deleted");
        self.away.remove(folder);
        self.looked_up.clear();
        // Folders in it went with it: none begins a grace period of its own.
        let is_inside = |path: &str| path != folder && is_below(path, folder);
        self.known.retain(|path, _| !is_inside(path));
        self.away.retain(|path, _| !is_inside(path));
        // Nor is it emptied from now on, where it was on another device.
        self.given_up.insert(folder.to_owned());
        let device = around.roots.real(folder).and_then(|at| fs::metadata(at).ok()).map(|meta| meta.dev());
        match (absence, device) {
            (Absence::Emptied, _) => {
                self.known.entry(folder.to_owned()).and_modify(|known| known.away_since_ms = None);
            }
            (_, Some(device)) => self.set_device(folder, device),
            (_, None) => drop(self.known.remove(folder)),
        }
        self.is_changed = true;
        self.look_again.extend(around.ledger.held_below(folder).cloned());
        false
    }

    fn came_back(&mut self, folder: &str, around: &Surroundings<'_>) {
        tracing::info!(folder, "is not away any more");
        self.away.remove(folder);
        self.looked_up.clear();
        self.given_up.remove(folder);
        self.known.entry(folder.to_owned()).and_modify(|known| known.away_since_ms = None);
        self.is_changed = true;
        self.look_again.extend(around.ledger.held_below(folder).cloned());
    }

    /// Whether a folder has lost all files that the dataset holds of it, two or more, and somebody did not just move them.
    fn is_emptied(&mut self, folder: &str, around: &Surroundings<'_>) -> bool {
        let lost: Vec<&String> =
            around.ledger.held_below(folder).filter(|path| around.ledger.get(path).refused.is_none()).collect();
        let is_lost = lost.len() >= 2
            && !around.has_known_file(folder)
            && !lost.iter().any(|path| around.ledger.is_elsewhere(path))
            && walk(around.roots, folder).files.is_empty();
        if !is_lost {
            self.given_up.remove(folder);
        }
        is_lost && !self.given_up.contains(folder)
    }

    /// Files that are to be looked at again because their folder came back or was given up.
    pub(crate) fn take_look_again(&mut self) -> Vec<String> {
        std::mem::take(&mut self.look_again)
    }
}

/// Whether `folder` is a watched folder that holds nothing at all: a mount point without its drive. It is waited for without end.
fn is_watched_folder_unmounted(folder: &str, around: &Surroundings<'_>) -> bool {
    !folder.contains('/') && walk(around.roots, folder).files.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_from_the_top() {
        let folders: Vec<&str> = folders_of("photos/cat/summer/a.jpg").collect();
        assert_eq!(folders, ["photos", "photos/cat", "photos/cat/summer"]);
    }
}
