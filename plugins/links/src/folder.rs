//! Folders of hard links on disk: listing them, making a link, and removing one of our own.

use plugin_api::files::{sync_folder, with_path};
use std::collections::HashMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};

/// A folder with folders of links in it: `candidates/` with one a class; the workspace with `review/` and `sorted/<class>/`.
#[derive(Clone, Debug)]
pub struct LinkFolder {
    root: PathBuf,
}

/// What became of a link that was to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linked {
    /// It is there: its name, and the inode of the file.
    As(String, u64),
    /// The file is gone, or another than it was: nothing is linked.
    Changed,
}

impl LinkFolder {
    /// Folders of links below `root`.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Where a folder lies: `folder` is a path relative to the root, here and below.
    pub fn path(&self, folder: &str) -> PathBuf {
        self.root.join(folder)
    }

    /// Inode and name of every file in a folder; `None` when there is no such folder.
    ///
    /// # Errors
    /// When the folder cannot be read: then nothing is known.
    pub fn list(&self, folder: &str) -> io::Result<Option<HashMap<u64, String>>> {
        let folder = self.path(folder);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            entries => entries.map_err(|e| with_path(&folder, &e))?,
        };
        let mut found = HashMap::new();
        for entry in entries {
            let entry = entry.map_err(|e| with_path(&folder, &e))?;
            if entry.file_type().is_ok_and(|kind| kind.is_file()) {
                found.insert(entry.ino(), entry.file_name().to_string_lossy().into_owned());
            }
        }
        Ok(Some(found))
    }

    /// Links `source` as `name`, or as the first of `name (2)`, … that is free, if it is still of this size and time.
    ///
    /// # Errors
    /// Any error of the file system, with both paths in its text.
    pub fn link(
        &self,
        source: &Path,
        size_bytes: u64,
        modified_ns: i64,
        folder: &str,
        name: &str,
    ) -> io::Result<Linked> {
        let folder = self.path(folder);
        fs::create_dir_all(&folder).map_err(|e| with_path(&folder, &e))?;
        let as_seen = |path: &Path| -> io::Result<Option<u64>> {
            match fs::symlink_metadata(path) {
                Ok(meta) => {
                    let modified = meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec());
                    let same = meta.is_file() && meta.len() == size_bytes && modified == modified_ns;
                    Ok(same.then(|| meta.ino()))
                }
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
                Err(error) => Err(with_path(path, &error)),
            }
        };
        let Some(inode) = as_seen(source)? else { return Ok(Linked::Changed) };
        for n in 1..=9999 {
            let name = numbered(name, n);
            let target = folder.join(&name);
            match fs::hard_link(source, &target) {
                Ok(()) if as_seen(&target)? == Some(inode) => return Ok(Linked::As(name, inode)),
                Ok(()) => {
                    // Another file took the source's name in this moment. It has a name of its own: the link may go.
                    fs::remove_file(&target).map_err(|e| with_path(&target, &e))?;
                    return Ok(Linked::Changed);
                }
                // Linked before, and killed before that was written down.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    if as_seen(&target)? == Some(inode) {
                        return Ok(Linked::As(name, inode));
                    }
                }
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Linked::Changed),
                Err(error) => {
                    let text = format!("{} cannot be linked to {}: {error}", source.display(), target.display());
                    return Err(io::Error::new(error.kind(), text));
                }
            }
        }
        Err(io::Error::other(format!("no name is free in {} for {name}", folder.display())))
    }

    /// Removes a link if it still is this file and the file has `other_names` other names at least: 1, lest the last name that a
    /// person has left be deleted; 0 for a file that was replaced. Returns whether it was removed.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn unlink(&self, folder: &str, name: &str, inode: u64, other_names: u64) -> io::Result<bool> {
        let path = self.path(folder).join(name);
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_file() && meta.ino() == inode && meta.nlink() > other_names => {
                fs::remove_file(&path).map_err(|e| with_path(&path, &e))?;
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
            Err(error) => Err(with_path(&path, &error)),
        }
    }

    /// Makes what was linked and removed in a folder last.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn sync(&self, folder: &str) -> io::Result<()> {
        let folder = self.path(folder);
        match sync_folder(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(with_path(&folder, &error)),
            _ => Ok(()),
        }
    }

    /// Creates a folder.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn create(&self, folder: &str) -> io::Result<()> {
        let folder = self.path(folder);
        fs::create_dir_all(&folder).map_err(|e| with_path(&folder, &e))
    }

    /// Removes a folder if nothing is in it.
    pub fn remove_if_empty(&self, folder: &str) {
        let _ = fs::remove_dir(self.path(folder));
    }
}

/// The name of a link: a number that sorts it, then the name of its file, cut where names may not be longer.
pub fn link_name(number: &str, path: &str) -> String {
    let file = path.rsplit_once('/').map_or(path, |(_, file)| file);
    let (stem, ending) = stem(file);
    format!("{number}_{}{ending}", &stem[..stem.floor_char_boundary(200)])
}

/// Whether a folder may have this name: a class comes from a message or a model, and must not lead out of the root.
pub fn is_folder_name(class: &str) -> bool {
    !matches!(class, "" | "." | "..") && !class.contains(['/', '\0'])
}

fn numbered(name: &str, n: u32) -> String {
    let (stem, ending) = stem(name);
    if n == 1 { name.to_owned() } else { format!("{stem} ({n}){ending}") }
}

/// A name without its ending, and the ending with its dot.
fn stem(name: &str) -> (&str, &str) {
    let at = name.rfind('.').filter(|at| *at > 0 && name.len() - at < 20).unwrap_or(name.len());
    name.split_at(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Workspace {
        folder: tempfile::TempDir,
        folders: LinkFolder,
    }

    impl Workspace {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let folders = LinkFolder::new(folder.path().join("candidates"));
            Self { folder, folders }
        }

        fn put(&self, name: &str, content: &str) -> (PathBuf, u64, i64, u64) {
            let path = self.folder.path().join(name);
            fs::write(&path, content).unwrap();
            let meta = fs::metadata(&path).unwrap();
            (path, meta.len(), meta.mtime() * 1_000_000_000 + meta.mtime_nsec(), meta.ino())
        }
    }

    #[test]
    fn a_link_is_the_same_file_and_goes_without_it() {
        let workspace = Workspace::new();
        let (path, size, modified, inode) = workspace.put("a.jpg", "one");
        let linked = workspace.folders.link(&path, size, modified, "きゅん", "03_a.jpg").unwrap();
        assert_eq!(linked, Linked::As("03_a.jpg".into(), inode));
        // Again, as after a kill: it is known again.
        assert_eq!(workspace.folders.link(&path, size, modified, "きゅん", "03_a.jpg").unwrap(), linked);
        assert_eq!(workspace.folders.list("きゅん").unwrap(), Some([(inode, "03_a.jpg".to_owned())].into()));
        // Another file of this name.
        let (other, size, modified, _) = workspace.put("b.jpg", "two");
        let Linked::As(name, _) = workspace.folders.link(&other, size, modified, "きゅん", "03_a.jpg").unwrap()
        else {
            panic!("not linked")
        };
        assert_eq!(name, "03_a (2).jpg");
        assert!(!workspace.folders.unlink("きゅん", "03_a (2).jpg", inode, 1).unwrap(), "it is another file");
        assert!(workspace.folders.unlink("きゅん", "03_a.jpg", inode, 1).unwrap());
        assert_eq!(fs::read_to_string(path).unwrap(), "one");
        assert_eq!(workspace.folders.list("none").unwrap(), None);
    }

    #[test]
    fn a_file_that_changed_is_not_linked() {
        let workspace = Workspace::new();
        let (path, size, modified, _) = workspace.put("a.jpg", "one");
        assert_eq!(workspace.folders.link(&path, size + 1, modified, "cat", "a").unwrap(), Linked::Changed);
        assert_eq!(workspace.folders.link(&path, size, modified - 1, "cat", "a").unwrap(), Linked::Changed);
        fs::remove_file(&path).unwrap();
        assert_eq!(workspace.folders.link(&path, size, modified, "cat", "a").unwrap(), Linked::Changed);
        assert_eq!(workspace.folders.list("cat").unwrap(), Some(HashMap::new()));
    }

    #[test]
    fn the_last_name_of_a_file_stays() {
        let workspace = Workspace::new();
        let (path, size, modified, inode) = workspace.put("a.jpg", "one");
        workspace.folders.link(&path, size, modified, "cat", "a.jpg").unwrap();
        fs::remove_file(&path).unwrap();
        assert!(!workspace.folders.unlink("cat", "a.jpg", inode, 1).unwrap());
        assert_eq!(fs::read_to_string(workspace.folders.path("cat").join("a.jpg")).unwrap(), "one");
        assert!(workspace.folders.unlink("cat", "a.jpg", inode, 0).unwrap(), "but for what was replaced");
    }

    #[test]
    fn another_file_system_is_named() {
        let workspace = Workspace::new();
        // Not everywhere is there a second file system that can be written to.
        let Ok(other) = tempfile::tempdir_in("/dev/shm") else { return };
        let here = fs::metadata(workspace.folder.path()).unwrap().dev();
        if fs::metadata(other.path()).unwrap().dev() == here {
            return;
        }
        let path = other.path().join("a.jpg");
        fs::write(&path, "one").unwrap();
        let meta = fs::metadata(&path).unwrap();
        let modified = meta.mtime() * 1_000_000_000 + meta.mtime_nsec();
        let error = workspace.folders.link(&path, 3, modified, "cat", "a.jpg").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CrossesDevices);
        assert!(error.to_string().contains("/dev/shm"), "{error}");
    }

    #[test]
    fn names_are_short_enough_and_keep_their_ending() {
        assert_eq!(link_name("03", "pool/2024/a b.jpg"), "03_a b.jpg");
        assert_eq!(link_name("0.125", "pool/no ending"), "0.125_no ending");
        let long = link_name("03", &format!("pool/{}.jpeg", "き".repeat(83)));
        assert!(numbered(&long, 9999).len() <= 255 && long.to_lowercase().ends_with("き.jpeg"), "{long}");
        assert_eq!(numbered("03_a.jpg", 2), "03_a (2).jpg");
    }
}
