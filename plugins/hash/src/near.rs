//! Near-copies among many images: also mirrored, turned, cropped, brighter and grey ones.
//!
//! Two stages. One hash alone has to be read generously to find a cropped image, and then finds others too. So each image is
//! looked for as its copies may show it ([`Views`]): the lowest frequencies of a view bring candidates, and all four hashes
//! of that view together, 256 bits, keep a few. Hashes see the layout; so each of those is then laid over the image and
//! compared block by block ([`agree`]). The figures are chosen from a curve of recall over false matches: `tests/README.md` has
//! the table, the example `near-copies` makes it.
//!
//! What a search costs does not grow with the size of a group: an image that is almost a known one belongs to its group, of
//! each other group one confirmed member is enough ([`NearCopies::find_groups`]), and there are at most [`COMPARISONS`]. Who
//! adds images need not add those that are as good as there already ([`NearCopies::is_covered`]).

use crate::confirm::{Hint, Pose, agree};
use crate::symmetry::Symmetry;
use crate::thumbnail::Thumbnail;
use crate::views::{Signature, Views};
use plugin_search::Index;
use std::collections::{HashMap, HashSet};

/// When two images are near-copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Radii {
    /// Bits of the waves, 0 to 64, for images as they are.
    pub plain: u32,
    /// Bits of all four hashes, 0 to 256, for images as they are.
    pub plain_all: u32,
    /// Bits of the waves, 0 to 64, for another view.
    pub view: u32,
    /// Bits of the waves, 0 to 64, for an image turned a little, whose corners are foreign.
    pub turned: u32,
    /// Bits of all four hashes, 0 to 256, for another view.
    pub view_all: u32,
    /// Bits of the waves, 0 to 64, for an image mirrored or turned by 90°, 180° or 270°, which changes nothing else.
    pub symmetric: u32,
    /// What may remain of a block after alignment, as parts of a thousand of its detail, where the hashes are just near
    /// enough; more remains where they hardly differ.
    pub residual: u32,
}

impl Radii {
    /// Finds what was compressed, resized, cropped, mirrored, turned or made brighter.
    pub const USUAL: Self =
        Self { plain: 8, plain_all: 24, view: 8, turned: 10, view_all: 24, symmetric: 6, residual: 150 };
    /// With fewer false matches, and fewer of the turned and brighter ones.
    pub const STRICT: Self =
        Self { plain: 6, plain_all: 16, view: 4, turned: 4, view_all: 14, symmetric: 4, residual: 120 };

    /// Whether a candidate is confirmed.
    fn confirms(&self, wanted: &Thumbnail, known: &Thumbnail, candidate: &Candidate) -> bool {
        agree(wanted, known, &candidate.pose, candidate.hint, self.residual as f32 / 1000.0)
    }
}

impl Default for Radii {
    fn default() -> Self {
        Self::USUAL
    }
}

/// Comparisons for one image at most, without those that confirm. Among thousands of images of one layout those that are
/// nearest by their hashes are compared; a copy is among them.
const COMPARISONS: usize = 24;
/// Views of one candidate that are compared at most, the nearest by their hashes.
const POSES: usize = 3;
/// Images that are almost the same and are compared at most before others are looked for.
const ALMOST_COMPARED: usize = 4;
/// An image is covered by so many that are near to it by their hashes.
const COVERING: usize = 8;
/// Members of a group that are asked whether they cover an image, the newest.
const ASKED: usize = 256;

/// Images to find near-copies among. Adding one is cheap: 9 entries, about 1,900 bytes.
#[derive(Clone, Debug, Default)]
pub struct NearCopies {
    radii: Radii,
    plain: Vec<Signature>,
    thumbnails: Vec<Thumbnail>,
    by_plain: Index,
    /// The edited views of all images, those of the first one first.
    edited: Vec<Signature>,
    by_edited: Index,
}

/// An image that may be a near-copy, by its hashes.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    hint: Hint,
    id: u32,
    pose: Pose,
}

impl NearCopies {
    /// No images yet.
    pub fn new(radii: Radii) -> Self {
        Self { radii, ..Self::default() }
    }

    /// How many images there are.
    pub fn len(&self) -> usize {
        self.plain.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.plain.is_empty()
    }

    /// Adds an image. Returns its number: how many were there before it.
    pub fn insert(&mut self, views: &Views) -> u32 {
        self.plain.push(views.plain);
        self.thumbnails.push(views.thumbnail);
        for signature in &views.edited {
            self.edited.push(*signature);
            self.by_edited.insert(signature.waves);
        }
        self.by_plain.insert(views.plain.waves)
    }

    /// The images that are near-copies, by number, nearest first.
    pub fn find(&self, views: &Views) -> Vec<u32> {
        let mut candidates = self.as_they_are(views);
        candidates.extend(self.by_views(views));
        self.confirmed(views, candidates, Some)
    }

    /// One near-copy of each group that has one, by number, nearest first; `group` names the group of an image, `None` where
    /// that group is not asked for. Where an image is almost the same as one that is there, that one alone: it has been
    /// searched for.
    pub fn find_groups(&self, views: &Views, mut group: impl FnMut(u32) -> Option<u32>) -> Vec<u32> {
        let mut candidates = self.as_they_are(views);
        candidates.retain(|candidate| group(candidate.id).is_some());
        let known = |candidate: &Candidate| self.thumbnails.get(candidate.id as usize);
        let is_almost = |candidate: &&Candidate| known(candidate).is_some_and(|known| views.thumbnail.is_almost(known));
        let is_confirmed = |candidate: &&Candidate| {
            known(candidate).is_some_and(|known| self.radii.confirms(&views.thumbnail, known, candidate))
        };
        let mut almost = candidates.iter().take(ASKED).filter(is_almost).take(ALMOST_COMPARED);
        if let Some(same) = almost.find(is_confirmed) {
            return vec![same.id];
        }
        candidates.extend(self.by_views(views));
        self.confirmed(views, candidates, group)
    }

    /// Of each group the nearest candidate that the thumbnails confirm.
    fn confirmed(
        &self,
        views: &Views,
        mut candidates: Vec<Candidate>,
        mut group: impl FnMut(u32) -> Option<u32>,
    ) -> Vec<u32> {
        // As it is before other views, where they are as near.
        candidates.sort_by_key(Candidate::order);
        let mut found = Vec::new();
        let mut groups = HashSet::new();
        let mut poses: HashMap<u32, usize> = HashMap::new();
        let mut comparisons = 0;
        for candidate in candidates {
            let Some(of) = group(candidate.id) else { continue };
            let poses = poses.entry(candidate.id).or_default();
            if groups.contains(&of) || *poses >= POSES {
                continue;
            }
            let Some(known) = self.thumbnails.get(candidate.id as usize) else { continue };
            *poses += 1;
            if self.radii.confirms(&views.thumbnail, known, &candidate) {
                groups.insert(of);
                found.push(candidate.id);
                continue;
            }
            comparisons += 1;
            if comparisons == COMPARISONS {
                break;
            }
        }
        found
    }

    /// Whether an image need not be added, as `members` of its group, by number, find whatever it would find: one is almost
    /// the same, or several are near.
    pub fn is_covered(&self, views: &Views, members: &[u32]) -> bool {
        let mut near = 0;
        for &member in members.iter().rev().take(ASKED) {
            let at = member as usize;
            let (Some(signature), Some(thumbnail)) = (self.plain.get(at), self.thumbnails.get(at)) else { continue };
            near += usize::from(views.plain.is_near(signature, self.radii.plain, self.radii.plain_all));
            if near >= COVERING || views.thumbnail.is_almost(thumbnail) {
                return true;
            }
        }
        false
    }

    /// Who may be a near-copy by the hashes of the image as it is, nearest first.
    fn as_they_are(&self, views: &Views) -> Vec<Candidate> {
        let Radii { plain, plain_all, .. } = self.radii;
        let mut found = Vec::new();
        self.search(views, &views.plain, plain, plain_all, Pose::default(), &mut found);
        found.sort_by_key(Candidate::order);
        found
    }

    /// Who may be a near-copy by the hashes of other views.
    fn by_views(&self, views: &Views) -> Vec<Candidate> {
        let Radii { view, turned, view_all, symmetric, .. } = self.radii;
        let mut found = Vec::new();
        for (signature, pose) in views.posed() {
            let radius = match () {
                () if pose.symmetry != Symmetry::default() => symmetric,
                () if pose.turned => turned,
                () => view,
            };
            self.search(views, signature, radius, view_all, pose, &mut found);
        }
        let each = views.edited.len();
        for near in self.by_edited.within(views.plain.waves, view) {
            let Some(known) = self.edited.get(near.id as usize) else { continue };
            if views.plain.is_near(known, view, view_all) {
                let pose = Pose { reversed: true, ..Views::edited_pose(near.id as usize % each) };
                let id = near.id / each as u32;
                found.push(Candidate { hint: self.hint(views, id, views.plain.distance(known)), id, pose });
            }
        }
        found
    }

    /// Adds whom a view of the image finds as they are.
    fn search(
        &self,
        views: &Views,
        signature: &Signature,
        radius: u32,
        all: u32,
        pose: Pose,
        found: &mut Vec<Candidate>,
    ) {
        for near in self.by_plain.within(signature.waves, radius) {
            let Some(known) = self.plain.get(near.id as usize) else { continue };
            if signature.is_near(known, radius, all) {
                let hint = self.hint(views, near.id, signature.distance(known));
                found.push(Candidate { hint, id: near.id, pose });
            }
        }
    }

    fn hint(&self, views: &Views, id: u32, bits: u32) -> Hint {
        let known = self.plain.get(id as usize).copied().unwrap_or_default();
        let structure = known.structure().min(views.plain.structure());
        Hint { bits, plain_bits: known.distance(&views.plain), structure }
    }
}

impl Candidate {
    /// Nearest first.
    const fn order(&self) -> (u32, u32) {
        (self.hint.bits, self.id)
    }
}

/// Whether two images are near-copies: what [`NearCopies::find`] says of them, without an index.
pub fn are_near(a: &Views, b: &Views, radii: &Radii) -> bool {
    let mut near = NearCopies::new(*radii);
    near.insert(b);
    !near.find(a).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Some blobs on a slope; every seed is another image.
    fn image(seed: u64) -> Vec<u8> {
        let random = |i: u64| (seed * 31 + i + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let blobs: Vec<[u64; 4]> = (0..5).map(|i| [0, 1, 2, 3].map(|k| random(i * 4 + k))).collect();
        let pixel = |x: u64, y: u64| {
            let inside =
                |b: &&[u64; 4]| (b[0] % 64).abs_diff(x).pow(2) + (b[1] % 64).abs_diff(y).pow(2) < 30 + b[2] % 200;
            blobs.iter().find(inside).map_or(x * 2 + 40, |b| b[3] % 256) as u8
        };
        (0..64).flat_map(|y| (0..64).flat_map(move |x| [(x, y); 3])).map(|(x, y)| pixel(x, y)).collect()
    }

    fn mirrored(rgb: &[u8]) -> Vec<u8> {
        rgb.chunks_exact(64 * 3).flat_map(|row| row.as_chunks::<3>().0.iter().rev().flatten().copied()).collect()
    }

    #[test]
    fn a_mirrored_image_is_found_and_others_are_not() {
        let mut near = NearCopies::new(Radii::default());
        for seed in 0..30 {
            assert_eq!(u64::from(near.insert(&Views::of(&image(seed)).unwrap())), seed);
        }
        for seed in 0..30 {
            let found = near.find(&Views::of(&mirrored(&image(seed))).unwrap());
            assert_eq!(found, [seed as u32]);
        }
        assert_eq!((near.len(), near.is_empty()), (30, false));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn the_index_finds_who_is_near(seeds in prop::collection::vec(0_u64..40, 2..12), by in 0_u32..3) {
            let radii = Radii { view_all: 20 + by * 40, plain_all: 28 + by * 40, residual: 200 + by * 800, ..Radii::USUAL };
            let views: Vec<Views> = seeds.iter().map(|&seed| Views::of(&image(seed)).unwrap()).collect();
            let mut near = NearCopies::new(radii);
            for one in &views {
                near.insert(one);
            }
            for one in &views {
                let mut found = near.find(one);
                found.sort_unstable();
                let expected: Vec<u32> =
                    (0..).zip(&views).filter(|(_, other)| are_near(one, other, &radii)).map(|(id, _)| id).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
