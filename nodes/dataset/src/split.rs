//! Which split a picture belongs to: decided once, by the digest of its group, never moved.
//!
//! A group holds pictures that look the same. A new picture joins the group of the nearest one already known, when
//! their perceptual and difference hashes are both near; else it founds a group. So near-copies never sit on both
//! sides, and the test set only grows.

use std::collections::HashMap;

/// The three parts of the data set.
pub const SPLITS: [&str; 3] = ["train", "validation", "test"];

/// How the parts are cut.
#[derive(Clone, Copy, Debug)]
pub struct Shares {
    /// Percent.
    pub validation: u32,
    /// Percent.
    pub test: u32,
}

/// The split of a group, from its digest alone.
///
/// The first 32 bits of the BLAKE3 digest are uniform, so the shares hold for large sets.
pub fn split_of(group: &str, shares: Shares) -> &'static str {
    let bits = u32::from_str_radix(group.get(..8).unwrap_or_default(), 16).unwrap_or_default();
    let percent = (u64::from(bits) * 100) >> 32;
    match percent as u32 {
        p if p < shares.test => SPLITS[2],
        p if p < shares.test + shares.validation => SPLITS[1],
        _ => SPLITS[0],
    }
}

/// Hashes of the pictures known, to find the group of a new one.
///
/// A scan: 100,000 pictures take about 50 µs.
#[derive(Debug, Default)]
pub struct Groups {
    hashes: Vec<(u64, u64, u32)>,
    names: Vec<(String, String)>,
    by_name: HashMap<String, u32>,
}

impl Groups {
    /// Adds a picture to a group that has a split already.
    pub fn insert(&mut self, phash: u64, dhash: u64, group: &str, split: &str) {
        let next = self.names.len() as u32;
        let index = *self.by_name.entry(group.to_owned()).or_insert(next);
        if index == next {
            self.names.push((group.to_owned(), split.to_owned()));
        }
        self.hashes.push((phash, dhash, index));
    }

    /// Group and split of the nearest picture within `near` bits of the perceptual hash and `near + 2` of the
    /// difference hash. Pictures without structure (all bits alike) are near to nothing.
    pub fn near(&self, phash: u64, dhash: u64, near: u32) -> Option<(&str, &str)> {
        let plain = |hash: u64| hash.count_ones() < 4 || hash.count_zeros() < 4;
        if near == 0 || plain(phash) || plain(dhash) {
            return None;
        }
        let distance = |&(p, d, index): &(u64, u64, u32)| {
            let (p, d) = ((p ^ phash).count_ones(), (d ^ dhash).count_ones());
            (p <= near && d <= near + 2).then_some((p + d, index))
        };
        let (_, index) = self.hashes.iter().filter_map(distance).min()?;
        self.names.get(index as usize).map(|(group, split)| (group.as_str(), split.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARES: Shares = Shares { validation: 15, test: 15 };

    #[test]
    fn shares_hold_and_are_decided_by_the_digest() {
        let digests: Vec<String> =
            (0..10_000u32).map(|i| blake3::hash(&i.to_le_bytes()).to_hex().to_string()).collect();
        let count = |split| digests.iter().filter(|d| split_of(d, SHARES) == split).count();
        assert!((1_350..1_650).contains(&count("test")), "{}", count("test"));
        assert!((1_350..1_650).contains(&count("validation")), "{}", count("validation"));
        assert_eq!(split_of(&digests[0], SHARES), split_of(&digests[0], SHARES));
    }

    #[test]
    fn a_near_copy_joins_the_group_and_a_stranger_does_not() {
        let mut groups = Groups::default();
        let (p, d) = (0x0f0f_1234_5678_9abc, 0x00ff_4321_8765_cba9);
        groups.insert(p, d, "aa", "test");
        assert_eq!(groups.near(p ^ 0b101, d ^ 1, 4), Some(("aa", "test")));
        assert_eq!(groups.near(p ^ 0xffff, d, 4), None);
        assert_eq!(groups.near(p, d, 0), None);
        assert_eq!(groups.near(0, 0, 4), None, "plain pictures are near to nothing");
    }
}
