//! What is known of every path: what the dataset holds, what is on its way, what was refused.

use crate::disk::Mark;
use crate::roots::Folder;
use crate::scan::is_below;
use plugin_api::layout::Shape;
use std::collections::BTreeMap;
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
    Picture(Mark),
}

/// A version of a file that is not to be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which version.
    pub mark: Mark,
    /// False when the file could not even be read: then a change of its permissions is worth another try.
    pub readable: bool,
}

/// One path.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry {
    /// What the dataset holds.
    pub held: Held,
    /// There was a picture when last looked.
    pub on_disk: bool,
    /// A message about this path has not been answered. There is never more than one.
    pub in_flight: bool,
    /// The version that was refused.
    pub refused: Option<Refusal>,
    /// How often in a row a message about it got lost on the way.
    pub losses: u32,
}

/// What the dataset should be told of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing.
    Nothing,
    /// The picture that is there.
    Image,
    /// That there is none.
    Removal,
}

impl Entry {
    /// What to tell the dataset when `disk` is at the path.
    pub fn wish(&self, disk: Option<Mark>) -> Wish {
        let refused = self.refused.map(|refusal| refusal.mark);
        match disk {
            Some(mark) if self.held == Held::Picture(mark) => Wish::Nothing,
            Some(mark) if refused != Some(mark) => Wish::Image,
            // Not there, or not to be sent: an earlier version must not stay in the dataset.
            _ if self.held == Held::Nothing => Wish::Nothing,
            _ => Wish::Removal,
        }
    }
}

/// Every path that is on disk, in the dataset, or on its way, by name.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: BTreeMap<String, Entry>,
    found: usize,
    shapes: BTreeMap<Folder, Shape>,
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
        self.found = self.found + usize::from(after.on_disk) - usize::from(before.on_disk);
        if after.on_disk != before.on_disk
            && let Some((folder, below)) = Folder::split(path)
            && folder.has_classes()
        {
            self.shapes.entry(folder).or_default().count(below, after.on_disk);
        }
        if after.held == Held::Nothing && !after.on_disk && !after.in_flight {
            self.entries.remove(path);
        } else if let Some(entry) = self.entries.get_mut(path) {
            *entry = after;
        } else {
            self.entries.insert(path.to_owned(), after);
        }
    }

    /// Pictures on disk when last looked.
    pub fn found(&self) -> usize {
        self.found
    }

    /// Where the pictures of a folder with classes lie; none before the first.
    pub fn shape(&self, folder: Folder) -> Option<&Shape> {
        self.shapes.get(&folder)
    }

    /// Paths at or below `folder`.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a String, &'a Entry)> {
        let start = self.entries.range::<str, _>((Bound::Included(folder), Bound::Unbounded));
        start.take_while(move |(path, _)| path.starts_with(folder)).filter(move |(path, _)| is_below(path, folder))
    }

    /// Takes the dataset's word for what it holds. What is not known yet stays so.
    pub fn set_inventory(&mut self, mut inventory: BTreeMap<String, Mark>) {
        let paths: Vec<String> = self.entries.keys().cloned().collect();
        for path in paths {
            let listed = inventory.remove(&path);
            self.change(&path, |entry| {
                entry.held = match (listed, entry.held) {
                    (Some(mark), _) => Held::Picture(mark),
                    (None, Held::Unsure) => Held::Unsure,
                    (None, _) => Held::Nothing,
                };
            });
        }
        for (path, mark) in inventory {
            self.change(&path, |entry| entry.held = Held::Picture(mark));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(size_bytes: u64) -> Mark {
        Mark { size_bytes, modified_ns: 1 }
    }

    #[test]
    fn only_what_differs_is_said() {
        let refused = Some(Refusal { mark: mark(2), readable: true });
        let held = |held| Entry { held, refused, ..Entry::default() };
        let wishes = |held: Entry| [None, Some(mark(1)), Some(mark(2))].map(|disk| held.wish(disk));
        assert_eq!(wishes(held(Held::Nothing)), [Wish::Nothing, Wish::Image, Wish::Nothing]);
        assert_eq!(wishes(held(Held::Unsure)), [Wish::Removal, Wish::Image, Wish::Removal]);
        assert_eq!(wishes(held(Held::Picture(mark(1)))), [Wish::Removal, Wish::Nothing, Wish::Removal]);
        assert_eq!(wishes(held(Held::Picture(mark(3)))), [Wish::Removal, Wish::Image, Wish::Removal]);
    }

    #[test]
    fn a_path_is_forgotten_when_nothing_is_left_to_know() {
        let mut ledger = Ledger::default();
        ledger.change("photos/cat/a", |e| e.on_disk = true);
        assert_eq!((ledger.found(), ledger.entries.len()), (1, 1));
        ledger.change("photos/cat/a", |e| e.on_disk = false);
        assert_eq!((ledger.found(), ledger.entries.len()), (0, 0));
    }

    #[test]
    fn a_folder_is_not_its_namesake() {
        let mut ledger = Ledger::default();
        for path in ["photos/cat/a", "photos/cat/b/c", "photos/cat-2/a", "photos/cats/a", "photos/ca/a"] {
            ledger.change(path, |e| e.on_disk = true);
        }
        let below: Vec<&str> = ledger.below("photos/cat").map(|(path, _)| path.as_str()).collect();
        assert_eq!(below, ["photos/cat/a", "photos/cat/b/c"]);
        assert_eq!(ledger.below("photos").count(), 5);
    }

    #[test]
    fn the_inventory_replaces_all_but_the_unsure() {
        let mut ledger = Ledger::default();
        ledger.change("photos/cat/a", |e| e.held = Held::Picture(mark(1)));
        ledger.change("photos/cat/b", |e| e.held = Held::Unsure);
        ledger.set_inventory([("photos/cat/c".to_owned(), mark(3))].into());
        assert_eq!(ledger.get("photos/cat/a").held, Held::Nothing);
        assert_eq!(ledger.get("photos/cat/b").held, Held::Unsure);
        assert_eq!(ledger.get("photos/cat/c").held, Held::Picture(mark(3)));
    }
}
