//! Everything the node knows, and images in and out of it. Knows nothing of dora, and is told what time it is.

use crate::claims::Claims;
use crate::error::GatherError;
use crate::lists::Lists;
use crate::measure::{Feature, Metric, Reach};
use crate::store::{Answer, File, Image, Store};
use plugin_api::edges::{Embedded, list_row_f32};
use plugin_api::{Edge, Workspace};
use plugin_links::{Ledger, PhotosIndex, Source, is_folder_name};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

/// Class and digest.
pub(crate) type Pair = (String, String);

/// Paths of the files that hold an image, by class (`None`: the pool) and digest.
pub(crate) type Holders = HashMap<(Option<String>, String), BTreeSet<String>>;

/// How candidates are chosen.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// What images are compared by.
    pub metric: Metric,
    /// How far a candidate may be.
    pub reach: Reach,
    /// Seeds whose distances count.
    pub k: usize,
    /// Candidates a class.
    pub max_candidates: usize,
    /// To every class that claims an image.
    pub multi_class: bool,
}

/// Everything the node knows.
#[derive(Debug)]
pub struct Gatherer {
    pub(crate) rules: Rules,
    pub(crate) workspace: Workspace,
    pub(crate) store: Store,
    pub(crate) claims: Claims,
    /// The links in `candidates/`: a class is a view and a folder, an item a digest.
    pub(crate) links: Ledger,
    pub(crate) photos: PhotosIndex,
    pub(crate) lists: Lists,
    pub(crate) files: BTreeMap<String, File>,
    pub(crate) holders: Holders,
    pub(crate) answers: BTreeMap<Pair, Answer>,
    /// Classes that had a folder.
    pub(crate) open: BTreeSet<String>,
    /// Something changed that decides who is a candidate.
    pub(crate) dirty: bool,
}

impl Gatherer {
    /// Opens what was written down, and ends what a kill may have cut short.
    ///
    /// # Errors
    /// A damaged store, or a file system that cannot be read.
    pub fn open(workspace: &Workspace, rules: Rules) -> Result<Self, GatherError> {
        let mut store = Store::open(&workspace.dataset().join("curation.sqlite"))?;
        let mut gatherer = Self {
            rules,
            claims: Claims::new(rules.reach, rules.k),
            links: Ledger::read(store.connection(), workspace.candidates())?,
            photos: PhotosIndex::new(workspace.photos()),
            lists: Lists::new(workspace.candidates()),
            answers: store.answers()?.into_iter().map(|a| ((a.class.clone(), a.digest.clone()), a)).collect(),
            files: BTreeMap::new(),
            holders: HashMap::new(),
            open: BTreeSet::new(),
            dirty: true,
            workspace: workspace.clone(),
            store,
        };
        let mut known = Vec::new();
        gatherer.store.files(rules.metric, |file, feature| known.push((file, feature)))?;
        for (file, feature) in known {
            gatherer.enter(file, feature);
        }
        gatherer.open = gatherer.links.iter().map(|link| link.view.clone()).collect();
        let (files, holders) = (&gatherer.files, &gatherer.holders);
        gatherer.links.recover(gatherer.store.connection(), |link| {
            sources(workspace.root(), pool_files(files, holders, &link.item))
        })?;
        Ok(gatherer)
    }

    /// Takes in the rows of several messages. When this returns, they last. The same rows again change nothing.
    ///
    /// With each message comes the name of the network that made its embeddings; empty when nobody says.
    ///
    /// # Errors
    /// [`GatherError::NoEmbedding`] and [`GatherError::OtherNetwork`] when they cannot be compared, SQLite's otherwise.
    pub fn take_in(&mut self, messages: &[(&str, &Embedded)]) -> Result<(), GatherError> {
        let mut coming = Vec::new();
        let mut before = self.store.network()?.unwrap_or_default();
        let change = self.store.change()?;
        for (network, rows) in messages {
            let without = |row: &usize| Feature::of(rows, *row, self.rules.metric).is_none();
            if let Some(row) = (0..rows.rows()).find(without) {
                return Err(GatherError::NoEmbedding { path: rows.path.value(row).to_owned() });
            }
            if self.rules.metric == Metric::Embedding && rows.rows() > 0 && *network != before {
                change.set_network(network)?;
                if !self.files.is_empty() {
                    change.commit()?;
                    let now = (*network).to_owned();
                    return Err(GatherError::OtherNetwork { before, now });
                }
                (*network).clone_into(&mut before);
            }
            for row in 0..rows.rows() {
                let path = rows.path.value(row).to_owned();
                let Some(feature) = Feature::of(rows, row, self.rules.metric) else { continue };
                let digest = rows.digest.value(row).to_owned();
                // Of a network that nobody asked for, nothing is kept: it could be another tomorrow.
                let embedding = match self.rules.metric {
                    Metric::Embedding => list_row_f32(&rows.embedding, row),
                    _ => Vec::new(),
                };
                let hash = |column: &arrow::array::UInt64Array| column.value(row);
                let hashes = [&rows.ahash, &rows.dhash, &rows.phash, &rows.whash].map(hash);
                change.put_image(&Image { digest: digest.clone(), hashes, embedding })?;
                let label = arrow::array::Array::is_valid(&rows.label, row).then(|| rows.label.value(row).to_owned());
                let (modified_ns, size_bytes) = (rows.modified_ns.value(row), rows.size_bytes.value(row));
                let file = File { path, label, digest, modified_ns, size_bytes };
                change.put_file(&file)?;
                coming.push((file, feature));
            }
        }
        change.commit()?;
        for (file, feature) in coming {
            self.enter(file, feature);
        }
        Ok(())
    }

    /// Forgets files that are gone. When this returns, that lasts.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn take_away<'a>(&mut self, paths: impl Iterator<Item = &'a str> + Clone) -> Result<(), GatherError> {
        let change = self.store.change()?;
        for path in paths.clone() {
            change.remove_file(path)?;
        }
        change.commit()?;
        for path in paths {
            self.leave(path);
        }
        Ok(())
    }

    /// Every file that is known: path, modification time, size.
    pub fn inventory(&self) -> impl Iterator<Item = &File> {
        self.files.values()
    }

    fn enter(&mut self, file: File, feature: Feature) {
        let same = |known: &File| known.digest == file.digest && known.label == file.label;
        if self.files.get(&file.path).is_some_and(same) {
            self.files.insert(file.path.clone(), file);
            return;
        }
        self.leave(&file.path);
        match &file.label {
            None => self.claims.add(&file.digest, feature),
            Some(class) if is_folder_name(class) => self.claims.add_seed(class, &file.digest, feature),
            Some(class) => tracing::warn!(path = file.path, class, "a class must be the name of a folder"),
        }
        let key = (file.label.clone(), file.digest.clone());
        self.holders.entry(key).or_default().insert(file.path.clone());
        self.files.insert(file.path.clone(), file);
        self.dirty = true;
    }

    fn leave(&mut self, path: &str) {
        let Some(file) = self.files.remove(path) else { return };
        let key = (file.label, file.digest);
        let others = self.holders.get_mut(&key).is_some_and(|holders| {
            holders.remove(path);
            !holders.is_empty()
        });
        if !others {
            self.holders.remove(&key);
            match &key.0 {
                None => self.claims.remove(&key.1),
                Some(class) => self.claims.remove_seed(class, &key.1),
            }
        }
        self.dirty = true;
    }

    /// Whether something changed that decides who is a candidate.
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Looks through `photos/` for images of the pool.
    pub fn look_through_photos(&mut self) {
        let pool = self.files.values().filter(|file| file.label.is_none());
        let sizes: HashSet<u64> = pool.map(|file| file.size_bytes).collect();
        self.dirty |= self.photos.scan(&sizes);
    }

    /// Images of the pool, seeds, candidates, refused and accepted.
    pub fn counts(&self) -> [usize; 5] {
        let pool = self.holders.keys().filter(|(label, _)| label.is_none()).count();
        let accepted = self.answers.values().filter(|answer| answer.accepted).count();
        [pool, self.holders.len() - pool, self.links.len(), self.answers.len() - accepted, accepted]
    }
}

/// Files of the pool that hold an image.
pub(crate) fn pool_files<'a>(
    files: &'a BTreeMap<String, File>,
    holders: &'a Holders,
    digest: &str,
) -> impl Iterator<Item = &'a File> {
    let paths = holders.get(&(None, digest.to_owned()));
    paths.into_iter().flatten().filter_map(|path| files.get(path))
}

/// What a candidate may be linked to.
pub(crate) fn sources<'a>(root: &Path, files: impl Iterator<Item = &'a File>) -> Vec<Source> {
    let source = |file: &File| Source {
        path: root.join(&file.path),
        size_bytes: file.size_bytes,
        modified_ns: file.modified_ns,
    };
    files.map(source).collect()
}
