//! Multi-index hashing: Norouzi, Punjani, Fleet, "Fast Exact Search in Hamming Space with Multi-Index Hashing", IEEE
//! TPAMI 36(6), 2014, <https://arxiv.org/abs/1307.2982>.
//!
//! A hash is cut into four parts of 16 bits, and each part has a table of all hashes by that part. Two hashes that
//! differ in at most `4a + b` bits differ in at most `a` bits in one of the first `b + 1` parts, or in at most `a − 1`
//! in one of the others. So tables are looked at in rings: ring `r` holds what differs in exactly `r / 4` bits in part
//! `r % 4`, and after ring `r` all within distance `r` have been met. Where a ring would cost more than comparing with
//! every hash, that is done instead.

use crate::{Match, scan, scan_within};

const PARTS: usize = 4;
const PART_BITS: u32 = 16;
/// Up to so many hashes there are no tables: comparing with all is as quick.
const SMALL: usize = 20_000;
/// A look into a table costs as much as comparing with so many hashes in a row, and where the processor compares eight at once;
/// measured, see the example `bench-search`.
const LOOK: usize = 600;
const LOOK_OF_EIGHT: usize = 1500;

/// Hashes by one part of theirs. The hash itself lies in the table, so that a look does not leave it.
#[derive(Clone, Debug, Default)]
struct Bucket {
    hashes: Vec<u64>,
    ids: Vec<u32>,
}

/// Hashes to search among.
#[derive(Clone, Debug, Default)]
pub struct Index {
    hashes: Vec<u64>,
    /// One table a part, 65,536 buckets each; none while there are few hashes.
    tables: Vec<Vec<Bucket>>,
}

impl Index {
    /// An index without hashes.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Adds a hash. Returns its number: how many were there before it, up to 2³² − 1.
    pub fn insert(&mut self, hash: u64) -> u32 {
        let id = self.hashes.len() as u32;
        self.hashes.push(hash);
        if self.hashes.len() > SMALL {
            if self.tables.is_empty() {
                self.tables = vec![vec![Bucket::default(); 1 << PART_BITS]; PARTS];
                for (id, hash) in self.hashes.iter().enumerate() {
                    put(&mut self.tables, *hash, id as u32);
                }
            } else {
                put(&mut self.tables, hash, id);
            }
        }
        id
    }

    /// All within `radius` bits of `hash`, nearest first, then in the order they were inserted.
    pub fn within(&self, hash: u64, radius: u32) -> Vec<Match> {
        let rings = 0..=radius.min(u64::BITS);
        // Decided before the first look, or those until then would have been in vain.
        let cost = rings.clone().fold(0_usize, |cost, ring| cost.saturating_add(self.cost(ring)));
        if cost > self.hashes.len() {
            return scan_within(&self.hashes, hash, radius);
        }
        let mut found = Vec::new();
        for ring in rings {
            self.look(hash, ring, |of| {
                if of.distance <= radius {
                    found.push(of);
                }
            });
        }
        found.sort_unstable();
        found
    }

    /// The `count` nearest to `hash`, nearest first, then in the order they were inserted; fewer when there are fewer.
    pub fn nearest(&self, hash: u64, count: usize) -> Vec<Match> {
        if count == 0 {
            return Vec::new();
        }
        let mut best = Nearest::new(count);
        let mut cost = 0;
        for ring in 0..=u64::BITS {
            cost += self.cost(ring);
            // How far the rings will have to go is not known, so they get half of what comparing with all costs.
            if cost > self.hashes.len() / 2 {
                return self.nearest_of_all(hash, count, best.bound);
            }
            self.look(hash, ring, |of| best.offer(of));
            // All within `ring` bits have been met, and others too.
            if best.is_full() && best.bound <= ring {
                break;
            }
        }
        best.sorted()
    }

    /// Comparing with all; so many are known to lie within `bound` bits.
    fn nearest_of_all(&self, hash: u64, count: usize, bound: u32) -> Vec<Match> {
        let mut best = Nearest { bound, ..Nearest::new(count) };
        scan::nearer(&self.hashes, hash, bound, |id, distance| {
            best.offer(Match { distance, id: id as u32 });
            best.bound
        });
        best.sorted()
    }

    /// What a ring costs, in comparisons in a row.
    fn cost(&self, ring: u32) -> usize {
        if self.tables.is_empty() {
            return self.hashes.len() + 1;
        }
        let looks = choose(PART_BITS, ring / PARTS as u32);
        let look = if scan::counts_eight() { LOOK_OF_EIGHT } else { LOOK };
        looks.saturating_mul(look + (self.hashes.len() >> PART_BITS))
    }

    /// Calls `found` with every hash of a ring that was in no ring before.
    fn look(&self, hash: u64, ring: u32, mut found: impl FnMut(Match)) {
        let (part, bits) = (ring as usize % PARTS, ring / PARTS as u32);
        let Some(table) = self.tables.get(part) else { return };
        for mask in masks(bits) {
            let bucket = &table[of(hash, part) ^ mask];
            // Numbers lie apart from the hashes, and are only fetched for what is found.
            for (other, at) in bucket.hashes.iter().zip(0..) {
                let difference = other ^ hash;
                let ring_of = |part: usize| of(difference, part).count_ones() * PARTS as u32 + part as u32;
                if (0..PARTS).all(|part| ring_of(part) >= ring) {
                    found(Match { distance: difference.count_ones(), id: bucket.ids[at] });
                }
            }
        }
    }
}

/// The nearest so far.
struct Nearest {
    count: usize,
    /// No farther one is of use: `count` have been met within so many bits.
    bound: u32,
    at_distance: [usize; 65],
    found: Vec<Match>,
}

impl Nearest {
    const fn new(count: usize) -> Self {
        Self { count, bound: u64::BITS, at_distance: [0; 65], found: Vec::new() }
    }

    fn offer(&mut self, of: Match) {
        if of.distance > self.bound {
            return;
        }
        self.found.push(of);
        self.at_distance[of.distance as usize] += 1;
        // Far ones are dropped now and then, and the bound drawn closer.
        if self.found.len() >= 2 * self.count + 64 || of.distance < self.bound && self.found.len() == self.count {
            self.tighten();
        }
    }

    fn tighten(&mut self) {
        let mut met = 0;
        let bound = self.at_distance.iter().position(|at| {
            met += at;
            met >= self.count
        });
        self.bound = bound.map_or(self.bound, |bound| bound as u32);
        let bound = self.bound;
        self.found.retain(|of| of.distance <= bound);
        self.at_distance[bound as usize + 1..].fill(0);
        // Of those at the bound, more than are needed may be left: the first of them count.
        if self.found.len() > 2 * self.count {
            self.found.sort_unstable();
            self.found.truncate(self.count);
            self.at_distance.fill(0);
            for of in &self.found {
                self.at_distance[of.distance as usize] += 1;
            }
        }
    }

    fn is_full(&mut self) -> bool {
        self.tighten();
        self.found.len() >= self.count
    }

    fn sorted(mut self) -> Vec<Match> {
        self.found.sort_unstable();
        self.found.truncate(self.count);
        self.found
    }
}

fn put(tables: &mut [Vec<Bucket>], hash: u64, id: u32) {
    for (part, table) in tables.iter_mut().enumerate() {
        let bucket = &mut table[of(hash, part)];
        bucket.hashes.push(hash);
        bucket.ids.push(id);
    }
}

/// A part of a hash.
const fn of(hash: u64, part: usize) -> usize {
    (hash >> (part as u32 * PART_BITS)) as usize & 0xFFFF
}

/// Every number of 16 bits that has `bits` ones, in growing order: Gosper's hack (HAKMEM 175).
fn masks(bits: u32) -> impl Iterator<Item = usize> {
    let first = (bits <= PART_BITS).then(|| (1_usize << bits) - 1);
    std::iter::successors(first, |&mask| {
        if mask == 0 {
            return None;
        }
        let low = mask & mask.wrapping_neg();
        let ripple = mask + low;
        let next = (((ripple ^ mask) >> 2) / low) | ripple;
        (next >> PART_BITS == 0).then_some(next)
    })
}

/// How many ways there are to choose `k` of `n`; 0 when there are too few.
fn choose(n: u32, k: u32) -> usize {
    if k > n { 0 } else { (0..k).fold(1_usize, |ways, i| ways * (n - i) as usize / (i + 1) as usize) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn brute(hashes: &[u64], hash: u64) -> Vec<Match> {
        let of = |(id, other): (usize, &u64)| Match { distance: (other ^ hash).count_ones(), id: id as u32 };
        let mut all: Vec<Match> = hashes.iter().enumerate().map(of).collect();
        all.sort_unstable();
        all
    }

    /// An index that has its tables however few there are.
    fn with_tables(hashes: &[u64]) -> Index {
        let mut index = Index { hashes: Vec::new(), tables: vec![vec![Bucket::default(); 1 << PART_BITS]; PARTS] };
        for (id, &hash) in hashes.iter().enumerate() {
            index.hashes.push(hash);
            put(&mut index.tables, hash, id as u32);
        }
        index
    }

    /// Every ring up to `radius`, whatever it costs.
    fn by_rings(index: &Index, hash: u64, radius: u32) -> Vec<Match> {
        let mut found = Vec::new();
        for ring in 0..=radius {
            index.look(hash, ring, |of| found.push(of));
        }
        found.retain(|of| of.distance <= radius);
        found.sort_unstable();
        found
    }

    /// Hashes as images have them: some random, most a few bits from another.
    fn hashes() -> impl Strategy<Value = Vec<u64>> {
        let bits = prop::collection::vec(0_u32..64, 0..14);
        prop::collection::vec((any::<u64>(), bits, any::<bool>()), 1..200).prop_map(|parts| {
            let mut hashes: Vec<u64> = Vec::new();
            for (random, bits, fresh) in parts {
                let base = if fresh { None } else { hashes.get(random as usize % hashes.len().max(1)).copied() };
                hashes.push(bits.iter().fold(base.unwrap_or(random), |hash, bit| hash ^ (1 << bit)));
            }
            hashes
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn rings_find_what_brute_force_finds(hashes in hashes(), flips in any::<u64>(), radius in 0_u32..16) {
            let index = with_tables(&hashes);
            let hash = hashes[flips as usize % hashes.len()] ^ (flips & flips.rotate_left(17) & flips.rotate_left(31));
            let mut expected = brute(&hashes, hash);
            expected.retain(|of| of.distance <= radius);
            prop_assert_eq!(&by_rings(&index, hash, radius), &expected);
            prop_assert_eq!(&index.within(hash, radius), &expected);
        }

        #[test]
        fn the_nearest_are_those_of_brute_force(hashes in hashes(), hash in any::<u64>(), count in 0_usize..220) {
            let mut expected = brute(&hashes, hash);
            expected.truncate(count);
            prop_assert_eq!(&with_tables(&hashes).nearest(hash, count), &expected);
            let mut small = Index::new();
            for hash in &hashes {
                small.insert(*hash);
            }
            prop_assert_eq!(&small.nearest(hash, count), &expected);
        }
    }

    #[test]
    fn growing_past_the_small_loses_none() {
        let hash = |i: u64| i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut index = Index::new();
        let mut all = Vec::new();
        for i in 0..SMALL as u64 + 3_000 {
            assert_eq!(index.insert(hash(i)), i as u32);
            all.push(hash(i));
        }
        assert_eq!(index.len(), all.len());
        for i in [0, 7, SMALL as u64 - 1, SMALL as u64, SMALL as u64 + 2_999] {
            let near = hash(i) ^ 0b1001;
            let mut expected = brute(&all, near);
            assert_eq!(index.nearest(near, 5), expected[..5]);
            expected.retain(|of| of.distance <= 9);
            assert_eq!(index.within(near, 9), expected);
        }
    }

    #[test]
    fn masks_are_all_and_only_those_with_so_many_ones() {
        for bits in 0..=17 {
            let masks: Vec<usize> = masks(bits).collect();
            assert!(masks.iter().all(|m| m.count_ones() == bits && *m < 1 << 16));
            assert!(masks.is_sorted_by(|a, b| a < b));
            assert_eq!(masks.len(), choose(16, bits), "{bits}");
        }
    }
}
