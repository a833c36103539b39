//! Messages on their way: the window, the acknowledgements, and what to do when one is missing.

use plugin_api::header::new_session;
use plugin_api::{FileVersion, Header, HeaderFields};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// The two streams. Each has a session and a count of its own. Headers say which, so that an acknowledgement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Images.
    Images,
    /// Paths of images that are gone.
    Removed,
}

/// Both, in the order of their numbers.
pub const STREAMS: [Stream; 2] = [Stream::Images, Stream::Removed];

impl Stream {
    /// The name of the output.
    pub fn name(self) -> &'static str {
        match self {
            Self::Images => "images",
            Self::Removed => "removed",
        }
    }
}

impl HeaderFields for Stream {
    const NAME: &'static str = "stream";
}

/// One path of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// As messages name it.
    pub path: String,
    /// The version that was sent; meaningless for a removal.
    pub version: FileVersion,
}

/// What an acknowledgement is about.
#[derive(Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// A message of the stream as it is now.
    Current(Vec<Row>),
    /// A message of an earlier session of this process, whose rows have been given up for lost.
    Stale(Vec<Row>),
    /// Seen before.
    Again,
    /// A message that this process has not sent, or has long forgotten.
    Unknown,
}

/// Longest wait for an acknowledgement.
const LONGEST: Duration = Duration::from_mins(2);

/// Messages of earlier sessions that are remembered.
const REMEMBERED: usize = 64;

#[derive(Debug)]
struct Line {
    session: String,
    next_seq: u64,
    unanswered: BTreeMap<u64, Vec<Row>>,
}

impl Line {
    fn new(stream: Stream) -> Self {
        let session = new_session(&format!("watch-{}", stream.name()));
        Self { session, next_seq: 0, unanswered: BTreeMap::new() }
    }
}

/// Both streams.
#[derive(Debug)]
pub struct Outbox {
    lines: [Line; 2],
    stale: VecDeque<(Header, Vec<Row>)>,
    window: usize,
    timeout: Duration,
    silences: u32,
    waiting_since: Instant,
}

impl Outbox {
    /// At most `window` messages without an answer; `timeout` without any answer means that they are lost.
    pub fn new(window: usize, timeout: Duration, now: Instant) -> Self {
        let lines = STREAMS.map(Line::new);
        Self { lines, stale: VecDeque::new(), window, timeout, silences: 0, waiting_since: now }
    }

    /// Messages without an answer.
    pub fn unanswered(&self) -> usize {
        self.lines.iter().map(|line| line.unanswered.len()).sum()
    }

    /// Paths in messages without an answer.
    pub fn rows(&self) -> usize {
        self.lines.iter().flat_map(|line| line.unanswered.values()).map(Vec::len).sum()
    }

    /// Whether another message may be sent. After silence only one at a time: the earlier ones may yet be on their way.
    pub fn has_room(&self) -> bool {
        self.unanswered() < if self.silences > 0 { 1 } else { self.window }
    }

    /// The header for a message with these rows, which now is on its way.
    pub fn send(&mut self, stream: Stream, rows: Vec<Row>, now: Instant) -> Header {
        if self.unanswered() == 0 {
            self.waiting_since = now;
        }
        let line = &mut self.lines[stream as usize];
        let header = Header::new(line.session.clone(), line.next_seq).with(&stream);
        line.unanswered.insert(line.next_seq, rows);
        line.next_seq += 1;
        header
    }

    /// Whether `header` is of the present session of `stream`.
    pub fn is_current(&self, stream: Stream, header: &Header) -> bool {
        self.lines[stream as usize].session == header.session
    }

    /// Takes an acknowledgement.
    pub fn acknowledge(&mut self, stream: Stream, header: &Header, now: Instant) -> Acknowledged {
        self.note_answer(now);
        let line = &mut self.lines[stream as usize];
        if line.session == header.session {
            return match line.unanswered.remove(&header.seq) {
                Some(rows) => Acknowledged::Current(rows),
                None if header.seq < line.next_seq => Acknowledged::Again,
                None => Acknowledged::Unknown,
            };
        }
        match self.stale.iter().position(|(sent, _)| sent.session == header.session && sent.seq == header.seq) {
            Some(at) => Acknowledged::Stale(self.stale.remove(at).map(|(_, rows)| rows).unwrap_or_default()),
            None => Acknowledged::Unknown,
        }
    }

    /// Takes one image out of the message it was sent in, because a stage refused it. None when no such message is
    /// known; true when the message still waits for its answer.
    pub fn refuse(&mut self, header: &Header, path: &str) -> Option<(Row, bool)> {
        let line = &mut self.lines[Stream::Images as usize];
        let (rows, current) = if line.session == header.session {
            (line.unanswered.get_mut(&header.seq)?, true)
        } else {
            let sent = |(sent, _): &&mut (Header, Vec<Row>)| sent.session == header.session && sent.seq == header.seq;
            (self.stale.iter_mut().find(sent).map(|(_, rows)| rows)?, false)
        };
        let at = rows.iter().position(|row| row.path == path)?;
        Some((rows.remove(at), current))
    }

    /// Gives everything without an answer up for lost and starts a new session. Returns what was lost.
    pub fn reset(&mut self, stream: Stream) -> Vec<Row> {
        let old = std::mem::replace(&mut self.lines[stream as usize], Line::new(stream));
        let mut lost = Vec::new();
        for (seq, rows) in old.unanswered {
            lost.extend(rows.iter().cloned());
            self.stale.push_back((Header::new(old.session.clone(), seq), rows));
        }
        while self.stale.len() > REMEMBERED {
            self.stale.pop_front();
        }
        lost
    }

    /// Something came back.
    pub fn note_answer(&mut self, now: Instant) {
        self.waiting_since = now;
        self.silences = 0;
    }

    /// Whether messages have been without any answer for too long. Says so once; the next wait is twice as long.
    pub fn is_overdue(&mut self, now: Instant) -> bool {
        let wait = self.timeout.saturating_mul(1 << self.silences.min(10)).min(LONGEST.max(self.timeout));
        let overdue = self.unanswered() > 0 && now.saturating_duration_since(self.waiting_since) >= wait;
        if overdue {
            self.silences += 1;
            self.waiting_since = now;
        }
        overdue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(15);

    fn row(path: &str) -> Row {
        Row { path: path.to_owned(), version: FileVersion { size_bytes: 1, modified_ns: 1, ..FileVersion::default() } }
    }

    #[test]
    fn both_streams_share_the_window_and_count_apart() {
        let now = Instant::now();
        let mut outbox = Outbox::new(2, TIMEOUT, now);
        let images = outbox.send(Stream::Images, vec![row("a")], now);
        let removed = outbox.send(Stream::Removed, vec![row("b")], now);
        assert!(!outbox.has_room());
        assert_eq!((images.seq, removed.seq), (0, 0));
        assert_ne!(images.session, removed.session);
        assert_eq!(images.get::<Stream>().unwrap().name(), "images");
        assert_eq!(outbox.acknowledge(Stream::Removed, &removed, now), Acknowledged::Current(vec![row("b")]));
        assert_eq!(outbox.acknowledge(Stream::Removed, &removed, now), Acknowledged::Again);
        assert!(outbox.has_room());
        assert_eq!(outbox.send(Stream::Images, vec![row("c")], now).seq, 1);
    }

    #[test]
    fn reset_starts_a_later_session_and_keeps_the_old() {
        let now = Instant::now();
        let mut outbox = Outbox::new(4, TIMEOUT, now);
        let first = outbox.send(Stream::Images, vec![row("a")], now);
        outbox.send(Stream::Images, vec![row("b")], now);
        assert_eq!(outbox.reset(Stream::Images), [row("a"), row("b")]);
        let again = outbox.send(Stream::Images, vec![row("a")], now);
        assert_eq!(again.seq, 0);
        assert!(again.session > first.session);
        assert_eq!(outbox.acknowledge(Stream::Images, &first, now), Acknowledged::Stale(vec![row("a")]));
        assert_eq!(outbox.acknowledge(Stream::Images, &first, now), Acknowledged::Unknown);
        assert_eq!(outbox.unanswered(), 1);
    }

    #[test]
    fn silence_is_noticed_and_waits_double_up_to_two_minutes() {
        let start = Instant::now();
        let mut outbox = Outbox::new(4, TIMEOUT, start);
        assert!(!outbox.is_overdue(start + TIMEOUT * 100), "nothing is on its way");
        let mut now = start;
        let mut waits = Vec::new();
        for _ in 0..5 {
            outbox.send(Stream::Images, vec![row("a")], now);
            assert!(outbox.waiting_since == now);
            let begin = now;
            while !outbox.is_overdue(now) {
                now += Duration::from_secs(1);
            }
            waits.push((now - begin).as_secs());
            outbox.reset(Stream::Images);
        }
        assert_eq!(waits, [15, 30, 60, 120, 120]);
        outbox.send(Stream::Images, vec![row("a")], now);
        assert!(!outbox.has_room(), "one at a time after silence");
        outbox.note_answer(now);
        assert!(outbox.has_room());
    }

    #[test]
    fn a_refused_row_leaves_its_message() {
        let now = Instant::now();
        let mut outbox = Outbox::new(4, TIMEOUT, now);
        let header = outbox.send(Stream::Images, vec![row("a"), row("b")], now);
        assert_eq!(outbox.refuse(&header, "a"), Some((row("a"), true)));
        assert_eq!(outbox.refuse(&header, "a"), None);
        outbox.reset(Stream::Images);
        assert_eq!(outbox.refuse(&header, "b"), Some((row("b"), false)));
        assert_eq!(outbox.refuse(&Header::new("another", 0), "b"), None);
    }
}
