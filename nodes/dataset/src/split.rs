//! Groups of near-copies, which are kept in one split where that is possible.
//!
//! A group is a connected component of "near": two images are near when [`plugin_hash::NearCopies`] says so of their
//! views. Images of an earlier version have no views: they are near when their perceptual hashes differ in at most 4 bits
//! and their difference hashes in at most 6. The radii are strict, because components chain. Of images that are almost the
//! same, such as frames of one fixed camera, only some are searched for: what a new image costs does not grow with the size
//! of its group. What a person has said is [`Different`] is never made one.

use crate::different::{Different, Exclusions};
use plugin_hash::{NearCopies, Radii, Views};
use plugin_search::{Index, Union};
use std::collections::{HashMap, HashSet};

/// Two groups that turned out to be one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The name that stays.
    pub kept: String,
    /// The name that goes.
    pub gone: String,
}

/// What an image is known by.
#[derive(Clone, Copy, Debug)]
pub struct GroupKey<'a> {
    /// Digest of its sample.
    pub sample: &'a str,
    /// Perceptual hash.
    pub phash: u64,
    /// Difference hash.
    pub dhash: u64,
    /// Its views, unless it was stored by an earlier version.
    pub views: Option<&'a Views>,
}

/// Bits of the perceptual hash within which images are near that have no views.
const PHASH_BITS: u32 = 4;
/// Bits of the difference hash, likewise.
const DHASH_BITS: u32 = 6;

/// Images that share a split, as they are near-copies of each other.
#[derive(Clone, Debug)]
struct Group {
    name: String,
    images: usize,
    /// What it may not be one with.
    exclusions: Exclusions,
    /// Those by which it is found, by number among the near-copies.
    searched: Vec<u32>,
}

/// The images known and their groups. Adding one is a search among hashes, not a look at all.
#[derive(Debug, Default)]
pub struct Groups {
    /// None: every image is its own group.
    near: Option<NearCopies>,
    /// What is loaded has been held against each other before.
    settled: bool,
    /// Image, by number among the near-copies.
    viewed: Vec<u32>,
    /// Images without views.
    unviewed: usize,
    /// Perceptual hashes of the images that have structure.
    index: Index,
    /// By number in the index.
    indexed: Vec<Indexed>,
    union: Union,
    /// By the image that stands for it.
    members: HashMap<u32, Group>,
    /// The first image loaded of each group.
    loaded: HashMap<String, u32>,
    different: Different,
}

/// An image with structure.
#[derive(Clone, Copy, Debug)]
struct Indexed {
    dhash: u64,
    image: u32,
    has_views: bool,
}

/// A hash of an image without structure: such images are near to nothing, or all clear skies would be one group.
fn plain(hash: u64) -> bool {
    hash.count_ones() < 4 || hash.count_zeros() < 4
}

impl Groups {
    /// No image is known. Without radii every image is its own group.
    pub fn new(radii: Option<Radii>) -> Self {
        Self { near: radii.map(NearCopies::new), ..Self::default() }
    }

    /// What will be loaded was grouped by this rule, so that it need not be searched: at 100,000 images that takes minutes.
    #[must_use]
    pub fn settled(self, settled: bool) -> Self {
        Self { settled, ..self }
    }

    /// What is never made one.
    #[must_use]
    pub fn different(self, different: Different) -> Self {
        Self { different, ..self }
    }

    /// An image as it is stored, with its group. Returns what has to be made one though it is stored as two:
    /// by an earlier version, or with other radii.
    pub fn load(&mut self, face: GroupKey, name: &str) -> Vec<Merge> {
        let near = if self.settled { Vec::new() } else { self.near(face) };
        let first = self.loaded.get(name).copied();
        let image = self.insert(face, name, first);
        if first.is_none() {
            self.loaded.insert(name.to_owned(), image);
        }
        near.into_iter().filter_map(|other| self.join(other, image)).collect()
    }

    /// All have been loaded.
    pub fn loaded(&mut self) {
        self.loaded = HashMap::new();
    }

    /// An image that was not known. Returns its group, and what it made one; that has to be stored after it.
    pub fn add(&mut self, digest: &str, face: GroupKey) -> (String, Vec<Merge>) {
        let near = self.near(face);
        let Some((&nearest, others)) = near.split_first() else {
            self.insert(face, digest, None);
            return (digest.to_owned(), Vec::new());
        };
        let name = self.name(nearest).unwrap_or(digest).to_owned();
        let image = self.insert(face, &name, Some(nearest));
        let merges = others.iter().filter_map(|&other| self.join(image, other)).collect();
        (name, merges)
    }

    /// The group of an image, by its number in the order they came.
    pub fn name(&mut self, image: u32) -> Option<&str> {
        let root = self.union.find(image);
        self.members.get(&root).map(|group| group.name.as_str())
    }

    /// Sizes of the groups of at least two images, largest first.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes: Vec<usize> = self.members.values().map(|g| g.images).filter(|n| *n > 1).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes
    }

    /// One image of each group that has one near and that it may be in, nearest first.
    fn near(&mut self, face: GroupKey) -> Vec<u32> {
        let Some(near) = &self.near else { return Vec::new() };
        let exclusions = self.different.exclusions(face.sample);
        let (union, members) = (&mut self.union, &self.members);
        // None where it may not be.
        let mut group = |image: u32| {
            let root = union.find(image);
            let is_forbidden = members.get(&root).is_some_and(|group| group.exclusions.forbid(&exclusions));
            (!is_forbidden).then_some(root)
        };
        let mut found = Vec::new();
        if let Some(views) = face.views {
            let image = |id: u32| self.viewed.get(id as usize).copied();
            let ids = near.find_groups(views, |id| group(image(id)?));
            found.extend(ids.into_iter().filter_map(image));
        }
        // By their hashes alone, where one of two has nothing else.
        if (face.views.is_none() || self.unviewed > 0) && !plain(face.phash) && !plain(face.dhash) {
            let within = self.index.within(face.phash, PHASH_BITS);
            let other = within.iter().filter_map(|found| self.indexed.get(found.id as usize));
            let blind = other.filter(|other| face.views.is_none() || !other.has_views);
            found.extend(blind.filter(|o| (o.dhash ^ face.dhash).count_ones() <= DHASH_BITS).map(|o| o.image));
        }
        let mut seen = HashSet::new();
        found.retain(|image| group(*image).is_some_and(|root| seen.insert(root)));
        found
    }

    /// An image, in the group of another or on its own.
    fn insert(&mut self, face: GroupKey, name: &str, with: Option<u32>) -> u32 {
        let image = self.union.add();
        let exclusions = self.different.exclusions(face.sample);
        let root = with.map(|other| self.union.find(other));
        let group = root.and_then(|root| self.members.get(&root)).filter(|group| !group.exclusions.forbid(&exclusions));
        let searched = group.map_or(&[][..], |group| group.searched.as_slice());
        let found_by = match (&mut self.near, face.views) {
            (Some(near), Some(views)) if near.is_covered(views, searched) => None,
            (Some(near), Some(views)) => {
                self.viewed.push(image);
                Some(near.insert(views))
            }
            _ => None,
        };
        if self.near.is_some() && !plain(face.phash) && !plain(face.dhash) {
            self.index.insert(face.phash);
            self.indexed.push(Indexed { dhash: face.dhash, image, has_views: face.views.is_some() });
        }
        self.unviewed += usize::from(self.near.is_some() && face.views.is_none());
        let searched = found_by.into_iter().collect();
        self.members.insert(image, Group { name: name.to_owned(), images: 1, exclusions, searched });
        if let Some(other) = with {
            self.join(other, image);
        }
        image
    }

    /// Makes one group of two, named after the larger, or the first of equals. None when they are one already, are of one name
    /// and so stored as one, or may not be one.
    fn join(&mut self, a: u32, b: u32) -> Option<Merge> {
        let (a, b) = (self.union.find(a), self.union.find(b));
        let forbidden = self.members.get(&a)?.exclusions.forbid(&self.members.get(&b)?.exclusions);
        if forbidden || !self.union.join(a, b) {
            return None;
        }
        let root = self.union.find(a);
        let (a, b) = (self.members.remove(&a)?, self.members.remove(&b)?);
        let (mut kept, gone) = if a.images < b.images { (b, a) } else { (a, b) };
        kept.searched.extend(gone.searched);
        let merge = Merge { kept: kept.name.clone(), gone: gone.name };
        kept.images += gone.images;
        kept.exclusions.join(gone.exclusions);
        self.members.insert(root, kept);
        (merge.kept != merge.gone).then_some(merge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_hash::are_near;

    /// An image with structure.
    const P: u64 = 0x0f0f_1234_5678_9abc;
    const D: u64 = 0x00ff_4321_8765_cba9;

    /// An image of an earlier version.
    const fn old(phash: u64, dhash: u64) -> GroupKey<'static> {
        GroupKey { sample: "", phash, dhash, views: None }
    }

    #[test]
    fn a_near_copy_joins_the_group_and_a_stranger_does_not() {
        let mut groups = Groups::new(Some(Radii::USUAL));
        assert!(groups.load(old(P, D), "aa").is_empty());
        assert_eq!(groups.add("ff1", old(P ^ 0b101, D ^ 1)), ("aa".to_owned(), vec![]));
        assert_eq!(groups.add("ff2", old(P ^ 0xffff_0000, D)).0, "ff2", "another perceptual hash");
        assert_eq!(groups.add("ff3", old(P, D ^ 0xffff)).0, "ff3", "another difference hash");
        assert_eq!(groups.add("ff4", old(0, 0)).0, "ff4");
        assert_eq!(groups.add("ff5", old(0, 0)).0, "ff5", "plain images are near to nothing");
        let mut groups = Groups::new(None);
        groups.load(old(P, D), "aa");
        assert_eq!(groups.add("ff1", old(P, D)).0, "ff1", "without radii every image is its own group");
    }

    #[test]
    fn an_image_that_links_groups_makes_them_one() {
        let mut groups = Groups::new(Some(Radii::USUAL));
        groups.load(old(P, D), "aa");
        assert!(groups.load(old(P ^ 0b111_1111, D), "bb").is_empty(), "7 bits apart are not near");
        let (group, merges) = groups.add("cc", old(P ^ 0b111, D));
        assert_eq!(group, "aa", "stored as one of the nearest, then merged");
        assert_eq!(merges, [Merge { kept: "aa".to_owned(), gone: "bb".to_owned() }]);
        let (group, merges) = groups.add("dd", old(P ^ 0b111_1111, D));
        assert_eq!((group.as_str(), merges.len()), ("aa", 0));
        assert_eq!(groups.sizes(), [4]);
    }

    #[test]
    fn different_images_are_never_one_group() {
        let named = |sample: &'static str, bits: u64| GroupKey { sample, ..old(P ^ bits, D) };
        let sets = [["aa", "bb"].map(str::to_owned).to_vec()];
        let mut groups = Groups::new(Some(Radii::USUAL)).different(Different::new(&sets));
        groups.load(named("aa", 0), "aa");
        assert_eq!(groups.add("bb", named("bb", 1)), ("bb".to_owned(), vec![]), "near, and told apart");
        assert_eq!(groups.add("bb2", named("bb", 1)).0, "bb", "the same pixels in another file");
        let (group, merges) = groups.add("cc", named("cc", 3));
        assert_eq!(
            (group.as_str(), merges.len()),
            ("bb", 0),
            "near to both: it goes with the nearer, and links nothing"
        );
        assert_eq!(groups.add("dd", named("dd", 2)).0, "aa");
    }

    #[test]
    fn group_stored_as_two_is_made_one_when_loaded() {
        let mut groups = Groups::new(Some(Radii::USUAL));
        assert!(groups.load(old(P, D), "aa").is_empty());
        assert!(groups.load(old(P ^ 0b111_1111, D), "bb").is_empty());
        let merges = groups.load(old(P ^ 0b111, D), "aa");
        assert_eq!(merges, [Merge { kept: "aa".to_owned(), gone: "bb".to_owned() }]);
        assert!(groups.load(old(P ^ 0b1111_1111, D), "bb").is_empty(), "of the group that goes, and gone already");
        assert_eq!(groups.sizes(), [4]);
        let mut settled = Groups::new(Some(Radii::USUAL)).settled(true);
        for name in ["aa", "aa", "bb"] {
            assert!(settled.load(old(P, D), name).is_empty(), "it was searched before");
        }
        assert_eq!(settled.sizes(), [2]);
        assert_eq!(settled.add("cc", old(P, D)).1.len(), 1, "what is new is searched for");
    }

    /// A frame of one fixed camera, with noise.
    fn frame(seed: usize) -> Views {
        let pixel = |at: usize| {
            let (x, y) = (at % 64, at / 64);
            let scene = if (10..25).contains(&x) && y > 20 { 40 } else { 90 + x + y / 7 % 2 * 40 };
            (scene + (at * 31 + seed * 7919) * 2_654_435_761 / 4096 % 7) as u8
        };
        let rgb: Vec<u8> = (0..64 * 64).flat_map(|at| [pixel(at); 3]).collect();
        Views::of(&rgb).unwrap()
    }

    #[test]
    fn frames_of_one_camera_are_searched_by_few() {
        let mut groups = Groups::new(Some(Radii::USUAL));
        for seed in 0..60 {
            let views = frame(seed);
            let face = GroupKey { views: Some(&views), ..old(P, D) };
            let (group, merges) = groups.add(&format!("{seed:08x}"), face);
            assert_eq!((group.as_str(), merges.len()), ("00000000", 0));
        }
        assert_eq!(groups.sizes(), [60]);
        let searched = groups.near.as_ref().map_or(0, NearCopies::len);
        assert!(searched <= 12, "{searched}");
        let mut settled = Groups::new(Some(Radii::USUAL)).settled(true);
        for seed in 0..60 {
            let views = frame(seed);
            settled.load(GroupKey { views: Some(&views), ..old(P, D) }, "00000000");
        }
        assert_eq!(settled.sizes(), [60]);
        assert!(settled.near.as_ref().map_or(0, NearCopies::len) <= 12, "as they are loaded, too");
    }

    #[test]
    fn frames_told_apart_stay_so_and_are_found() {
        let sets = [["aa", "bb"].map(str::to_owned).to_vec()];
        let mut groups = Groups::new(Some(Radii::USUAL)).different(Different::new(&sets));
        let frames: Vec<Views> = (0..4).map(frame).collect();
        let of = |sample: &'static str, at: usize| GroupKey { sample, views: Some(&frames[at]), ..old(P, D) };
        assert_eq!(groups.add("aa", of("aa", 0)).0, "aa");
        assert_eq!(groups.add("bb", of("bb", 1)), ("bb".to_owned(), vec![]), "almost the same, and told apart");
        assert_eq!(groups.add("bb2", of("bb", 2)).0, "bb", "the nearest that it may be in, though another is nearer");
        let mut loaded = Groups::new(Some(Radii::USUAL)).different(Different::new(&sets)).settled(true);
        loaded.load(of("aa", 0), "aa");
        loaded.load(of("bb", 1), "aa");
        assert_eq!(loaded.add("bb2", of("bb", 2)).0, "aa", "each is searched for where they were one before");
        assert_eq!(loaded.sizes(), [2]);
    }

    /// Discs of a scene; one of them wanders, so that what is many steps apart is not near. With so much noise that no two
    /// are almost the same: those cover each other.
    fn drawn(scene: u32, step: u32, is_mirrored: bool) -> Views {
        let random = |k: u32| (scene * 64 + k + 1).wrapping_mul(0x9E37_79B9) >> 8;
        let pixel = |at: u32| {
            let x = if is_mirrored { 63 - at % 64 } else { at % 64 };
            let y = at / 64;
            let inside = |k: &u32| {
                let middle = [random(k * 4) % 64 + if *k == 3 { step } else { 0 }, random(k * 4 + 1) % 64];
                middle[0].abs_diff(x).pow(2) + middle[1].abs_diff(y).pow(2) < 60 + random(k * 4 + 2) % 150
            };
            let noise = (random(step * 1024 + y / 2 * 32 + x / 2) >> 4) % 16;
            (noise + (0..6).find(inside).map_or(60 + x + y, |k| random(k * 4 + 3) % 240)) as u8
        };
        let rgb: Vec<u8> = (0..64 * 64).flat_map(|at| [pixel(at); 3]).collect();
        Views::of(&rgb).unwrap()
    }

    #[test]
    fn groups_are_the_connected_components_of_near() {
        // Few bits vary, so that there are chains; brute force says what is connected.
        let varied = |i: u32, salt: u64, bits: u64| {
            let noise = u64::from_le_bytes(blake3::hash(&i.to_le_bytes()).as_bytes()[..8].try_into().unwrap());
            P ^ (noise.rotate_left(salt as u32) & bits)
        };
        let hash = |i: u32, salt: u64| varied(i, salt, 0x0f0f_000f_0000_3f00);
        // Every third has no views; of the others, every fourth is mirrored.
        let views = |i: u32| (!i.is_multiple_of(3)).then(|| drawn(i / 12, i % 12, i.is_multiple_of(4)));
        let images: Vec<(u64, u64, Option<Views>)> =
            (0..400).map(|i| (hash(i, 0), hash(i / 3, 17), views(i))).collect();
        let mut union = Union::new(images.len());
        let mut linked = 0;
        let mut groups = Groups::new(Some(Radii::USUAL));
        let mut stored: Vec<String> = Vec::new();
        for (i, (p, d, views)) in images.iter().enumerate() {
            for (j, (q, e, others)) in images[..i].iter().enumerate() {
                let near = match (views, others) {
                    (Some(a), Some(b)) => are_near(a, b, &Radii::USUAL),
                    _ => (p ^ q).count_ones() <= 4 && (d ^ e).count_ones() <= 6,
                };
                if near {
                    union.join(i as u32, j as u32);
                    linked += usize::from(views.is_some() && others.is_some());
                }
            }
            let digest = blake3::hash(&(i as u32).to_le_bytes()).to_hex().to_string();
            let (group, merges) = groups.add(&digest, GroupKey { views: views.as_ref(), ..old(*p, *d) });
            stored.push(group);
            // As the catalog does it.
            for merge in merges {
                for group in stored.iter_mut().filter(|group| **group == merge.gone) {
                    group.clone_from(&merge.kept);
                }
            }
        }
        let expected = union.groups();
        eprintln!("{linked} pairs near by their views, groups {:?}", groups.sizes());
        assert!(linked > 50 && expected.len() > 5 && expected.iter().any(|g| g.len() > 4), "the test tests something");
        for (i, a) in stored.iter().enumerate() {
            for (j, b) in stored.iter().enumerate() {
                let together = union.find(i as u32) == union.find(j as u32);
                assert_eq!(a == b, together, "{i} {j}");
            }
        }
    }
}
