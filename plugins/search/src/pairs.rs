//! Which of many are near each other.

use crate::index::Index;
use crate::scan;

/// Two hashes that are near each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// Place of the first in the list.
    pub first: u32,
    /// Place of the second; later than the first.
    pub second: u32,
    /// Bits in which they differ, 0 to 64.
    pub distance: u32,
}

/// From so many on, an index is built first.
const MANY: usize = 60_000;

/// Every pair of `hashes` within `radius` bits, sorted.
pub fn pairs_within(hashes: &[u64], radius: u32) -> Vec<Pair> {
    let mut pairs = Vec::new();
    if hashes.len() < MANY {
        for (first, &hash) in hashes.iter().enumerate() {
            scan::within(&hashes[first + 1..], hash, radius, |at, distance| {
                pairs.push(Pair { first: first as u32, second: (first + 1 + at) as u32, distance });
            });
        }
        return pairs;
    }
    let mut index = Index::new();
    for &hash in hashes {
        for found in index.within(hash, radius) {
            pairs.push(Pair { first: found.id, second: index.len() as u32, distance: found.distance });
        }
        index.insert(hash);
    }
    pairs.sort_unstable();
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn brute(hashes: &[u64], radius: u32) -> Vec<Pair> {
        let mut pairs = Vec::new();
        for (first, a) in hashes.iter().enumerate() {
            for (second, b) in hashes.iter().enumerate().skip(first + 1) {
                let distance = (a ^ b).count_ones();
                if distance <= radius {
                    pairs.push(Pair { first: first as u32, second: second as u32, distance });
                }
            }
        }
        pairs
    }

    proptest! {
        #[test]
        fn pairs_are_those_of_brute_force(
            hashes in prop::collection::vec(any::<u64>().prop_map(|h| h & 0xFF0F_0000_00F0_0003), 0..600),
            radius in 0_u32..20,
        ) {
            prop_assert_eq!(pairs_within(&hashes, radius), brute(&hashes, radius));
        }
    }

    #[test]
    fn many_are_paired_as_few_are() {
        // 60,000 hashes far from each other, and five that are not.
        let mut hashes: Vec<u64> = (0..MANY as u64).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect();
        for i in [3, 500, 20_001, 40_000, 59_000] {
            hashes[i] = u64::MAX << (i % 7);
        }
        let few: Vec<u64> = hashes.iter().copied().filter(|h| (h ^ u64::MAX).count_ones() <= 8).collect();
        let expected = brute(&few, 2).len();
        let near = |pair: &&Pair| (hashes[pair.first as usize] ^ u64::MAX).count_ones() <= 8;
        let pairs = pairs_within(&hashes, 2);
        assert!(pairs.is_sorted() && pairs.iter().all(|p| p.first < p.second));
        assert!(expected > 0);
        assert_eq!(pairs.iter().filter(near).count(), expected);
    }
}
