//! Looking at one file.

use plugin_api::FileVersion;
use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// A file as it was when it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Which version it is.
    pub version: FileVersion,
    /// How many names it has. A hard link more or less changes the change time and nothing else.
    pub links: u64,
}

impl From<&Metadata> for Stamp {
    fn from(meta: &Metadata) -> Self {
        Self { version: FileVersion::from(meta), links: meta.nlink() }
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

/// The time of day, nanoseconds since 1970.
pub fn wall_ns() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_regular_files_are_seen() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a");
        fs::write(&file, b"four").unwrap();
        symlink(&file, folder.path().join("link")).unwrap();
        assert_eq!(look(&file).unwrap().unwrap().version.size_bytes, 4);
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
}
