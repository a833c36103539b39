//! Folders of links on disk: what lies there, and the two things that `gather` and `predict` do to them, linking and taking
//! a link of their own away.

use plugin_api::files::{named, sync_folder};
use std::collections::HashMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};

/// A folder with folders of links in it: `candidates/` with one a class; the workspace with `review/` and `sorted/<class>/`.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

/// What became of a link that was to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Linked {
    /// It is there under this name, and this is the file's number.
    As(String, u64),
    /// The file is gone or another than it was: nothing is linked.
    Changed,
}

impl Shelf {
    /// Links go below `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// The folder of this name: here and below a class, or any relative path.
    pub fn of(&self, class: &str) -> PathBuf {
        self.folder.join(class)
    }

    /// Number and name of every file in a class's folder. None when there is no such folder.
    ///
    /// # Errors
    /// When the folder cannot be read: then nothing is known.
    pub fn list(&self, class: &str) -> io::Result<Option<HashMap<u64, String>>> {
        let folder = self.of(class);
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            entries => entries.map_err(|e| named(&folder, &e))?,
        };
        let mut found = HashMap::new();
        for entry in entries {
            let entry = entry.map_err(|e| named(&folder, &e))?;
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
        class: &str,
        name: &str,
    ) -> io::Result<Linked> {
        let folder = self.of(class);
        fs::create_dir_all(&folder).map_err(|e| named(&folder, &e))?;
        let as_seen = |path: &Path| -> io::Result<Option<u64>> {
            match fs::symlink_metadata(path) {
                Ok(meta) => {
                    let modified = meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec());
                    let same = meta.is_file() && meta.len() == size_bytes && modified == modified_ns;
                    Ok(same.then(|| meta.ino()))
                }
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
                Err(error) => Err(named(path, &error)),
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
                    fs::remove_file(&target).map_err(|e| named(&target, &e))?;
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

    /// Takes a link away. It stays when another file has its name, and when it is the last name of its file: what a
    /// person has left nowhere else is never deleted.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn unlink(&self, class: &str, name: &str, inode: u64) -> io::Result<bool> {
        self.unlink_keeping(class, name, inode, 1)
    }

    /// As [`Self::unlink`], as long as the file has `others` other names at least; none is for what was replaced.
    ///
    /// # Errors
    /// As [`Self::unlink`].
    pub fn unlink_keeping(&self, class: &str, name: &str, inode: u64, others: u64) -> io::Result<bool> {
        let path = self.of(class).join(name);
        match fs::symlink_metadata(&path) {
            Ok(meta) if meta.is_file() && meta.ino() == inode && meta.nlink() > others => {
                fs::remove_file(&path).map_err(|e| named(&path, &e))?;
                Ok(true)
            }
            Ok(_) => Ok(false),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
            Err(error) => Err(named(&path, &error)),
        }
    }

    /// Makes what was linked and taken away in a class's folder last.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn sync(&self, class: &str) -> io::Result<()> {
        let folder = self.of(class);
        match sync_folder(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(named(&folder, &error)),
            _ => Ok(()),
        }
    }

    /// Makes the folder of a class, so that a person sees that it is looked for.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn open(&self, class: &str) -> io::Result<()> {
        let folder = self.of(class);
        fs::create_dir_all(&folder).map_err(|e| named(&folder, &e))
    }

    /// Takes the folder of a class away if nothing is in it.
    pub fn close(&self, class: &str) {
        let _ = fs::remove_dir(self.of(class));
    }
}

/// The name of a link: a number that orders it, then the name of its file, cut where names may not be longer.
pub fn name(number: &str, path: &str) -> String {
    let file = path.rsplit_once('/').map_or(path, |(_, file)| file);
    let (stem, ending) = stem(file);
    format!("{number}_{}{ending}", &stem[..stem.floor_char_boundary(200)])
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

    struct House {
        folder: tempfile::TempDir,
        shelf: Shelf,
    }

    fn house() -> House {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(folder.path().join("candidates"));
        House { folder, shelf }
    }

    impl House {
        fn put(&self, name: &str, content: &str) -> (PathBuf, u64, i64, u64) {
            let path = self.folder.path().join(name);
            fs::write(&path, content).unwrap();
            let meta = fs::metadata(&path).unwrap();
            (path, meta.len(), meta.mtime() * 1_000_000_000 + meta.mtime_nsec(), meta.ino())
        }
    }

    #[test]
    fn a_link_is_the_same_file_and_goes_without_it() {
        let house = house();
        let (path, size, modified, inode) = house.put("a.jpg", "one");
        let linked = house.shelf.link(&path, size, modified, "きゅん", "03_a.jpg").unwrap();
        assert_eq!(linked, Linked::As("03_a.jpg".into(), inode));
        // Again, as after a kill: it is known again.
        assert_eq!(house.shelf.link(&path, size, modified, "きゅん", "03_a.jpg").unwrap(), linked);
        assert_eq!(house.shelf.list("きゅん").unwrap(), Some([(inode, "03_a.jpg".to_owned())].into()));
        // Another file of this name.
        let (other, size, modified, _) = house.put("b.jpg", "two");
        let Linked::As(name, _) = house.shelf.link(&other, size, modified, "きゅん", "03_a.jpg").unwrap() else {
            panic!("not linked")
        };
        assert_eq!(name, "03_a (2).jpg");
        assert!(!house.shelf.unlink("きゅん", "03_a (2).jpg", inode).unwrap(), "it is another file");
        assert!(house.shelf.unlink("きゅん", "03_a.jpg", inode).unwrap());
        assert_eq!(fs::read_to_string(path).unwrap(), "one");
        assert_eq!(house.shelf.list("none").unwrap(), None);
    }

    #[test]
    fn a_file_that_changed_is_not_linked() {
        let house = house();
        let (path, size, modified, _) = house.put("a.jpg", "one");
        assert_eq!(house.shelf.link(&path, size + 1, modified, "cat", "a").unwrap(), Linked::Changed);
        assert_eq!(house.shelf.link(&path, size, modified - 1, "cat", "a").unwrap(), Linked::Changed);
        fs::remove_file(&path).unwrap();
        assert_eq!(house.shelf.link(&path, size, modified, "cat", "a").unwrap(), Linked::Changed);
        assert_eq!(house.shelf.list("cat").unwrap(), Some(HashMap::new()));
    }

    #[test]
    fn the_last_name_of_a_file_stays() {
        let house = house();
        let (path, size, modified, inode) = house.put("a.jpg", "one");
        house.shelf.link(&path, size, modified, "cat", "a.jpg").unwrap();
        fs::remove_file(&path).unwrap();
        assert!(!house.shelf.unlink("cat", "a.jpg", inode).unwrap());
        assert_eq!(fs::read_to_string(house.shelf.of("cat").join("a.jpg")).unwrap(), "one");
        assert!(house.shelf.unlink_keeping("cat", "a.jpg", inode, 0).unwrap(), "but for what was replaced");
    }

    #[test]
    fn another_file_system_is_named() {
        let house = house();
        // Not everywhere is there a second file system that can be written to.
        let Ok(other) = tempfile::tempdir_in("/dev/shm") else { return };
        let here = fs::metadata(house.folder.path()).unwrap().dev();
        if fs::metadata(other.path()).unwrap().dev() == here {
            return;
        }
        let path = other.path().join("a.jpg");
        fs::write(&path, "one").unwrap();
        let meta = fs::metadata(&path).unwrap();
        let modified = meta.mtime() * 1_000_000_000 + meta.mtime_nsec();
        let error = house.shelf.link(&path, 3, modified, "cat", "a.jpg").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::CrossesDevices);
        assert!(error.to_string().contains("/dev/shm"), "{error}");
    }

    #[test]
    fn names_are_short_enough_and_keep_their_ending() {
        assert_eq!(name("03", "pool/2024/a b.jpg"), "03_a b.jpg");
        assert_eq!(name("0.125", "pool/no ending"), "0.125_no ending");
        let long = name("03", &format!("pool/{}.jpeg", "き".repeat(83)));
        assert!(numbered(&long, 9999).len() <= 255 && long.to_lowercase().ends_with("き.jpeg"), "{long}");
        assert_eq!(numbered("03_a.jpg", 2), "03_a (2).jpg");
    }
}
