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
use crate::fs::disk::Stamp;
use crate::fs::ignore::{Kind, kind};
use crate::fs::roots::Roots;
use crate::fs::scan::{Scan, image_at};
use crate::fs::settle::Settling;
use crate::ledger::away::{AwayFolders, Surroundings};
use crate::ledger::labels::Labels;
use crate::ledger::{Held, Ledger, PendingChange, Refusal};
use crate::quarantine::Quarantine;
use crate::quarantine::record::Record;
use crate::quarantine::refused::Counter;
use crate::quarantine::refusing::Refusing;
use crate::quarantine::returning::{Changed, Returning};
use crate::report::notices::{Findings, Notices, Sources};
use crate::report::{Counts, Figures};
use plugin_api::status::{Notice, StatusFile};
use plugin_api::{ContentError, FileVersion, Header, RejectReason, Workspace};
use std::collections::{BTreeMap, HashSet, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Looks at files in one go, so that a message that comes in is not kept waiting.
const LOOKS: usize = 2_000;

/// Files of an older catalog that are sent once more in one go.
const COMPLETED_AT_A_TIME: usize = 64;

/// How it is found out whether a file may be read; tests put another in its place.
type Opening = fn(&Path, &FileVersion) -> Result<(), ContentError>;

/// An image that was in an acknowledged message, but neither in the acknowledgement nor, so far, among the rejects.
#[derive(Debug)]
struct Missing {
    header: Header,
    version: FileVersion,
    until: Instant,
}

/// All that `watch` knows.
#[derive(Debug)]
pub struct WatchState {
    roots: Roots,
    batch_bytes: u64,
    batch_rows: usize,
    max_bytes: u64,
    pub(crate) ledger: Ledger,
    labels: Labels,
    away: AwayFolders,
    pub(crate) settling: Settling,
    ready: Ready,
    outbox: Outbox,
    asking: Option<Asking>,
    /// Nothing is sent before.
    not_before: Instant,
    missing: BTreeMap<String, Missing>,
    /// Files of an older catalog that are still to be completed.
    incomplete: VecDeque<String>,
    quarantine: Quarantine,
    refusing: Refusing,
    returning: Returning,
    /// When what is in quarantine is to be counted again.
    count_due: Option<Instant>,
    counts: Counts,
    findings: Findings,
    notices: Notices,
    noticed: HashSet<PathBuf>,
    opening: Opening,
}

impl WatchState {
    /// Images lie in `roots`, which belong to the workspace `workspace`.
    ///
    /// # Errors
    /// When one of the roots is not there.
    pub fn new(config: &Config, roots: Roots, workspace: &Workspace, now: Instant) -> io::Result<Self> {
        if let Some(root) = roots.iter().find(|root| !root.is_there()) {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("{}: no such folder", root.at.display())));
        }
        let (settle, patience) = (config.settle(), config.patience());
        let grace = Duration::from_secs(config.away_seconds);
        let away = AwayFolders::open(&roots, workspace.dataset(), grace, now);
        Ok(Self {
            labels: Labels::new(&roots),
            away,
            roots,
            batch_bytes: config.batch_bytes,
            batch_rows: config.batch_rows as usize,
            max_bytes: config.max_bytes,
            ledger: Ledger::default(),
            settling: Settling::new(settle, patience),
            ready: Ready::default(),
            outbox: Outbox::new(config.window as usize, Duration::from_secs(config.ack_timeout_seconds), now),
            asking: Some(Asking::new(now)),
            not_before: now,
            missing: BTreeMap::new(),
            incomplete: VecDeque::new(),
            quarantine: Quarantine::new(workspace.quarantine()),
            refusing: Refusing::new(Duration::from_secs(config.arriving_seconds), patience),
            returning: Returning::new(settle, patience),
            count_due: Some(now),
            counts: Counts::default(),
            findings: Findings::default(),
            notices: Notices::default(),
            noticed: HashSet::new(),
            opening: plugin_api::version::can_open,
        })
    }

    /// Keeps how folders are read in `folder`, so that what changes while nobody watches is noticed.
    pub fn remember_layouts_in(&mut self, folder: PathBuf) {
        self.labels.remember_in(folder);
    }

    /// Whether `dataset` has not yet said what it holds. Nothing is sent before.
    pub fn is_asking(&self) -> bool {
        self.asking.is_some()
    }

    /// Something happened at `path`, which may be an image or a folder, there or gone.
    pub fn point_out(&mut self, path: &str, now: Instant) {
        let below: Vec<String> = self.ledger.below(path).map(|(path, _)| path.clone()).collect();
        for known in below.iter().map(String::as_str).chain([path]) {
            if self.ledger.get(known).refused.is_some_and(|refusal| !refusal.readable) {
                self.ledger.change(known, |entry| entry.refused = None);
            }
            if kind(known) == Kind::Image {
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
            if self.pending_change(path, Some(*stamp)) != PendingChange::Nothing {
                self.enqueue(path, now);
            }
        }
        self.with_away(now, |away, around| away.note_devices(&scan, around));
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
    fn enqueue(&mut self, path: &str, now: Instant) {
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
        self.with_away(now, |away, around| away.check(around, now));
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

    /// What to tell the dataset of `path` when `disk` is there.
    fn pending_change(&self, path: &str, disk: Option<Stamp>) -> PendingChange {
        self.ledger.get(path).pending_change(disk.filter(|_| self.labels.wants(path)).map(|stamp| stamp.version))
    }

    /// Looks at one path and decides.
    fn check(&mut self, path: &str, now: Instant) {
        let disk = match image_at(&self.roots, path) {
            Ok(disk) if disk.is_some() || self.root_is_there(path) => disk,
            Ok(_) => return self.settling.forget(path),
            Err(error) => {
                self.notice_error(path, &error);
                return self.settling.forget(path);
            }
        };
        self.ledger.see(path, disk);
        let entry = self.ledger.get(path);
        let pending_change = self.pending_change(path, disk);
        let is_away = |state: &mut Self| disk.is_none() && !state.is_deleted(path, now);
        if entry.in_flight || pending_change == PendingChange::Nothing || is_away(self) {
            return self.settling.forget(path);
        }
        if !self.settling.observe(path, disk, now) {
            return;
        }
        match (pending_change, disk) {
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

    /// Does something with the folders that may be away. Files of those that came back, or that count as deleted from now on, are
    /// looked at again.
    fn with_away<T>(&mut self, now: Instant, act: impl FnOnce(&mut AwayFolders, &Surroundings<'_>) -> T) -> T {
        let is_asking = self.is_asking();
        let around = Surroundings { roots: &self.roots, ledger: &self.ledger, labels: &self.labels, is_asking };
        let result = act(&mut self.away, &around);
        for path in self.away.take_look_again() {
            self.enqueue(&path, now);
        }
        result
    }

    /// Whether a file that is not at `path` counts as deleted.
    fn is_deleted(&mut self, path: &str, now: Instant) -> bool {
        self.with_away(now, |away, around| away.is_deleted(path, around, now))
    }

    /// Whether the watched folder that `path` is in is there: otherwise an absent file proves nothing.
    fn root_is_there(&mut self, path: &str) -> bool {
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
    fn real(&self, path: &str) -> PathBuf {
        self.roots.real(path).unwrap_or_default()
    }

    fn notice_error(&mut self, path: &str, error: &io::Error) {
        let at = self.real(path);
        if self.noticed.insert(at.clone()) {
            tracing::warn!(path = %at.display(), %error, "cannot be looked at, tried again later");
        }
    }

    /// An image that was in an acknowledged message and yet arrived nowhere. Waits longer each time.
    fn lost_on_the_way(&mut self, path: &str, now: Instant) {
        let wait = self.send_again(path, now);
        tracing::warn!(path, wait_seconds = wait.as_secs(), "lost on the way, to be sent again");
    }

    /// An image that arrived nowhere is looked at and sent again, after a wait that grows each time.
    fn send_again(&mut self, path: &str, now: Instant) -> Duration {
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
    fn start_over(&mut self, stream: Stream, now: Instant) {
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
            && self.refusing.is_empty()
            && self.returning.is_empty()
            && self.incomplete.is_empty()
    }

    /// Counts of images since the start.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Reads the folders again where they may be read otherwise now. What then may have another label or split in the dataset,
    /// or on its way there, is sent again.
    fn review_labels(&mut self, scan: Option<&Scan>, now: Instant) {
        for folder in self.roots.iter().map(|root| root.folder).collect::<Vec<_>>() {
            let Some(stale) = self.labels.relabelled(folder, &self.ledger, scan) else { continue };
            if stale.iter().any(|(_, entry)| entry.in_flight) {
                self.start_over(Stream::Images, now);
            }
            for (path, _) in stale {
                if matches!(self.ledger.get(&path).held, Held::Image(_)) {
                    self.ledger.change(&path, |entry| entry.held = Held::Unsure);
                }
                self.enqueue(&path, now);
            }
        }
        if scan.is_none() && self.is_idle() {
            self.labels.settled();
        }
    }

    /// A version of a file is not to be sent again, and is moved to quarantine, unless it changes meanwhile.
    fn refuse(&mut self, record: Record, now: Instant) {
        let version = record.version();
        if self.ledger.get(&record.path).refused.is_none_or(|refusal| !refusal.version.is_same(&version)) {
            self.counts.rejected += 1;
        }
        self.ledger.change(&record.path, |entry| entry.refused = Some(Refusal { version, readable: true }));
        self.refusing.add(record, now);
    }

    fn move_to_quarantine(&mut self, now: Instant) {
        let moves = self.refusing.move_due(&self.quarantine, &self.roots, now);
        if moves.has_changed {
            self.count_due = Some(now);
        }
        for path in moves.paths {
            self.enqueue(&path, now);
        }
    }

    /// Takes note of files that changed in quarantine.
    pub fn changed_in_quarantine(&mut self, changed: Vec<Changed>, now: Instant) {
        self.returning.add(changed, &self.roots, now);
    }

    fn give_back(&mut self, now: Instant) {
        for path in self.returning.give_back(&self.quarantine, &self.roots, now) {
            self.enqueue(&path, now);
        }
    }

    /// Has what is in quarantine counted when that is due, and takes the count.
    pub fn count_refused(&mut self, counter: &mut Counter, now: Instant) {
        if let Some(refused) = counter.recount(&mut self.count_due, now) {
            self.findings.refused(refused);
        }
    }

    /// What a person should know.
    pub fn notices(&mut self) -> &[Notice] {
        let is_asking = self.is_asking();
        self.notices.of(&Sources {
            roots: &self.roots,
            ledger: &self.ledger,
            labels: &self.labels,
            away: &self.away,
            findings: &self.findings,
            being_written: self.refusing.being_written(),
            is_asking,
        })
    }

    /// Fills in the status.
    pub fn report(&mut self, status: &mut StatusFile) {
        let figures = Figures {
            found: self.ledger.found(),
            pending: self.settling.len() + self.ready.len(),
            in_flight: self.outbox.rows() + self.missing.len(),
            counts: self.counts,
            is_asking: self.is_asking(),
        };
        figures.report(status);
        status.notices(self.notices());
    }
}
