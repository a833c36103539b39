//! Looking through the groups.

use crate::settled::Settled;
use crate::suspect::{ClassShare, Doubt, Suspect};
use plugin_api::Labels;
use plugin_api::names::natural_order;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// The odd ones are few when there are so many others for each: an image among three.
const OTHERS_PER_ODD: usize = 2;
/// Images that a suspected one is compared with at most, evenly chosen from the group.
const MAX_COMPARED: usize = 2_048;
/// Images of a mixed group that are compared with the others at most, evenly chosen.
const MAX_MIXED: usize = 256;

/// A file of the data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Image<'a> {
    /// Relative to the workspace.
    pub path: &'a str,
    /// Its class folder; files without one are left out.
    pub class: Option<&'a str>,
    /// BLAKE3 of its pixels: equal for files that show exactly the same.
    pub pixel_digest: &'a str,
    /// The group of near-copies it is in.
    pub group: u32,
    /// Perceptual and difference hash.
    pub hashes: [u64; 2],
}

/// What there is to review.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Review<'a> {
    /// Equal pixels in several classes, by path. With several labels an image there are none.
    pub same_pixels: Vec<SamePixels<'a>>,
    /// Near-copies in several classes, the best suspect first: the fewer odd ones beside the more others, then the more alike.
    pub suspects: Vec<Suspect<'a>>,
}

/// Files with equal pixels in several classes: kept out of training until one class is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamePixels<'a> {
    /// Their pixel digest.
    pub pixel_digest: &'a str,
    /// The classes, in natural order.
    pub classes: Vec<&'a str>,
    /// Places among the images given, by path.
    pub files: Vec<usize>,
}

/// Files with equal pixels.
struct Unit<'a> {
    pixel_digest: &'a str,
    group: u32,
    hashes: [u64; 2],
    classes: Vec<&'a str>,
    files: Vec<usize>,
}

impl Unit<'_> {
    fn class(&self) -> String {
        self.classes.join(" + ")
    }

    fn bits_apart(&self, other: &Self) -> u32 {
        self.hashes.iter().zip(other.hashes).map(|(a, b)| (a ^ b).count_ones()).sum()
    }
}

/// Finds what there is to review. Order and number of the files do not matter to the outcome.
pub fn find<'a>(images: &[Image<'a>], labels: Labels, settled: &Settled) -> Review<'a> {
    let mut review = Review::default();
    let mut groups: BTreeMap<u32, Vec<Unit<'a>>> = BTreeMap::new();
    for unit in units(images) {
        if labels == Labels::Single && unit.classes.len() > 1 {
            let Unit { pixel_digest, classes, files, .. } = unit;
            review.same_pixels.push(SamePixels { pixel_digest, classes, files });
        } else {
            groups.entry(unit.group).or_default().push(unit);
        }
    }
    for units in groups.values().filter(|units| units.iter().any(|unit| unit.classes != units[0].classes)) {
        Group::of(units, images, settled).review(&mut review.suspects);
    }
    review.same_pixels.sort_by_key(|same| images[same.files[0]].path);
    let share = |suspect: &Suspect| suspect.odd as f64 / suspect.of as f64;
    review.suspects.sort_by(|a, b| {
        share(a).total_cmp(&share(b)).then(a.bits_apart.cmp(&b.bits_apart)).then_with(|| a.path.cmp(b.path))
    });
    review
}

/// Files that have a class, by their pixels, in the order of their first path.
fn units<'a>(images: &[Image<'a>]) -> Vec<Unit<'a>> {
    let mut by_pixels: HashMap<&str, Unit<'a>> = HashMap::new();
    for (at, image) in images.iter().enumerate() {
        let Some(class) = image.class else { continue };
        let unit = by_pixels.entry(image.pixel_digest).or_insert_with(|| Unit {
            pixel_digest: image.pixel_digest,
            group: image.group,
            hashes: image.hashes,
            classes: Vec::new(),
            files: Vec::new(),
        });
        unit.files.push(at);
        if !unit.classes.contains(&class) {
            unit.classes.push(class);
        }
    }
    let mut units: Vec<Unit<'a>> = by_pixels.into_values().collect();
    for unit in &mut units {
        unit.classes.sort_by(|a, b| natural_order(a, b));
        unit.files.sort_by_key(|at| images[*at].path);
    }
    units.sort_by_key(|unit| images[unit.files[0]].path);
    units
}

/// An image of a group, with the place of its class among the group's.
#[derive(Clone, Copy)]
struct Member<'u, 'a> {
    unit: &'u Unit<'a>,
    class: usize,
}

/// Look-alikes of several classes.
struct Group<'u, 'a> {
    members: Vec<Member<'u, 'a>>,
    images: &'u [Image<'a>],
    settled: &'u Settled,
    /// By class, the largest first.
    classes: Arc<[ClassShare<'a>]>,
    /// Pairs of classes of which a person has kept images of this group side by side.
    kept: HashSet<[usize; 2]>,
}

impl<'u, 'a> Group<'u, 'a> {
    fn of(units: &'u [Unit<'a>], images: &'u [Image<'a>], settled: &'u Settled) -> Self {
        let mut of_class: BTreeMap<String, Vec<&'u Unit<'a>>> = BTreeMap::new();
        for unit in units {
            of_class.entry(unit.class()).or_default().push(unit);
        }
        let mut of_class: Vec<(String, Vec<&Unit>)> = of_class.into_iter().collect();
        of_class.sort_by(|(a, some), (b, others)| others.len().cmp(&some.len()).then_with(|| natural_order(a, b)));
        let members = of_class.iter().enumerate();
        let members: Vec<Member> =
            members.flat_map(|(class, (_, units))| units.iter().map(move |&unit| Member { unit, class })).collect();
        let share = |(class, units): (String, Vec<&Unit<'a>>)| ClassShare {
            class,
            images: units.into_iter().map(|unit| unit.pixel_digest).collect(),
        };
        let kept = kept_side_by_side(&members, settled);
        Self { members, images, settled, classes: of_class.into_iter().map(share).collect(), kept }
    }

    fn review(&self, suspects: &mut Vec<Suspect<'a>>) {
        let largest = self.classes[0].images.len();
        // The members of the largest class come first.
        let (many, few) = self.members.split_at(largest);
        if few.len() * (OTHERS_PER_ODD + 1) <= self.members.len() {
            let among = evenly(many, MAX_COMPARED);
            let open = few.iter().filter(|member| !self.settled.is_kept(member.unit.pixel_digest));
            suspects.extend(open.filter_map(|member| self.odd(*member, &among)));
        } else {
            suspects.extend(self.mixed());
        }
    }

    /// Whether two images of different classes have not been told apart or kept by a person.
    fn is_open(&self, a: Member, b: Member) -> bool {
        a.class != b.class
            && !self.kept.contains(&[a.class, b.class])
            && !self.settled.are_different(a.unit.pixel_digest, b.unit.pixel_digest)
    }

    /// The image of another class that is most like one, and in how many bits they differ.
    fn most_like(&self, one: Member<'u, 'a>, among: &[Member<'u, 'a>]) -> Option<(Member<'u, 'a>, u32)> {
        let open = among.iter().filter(|other| self.is_open(one, **other));
        open.map(|other| (*other, one.unit.bits_apart(other.unit))).min_by_key(|(_, bits_apart)| *bits_apart)
    }

    fn odd(&self, one: Member<'u, 'a>, among: &[Member<'u, 'a>]) -> Option<Suspect<'a>> {
        let (like, bits_apart) = self.most_like(one, among)?;
        Some(self.suspect(Doubt::Odd, one, like, bits_apart, one.unit.files.clone()))
    }

    /// The closest pair stands for the whole group.
    fn mixed(&self) -> Option<Suspect<'a>> {
        // What was kept asks no more, but others may still be held against it.
        let is_kept = |member: Member| self.settled.is_kept(member.unit.pixel_digest);
        let open: Vec<Member> = self.members.iter().copied().filter(|member| !is_kept(*member)).collect();
        let among = evenly(&self.members, MAX_COMPARED);
        let pairs = evenly(&open, MAX_MIXED).into_iter().filter_map(|one| {
            let (like, bits_apart) = self.most_like(one, &among)?;
            Some((one, like, bits_apart))
        });
        let (a, b, bits_apart) = pairs.min_by_key(|(.., bits_apart)| *bits_apart)?;
        // Of two that are open, the one of the smaller class is suspected.
        let is_swapped = !is_kept(b) && b.class > a.class;
        let (one, like) = if is_swapped { (b, a) } else { (a, b) };
        let pair = one.unit.files.iter().chain(&like.unit.files);
        let is_other = |unit: &&Unit| ![one.unit.pixel_digest, like.unit.pixel_digest].contains(&unit.pixel_digest);
        let others = self.members.iter().map(|member| member.unit).filter(is_other).flat_map(|unit| &unit.files);
        let files = pair.chain(others).copied().collect();
        Some(self.suspect(Doubt::Mixed, one, like, bits_apart, files))
    }

    fn suspect(&self, doubt: Doubt, one: Member, like: Member, bits_apart: u32, files: Vec<usize>) -> Suspect<'a> {
        let path = |member: Member| self.images[member.unit.files[0]].path;
        Suspect {
            path: path(one),
            pixel_digest: self.images[one.unit.files[0]].pixel_digest,
            class: self.classes[one.class].class.clone(),
            looks_like: path(like),
            in_class: self.classes[like.class].class.clone(),
            odd: self.members.len() - self.classes[0].images.len(),
            of: self.members.len(),
            bits_apart,
            doubt,
            files,
            looks_like_file: like.unit.files[0],
            classes: Arc::clone(&self.classes),
        }
    }
}

/// Pairs of classes of which a person has kept images of a group by one decision: there it is known that they look alike.
fn kept_side_by_side(members: &[Member], settled: &Settled) -> HashSet<[usize; 2]> {
    let mut together: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for member in members {
        for decision in settled.kept_together(member.unit.pixel_digest) {
            together.entry(decision).or_default().insert(member.class);
        }
    }
    let pairs = together.values().flat_map(|classes| classes.iter().flat_map(|a| classes.iter().map(|b| [*a, *b])));
    pairs.collect()
}

/// At most so many of them, at even distances.
fn evenly<T: Copy>(all: &[T], most: usize) -> Vec<T> {
    let step = all.len().div_ceil(most).max(1);
    all.iter().step_by(step).copied().collect()
}

#[cfg(test)]
mod tests;
