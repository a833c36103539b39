//! Making the folders of candidates what they should be.
//!
//! Nothing is ever moved or renamed once it is there, so that a person who works through a folder is not disturbed:
//! the distance in a name is the one it came with, and only the far end of a full folder gives way to nearer ones.

use crate::error::GatherError;
use crate::gatherer::{Gatherer, Pair};
use crate::plan::{Wanted, Wishes, plan};
use crate::store::{Placed, State};
use plugin_shelf::{Linked, name};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::os::unix::fs::MetadataExt;

impl Gatherer {
    /// Chooses candidates anew; links those that are new and takes away those that are none any more.
    ///
    /// # Errors
    /// SQLite's. What cannot be linked is named once and tried again the next time.
    pub fn arrange(&mut self) -> Result<(), GatherError> {
        self.forgive()?;
        self.dirty = false;
        let claims = self.claims.all();
        let answered: HashSet<Pair> = self.answers.keys().cloned().collect();
        let by_hand: BTreeMap<String, String> = self
            .placed
            .values()
            .filter(|placed| placed.state == State::ByHand)
            .map(|placed| (placed.digest.clone(), placed.class.clone()))
            .collect();
        let wishes = Wishes {
            answered: &answered,
            settled: self.photos.digests(),
            by_hand: &by_hand,
            most: self.rules.most,
            several: self.rules.several,
        };
        let wanted = plan(&claims, &wishes);
        let pairs: HashSet<Pair> = wanted.iter().map(|w| (w.class.clone(), w.digest.clone())).collect();
        let stays = |placed: &Placed| {
            placed.state == State::ByHand || pairs.contains(&(placed.class.clone(), placed.digest.clone()))
        };
        // What is missing is a person's to answer for, which the next review finds out.
        let is_missing = |pair: &Pair| self.missing.contains_key(pair);
        let leaving: Vec<Placed> =
            self.placed.iter().filter(|(pair, of)| !stays(of) && !is_missing(pair)).map(|(_, of)| of.clone()).collect();
        // What a person has just taken, and nobody has noticed yet, is not put back.
        let is_new = |w: &&Wanted| !self.placed.contains_key(&(w.class.clone(), w.digest.clone()));
        let coming: Vec<Placed> = wanted
            .iter()
            .filter(is_new)
            .filter_map(|w| {
                let path = &self.pool_files(&w.digest).next()?.path;
                let name = name(&self.rules.reach.text(w.distance), path);
                let (class, digest) = (w.class.clone(), w.digest.clone());
                Some(Placed { class, digest, name, inode: 0, state: State::Coming })
            })
            .collect();
        let rows = self.rows(&claims, &wanted);
        self.take_back(leaving)?;
        self.put(coming)?;
        let open: BTreeSet<String> = self.claims.classes().map(str::to_owned).collect();
        for class in &open {
            if let Err(error) = self.shelf.open(class) {
                self.notice(error.to_string());
            }
        }
        for class in self.open.difference(&open) {
            self.shelf.close(class);
        }
        self.open = open;
        self.write_lists(rows);
        Ok(())
    }

    fn notice(&mut self, text: String) {
        if !self.noticed.contains(&text) {
            tracing::error!("{text}");
            self.noticed.insert(text);
        }
    }

    /// Takes links away: written down first, so that a kill in between looks like no refusal.
    fn take_back(&mut self, mut leaving: Vec<Placed>) -> Result<(), GatherError> {
        if leaving.is_empty() {
            return Ok(());
        }
        let change = self.store.change()?;
        for placed in &mut leaving {
            placed.state = State::Leaving;
            change.put_placed(placed)?;
        }
        change.commit()?;
        self.finish_leaving(&leaving)
    }

    fn finish_leaving(&mut self, leaving: &[Placed]) -> Result<(), GatherError> {
        let mut gone = Vec::new();
        for placed in leaving {
            match self.shelf.unlink(&placed.class, &placed.name, placed.inode) {
                Ok(true) => gone.push(placed),
                Ok(false) => {
                    tracing::debug!(class = placed.class, name = placed.name, "stays: it is a person's now");
                    gone.push(placed);
                }
                // It is tried again with the next start.
                Err(error) => self.notice(error.to_string()),
            }
        }
        self.sync(leaving);
        let change = self.store.change()?;
        for placed in &gone {
            change.remove_placed(&placed.class, &placed.digest)?;
        }
        change.commit()?;
        for placed in leaving {
            self.placed.remove(&(placed.class.clone(), placed.digest.clone()));
        }
        Ok(())
    }

    /// Links: written down first, so that a kill in between leaves no link that nobody knows.
    fn put(&mut self, coming: Vec<Placed>) -> Result<(), GatherError> {
        if coming.is_empty() {
            return Ok(());
        }
        let change = self.store.change()?;
        for placed in &coming {
            change.put_placed(placed)?;
        }
        change.commit()?;
        let mut there = Vec::new();
        for placed in &coming {
            if let Some((name, inode)) = self.link(placed) {
                there.push(Placed { name, inode, state: State::There, ..placed.clone() });
            }
        }
        self.sync(&there);
        let change = self.store.change()?;
        for placed in &coming {
            change.remove_placed(&placed.class, &placed.digest)?;
        }
        for placed in &there {
            change.put_placed(placed)?;
        }
        change.commit()?;
        tracing::info!(candidates = there.len(), "new candidates");
        for placed in there {
            self.placed.insert((placed.class.clone(), placed.digest.clone()), placed);
        }
        Ok(())
    }

    /// Links one file of the pool that holds the picture.
    fn link(&mut self, placed: &Placed) -> Option<(String, u64)> {
        let mut failed = None;
        for file in self.pool_files(&placed.digest) {
            let source = self.home.root().join(&file.path);
            match self.shelf.link(&source, file.size_bytes, file.modified_ns, &placed.class, &placed.name) {
                Ok(Linked::As(name, inode)) => return Some((name, inode)),
                Ok(Linked::Changed) => {}
                Err(error) => failed = Some(error.to_string()),
            }
        }
        if let Some(error) = failed {
            self.notice(error);
        }
        None
    }

    fn sync(&mut self, placed: &[Placed]) {
        let classes: BTreeSet<&str> = placed.iter().map(|placed| placed.class.as_str()).collect();
        for class in classes {
            if let Err(error) = self.shelf.sync(class) {
                self.notice(error.to_string());
            }
        }
    }

    /// Ends what a kill has cut short.
    pub(crate) fn recover(&mut self) -> Result<(), GatherError> {
        let of = |state: State| self.placed.values().filter(move |placed| placed.state == state);
        let leaving: Vec<Placed> = of(State::Leaving).cloned().collect();
        let coming: Vec<Placed> = of(State::Coming).cloned().collect();
        if !leaving.is_empty() {
            self.finish_leaving(&leaving)?;
        }
        for placed in coming {
            let files = self.pool_files(&placed.digest);
            let inodes: Vec<u64> = files
                .filter_map(|file| std::fs::symlink_metadata(self.home.root().join(&file.path)).ok())
                .map(|meta| meta.ino())
                .collect();
            let listed = self.shelf.list(&placed.class)?.unwrap_or_default();
            let pair = (placed.class.clone(), placed.digest.clone());
            let change = self.store.change()?;
            let found = inodes.into_iter().find_map(|inode| listed.get(&inode).map(|name| (name.clone(), inode)));
            if let Some((name, inode)) = found {
                let placed = Placed { name, inode, state: State::There, ..placed };
                change.put_placed(&placed)?;
                self.placed.insert(pair, placed);
            } else {
                change.remove_placed(&pair.0, &pair.1)?;
                self.placed.remove(&pair);
            }
            change.commit()?;
        }
        Ok(())
    }
}
