//! Exact search among 64-bit hashes by Hamming distance: who is near, who is nearest, which pairs are near, and which
//! groups that makes.
//!
//! - [`Index`]: one against many, by radius or by number; adding one is cheap.
//! - [`pairs_within`]: many against each other.
//! - [`Union`]: groups from pairs.
//!
//! All answers are exact: the same as those of comparing with every hash there is.

mod index;
mod pairs;
mod scan;
mod union;

pub use index::Index;
pub use pairs::{Pair, pairs_within};
pub use union::Union;

/// A hash that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Match {
    /// Bits in which it differs from what was asked for, 0 to 64.
    pub distance: u32,
    /// Its number: how many were inserted before it.
    pub id: u32,
}

/// All of `hashes` within `radius` bits of `hash`, nearest first, then by place: by comparing with every one of them. For a
/// list that is asked once.
pub fn scan_within(hashes: &[u64], hash: u64, radius: u32) -> Vec<Match> {
    let mut found = Vec::new();
    scan::within(hashes, hash, radius, |id, distance| found.push(Match { distance, id: id as u32 }));
    found.sort_unstable();
    found
}
