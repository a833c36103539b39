//! What the kernel says about a watched folder.
//!
//! Its word is only taken as a hint where to look. Words that were lost, or never said (network drives, too few
//! watches), are made up for by the regular scan.

use notify::event::{AccessKind, AccessMode};
use notify::{Config, ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What happened since last asked.
#[derive(Debug, Default)]
pub struct Changes {
    /// Where something happened. Each path once, however often.
    pub paths: HashSet<PathBuf>,
    /// Events were lost: everything must be looked through.
    pub rescan: bool,
    /// The system has no watches left.
    pub no_watches: bool,
}

impl Changes {
    /// Both together.
    pub fn add(&mut self, other: Self) {
        self.paths.extend(other.paths);
        self.rescan |= other.rescan;
        self.no_watches |= other.no_watches;
    }

    fn take_in(&mut self, event: notify::Result<Event>) {
        match event {
            Ok(event) => {
                self.rescan |= event.need_rescan();
                if is_change(event.kind) {
                    self.paths.extend(event.paths);
                }
            }
            Err(error) => {
                self.rescan = true;
                self.no_watches |= matches!(error.kind, ErrorKind::MaxFilesWatch);
            }
        }
    }
}

/// Opening and reading change nothing, and reading is what we do ourselves.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

/// A watch on a folder and everything below it.
#[derive(Debug)]
pub struct Watcher {
    _kernel: RecommendedWatcher,
    changes: Arc<Mutex<Changes>>,
    folder: PathBuf,
    identity: Option<(u64, u64)>,
}

impl Watcher {
    /// Watches `folder`. Links below it are not followed.
    ///
    /// # Errors
    /// When the system has no watches left, or the folder is missing.
    pub fn start(folder: &Path) -> notify::Result<Self> {
        let changes = Arc::new(Mutex::new(Changes::default()));
        let inbox = Arc::clone(&changes);
        let handler = move |event| inbox.lock().unwrap_or_else(PoisonError::into_inner).take_in(event);
        let mut kernel = RecommendedWatcher::new(handler, Config::default().with_follow_symlinks(false))?;
        kernel.watch(folder, RecursiveMode::Recursive)?;
        Ok(Self { _kernel: kernel, changes, folder: folder.to_owned(), identity: identity(folder) })
    }

    /// What happened since last asked.
    pub fn take(&self) -> Changes {
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Lets the kernel say something it did not.
    #[cfg(test)]
    pub(crate) fn pretend(&self, event: Event) {
        self.changes.lock().unwrap().take_in(Ok(event));
    }

    /// Whether the folder is still the one that is watched, and not another of the same name.
    pub fn is_good(&self) -> bool {
        self.identity.is_some() && identity(&self.folder) == self.identity
    }
}

fn identity(folder: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(folder).ok().map(|meta| (meta.dev(), meta.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::Flag;
    use std::fs;
    use std::thread::sleep;
    use std::time::{Duration, Instant};

    /// Waits until something happened at `path`.
    fn wait_for(watcher: &Watcher, path: &Path) -> bool {
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end {
            if watcher.take().paths.contains(path) {
                return true;
            }
            sleep(Duration::from_millis(5));
        }
        false
    }

    #[test]
    fn every_kind_of_change_is_noticed_but_reading_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let photos = folder.path();
        let watcher = Watcher::start(photos).unwrap();
        let (class, file) = (photos.join("きゅんきゅん"), photos.join("きゅんきゅん/a.jpg"));
        fs::create_dir(&class).unwrap();
        assert!(wait_for(&watcher, &class));
        sleep(Duration::from_millis(50));
        fs::write(&file, "one").unwrap();
        assert!(wait_for(&watcher, &file));
        fs::rename(&file, class.join("b.jpg")).unwrap();
        assert!(wait_for(&watcher, &class.join("b.jpg")));
        sleep(Duration::from_millis(50));
        watcher.take();
        fs::read(class.join("b.jpg")).unwrap();
        sleep(Duration::from_millis(50));
        assert!(watcher.take().paths.is_empty());
        fs::remove_file(class.join("b.jpg")).unwrap();
        assert!(wait_for(&watcher, &class.join("b.jpg")));
    }

    #[test]
    fn lost_events_ask_for_a_scan() {
        let mut changes = Changes::default();
        changes.take_in(Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)));
        assert!(changes.rescan && !changes.no_watches);
        let mut changes = Changes::default();
        changes.take_in(Err(notify::Error::new(ErrorKind::MaxFilesWatch)));
        assert!(changes.rescan && changes.no_watches);
    }

    #[test]
    fn another_folder_of_the_same_name_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let photos = folder.path().join("photos");
        fs::create_dir(&photos).unwrap();
        let watcher = Watcher::start(&photos).unwrap();
        assert!(watcher.is_good());
        fs::rename(&photos, folder.path().join("old")).unwrap();
        assert!(!watcher.is_good());
        fs::create_dir(&photos).unwrap();
        assert!(!watcher.is_good());
    }
}
