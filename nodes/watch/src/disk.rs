//! Looking at one file, and reading it whole or not at all.

use std::fs::{self, File, Metadata};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// What tells one version of a file from another, and what the catalog keeps of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// Size of the file, bytes.
    pub size_bytes: u64,
    /// Modification time, nanoseconds since 1970.
    pub modified_ns: i64,
}

/// A [`Mark`] and which file it was, so that a file that took another's name is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Size and modification time.
    pub mark: Mark,
    /// Number of the file on its device.
    pub inode: u64,
}

impl From<&Metadata> for Stamp {
    fn from(meta: &Metadata) -> Self {
        let modified_ns = meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec());
        Self { mark: Mark { size_bytes: meta.len(), modified_ns }, inode: meta.ino() }
    }
}

/// The regular file at `path`; none when nothing is there, or a folder, a link or something that is not a file.
///
/// # Errors
/// Any other error: then it is not known whether the file is there.
pub fn look(path: &Path) -> io::Result<Option<Stamp>> {
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(meta.is_file().then(|| Stamp::from(&meta))),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// As [`look`], for `relative` below `folder`; none as well when a folder in between is a link.
///
/// # Errors
/// As [`look`].
pub fn look_below(folder: &Path, relative: &str) -> io::Result<Option<Stamp>> {
    for (at, _) in relative.match_indices('/') {
        match fs::symlink_metadata(folder.join(&relative[..at])) {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    look(&folder.join(relative))
}

/// Why a file could not be read as it was seen.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It is gone, another, or being written: look again later.
    #[error("changed while it was read")]
    Changed,
    /// It cannot be read.
    #[error(transparent)]
    Unreadable(io::Error),
}

/// Appends the file at `path` to `data`, if it is the one that was `seen`, before and after reading.
///
/// A write that neither look notices would have to leave size and modification time as they were. Files are only read
/// some time after their last change, so the file system's clock has moved on and the next write shows.
///
/// # Errors
/// [`ReadError`]; `data` is then as it was.
pub fn read_whole(path: &Path, seen: Stamp, data: &mut Vec<u8>) -> Result<(), ReadError> {
    let before = data.len();
    let read = read_as_seen(path, seen, data);
    if read.is_err() {
        data.truncate(before);
    }
    read
}

fn read_as_seen(path: &Path, seen: Stamp, data: &mut Vec<u8>) -> Result<(), ReadError> {
    let unreadable = |error: io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => ReadError::Changed,
        _ => ReadError::Unreadable(error),
    };
    if look(path).map_err(unreadable)? != Some(seen) {
        return Err(ReadError::Changed);
    }
    let before = data.len();
    let mut file = File::open(path).map_err(unreadable)?;
    // One byte more than expected, to notice a file that has grown without reading all of it.
    let limit = seen.mark.size_bytes.saturating_add(1);
    data.reserve(limit as usize);
    file.by_ref().take(limit).read_to_end(data).map_err(unreadable)?;
    let opened = Stamp::from(&file.metadata().map_err(unreadable)?);
    let whole = (data.len() - before) as u64 == seen.mark.size_bytes;
    if whole && opened == seen && look(path).map_err(unreadable)? == Some(seen) {
        Ok(())
    } else {
        Err(ReadError::Changed)
    }
}

/// The time of day, nanoseconds since 1970.
pub fn wall_ns() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    #[test]
    fn only_regular_files_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, b"four").unwrap();
        symlink(&file, folder.path().join("link")).unwrap();
        assert_eq!(look(&file).unwrap().unwrap().mark.size_bytes, 4);
        assert_eq!(look(folder.path()).unwrap(), None);
        assert_eq!(look(&folder.path().join("link")).unwrap(), None);
        assert_eq!(look(&folder.path().join("nothing")).unwrap(), None);
        assert_eq!(look(&file.join("below a file")).unwrap(), None);
    }

    #[test]
    fn nothing_is_seen_through_a_linked_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("cat/sub")).unwrap();
        fs::write(folder.path().join("cat/sub/a"), b"four").unwrap();
        symlink(folder.path().join("cat"), folder.path().join("dog")).unwrap();
        assert!(look_below(folder.path(), "cat/sub/a").unwrap().is_some());
        assert_eq!(look_below(folder.path(), "dog/sub/a").unwrap(), None);
        assert_eq!(look_below(folder.path(), "cat/gone/a").unwrap(), None);
        assert_eq!(look_below(folder.path(), "cat/sub/a/b").unwrap(), None);
    }

    #[test]
    fn a_file_is_appended_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"four").unwrap();
        let mut data = b"old".to_vec();
        read_whole(&path, look(&path).unwrap().unwrap(), &mut data).unwrap();
        assert_eq!(data, b"oldfour");
    }

    #[test]
    fn a_file_that_is_not_as_seen_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, b"four").unwrap();
        let seen = look(&path).unwrap().unwrap();
        let mut data = b"old".to_vec();

        fs::write(&path, b"longer").unwrap();
        assert!(matches!(read_whole(&path, seen, &mut data), Err(ReadError::Changed)));

        // Another file with the same size and time takes the name.
        let other = folder.path().join("b");
        fs::write(&other, b"five").unwrap();
        let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(seen.mark.modified_ns as u64);
        File::options().write(true).open(&other).unwrap().set_modified(time).unwrap();
        fs::rename(&other, &path).unwrap();
        assert_eq!(look(&path).unwrap().unwrap().mark, seen.mark);
        assert!(matches!(read_whole(&path, seen, &mut data), Err(ReadError::Changed)));

        fs::remove_file(&path).unwrap();
        assert!(matches!(read_whole(&path, seen, &mut data), Err(ReadError::Changed)));
        assert_eq!(data, b"old");
    }
}
