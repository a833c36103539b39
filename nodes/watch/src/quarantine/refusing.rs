//! Refused files, on their way to quarantine.

use crate::fs::disk::wall_ns;
use crate::fs::roots::Roots;
use crate::fs::scan::image_at;
use crate::fs::writers::has_writer;
use crate::quarantine::record::Record;
use crate::quarantine::{Moved, Quarantine};
use plugin_api::FileVersion;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Files moved to quarantine in one go: each waits for the disk a few times.
const MOVES: usize = 16;

/// Refused files that are to be moved to quarantine.
#[derive(Debug)]
pub(crate) struct Refusing {
    /// A file that changed within this time is not moved.
    arriving: Duration,
    /// How often a file that is being written is looked at.
    patience: Duration,
    /// By path, when they are moved and why.
    waiting: BTreeMap<String, (Instant, Record)>,
    /// Files to be moved, had not somebody opened them for writing.
    being_written: BTreeSet<String>,
}

/// What came of moving files.
#[derive(Debug, Default)]
pub(crate) struct Moves {
    /// Paths to be looked at again.
    pub(crate) paths: Vec<String>,
    /// Whether quarantine has another file or note.
    pub(crate) has_changed: bool,
}

impl Refusing {
    /// None is refused yet.
    pub(crate) fn new(arriving: Duration, patience: Duration) -> Self {
        Self { arriving, patience, waiting: BTreeMap::new(), being_written: BTreeSet::new() }
    }

    /// A file is to be moved to quarantine, unless it changes meanwhile: at once when it has been as it is for long, otherwise
    /// when its writer has had time to go on.
    pub(crate) fn add(&mut self, record: Record, now: Instant) {
        let wait = self.arriving.saturating_sub(age(&record.version()));
        self.waiting.insert(record.path.clone(), (now + wait, record));
    }

    /// Whether no file is to be moved.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Files to be moved, had not somebody opened them for writing.
    pub(crate) fn being_written(&self) -> &BTreeSet<String> {
        &self.being_written
    }

    /// Moves files that are due.
    pub(crate) fn move_due(&mut self, quarantine: &Quarantine, roots: &Roots, now: Instant) -> Moves {
        let mut moves = Moves::default();
        let due = self.waiting.iter().filter(|(_, (due, _))| *due <= now).map(|(path, _)| path.clone());
        for path in due.take(MOVES).collect::<Vec<_>>() {
            let Some((_, record)) = self.waiting.remove(&path) else { continue };
            // A RAW whose JPEG has come since is left alone.
            if !image_at(roots, &path).is_ok_and(|there| there.is_some()) {
                self.being_written.remove(&path);
                moves.paths.push(path);
                continue;
            }
            let at = roots.real(&path).unwrap_or_default();
            if has_writer(&at) {
                if self.being_written.insert(path.clone()) {
                    tracing::info!(path, reason = record.reason, "refused, but somebody is still writing it: it stays");
                }
                self.waiting.insert(path, (now + self.patience, record));
                continue;
            }
            self.being_written.remove(&path);
            match quarantine.take(&at, &record) {
                Ok(Moved::To(target)) => {
                    moves.has_changed = true;
                    tracing::warn!(path, reason = record.reason, to = %target.display(), "moved to quarantine");
                }
                Ok(Moved::Stays) => {
                    moves.has_changed = true;
                    tracing::warn!(path, reason = record.reason, "refused, and cannot be moved: there is a note");
                }
                Ok(Moved::No) => tracing::info!(path, "changed or left after it was refused"),
                Err(error) => tracing::error!(path, %error, "could not be moved to quarantine"),
            }
            moves.paths.push(path);
        }
        moves
    }
}

/// How long ago a version came to be: by the kernel's clock where that is known, as programs set modification times.
fn age(version: &FileVersion) -> Duration {
    let since_ns = if version.changed_ns == 0 { version.modified_ns } else { version.changed_ns };
    Duration::from_nanos(u64::try_from(wall_ns().saturating_sub(since_ns)).unwrap_or(0))
}
