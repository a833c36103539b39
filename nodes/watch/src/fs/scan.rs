//! Looking through the watched folders, off the event loop.
//!
//! A scan only points out paths worth a look. What becomes of a path is decided by looking at the file itself
//! afterwards, so a scan that is out of date does no harm.

use crate::fs::disk::{Stamp, look_below};
use crate::fs::ignore::{self, Claim, FolderKind, Kind, LeftAlone, is_image, kind};
use crate::fs::roots::{Folder, Roots};
use plugin_api::FileVersion;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, DirEntry, FileType};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// Paths of one kind that are kept as examples.
pub const EXAMPLES: usize = 3;

/// Levels below a watched folder on which another device may be mounted: a class, or a class in a split.
const DEVICE_LEVELS: usize = 2;

/// Folders of folders that are gone through to count what lies in one whose name is not UTF-8.
const DEPTH: usize = 16;

/// Files left alone for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Number of such files.
    pub count: u64,
    /// A few of them, as messages name them.
    pub examples: Vec<String>,
}

/// Files and folders left alone, by reason.
pub type Tally = BTreeMap<LeftAlone, Left>;

/// Counts `count` more files into `tally`.
pub fn tally(tally: &mut Tally, why: LeftAlone, count: u64, example: &str) {
    let left = tally.entry(why).or_default();
    left.count += count;
    if left.examples.len() < EXAMPLES {
        left.examples.push(example.to_owned());
    }
}

/// What was found below one folder.
#[derive(Debug, Default)]
pub struct Scan {
    /// The folder, as messages name it: `photos`, `photos/<class>`, ….
    pub folder: String,
    /// Every image below it, as messages name it.
    pub files: Vec<(String, Stamp)>,
    /// The watched folder and those up to two levels below it, with the number of their device.
    pub devices: Vec<(String, u64)>,
    /// Folders and files that could not be looked at: what is below them is not known.
    pub unknown: Vec<String>,
    /// What was left alone, by the folder it lies in. Folders without anything of the kind are not listed.
    pub left: BTreeMap<String, Tally>,
    /// What could not be looked at: path and reason.
    pub notices: Vec<(PathBuf, String)>,
}

impl Scan {
    /// Whether this scan tells that there is no image at `path`, when it is not among [`Scan::files`].
    pub fn covers(&self, path: &str) -> bool {
        is_below(path, &self.folder) && !self.unknown.iter().any(|u| is_below(path, u))
    }
}

/// Whether `path` is `folder` or below it.
pub fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What the content of files was whose names do not tell, so that it is read once for each version.
#[derive(Debug, Default)]
pub struct Contents {
    known: HashMap<String, (FileVersion, bool)>,
    seen: HashSet<String>,
}

impl Contents {
    fn is_image(&mut self, path: &str, at: &Path, version: FileVersion) -> bool {
        self.seen.insert(path.to_owned());
        match self.known.get(path) {
            Some((before, is_image)) if *before == version => *is_image,
            _ => {
                let is_image = ignore::has_image_content(at);
                self.known.insert(path.to_owned(), (version, is_image));
                is_image
            }
        }
    }

    /// Forgets files below `folder` that are there no more.
    fn forget(&mut self, folder: &str) {
        let seen = std::mem::take(&mut self.seen);
        self.known.retain(|path, _| seen.contains(path) || !is_below(path, folder));
    }
}

/// The image at `path`, as messages name it, if there is one that counts.
pub(crate) fn image_at(roots: &Roots, path: &str) -> io::Result<Option<Stamp>> {
    match (kind(path), roots.of(path), path.split_once('/')) {
        (Kind::Image, Some(root), Some((_, relative))) => {
            Ok(look_below(&root.at, relative)?.filter(|_| is_image(path, &root.at.join(relative))))
        }
        _ => Ok(None),
    }
}

/// Walks the folder that messages name `folder`. Links are not followed.
pub fn walk(roots: &Roots, folder: &str) -> Scan {
    walk_with(roots, folder, &mut Contents::default())
}

/// As [`walk`], with what is known of earlier walks.
pub fn walk_with(roots: &Roots, folder: &str, contents: &mut Contents) -> Scan {
    let mut scan = Scan { folder: folder.to_owned(), ..Scan::default() };
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        if let Err(error) = list(roots, &folder, &mut folders, &mut scan, contents) {
            scan.fail(roots.real(&folder).unwrap_or_default(), folder, &error);
        }
    }
    contents.forget(folder);
    scan
}

fn list(
    roots: &Roots,
    folder: &str,
    folders: &mut Vec<String>,
    scan: &mut Scan,
    contents: &mut Contents,
) -> io::Result<()> {
    let at = roots.real(folder).ok_or_else(|| io::Error::other("it is not watched"))?;
    let root = roots.of(folder).map_or(Folder::Photos, |root| root.folder);
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
    let mut tallied = Tally::new();
    let mut files: Vec<(String, DirEntry)> = Vec::new();
    for entry in entries {
        let entry = entry?;
        let file_type = entry.file_type()?;
        match entry.file_name().into_string() {
            Err(name) => {
                let count = if file_type.is_dir() { files_below(&entry.path(), DEPTH) } else { 1 };
                tally(&mut tallied, LeftAlone::NotUtf8, count, &format!("{folder}/{}", name.display()));
            }
            Ok(name) if file_type.is_file() => files.push((name, entry)),
            Ok(name) => other_entry(folder, &name, file_type, folders, &mut tallied),
        }
    }
    let names: HashSet<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    for (name, entry) in &files {
        let claim = ignore::claim(root, name, |other| names.contains(other));
        let path = format!("{folder}/{name}");
        if let Claim::Left(why) = claim {
            tally(&mut tallied, why, 1, &path);
        }
        if !matches!(claim, Claim::Image | Claim::Unknown) {
            continue;
        }
        let stamp = match entry.metadata() {
            Ok(meta) => Stamp::from(&meta),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                scan.fail(entry.path(), path, &error);
                continue;
            }
        };
        if claim == Claim::Unknown && !contents.is_image(&path, &entry.path(), stamp.version) {
            tally(&mut tallied, LeftAlone::Other, 1, &path);
        } else if kind(&path) == Kind::NoClass {
            tally(&mut tallied, LeftAlone::OutsideClass, 1, &path);
        } else {
            scan.files.push((path, stamp));
        }
    }
    if !tallied.is_empty() {
        scan.left.insert(folder.to_owned(), tallied);
    }
    Ok(())
}

/// A folder, a link, or something that is neither and no file.
fn other_entry(folder: &str, name: &str, file_type: FileType, folders: &mut Vec<String>, tallied: &mut Tally) {
    let path = format!("{folder}/{name}");
    if file_type.is_dir() {
        match ignore::folder_kind(name) {
            FolderKind::Images => folders.push(path),
            FolderKind::Bin => tally(tallied, LeftAlone::Bin, 1, &path),
            FolderKind::Catalog => tally(tallied, LeftAlone::Catalog, 1, &path),
            FolderKind::Hidden => {}
        }
    } else if file_type.is_symlink() && !name.starts_with('.') {
        tally(tallied, LeftAlone::Link, 1, &path);
    }
}

/// Files below a folder whose name is not UTF-8, at least 1: an empty one is worth a word too.
fn files_below(folder: &Path, depth: usize) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let count = |entry: DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() && depth > 0 => files_below(&entry.path(), depth - 1),
        Ok(kind) => u64::from(kind.is_file()),
        Err(_) => 0,
    };
    entries.map(count).sum::<u64>().max(1)
}

impl Scan {
    fn fail(&mut self, at: PathBuf, path: String, error: &io::Error) {
        // Kept by its own path, which this scan does not cover.
        tally(self.left.entry(path.clone()).or_default(), LeftAlone::Unreadable, 1, &path);
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
            let mut contents = Contents::default();
            while let Ok(folder) = todo.recv() {
                if done.send(walk_with(&roots, &folder, &mut contents)).is_err() {
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
    use crate::fs::roots::Folder;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn put(photos: &Path, path: &str) {
        let path = photos.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"content").unwrap();
    }

    /// How many files were left alone for a reason.
    fn left(scan: &Scan, why: LeftAlone) -> u64 {
        scan.left.values().filter_map(|tally| tally.get(&why)).map(|left| left.count).sum()
    }

    fn paths(scan: &Scan) -> Vec<&str> {
        let mut paths: Vec<&str> = scan.files.iter().map(|(path, _)| path.as_str()).collect();
        paths.sort_unstable();
        paths
    }

    #[test]
    fn images_are_found_at_any_depth_and_the_rest_is_not() {
        let photos = tempfile::tempdir().unwrap();
        for path in ["cat/a.jpg", "きゅんきゅん/夏/b.png", "cat/.c.jpg", "cat/d.txt", "e.jpg", "__MACOSX/cat/f.jpg"]
        {
            put(photos.path(), path);
        }
        let scan = walk(&Roots::one(Folder::Photos, photos.path()), "photos");
        assert_eq!(paths(&scan), ["photos/cat/a.jpg", "photos/きゅんきゅん/夏/b.png"]);
        assert_eq!(scan.files[0].1.version.size_bytes, 7);
        let outside = &scan.left["photos"][&LeftAlone::OutsideClass];
        assert_eq!((outside.count, &outside.examples[..]), (1, &["photos/e.jpg".to_owned()][..]));
        assert_eq!(left(&scan, LeftAlone::Document), 1);
        assert!(scan.notices.is_empty());
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
        assert_eq!([left(&scan, LeftAlone::Link), left(&scan, LeftAlone::NotUtf8)], [3, 1]);
    }

    #[test]
    fn a_folder_with_an_odd_name_counts_its_files() {
        let photos = tempfile::tempdir().unwrap();
        let class = photos.path().join(OsStr::from_bytes(b"\x94\x4c"));
        fs::create_dir_all(class.join("sub")).unwrap();
        for name in ["a.jpg", "b.jpg", "sub/c.jpg"] {
            fs::write(class.join(name), b"x").unwrap();
        }
        let scan = walk(&Roots::one(Folder::Photos, photos.path()), "photos");
        assert_eq!((left(&scan, LeftAlone::NotUtf8), scan.files.len()), (3, 0));
    }

    #[test]
    fn bins_and_films_are_counted_in_every_folder() {
        for root in [Folder::Photos, Folder::Seeds, Folder::Pool, Folder::Inbox] {
            let folder = tempfile::tempdir().unwrap();
            for path in [
                "cat/a.jpg",
                "cat/@Recycle/b.jpg",
                "$Recycle.Bin/c.jpg",
                "cat/a.MOV",
                "cat/d.mov",
                "cat/x.lrdata/e.jpg",
            ] {
                put(folder.path(), path);
            }
            let scan = walk(&Roots::one(root, folder.path()), root.name());
            assert_eq!(paths(&scan), [format!("{}/cat/a.jpg", root.name())]);
            let counts =
                [LeftAlone::Bin, LeftAlone::LivePhoto, LeftAlone::Film, LeftAlone::Catalog].map(|w| left(&scan, w));
            assert_eq!(counts, [2, 1, 1, 1]);
        }
    }

    #[test]
    fn content_is_read_once_for_each_version() {
        let photos = tempfile::tempdir().unwrap();
        fs::create_dir(photos.path().join("cat")).unwrap();
        let at = photos.path().join("cat/a");
        let roots = Roots::one(Folder::Photos, photos.path());
        let mut contents = Contents::default();
        fs::write(&at, b"words, so far").unwrap();
        assert!(walk_with(&roots, "photos", &mut contents).files.is_empty());
        fs::write(&at, b"\x89PNG\r\n\x1A\n").unwrap();
        assert_eq!(paths(&walk_with(&roots, "photos", &mut contents)), ["photos/cat/a"]);
        assert_eq!(contents.known.len(), 1);
        fs::remove_file(&at).unwrap();
        walk_with(&roots, "photos", &mut contents);
        assert!(contents.known.is_empty());
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
