//! Which block reads which, and where branches meet.

use crate::project::Network;
use std::collections::BTreeSet;

/// Links of a network by places of blocks.
#[derive(Clone, Debug)]
pub struct Order {
    /// What each block reads, by input.
    pub reads: Vec<Vec<usize>>,
    /// What reads each block.
    pub read_by: Vec<Vec<usize>>,
    /// Each block's place in an order in which it comes after all that it reads; `None` in a loop.
    rank: Vec<Option<usize>>,
}

impl Order {
    /// Of a network. Of links to one block, those of lower inputs come first, then those written first.
    pub fn new(network: &Network) -> Self {
        let count = network.layers.len();
        let (mut reads, mut read_by) = (vec![Vec::new(); count], vec![Vec::new(); count]);
        for link in &network.links {
            if let (Some(from), Some(to)) = (network.place(&link.from), network.place(&link.to)) {
                reads[to].push((link.pin, from));
                read_by[from].push(to);
            }
        }
        let reads: Vec<Vec<usize>> = reads
            .into_iter()
            .map(|mut inputs: Vec<(usize, usize)>| {
                inputs.sort_by_key(|(pin, _)| *pin);
                inputs.into_iter().map(|(_, from)| from).collect()
            })
            .collect();
        let (mut rank, mut waiting) = (vec![None; count], reads.iter().map(Vec::len).collect::<Vec<_>>());
        let mut ready: Vec<usize> = (0..count).rev().filter(|place| waiting[*place] == 0).collect();
        let mut next = 0;
        while let Some(place) = ready.pop() {
            rank[place] = Some(next);
            next += 1;
            for reader in &read_by[place] {
                waiting[*reader] -= 1;
                if waiting[*reader] == 0 {
                    ready.push(*reader);
                }
            }
        }
        Self { reads, read_by, rank }
    }

    /// A block that reads what comes of itself.
    pub fn in_a_loop(&self) -> Option<usize> {
        self.rank.iter().position(Option::is_none)
    }

    /// A block and all that it depends on.
    pub fn before(&self, end: usize) -> BTreeSet<usize> {
        reached(end, &self.reads, None)
    }

    /// Blocks on the way from one to another, both included; without `without`.
    pub fn between(&self, start: usize, end: usize, without: Option<usize>) -> BTreeSet<usize> {
        let after = reached(start, &self.read_by, without);
        let before = reached(end, &self.reads, without);
        after.intersection(&before).copied().collect()
    }

    /// The first block after `start` through which all ways to `end` go.
    pub fn meeting(&self, start: usize, end: usize) -> Option<usize> {
        let mut on_the_way: Vec<usize> = self.between(start, end, None).into_iter().filter(|p| *p != start).collect();
        on_the_way.sort_by_key(|place| self.rank[*place]);
        on_the_way.into_iter().find(|place| *place == end || self.between(start, end, Some(*place)).is_empty())
    }

    /// The last block after `start` on which all of `ends` depend.
    pub fn common(&self, start: usize, ends: &[usize]) -> Option<usize> {
        let mut shared: Option<BTreeSet<usize>> = None;
        for end in ends {
            let way: BTreeSet<usize> = self.between(start, *end, None).into_iter().filter(|p| *p != start).collect();
            shared = Some(match shared {
                Some(shared) => shared.intersection(&way).copied().collect(),
                None => way,
            });
        }
        shared?.into_iter().max_by_key(|place| self.rank[*place])
    }

    /// Blocks in an order in which each comes after all that it reads.
    pub fn ranked(&self, places: BTreeSet<usize>) -> Vec<usize> {
        let mut places: Vec<usize> = places.into_iter().collect();
        places.sort_by_key(|place| self.rank[*place]);
        places
    }

    /// Length of the longest way to a block.
    pub fn depth(&self, place: usize) -> usize {
        let ordered = self.ranked(self.before(place));
        let mut depth = vec![0_usize; self.reads.len()];
        for at in ordered {
            depth[at] = self.reads[at].iter().map(|input| depth[*input] + 1).max().unwrap_or(0);
        }
        depth[place]
    }
}

/// Blocks that can be reached from one, itself included, without going through `without`.
fn reached(from: usize, next: &[Vec<usize>], without: Option<usize>) -> BTreeSet<usize> {
    let (mut reached, mut open) = (BTreeSet::from([from]), vec![from]);
    while let Some(place) = open.pop() {
        for other in &next[place] {
            if Some(*other) != without && reached.insert(*other) {
                open.push(*other);
            }
        }
    }
    reached
}
