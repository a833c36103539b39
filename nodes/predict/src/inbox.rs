//! Everything the node knows of `inbox/`, and images in and out of it. Knows nothing of dora, and is told what time it is.

use crate::config::Sidecars;
use crate::error::PredictError;
use crate::labels::Pending;
use crate::prediction::Prediction;
use crate::store::{File, Sidecar, Store, View};
use crate::tables::Tables;
use plugin_api::status::Notice;
use plugin_api::{Message, Workspace};
use plugin_links::{Ledger, Link, LinkChanges, LinkState, PhotosIndex, Source};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::path::Path;

/// What is made of the champion's predictions.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Below this probability no class is named.
    pub abstain_below: f64,
    /// Images in `review/` at most.
    pub review: usize,
    /// It is unsure of an image whose margin is not greater.
    pub review_margin: f64,
    /// Links in `sorted/<class>/`.
    pub sort: bool,
    /// XMP sidecars.
    pub sidecars: Sidecars,
}

/// Everything the node knows.
#[derive(Debug)]
pub struct InboxState {
    pub(crate) rules: Rules,
    pub(crate) workspace: Workspace,
    pub(crate) store: Store,
    pub(crate) photos: PhotosIndex,
    pub(crate) tables: Tables,
    pub(crate) files: BTreeMap<String, File>,
    /// The links in `review/` and `sorted/`: an item is an image by its path.
    pub(crate) links: Ledger,
    /// By place, relative to the workspace.
    pub(crate) sidecars: BTreeMap<String, Sidecar>,
    /// Sidecars of `photos/` that are to be written or removed.
    pub(crate) pending: VecDeque<Pending>,
    /// Sidecars that could not be brought up to date, by place, and why.
    pub(crate) left_alone: BTreeMap<String, String>,
    /// What could not be done: logged once.
    pub(crate) noticed: HashSet<String>,
    /// Folders, tables or sidecars are not what they should be.
    pub(crate) dirty: bool,
    /// As of the last time they were made so.
    pub(crate) counts: Counts,
}

/// Numbers for the status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Images in the inbox.
    pub images: usize,
    /// Without a prediction yet.
    pub waiting: usize,
    /// For which no class is named.
    pub abstained: usize,
    /// Among them, those that are unlike anything the model was trained on.
    pub novel: usize,
    /// That lie in `review/`.
    pub review: usize,
    /// That a person has labelled.
    pub labelled: usize,
}

impl InboxState {
    /// Opens what was written down, and ends what a kill may have cut short.
    ///
    /// # Errors
    /// A damaged store, or a file system that cannot be read.
    pub fn open(workspace: &Workspace, rules: Rules) -> Result<Self, PredictError> {
        let mut store = Store::open(&workspace.dataset().join("inbox.sqlite"))?;
        let mut inbox = Self {
            rules,
            photos: PhotosIndex::new(workspace.photos()),
            tables: Tables::new(workspace),
            files: store.files()?.into_iter().map(|file| (file.path.clone(), file)).collect(),
            links: Ledger::read(store.connection(), workspace.root().to_path_buf())?,
            sidecars: store.sidecars()?.into_iter().collect(),
            pending: VecDeque::new(),
            left_alone: BTreeMap::new(),
            noticed: HashSet::new(),
            dirty: true,
            counts: Counts::default(),
            workspace: workspace.clone(),
            store,
        };
        let files = &inbox.files;
        inbox.links.recover(inbox.store.connection(), |link| source(workspace.root(), files.get(&link.item)))?;
        if rules.sidecars < Sidecars::All {
            inbox.set_labels(&BTreeMap::new());
        }
        inbox.look_through_photos();
        Ok(inbox)
    }

    /// Takes in images. When this returns, they last. The same again change nothing; one that comes without a prediction
    /// keeps the one it had.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn take_in(&mut self, files: Vec<File>) -> Result<(), PredictError> {
        let change = self.store.change()?;
        let mut coming = Vec::new();
        let mut links = LinkChanges::default();
        for mut file in files {
            match self.files.get(&file.path) {
                Some(before) if before.digest == file.digest => {
                    file.prediction = file.prediction.or_else(|| before.prediction.clone());
                }
                Some(_) => {
                    links_leave(&self.links, &file.path, LinkState::Replaced, &mut links);
                }
                None => {}
            }
            change.put_file(&file)?;
            coming.push(file);
        }
        change.put_links(&links)?;
        change.commit()?;
        for file in coming {
            self.files.insert(file.path.clone(), file);
        }
        self.finish_leaving(links)
    }

    /// Forgets images that are gone. When this returns, that lasts, and so does what is done about their links: they go,
    /// save that the last name of a file stays.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn take_away<'a>(&mut self, paths: impl Iterator<Item = &'a str> + Clone) -> Result<(), PredictError> {
        let change = self.store.change()?;
        let mut links = LinkChanges::default();
        for path in paths.clone() {
            change.remove_file(path)?;
            links_leave(&self.links, path, LinkState::Removing, &mut links);
        }
        change.put_links(&links)?;
        change.commit()?;
        for path in paths {
            self.files.remove(path);
        }
        self.finish_leaving(links)
    }

    /// Removes links that are stored as leaving.
    fn finish_leaving(&mut self, links: LinkChanges) -> Result<(), PredictError> {
        let leaving = links.put.clone();
        self.links.apply(links);
        self.dirty = true;
        Ok(self.links.finish_removing(self.store.connection(), leaving)?)
    }

    /// Stores predictions of images that are known. When this returns, they last.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn set_predictions(&mut self, predictions: Vec<(String, Prediction)>) -> Result<(), PredictError> {
        let change = self.store.change()?;
        let mut changed = Vec::new();
        for (path, prediction) in predictions {
            if let Some(file) = self.files.get(&path) {
                let file = File { prediction: Some(prediction), ..file.clone() };
                change.put_file(&file)?;
                changed.push(file);
            }
        }
        change.commit()?;
        self.dirty |= !changed.is_empty();
        for file in changed {
            self.files.insert(file.path.clone(), file);
        }
        Ok(())
    }

    /// An image by its path.
    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.get(path)
    }

    /// Every image.
    pub fn inventory(&self) -> impl Iterator<Item = &File> {
        self.files.values()
    }

    /// Images without a prediction of `model`: first those without any, then the most doubtful ones.
    pub fn not_predicted_by(&self, model: &str) -> Vec<String> {
        let mut found: Vec<(f64, &String)> = self
            .files
            .values()
            .filter(|file| file.prediction.as_ref().is_none_or(|prediction| prediction.model != model))
            .map(|file| (file.prediction.as_ref().map_or(-1.0, |prediction| prediction.margin), &file.path))
            .collect();
        found.sort_by(|a, b| a.0.total_cmp(&b.0));
        found.into_iter().map(|(_, path)| path.clone()).collect()
    }

    /// Whether a person has labelled an image: one of its links was taken, and it stands in `photos/`.
    pub fn is_labelled(&self, file: &File) -> bool {
        let was_taken = |link: &Link| link.state == LinkState::Taken;
        self.photos.digests().contains(&file.digest) && self.links.of_item(&file.path).any(was_taken)
    }

    /// Whether folders, tables or sidecars are not what they should be.
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Whether images of `photos/` get sidecars.
    pub fn wants_labels(&self) -> bool {
        self.rules.sidecars == Sidecars::All
    }

    /// Looks through `photos/` for images of the inbox.
    pub fn look_through_photos(&mut self) {
        let sizes = self.files.values().map(|file| file.size_bytes).collect();
        self.dirty |= self.photos.scan(&sizes);
    }

    /// Numbers for the status, as of the last time the folders were arranged; images as of now.
    pub fn counts(&self) -> Counts {
        Counts { images: self.files.len(), ..self.counts }
    }

    /// What a person should know of: sidecars that could not be brought up to date.
    pub fn notices(&self) -> Vec<Notice> {
        const EXAMPLES: usize = 3;
        let mut reasons: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
        for (at, why) in &self.left_alone {
            reasons.entry(why).or_default().push(at);
        }
        let notice = |(why, places): (&str, Vec<&String>)| Notice {
            kind: "sidecar_left_alone".to_owned(),
            count: places.len() as u64,
            reason: Message::notice_sidecar_left_alone(why).into(),
            advice: Message::advice_sidecar_left_alone().into(),
            examples: places.into_iter().take(EXAMPLES).cloned().collect(),
        };
        reasons.into_iter().map(notice).collect()
    }

    /// Recomputes [`Counts`] from files, predictions and links.
    pub(crate) fn count(&mut self) {
        let mut counts = Counts::default();
        for file in self.files.values() {
            match &file.prediction {
                None => counts.waiting += 1,
                Some(_) if self.is_labelled(file) => counts.labelled += 1,
                Some(prediction) => {
                    counts.abstained += usize::from(!prediction.is_sure(self.rules.abstain_below));
                    counts.novel += usize::from(prediction.is_novel);
                }
            }
        }
        let is_there = |link: &&Link| link.state == LinkState::Linked;
        counts.review = self.links.of_view(View::Review.name()).filter(is_there).count();
        self.counts = counts;
    }

    /// Says once what could not be done.
    pub(crate) fn notice(&mut self, text: String) {
        if !self.noticed.contains(&text) {
            tracing::error!("{text}");
            self.noticed.insert(text);
        }
    }
}

/// The links to an image leave: those that a person took are forgotten.
fn links_leave(links: &Ledger, path: &str, state: LinkState, changes: &mut LinkChanges) {
    for link in links.of_item(path) {
        if link.state == LinkState::Taken {
            changes.removed.push(link.key());
        } else {
            changes.put.push(Link { state, ..link.clone() });
        }
    }
}

/// What a link to an image may be made of.
pub(crate) fn source(root: &Path, file: Option<&File>) -> Vec<Source> {
    let source = |file: &File| Source {
        path: root.join(&file.path),
        size_bytes: file.size_bytes,
        modified_ns: file.modified_ns,
    };
    file.map(source).into_iter().collect()
}
