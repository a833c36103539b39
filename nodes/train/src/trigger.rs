//! When a run starts: the data set has changed, has been quiet for a while, and is large enough.

use crate::snapshot::State;
use std::time::{Duration, Instant};

/// What decides a run: fingerprint of the data set, digest of the options.
pub type Key = (String, String);

/// What to do now.
#[derive(Debug, PartialEq, Eq)]
pub enum Due {
    /// Wait; for a person, for what.
    Wait(String),
    /// Learn from this.
    Run(State),
}

/// Watches the data set.
pub struct Trigger {
    quiet: Duration,
    min_train: u64,
    options: String,
    latest: Option<(State, Instant)>,
    done: Option<Key>,
}

impl Trigger {
    /// `options`: their digest; `done`: what the last finished run learnt from.
    pub fn new(quiet: Duration, min_train: u64, options: String, done: Option<Key>) -> Self {
        Self { quiet, min_train, options, latest: None, done }
    }

    /// A snapshot came. The same one again does not disturb the quiet.
    pub fn snapshot(&mut self, state: State, now: Instant) {
        match &mut self.latest {
            Some((latest, _)) if latest.fingerprint == state.fingerprint => *latest = state,
            latest => *latest = Some((state, now)),
        }
    }

    /// A run on this data is over, one way or the other.
    pub fn done(&mut self, fingerprint: &str) {
        self.done = Some((fingerprint.to_owned(), self.options.clone()));
    }

    /// The data set has changed since a run on `fingerprint` began.
    pub fn overtaken(&self, fingerprint: &str) -> bool {
        self.latest.as_ref().is_some_and(|(state, _)| state.fingerprint != fingerprint)
    }

    /// Whether a run is due.
    pub fn due(&self, now: Instant) -> Due {
        let Some((state, since)) = &self.latest else { return Due::Wait("waiting for pictures".to_owned()) };
        if self.done.as_ref().is_some_and(|(data, options)| *data == state.fingerprint && *options == self.options) {
            return Due::Wait(format!("up to date with version {}", state.version));
        }
        if state.taught_classes() < 2 {
            return Due::Wait(format!("waiting for a second class: {} so far", state.taught_classes()));
        }
        if state.train() < self.min_train {
            return Due::Wait(format!("waiting for {} training pictures: {} so far", self.min_train, state.train()));
        }
        let quiet = now.saturating_duration_since(*since);
        if quiet < self.quiet {
            return Due::Wait(format!("waiting for quiet: pictures came {} s ago", quiet.as_secs()));
        }
        Due::Run(state.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_secs(5);

    fn state(fingerprint: &str, train: &[u64]) -> State {
        State {
            version: 1,
            fingerprint: fingerprint.to_owned(),
            classes: (0..train.len()).map(|i| format!("class {i}")).collect(),
            counts: train.iter().map(|&n| [n, 1, 1, 0]).collect(),
            labels: plugin_api::Labels::Single,
        }
    }

    fn trigger(done: Option<Key>) -> Trigger {
        Trigger::new(QUIET, 10, "options".to_owned(), done)
    }

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn a_run_starts_after_the_quiet_and_only_once() {
        let (mut trigger, start) = (trigger(None), Instant::now());
        assert!(matches!(trigger.due(start), Due::Wait(_)));
        trigger.snapshot(state("a", &[6, 6]), start);
        assert!(matches!(trigger.due(after(start, 4)), Due::Wait(text) if text.contains("quiet")));
        assert_eq!(trigger.due(after(start, 5)), Due::Run(state("a", &[6, 6])));
        trigger.done("a");
        assert!(matches!(trigger.due(after(start, 9)), Due::Wait(text) if text.contains("up to date")));
    }

    #[test]
    fn a_burst_leads_to_one_run_and_a_repeated_snapshot_is_no_burst() {
        let (mut trigger, start) = (trigger(None), Instant::now());
        for (second, fingerprint) in [(0, "a"), (3, "b"), (6, "c"), (9, "c")] {
            trigger.snapshot(state(fingerprint, &[6, 6]), after(start, second));
            assert!(matches!(trigger.due(after(start, second)), Due::Wait(_)));
        }
        assert_eq!(trigger.due(after(start, 11)), Due::Run(state("c", &[6, 6])));
    }

    #[test]
    fn snapshots_during_a_run_lead_to_one_afterwards() {
        let (mut trigger, start) = (trigger(None), Instant::now());
        trigger.snapshot(state("a", &[6, 6]), start);
        assert!(!trigger.overtaken("a"));
        trigger.snapshot(state("b", &[6, 7]), after(start, 20));
        trigger.snapshot(state("c", &[6, 8]), after(start, 30));
        assert!(trigger.overtaken("a"));
        trigger.done("a");
        assert_eq!(trigger.due(after(start, 40)), Due::Run(state("c", &[6, 8])));
        // Back to what is known already.
        trigger.snapshot(state("a", &[6, 6]), after(start, 50));
        assert!(matches!(trigger.due(after(start, 60)), Due::Wait(_)));
    }

    #[test]
    fn what_was_learnt_before_a_restart_is_not_learnt_again() {
        let start = Instant::now();
        let known = |data: &str, options: &str| {
            let mut trigger = trigger(Some((data.to_owned(), options.to_owned())));
            trigger.snapshot(state("a", &[6, 6]), start);
            matches!(trigger.due(after(start, 5)), Due::Wait(_))
        };
        assert!(known("a", "options"));
        assert!(!known("b", "options"), "other data");
        assert!(!known("a", "other options"));
    }

    #[test]
    fn too_few_pictures_or_classes_wait() {
        let start = Instant::now();
        for (train, word) in [(&[50_u64, 0][..], "second class"), (&[5, 4][..], "9 so far")] {
            let mut trigger = trigger(None);
            trigger.snapshot(state("a", train), start);
            assert!(matches!(trigger.due(after(start, 9)), Due::Wait(text) if text.contains(word)), "{train:?}");
        }
    }
}
