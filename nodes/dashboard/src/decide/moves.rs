//! Moving a file inside the workspace: nothing is overwritten, no symbolic link is followed, and what lasts is synced.

use crate::safe;
use plugin_api::{Message, Text};
use rustix::fs::{
    AtFlags, CWD, Mode, OFlags, RenameFlags, ResolveFlags, mkdirat, openat, openat2, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

/// Names that are tried before a folder is full of the same.
const NAMES: u32 = 9_999;

/// The workspace, opened.
pub struct ImageDirs(OwnedFd);

/// A folder of the workspace, opened, and whether it was made for this.
struct Folder {
    fd: File,
    is_new: bool,
}

/// How a file was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamed {
    /// Whether the folder it went to was made for it.
    pub is_new_folder: bool,
    /// Its [`ImageDirs::version`] from now on: another one on another device.
    pub version: String,
}

fn error(path: &str, errno: Errno) -> io::Error {
    let error = io::Error::from(errno);
    Message::page_file(path, Text::from(&error)).into_error(error.kind())
}

/// Folder and name of a path.
fn split(path: &str) -> io::Result<(&str, &str)> {
    let refused = || Message::page_no_file(path).into_error(ErrorKind::NotFound);
    if safe::is_shown(path) { path.rsplit_once('/').ok_or_else(refused) } else { Err(refused()) }
}

impl ImageDirs {
    /// Opens the workspace.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn open(root: &Path) -> io::Result<Self> {
        Ok(Self(openat(CWD, root, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?))
    }

    /// Opens a folder, making what is missing of it if wanted.
    fn folder(&self, path: &str, make: bool) -> io::Result<Folder> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = || openat2(&self.0, path, flags, Mode::empty(), resolve).map(File::from);
        match open() {
            Ok(fd) => Ok(Folder { fd, is_new: false }),
            Err(Errno::NOENT) if make => {
                // The folder above first; one name below the opened one is made.
                let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
                let made = match path.rsplit_once('/') {
                    Some((above, _)) => mkdirat(&self.folder(above, true)?.fd, name, Mode::from_raw_mode(0o777)),
                    None => mkdirat(&self.0, name, Mode::from_raw_mode(0o777)),
                };
                match made {
                    Ok(()) | Err(Errno::EXIST) => Ok(Folder { fd: open().map_err(|e| error(path, e))?, is_new: true }),
                    Err(errno) => Err(error(path, errno)),
                }
            }
            Err(errno) => Err(error(path, errno)),
        }
    }

    /// What tells the plain file at a path from any other: its number on disk, which another may have once it is deleted,
    /// size and modification time. A move on one device changes none of them.
    ///
    /// # Errors
    /// Not found when there is none.
    pub fn version(&self, path: &str) -> io::Result<String> {
        let (folder, name) = split(path)?;
        let stat =
            statat(&self.folder(folder, false)?.fd, name, AtFlags::SYMLINK_NOFOLLOW).map_err(|e| error(path, e))?;
        let is_file = rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file();
        let gone = || Message::page_no_file(path).into_error(ErrorKind::NotFound);
        let version = format!("{}-{}-{}.{:09}", stat.st_ino, stat.st_size, stat.st_mtime, stat.st_mtime_nsec);
        is_file.then_some(version).ok_or_else(gone)
    }

    /// The first free name in a folder for a file of this name: `a.jpg`, `a (2).jpg`, …
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn free(&self, folder: &str, name: &str) -> io::Result<String> {
        let (stem, ending) = name.split_at(name.rfind('.').filter(|at| *at > 0).unwrap_or(name.len()));
        let opened = match self.folder(folder, false) {
            Ok(opened) => opened,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(format!("{folder}/{name}")),
            Err(error) => return Err(error),
        };
        for n in 1..=NAMES {
            let name = if n == 1 { name.to_owned() } else { format!("{stem} ({n}){ending}") };
            match statat(&opened.fd, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => return Ok(format!("{folder}/{name}")),
                Ok(_) => {}
                Err(errno) => return Err(error(&name, errno)),
            }
        }
        Err(Message::page_no_free_name(folder, name).into_error(ErrorKind::AlreadyExists))
    }

    /// Moves a file, by a copy where folders are on different devices. It lasts after [`ImageDirs::sync`] of both folders.
    ///
    /// # Errors
    /// Not found when it is not there, already exists when the new name is taken; then nothing has changed.
    pub fn rename(&self, from: &str, to: &str) -> io::Result<Renamed> {
        let ((old, old_name), (new, new_name)) = (split(from)?, split(to)?);
        let version = self.version(from)?;
        let old = self.folder(old, false)?;
        let new = self.folder(new, true)?;
        let not_moved =
            |error: io::Error| Message::page_not_moved(from, to, Text::from(&error)).into_error(error.kind());
        let version = match renameat_with(&old.fd, old_name, &new.fd, new_name, RenameFlags::NOREPLACE) {
            Ok(()) => version,
            Err(Errno::XDEV) => {
                carry((&old.fd, old_name), (&new.fd, new_name)).map_err(not_moved)?;
                self.version(to)?
            }
            Err(errno) => return Err(not_moved(errno.into())),
        };
        Ok(Renamed { is_new_folder: new.is_new, version })
    }

    /// Writes a new file so that it lasts, under its name or the next that is free, and gives its path.
    ///
    /// # Errors
    /// Any error of the file system; then nothing is left of it.
    pub fn write(&self, folder: &str, name: &str, bytes: &[u8]) -> io::Result<String> {
        split(&format!("{folder}/{name}"))?;
        let opened = self.folder(folder, true)?;
        let part = format!(".{}.part", blake3::hash(name.as_bytes()).to_hex());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let written = openat(&opened.fd, &part, flags, Mode::from_raw_mode(0o666))
            .map_err(|errno| error(&format!("{folder}/{name}"), errno))
            .map(File::from)
            .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
        let named = written.and_then(|()| {
            loop {
                let path = self.free(folder, name)?;
                let free = path.rsplit('/').next().unwrap_or(name);
                match renameat_with(&opened.fd, &part, &opened.fd, free, RenameFlags::NOREPLACE) {
                    Ok(()) => return opened.fd.sync_all().map(|()| path),
                    // Somebody else was quicker.
                    Err(Errno::EXIST) => {}
                    Err(errno) => return Err(error(&path, errno)),
                }
            }
        });
        named.inspect_err(|_| {
            let _ = unlinkat(&opened.fd, &part, AtFlags::empty());
        })
    }

    /// Makes what was done in folders last; one that is gone by now is passed over.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn sync<'a>(&self, folders: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
        let folders: BTreeSet<&str> = folders.into_iter().collect();
        for folder in folders {
            match self.folder(folder, false) {
                Ok(folder) => folder.fd.sync_all()?,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Makes a folder; says whether it was not there.
    ///
    /// # Errors
    /// Any error of the file system; not found for what is no folder of images.
    pub fn make(&self, folder: &str) -> io::Result<bool> {
        // As a file in it would be named.
        split(&format!("{folder}/x"))?;
        let made = self.folder(folder, true)?;
        made.fd.sync_all()?;
        Ok(made.is_new)
    }

    /// Takes a folder away if nothing is in it; says whether it did.
    pub fn close(&self, folder: &str) -> bool {
        let Some((above, name)) = folder.rsplit_once('/') else { return false };
        let Ok(above) = self.folder(above, false) else { return false };
        unlinkat(&above.fd, name, AtFlags::REMOVEDIR).is_ok()
    }
}

/// Moves a file to another device: a synced copy under a hidden name, which then takes the new name if that is free; then the original
/// goes.
fn carry((old, old_name): (&File, &str), (new, new_name): (&File, &str)) -> io::Result<()> {
    let part = format!(".{}.part", blake3::hash(new_name.as_bytes()).to_hex());
    let copied = (|| {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut original = File::from(openat(old, old_name, flags, Mode::empty())?);
        let before = original.metadata()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut copy = File::from(openat(new, &part, flags, Mode::from_raw_mode(0o666))?);
        io::copy(&mut original, &mut copy)?;
        copy.set_modified(before.modified()?)?;
        copy.sync_all()?;
        let after = original.metadata()?;
        if (before.len(), before.modified()?) != (after.len(), after.modified()?) {
            return Err(io::Error::new(ErrorKind::ResourceBusy, "it is being written to"));
        }
        renameat_with(new, &part, new, new_name, RenameFlags::NOREPLACE)?;
        new.sync_all()?;
        Ok(unlinkat(old, old_name, AtFlags::empty())?)
    })();
    let _ = unlinkat(new, &part, AtFlags::empty());
    copied
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn dirs() -> (tempfile::TempDir, ImageDirs) {
        let folder = tempfile::tempdir().unwrap();
        for path in ["photos/cat", "candidates/cat", "review", "models"] {
            fs::create_dir_all(folder.path().join(path)).unwrap();
        }
        let dirs = ImageDirs::open(folder.path()).unwrap();
        (folder, dirs)
    }

    #[test]
    fn a_file_is_moved_and_no_other_is_lost() {
        let (folder, dirs) = dirs();
        let at = |path: &str| folder.path().join(path);
        fs::write(at("candidates/cat/a.jpg"), "one").unwrap();
        fs::write(at("photos/cat/a.jpg"), "two").unwrap();
        let version = dirs.version("candidates/cat/a.jpg").unwrap();
        let error = dirs.rename("candidates/cat/a.jpg", "photos/cat/a.jpg").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
        let free = dirs.free("photos/cat", "a.jpg").unwrap();
        assert_eq!(free, "photos/cat/a (2).jpg");
        let renamed = dirs.rename("candidates/cat/a.jpg", &free).unwrap();
        assert_eq!(renamed, Renamed { is_new_folder: false, version: version.clone() });
        assert_eq!((fs::read_to_string(at(&free)).unwrap(), dirs.version(&free).unwrap()), ("one".into(), version));
        assert!(dirs.rename(&free, "photos/きゅん/sub/b.jpg").unwrap().is_new_folder);
        assert_eq!(fs::read_to_string(at("photos/cat/a.jpg")).unwrap(), "two");
        assert!(dirs.rename("photos/cat/none.jpg", "photos/cat/b.jpg").is_err());
        assert!(!dirs.close("photos/きゅん/sub"));
        assert!(at("photos/きゅん/sub/b.jpg").exists(), "a folder with something in it stays");
    }

    #[test]
    fn files_are_copied_to_another_device_and_no_other_is_lost() {
        let here = tempfile::tempdir().unwrap();
        let Ok(there) = tempfile::tempdir_in("/dev/shm") else { return };
        let [old, new] = [&here, &there].map(|folder| File::open(folder.path()).unwrap());
        fs::write(here.path().join("a.jpg"), "one").unwrap();
        fs::write(there.path().join("taken.jpg"), "two").unwrap();
        let modified = fs::metadata(here.path().join("a.jpg")).unwrap().modified().unwrap();
        let error = carry((&old, "a.jpg"), (&new, "taken.jpg")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(here.path().join("a.jpg").exists());
        carry((&old, "a.jpg"), (&new, "b.jpg")).unwrap();
        let left: Vec<_> = fs::read_dir(there.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!((fs::read_dir(here.path()).unwrap().count(), left.len()), (0, 2), "{left:?}");
        let moved = there.path().join("b.jpg");
        assert_eq!(fs::read_to_string(&moved).unwrap(), "one");
        assert_eq!(fs::metadata(&moved).unwrap().modified().unwrap(), modified);
        assert_eq!(fs::read_to_string(there.path().join("taken.jpg")).unwrap(), "two");
    }

    #[test]
    fn nothing_leaves_the_workspace_or_its_folders_of_images() {
        let (folder, dirs) = dirs();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("photos/cat/a.jpg"), "one").unwrap();
        fs::write(elsewhere.path().join("s.jpg"), "secret").unwrap();
        symlink(elsewhere.path(), folder.path().join("photos/out")).unwrap();
        symlink(elsewhere.path().join("s.jpg"), folder.path().join("photos/cat/link.jpg")).unwrap();
        for to in [
            "models/a.jpg",
            "photos/out/a.jpg",
            "photos/../a.jpg",
            "../a.jpg",
            "/tmp/a.jpg",
            "photos/.x/a.jpg",
            "a.jpg",
        ] {
            assert!(dirs.rename("photos/cat/a.jpg", to).is_err(), "{to}");
        }
        for from in ["photos/out/s.jpg", "photos/cat/link.jpg", "photos/cat", "../x.jpg", "photos/cat/../cat/a.jpg"] {
            assert!(dirs.rename(from, "photos/cat/b.jpg").is_err(), "{from}");
        }
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 1);
        assert!(folder.path().join("photos/cat/a.jpg").exists());
    }
}
