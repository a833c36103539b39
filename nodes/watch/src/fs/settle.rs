//! Files that were pointed out, until they have stopped changing.

use crate::fs::disk::Stamp;
use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// What the last look saw: not looked yet, or a file, or none.
type Observation = Option<Option<Stamp>>;

/// Paths waiting to be looked at, again and again, until two looks `quiet` apart saw the same.
#[derive(Debug)]
pub struct Settling {
    quiet: Duration,
    patience: Duration,
    waiting: HashMap<String, (Instant, Observation)>,
    queue: BTreeSet<(Instant, String)>,
}

impl Settling {
    /// Paths settle after `quiet`; empty files, which someone is likely about to fill, after `patience`.
    pub fn new(quiet: Duration, patience: Duration) -> Self {
        Self { quiet, patience, waiting: HashMap::new(), queue: BTreeSet::new() }
    }

    /// Whether none is waiting.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Paths waiting.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Lets `path` be looked at from `due` on, or earlier if it was to be earlier.
    pub fn add(&mut self, path: &str, due: Instant) {
        match self.waiting.get(path) {
            // Already looked at: the next look must stay as far away as it is.
            Some((_, Some(_))) => {}
            Some((before, None)) if *before <= due => {}
            _ => self.put(path, due, None),
        }
    }

    /// A path whose next look is due.
    pub fn due(&self, now: Instant) -> Option<String> {
        self.queue.first().filter(|(due, _)| *due <= now).map(|(_, path)| path.clone())
    }

    /// When the next look is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.queue.first().map(|(due, _)| *due)
    }

    /// Takes the result of a look. True, and the path is forgotten, when it has settled.
    pub fn observe(&mut self, path: &str, seen: Option<Stamp>, now: Instant) -> bool {
        if self.waiting.get(path).is_some_and(|(_, before)| *before == Some(seen)) {
            self.forget(path);
            return true;
        }
        let empty = seen.is_some_and(|stamp| stamp.version.size_bytes == 0);
        self.put(path, now + if empty { self.patience } else { self.quiet }, Some(seen));
        false
    }

    /// Stops waiting for `path`.
    pub fn forget(&mut self, path: &str) {
        if let Some((due, _)) = self.waiting.remove(path) {
            self.queue.remove(&(due, path.to_owned()));
        }
    }

    fn put(&mut self, path: &str, due: Instant, observation: Observation) {
        self.forget(path);
        self.waiting.insert(path.to_owned(), (due, observation));
        self.queue.insert((due, path.to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::FileVersion;

    const QUIET: Duration = Duration::from_millis(500);
    const PATIENCE: Duration = Duration::from_secs(5);

    fn stamp(size_bytes: u64) -> Stamp {
        Stamp { version: FileVersion { size_bytes, modified_ns: 7, changed_ns: 7, inode: 1 }, links: 1 }
    }

    #[test]
    fn a_growing_file_settles_only_once_it_has_stopped() {
        let (mut settling, start) = (Settling::new(QUIET, PATIENCE), Instant::now());
        settling.add("a", start);
        for step in 0..10 {
            let now = start + QUIET * step;
            assert_eq!(settling.due(now).as_deref(), Some("a"));
            assert!(!settling.observe("a", Some(stamp(u64::from(step) + 1)), now));
            assert_eq!(settling.due(now + QUIET / 2), None);
        }
        assert!(settling.observe("a", Some(stamp(10)), start + QUIET * 10));
        assert_eq!((settling.len(), settling.next_due()), (0, None));
    }

    #[test]
    fn more_events_do_not_bring_the_second_look_forward() {
        let (mut settling, start) = (Settling::new(QUIET, PATIENCE), Instant::now());
        settling.add("a", start);
        settling.observe("a", Some(stamp(1)), start);
        settling.add("a", start + QUIET / 4);
        assert_eq!(settling.next_due(), Some(start + QUIET));
    }

    #[test]
    fn an_event_cuts_a_delay_short() {
        let (mut settling, start) = (Settling::new(QUIET, PATIENCE), Instant::now());
        settling.add("a", start + PATIENCE);
        settling.add("a", start);
        assert_eq!(settling.due(start).as_deref(), Some("a"));
    }

    #[test]
    fn empty_file_gets_time_and_missing_must_stay_missing() {
        let (mut settling, start) = (Settling::new(QUIET, PATIENCE), Instant::now());
        settling.add("a", start);
        settling.observe("a", Some(stamp(0)), start);
        assert_eq!(settling.next_due(), Some(start + PATIENCE));
        settling.add("b", start);
        assert!(!settling.observe("b", None, start));
        assert!(!settling.observe("b", Some(stamp(3)), start + QUIET));
        assert!(settling.observe("b", Some(stamp(3)), start + QUIET * 2));
    }
}
