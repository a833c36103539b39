//! Batches by credit: asks for four, then for one more with each that arrives, and again when nothing comes.

use arrow::array::{StringArray, UInt32Array, UInt64Array};
use plugin_api::edges::Demand;
use plugin_api::{Subset, Tag};
use plugin_augment::Withheld;
use std::time::{Duration, Instant};

/// Batches on their way at most.
const CREDITS: u64 = 4;
/// Silence after which it asks again.
const SILENCE: Duration = Duration::from_secs(10);

/// Which batches are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The run.
    pub run: String,
    /// Version of the data set.
    pub version: u64,
    /// Epoch, from 0.
    pub epoch: u64,
    /// Seed of the run.
    pub seed: u64,
    /// Of which images.
    pub subset: Subset,
    /// Pictures a batch.
    pub batch_size: u32,
    /// Augmentations that are left out.
    pub withheld: Withheld,
}

/// One epoch of one split as it arrives.
pub struct Fetch {
    wanted: Wanted,
    /// The first batch that is missing.
    next: u64,
    /// The first that has not been asked for.
    asked: u64,
    /// How many there are, once known.
    batches: Option<u64>,
    heard: Instant,
}

impl Fetch {
    /// Wants all batches of an epoch.
    pub fn new(wanted: Wanted, now: Instant) -> Self {
        Self { wanted, next: 0, asked: 0, batches: None, heard: now }
    }

    /// What to ask for now. `idle`: nothing that came is waiting to be looked at.
    pub fn demand(&mut self, idle: bool, now: Instant) -> Option<Demand> {
        if idle && now.saturating_duration_since(self.heard) >= SILENCE {
            tracing::warn!(run = self.wanted.run, batch = self.next, "no batch for 10 s; asking again");
            self.again(now);
        }
        let end = (self.next + CREDITS).min(self.batches.unwrap_or(u64::MAX));
        if self.asked >= end {
            return None;
        }
        let first = std::mem::replace(&mut self.asked, end);
        let wanted = &self.wanted;
        Some(Demand {
            run: StringArray::from(vec![&wanted.run[..]]),
            version: UInt64Array::from(vec![wanted.version]),
            epoch: UInt64Array::from(vec![wanted.epoch]),
            seed: UInt64Array::from(vec![wanted.seed]),
            split: StringArray::from(vec![wanted.subset.to_string()]),
            batch_size: UInt32Array::from(vec![wanted.batch_size]),
            first: UInt64Array::from(vec![first]),
            count: UInt64Array::from(vec![end - first]),
            withheld: StringArray::from(vec![wanted.withheld.to_string()]),
        })
    }

    /// What was asked for may be lost: ask again from the first missing batch.
    pub fn again(&mut self, now: Instant) {
        self.asked = self.next;
        self.heard = now;
    }

    /// Whether a batch is the next one. Any other is to be ignored.
    pub fn accept(&mut self, tag: &Tag, now: Instant) -> bool {
        let wanted = &self.wanted;
        let due = tag.session == wanted.run
            && tag.seq == self.next
            && Subset::parse(tag.text("split")) == Some(wanted.subset)
            && tag.number("epoch") == Some(wanted.epoch)
            && tag.number("version") == Some(wanted.version)
            && tag.number("seed") == Some(wanted.seed)
            && tag.text("withheld") == wanted.withheld.to_string();
        if due {
            // A split without pictures is one empty message.
            self.batches = Some(tag.number("batches").unwrap_or_default().max(1));
            self.next += 1;
            self.heard = now;
        }
        due
    }

    /// Batches that have come.
    pub fn arrived(&self) -> u64 {
        self.next
    }

    /// Batches of the epoch, once the first has come.
    pub fn batches(&self) -> Option<u64> {
        self.batches
    }

    /// Every batch has come.
    pub fn complete(&self) -> bool {
        self.batches.is_some_and(|n| self.next >= n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::Split;

    fn fetch(now: Instant) -> Fetch {
        let run = "r".to_owned();
        Fetch::new(
            Wanted {
                run,
                version: 3,
                epoch: 1,
                seed: 9,
                subset: Subset::Split(Split::Train),
                batch_size: 8,
                withheld: Withheld::none(),
            },
            now,
        )
    }

    fn tag(seq: u64, batches: u64) -> Tag {
        let tag = Tag::new("r", seq).with("epoch", 1).with("version", 3).with("seed", 9).with("split", "train");
        tag.with("batches", batches)
    }

    fn asked(demand: Option<Demand>) -> Option<(u64, u64)> {
        demand.map(|d| (d.first.value(0), d.count.value(0)))
    }

    #[test]
    fn four_at_first_then_one_for_each_and_none_beyond_the_end() {
        let now = Instant::now();
        let mut fetch = fetch(now);
        assert_eq!(asked(fetch.demand(true, now)), Some((0, 4)));
        assert_eq!(asked(fetch.demand(true, now)), None);
        let mut seen = Vec::new();
        for seq in 0..6 {
            assert!(!fetch.complete());
            assert!(fetch.accept(&tag(seq, 6), now));
            seen.extend(asked(fetch.demand(true, now)));
        }
        assert_eq!(seen, [(4, 1), (5, 1)]);
        assert!(fetch.complete());
    }

    #[test]
    fn silence_asks_again_from_the_first_missing() {
        let now = Instant::now();
        let later = now + SILENCE;
        let mut fetch = fetch(now);
        let _ = fetch.demand(true, now);
        assert!(fetch.accept(&tag(0, 6), now));
        let _ = fetch.demand(true, now);
        assert_eq!(asked(fetch.demand(false, later)), None, "busy is not silent");
        assert_eq!(asked(fetch.demand(true, later)), Some((1, 4)));
        assert_eq!(asked(fetch.demand(true, later)), None, "not at once again");
        fetch.again(later);
        assert_eq!(asked(fetch.demand(true, later)), Some((1, 4)), "a node upstream was started again");
    }

    #[test]
    fn what_was_not_asked_for_or_came_already_is_ignored() {
        let now = Instant::now();
        let mut fetch = fetch(now);
        assert!(!fetch.accept(&tag(1, 6), now), "too early");
        for (name, value) in
            [("epoch", "0"), ("version", "4"), ("seed", "1"), ("split", "validation"), ("withheld", "all")]
        {
            assert!(!fetch.accept(&tag(0, 6).with(name, value), now), "{name}");
        }
        assert!(fetch.accept(&tag(0, 6), now));
        assert!(!fetch.accept(&tag(0, 6), now), "a repetition");
    }

    #[test]
    fn a_split_without_pictures_is_one_message() {
        let now = Instant::now();
        let mut fetch = fetch(now);
        assert!(fetch.accept(&tag(0, 0), now));
        assert!(fetch.complete());
    }
}
