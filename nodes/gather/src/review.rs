//! What a person did in `candidates/`.
//!
//! A candidate that is in its folder no longer was accepted when its picture stands in `photos/`, and refused when not.
//! Only a folder that is there says so, and only when it still says so [`CONFIRM`] later: one that was deleted or moved
//! away as a whole refuses nothing, and is made and filled again. A candidate that a person renames stays what it is;
//! one that is put back is no longer refused; one that is moved to the folder of another class is that class's, and
//! refused by the first.

use crate::error::GatherError;
use crate::gatherer::{Gatherer, Pair};
use crate::store::{Answer, Placed, State};
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// A candidate must be missing for so long: whole folders are deleted file by file, and files that are dragged across
/// drives are copied first.
pub const CONFIRM: Duration = Duration::from_secs(1);

impl Gatherer {
    /// Looks at the folders of candidates and writes down what a person did.
    ///
    /// # Errors
    /// SQLite's. A folder that cannot be read says nothing, and is named.
    pub fn review(&mut self, now: Instant) -> Result<(), GatherError> {
        let classes: BTreeSet<String> = self.placed.keys().chain(self.answers.keys()).map(|(c, _)| c.clone()).collect();
        let classes: BTreeSet<String> = classes.into_iter().chain(self.claims.classes().map(str::to_owned)).collect();
        self.forgive()?;
        let (mut late, mut found) = (Vec::new(), Vec::new());
        for class in classes {
            let listed = match self.shelf.list(&class) {
                Ok(Some(listed)) => listed,
                Ok(None) => continue,
                Err(error) => {
                    if self.noticed.insert(error.to_string()) {
                        tracing::warn!(class, %error, "cannot be looked at");
                    }
                    continue;
                }
            };
            self.compare(&class, &listed, now, &mut late, &mut found);
        }
        if !late.is_empty() {
            self.look_through_photos();
        }
        if late.is_empty() && found.is_empty() {
            return Ok(());
        }
        self.write_down(late, found)
    }

    /// Candidates whose whole folder is gone are none any more, save those that stand in `photos/`: these were accepted.
    ///
    /// # Errors
    /// SQLite's.
    pub(crate) fn forgive(&mut self) -> Result<(), GatherError> {
        let classes: BTreeSet<&str> = self.placed.keys().map(|(class, _)| class.as_str()).collect();
        let gone = |class: &&str| matches!(self.shelf.of(class).try_exists(), Ok(false));
        let gone: BTreeSet<String> = classes.into_iter().filter(gone).map(str::to_owned).collect();
        if gone.is_empty() {
            return Ok(());
        }
        tracing::info!(?gone, "whole folders of candidates are gone: nothing is refused, they are filled again");
        self.look_through_photos();
        let lost = self.placed.keys().filter(|(class, _)| gone.contains(class));
        let lost = lost.map(|pair| (pair.clone(), false)).collect();
        self.write_down(lost, Vec::new())
    }

    /// Compares what lies in a class's folder with what was put there.
    fn compare(
        &mut self,
        class: &str,
        listed: &HashMap<u64, String>,
        now: Instant,
        late: &mut Vec<(Pair, bool)>,
        found: &mut Vec<Placed>,
    ) {
        let mut ours = BTreeSet::new();
        for (pair, placed) in self.placed.iter().filter(|((of, _), _)| of == class) {
            ours.insert(placed.inode);
            if let Some(name) = listed.get(&placed.inode) {
                self.missing.remove(pair);
                if *name != placed.name {
                    found.push(Placed { name: name.clone(), ..placed.clone() });
                }
            } else {
                let since = *self.missing.entry(pair.clone()).or_insert(now);
                if now.duration_since(since) >= CONFIRM {
                    late.push((pair.clone(), true));
                }
            }
        }
        for (inode, name) in listed.iter().filter(|(inode, _)| !ours.contains(inode)) {
            let of = self.answers.values().filter(|a| a.inode == *inode).map(|a| &a.digest);
            let mut of = of.chain(self.placed.values().filter(|p| p.inode == *inode).map(|p| &p.digest));
            if let Some(digest) = of.next() {
                let (class, digest, name) = (class.to_owned(), digest.clone(), name.clone());
                found.push(Placed { class, digest, name, inode: *inode, state: State::ByHand });
            }
        }
    }

    /// Writes down candidates that are gone, each with whether a person took it out of its folder, and those that were
    /// found elsewhere or under another name.
    fn write_down(&mut self, late: Vec<(Pair, bool)>, found: Vec<Placed>) -> Result<(), GatherError> {
        let change = self.store.change()?;
        let mut answers = Vec::new();
        for (pair, was_taken) in &late {
            let Some(placed) = self.placed.get(pair) else { continue };
            let accepted = self.photos.digests().contains(&pair.1);
            if accepted || *was_taken {
                let (class, digest, name) = (pair.0.clone(), pair.1.clone(), placed.name.clone());
                let answer = Answer { class, digest, accepted, name, inode: placed.inode };
                change.put_answer(&answer)?;
                answers.push(answer);
            } else {
                change.remove_placed(&pair.0, &pair.1)?;
            }
        }
        for placed in &found {
            change.remove_answer(&placed.class, &placed.digest)?;
            change.put_placed(placed)?;
        }
        change.commit()?;
        for (pair, _) in late {
            self.placed.remove(&pair);
            self.missing.remove(&pair);
        }
        for answer in answers {
            let said = if answer.accepted { "accepted" } else { "refused" };
            tracing::info!(class = answer.class, name = answer.name, said, "a candidate");
            self.answers.insert((answer.class.clone(), answer.digest.clone()), answer);
        }
        for placed in found {
            let pair = (placed.class.clone(), placed.digest.clone());
            self.answers.remove(&pair);
            self.missing.remove(&pair);
            self.placed.insert(pair, placed);
        }
        self.dirty = true;
        Ok(())
    }
}
