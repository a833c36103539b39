//! Looking through the watched folders, off the event loop.
//!
//! A scan only points out paths worth a look. What becomes of a path is decided by looking at the file itself
//! afterwards, so a scan that is out of date does no harm.

use crate::disk::Stamp;
use crate::ignore::{self, Kind};
use crate::roots::Roots;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Levels below a watched folder on which another device may be mounted: a class, or a class in a split.
const DEVICE_LEVELS: usize = 2;

/// What was found below one folder.
#[derive(Debug, Default)]
pub struct Scan {
    /// The folder, as messages name it: `photos`, `photos/<class>`, ….
    pub folder: String,
    /// Every picture below it, as messages name it.
    pub files: Vec<(String, Stamp)>,
    /// The watched folder and those up to two levels below it, with the number of their device.
    pub devices: Vec<(String, u64)>,
    /// Folders and files that could not be looked at: what is below them is not known.
    pub unknown: Vec<String>,
    /// What a person may want to know, once: path and reason.
    pub notices: Vec<(PathBuf, String)>,
}

impl Scan {
    /// Whether this scan tells that there is no picture at `path`, when it is not among [`Scan::files`].
    pub fn covers(&self, path: &str) -> bool {
        is_below(path, &self.folder) && !self.unknown.iter().any(|u| is_below(path, u))
    }
}

/// Whether `path` is `folder` or below it.
pub fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Walks the folder that messages name `folder`. Links are not followed.
pub fn walk(roots: &Roots, folder: &str) -> Scan {
    let mut scan = Scan { folder: folder.to_owned(), ..Scan::default() };
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if let Err(error) = list(roots, &folder, &mut folders, &mut scan) {
            scan.fail(roots.real(&folder).unwrap_or_default(), folder, &error);
        }
    }
    scan
}

fn list(roots: &Roots, folder: &str, folders: &mut Vec<String>, scan: &mut Scan) -> io::Result<()> {
    let at = roots.real(folder).ok_or_else(|| io::Error::other("it is not watched"))?;
    if folder.matches('/').count() <= DEVICE_LEVELS
        && let Ok(meta) = fs::metadata(&at)
    {
        scan.devices.push((folder.to_owned(), meta.dev()));
    }
    let entries = match fs::read_dir(at) {
        // A folder below a watched one that is gone holds nothing. That one missing means that nothing is known.
        Err(error) if error.kind() == io::ErrorKind::NotFound && folder.contains('/') => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let file_name = entry.file_name();
        let Some(name) = file_name.to_str() else {
            scan.notice(entry.path(), "its name is not valid Unicode");
            continue;
        };
        let path = format!("{folder}/{name}");
        let kind = entry.file_type()?;
        if kind.is_dir() {
            if ignore::folder_counts(name) {
                folders.push(path);
            }
        } else if kind.is_symlink() && ignore::file_counts(name) {
            scan.notice(entry.path(), "it is a link, and links are not followed");
        } else if kind.is_file() {
            match ignore::kind(&path) {
                Kind::Ignored => {}
                Kind::NoClass => scan.notice(entry.path(), "it is in no class folder"),
                Kind::Picture => match entry.metadata() {
                    Ok(meta) => scan.files.push((path, Stamp::from(&meta))),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => scan.fail(entry.path(), path, &error),
                },
            }
        }
    }
    Ok(())
}

impl Scan {
    fn notice(&mut self, path: PathBuf, reason: &str) {
        self.notices.push((path, reason.to_owned()));
    }

    fn fail(&mut self, at: PathBuf, path: String, error: &io::Error) {
        self.notices.push((at, format!("it cannot be looked at: {error}")));
        self.unknown.push(path);
    }
}

/// A thread that scans on request.
#[derive(Debug)]
pub struct Scanner {
    requests: Sender<String>,
    results: Receiver<Scan>,
    asked: usize,
}

impl Scanner {
    /// Starts the thread. It ends when the scanner is dropped.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(roots: Roots) -> io::Result<Self> {
        let (requests, todo) = channel::<String>();
        let (done, results) = channel();
        thread::Builder::new().name("scan".to_owned()).spawn(move || {
            while let Ok(folder) = todo.recv() {
                if done.send(walk(&roots, &folder)).is_err() {
                    break;
                }
            }
        })?;
        Ok(Self { requests, results, asked: 0 })
    }

    /// Asks for a scan of `folder`.
    pub fn ask(&mut self, folder: &str) {
        self.asked += usize::from(self.requests.send(folder.to_owned()).is_ok());
    }

    /// A scan that is done.
    pub fn take(&mut self) -> Option<Scan> {
        let scan = self.results.try_recv().ok()?;
        self.asked -= 1;
        Some(scan)
    }

    /// Whether every scan asked for is done and taken.
    pub fn is_idle(&self) -> bool {
        self.asked == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roots::Folder;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn put(photos: &Path, path: &str) {
        let path = photos.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"picture").unwrap();
    }

    fn paths(scan: &Scan) -> Vec<&str> {
        let mut paths: Vec<&str> = scan.files.iter().map(|(path, _)| path.as_str()).collect();
        paths.sort_unstable();
        paths
    }

    #[test]
    fn pictures_are_found_at_any_depth_and_the_rest_is_not() {
        let photos = tempfile::tempdir().unwrap();
        for path in ["cat/a.jpg", "きゅんきゅん/夏/b.png", "cat/.c.jpg", "cat/d.txt", "e.jpg", "__MACOSX/cat/f.jpg"]
        {
            put(photos.path(), path);
        }
        let scan = walk(&Roots::one(Folder::Photos, photos.path()), "photos");
        assert_eq!(paths(&scan), ["photos/cat/a.jpg", "photos/きゅんきゅん/夏/b.png"]);
        assert_eq!(scan.files[0].1.version.size_bytes, 7);
        assert_eq!(scan.notices, [(photos.path().join("e.jpg"), "it is in no class folder".to_owned())]);
        assert_eq!(paths(&walk(&Roots::one(Folder::Photos, photos.path()), "photos/cat")), ["photos/cat/a.jpg"]);
    }

    #[test]
    fn links_are_not_followed_and_odd_names_are_named() {
        let photos = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        put(outside.path(), "x/a.jpg");
        put(photos.path(), "cat/a.jpg");
        symlink(outside.path(), photos.path().join("dog")).unwrap();
        symlink(photos.path(), photos.path().join("cat/loop")).unwrap();
        symlink(photos.path().join("cat/a.jpg"), photos.path().join("cat/b.jpg")).unwrap();
        fs::write(photos.path().join("cat").join(OsStr::from_bytes(b"\xff.jpg")), b"x").unwrap();
        let scan = walk(&Roots::one(Folder::Photos, photos.path()), "photos");
        assert_eq!(paths(&scan), ["photos/cat/a.jpg"]);
        assert_eq!(scan.notices.len(), 4);
        assert_eq!(scan.notices.iter().filter(|(_, why)| why.contains("link")).count(), 3);
    }

    #[test]
    fn a_missing_class_is_empty_but_missing_photos_are_unknown() {
        let photos = tempfile::tempdir().unwrap();
        let scan = walk(&Roots::one(Folder::Photos, photos.path()), "photos/gone");
        assert!(scan.covers("photos/gone/a.jpg") && !scan.covers("photos/gone2/a.jpg"));
        let scan = walk(&Roots::one(Folder::Photos, photos.path().join("nowhere")), "photos");
        assert!(!scan.covers("photos/cat/a.jpg"));
        assert_eq!(scan.notices.len(), 1);
    }

    #[test]
    fn the_pool_is_walked_without_classes() {
        let pool = tempfile::tempdir().unwrap();
        put(pool.path(), "a.jpg");
        put(pool.path(), "2024/summer/b.jpg");
        let scan = walk(&Roots::one(Folder::Pool, pool.path()), "pool");
        assert_eq!(paths(&scan), ["pool/2024/summer/b.jpg", "pool/a.jpg"]);
        assert!(scan.notices.is_empty() && scan.covers("pool/gone.jpg") && !scan.covers("seeds/cat/a.jpg"));
    }

    #[test]
    fn the_thread_answers_every_request() {
        let photos = tempfile::tempdir().unwrap();
        put(photos.path(), "cat/a.jpg");
        let mut scanner = Scanner::start(Roots::one(Folder::Photos, photos.path())).unwrap();
        scanner.ask("photos");
        assert!(!scanner.is_idle());
        let scan = loop {
            if let Some(scan) = scanner.take() {
                break scan;
            }
            thread::yield_now();
        };
        assert_eq!(paths(&scan), ["photos/cat/a.jpg"]);
        assert!(scanner.is_idle());
    }
}
