//! What is known of every path: what the dataset holds, what is on its way, what was refused.

pub mod away;
pub mod labels;

use crate::fs::disk::Stamp;
use crate::fs::roots::Folder;
use crate::fs::scan::is_below;
use plugin_api::FileVersion;
use plugin_api::layout::Shape;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

/// What the dataset holds at a path, as far as it has said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Held {
    /// Nothing.
    #[default]
    Nothing,
    /// Something was sent and what became of it is not known. Whatever is on disk must be said again.
    Unsure,
    /// This version of the file.
    Image(FileVersion),
}

/// A version of a file that is not to be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Version of the file that was refused.
    pub version: FileVersion,
    /// False when the file could not even be read: then a change of its permissions is worth another try.
    pub readable: bool,
}

/// One path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry {
    /// What the dataset holds.
    pub held: Held,
    /// What was there when last looked.
    pub seen: Option<Stamp>,
    /// A message about this path has not been answered. There is never more than one.
    pub in_flight: bool,
    /// The version that was refused.
    pub refused: Option<Refusal>,
    /// How often in a row a message about it got lost on the way.
    pub losses: u32,
}

/// What the dataset should be told of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PendingChange {
    /// Nothing.
    Nothing,
    /// The image that is there.
    Image,
    /// That there is none.
    Removal,
}

impl Entry {
    /// What to tell the dataset when `disk` is at the path.
    pub fn pending_change(&self, disk: Option<FileVersion>) -> PendingChange {
        let is_held = |version: &FileVersion| matches!(self.held, Held::Image(held) if held.is_same(version));
        let is_refused = |version: &FileVersion| self.refused.is_some_and(|refusal| refusal.version.is_same(version));
        match disk {
            Some(version) if is_held(&version) => PendingChange::Nothing,
            Some(version) if !is_refused(&version) => PendingChange::Image,
            // Not there, or not to be sent: an earlier version must not stay in the dataset.
            _ if self.held == Held::Nothing => PendingChange::Nothing,
            _ => PendingChange::Removal,
        }
    }
}

impl Entry {
    /// Takes note of what is at the path. What the dataset holds is completed, where an older catalog does not know change
    /// time and inode, and follows a change time that is explained by another hard link of the same file (`review/` and
    /// `candidates/` are such links).
    fn see(&mut self, stamp: Option<Stamp>) {
        if let (Held::Image(held), Some(now)) = (&mut self.held, stamp) {
            let linked = |before: Stamp| {
                before.links != now.links
                    && before.version.is_same(held)
                    && before.version.is_same_but_for_change_time(&now.version)
            };
            if held.is_same(&now.version) || self.seen.is_some_and(linked) {
                *held = now.version;
            }
        }
        self.seen = stamp;
    }

    fn inode(&self) -> Option<u64> {
        self.seen.map(|stamp| stamp.version.inode)
    }
}

/// Every path that is on disk, in the dataset, or on its way, by name.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: BTreeMap<String, Entry>,
    found: usize,
    shapes: BTreeMap<Folder, Shape>,
    /// How many paths had the file with this inode when last looked.
    inodes: HashMap<u64, usize>,
}

impl Ledger {
    /// What is known of a path.
    pub fn get(&self, path: &str) -> Entry {
        self.entries.get(path).copied().unwrap_or_default()
    }

    /// Changes what is known of a path. A path of which nothing is left to know is forgotten.
    pub fn change(&mut self, path: &str, change: impl FnOnce(&mut Entry)) {
        let before = self.get(path);
        let mut after = before;
        change(&mut after);
        let was_there = before.seen.is_some();
        let is_there = after.seen.is_some();
        self.found = self.found + usize::from(is_there) - usize::from(was_there);
        if is_there != was_there
            && let Some((folder, below)) = Folder::split(path)
            && folder.has_classes()
        {
            self.shapes.entry(folder).or_default().count(below, is_there);
        }
        if before.inode() != after.inode() {
            self.count_inodes(before.inode(), after.inode());
        }
        if after.held == Held::Nothing && !is_there && !after.in_flight {
            self.entries.remove(path);
        } else if let Some(entry) = self.entries.get_mut(path) {
            *entry = after;
        } else {
            self.entries.insert(path.to_owned(), after);
        }
    }

    fn count_inodes(&mut self, before: Option<u64>, after: Option<u64>) {
        if let Some(inode) = after {
            *self.inodes.entry(inode).or_default() += 1;
        }
        if let Some(inode) = before
            && let Some(count) = self.inodes.get_mut(&inode)
        {
            *count -= 1;
            if *count == 0 {
                self.inodes.remove(&inode);
            }
        }
    }

    /// Takes note of what is at a path.
    pub fn see(&mut self, path: &str, stamp: Option<Stamp>) {
        self.change(path, |entry| entry.see(stamp));
    }

    /// Whether the file that the dataset holds at `path`, where there is none any more, was seen at another path: it was
    /// moved there.
    pub fn is_elsewhere(&self, path: &str) -> bool {
        match self.get(path).held {
            Held::Image(version) => version.inode != 0 && self.inodes.contains_key(&version.inode),
            Held::Nothing | Held::Unsure => false,
        }
    }

    /// Images on disk when last looked.
    pub fn found(&self) -> usize {
        self.found
    }

    /// Where the images of a folder with classes lie; none before the first.
    pub fn shape(&self, folder: Folder) -> Option<&Shape> {
        self.shapes.get(&folder)
    }

    /// Paths at or below `folder`.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a String, &'a Entry)> {
        let start = self.entries.range::<str, _>((Bound::Included(folder), Bound::Unbounded));
        start.take_while(move |(path, _)| path.starts_with(folder)).filter(move |(path, _)| is_below(path, folder))
    }

    /// Paths at or below `folder` at which the dataset holds an image.
    pub fn held_below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = &'a String> {
        self.below(folder).filter(|(_, entry)| entry.held != Held::Nothing).map(|(path, _)| path)
    }

    /// Takes the dataset's word for what it holds. What is not known yet stays so.
    pub fn set_inventory(&mut self, mut inventory: BTreeMap<String, FileVersion>) {
        let paths: Vec<String> = self.entries.keys().cloned().collect();
        for path in paths {
            let listed = inventory.remove(&path);
            self.change(&path, |entry| {
                entry.held = match (listed, entry.held) {
                    (Some(version), _) => Held::Image(version),
                    (None, Held::Unsure) => Held::Unsure,
                    (None, _) => Held::Nothing,
                };
            });
        }
        for (path, version) in inventory {
            self.change(&path, |entry| entry.held = Held::Image(version));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(size_bytes: u64) -> FileVersion {
        FileVersion { size_bytes, modified_ns: 1, changed_ns: 2, inode: 3 }
    }

    fn stamp(version: FileVersion, links: u64) -> Stamp {
        Stamp { version, links }
    }

    #[test]
    fn only_what_differs_is_said() {
        let refused = Some(Refusal { version: version(2), readable: true });
        let held = |held| Entry { held, refused, ..Entry::default() };
        let pending = |held: Entry| [None, Some(version(1)), Some(version(2))].map(|disk| held.pending_change(disk));
        assert_eq!(
            pending(held(Held::Nothing)),
            [PendingChange::Nothing, PendingChange::Image, PendingChange::Nothing]
        );
        assert_eq!(pending(held(Held::Unsure)), [PendingChange::Removal, PendingChange::Image, PendingChange::Removal]);
        assert_eq!(
            pending(held(Held::Image(version(1)))),
            [PendingChange::Removal, PendingChange::Nothing, PendingChange::Removal]
        );
        assert_eq!(
            pending(held(Held::Image(version(3)))),
            [PendingChange::Removal, PendingChange::Image, PendingChange::Removal]
        );
    }

    #[test]
    fn a_path_is_forgotten_when_nothing_is_left_to_know() {
        let mut ledger = Ledger::default();
        ledger.change("photos/cat/a", |e| e.seen = Some(stamp(version(1), 1)));
        assert_eq!((ledger.found(), ledger.entries.len()), (1, 1));
        ledger.change("photos/cat/a", |e| e.seen = None);
        assert_eq!((ledger.found(), ledger.entries.len()), (0, 0));
    }

    #[test]
    fn a_folder_is_not_its_namesake() {
        let mut ledger = Ledger::default();
        for path in ["photos/cat/a", "photos/cat/b/c", "photos/cat-2/a", "photos/cats/a", "photos/ca/a"] {
            ledger.change(path, |e| e.seen = Some(stamp(version(1), 1)));
        }
        let below: Vec<&str> = ledger.below("photos/cat").map(|(path, _)| path.as_str()).collect();
        assert_eq!(below, ["photos/cat/a", "photos/cat/b/c"]);
        assert_eq!(ledger.below("photos").count(), 5);
    }

    #[test]
    fn the_inventory_replaces_all_but_the_unsure() {
        let mut ledger = Ledger::default();
        ledger.change("photos/cat/a", |e| e.held = Held::Image(version(1)));
        ledger.change("photos/cat/b", |e| e.held = Held::Unsure);
        ledger.set_inventory([("photos/cat/c".to_owned(), version(3))].into());
        assert_eq!(ledger.get("photos/cat/a").held, Held::Nothing);
        assert_eq!(ledger.get("photos/cat/b").held, Held::Unsure);
        assert_eq!(ledger.get("photos/cat/c").held, Held::Image(version(3)));
    }

    #[test]
    fn an_older_catalog_is_completed_by_what_is_seen() {
        let mut ledger = Ledger::default();
        let older = FileVersion { changed_ns: 0, inode: 0, ..version(1) };
        ledger.set_inventory([("photos/cat/a".to_owned(), older)].into());
        assert_eq!(ledger.get("photos/cat/a").pending_change(Some(version(1))), PendingChange::Nothing);
        ledger.see("photos/cat/a", Some(stamp(version(1), 1)));
        assert_eq!(ledger.get("photos/cat/a").held, Held::Image(version(1)));
        let later = FileVersion { changed_ns: 5, ..version(1) };
        assert_eq!(ledger.get("photos/cat/a").pending_change(Some(later)), PendingChange::Image, "from then on");
    }

    #[test]
    fn another_hard_link_is_no_new_version() {
        let mut ledger = Ledger::default();
        ledger.set_inventory([("photos/cat/a".to_owned(), version(1))].into());
        ledger.see("photos/cat/a", Some(stamp(version(1), 1)));
        let linked = FileVersion { changed_ns: 5, ..version(1) };
        ledger.see("photos/cat/a", Some(stamp(linked, 2)));
        assert_eq!(ledger.get("photos/cat/a").pending_change(Some(linked)), PendingChange::Nothing);
        let changed = FileVersion { changed_ns: 6, ..version(1) };
        ledger.see("photos/cat/a", Some(stamp(changed, 2)));
        assert_eq!(ledger.get("photos/cat/a").pending_change(Some(changed)), PendingChange::Image);
    }

    #[test]
    fn a_moved_file_is_found_by_its_inode() {
        let mut ledger = Ledger::default();
        let held = |path: &str| (path.to_owned(), version(1));
        ledger.set_inventory([held("photos/cat/a"), held("photos/cat/b")].into());
        ledger.see("photos/cat/a", Some(stamp(version(1), 1)));
        ledger.see("photos/cat/a", None);
        assert!(!ledger.is_elsewhere("photos/cat/a"));
        ledger.see("photos/dog/a", Some(stamp(FileVersion { changed_ns: 9, ..version(1) }, 1)));
        assert!(ledger.is_elsewhere("photos/cat/a"));
        ledger.see("photos/dog/a", None);
        assert!(!ledger.is_elsewhere("photos/cat/a") && ledger.inodes.is_empty());
    }
}
