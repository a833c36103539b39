//! What a person did in `candidates/`.
//!
//! A candidate that is in its folder no longer was accepted when its image stands in `photos/`, and refused when not.
//! Only a folder that is there says so, and only when it still says so [`CONFIRM`](plugin_links::CONFIRM) later: one that was deleted or moved
//! away as a whole refuses nothing, and is made and filled again. A candidate that a person renames stays what it is;
//! one that is put back is no longer refused; one that is moved to the folder of another class is that class's, and
//! refused by the first.

use crate::error::GatherError;
use crate::gatherer::{Gatherer, Pair};
use crate::store::Answer;
use plugin_links::{Link, LinkChanges, LinkState};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Instant;

impl Gatherer {
    /// Inspects the folders of candidates and stores what a person did.
    ///
    /// # Errors
    /// SQLite's. A folder that cannot be read says nothing, and is logged once.
    pub fn review(&mut self, now: Instant) -> Result<(), GatherError> {
        self.forgive()?;
        let of_links = self.links.iter().map(|link| link.view.as_str());
        let of_answers = self.answers.keys().map(|(class, _)| class.as_str());
        let classes: BTreeSet<String> =
            of_links.chain(of_answers).chain(self.claims.classes()).map(str::to_owned).collect();
        let mut taken = Vec::new();
        let mut others = BTreeMap::new();
        let mut found = Vec::new();
        for class in classes {
            let seen = self.links.inspect(&class, &[class.as_str()], now);
            taken.extend(seen.taken);
            found.extend(seen.renamed);
            others.extend(seen.others);
        }
        for (class, files) in &others {
            found.extend(self.put_by_hand(class, files));
        }
        if !taken.is_empty() {
            self.look_through_photos();
        }
        if taken.is_empty() && found.is_empty() {
            return Ok(());
        }
        self.store_answers(taken, Vec::new(), found)
    }

    /// Candidates whose whole folder is gone are none any more, save those that stand in `photos/`: these were accepted.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub(crate) fn forgive(&mut self) -> Result<(), GatherError> {
        let gone = self.links.with_folder_gone();
        if gone.is_empty() {
            return Ok(());
        }
        let classes: BTreeSet<&str> = gone.iter().map(|link| link.view.as_str()).collect();
        tracing::info!(?classes, "whole folders of candidates are gone: nothing is refused, they are filled again");
        self.look_through_photos();
        let (accepted, lost) = gone.into_iter().partition(|link| self.photos.digests().contains(&link.item));
        self.store_answers(accepted, lost, Vec::new())
    }

    /// Candidates, by files in a class's folder that are none of its links: known from an answer, or from another class.
    fn put_by_hand(&self, class: &str, files: &HashMap<u64, String>) -> Vec<Link> {
        let mut known: HashMap<u64, &str> = HashMap::new();
        for (inode, digest) in self
            .answers
            .values()
            .map(|answer| (answer.inode, answer.digest.as_str()))
            .chain(self.links.iter().map(|link| (link.inode, link.item.as_str())))
        {
            if files.contains_key(&inode) {
                known.entry(inode).or_insert(digest);
            }
        }
        let link = |(inode, digest): (u64, &str)| Link {
            view: class.to_owned(),
            item: digest.to_owned(),
            folder: class.to_owned(),
            name: files[&inode].clone(),
            inode,
            origin: String::new(),
            state: LinkState::ByHand,
        };
        known.into_iter().map(link).collect()
    }

    /// Stores answers by candidates that are no longer in their folder, forgets those that were `lost`, and takes over those that
    /// were found elsewhere or under another name.
    fn store_answers(&mut self, taken: Vec<Link>, lost: Vec<Link>, found: Vec<Link>) -> Result<(), GatherError> {
        let removed = taken.iter().chain(&lost).map(Link::key).collect();
        let links = LinkChanges { removed, put: found };
        let answers: Vec<Answer> = taken.into_iter().map(|link| self.answer(link)).collect();
        let change = self.store.change()?;
        for answer in &answers {
            change.put_answer(answer)?;
        }
        for link in &links.put {
            change.remove_answer(&link.view, &link.item)?;
        }
        change.put_links(&links)?;
        change.commit()?;
        for answer in answers {
            let said = if answer.accepted { "accepted" } else { "refused" };
            tracing::info!(class = answer.class, name = answer.name, said, "a candidate");
            self.answers.insert((answer.class.clone(), answer.digest.clone()), answer);
        }
        for link in &links.put {
            let pair: Pair = (link.view.clone(), link.item.clone());
            self.answers.remove(&pair);
        }
        self.links.apply(links);
        self.dirty = true;
        Ok(())
    }

    /// Accepted is what stands in `photos/`, refused what does not.
    fn answer(&self, link: Link) -> Answer {
        let accepted = self.photos.digests().contains(&link.item);
        Answer { class: link.view, digest: link.item, accepted, name: link.name, inode: link.inode }
    }
}
