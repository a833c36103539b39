//! Asking `dataset` for the pictures of a split, batch after batch.

use plugin_api::Tag;
use plugin_api::edges::Demand;
use std::time::{Duration, Instant};

/// Batches that may be under way.
const WINDOW: u64 = 4;
/// When nothing has come for so long, what is missing is asked for again.
const SILENCE: Duration = Duration::from_secs(10);

/// What a split is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Models are compared on it: all of it.
    Test,
    /// Epochs are chosen by it and temperatures fitted on it: at most so many batches, which in order of digest are as
    /// good as drawn.
    Validation {
        /// At least 1.
        batches: u64,
    },
    /// Of a run that is judged by its cross-validation: to show the mistakes.
    Train,
}

impl Split {
    /// As messages name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Validation { .. } => "validation",
            Self::Train => "train",
        }
    }

    /// How many batches are wanted of a split that has `batches`.
    fn wanted(self, batches: u64) -> u64 {
        match self {
            Self::Test | Self::Train => batches,
            Self::Validation { batches: most } => batches.min(most),
        }
    }
}

/// The pictures of a split at one version of the data set, in order.
#[derive(Clone, Debug)]
pub struct HeldOut {
    run: String,
    version: u64,
    seed: u64,
    split: Split,
    batch_size: u32,
    /// The first batch that has not come.
    next: u64,
    /// Batches before this one have been asked for.
    asked: u64,
    /// How many there are, once that is known.
    total: Option<u64>,
    heard: Instant,
}

impl HeldOut {
    /// Nothing has been asked for yet.
    pub fn new(run: &str, version: u64, seed: u64, split: Split, batch_size: u32, now: Instant) -> Self {
        Self { run: run.to_owned(), version, seed, split, batch_size, next: 0, asked: 0, total: None, heard: now }
    }

    /// What to ask for now; nothing while enough is under way.
    pub fn demand(&mut self, now: Instant) -> Option<Demand> {
        if self.done() {
            return None;
        }
        if now.saturating_duration_since(self.heard) >= SILENCE {
            tracing::warn!(run = self.run, batch = self.next, "held-out pictures do not come; asking again");
            self.ask_again();
        }
        let last = self.split.wanted(self.total.unwrap_or(u64::MAX)).min(self.next + WINDOW);
        if self.asked >= last {
            return None;
        }
        let (first, count) = (self.asked, last - self.asked);
        self.asked = last;
        self.heard = now;
        Some(Demand {
            run: vec![self.run.as_str()].into(),
            version: vec![self.version].into(),
            epoch: vec![0].into(),
            seed: vec![self.seed].into(),
            split: vec![self.split.name()].into(),
            batch_size: vec![self.batch_size].into(),
            first: vec![first].into(),
            count: vec![count].into(),
            withheld: vec![""].into(),
        })
    }

    /// Forgets what is under way: whoever was to answer has been started again.
    pub fn ask_again(&mut self) {
        self.asked = self.next;
    }

    /// Whether this is the batch that is due; it then counts as come. Others are to be left out.
    pub fn accept(&mut self, tag: &Tag, now: Instant) -> bool {
        let due = !self.done()
            && tag.session == self.run
            && tag.seq == self.next
            && tag.text("split") == self.split.name()
            && tag.number("version") == Some(self.version)
            && tag.number("epoch") == Some(0);
        if due {
            self.next += 1;
            self.asked = self.asked.max(self.next);
            self.heard = now;
            let total = if tag.fin { Some(self.next) } else { tag.number("batches") };
            self.total = total.map(|total| self.split.wanted(total)).or(self.total);
        }
        due
    }

    /// Something was going on until `now`, so that until then silence means nothing.
    pub fn busy_until(&mut self, now: Instant) {
        self.heard = now;
    }

    /// All have come.
    pub fn done(&self) -> bool {
        self.total.is_some_and(|total| self.next >= total)
    }

    /// Batches that have come, and how many there are.
    pub fn progress(&self) -> (u64, Option<u64>) {
        (self.next, self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(seq: u64, batches: u64) -> Tag {
        Tag::new("run", seq)
            .fin(seq + 1 >= batches)
            .with("split", "test")
            .with("version", 3)
            .with("epoch", 0)
            .with("batches", batches)
    }

    fn asked(held_out: &mut HeldOut, now: Instant) -> Option<(u64, u64)> {
        held_out.demand(now).map(|d| (d.first.value(0), d.count.value(0)))
    }

    #[test]
    fn four_are_asked_for_and_then_one_for_each_that_came() {
        let now = Instant::now();
        let mut held_out = HeldOut::new("run", 3, 7, Split::Test, 32, now);
        assert_eq!(asked(&mut held_out, now), Some((0, 4)));
        assert_eq!(asked(&mut held_out, now), None);
        for seq in 0..6 {
            assert!(held_out.accept(&answer(seq, 6), now));
            assert_eq!(asked(&mut held_out, now), (seq + 4 < 6).then_some((seq + 4, 1)));
        }
        assert!(held_out.done());
        assert_eq!(asked(&mut held_out, now + SILENCE), None, "nothing is missing");
    }

    #[test]
    fn silence_and_restarts_ask_again_from_what_is_missing() {
        let now = Instant::now();
        let mut held_out = HeldOut::new("run", 3, 7, Split::Test, 32, now);
        held_out.demand(now);
        held_out.accept(&answer(0, 9), now);
        assert_eq!(asked(&mut held_out, now), Some((4, 1)));
        assert_eq!(asked(&mut held_out, now + SILENCE / 2), None);
        assert_eq!(asked(&mut held_out, now + SILENCE), Some((1, 4)));
        assert_eq!(asked(&mut held_out, now + SILENCE), None, "asking counts as a sign of life");
        held_out.ask_again();
        assert_eq!(asked(&mut held_out, now + SILENCE), Some((1, 4)));
    }

    #[test]
    fn only_the_batch_that_is_due_counts() {
        let now = Instant::now();
        let mut held_out = HeldOut::new("run", 3, 7, Split::Test, 32, now);
        held_out.demand(now);
        for wrong in [
            answer(1, 9),
            Tag { session: "another".to_owned(), ..answer(0, 9) },
            answer(0, 9).with("split", "validation"),
            answer(0, 9).with("version", 2),
            answer(0, 9).with("epoch", 1),
        ] {
            assert!(!held_out.accept(&wrong, now), "{wrong:?}");
        }
        assert!(held_out.accept(&answer(0, 9), now));
        assert!(!held_out.accept(&answer(0, 9), now), "it has come already");
        assert_eq!(held_out.progress(), (1, Some(9)));
    }

    #[test]
    fn an_empty_split_is_one_message() {
        let now = Instant::now();
        let mut held_out = HeldOut::new("run", 3, 7, Split::Test, 32, now);
        held_out.demand(now);
        assert!(held_out.accept(&answer(0, 0), now) && held_out.done());
    }
    #[test]
    fn of_the_validation_pictures_the_first_are_enough() {
        let now = Instant::now();
        let of = |batches| HeldOut::new("run", 3, 7, Split::Validation { batches }, 32, now);
        let validation = |seq| answer(seq, 9).with("split", "validation");
        let mut held_out = of(6);
        assert_eq!(asked(&mut held_out, now), Some((0, 4)));
        assert!(!held_out.accept(&answer(0, 9), now), "another split");
        for seq in 0..6 {
            assert!(!held_out.done() && held_out.accept(&validation(seq), now));
            assert_eq!(asked(&mut held_out, now), (seq + 4 < 6).then_some((seq + 4, 1)));
        }
        assert!(held_out.done());
        assert_eq!(asked(&mut of(2), now), Some((0, 2)));
    }
}
