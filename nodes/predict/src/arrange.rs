//! Making `review/`, `sorted/`, the sidecars and the tables what they should be.
//!
//! What a person took out of a folder is not put back, and nothing is renamed as long as the prediction is of the
//! same model, so that a person who works through a folder is not disturbed.

use crate::config::Sidecars;
use crate::error::PredictError;
use crate::inbox::{InboxState, source};
use crate::labels::{digest, is_of_photos};
use crate::prediction::Doubt;
use crate::store::{Sidecar, View};
use plugin_links::{Key, Link, LinkState, is_folder_name, link_name};
use plugin_sidecar::{self as sidecar, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Time for sidecars at a stretch; then images that wait come first.
pub(crate) const AT_A_TIME: Duration = Duration::from_millis(200);

/// A sidecar that should be there.
#[derive(Clone, Debug)]
struct Packet {
    packet: String,
    keywords: Vec<String>,
}

/// A link that should be there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    folder: String,
    name: String,
    model: String,
}

impl Wanted {
    fn link(&self, key: &Key) -> Link {
        Link {
            view: key.view.clone(),
            item: key.item.clone(),
            folder: self.folder.clone(),
            name: self.name.clone(),
            inode: 0,
            origin: self.model.clone(),
            state: LinkState::Pending,
        }
    }
}

impl InboxState {
    /// Links what should be linked, takes away what should not, and writes tables and sidecars.
    ///
    /// # Errors
    /// SQLite's. What cannot be linked or written is logged once and tried again the next time.
    pub fn arrange(&mut self) -> Result<(), PredictError> {
        self.dirty = false;
        let wanted = self.wanted();
        let is_to_go = |link: &&Link| {
            let stays = wanted.get(&link.key()).is_some_and(|wanted| stays(link, wanted));
            link.state == LinkState::Linked && !stays && !self.links.is_missing(link)
        };
        let leaving: Vec<Link> = self.links.iter().filter(is_to_go).cloned().collect();
        let emptied: BTreeSet<String> =
            leaving.iter().filter(|link| link.view == View::Sorted.name()).map(|link| link.folder.clone()).collect();
        self.dirty |= !leaving.is_empty();
        self.links.remove(self.store.connection(), leaving)?;
        let is_new = |(key, wanted): &(&Key, &Wanted)| match self.links.get(&key.view, &key.item) {
            None => true,
            // A person took it, and it is predicted another class than then.
            Some(link) => link.state == LinkState::Taken && link.folder != wanted.folder,
        };
        let pending: Vec<Link> = wanted.iter().filter(is_new).map(|(key, wanted)| wanted.link(key)).collect();
        let (root, files) = (self.workspace.root(), &self.files);
        self.links.create(self.store.connection(), pending, |link| source(root, files.get(&link.item)))?;
        self.write_sidecars()?;
        self.write_labels()?;
        for folder in emptied {
            self.links.folders().remove_if_empty(&folder);
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
                wanted.insert(Key::new(View::Sorted.name(), file.path.as_str()), Wanted { folder, name, model });
            }
            let was_taken =
                self.links.get(View::Review.name(), &file.path).is_some_and(|link| link.state == LinkState::Taken);
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
            let (folder, name, model) = ("review".to_owned(), link_name(&number, path), prediction.model.clone());
            wanted.insert(Key::new(View::Review.name(), path), Wanted { folder, name, model });
        }
        wanted
    }

    /// Writes the sidecars that are missing or say something else, as many as there is time for, and removes those of ours
    /// that should not be there.
    fn write_sidecars(&mut self) -> Result<(), PredictError> {
        let wanted = self.wanted_sidecars();
        let gone: Vec<String> =
            self.sidecars.keys().filter(|at| !is_of_photos(at) && !wanted.contains_key(*at)).cloned().collect();
        let root = self.workspace.root().to_path_buf();
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
        let new: Vec<_> = new.filter(|(known, _, wanted)| known.digest != digest(&wanted.packet)).collect();
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
            written.push((at, Sidecar { digest: digest(&wanted.packet), keywords }));
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
            let link = self.links.get(View::Sorted.name(), &file.path);
            if let Some(link) = link.filter(|link| link.state == LinkState::Linked) {
                wanted.insert(format!("{}/{}.xmp", link.folder, link.name), packet.clone());
            }
            wanted.insert(format!("{}.xmp", file.path), packet);
        }
        wanted
    }
}

/// Whether a link is where it should be, put there by whoever should have.
fn stays(link: &Link, wanted: &Wanted) -> bool {
    link.folder == wanted.folder && (link.view == View::Sorted.name() || link.origin == wanted.model)
}
