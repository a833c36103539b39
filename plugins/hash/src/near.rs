//! Near-copies among many pictures: also mirrored, cropped and slightly turned ones.
//!
//! One hash alone has to be read generously to find a cropped picture, and then finds others too. So each picture is
//! looked for as its copies may show it ([`Views`]): the lowest frequencies of a view bring candidates, and all four hashes
//! of that view together, 256 bits, confirm them. The radii are chosen from a curve of recall over false matches: README has
//! the table, the example `near-copies` makes it.

use crate::{Look, Views};
use plugin_search::Index;
use std::collections::BTreeMap;

/// When two pictures are near-copies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Radii {
    /// Bits of the waves, 0 to 64, for pictures as they are.
    pub plain: u32,
    /// Bits of all four hashes, 0 to 256, for pictures as they are.
    pub plain_all: u32,
    /// Bits of the waves, 0 to 64, for another view.
    pub view: u32,
    /// Bits of all four hashes, 0 to 256, for another view.
    pub view_all: u32,
}

impl Radii {
    /// Finds what was compressed, resized, cropped, mirrored, turned or made brighter. On the curve (the example's `--curve`)
    /// more recall costs many more false matches from here on, and 6/16 for both has half as many, but misses 18 % of the
    /// turned copies instead of 11 %.
    pub const USUAL: Self = Self { plain: 6, plain_all: 20, view: 8, view_all: 20 };
    /// With less than half the false matches; misses a quarter of the turned ones and one in seven of the brighter ones.
    pub const STRICT: Self = Self { plain: 6, plain_all: 16, view: 4, view_all: 14 };
}

impl Default for Radii {
    fn default() -> Self {
        Self::USUAL
    }
}

/// Pictures to find near-copies among. Adding one is cheap: 9 entries, about 700 bytes.
#[derive(Clone, Debug, Default)]
pub struct NearCopies {
    radii: Radii,
    plain: Vec<Look>,
    by_plain: Index,
    /// The edited views of all pictures, those of the first one first.
    edited: Vec<Look>,
    by_edited: Index,
}

impl NearCopies {
    /// No pictures yet.
    pub fn new(radii: Radii) -> Self {
        Self { radii, ..Self::default() }
    }

    /// How many pictures there are.
    pub fn len(&self) -> usize {
        self.plain.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.plain.is_empty()
    }

    /// Adds a picture. Returns its number: how many were there before it.
    pub fn insert(&mut self, views: &Views) -> u32 {
        self.plain.push(views.plain);
        for look in &views.edited {
            self.edited.push(*look);
            self.by_edited.insert(look.waves);
        }
        self.by_plain.insert(views.plain.waves)
    }

    /// The pictures that are near-copies, by number, with the bits of all four hashes between the views that fit best.
    pub fn find(&self, views: &Views) -> BTreeMap<u32, u32> {
        let Radii { plain, plain_all, view, view_all } = self.radii;
        let mut found = BTreeMap::new();
        let mut look = |seen: &Look, index: &Index, all: &[Look], each: u32, radius: u32, radius_all: u32| {
            for near in index.within(seen.waves, radius) {
                let Some(other) = all.get(near.id as usize) else { continue };
                if seen.is_near(other, radius, radius_all) {
                    let bits = seen.distance(other);
                    let best: &mut u32 = found.entry(near.id / each).or_insert(bits);
                    *best = bits.min(*best);
                }
            }
        };
        look(&views.plain, &self.by_plain, &self.plain, 1, plain, plain_all);
        look(&views.plain, &self.by_edited, &self.edited, views.edited.len() as u32, view, view_all);
        for seen in views.turned.iter().chain(&views.edited) {
            look(seen, &self.by_plain, &self.plain, 1, view, view_all);
        }
        found
    }
}

/// Whether two pictures are near-copies: what [`NearCopies::find`] says of them, without an index.
pub fn are_near(a: &Views, b: &Views, radii: &Radii) -> bool {
    let view = |a: &Look, b: &Look| a.is_near(b, radii.view, radii.view_all);
    a.plain.is_near(&b.plain, radii.plain, radii.plain_all)
        || a.turned.iter().chain(&a.edited).any(|seen| view(seen, &b.plain))
        || b.edited.iter().any(|seen| view(&a.plain, seen))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Some blobs on a slope; every seed is another picture.
    fn picture(seed: u64) -> Vec<u8> {
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
    fn a_mirrored_picture_is_found_and_others_are_not() {
        let mut near = NearCopies::new(Radii::default());
        for seed in 0..30 {
            assert_eq!(u64::from(near.insert(&Views::of(&picture(seed)).unwrap())), seed);
        }
        for seed in 0..30 {
            let found = near.find(&Views::of(&mirrored(&picture(seed))).unwrap());
            assert_eq!(found.into_keys().collect::<Vec<_>>(), [seed as u32]);
        }
        assert_eq!((near.len(), near.is_empty()), (30, false));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn the_index_finds_who_is_near(seeds in prop::collection::vec(0_u64..40, 2..12), by in 0_u32..3) {
            let radii = Radii { plain: 8 + by * 8, plain_all: 28 + by * 40, view: 6 + by * 8, view_all: 20 + by * 40 };
            let views: Vec<Views> = seeds.iter().map(|&seed| Views::of(&picture(seed)).unwrap()).collect();
            let mut near = NearCopies::new(radii);
            for one in &views {
                near.insert(one);
            }
            for one in &views {
                let found: Vec<u32> = near.find(one).into_keys().collect();
                let expected: Vec<u32> =
                    (0..).zip(&views).filter(|(_, other)| are_near(one, other, &radii)).map(|(id, _)| id).collect();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
