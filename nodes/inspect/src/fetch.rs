//! Records by credit: asks for a few messages, then for one more with each that arrives, and again when nothing comes.

use plugin_api::Tag;
use plugin_api::edges::Demand;
use std::time::{Duration, Instant};

/// Messages on their way at most.
const CREDITS: u64 = 4;
/// Rows a message.
const ROWS: u32 = 4_096;
/// Silence after which it asks again.
const SILENCE: Duration = Duration::from_secs(10);

/// The records of one version as they arrive.
pub struct Fetch {
    asker: String,
    version: u64,
    next: u64,
    asked: u64,
    messages: Option<u64>,
    heard: Instant,
}

impl Fetch {
    /// Wants all records of a version. `asker`: a name that no other fetch has.
    pub fn new(asker: String, version: u64, now: Instant) -> Self {
        Self { asker, version, next: 0, asked: 0, messages: None, heard: now }
    }

    /// The version.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// What to ask for now.
    pub fn demand(&mut self, now: Instant) -> Option<Demand> {
        if now.saturating_duration_since(self.heard) >= SILENCE {
            tracing::warn!(version = self.version, message = self.next, "no records for 10 s; asking again");
            self.again(now);
        }
        let end = (self.next + CREDITS).min(self.messages.unwrap_or(u64::MAX));
        if self.asked >= end {
            return None;
        }
        let first = std::mem::replace(&mut self.asked, end);
        Some(Demand {
            run: vec![&self.asker[..]].into(),
            version: vec![self.version].into(),
            epoch: vec![0].into(),
            seed: vec![0].into(),
            split: vec!["records"].into(),
            batch_size: vec![ROWS].into(),
            first: vec![first].into(),
            count: vec![end - first].into(),
            withheld: vec![""].into(),
        })
    }

    /// What was asked for may be lost.
    pub fn again(&mut self, now: Instant) {
        self.asked = self.next;
        self.heard = now;
    }

    /// Whether a message is the next one. Any other is to be ignored.
    pub fn accept(&mut self, tag: &Tag, now: Instant) -> bool {
        let due = tag.session == self.asker && tag.seq == self.next && tag.number("version") == Some(self.version);
        if due {
            self.next += 1;
            self.heard = now;
            if tag.fin {
                self.messages = Some(self.next);
            }
        }
        due
    }

    /// Every message has come.
    pub fn complete(&self) -> bool {
        self.messages == Some(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(demand: Option<Demand>) -> Option<(u64, u64)> {
        demand.map(|d| (d.first.value(0), d.count.value(0)))
    }

    #[test]
    fn credits_silence_and_strangers() {
        let now = Instant::now();
        let later = now + SILENCE;
        let mut fetch = Fetch::new("inspect-1".to_owned(), 3, now);
        let tag = |seq| Tag::new("inspect-1", seq).with("version", 3);
        assert_eq!(asked(fetch.demand(now)), Some((0, 4)));
        assert_eq!(asked(fetch.demand(now)), None);
        assert!(!fetch.accept(&tag(1), now), "too early");
        assert!(!fetch.accept(&Tag::new("inspect-0", 0).with("version", 3), now), "of an earlier start");
        assert!(!fetch.accept(&Tag::new("inspect-1", 0).with("version", 2), now), "of an earlier version");
        assert!(fetch.accept(&tag(0), now));
        assert!(!fetch.accept(&tag(0), now), "a repetition");
        assert_eq!(asked(fetch.demand(now)), Some((4, 1)));
        assert_eq!(asked(fetch.demand(later)), Some((1, 4)), "asks again after silence");
        assert!(fetch.accept(&tag(1), later) && !fetch.complete());
        assert!(fetch.accept(&tag(2).fin(true), later) && fetch.complete());
        assert_eq!(asked(fetch.demand(later)), None);
    }
}
