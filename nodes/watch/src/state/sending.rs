//! From settled paths to messages.

use crate::delivery::outbox::{Row, Stream};
use crate::delivery::outgoing::{Outgoing, image_files, inventory_request, removed};
use crate::delivery::ready::{REMOVED_ROWS, cost_bytes};
use crate::fs::scan::image_at;
use crate::ledger::{PendingChange, Refusal};
use crate::quarantine::record::Record;
use crate::state::WatchState;
use plugin_api::edges::ImagesHeader;
use plugin_api::layout::Place;
use plugin_api::{ContentError, FileVersion, Header, RejectReason};
use std::io;
use std::time::Instant;

impl WatchState {
    /// The next message to send, if there is one and room for it. Files are opened here, to see whether they may be read; their content is left to `decode`.
    pub fn next_message(&mut self, now: Instant) -> Option<Outgoing> {
        if let Some(asking) = &mut self.asking {
            let header = asking.ask(now)?;
            return Some(Outgoing::InventoryRequest(header, inventory_request()));
        }
        if now < self.not_before || !self.outbox.has_room() {
            return None;
        }
        let removals = if self.ready.has_removals(now) { self.removals(now) } else { None };
        removals.or_else(|| if self.has_images(now) { self.images(now) } else { None })
    }

    /// Whether [`WatchState::next_message`] would have something to send.
    pub fn has_message(&self, now: Instant) -> bool {
        let may_send = !self.is_asking() && now >= self.not_before && self.outbox.has_room();
        may_send && (self.ready.has_removals(now) || self.has_images(now))
    }

    fn has_images(&self, now: Instant) -> bool {
        self.labels.are_known() && self.ready.has_images(self.batch_bytes, self.batch_rows, now)
    }

    fn removals(&mut self, now: Instant) -> Option<Outgoing> {
        let mut rows = Vec::new();
        while rows.len() < REMOVED_ROWS
            && let Some(path) = self.ready.take_removal()
        {
            // Looked at again: it may have waited long for its turn.
            match image_at(&self.roots, &path) {
                Ok(disk) if self.pending_change(&path, disk) == PendingChange::Removal => {
                    rows.push(Row { path, version: disk.map(|s| s.version).unwrap_or_default() });
                }
                _ => self.settling.add(&path, now),
            }
        }
        // Only now: a drive that dropped before the looks is noticed here.
        let paths: Vec<String> = rows.iter().map(|row| row.path.clone()).collect();
        let deleted = self.with_away(now, |away, around| away.is_deleted_now(&paths, around, now));
        let (rows, doubtful): (Vec<_>, Vec<_>) = rows.into_iter().zip(deleted).partition(|(row, deleted)| {
            // One that is there, but was refused, is in the dataset in an earlier version.
            row.version != FileVersion::default() || (*deleted && self.root_is_there(&row.path))
        });
        for (row, _) in doubtful {
            self.settling.add(&row.path, now);
        }
        let rows: Vec<Row> = rows.into_iter().map(|(row, _)| row).collect();
        if rows.is_empty() {
            return None;
        }
        let message = removed(&rows);
        Some(Outgoing::Removed(self.depart(Stream::Removed, rows, now), message))
    }

    fn images(&mut self, now: Instant) -> Option<Outgoing> {
        let mut rows: Vec<Row> = Vec::new();
        let mut bytes = 0;
        while rows.len() < self.batch_rows {
            let limit = if rows.is_empty() { u64::MAX } else { self.batch_bytes.saturating_sub(bytes) };
            let Some((path, stamp)) = self.ready.take_image(limit) else { break };
            if self.pending_change(&path, Some(stamp)) != PendingChange::Image {
                self.settling.add(&path, now);
                continue;
            }
            match (self.opening)(&self.real(&path), &stamp.version) {
                Ok(()) => {
                    bytes += cost_bytes(&path, stamp);
                    rows.push(Row { path, version: stamp.version });
                }
                Err(ContentError::Changed) => self.settling.add(&path, now),
                Err(ContentError::Unreadable(error)) => self.unreadable(&path, stamp.version, &error),
            }
        }
        if rows.is_empty() {
            return None;
        }
        self.counts.sent += rows.len() as u64;
        let places: Vec<Place> = rows.iter().map(|row| self.labels.place(&row.path)).collect();
        let message = image_files(&rows, &places);
        let header = self.depart(Stream::Images, rows, now).with(&ImagesHeader { batch_rows: self.batch_rows as u32 });
        Some(Outgoing::Images(header, Box::new(message)))
    }

    /// A file that is there but cannot be read: stays where it is, with a note in quarantine.
    fn unreadable(&mut self, path: &str, version: FileVersion, error: &io::Error) {
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

    fn depart(&mut self, stream: Stream, rows: Vec<Row>, now: Instant) -> Header {
        for row in &rows {
            self.ledger.change(&row.path, |entry| entry.in_flight = true);
        }
        self.outbox.send(stream, rows, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::fs::roots::{Folder, Roots};
    use crate::fs::scan::walk;
    use arrow::array::StringArray;
    use clap::Parser;
    use plugin_api::Workspace;
    use plugin_api::edges::{Acknowledgement, Committed};
    use plugin_api::version::can_open;
    use std::fs;
    use std::path::Path;
    use std::time::Duration;

    /// The state over one image in `photos/cat`, with another way of opening.
    fn state(folder: &Path, now: Instant, opening: crate::state::Opening) -> WatchState {
        let photos = folder.join("photos").canonicalize();
        let photos = photos.unwrap_or_else(|_| {
            fs::create_dir_all(folder.join("photos/cat")).unwrap();
            fs::write(folder.join("photos/cat/a.jpg"), "first").unwrap();
            folder.join("photos").canonicalize().unwrap()
        });
        let config = Config::try_parse_from(["watch"]).unwrap();
        let workspace = Workspace::create(folder).unwrap();
        let mut state = WatchState::new(&config, Roots::one(Folder::Photos, photos), &workspace, now).unwrap();
        state.asking = None;
        state.opening = opening;
        state
    }

    /// Scans and works for `seconds`; what was sent.
    fn pass(state: &mut WatchState, now: &mut Instant, seconds: u64) -> Vec<Outgoing> {
        let mut sent = Vec::new();
        for _ in 0..seconds * 10 {
            *now += Duration::from_millis(100);
            state.scanned(walk(&state.roots.clone(), "photos"), *now);
            state.work(*now);
            sent.extend(state.next_message(*now));
        }
        sent
    }

    fn denied(_: &Path, _: &FileVersion) -> Result<(), ContentError> {
        Err(ContentError::Unreadable(io::Error::from(io::ErrorKind::PermissionDenied)))
    }

    fn failing(_: &Path, _: &FileVersion) -> Result<(), ContentError> {
        Err(ContentError::Unreadable(io::Error::other("the disk fails")))
    }

    /// Somebody else writes while we look.
    fn disturbed(path: &Path, seen: &FileVersion) -> Result<(), ContentError> {
        if fs::read(path).unwrap() == b"first" {
            fs::write(path, "second, longer").unwrap();
        }
        can_open(path, seen)
    }

    #[test]
    fn file_without_permission_stays_noted_until_readable() {
        let folder = tempfile::tempdir().unwrap();
        let mut now = Instant::now();
        let mut state = state(folder.path(), now, denied);
        assert!(pass(&mut state, &mut now, 5).is_empty());
        let note = folder.path().join("quarantine/cat/a.jpg.json");
        assert!(fs::read_to_string(&note).unwrap().contains("unreadable"));
        assert!(folder.path().join("photos/cat/a.jpg").exists());
        assert_eq!(state.counts.rejected, 1, "not tried again and again");

        state.opening = can_open;
        assert!(pass(&mut state, &mut now, 5).is_empty(), "nobody has touched it");
        state.point_out("photos/cat/a.jpg", now);
        let sent = pass(&mut state, &mut now, 5);
        let [Outgoing::Images(header, _)] = sent.as_slice() else { panic!("{sent:?}") };
        let listed = Committed { path: StringArray::from_iter_values(["photos/cat/a.jpg"]) };
        state.committed(&header.clone().with(&Acknowledgement::Committed), &listed, now);
        assert!(!note.exists(), "the note is taken back");
    }

    #[test]
    fn a_failing_disk_is_tried_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut now = Instant::now();
        let mut state = state(folder.path(), now, failing);
        assert!(pass(&mut state, &mut now, 5).is_empty());
        assert_eq!(state.counts.rejected, 0);
        state.opening = can_open;
        assert_eq!(pass(&mut state, &mut now, 5).len(), 1);
    }

    #[test]
    fn a_file_being_written_is_sent_once_it_is_quiet() {
        let folder = tempfile::tempdir().unwrap();
        let mut now = Instant::now();
        let mut state = state(folder.path(), now, disturbed);
        let sent = pass(&mut state, &mut now, 5);
        let [Outgoing::Images(_, images)] = sent.as_slice() else { panic!("{sent:?}") };
        assert_eq!(images.size_bytes.value(0), "second, longer".len() as u64);
        assert_eq!(images.label.value(0), "cat");
    }
}
