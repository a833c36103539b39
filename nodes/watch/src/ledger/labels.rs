//! Class and split of each path, as the folders give them now, and which the dataset may still have from before.
//!
//! How folders are read ([`Layout`]) depends on all folders together and may change with any of them. The dataset holds labels,
//! not layouts, so every layout that some of its labels may stem from is kept in `dataset/layout-<folder>.json` until each path
//! on which they differ has been sent again. A missing file stands for what versions did that kept none.

use crate::fs::roots::{Folder, Roots};
use crate::fs::scan::Scan;
use crate::ledger::{Entry, Ledger};
use plugin_api::files::write_atomically;
use plugin_api::layout::{Layout, Place, Shape};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One watched folder with classes.
#[derive(Debug)]
struct Reading {
    /// How its folders are read; none before the first whole scan.
    now: Option<Layout>,
    /// Layouts that labels in the dataset may stem from.
    in_force: Vec<Layout>,
    /// The version of the shape that was looked at last; none before the first whole scan after an inventory.
    version: Option<u64>,
}

/// How the watched folders are read.
#[derive(Debug)]
pub struct Labels {
    readings: BTreeMap<Folder, Reading>,
    memory: Option<PathBuf>,
}

impl Labels {
    /// Nothing is known yet.
    pub fn new(roots: &Roots) -> Self {
        let folders = roots.iter().map(|root| root.folder).filter(|folder| folder.has_classes());
        let reading = || Reading { now: None, in_force: vec![Layout::former()], version: None };
        Self { readings: folders.map(|folder| (folder, reading())).collect(), memory: None }
    }

    /// Keeps layouts in `folder`, and takes up those that are kept there.
    pub fn remember_in(&mut self, folder: PathBuf) {
        for (of, reading) in &mut self.readings {
            let kept = Layout::kept(&folder, of.name());
            if !kept.is_empty() {
                reading.in_force = kept;
            }
        }
        self.memory = Some(folder);
    }

    /// Class and split of `path`, as messages name it.
    pub fn place(&self, path: &str) -> Place {
        let Some((folder, below)) = Folder::split(path) else { return Place::default() };
        self.layout(folder).map_or_else(Place::default, |layout| layout.place(below))
    }

    /// False for an image in a folder with classes whose path names none.
    pub fn wants(&self, path: &str) -> bool {
        let is_read = Folder::split(path).is_some_and(|(folder, _)| self.layout(folder).is_some());
        !is_read || self.place(path).class.is_some()
    }

    /// Whether it is known how all folders are read. Before, nothing can be given a label.
    pub fn are_known(&self) -> bool {
        self.readings.values().all(|reading| reading.now.is_some())
    }

    /// Whether `folder`, as messages name it, is one whose name is the class of the images in it: `photos/cat`, or
    /// `photos/train/cat` where `photos/train` is a split. Before the first scan it goes by the layout that was kept.
    pub fn is_class_folder(&self, folder: &str) -> bool {
        let Some((root, below)) = Folder::split(folder) else { return false };
        let Some(reading) = self.readings.get(&root) else { return false };
        let Some(layout) = reading.now.as_ref().or(reading.in_force.last()) else { return false };
        let names_class = |path: &str| layout.place(path).class.is_some();
        names_class(&format!("{below}/file")) && !names_class(below)
    }

    /// How `folder` is read.
    pub fn layout(&self, folder: Folder) -> Option<&Layout> {
        self.readings.get(&folder)?.now.as_ref()
    }

    /// Looks at the shape of `folder` again, if it may have changed and has been scanned as a whole. True when paths are read
    /// in another way from now on than they may have been sent.
    pub fn review(&mut self, folder: Folder, shape: &Shape, is_scanned: bool) -> bool {
        let Some(reading) = self.readings.get_mut(&folder) else { return false };
        let is_due = reading.version.map_or(is_scanned, |version| version != shape.version());
        // An empty folder says nothing: its drive may be gone.
        if !is_due || (shape.tops().is_empty() && reading.now.is_some()) {
            return false;
        }
        let is_first = reading.version.replace(shape.version()).is_none();
        let before = reading.now.clone().or_else(|| reading.in_force.last().cloned()).unwrap_or_default();
        let now = if folder == Folder::Photos { Layout::of(shape, &before) } else { Layout::default() };
        let is_other = reading.in_force.iter().any(|layout| !layout.reads_like(&now));
        reading.now = Some(now.clone());
        if reading.in_force.last() == Some(&now) {
            return is_first && is_other;
        }
        reading.in_force.retain(|layout| !layout.reads_like(&now));
        if !now.splits.is_empty() {
            let splits = now.splits.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            tracing::info!(folder = folder.name(), splits, "these folders are splits, the folders in them classes");
        }
        reading.in_force.push(now);
        self.keep(folder);
        is_other
    }

    /// Looks at `folder` again after a scan or without one. Where it may be read otherwise now than what was sent, the paths that the
    /// dataset may have under another label or split.
    pub fn relabelled(&mut self, folder: Folder, ledger: &Ledger, scan: Option<&Scan>) -> Option<Vec<(String, Entry)>> {
        let empty = Shape::default();
        let shape = ledger.shape(folder).unwrap_or(&empty);
        let is_scanned = scan.is_some_and(|scan| scan.folder == folder.name() && !scan.unknown.contains(&scan.folder));
        if !self.review(folder, shape, is_scanned) {
            return None;
        }
        let below = ledger.below(folder.name()).filter(|(path, _)| self.may_differ(path));
        Some(below.map(|(path, entry)| (path.clone(), *entry)).collect())
    }

    /// The dataset has said what it holds, but not under which labels: the next whole scan looks at all of them again.
    pub fn review_again(&mut self) {
        self.readings.values_mut().for_each(|reading| reading.version = None);
    }

    /// Whether the dataset may have `path` under another label or split than now.
    pub fn may_differ(&self, path: &str) -> bool {
        let Some((folder, below)) = Folder::split(path) else { return false };
        let Some(reading) = self.readings.get(&folder) else { return false };
        let now = self.place(path);
        reading.in_force.iter().any(|layout| layout.place(below) != now)
    }

    /// Everything was sent as it is read now.
    pub fn settled(&mut self) {
        let mut settled = Vec::new();
        for (folder, reading) in &mut self.readings {
            if let (Some(now), Some(_), true) = (&reading.now, reading.version, reading.in_force.len() > 1) {
                reading.in_force = vec![now.clone()];
                settled.push(*folder);
            }
        }
        for folder in settled {
            self.keep(folder);
        }
    }

    fn keep(&self, folder: Folder) {
        let (Some(memory), Some(reading)) = (&self.memory, self.readings.get(&folder)) else { return };
        let written = serde_json::to_vec_pretty(&reading.in_force)
            .map_err(std::io::Error::other)
            .and_then(|json| write_atomically(&Layout::file(memory, folder.name()), &json));
        if let Err(error) = written {
            tracing::error!(%error, "how folders are read was not kept: after a restart images may be sent again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::Split;

    fn shape(paths: &[&str]) -> Shape {
        let mut shape = Shape::default();
        for path in paths {
            shape.count(path, true);
        }
        shape
    }

    fn labels(memory: Option<&std::path::Path>) -> Labels {
        let mut labels = Labels::new(&Roots::one(Folder::Photos, "/nowhere"));
        if let Some(memory) = memory {
            labels.remember_in(memory.to_owned());
        }
        labels
    }

    #[test]
    fn nothing_is_known_before_the_first_scan() {
        let mut labels = labels(None);
        assert!(!labels.are_known() && labels.wants("pool/a") && labels.wants("photos/a"));
        assert!(!labels.review(Folder::Photos, &shape(&["cat/a"]), false));
        labels.review(Folder::Photos, &shape(&["cat/a"]), true);
        assert!(labels.are_known() && labels.wants("photos/cat/a") && !labels.wants("photos/a"));
    }

    #[test]
    fn what_was_not_sent_again_is_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut before = labels(Some(folder.path()));
        before.review(Folder::Photos, &shape(&["cat/a"]), true);
        before.settled();
        assert!(!before.may_differ("photos/train/cat/a"));
        let splits = shape(&["train/cat/a", "test/cat/b"]);
        assert!(before.review(Folder::Photos, &splits, true));

        // Killed before anything was sent again.
        let mut after = labels(Some(folder.path()));
        assert!(after.review(Folder::Photos, &splits, true));
        assert!(after.may_differ("photos/train/cat/a") && !after.may_differ("photos/cat/a"));
        assert_eq!(after.place("photos/train/cat/a").split.map(Split::name), Some("train"));
        after.settled();
        let mut last = labels(Some(folder.path()));
        assert!(!last.review(Folder::Photos, &splits, true) && !last.may_differ("photos/train/cat/a"));
    }

    #[test]
    fn names_of_former_versions_are_taken_anew() {
        let mut labels = labels(None);
        assert!(labels.review(Folder::Photos, &shape(&["cat /a"]), true));
        assert!(labels.may_differ("photos/cat /a") && !labels.may_differ("photos/cat/a"));
    }

    #[test]
    fn class_folders_go_by_the_layout() {
        let mut labels = labels(None);
        let are = |labels: &Labels| {
            ["photos", "photos/train", "photos/train/cat", "photos/train/cat/summer", "pool/2024"]
                .map(|folder| labels.is_class_folder(folder))
        };
        assert_eq!(are(&labels), [false, true, false, false, false]);
        labels.review(Folder::Photos, &shape(&["train/cat/a", "test/cat/b"]), true);
        assert_eq!(are(&labels), [false, false, true, false, false]);
    }

    #[test]
    fn an_empty_folder_changes_nothing() {
        let mut labels = labels(None);
        labels.review(Folder::Photos, &shape(&["train/cat/a", "test/cat/b"]), true);
        assert!(!labels.review(Folder::Photos, &Shape::default(), true));
        assert!(labels.place("photos/train/cat/a").split.is_some());
    }
}
