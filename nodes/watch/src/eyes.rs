//! Finding out what changed: the kernel's hints at once, scans of new folders, and a scan of everything now and then.

use crate::desk::Desk;
use crate::scan::Scanner;
use crate::watcher::Watcher;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A new folder is scanned at once and once more: files may come into it before the kernel watches it.
const SECOND_LOOK: Duration = Duration::from_secs(1);

/// Watches `photos/` for a [`Desk`].
#[derive(Debug)]
pub struct Eyes {
    photos: PathBuf,
    watcher: Option<Watcher>,
    scanner: Scanner,
    rescan: Duration,
    next_rescan: Instant,
    folders: BTreeMap<String, Instant>,
    warned: bool,
}

impl Eyes {
    /// Watches `photos`, a real path, and looks through all of it every `rescan`.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn open(photos: PathBuf, rescan: Duration, now: Instant) -> io::Result<Self> {
        let scanner = Scanner::start(photos.clone())?;
        let mut eyes = Self {
            watcher: None,
            scanner,
            rescan,
            next_rescan: now + rescan,
            folders: BTreeMap::new(),
            photos,
            warned: false,
        };
        eyes.renew();
        Ok(eyes)
    }

    /// Asks for a scan of everything.
    pub fn look_through(&mut self, now: Instant) {
        self.next_rescan = now;
    }

    /// Tells the desk what was found since.
    pub fn report(&mut self, desk: &mut Desk, now: Instant) {
        let changes = self.watcher.as_ref().map(Watcher::take).unwrap_or_default();
        if changes.no_watches {
            self.warn("the system has no watches left (fs.inotify.max_user_watches)");
        }
        for path in &changes.paths {
            self.changed(path, desk, now);
        }
        let due: Vec<String> =
            self.folders.iter().filter(|(_, due)| **due <= now).map(|(folder, _)| folder.clone()).collect();
        for folder in due {
            self.folders.remove(&folder);
            self.scanner.ask(&folder);
        }
        // Before the inventory is known a scan would point out every picture there is.
        if !desk.is_asking() && (now >= self.next_rescan || changes.rescan) && self.scanner.is_idle() {
            self.renew();
            self.scanner.ask("photos");
            self.next_rescan = now + self.rescan;
        } else if changes.rescan {
            self.next_rescan = now;
        }
        while let Some(scan) = self.scanner.take() {
            desk.scanned(scan, now);
        }
    }

    /// Whether scans are under way.
    pub fn is_idle(&self) -> bool {
        self.scanner.is_idle() && self.folders.is_empty()
    }

    fn changed(&mut self, path: &Path, desk: &mut Desk, now: Instant) {
        let Ok(relative) = path.strip_prefix(&self.photos) else { return };
        // Names that are not Unicode are met, and named, by the scan.
        let Some(relative) = relative.to_str().filter(|relative| !relative.is_empty()) else { return };
        let name = format!("photos/{relative}");
        desk.point_out(&name, now);
        let is_folder = path.symlink_metadata().is_ok_and(|meta| meta.is_dir());
        if is_folder && !self.folders.contains_key(&name) && relative.split('/').all(crate::ignore::folder_counts) {
            self.scanner.ask(&name);
            self.folders.insert(name, now + SECOND_LOOK);
        }
    }

    /// Watches anew when there is no watch, or one on a folder that has been replaced.
    fn renew(&mut self) {
        if self.watcher.as_ref().is_some_and(Watcher::is_good) {
            return;
        }
        self.watcher = match Watcher::start(&self.photos) {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                self.warn(&error.to_string());
                None
            }
        };
    }

    fn warn(&mut self, reason: &str) {
        if !std::mem::replace(&mut self.warned, true) {
            let every_seconds = self.rescan.as_secs();
            tracing::warn!(reason, every_seconds, "photos/ cannot be watched as a whole: changes are found by scans");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::ledger::Held;
    use clap::Parser;
    use notify::event::Flag;
    use notify::{Event, EventKind};
    use plugin_api::Tag;
    use plugin_api::edges::Inventory;
    use std::fs;
    use std::thread::sleep;

    /// A desk that has been told that the dataset holds nothing.
    fn desk(folder: &Path, photos: &Path, now: Instant) -> Desk {
        let config = Config::try_parse_from(["watch", "--settle-ms", "100"]).unwrap();
        let mut desk = Desk::new(&config, photos.to_owned(), folder.join("quarantine"), now).unwrap();
        let Some(crate::sending::Outgoing::Hello(tag, _)) = desk.next_message(now) else { panic!("does not ask") };
        let inventory = Inventory {
            path: Vec::<&str>::new().into(),
            modified_ns: Vec::<i64>::new().into(),
            size_bytes: Vec::<u64>::new().into(),
        };
        assert!(desk.inventory(&Tag::new(tag.session, 0).fin(true), &inventory, now));
        desk
    }

    #[test]
    fn events_that_the_kernel_dropped_are_made_up_for() {
        let folder = tempfile::tempdir().unwrap();
        let photos = folder.path().canonicalize().unwrap().join("photos");
        fs::create_dir_all(photos.join("cat")).unwrap();
        let now = Instant::now();
        let mut desk = desk(folder.path(), &photos, now);
        let mut eyes = Eyes::open(photos.clone(), Duration::from_hours(1), now).unwrap();
        fs::write(photos.join("cat/a.jpg"), "a").unwrap();
        sleep(Duration::from_millis(200));
        eyes.watcher.as_ref().unwrap().take();
        eyes.report(&mut desk, Instant::now());
        assert!(eyes.is_idle() && desk.settling.is_empty(), "nothing is known of it");

        eyes.watcher.as_ref().unwrap().pretend(Event::new(EventKind::Other).set_flag(Flag::Rescan));
        let end = Instant::now() + Duration::from_secs(10);
        while desk.settling.is_empty() {
            assert!(Instant::now() < end, "not found");
            eyes.report(&mut desk, Instant::now());
            sleep(Duration::from_millis(5));
        }
        assert_eq!(desk.ledger.get("photos/cat/a.jpg").held, Held::Nothing);
        assert!(desk.ledger.get("photos/cat/a.jpg").on_disk);
    }

    #[test]
    fn a_new_folder_is_looked_at_twice() {
        let folder = tempfile::tempdir().unwrap();
        let photos = folder.path().canonicalize().unwrap().join("photos");
        fs::create_dir_all(photos.join("cat")).unwrap();
        let start = Instant::now();
        let mut desk = desk(folder.path(), &photos, start);
        let mut eyes = Eyes::open(photos.clone(), Duration::from_hours(1), start).unwrap();
        eyes.watcher.as_ref().unwrap().take();
        eyes.changed(&photos.join("cat"), &mut desk, start);
        let drain = |eyes: &mut Eyes, desk: &mut Desk, now| {
            while !eyes.scanner.is_idle() {
                sleep(Duration::from_millis(5));
                eyes.watcher.as_ref().unwrap().take();
                eyes.report(desk, now);
            }
        };
        drain(&mut eyes, &mut desk, start);
        // A file that came between the first look and the kernel's watch.
        fs::write(photos.join("cat/a.jpg"), "a").unwrap();
        sleep(Duration::from_millis(100));
        eyes.watcher.as_ref().unwrap().take();
        eyes.report(&mut desk, start + SECOND_LOOK);
        drain(&mut eyes, &mut desk, start + SECOND_LOOK);
        assert_eq!(desk.ledger.found(), 1);
    }
}
