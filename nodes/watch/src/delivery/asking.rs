//! Asking `dataset` what it holds, until it has said all of it.

use plugin_api::header::new_session;
use plugin_api::{FileVersion, Header};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The question is repeated after this long without a word.
const REPEAT: Duration = Duration::from_secs(2);

/// A question and what has been answered so far.
#[derive(Debug)]
pub struct Asking {
    session: String,
    asked: u64,
    next: Instant,
    due_seq: u64,
    received: BTreeMap<String, FileVersion>,
}

impl Asking {
    /// A new question, to be asked at once.
    pub fn new(now: Instant) -> Self {
        Self {
            session: new_session("watch-inventory-request"),
            asked: 0,
            next: now,
            due_seq: 0,
            received: BTreeMap::new(),
        }
    }

    /// The header to ask with, when it is time.
    pub fn ask(&mut self, now: Instant) -> Option<Header> {
        if now < self.next {
            return None;
        }
        self.next = now + REPEAT;
        let header = Header::new(self.session.clone(), self.asked);
        self.asked += 1;
        Some(header)
    }

    /// Takes one message of an answer. Returns everything once the last has come.
    ///
    /// Asked twice, `dataset` answers twice; the first answer without a gap counts.
    pub fn receive(
        &mut self,
        header: &Header,
        rows: impl Iterator<Item = (String, FileVersion)>,
        now: Instant,
    ) -> Option<BTreeMap<String, FileVersion>> {
        if header.session != self.session {
            return None;
        }
        if header.seq == 0 {
            self.received.clear();
        } else if header.seq != self.due_seq {
            tracing::warn!(expected = self.due_seq, seq = header.seq, "part of the inventory is missing, asking again");
            self.due_seq = 0;
            return None;
        }
        self.due_seq = header.seq + 1;
        self.next = now + REPEAT;
        self.received.extend(rows);
        header.fin.then(|| std::mem::take(&mut self.received))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(path: &str) -> std::iter::Once<(String, FileVersion)> {
        std::iter::once((path.to_owned(), FileVersion { size_bytes: 1, modified_ns: 1, ..FileVersion::default() }))
    }

    #[test]
    fn the_question_is_repeated_until_something_comes() {
        let start = Instant::now();
        let mut asking = Asking::new(start);
        let header = asking.ask(start).unwrap();
        assert_eq!(asking.ask(start + REPEAT / 2), None);
        let again = asking.ask(start + REPEAT).unwrap();
        assert_eq!((&again.session, again.seq), (&header.session, 1));
        let part = Header::new(header.session, 0);
        assert_eq!(asking.receive(&part, row("a"), start + REPEAT * 3 / 2), None);
        assert_eq!(asking.ask(start + REPEAT * 2), None, "an answer is coming");
    }

    #[test]
    fn the_first_whole_answer_counts() {
        let now = Instant::now();
        let mut asking = Asking::new(now);
        let session = asking.ask(now).unwrap().session;
        let part = |seq| Header::new(session.clone(), seq);
        assert_eq!(asking.receive(&Header::new("another", 0).fin(true), row("x"), now), None);
        assert_eq!(asking.receive(&part(0), row("a"), now), None);
        assert_eq!(asking.receive(&part(2).fin(true), row("c"), now), None, "a part is missing");
        assert_eq!(asking.receive(&part(0), row("a"), now), None);
        let all = asking.receive(&part(1).fin(true), row("b"), now).unwrap();
        assert_eq!(all.keys().collect::<Vec<_>>(), ["a", "b"]);
    }
}
