//! Making `review/`, `sorted/`, the sidecars and the tables what they should be.
//!
//! What a person took out of a folder is not put back, and nothing is renamed as long as the prediction is of the
//! same model, so that a person who works through a folder is not disturbed.

use crate::config::Sidecars;
use crate::error::PredictError;
use crate::inbox::{InboxState, Key};
use crate::labels::is_of_photos;
use crate::prediction::Doubt;
use crate::store::{Link, Sidecar, State, View};
use plugin_shelf::{Linked, name};
use plugin_sidecar::{self as sidecar, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// Time for sidecars at a stretch; then images that wait come first.
pub(crate) const AT_A_TIME: Duration = Duration::from_millis(200);

/// A sidecar that should be there.
#[derive(Clone, Debug)]
struct Packet {
    packet: String,
    keywords: Vec<String>,
}

impl Packet {
    fn digest(&self) -> String {
        blake3::hash(self.packet.as_bytes()).to_hex().to_string()
    }
}

/// A link that should be there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    folder: String,
    name: String,
    model: String,
}

impl InboxState {
    /// Links what should be linked, takes away what should not, and writes tables and sidecars.
    ///
    /// # Errors
    /// SQLite's. What cannot be linked or written is named once and tried again the next time.
    pub fn arrange(&mut self) -> Result<(), PredictError> {
        self.dirty = false;
        let wanted = self.wanted();
        let is_to_go = |link: &&Link| {
            let key = (link.view, link.path.clone());
            let stays = wanted.get(&key).is_some_and(|wanted| stays(link, wanted));
            link.state == State::There && !stays && !self.missing.contains_key(&key)
        };
        let leaving: Vec<Link> =
            self.links.iter().filter(is_to_go).map(|link| Link { state: State::Leaving, ..link.clone() }).collect();
        let emptied: BTreeSet<String> =
            leaving.iter().filter(|link| link.view == View::Sorted).map(|link| link.folder.clone()).collect();
        self.take_back(leaving)?;
        let is_new = |((view, path), wanted): &(&Key, &Wanted)| match self.links.get(*view, path) {
            None => true,
            // A person took it away, and it is taken for the same class as then.
            Some(link) => link.state == State::Taken && link.folder != wanted.folder,
        };
        let coming = |((view, path), wanted): (&Key, &Wanted)| Link {
            view: *view,
            path: path.clone(),
            folder: wanted.folder.clone(),
            name: wanted.name.clone(),
            inode: 0,
            model: wanted.model.clone(),
            state: State::Coming,
        };
        let coming: Vec<Link> = wanted.iter().filter(is_new).map(coming).collect();
        self.put(coming)?;
        self.write_sidecars()?;
        self.write_labels()?;
        for folder in emptied {
            self.shelf.close(&folder);
        }
        self.write_tables();
        self.count();
        Ok(())
    }

    /// The links that should be there.
    fn wanted(&self) -> BTreeMap<Key, Wanted> {
        let (mut wanted, mut unsure) = (BTreeMap::new(), Vec::new());
        for file in self.files.values() {
            let Some(prediction) = &file.prediction else { continue };
            if self.is_labelled(file) {
                continue;
            }
            let is_sure = prediction.is_sure(self.rules.abstain_below);
            let class = prediction.classes.first().filter(|class| is_sure && is_folder_name(class));
            if let Some(class) = class.filter(|_| self.rules.sort) {
                let (folder, model) = (format!("sorted/{class}"), prediction.model.clone());
                let name = file.path.rsplit_once('/').map_or(file.path.as_str(), |(_, name)| name).to_owned();
                wanted.insert((View::Sorted, file.path.clone()), Wanted { folder, name, model });
            }
            let was_taken = self.links.get(View::Review, &file.path).is_some_and(|link| link.state == State::Taken);
            let is_unsure = !is_sure || prediction.margin <= self.rules.review_margin;
            if is_unsure && !was_taken && !self.photos.digests().contains(&file.digest) {
                unsure.push((prediction, file.path.as_str()));
            }
        }
        unsure.sort_by(|a, b| a.0.margin.total_cmp(&b.0.margin).then_with(|| a.1.cmp(b.1)));
        unsure.truncate(self.rules.review);
        for (prediction, path) in unsure {
            let number = format!("{:.3}", prediction.margin);
            let number = if prediction.is_novel { format!("{number} {}", Doubt::Novel.name()) } else { number };
            let (folder, name, model) = ("review".to_owned(), name(&number, path), prediction.model.clone());
            wanted.insert((View::Review, path.to_owned()), Wanted { folder, name, model });
        }
        wanted
    }

    /// Takes links away: written down first, so that a kill in between does not look like a person's doing.
    fn take_back(&mut self, leaving: Vec<Link>) -> Result<(), PredictError> {
        if leaving.is_empty() {
            return Ok(());
        }
        let change = self.store.change()?;
        for link in &leaving {
            change.put_link(link)?;
        }
        change.commit()?;
        self.finish_leaving(leaving)
    }

    /// Takes away links that were written down as leaving.
    pub(crate) fn finish_leaving(&mut self, mut leaving: Vec<Link>) -> Result<(), PredictError> {
        if leaving.is_empty() {
            return Ok(());
        }
        // When these are the only names of a file that are left, the one in sorted/ stays.
        leaving.sort_by_key(|link| link.view);
        for link in &leaving {
            let others = u64::from(link.state != State::Replaced);
            match self.shelf.unlink_keeping(&link.folder, &link.name, link.inode, others) {
                Ok(true) => {}
                Ok(false) => {
                    tracing::info!(
                        folder = link.folder,
                        name = link.name,
                        "stays, or is gone already: it is a person's"
                    );
                }
                Err(error) => self.notice(error.to_string()),
            }
        }
        self.sync(&leaving);
        let change = self.store.change()?;
        for link in &leaving {
            change.remove_link(link.view, &link.path)?;
        }
        change.commit()?;
        for link in leaving {
            self.links.remove(link.view, &link.path);
            self.missing.remove(&(link.view, link.path));
        }
        self.dirty = true;
        Ok(())
    }

    /// Makes links: written down first, so that a kill in between leaves no link that nobody knows.
    fn put(&mut self, coming: Vec<Link>) -> Result<(), PredictError> {
        if coming.is_empty() {
            return Ok(());
        }
        let change = self.store.change()?;
        for link in &coming {
            change.put_link(link)?;
        }
        change.commit()?;
        let mut there = Vec::new();
        for link in &coming {
            let Some(file) = self.files.get(&link.path) else { continue };
            let source = self.home.root().join(&file.path);
            match self.shelf.link(&source, file.size_bytes, file.modified_ns, &link.folder, &link.name) {
                Ok(Linked::As(name, inode)) => there.push(Link { name, inode, state: State::There, ..link.clone() }),
                Ok(Linked::Changed) => {}
                Err(error) => self.notice(error.to_string()),
            }
        }
        self.sync(&there);
        let change = self.store.change()?;
        for link in &coming {
            change.remove_link(link.view, &link.path)?;
        }
        for link in &there {
            change.put_link(link)?;
        }
        change.commit()?;
        for link in coming {
            self.links.remove(link.view, &link.path);
        }
        for link in there {
            self.links.insert(link);
        }
        Ok(())
    }

    fn sync(&mut self, links: &[Link]) {
        let folders: BTreeSet<&str> = links.iter().map(|link| link.folder.as_str()).collect();
        for folder in folders {
            if let Err(error) = self.shelf.sync(folder) {
                self.notice(error.to_string());
            }
        }
    }

    /// Ends what a kill has cut short.
    pub(crate) fn recover(&mut self) -> Result<(), PredictError> {
        let of = |states: &[State]| -> Vec<Link> {
            self.links.iter().filter(|link| states.contains(&link.state)).cloned().collect()
        };
        let (leaving, coming) = (of(&[State::Leaving, State::Replaced]), of(&[State::Coming]));
        self.finish_leaving(leaving)?;
        let inode = |path: &std::path::Path| std::fs::symlink_metadata(path).ok().map(|meta| meta.ino());
        for link in coming {
            let source = inode(&self.home.root().join(&link.path));
            let made = inode(&self.shelf.of(&link.folder).join(&link.name)).filter(|made| Some(*made) == source);
            let change = self.store.change()?;
            if let Some(inode) = made {
                let link = Link { inode, state: State::There, ..link };
                change.put_link(&link)?;
                self.links.insert(link);
            } else {
                change.remove_link(link.view, &link.path)?;
                self.links.remove(link.view, &link.path);
            }
            change.commit()?;
        }
        Ok(())
    }

    /// Writes the sidecars that are missing or say something else, as many as there is time for, and removes those of ours
    /// that should not be there.
    fn write_sidecars(&mut self) -> Result<(), PredictError> {
        let wanted = self.wanted_sidecars();
        let gone: Vec<String> =
            self.sidecars.keys().filter(|at| !is_of_photos(at) && !wanted.contains_key(*at)).cloned().collect();
        let root = self.home.root().to_path_buf();
        self.left_alone.retain(|at, _| is_of_photos(at) || wanted.contains_key(at));
        let change = self.store.change()?;
        let mut failed = Vec::new();
        for at in &gone {
            let known = self.sidecars.remove(at).unwrap_or_default();
            match sidecar::remove(&root.join(at), &known.keywords.unwrap_or_default()) {
                Ok(Outcome::Done) => change.remove_sidecar(at)?,
                Ok(Outcome::LeftAlone(why)) => {
                    failed.push(format!("{at}: {why}"));
                    change.remove_sidecar(at)?;
                }
                Err(error) => failed.push(error.to_string()),
            }
        }
        let known = |at: &String| self.sidecars.get(at).cloned().unwrap_or_default();
        let new = wanted.into_iter().map(|(at, wanted)| (known(&at), at, wanted));
        let new: Vec<_> = new.filter(|(known, _, wanted)| known.digest != wanted.digest()).collect();
        for (known, at, _) in &new {
            // After a kill it is not known which keywords stand there: the new ones are looked for, the old ones taken out.
            change.put_sidecar(at, &Sidecar { digest: String::new(), keywords: known.keywords.clone() })?;
        }
        change.commit()?;
        let (start, mut written) = (Instant::now(), Vec::new());
        for (known, at, wanted) in new {
            if start.elapsed() > AT_A_TIME {
                self.dirty = true;
                break;
            }
            let before = known.keywords.as_deref();
            let keywords = match sidecar::write(&root.join(&at), &wanted.packet, before, &wanted.keywords) {
                Ok(Outcome::Done) => {
                    self.left_alone.remove(&at);
                    Some(wanted.keywords.clone())
                }
                Ok(Outcome::LeftAlone(why)) => {
                    failed.push(format!("{at}: {why}"));
                    self.left_alone.insert(at.clone(), why);
                    known.keywords
                }
                Err(error) => {
                    // It is tried again the next time.
                    failed.push(error.to_string());
                    continue;
                }
            };
            written.push((at, Sidecar { digest: wanted.digest(), keywords }));
        }
        if !written.is_empty() {
            let change = self.store.change()?;
            for (at, sidecar) in &written {
                change.put_sidecar(at, sidecar)?;
            }
            change.commit()?;
            self.sidecars.extend(written);
        }
        for text in failed {
            self.notice(text);
        }
        Ok(())
    }

    /// Where there should be sidecars, and what they should say.
    fn wanted_sidecars(&self) -> BTreeMap<String, Packet> {
        let mut wanted = BTreeMap::new();
        if self.rules.sidecars == Sidecars::Off {
            return wanted;
        }
        for file in self.files.values() {
            let Some(prediction) =
                file.prediction.as_ref().filter(|prediction| prediction.is_sure(self.rules.abstain_below))
            else {
                continue;
            };
            if self.is_labelled(file) {
                continue;
            }
            let probability = prediction.top.first().map_or(0.0, |score| score.probability);
            let keywords = prediction.classes.clone();
            let packet = Packet { packet: sidecar::packet(&keywords, &prediction.model, probability), keywords };
            let link = self.links.get(View::Sorted, &file.path);
            if let Some(link) = link.filter(|link| link.state == State::There) {
                wanted.insert(format!("{}/{}.xmp", link.folder, link.name), packet.clone());
            }
            wanted.insert(format!("{}.xmp", file.path), packet);
        }
        wanted
    }
}

/// Whether a link is where it should be, put there by whoever should have.
fn stays(link: &Link, wanted: &Wanted) -> bool {
    link.folder == wanted.folder && (link.view == View::Sorted || link.model == wanted.model)
}

/// A class of a model that someone else has made could be anything.
fn is_folder_name(class: &str) -> bool {
    !class.is_empty() && class != "." && class != ".." && !class.contains(['/', '\0'])
}
