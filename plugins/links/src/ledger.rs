//! The links that are known, made and removed so that a kill at any moment leaves nothing unknown.

use crate::folder::{LinkFolder, Linked};
use crate::link::{Key, Link, LinkChanges, LinkState};
use crate::table;
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Instant;

/// A file that a link may be made of, as it was when it was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub path: PathBuf,
    /// File size in bytes.
    pub size_bytes: u64,
    /// Modification time, nanoseconds since 1970.
    pub modified_ns: i64,
}

/// Every link of a node, in memory as in its table.
///
/// Methods that change both take the node's database. What the file system refuses is logged once and tried again with the next start.
#[derive(Debug)]
pub struct Ledger {
    folders: LinkFolder,
    /// By view, then by item.
    links: BTreeMap<String, BTreeMap<String, Link>>,
    /// Links that are not in their folder, and since when that has been seen.
    missing: HashMap<Key, Instant>,
    logged: HashSet<String>,
}

impl Ledger {
    /// Reads the links below `root`. [`Self::recover`] comes next.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn read(db: &Connection, root: PathBuf) -> rusqlite::Result<Self> {
        let mut ledger = Self {
            folders: LinkFolder::new(root),
            links: BTreeMap::new(),
            missing: HashMap::new(),
            logged: HashSet::new(),
        };
        table::read(db)?.into_iter().for_each(|link| ledger.insert(link));
        Ok(ledger)
    }

    /// Finishes what a kill has cut short. `sources` names the files that a link may be of: a pending link that was made of one of them
    /// is known again, whatever name it got.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn recover(&mut self, db: &mut Connection, sources: impl Fn(&Link) -> Vec<Source>) -> rusqlite::Result<()> {
        let of = |states: &[LinkState]| -> Vec<Link> {
            self.iter().filter(|link| states.contains(&link.state)).cloned().collect()
        };
        let leaving = of(&[LinkState::Removing, LinkState::Replaced]);
        let pending = of(&[LinkState::Pending]);
        self.finish_removing(db, leaving)?;
        let mut changes = LinkChanges::default();
        for link in pending {
            let listed = match self.folders.list(&link.folder) {
                Ok(listed) => listed.unwrap_or_default(),
                Err(error) => {
                    self.log_once(error.to_string());
                    self.forget(&link.key());
                    continue;
                }
            };
            let inodes = sources(&link).into_iter().filter_map(|source| std::fs::symlink_metadata(source.path).ok());
            let found = inodes.map(|meta| meta.ino()).find_map(|inode| Some((inode, listed.get(&inode)?.clone())));
            match found {
                Some((inode, name)) => changes.put.push(Link { inode, name, state: LinkState::Linked, ..link }),
                None => changes.removed.push(link.key()),
            }
        }
        self.commit(db, changes)
    }

    /// Makes links, each of the first of its `sources` that is as it was seen. Returns how many were made.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn create(
        &mut self,
        db: &mut Connection,
        pending: Vec<Link>,
        sources: impl Fn(&Link) -> Vec<Source>,
    ) -> rusqlite::Result<usize> {
        if pending.is_empty() {
            return Ok(0);
        }
        let pending: Vec<Link> =
            pending.into_iter().map(|link| Link { state: LinkState::Pending, inode: 0, ..link }).collect();
        let removed = pending.iter().map(Link::key).collect();
        let change = db.transaction()?;
        let planned = LinkChanges { removed: Vec::new(), put: pending };
        planned.write(&change)?;
        change.commit()?;
        let made: Vec<Link> = planned.put.into_iter().filter_map(|link| self.link(link, &sources)).collect();
        self.sync(&made);
        let count = made.len();
        self.commit(db, LinkChanges { removed, put: made })?;
        Ok(count)
    }

    /// Makes one link.
    fn link(&mut self, link: Link, sources: impl Fn(&Link) -> Vec<Source>) -> Option<Link> {
        let mut failed = None;
        for Source { path, size_bytes, modified_ns } in sources(&link) {
            match self.folders.link(&path, size_bytes, modified_ns, &link.folder, &link.name) {
                Ok(Linked::As(name, inode)) => return Some(Link { name, inode, state: LinkState::Linked, ..link }),
                Ok(Linked::Changed) => {}
                Err(error) => failed = Some(error.to_string()),
            }
        }
        if let Some(error) = failed {
            self.log_once(error);
        }
        None
    }

    /// Removes links: written down first, so that a kill in between does not look like a person's doing.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn remove(&mut self, db: &mut Connection, leaving: Vec<Link>) -> rusqlite::Result<()> {
        if leaving.is_empty() {
            return Ok(());
        }
        let leaving: Vec<Link> = leaving.into_iter().map(|link| Link { state: LinkState::Removing, ..link }).collect();
        let change = db.transaction()?;
        for link in &leaving {
            table::put(&change, link)?;
        }
        change.commit()?;
        self.finish_removing(db, leaving)
    }

    /// Removes links that are written down as [`LinkState::Removing`] or [`LinkState::Replaced`]. One that cannot be removed stays so
    /// in the table.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn finish_removing(&mut self, db: &mut Connection, mut leaving: Vec<Link>) -> rusqlite::Result<()> {
        if leaving.is_empty() {
            return Ok(());
        }
        // In the order of views: of the last two names of a file, that in `sorted` stays, not that in `review`.
        leaving.sort_by_key(Link::key);
        let mut removed = Vec::new();
        for link in &leaving {
            let other_names = u64::from(link.state != LinkState::Replaced);
            match self.folders.unlink(&link.folder, &link.name, link.inode, other_names) {
                Ok(was_ours) => {
                    if !was_ours {
                        tracing::info!(folder = link.folder, name = link.name, "stays, or is gone: it is a person's");
                    }
                    removed.push(link.key());
                }
                Err(error) => self.log_once(error.to_string()),
            }
        }
        self.sync(&leaving);
        self.commit(db, LinkChanges { removed, put: Vec::new() })?;
        for link in &leaving {
            self.forget(&link.key());
        }
        Ok(())
    }

    /// Makes what was done in the folders of these links last.
    fn sync(&mut self, links: &[Link]) {
        let folders: BTreeSet<&str> = links.iter().map(|link| link.folder.as_str()).collect();
        for folder in folders {
            if let Err(error) = self.folders.sync(folder) {
                self.log_once(error.to_string());
            }
        }
    }

    /// Writes changes in a transaction of their own and takes them over.
    fn commit(&mut self, db: &mut Connection, changes: LinkChanges) -> rusqlite::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let change = db.transaction()?;
        changes.write(&change)?;
        change.commit()?;
        self.apply(changes);
        Ok(())
    }

    /// Takes over changes that are in the table.
    pub fn apply(&mut self, changes: LinkChanges) {
        for key in &changes.removed {
            self.forget(key);
        }
        for link in changes.put {
            self.insert(link);
        }
    }

    /// The link to an item in a view.
    pub fn get(&self, view: &str, item: &str) -> Option<&Link> {
        self.links.get(view)?.get(item)
    }

    /// The links of a view, by item.
    pub fn of_view(&self, view: &str) -> impl Iterator<Item = &Link> {
        self.links.get(view).into_iter().flat_map(BTreeMap::values)
    }

    /// The links to an item, by view.
    pub fn of_item<'a>(&'a self, item: &'a str) -> impl Iterator<Item = &'a Link> {
        self.links.values().filter_map(move |links| links.get(item))
    }

    /// Every link, by view and item.
    pub fn iter(&self) -> impl Iterator<Item = &Link> {
        self.links.values().flat_map(BTreeMap::values)
    }

    /// Number of links.
    pub fn len(&self) -> usize {
        self.links.values().map(BTreeMap::len).sum()
    }

    /// Whether there is no link.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// The folders of the links.
    pub fn folders(&self) -> &LinkFolder {
        &self.folders
    }

    /// Creates a folder, so that a person sees that something is looked for.
    pub fn create_folder(&mut self, folder: &str) {
        if let Err(error) = self.folders.create(folder) {
            self.log_once(error.to_string());
        }
    }

    fn insert(&mut self, link: Link) {
        self.missing.remove(&link.key());
        self.links.entry(link.view.clone()).or_default().insert(link.item.clone(), link);
    }

    fn forget(&mut self, key: &Key) {
        self.missing.remove(key);
        if let Some(links) = self.links.get_mut(&key.view) {
            links.remove(&key.item);
            if links.is_empty() {
                self.links.remove(&key.view);
            }
        }
    }

    /// Since when a link has been missing: since `now` when that is seen for the first time.
    pub(crate) fn missing_since(&mut self, key: Key, now: Instant) -> Instant {
        *self.missing.entry(key).or_insert(now)
    }

    pub(crate) fn set_found(&mut self, key: &Key) {
        self.missing.remove(key);
    }

    pub(crate) fn is_noted_missing(&self, key: &Key) -> bool {
        self.missing.contains_key(key)
    }

    /// Logs an error that may come again with every turn of the node's loop.
    pub(crate) fn log_once(&mut self, text: String) {
        if !self.logged.contains(&text) {
            tracing::error!("{text}");
            self.logged.insert(text);
        }
    }
}

#[cfg(test)]
mod tests;
