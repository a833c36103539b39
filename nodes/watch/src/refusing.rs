//! Files that are not to be sent again, and their way to quarantine.

use crate::desk::Desk;
use crate::disk::{Mark, wall_ns};
use crate::ledger::Refusal;
use crate::quarantine::{Moved, Record};
use std::io;
use std::time::Instant;

/// Files moved to quarantine in one go: each waits for the disk a few times.
const MOVES: usize = 16;

impl Desk {
    /// A version of a file is not to be sent again, and is moved to quarantine, unless it changes meanwhile: at once
    /// when it has been as it is for long, otherwise when its writer has had time to go on.
    pub(crate) fn refuse(&mut self, record: Record, now: Instant) {
        let mark = Mark { size_bytes: record.size_bytes, modified_ns: record.modified_ns };
        let path = record.path.clone();
        if self.ledger.get(&path).refused.is_none_or(|refusal| refusal.mark != mark) {
            self.counts.rejected += 1;
        }
        self.ledger.change(&path, |entry| entry.refused = Some(Refusal { mark, readable: true }));
        let is_old = wall_ns().saturating_sub(mark.modified_ns) >= self.patience.as_nanos() as i64;
        self.doomed.insert(path, (if is_old { now } else { now + self.patience }, record));
    }

    /// A file that is there but cannot be read: stays where it is, with a note in quarantine.
    pub(crate) fn unreadable(&mut self, path: &str, mark: Mark, error: &io::Error) {
        if error.kind() != io::ErrorKind::PermissionDenied {
            // A failing disk or too few file handles: the next rescan tries again.
            return self.notice_error(path, error);
        }
        let detail = format!("{error}; it was left in its place and is tried again when it or its permissions change");
        let record = Record::new(path, mark, "watch", "unreadable", &detail);
        tracing::warn!(path, %error, "cannot be read");
        if let Err(error) = self.quarantine.note(&record) {
            tracing::error!(path, %error, "no note could be left in quarantine");
        }
        self.counts.rejected += 1;
        self.count_due = Some(Instant::now());
        self.ledger.change(path, |entry| entry.refused = Some(Refusal { mark, readable: false }));
    }

    pub(crate) fn move_doomed(&mut self, now: Instant) {
        let due = self.doomed.iter().filter(|(_, (due, _))| *due <= now).map(|(path, _)| path.clone());
        for path in due.take(MOVES).collect::<Vec<_>>() {
            let Some((_, record)) = self.doomed.remove(&path) else { continue };
            // A RAW whose JPEG has come since is left alone.
            if !self.look(&path).is_ok_and(|there| there.is_some()) {
                self.nominate(&path, now);
                continue;
            }
            match self.quarantine.take(&self.real(&path), &record) {
                Ok(Moved::To(target)) => {
                    self.count_due = Some(now);
                    tracing::warn!(path, reason = record.reason, to = %target.display(), "moved to quarantine");
                }
                Ok(Moved::No) => tracing::info!(path, "changed or left after it was refused"),
                Err(error) => tracing::error!(path, %error, "could not be moved to quarantine"),
            }
            self.nominate(&path, now);
        }
    }
}
