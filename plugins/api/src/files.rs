//! Files that are whole or not there at all: written to a temporary name, synced, renamed.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The temporary name beside `path`: hidden, so that no watcher takes it for an image.
fn temporary(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.part", std::process::id()))
}

/// Writes a file so that a reader sees the old content or the new, never a part, and it survives a power cut.
///
/// # Errors
/// Any error of the file system, with the path in its text; the temporary file is removed.
pub fn write_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let part = temporary(path);
    let written = (|| {
        let mut file = File::create(&part)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&part, path)?;
        sync_folder(path.parent().unwrap_or(Path::new(".")))
    })();
    written.map_err(|error| {
        let _ = fs::remove_file(&part);
        with_path(path, &error)
    })
}

/// Makes renames and new names in a folder last.
///
/// # Errors
/// Any error of the file system.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Lets `link` point to `target` in one step: a reader sees the old target or the new one.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn point_atomically(link: &Path, target: &Path) -> io::Result<()> {
    let part = temporary(link);
    let _ = fs::remove_file(&part);
    std::os::unix::fs::symlink(target, &part)
        .and_then(|()| fs::rename(&part, link))
        .and_then(|()| sync_folder(link.parent().unwrap_or(Path::new("."))))
        .map_err(|error| with_path(link, &error))
}

/// BLAKE3 of what a file holds, in hexadecimal: how images and weights are known.
///
/// # Errors
/// When it cannot be opened or read.
pub fn digest(path: &Path) -> io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// The same error with the path in its text.
pub fn with_path(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_replaces_and_leaves_no_part_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomically(&path, b"old").unwrap();
        write_atomically(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_is_known_by_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.jpg");
        let bytes = vec![7; 200_000];
        fs::write(&path, &bytes).unwrap();
        assert_eq!(digest(&path).unwrap(), blake3::hash(&bytes).to_hex().to_string());
        assert!(digest(&folder.path().join("none")).is_err());
    }

    #[test]
    fn an_error_names_the_file() {
        let error = write_atomically(Path::new("/nowhere/at/all.json"), b"").unwrap_err();
        assert!(error.to_string().contains("/nowhere/at/all.json"));
    }

    #[test]
    fn a_link_is_swapped() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("champion");
        point_atomically(&link, Path::new("a")).unwrap();
        point_atomically(&link, Path::new("b")).unwrap();
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("b"));
    }
}
