//! Every file of the catalog at one moment, in the order in which they should be seen.
//!
//! The list is held in memory, some 300 bytes a file, so that any filter is one pass over it and any page of the answer is
//! at hand, also the middle of it, which a person scrolls to.

use super::flags::Flags;
use super::notes::Notes;
use super::query::Orders;
use plugin_api::Split;
use plugin_api::names::natural_order;
use plugin_catalog::{CatalogError, Reader};
use plugin_check::{Facts, REGISTRY, Set};
use plugin_review::{Doubt, Image};
use plugin_search::Index;
use std::collections::{HashMap, HashSet};

/// A held-out image is unsure when the likeliest classes are no further apart.
const UNSURE: f32 = 0.2;

/// A file.
#[derive(Clone, Debug)]
pub struct Item {
    /// Relative to the workspace.
    pub path: String,
    /// Place of its class; none for a file without one.
    pub class: Option<u16>,
    /// BLAKE3 of the file.
    pub digest: String,
    /// Digest of its pixels.
    pub pixel_digest: String,
    /// The part of the data set it belongs to.
    pub split: Split,
    /// Digest that stands for its group of look-alikes, as a number.
    pub group: u32,
    /// What may be the matter with it.
    pub flags: Flags,
    /// Perceptual hash.
    pub phash: u64,
    /// Difference hash.
    pub dhash: u64,
    /// What its checks look at.
    pub facts: Facts,
    /// Version of the data set it came in.
    pub added: u64,
    /// When it was taken, milliseconds since 1970.
    pub captured_ms: Option<i64>,
    /// When the file came, milliseconds since 1970.
    pub arrived_ms: i64,
}

/// All files.
#[derive(Default)]
pub struct CatalogView {
    /// Files, those that need attention first.
    pub items: Vec<Item>,
    /// Class names, sorted.
    pub classes: Vec<String>,
    /// Notes they were flagged by.
    pub notes: Notes,
    /// First file of each image.
    by_digest: HashMap<String, u32>,
    /// Hashes of the images, and whose they are.
    hashes: Index,
    of_hash: Vec<u32>,
    /// The files in other orders.
    pub(super) orders: Orders,
}

impl CatalogView {
    /// Reads the catalog, or so many files of it.
    ///
    /// # Errors
    /// The catalog's.
    pub fn read(catalog: &Reader, notes: Notes, most: Option<usize>) -> Result<Self, CatalogError> {
        let (mut classes, mut groups) = (HashMap::<String, u16>::new(), HashMap::<String, u32>::new());
        let mut items = Vec::new();
        catalog.live_files(most, |file| {
            let class = file.label.map(|label| {
                let next = classes.len() as u16;
                *classes.entry(label).or_insert(next)
            });
            let next = groups.len() as u32;
            let (width, height) = file.source;
            items.push(Item {
                path: file.path,
                class,
                digest: file.digest,
                pixel_digest: file.sample,
                added: file.added,
                captured_ms: file.captured_ms,
                arrived_ms: file.arrived_ms,
                phash: file.phash,
                dhash: file.dhash,
                facts: Facts { width, height, scores: file.scores },
                group: *groups.entry(file.group).or_insert(next),
                split: file.split,
                flags: Flags::default(),
            });
        })?;
        Ok(Self::of(items, classes, groups.len(), notes))
    }

    fn of(mut items: Vec<Item>, classes: HashMap<String, u16>, groups: usize, notes: Notes) -> Self {
        let mut names: Vec<(String, u16)> = classes.into_iter().collect();
        names.sort_by(|(a, _), (b, _)| natural_order(a, b));
        let mut place = vec![0; names.len()];
        for (new, (_, old)) in names.iter().enumerate() {
            place[usize::from(*old)] = new as u16;
        }
        let classes: Vec<String> = names.into_iter().map(|(name, _)| name).collect();
        for item in &mut items {
            item.class = item.class.map(|old| place[usize::from(old)]);
        }
        flag(&mut items, &classes, groups, &notes);
        let doubt = |item: &Item| {
            let suspect = notes.suspects.get(&item.path).map_or(0.0, |s| s.other - s.own);
            let unsure = notes.held_out.get(&item.digest).map_or(0.0, |held_out| 1.0 - held_out.margin);
            item.flags.weight() + (suspect + unsure) / 4.0
        };
        let mut order: Vec<(f32, Item)> = items.into_iter().map(|item| (doubt(&item), item)).collect();
        // Files of a group side by side, so that what is the same can be compared.
        order.sort_by(|(a, x), (b, y)| {
            b.total_cmp(a).then_with(|| x.group.cmp(&y.group)).then_with(|| x.path.cmp(&y.path))
        });
        let items: Vec<Item> = order.into_iter().map(|(_, item)| item).collect();
        let (mut by_digest, mut hashes, mut of_hash) = (HashMap::new(), Index::new(), Vec::new());
        for (at, item) in items.iter().enumerate() {
            if !by_digest.contains_key(&item.digest) {
                by_digest.insert(item.digest.clone(), at as u32);
                hashes.insert(item.phash);
                of_hash.push(at as u32);
            }
        }
        Self { items, classes, notes, by_digest, hashes, of_hash, orders: Orders::default() }
    }

    /// Without a file.
    pub fn empty(notes: Notes) -> Self {
        Self { notes, ..Self::default() }
    }

    /// Every file as the review of near-copies takes it.
    pub fn images(&self) -> Vec<Image<'_>> {
        images(&self.items, &self.classes)
    }

    /// The class of a file.
    pub fn class(&self, item: &Item) -> Option<&str> {
        self.classes.get(usize::from(item.class?)).map(String::as_str)
    }

    /// A file of an image.
    pub fn find(&self, digest: &str) -> Option<&Item> {
        self.items.get(*self.by_digest.get(digest)? as usize)
    }

    /// All files of an image.
    pub fn files(&self, digest: &str) -> Vec<&Item> {
        self.items.iter().filter(|item| item.digest == digest).collect()
    }

    /// One file of each image.
    pub fn representatives(&self) -> impl Iterator<Item = &Item> {
        self.of_hash.iter().filter_map(|at| self.items.get(*at as usize))
    }

    /// The images whose perceptual hash is nearest, each with the bits that differ.
    pub fn near(&self, phash: u64, count: usize) -> Vec<(&Item, u32)> {
        let found = self.hashes.nearest(phash, count).into_iter();
        found
            .filter_map(|one| Some((self.items.get(*self.of_hash.get(one.id as usize)? as usize)?, one.distance)))
            .collect()
    }
}

fn images<'a>(items: &'a [Item], classes: &'a [String]) -> Vec<Image<'a>> {
    let image = |item: &'a Item| Image {
        path: &item.path,
        class: item.class.and_then(|at| classes.get(usize::from(at))).map(String::as_str),
        pixel_digest: &item.pixel_digest,
        group: item.group,
        hashes: [item.phash, item.dhash],
    };
    items.iter().map(image).collect()
}

/// Places of the files that a person should look at because of their look-alikes.
fn conflicts(items: &[Item], classes: &[String], notes: &Notes) -> HashSet<usize> {
    let images = images(items, classes);
    let review = plugin_review::find(&images, notes.labels, &notes.settled);
    let mut found: HashSet<usize> = review.same_pixels.into_iter().flat_map(|same| same.files).collect();
    for suspect in review.suspects {
        match suspect.doubt {
            Doubt::Odd => found.extend(suspect.files),
            Doubt::Mixed => found.extend([suspect.files[0], suspect.looks_like_file]),
        }
    }
    found
}

/// Says of every file what may be the matter with it.
fn flag(items: &mut [Item], classes: &[String], groups: usize, notes: &Notes) {
    let mut files_of_group = vec![0_u32; groups];
    for item in items.iter() {
        files_of_group[item.group as usize] += 1;
    }
    let conflicts = conflicts(items, classes, notes);
    let set = Set::of(items.iter().map(|item| (item.facts.width, item.facts.height)));
    for (at, item) in items.iter_mut().enumerate() {
        let class = item.class.and_then(|at| classes.get(usize::from(at)));
        let mut flag_if = |name: &str, is: bool| {
            if is {
                item.flags.add(name);
            }
        };
        flag_if("conflict", conflicts.contains(&at));
        flag_if("duplicate", files_of_group[item.group as usize] > 1);
        flag_if("new", notes.trained_on.is_some_and(|version| item.added > version));
        flag_if("suspected", notes.suspects.get(&item.path).is_some_and(|suspect| class == Some(&suspect.class)));
        let held_out = notes.held_out.get(&item.digest);
        flag_if("wrong", held_out.is_some_and(|held_out| class != Some(&held_out.prediction)));
        flag_if("unsure", held_out.is_some_and(|held_out| held_out.margin < UNSURE));
        for check in REGISTRY {
            flag_if(check.name, check.flags(&item.facts, &set));
        }
    }
}
