//! When to look: a version that is new and has been there for a while.

use std::time::{Duration, Instant};

/// Watches the versions of the data set.
pub struct Trigger {
    quiet: Duration,
    latest: Option<(u64, Instant)>,
    begun: Option<u64>,
}

impl Trigger {
    /// `quiet`: how long a version must have been the latest.
    pub fn new(quiet: Duration) -> Self {
        Self { quiet, latest: None, begun: None }
    }

    /// A snapshot came. The same version again does not disturb the quiet.
    pub fn snapshot(&mut self, version: u64, now: Instant) {
        if self.latest.is_none_or(|(latest, _)| latest != version) {
            self.latest = Some((version, now));
        }
    }

    /// What is said of the latest version may be another by now: it is looked at once more, after the quiet.
    pub fn again(&mut self, now: Instant) {
        self.latest = self.latest.map(|(version, _)| (version, now));
        self.begun = None;
    }

    /// The version to look at now, once.
    pub fn due(&mut self, now: Instant) -> Option<u64> {
        let (version, since) = self.latest?;
        if self.begun == Some(version) || now.saturating_duration_since(since) < self.quiet {
            return None;
        }
        self.begun = Some(version);
        Some(version)
    }

    /// The latest version.
    pub fn latest(&self) -> Option<u64> {
        self.latest.map(|(version, _)| version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_due_after_the_quiet_and_once() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut trigger = Trigger::new(3 * second);
        assert_eq!(trigger.due(start), None);
        trigger.snapshot(5, start);
        trigger.snapshot(6, start + 2 * second);
        trigger.snapshot(6, start + 4 * second);
        assert_eq!(trigger.due(start + 4 * second), None, "a burst is waited for");
        assert_eq!(trigger.due(start + 5 * second), Some(6), "a repeated snapshot is no burst");
        assert_eq!(trigger.due(start + 9 * second), None);
        trigger.again(start + 9 * second);
        assert_eq!(trigger.due(start + 11 * second), None);
        assert_eq!(trigger.due(start + 12 * second), Some(6), "once more");
        trigger.snapshot(7, start + 10 * second);
        assert_eq!(trigger.due(start + 13 * second), Some(7));
        assert_eq!(trigger.latest(), Some(7));
    }
}
