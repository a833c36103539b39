//! Requests on their way: at most so many, and which of them have to be made again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Numbered requests that have not been answered. Answers come in the order of requests, so an answer says of every request before
/// it that it, or its answer, was lost.
#[derive(Debug)]
pub struct Window<R> {
    limit: usize,
    patience: Duration,
    next: u64,
    waiting: BTreeMap<u64, R>,
    /// When something was asked for or came last.
    last_heard: Instant,
    /// Requests that had to be made again.
    pub repeated: u64,
}

impl<R> Window<R> {
    /// No request yet; at most `limit`, and again after `patience` of silence.
    pub fn new(limit: usize, patience: Duration, now: Instant) -> Self {
        Self { limit, patience, next: 0, waiting: BTreeMap::new(), last_heard: now, repeated: 0 }
    }

    /// Whether one more may be made.
    pub fn has_room(&self) -> bool {
        self.waiting.len() < self.limit
    }

    /// Notes a request, and returns its number.
    pub fn ask(&mut self, request: R, now: Instant) -> u64 {
        if self.waiting.is_empty() {
            self.last_heard = now;
        }
        let number = self.next;
        self.next += 1;
        self.waiting.insert(number, request);
        number
    }

    /// An answer: its request, if it was waited for, and those before it, which are lost.
    pub fn answered(&mut self, number: u64, now: Instant) -> (Option<R>, Vec<R>) {
        let Some(request) = self.waiting.remove(&number) else { return (None, Vec::new()) };
        self.last_heard = now;
        let later = self.waiting.split_off(&number);
        let lost: Vec<R> = std::mem::replace(&mut self.waiting, later).into_values().collect();
        self.repeated += lost.len() as u64;
        (Some(request), lost)
    }

    /// All that wait, if it has been silent for too long.
    pub fn overdue(&mut self, now: Instant) -> Vec<R> {
        if self.waiting.is_empty() || now.saturating_duration_since(self.last_heard) < self.patience {
            return Vec::new();
        }
        self.lost()
    }

    /// All that wait: whoever was to answer has been started again.
    pub fn lost(&mut self) -> Vec<R> {
        let lost: Vec<R> = std::mem::take(&mut self.waiting).into_values().collect();
        self.repeated += lost.len() as u64;
        lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_of_the_lost_ones_before_it() {
        let now = Instant::now();
        let mut window = Window::new(3, Duration::from_secs(5), now);
        for request in ["a", "b", "c"] {
            assert!(window.has_room());
            window.ask(request, now);
        }
        assert!(!window.has_room());
        assert_eq!(window.answered(2, now), (Some("c"), vec!["a", "b"]));
        assert_eq!((window.repeated, window.waiting.len()), (2, 0));
        assert_eq!(window.answered(0, now), (None, vec![]), "late, after it was given up");
    }

    #[test]
    fn silence_loses_all_that_wait() {
        let (now, patience) = (Instant::now(), Duration::from_secs(5));
        let mut window = Window::new(3, patience, now);
        window.ask("a", now + patience);
        assert!(window.overdue(now + patience).is_empty(), "it has only just been asked for");
        window.ask("b", (now + patience * 2).checked_sub(Duration::from_secs(1)).unwrap());
        assert_eq!(window.overdue(now + patience * 2), ["a", "b"]);
        assert!(window.overdue(now + patience * 9).is_empty(), "nothing waits");
        assert_eq!(window.repeated, 2);
    }
}
