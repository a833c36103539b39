//! Which version of a file is meant, and reading that version or none.
//!
//! A file is identified by size, modification time, change time (`ctime`) and inode. The first two can be set by any
//! program (`touch -r`, `cp -p`, a photo program that keeps the date); the change time cannot, so content that was replaced
//! in place is noticed even when size and date were kept.

use crate::reject_reason::RejectReason;
use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What tells one version of a file from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileVersion {
    /// File size in bytes.
    pub size_bytes: u64,
    /// Modification time (`mtime`), nanoseconds since 1970.
    pub modified_ns: i64,
    /// Time of the last change of content or metadata (`ctime`), nanoseconds since 1970; 0 when it is not known.
    pub changed_ns: i64,
    /// Inode number; 0 when it is not known.
    pub inode: u64,
}

impl From<&Metadata> for FileVersion {
    fn from(meta: &Metadata) -> Self {
        let ns = |seconds: i64, ns: i64| seconds.saturating_mul(1_000_000_000).saturating_add(ns);
        Self {
            size_bytes: meta.len(),
            modified_ns: ns(meta.mtime(), meta.mtime_nsec()),
            changed_ns: ns(meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
        }
    }
}

impl FileVersion {
    /// Whether both are the same version. What one of the two does not know is not compared.
    pub fn is_same(&self, other: &Self) -> bool {
        let changed = self.changed_ns == 0 || other.changed_ns == 0 || self.changed_ns == other.changed_ns;
        changed && self.is_same_but_for_change_time(other)
    }

    /// As [`FileVersion::is_same`], whatever the change times are: links, permissions and renames change those alone.
    pub fn is_same_but_for_change_time(&self, other: &Self) -> bool {
        let inode = self.inode == 0 || other.inode == 0 || self.inode == other.inode;
        inode && (self.size_bytes, self.modified_ns) == (other.size_bytes, other.modified_ns)
    }

    /// Whether change time and inode are known.
    pub fn is_complete(&self) -> bool {
        self.changed_ns != 0 && self.inode != 0
    }
}

/// Why a version of a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The file is gone, another one, or being written.
    #[error("the file changed while it was read")]
    Changed,
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(#[source] io::Error),
}

impl ContentError {
    /// The reason to reject the row with; both are [transient](RejectReason::is_transient).
    pub fn reason(&self) -> RejectReason {
        match self {
            Self::Changed => RejectReason::Changed,
            Self::Unreadable(_) => RejectReason::Unreadable,
        }
    }
}

impl From<io::Error> for ContentError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Self::Changed,
            _ => Self::Unreadable(error),
        }
    }
}

/// The version of the regular file at `path`; `None` when nothing is there, or a folder or a link.
///
/// # Errors
/// [`ContentError::Unreadable`] when that cannot be found out.
fn current(path: &Path) -> Result<Option<FileVersion>, ContentError> {
    let meta = fs::symlink_metadata(path)?;
    Ok(meta.is_file().then(|| FileVersion::from(&meta)))
}

/// Opens the file at `path` if it is the version that was `seen`.
///
/// # Errors
/// Any [`ContentError`].
pub fn open(path: &Path, seen: &FileVersion) -> Result<File, ContentError> {
    let is_seen = |version: FileVersion| version.is_same(seen);
    if !current(path)?.is_some_and(is_seen) {
        return Err(ContentError::Changed);
    }
    let file = File::open(path)?;
    if is_seen(FileVersion::from(&file.metadata()?)) { Ok(file) } else { Err(ContentError::Changed) }
}

/// Whether the file at `path` may be read and is the version that was `seen`.
///
/// # Errors
/// Any [`ContentError`].
pub fn can_open(path: &Path, seen: &FileVersion) -> Result<(), ContentError> {
    open(path, seen).map(drop)
}

/// Appends the content of the file at `path` to `data`, if it is the version that was `seen` before and after reading.
///
/// # Errors
/// Any [`ContentError`]; `data` is then as it was.
pub fn read(path: &Path, seen: &FileVersion, data: &mut Vec<u8>) -> Result<(), ContentError> {
    let before = data.len();
    let result = read_between_looks(path, seen, data);
    if result.is_err() {
        data.truncate(before);
    }
    result
}

fn read_between_looks(path: &Path, seen: &FileVersion, data: &mut Vec<u8>) -> Result<(), ContentError> {
    let before = data.len();
    let mut file = open(path, seen)?;
    // One byte more than expected, to notice a file that has grown without reading all of it.
    let limit = seen.size_bytes.saturating_add(1);
    data.reserve_exact(limit as usize);
    file.by_ref().take(limit).read_to_end(data)?;
    let whole = (data.len() - before) as u64 == seen.size_bytes;
    let is_seen = |version: FileVersion| version.is_same(seen);
    if whole && is_seen(FileVersion::from(&file.metadata()?)) && current(path)?.is_some_and(is_seen) {
        Ok(())
    } else {
        Err(ContentError::Changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::FileTimes;
    use std::time::{Duration, SystemTime};

    fn version(path: &Path) -> FileVersion {
        current(path).unwrap().unwrap()
    }

    #[test]
    fn content_is_appended_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"four").unwrap();
        let mut data = b"old".to_vec();
        read(&path, &version(&path), &mut data).unwrap();
        assert_eq!(data, b"oldfour");
    }

    #[test]
    fn a_file_that_is_not_as_seen_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"four").unwrap();
        let seen = version(&path);
        let mut data = b"old".to_vec();

        fs::write(&path, b"longer").unwrap();
        assert!(matches!(read(&path, &seen, &mut data), Err(ContentError::Changed)));

        // Another file with the same size and time takes the name.
        let other = folder.path().join("b");
        fs::write(&other, b"five").unwrap();
        set_modified(&other, seen.modified_ns);
        fs::rename(&other, &path).unwrap();
        assert!(matches!(read(&path, &seen, &mut data), Err(ContentError::Changed)));

        fs::remove_file(&path).unwrap();
        assert!(matches!(read(&path, &seen, &mut data), Err(ContentError::Changed)));
        assert_eq!(data, b"old");
    }

    #[test]
    fn a_change_with_size_and_time_kept_is_another_version() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"four").unwrap();
        let before = version(&path);
        // The clock of the file system moves on every few milliseconds.
        std::thread::sleep(Duration::from_millis(20));
        fs::write(&path, b"five").unwrap();
        set_modified(&path, before.modified_ns);
        let after = version(&path);
        assert_eq!((after.size_bytes, after.modified_ns, after.inode), (4, before.modified_ns, before.inode));
        assert!(!after.is_same(&before) && after.is_same_but_for_change_time(&before));
        assert!(after.is_same(&FileVersion { changed_ns: 0, inode: 0, ..before }), "an older catalog knows neither");
    }

    fn set_modified(path: &Path, modified_ns: i64) {
        let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(modified_ns as u64);
        let file = File::options().write(true).open(path).unwrap();
        file.set_times(FileTimes::new().set_modified(time)).unwrap();
    }
}
