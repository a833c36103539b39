//! Which images of the pool or the inbox stand in `photos/` already, whoever put them there.
//!
//! A file is only read when it has the size of such an image: once, and again when it changed.

use plugin_api::files::digest;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Size, modification time (seconds and nanoseconds) and inode: what tells one version of a file from another.
type Version = (u64, i64, i64, u64);

/// Digests of files in `photos/`, as of the last [`PhotosIndex::scan`].
#[derive(Debug)]
pub struct PhotosIndex {
    folder: PathBuf,
    read: HashMap<PathBuf, (Version, String)>,
    digests: HashSet<String>,
}

impl PhotosIndex {
    /// An index of `folder`, empty before the first scan.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, read: HashMap::new(), digests: HashSet::new() }
    }

    /// BLAKE3 digests that the last scan found, in hexadecimal.
    pub fn digests(&self) -> &HashSet<String> {
        &self.digests
    }

    /// Searches the folder for files of one of these sizes in bytes. True when other digests are found than before. A file or folder
    /// that cannot be read keeps what was known of it.
    pub fn scan(&mut self, sizes: &HashSet<u64>) -> bool {
        let mut folders = vec![self.folder.clone()];
        let mut found = HashMap::new();
        while let Some(folder) = folders.pop() {
            let Ok(entries) = fs::read_dir(&folder) else {
                let below = self.read.iter().filter(|(path, _)| path.starts_with(&folder));
                if folder.exists() {
                    found.extend(below.map(|(path, known)| (path.clone(), known.clone())));
                }
                continue;
            };
            for entry in entries.flatten() {
                let Ok(meta) = entry.metadata() else { continue };
                if meta.is_dir() {
                    folders.push(entry.path());
                } else if meta.is_file() && sizes.contains(&meta.len()) {
                    let version = (meta.len(), meta.mtime(), meta.mtime_nsec(), meta.ino());
                    let path = entry.path();
                    match self.read.get(&path).filter(|(of, _)| *of == version) {
                        Some(known) => {
                            found.insert(path, known.clone());
                        }
                        None => match digest(&path) {
                            Ok(digest) => {
                                found.insert(path, (version, digest));
                            }
                            Err(error) => tracing::debug!(path = %path.display(), %error, "cannot be read"),
                        },
                    }
                }
            }
        }
        let digests: HashSet<String> = found.values().map(|(_, digest)| digest.clone()).collect();
        let changed = digests != self.digests;
        (self.read, self.digests) = (found, digests);
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_right_size_are_read_and_changes_noted() {
        let folder = tempfile::tempdir().unwrap();
        let photos = folder.path().join("photos");
        fs::create_dir_all(photos.join("cat/sub")).unwrap();
        fs::write(photos.join("cat/sub/a.jpg"), "four").unwrap();
        fs::write(photos.join("cat/b.jpg"), "longer").unwrap();
        let mut of = PhotosIndex::new(photos.clone());
        assert!(of.scan(&[4].into()));
        let four = blake3::hash(b"four").to_hex().to_string();
        assert_eq!(of.digests(), &HashSet::from([four.clone()]));
        assert!(!of.scan(&[4].into()));
        fs::rename(photos.join("cat/sub/a.jpg"), photos.join("a.jpg")).unwrap();
        assert!(!of.scan(&[4].into()), "it has only moved");
        fs::remove_file(photos.join("a.jpg")).unwrap();
        assert!(of.scan(&[4].into()) && of.digests().is_empty());
        assert!(of.scan(&[6].into()) && !of.digests().contains(&four));
    }
}
