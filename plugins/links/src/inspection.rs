//! What a person did with the links of a view.

use crate::ledger::Ledger;
use crate::link::{Key, Link};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

/// A link must be missing for so long: whole folders are deleted file by file, and files that are dragged across drives are copied
/// first.
pub const CONFIRM: Duration = Duration::from_secs(1);

/// What differs between the ledger and the folders of a view.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Missing from their folder for [`CONFIRM`] at least.
    pub taken: Vec<Link>,
    /// Under another name by now, which they bear here.
    pub renamed: Vec<Link>,
    /// Their whole folder is gone, by which nothing is meant.
    pub folder_gone: Vec<Link>,
    /// Other files, by folder: inode and name.
    pub others: BTreeMap<String, HashMap<u64, String>>,
}

impl Inspection {
    /// Whether every link lies where it was put, or is not missing for long enough.
    pub fn is_unchanged(&self) -> bool {
        self.taken.is_empty() && self.renamed.is_empty() && self.folder_gone.is_empty()
    }
}

impl Ledger {
    /// Compares the folders of a view, and `more` folders, with the links of that view. A folder that cannot be read says nothing; it
    /// is logged once.
    pub fn inspect(&mut self, view: &str, more: &[&str], now: Instant) -> Inspection {
        let mut seen = Inspection::default();
        let mut folders: BTreeMap<String, Vec<Link>> =
            more.iter().map(|folder| ((*folder).to_owned(), Vec::new())).collect();
        for link in self.of_view(view).filter(|link| link.state.is_in_folder()) {
            folders.entry(link.folder.clone()).or_default().push(link.clone());
        }
        for (folder, links) in folders {
            let mut listed = match self.folders().list(&folder) {
                Ok(Some(listed)) => listed,
                Ok(None) => {
                    seen.folder_gone.extend(links);
                    continue;
                }
                Err(error) => {
                    self.log_once(error.to_string());
                    continue;
                }
            };
            let ours: HashSet<u64> = links.iter().map(|link| link.inode).collect();
            for link in links {
                self.compare(link, &listed, now, &mut seen);
            }
            listed.retain(|inode, _| !ours.contains(inode));
            if !listed.is_empty() {
                seen.others.insert(folder, listed);
            }
        }
        seen
    }

    /// Compares one link with what its folder holds.
    fn compare(&mut self, link: Link, listed: &HashMap<u64, String>, now: Instant, seen: &mut Inspection) {
        match listed.get(&link.inode) {
            Some(name) => {
                self.set_found(&link.key());
                if *name != link.name {
                    seen.renamed.push(Link { name: name.clone(), ..link });
                }
            }
            None if now.duration_since(self.missing_since(link.key(), now)) >= CONFIRM => seen.taken.push(link),
            None => {}
        }
    }

    /// Links that should lie in a folder that is gone as a whole.
    pub fn with_folder_gone(&self) -> Vec<Link> {
        let is_gone = |folder: &&str| matches!(self.folders().path(folder).try_exists(), Ok(false));
        let folders: BTreeSet<&str> = self.iter().map(|link| link.folder.as_str()).collect();
        let gone: BTreeSet<&str> = folders.into_iter().filter(is_gone).collect();
        let links = self.iter().filter(|link| link.state.is_in_folder() && gone.contains(link.folder.as_str()));
        links.cloned().collect()
    }

    /// Whether a link is not in its folder, and a person may be about to answer by it.
    pub fn is_missing(&self, link: &Link) -> bool {
        self.is_noted_missing(&Key::new(link.view.as_str(), link.item.as_str()))
    }
}
