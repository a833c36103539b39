//! Files that are not to be sent again, and their way to quarantine.

use crate::fs::disk::wall_ns;
use crate::ledger::Refusal;
use crate::quarantine::Moved;
use crate::quarantine::record::Record;
use crate::state::WatchState;
use plugin_api::{FileVersion, RejectReason};
use std::io;
use std::time::{Duration, Instant};

/// Files moved to quarantine in one go: each waits for the disk a few times.
const MOVES: usize = 16;

impl WatchState {
    /// A version of a file is not to be sent again, and is moved to quarantine, unless it changes meanwhile: at once when
    /// it has been as it is for long, otherwise when its writer has had time to go on.
    pub(crate) fn refuse(&mut self, record: Record, now: Instant) {
        let version = record.version();
        let path = record.path.clone();
        if self.ledger.get(&path).refused.is_none_or(|refusal| !refusal.version.is_same(&version)) {
            self.counts.rejected += 1;
        }
        self.ledger.change(&path, |entry| entry.refused = Some(Refusal { version, readable: true }));
        self.to_quarantine.insert(path, (now + self.arriving.saturating_sub(age(&version)), record));
    }

    /// A file that is there but cannot be read: stays where it is, with a note in quarantine.
    pub(crate) fn unreadable(&mut self, path: &str, version: FileVersion, error: &io::Error) {
        if error.kind() != io::ErrorKind::PermissionDenied {
            // A failing disk or too few file handles: the next rescan tries again.
            return self.notice_error(path, error);
        }
        let detail = format!("{error}; it was left in its place and is tried again when it or its permissions change");
        let record = Record::new(path, version, "watch", RejectReason::Unreadable.name(), &detail);
        tracing::warn!(path, %error, "cannot be read");
        if let Err(error) = self.quarantine.note(&record) {
            tracing::error!(path, %error, "no note could be left in quarantine");
        }
        self.counts.rejected += 1;
        self.count_due = Some(Instant::now());
        self.ledger.change(path, |entry| entry.refused = Some(Refusal { version, readable: false }));
    }

    pub(crate) fn move_to_quarantine(&mut self, now: Instant) {
        let due = self.to_quarantine.iter().filter(|(_, (due, _))| *due <= now).map(|(path, _)| path.clone());
        for path in due.take(MOVES).collect::<Vec<_>>() {
            let Some((_, record)) = self.to_quarantine.remove(&path) else { continue };
            // A RAW whose JPEG has come since is left alone.
            if !self.look(&path).is_ok_and(|there| there.is_some()) {
                self.being_written.remove(&path);
                self.enqueue(&path, now);
                continue;
            }
            let at = self.real(&path);
            if (self.has_writer)(&at) {
                if self.being_written.insert(path.clone()) {
                    tracing::info!(path, reason = record.reason, "refused, but somebody is still writing it: it stays");
                }
                self.to_quarantine.insert(path, (now + self.patience, record));
                continue;
            }
            self.being_written.remove(&path);
            match self.quarantine.take(&at, &record) {
                Ok(Moved::To(target)) => {
                    self.count_due = Some(now);
                    tracing::warn!(path, reason = record.reason, to = %target.display(), "moved to quarantine");
                }
                Ok(Moved::Stays) => {
                    self.count_due = Some(now);
                    tracing::warn!(path, reason = record.reason, "refused, and cannot be moved: there is a note");
                }
                Ok(Moved::No) => tracing::info!(path, "changed or left after it was refused"),
                Err(error) => tracing::error!(path, %error, "could not be moved to quarantine"),
            }
            self.enqueue(&path, now);
        }
    }
}

/// How long ago a version came to be: by the kernel's clock where that is known, as programs set modification times.
fn age(version: &FileVersion) -> Duration {
    let since_ns = if version.changed_ns == 0 { version.modified_ns } else { version.changed_ns };
    Duration::from_nanos(u64::try_from(wall_ns().saturating_sub(since_ns)).unwrap_or(0))
}
