//! Making the folders of candidates what they should be.
//!
//! Nothing is ever moved or renamed once it is there, so that a person who works through a folder is not disturbed:
//! the distance in a name is the one it came with, and only the far end of a full folder gives way to nearer ones.

use crate::error::GatherError;
use crate::gatherer::{Gatherer, Pair, pool_files, sources};
use crate::plan::{Constraints, Wanted, plan};
use plugin_links::{Link, LinkState, link_name};
use std::collections::{BTreeMap, BTreeSet, HashSet};

impl Gatherer {
    /// Chooses candidates anew; links those that are new and removes those that are none any more.
    ///
    /// # Errors
    /// SQLite's. What cannot be linked is logged once and tried again the next time.
    pub fn arrange(&mut self) -> Result<(), GatherError> {
        self.forgive()?;
        self.dirty = false;
        let claims = self.claims.all();
        let answered: HashSet<Pair> = self.answers.keys().cloned().collect();
        let by_hand: BTreeMap<String, String> = self
            .links
            .iter()
            .filter(|link| link.state == LinkState::ByHand)
            .map(|link| (link.item.clone(), link.view.clone()))
            .collect();
        let constraints = Constraints {
            answered: &answered,
            settled: self.photos.digests(),
            by_hand: &by_hand,
            max_candidates: self.rules.max_candidates,
            multi_class: self.rules.multi_class,
        };
        let wanted = plan(&claims, &constraints);
        let pairs: HashSet<(&str, &str)> = wanted.iter().map(|w| (w.class.as_str(), w.digest.as_str())).collect();
        let stays =
            |link: &Link| link.state == LinkState::ByHand || pairs.contains(&(link.view.as_str(), link.item.as_str()));
        // What is missing is a person's to answer for, which the next review finds out.
        let is_to_go = |link: &&Link| !stays(link) && !self.links.is_missing(link);
        let leaving: Vec<Link> = self.links.iter().filter(is_to_go).cloned().collect();
        // What a person has just taken, and nobody has noticed yet, is not put back.
        let is_new = |w: &&Wanted| self.links.get(&w.class, &w.digest).is_none();
        let pending: Vec<Link> = wanted.iter().filter(is_new).filter_map(|w| self.candidate(w)).collect();
        let rows = self.rows(&claims, &wanted);
        self.links.remove(self.store.connection(), leaving)?;
        let (root, files, holders) = (self.workspace.root(), &self.files, &self.holders);
        let made = self
            .links
            .create(self.store.connection(), pending, |link| sources(root, pool_files(files, holders, &link.item)))?;
        if made > 0 {
            tracing::info!(candidates = made, "new candidates");
        }
        let open: BTreeSet<String> = self.claims.classes().map(str::to_owned).collect();
        for class in &open {
            self.links.create_folder(class);
        }
        for class in self.open.difference(&open) {
            self.links.folders().remove_if_empty(class);
        }
        self.open = open;
        self.write_lists(rows);
        Ok(())
    }

    /// The link to a candidate; `None` when no file of the pool holds it any more.
    fn candidate(&self, wanted: &Wanted) -> Option<Link> {
        let path = &pool_files(&self.files, &self.holders, &wanted.digest).next()?.path;
        Some(Link {
            view: wanted.class.clone(),
            item: wanted.digest.clone(),
            folder: wanted.class.clone(),
            name: link_name(&self.rules.reach.text(wanted.distance), path),
            inode: 0,
            origin: String::new(),
            state: LinkState::Pending,
        })
    }
}
