//! Finding out what changed: the kernel's hints at once, scans of new folders, and a scan of everything now and then.

use crate::fs::roots::Roots;
use crate::fs::scan::Scanner;
use crate::fs::watcher::{Changes, Watcher};
use crate::quarantine::returning::QuarantineScanner;
use crate::state::WatchState;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A new folder is scanned at once and once more: files may come into it before the kernel watches it.
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// Watches folders for a [`WatchState`].
#[derive(Debug)]
pub struct ChangeDetector {
    roots: Roots,
    /// One for each root, in their order.
    watchers: Vec<Option<Watcher>>,
    scanner: Scanner,
    quarantine: QuarantineScanner,
    rescan: Duration,
    next_rescan: Instant,
    folders: BTreeMap<String, Instant>,
    warned: bool,
}

impl ChangeDetector {
    /// Watches `roots`, and looks through all of them and `quarantine` every `rescan`.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn open(roots: Roots, quarantine: PathBuf, rescan: Duration, now: Instant) -> io::Result<Self> {
        let scanner = Scanner::start(roots.clone())?;
        let mut detector = Self {
            watchers: roots.iter().map(|_| None).collect(),
            scanner,
            quarantine: QuarantineScanner::start(quarantine)?,
            rescan,
            next_rescan: now + rescan,
            folders: BTreeMap::new(),
            roots,
            warned: false,
        };
        detector.renew();
        Ok(detector)
    }

    /// Asks for a scan of everything.
    pub fn look_through(&mut self, now: Instant) {
        self.next_rescan = now;
    }

    /// Tells the state what was found since.
    pub fn report(&mut self, state: &mut WatchState, now: Instant) {
        let mut changes = Changes::default();
        for watcher in self.watchers.iter().flatten() {
            changes.add(watcher.take());
        }
        if changes.no_watches {
            self.warn("the system has no watches left (fs.inotify.max_user_watches)");
        }
        for path in &changes.paths {
            self.changed(path, state, now);
        }
        let due: Vec<String> =
            self.folders.iter().filter(|(_, due)| **due <= now).map(|(folder, _)| folder.clone()).collect();
        for folder in due {
            self.folders.remove(&folder);
            self.scanner.ask(&folder);
        }
        // Before the inventory is known a scan would point out every image there is.
        if !state.is_asking() && (now >= self.next_rescan || changes.rescan) && self.scanner.is_idle() {
            self.renew();
            for root in self.roots.iter() {
                self.scanner.ask(root.folder.name());
            }
            self.quarantine.ask();
            self.next_rescan = now + self.rescan;
        } else if changes.rescan {
            self.next_rescan = now;
        }
        while let Some(scan) = self.scanner.take() {
            state.scanned(scan, now);
        }
        while let Some(changed) = self.quarantine.take() {
            state.changed_in_quarantine(changed, now);
        }
    }

    /// Whether scans are under way.
    pub fn is_idle(&self) -> bool {
        self.scanner.is_idle() && self.folders.is_empty()
    }

    fn changed(&mut self, path: &Path, state: &mut WatchState, now: Instant) {
        // Names that are not Unicode are met, and named, by the scan.
        let Some(name) = self.roots.name(path) else { return };
        state.point_out(&name, now);
        let is_folder = path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
        if is_folder && !self.folders.contains_key(&name) && name.split('/').all(crate::fs::ignore::folder_counts) {
            self.scanner.ask(&name);
            self.folders.insert(name, now + SECOND_LOOK);
        }
    }

    /// Watches anew when there is no watch, or one on a folder that has been replaced.
    fn renew(&mut self) {
        let mut failed = None;
        for (root, watcher) in self.roots.iter().zip(&mut self.watchers) {
            if !watcher.as_ref().is_some_and(Watcher::is_good) {
                *watcher = Watcher::start(&root.at).map_err(|error| failed = Some(error.to_string())).ok();
            }
        }
        if let Some(reason) = failed {
            self.warn(&reason);
        }
    }

    fn warn(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.warned, true) {
            let every_seconds = self.rescan.as_secs();
            tracing::warn!(reason, every_seconds, "folders cannot be watched as a whole: changes are found by scans");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::fs::roots::Folder;
    use crate::ledger::Held;
    use clap::Parser;
    use notify::event::Flag;
    use notify::{Event, EventKind};
    use plugin_api::edges::Inventory;
    use plugin_api::{Header, Workspace};
    use std::fs;
    use std::thread::sleep;

    /// A state that has been told that the dataset holds nothing.
    fn state(folder: &Path, photos: &Path, now: Instant) -> WatchState {
        let config = Config::try_parse_from(["watch", "--settle-ms", "100"]).unwrap();
        let mut state =
            WatchState::new(&config, Roots::one(Folder::Photos, photos), &Workspace::create(folder).unwrap(), now)
                .unwrap();
        let Some(crate::delivery::outgoing::Outgoing::InventoryRequest(header, _)) = state.next_message(now) else {
            panic!("does not ask")
        };
        let inventory = Inventory {
            path: Vec::<&str>::new().into(),
            modified_ns: Vec::<i64>::new().into(),
            changed_ns: Vec::<i64>::new().into(),
            inode: Vec::<u64>::new().into(),
            size_bytes: Vec::<u64>::new().into(),
        };
        assert!(state.inventory(&Header::new(header.session, 0).fin(true), &inventory, now));
        state
    }

    #[test]
    fn events_that_the_kernel_dropped_are_made_up_for() {
        let folder = tempfile::tempdir().unwrap();
        let photos = folder.path().canonicalize().unwrap().join("photos");
        fs::create_dir_all(photos.join("cat")).unwrap();
        let now = Instant::now();
        let mut state = state(folder.path(), &photos, now);
        let mut detector = ChangeDetector::open(
            Roots::one(Folder::Photos, &photos),
            folder.path().join("quarantine"),
            Duration::from_hours(1),
            now,
        )
        .unwrap();
        fs::write(photos.join("cat/a.jpg"), "a").unwrap();
        sleep(Duration::from_millis(200));
        detector.watchers[0].as_ref().unwrap().take();
        detector.report(&mut state, Instant::now());
        assert!(detector.is_idle() && state.settling.is_empty(), "nothing is known of it");

        detector.watchers[0].as_ref().unwrap().pretend(Event::new(EventKind::Other).set_flag(Flag::Rescan));
        let end = Instant::now() + Duration::from_secs(10);
        while state.settling.is_empty() {
            assert!(Instant::now() < end, "not found");
            detector.report(&mut state, Instant::now());
            sleep(Duration::from_millis(5));
        }
        assert_eq!(state.ledger.get("photos/cat/a.jpg").held, Held::Nothing);
        assert!(state.ledger.get("photos/cat/a.jpg").seen.is_some());
    }

    #[test]
    fn a_new_folder_is_looked_at_twice() {
        let folder = tempfile::tempdir().unwrap();
        let photos = folder.path().canonicalize().unwrap().join("photos");
        fs::create_dir_all(photos.join("cat")).unwrap();
        let start = Instant::now();
        let mut state = state(folder.path(), &photos, start);
        let mut detector = ChangeDetector::open(
            Roots::one(Folder::Photos, &photos),
            folder.path().join("quarantine"),
            Duration::from_hours(1),
            start,
        )
        .unwrap();
        detector.watchers[0].as_ref().unwrap().take();
        detector.changed(&photos.join("cat"), &mut state, start);
        let drain = |detector: &mut ChangeDetector, state: &mut WatchState, now| {
            while !detector.scanner.is_idle() {
                sleep(Duration::from_millis(5));
                detector.watchers[0].as_ref().unwrap().take();
                detector.report(state, now);
            }
        };
        drain(&mut detector, &mut state, start);
        // A file that came between the first look and the kernel's watch.
        fs::write(photos.join("cat/a.jpg"), "a").unwrap();
        sleep(Duration::from_millis(100));
        detector.watchers[0].as_ref().unwrap().take();
        detector.report(&mut state, start + SECOND_LOOK);
        drain(&mut detector, &mut state, start + SECOND_LOOK);
        assert_eq!(state.ledger.found(), 1);
    }
}
