//! Where everything known comes together: from paths pointed out to messages and back. Knows neither dora nor inotify,
//! and is told what time it is.
//!
//! A path goes one way: pointed out, [settling](crate::fs::settle), [ready](crate::delivery::ready), on its way, answered; and is then
//! looked at once more. What to do is decided anew by looking at the file each time, so it does not matter how often or
//! why a path was pointed out.

pub mod answers;
pub mod sending;

use crate::config::Config;
use crate::delivery::asking::Asking;
use crate::delivery::outbox::{Outbox, Row, STREAMS, Stream};
use crate::delivery::ready::Ready;
use crate::fs::disk::{Stamp, look_below};
use crate::fs::ignore::{Kind, is_image, kind};
use crate::fs::roots::Roots;
use crate::fs::scan::Scan;
use crate::fs::settle::Settling;
use crate::fs::writers;
use crate::ledger::away::AwayFolders;
use crate::ledger::labels::Labels;
use crate::ledger::{Held, Ledger, PendingChange};
use crate::quarantine::Quarantine;
use crate::quarantine::record::Record;
use crate::quarantine::returning::Changed;
use crate::report::Counts;
use crate::report::notices::{Findings, Notices};
use plugin_api::{ContentError, FileVersion, Home, RejectReason, Tag};
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Looks at files in one go, so that a message that comes in is not kept waiting.
const LOOKS: usize = 2_000;

/// Files of an older catalog that are sent once more in one go.
const COMPLETED_AT_A_TIME: usize = 64;

/// How it is found out whether a file may be read; tests put another in its place.
pub(crate) type Opening = fn(&Path, &FileVersion) -> Result<(), ContentError>;

/// A picture that was in an acknowledged message, but neither in the acknowledgement nor, so far, among the rejects.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) tag: Tag,
    pub(crate) version: FileVersion,
    pub(crate) until: Instant,
}

/// All that `watch` knows.
#[derive(Debug)]
pub struct WatchState {
    pub(crate) roots: Roots,
    pub(crate) batch_bytes: u64,
    pub(crate) batch_rows: usize,
    max_bytes: u64,
    pub(crate) settle: Duration,
    pub(crate) patience: Duration,
    /// A file that changed within this time is not moved to quarantine.
    pub(crate) arriving: Duration,
    pub(crate) quarantine: Quarantine,
    pub(crate) ledger: Ledger,
    pub(crate) settling: Settling,
    pub(crate) ready: Ready,
    pub(crate) outbox: Outbox,
    pub(crate) asking: Option<Asking>,
    pub(crate) missing: BTreeMap<String, Missing>,
    pub(crate) to_quarantine: BTreeMap<String, (Instant, Record)>,
    /// Files to be moved to quarantine, had not somebody opened them for writing.
    pub(crate) being_written: BTreeSet<String>,
    /// Files that changed in quarantine, by where they lie there, and when they are looked at again.
    pub(crate) returning: BTreeMap<PathBuf, (Instant, Changed)>,
    /// Files of an older catalog that are still to be completed.
    pub(crate) incomplete: VecDeque<String>,
    pub(crate) away: AwayFolders,
    noticed: HashSet<PathBuf>,
    pub(crate) not_before: Instant,
    pub(crate) counts: Counts,
    pub(crate) opening: Opening,
    pub(crate) labels: Labels,
    pub(crate) findings: Findings,
    pub(crate) notices: Notices,
    /// When what is in quarantine is to be counted again.
    pub(crate) count_due: Option<Instant>,
    pub(crate) has_writer: fn(&Path) -> bool,
}

impl WatchState {
    /// Pictures lie in `roots`, which belong to the workspace `home`.
    ///
    /// # Errors
    /// When one of the roots is not there.
    pub fn new(config: &Config, roots: Roots, home: &Home, now: Instant) -> io::Result<Self> {
        if let Some(root) = roots.iter().find(|root| !root.is_there()) {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("{}: no such folder", root.at.display())));
        }
        let grace = Duration::from_secs(config.away_seconds);
        let away = AwayFolders::open(&roots, home.dataset(), grace, now);
        Ok(Self {
            labels: Labels::new(&roots),
            findings: Findings::default(),
            notices: Notices::default(),
            count_due: Some(now),
            roots,
            away,
            batch_bytes: config.batch_bytes,
            batch_rows: config.batch_rows as usize,
            max_bytes: config.max_bytes,
            settle: config.settle(),
            patience: config.patience(),
            arriving: Duration::from_secs(config.arriving_seconds),
            quarantine: Quarantine::new(home.quarantine()),
            ledger: Ledger::default(),
            settling: Settling::new(config.settle(), config.patience()),
            ready: Ready::default(),
            outbox: Outbox::new(config.window as usize, Duration::from_secs(config.ack_timeout_seconds), now),
            asking: Some(Asking::new(now)),
            missing: BTreeMap::new(),
            to_quarantine: BTreeMap::new(),
            being_written: BTreeSet::new(),
            returning: BTreeMap::new(),
            incomplete: VecDeque::new(),
            noticed: HashSet::new(),
            not_before: now,
            counts: Counts::default(),
            opening: plugin_api::version::can_open,
            has_writer: writers::has_writer,
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
                self.enqueue(known, now);
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
        for (path, stamp) in &scan.files {
            gone.remove(path);
            self.ledger.see(path, Some(*stamp));
            if self.wish(path, Some(*stamp)) != PendingChange::Nothing {
                self.enqueue(path, now);
            }
        }
        self.note_devices(&scan);
        for path in gone {
            // One that is away would be looked at in vain at every scan.
            if self.ledger.get(&path).held == Held::Nothing || self.is_deleted(&path, now) {
                self.enqueue(&path, now);
            } else {
                self.ledger.see(&path, None);
            }
        }
        self.findings.scanned(&scan);
        self.review_labels(Some(&scan), now);
    }

    /// Lets a path be looked at, unless that happens later anyway: when it is read, or when it has been answered.
    pub(crate) fn enqueue(&mut self, path: &str, now: Instant) {
        if !self.ready.contains(path) && !self.ledger.get(path).in_flight {
            self.settling.add(path, now);
        }
    }

    /// Everything that is due, save for messages.
    pub fn work(&mut self, now: Instant) {
        self.move_to_quarantine(now);
        self.give_back(now);
        if self.is_asking() {
            return;
        }
        self.review_labels(None, now);
        self.check_away(now);
        self.complete_some(now);
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
        self.ledger.see(path, disk);
        let entry = self.ledger.get(path);
        let wish = self.wish(path, disk);
        let is_away = |state: &mut Self| disk.is_none() && !state.is_deleted(path, now);
        if entry.in_flight || wish == PendingChange::Nothing || is_away(self) {
            return self.settling.forget(path);
        }
        if !self.settling.looked(path, disk, now) {
            return;
        }
        match (wish, disk) {
            (PendingChange::Image, Some(stamp)) if stamp.version.size_bytes > self.max_bytes => {
                let bytes = stamp.version.size_bytes;
                let detail = format!("the file is {bytes} bytes, over the limit of {} (--max-bytes)", self.max_bytes);
                let record = Record::new(path, stamp.version, "watch", RejectReason::TooLarge.name(), &detail);
                self.refuse(record, now);
            }
            (PendingChange::Image, Some(stamp)) => self.ready.add_image(path.to_owned(), stamp, now),
            (PendingChange::Removal, _) => self.ready.add_removal(path.to_owned(), now),
            _ => {}
        }
    }

    /// Whether the watched folder that `path` is in is there: otherwise an absent file proves nothing.
    pub(crate) fn root_is_there(&mut self, path: &str) -> bool {
        let Some(root) = self.roots.of(path) else { return false };
        let there = root.at.is_dir();
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
        let wait = self.send_again(path, now);
        tracing::warn!(path, wait_seconds = wait.as_secs(), "lost on the way, to be sent again");
    }

    /// A picture that arrived nowhere is looked at and sent again, after a wait that grows each time.
    pub(crate) fn send_again(&mut self, path: &str, now: Instant) -> Duration {
        let losses = self.ledger.get(path).losses + 1;
        let wait = Duration::from_secs((1 << losses.min(9)).min(300));
        self.ledger.change(path, |entry| {
            entry.in_flight = false;
            entry.held = Held::Unsure;
            entry.losses = losses;
        });
        self.counts.resent += 1;
        self.settling.add(path, now + wait);
        wait
    }

    /// Sends some files of which an older catalog knows neither change time nor inode once more, while nothing else is
    /// waiting. Their content is the same, so that the data set completes its entry and has no new version.
    fn complete_some(&mut self, now: Instant) {
        if !self.settling.is_empty() || !self.ready.is_empty() || self.outbox.unanswered() > 0 {
            return;
        }
        for path in self.incomplete.drain(..self.incomplete.len().min(COMPLETED_AT_A_TIME)).collect::<Vec<_>>() {
            if self.ledger.get(&path).seen.is_some() {
                self.ledger.change(&path, |entry| entry.held = Held::Unsure);
                self.enqueue(&path, now);
            }
        }
    }

    /// Everything unanswered on a stream is to be sent again, in a new session.
    pub(crate) fn start_over(&mut self, stream: Stream, now: Instant) {
        for Row { path, .. } in self.outbox.reset(stream) {
            self.ledger.change(&path, |entry| {
                entry.in_flight = false;
                entry.held = Held::Unsure;
            });
            self.counts.resent += u64::from(stream == Stream::Images);
            self.enqueue(&path, now);
        }
    }

    /// Whether nothing is settling, ready or on its way.
    pub fn is_idle(&self) -> bool {
        !self.is_asking()
            && self.settling.len() + self.ready.len() + self.outbox.unanswered() + self.missing.len() == 0
            && self.to_quarantine.is_empty()
            && self.returning.is_empty()
            && self.incomplete.is_empty()
    }

    /// Counts of pictures since the start.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}
