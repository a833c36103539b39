//! Where everything known comes together: from paths pointed out to messages and back. Knows neither dora nor inotify,
//! and is told what time it is.
//!
//! A path goes one way: pointed out, [settling](crate::settle), [ready](crate::ready), on its way, answered; and is then
//! looked at once more. What to do is decided anew by looking at the file each time, so it does not matter how often or
//! why a path was pointed out.

use crate::asking::Asking;
use crate::config::Config;
use crate::disk::{Mark, ReadError, Stamp, look_below, read_whole};
use crate::ignore::{Kind, is_image, kind};
use crate::labels::Labels;
use crate::ledger::{Held, Ledger, Wish};
use crate::notices::{Findings, Notices};
use crate::outbox::{Outbox, Row, STREAMS, Stream};
use crate::quarantine::{Quarantine, Record};
use crate::ready::Ready;
use crate::report::Counts;
use crate::roots::Roots;
use crate::scan::Scan;
use crate::settle::Settling;
use plugin_api::Tag;
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Looks at files in one go, so that a message that comes in is not kept waiting.
const LOOKS: usize = 2_000;

/// How a file is read; tests put another in its place.
pub(crate) type Reading = fn(&Path, Stamp, &mut Vec<u8>) -> Result<(), ReadError>;

/// A picture that was in an acknowledged message, but neither in the acknowledgement nor, so far, among the rejects.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) tag: Tag,
    pub(crate) mark: Mark,
    pub(crate) until: Instant,
}

/// All that `watch` knows.
#[derive(Debug)]
pub struct Desk {
    pub(crate) roots: Roots,
    pub(crate) batch_bytes: u64,
    pub(crate) batch_rows: usize,
    max_bytes: u64,
    pub(crate) patience: Duration,
    pub(crate) quarantine: Quarantine,
    pub(crate) ledger: Ledger,
    pub(crate) settling: Settling,
    pub(crate) ready: Ready,
    pub(crate) outbox: Outbox,
    pub(crate) asking: Option<Asking>,
    pub(crate) missing: BTreeMap<String, Missing>,
    pub(crate) doomed: BTreeMap<String, (Instant, Record)>,
    noticed: HashSet<PathBuf>,
    pub(crate) not_before: Instant,
    pub(crate) counts: Counts,
    pub(crate) reading: Reading,
    pub(crate) labels: Labels,
    pub(crate) findings: Findings,
    pub(crate) notices: Notices,
    /// When what is in quarantine is to be counted again.
    pub(crate) count_due: Option<Instant>,
}

impl Desk {
    /// Pictures lie in `roots`; rejected ones go to `quarantine`.
    ///
    /// # Errors
    /// When one of the roots is not there.
    pub fn new(config: &Config, roots: Roots, quarantine: PathBuf, now: Instant) -> io::Result<Self> {
        if let Some(root) = roots.iter().find(|root| !root.is_there()) {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("{}: no such folder", root.at.display())));
        }
        Ok(Self {
            labels: Labels::new(&roots),
            findings: Findings::default(),
            notices: Notices::default(),
            count_due: Some(now),
            roots,
            batch_bytes: config.batch_bytes,
            batch_rows: config.batch_rows as usize,
            max_bytes: config.max_bytes,
            patience: config.patience(),
            quarantine: Quarantine::new(quarantine),
            ledger: Ledger::default(),
            settling: Settling::new(config.settle(), config.patience()),
            ready: Ready::default(),
            outbox: Outbox::new(config.window as usize, Duration::from_secs(config.ack_timeout_seconds), now),
            asking: Some(Asking::new(now)),
            missing: BTreeMap::new(),
            doomed: BTreeMap::new(),
            noticed: HashSet::new(),
            not_before: now,
            counts: Counts::default(),
            reading: read_whole,
        })
    }

    /// Whether `dataset` has not yet said what it holds. Nothing is sent before.
    pub fn is_asking(&self) -> bool {
        self.asking.is_some()
    }

    /// Something happened at `path`, which may be a picture or a folder, there or gone.
    pub fn point_out(&mut self, path: &str, now: Instant) {
        let below: Vec<String> = self.ledger.below(path).map(|(path, _)| path.clone()).collect();
        for known in below.iter().map(String::as_str).chain([path]) {
            if self.ledger.get(known).refused.is_some_and(|refusal| !refusal.readable) {
                self.ledger.change(known, |entry| entry.refused = None);
            }
            if kind(known) == Kind::Picture {
                self.nominate(known, now);
            }
        }
    }

    /// Takes a scan: points out every path that is not as it should be.
    pub fn scanned(&mut self, scan: Scan, now: Instant) {
        for (path, reason) in &scan.notices {
            if self.noticed.insert(path.clone()) {
                tracing::warn!(path = %path.display(), reason, "tried again later");
            }
        }
        let known = self.ledger.below(&scan.folder).map(|(path, _)| path.clone());
        let mut gone: HashSet<String> = known.filter(|path| scan.covers(path)).collect();
        for (path, mark) in &scan.files {
            gone.remove(path);
            let entry = self.ledger.get(path);
            if !entry.on_disk {
                self.ledger.change(path, |entry| entry.on_disk = true);
            }
            if entry.wish(Some(*mark).filter(|_| self.labels.wants(path))) != Wish::Nothing {
                self.nominate(path, now);
            }
        }
        for path in gone {
            self.nominate(&path, now);
        }
        self.findings.scanned(&scan);
        self.review_labels(Some(&scan), now);
    }

    /// Lets a path be looked at, unless that happens later anyway: when it is read, or when it has been answered.
    pub(crate) fn nominate(&mut self, path: &str, now: Instant) {
        if !self.ready.contains(path) && !self.ledger.get(path).in_flight {
            self.settling.add(path, now);
        }
    }

    /// Everything that is due, save for messages.
    pub fn work(&mut self, now: Instant) {
        self.move_doomed(now);
        if self.is_asking() {
            return;
        }
        self.review_labels(None, now);
        for _ in 0..LOOKS {
            let Some(path) = self.settling.due(now) else { break };
            self.check(&path, now);
        }
        let late: Vec<String> =
            self.missing.iter().filter(|(_, m)| m.until <= now).map(|(path, _)| path.clone()).collect();
        for path in late {
            self.missing.remove(&path);
            self.lost_on_the_way(&path, now);
        }
        if self.outbox.is_overdue(now) {
            let messages = self.outbox.unanswered();
            tracing::warn!(messages, "no acknowledgement for a long time, sending again");
            for stream in STREAMS {
                self.start_over(stream, now);
            }
        }
    }

    /// The picture at `path`, if there is one that counts.
    pub(crate) fn look(&self, path: &str) -> io::Result<Option<Stamp>> {
        match (kind(path), self.roots.of(path), path.split_once('/')) {
            (Kind::Picture, Some(root), Some((_, relative))) => {
                Ok(look_below(&root.at, relative)?.filter(|_| is_image(path, &root.at.join(relative))))
            }
            _ => Ok(None),
        }
    }

    /// Looks at one path and decides.
    fn check(&mut self, path: &str, now: Instant) {
        let disk = match self.look(path) {
            Ok(disk) if disk.is_some() || self.root_is_there(path) => disk,
            Ok(_) => return self.settling.forget(path),
            Err(error) => {
                self.notice_error(path, &error);
                return self.settling.forget(path);
            }
        };
        self.ledger.change(path, |entry| entry.on_disk = disk.is_some());
        let entry = self.ledger.get(path);
        let wish = entry.wish(disk.filter(|_| self.labels.wants(path)).map(|stamp| stamp.mark));
        if entry.in_flight || wish == Wish::Nothing {
            return self.settling.forget(path);
        }
        if !self.settling.looked(path, disk, now) {
            return;
        }
        match (wish, disk) {
            (Wish::Image, Some(stamp)) if stamp.mark.size_bytes > self.max_bytes => {
                let detail = format!(
                    "{} bytes; watch takes at most {} (--max-bytes), because a message of the graph holds 16 MiB",
                    stamp.mark.size_bytes, self.max_bytes
                );
                let record = Record::new(path, stamp.mark, "watch", "too_large", &detail);
                self.refuse(record, now);
            }
            (Wish::Image, Some(stamp)) => self.ready.add_image(path.to_owned(), stamp, now),
            (Wish::Removal, _) => self.ready.add_removal(path.to_owned(), now),
            _ => {}
        }
    }

    /// Whether the watched folder that `path` is in is the one of the start: otherwise an absent file proves nothing.
    pub(crate) fn root_is_there(&mut self, path: &str) -> bool {
        let Some(root) = self.roots.of(path) else { return false };
        let there = root.is_there();
        if there {
            self.noticed.remove(&root.at);
        } else if self.noticed.insert(root.at.clone()) {
            tracing::error!(folder = %root.at.display(), "the folder is missing or its drive is not mounted");
        }
        there
    }

    /// Where `path`, as messages name it, really is.
    pub(crate) fn real(&self, path: &str) -> PathBuf {
        self.roots.real(path).unwrap_or_default()
    }

    pub(crate) fn notice_error(&mut self, path: &str, error: &io::Error) {
        let at = self.real(path);
        if self.noticed.insert(at.clone()) {
            tracing::warn!(path = %at.display(), %error, "cannot be looked at, tried again later");
        }
    }

    /// A picture that was in an acknowledged message and yet arrived nowhere. Waits longer each time.
    fn lost_on_the_way(&mut self, path: &str, now: Instant) {
        let losses = self.ledger.get(path).losses + 1;
        let wait = Duration::from_secs((1 << losses.min(9)).min(300));
        tracing::warn!(path, losses, wait_seconds = wait.as_secs(), "lost on the way, to be sent again");
        self.ledger.change(path, |entry| {
            entry.in_flight = false;
            entry.held = Held::Unsure;
            entry.losses = losses;
        });
        self.counts.resent += 1;
        self.settling.add(path, now + wait);
    }

    /// Everything unanswered on a stream is to be sent again, in a new session.
    pub(crate) fn start_over(&mut self, stream: Stream, now: Instant) {
        for Row { path, .. } in self.outbox.reset(stream) {
            self.ledger.change(&path, |entry| {
                entry.in_flight = false;
                entry.held = Held::Unsure;
            });
            self.counts.resent += u64::from(stream == Stream::Images);
            self.nominate(&path, now);
        }
    }

    /// Whether nothing is settling, ready or on its way.
    pub fn is_idle(&self) -> bool {
        !self.is_asking()
            && self.settling.len() + self.ready.len() + self.outbox.unanswered() + self.missing.len() == 0
            && self.doomed.is_empty()
    }

    /// Counts of pictures since the start.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}
