//! Messages by credit: asks for a few, then for one more with each that arrives, and again when nothing comes.
//!
//! The queues between hold as many messages as credits allow, so that none is dropped; one that is lost all the same is asked for
//! again. `dataset` answers a [`Demand`] the same way however often it is asked.

use plugin_api::edges::{BatchHeader, Demand};
use plugin_api::{Header, Selection};
use std::time::{Duration, Instant};

/// Messages on their way at most.
const CREDITS: u64 = 4;
/// Silence after which what is missing is asked for again.
const SILENCE: Duration = Duration::from_secs(10);

/// A stream of numbered messages: the columns of a [`Demand`] but for the range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Who asks, a run's id or a name that no other asker has. Answers carry it as their session.
    pub session: String,
    /// Version of the data set.
    pub version: u64,
    /// Number of the epoch, from 0.
    pub epoch: u64,
    /// Seed of the run.
    pub seed: u64,
    /// Images of which subset, or records.
    pub split: Selection,
    /// Rows a message.
    pub batch_size: u32,
    /// Augmentations that are left out, comma-separated.
    pub withheld: String,
    /// Whether decisions are wanted instead of augmented images.
    pub decisions: bool,
    /// Images whose digest sorts before it come without pixels.
    pub held_below: String,
}

impl Wanted {
    /// Whether a message was asked for as this one is.
    fn is_answered_by(&self, of: &BatchHeader) -> bool {
        of.version == self.version
            && of.epoch == self.epoch
            && of.seed == self.seed
            && of.split == self.split
            && of.withheld == self.withheld
            && of.decisions == self.decisions
            && of.held_below == self.held_below
    }
}

/// The messages of a stream as they arrive, in order.
#[derive(Clone, Debug)]
pub struct Pull {
    wanted: Wanted,
    /// Messages wanted at most.
    limit: u64,
    /// The first message that has not come.
    next: u64,
    /// The first that has not been asked for.
    asked: u64,
    /// How many there are, once the first has come.
    total: Option<u64>,
    /// When something was asked for or came last.
    last_heard: Instant,
}

impl Pull {
    /// Nothing has been asked for yet.
    pub fn new(wanted: Wanted, now: Instant) -> Self {
        Self { wanted, limit: u64::MAX, next: 0, asked: 0, total: None, last_heard: now }
    }

    /// Of the same stream only the first so many messages, at least 1.
    pub fn at_most(self, limit: u64) -> Self {
        Self { limit, ..self }
    }

    /// Version of the data set.
    pub fn version(&self) -> u64 {
        self.wanted.version
    }

    /// What to ask for now; `None` while enough is on its way. `is_idle`: nothing that came waits to be looked at.
    pub fn demand(&mut self, is_idle: bool, now: Instant) -> Option<Demand> {
        if self.is_complete() {
            return None;
        }
        if is_idle && now.saturating_duration_since(self.last_heard) >= SILENCE {
            let Wanted { session, version, split, .. } = &self.wanted;
            tracing::warn!(session, version, %split, message = self.next, "nothing came for 10 s; asking again");
            self.ask_again(now);
        }
        let end = (self.next + CREDITS).min(self.total.unwrap_or(self.limit));
        if self.asked >= end {
            return None;
        }
        let first = std::mem::replace(&mut self.asked, end);
        self.last_heard = now;
        let wanted = &self.wanted;
        Some(Demand {
            run: vec![&wanted.session[..]].into(),
            version: vec![wanted.version].into(),
            epoch: vec![wanted.epoch].into(),
            seed: vec![wanted.seed].into(),
            split: vec![wanted.split.to_string()].into(),
            batch_size: vec![wanted.batch_size].into(),
            first: vec![first].into(),
            count: vec![end - first].into(),
            withheld: vec![&wanted.withheld[..]].into(),
            decisions: vec![wanted.decisions].into(),
            held_below: vec![&wanted.held_below[..]].into(),
        })
    }

    /// What is on its way may be lost: whoever was to answer has been started again.
    pub fn ask_again(&mut self, now: Instant) {
        self.asked = self.next;
        self.last_heard = now;
    }

    /// Something was worked on until `now`: before that, silence means nothing.
    pub fn busy_until(&mut self, now: Instant) {
        self.last_heard = now;
    }

    /// What is said of a message that is the next one, which then counts as come. Any other is to be ignored: `None`.
    pub fn accept(&mut self, header: &Header, now: Instant) -> Option<BatchHeader> {
        if self.is_complete() || header.session != self.wanted.session || header.seq != self.next {
            return None;
        }
        let of = match header.get::<BatchHeader>() {
            Ok(of) => of,
            Err(error) => {
                tracing::warn!(session = header.session, seq = header.seq, %error, "a message is ignored");
                return None;
            }
        };
        if !self.wanted.is_answered_by(&of) {
            return None;
        }
        self.next += 1;
        self.asked = self.asked.max(self.next);
        self.last_heard = now;
        // A split without images is one empty message.
        let total = if header.fin { self.next } else { of.batches.max(1) };
        self.total = Some(total.min(self.limit));
        Some(of)
    }

    /// Messages that have come.
    pub fn arrived(&self) -> u64 {
        self.next
    }

    /// Messages there are, once the first has come.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Every message has come.
    pub fn is_complete(&self) -> bool {
        self.total.is_some_and(|total| self.next >= total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::{Split, Subset};

    fn pull(now: Instant) -> Pull {
        let wanted = Wanted {
            session: "r".to_owned(),
            version: 3,
            epoch: 1,
            seed: 9,
            split: Selection::default(),
            batch_size: 8,
            withheld: String::new(),
            decisions: false,
            held_below: String::new(),
        };
        Pull::new(wanted, now)
    }

    fn of(batches: u64) -> BatchHeader {
        BatchHeader { version: 3, epoch: 1, seed: 9, batches, ..BatchHeader::default() }
    }

    fn header(seq: u64, batches: u64) -> Header {
        Header::new("r", seq).with(&of(batches)).fin(seq + 1 >= batches)
    }

    fn accepts(pull: &mut Pull, header: &Header, now: Instant) -> bool {
        pull.accept(header, now).is_some()
    }

    fn asked(pull: &mut Pull, now: Instant) -> Option<(u64, u64)> {
        pull.demand(true, now).map(|d| (d.first.value(0), d.count.value(0)))
    }

    #[test]
    fn four_at_first_then_one_for_each_and_none_beyond_the_end() {
        let now = Instant::now();
        let mut pull = pull(now);
        assert_eq!(asked(&mut pull, now), Some((0, 4)));
        assert_eq!(asked(&mut pull, now), None);
        let mut seen = Vec::new();
        for seq in 0..6 {
            assert!(!pull.is_complete());
            assert!(accepts(&mut pull, &header(seq, 6), now));
            seen.extend(asked(&mut pull, now));
        }
        assert_eq!(seen, [(4, 1), (5, 1)]);
        assert!(pull.is_complete());
        assert_eq!(asked(&mut pull, now + SILENCE), None, "nothing is missing");
    }

    #[test]
    fn silence_asks_again_from_the_first_missing() {
        let now = Instant::now();
        let later = now + SILENCE;
        let mut pull = pull(now);
        asked(&mut pull, now);
        assert!(accepts(&mut pull, &header(0, 9), now));
        assert_eq!(asked(&mut pull, now), Some((4, 1)));
        assert_eq!(asked(&mut pull, now + SILENCE / 2), None);
        assert!(pull.demand(false, later).is_none(), "busy is not silent");
        assert_eq!(asked(&mut pull, later), Some((1, 4)));
        assert_eq!(asked(&mut pull, later), None, "asking counts as a sign of life");
        pull.ask_again(later);
        assert_eq!(asked(&mut pull, later), Some((1, 4)), "a node upstream was started again");
        pull.busy_until(later + SILENCE);
        assert_eq!(asked(&mut pull, later + SILENCE), None, "it was worked until now");
    }

    #[test]
    fn what_was_not_asked_for_or_came_already_is_ignored() {
        let now = Instant::now();
        let mut pull = pull(now);
        assert!(!accepts(&mut pull, &header(1, 6), now), "too early");
        let validation = Selection::Images(Subset::Split(Split::Validation));
        for other in [
            BatchHeader { epoch: 0, ..of(6) },
            BatchHeader { version: 4, ..of(6) },
            BatchHeader { seed: 1, ..of(6) },
            BatchHeader { split: validation, ..of(6) },
            BatchHeader { withheld: "all".to_owned(), ..of(6) },
            BatchHeader { decisions: true, ..of(6) },
            BatchHeader { held_below: "ab".to_owned(), ..of(6) },
        ] {
            assert!(!accepts(&mut pull, &header(0, 6).with(&other), now), "{other:?}");
        }
        assert!(!accepts(&mut pull, &Header::new("another", 0).with(&of(6)), now));
        assert!(!accepts(&mut pull, &Header::new("r", 0), now), "it says nothing");
        assert!(accepts(&mut pull, &header(0, 6), now));
        assert!(!accepts(&mut pull, &header(0, 6), now), "a repetition");
        assert_eq!((pull.arrived(), pull.total()), (1, Some(6)));
    }

    #[test]
    fn a_split_without_images_is_one_message() {
        let now = Instant::now();
        let mut pull = pull(now);
        assert!(accepts(&mut pull, &header(0, 0).fin(false), now));
        assert!(pull.is_complete());
    }

    #[test]
    fn records_end_with_their_last_message() {
        let now = Instant::now();
        let mut pull = pull(now);
        let record = |seq| header(seq, 9);
        assert!(accepts(&mut pull, &record(0), now) && !pull.is_complete());
        assert!(
            !accepts(&mut pull, &record(1).with(&BatchHeader { version: 2, ..of(9) }), now),
            "of an earlier version"
        );
        assert!(accepts(&mut pull, &record(1).fin(true), now) && pull.is_complete());
    }

    #[test]
    fn no_more_than_the_limit_is_asked_for() {
        let now = Instant::now();
        assert_eq!(asked(&mut pull(now).at_most(2), now), Some((0, 2)));
        let mut pull = pull(now).at_most(6);
        assert_eq!(asked(&mut pull, now), Some((0, 4)));
        for seq in 0..6 {
            assert!(!pull.is_complete() && accepts(&mut pull, &header(seq, 9), now));
            assert_eq!(asked(&mut pull, now), (seq + 4 < 6).then_some((seq + 4, 1)));
        }
        assert!(pull.is_complete());
    }
}
