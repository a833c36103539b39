//! Moving rejected files to `quarantine/`, each with a `.json` that says why.
//!
//! The order of the steps is what keeps a file safe: a free name is claimed with an empty file, the `.json` is written
//! and synced, then one rename takes the file there. Killed in between, the file still lies in `photos/`, is sent and
//! rejected again, and finds its claimed name. Nothing but an empty file is ever replaced. Where nothing can be moved (a
//! folder that is mounted read-only) the file stays and only the note is written, once.

pub mod record;
pub mod refused;
pub mod refusing;
pub mod returning;

use crate::fs::disk::look;
use crate::quarantine::record::Record;
use plugin_api::files::{sync_folder, with_path, write_atomically};
use rustix::fs::{Access, CWD, RenameFlags, access, renameat_with};
use rustix::io::Errno;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Whether `file` is the version that `record` is about, still in its place.
fn is_of(file: &Path, record: &Record) -> io::Result<bool> {
    Ok(look(file)?.is_some_and(|seen| seen.version.is_same(&record.version())))
}

/// Whether `target` is what `record` is about, after a move.
fn is_moved(target: &Path, record: &Record) -> io::Result<bool> {
    Ok(look(target)?.is_some_and(|seen| seen.version.is_same(&record.moved_version())))
}

/// Whether files can be taken out of the folder that `file` is in.
fn may_leave(file: &Path) -> bool {
    let folder = file.parent().unwrap_or(Path::new("."));
    !matches!(access(folder, Access::WRITE_OK | Access::EXEC_OK), Err(Errno::ROFS | Errno::ACCESS | Errno::PERM))
}

fn is_not_allowed(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied)
}

/// Gives a claimed name up again.
fn abandon(target: &Path) -> io::Result<()> {
    fs::remove_file(beside(target)).and_then(|()| fs::remove_file(target)).map_err(|e| with_path(target, &e))
}

/// What became of a file that was to be moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It is here now.
    To(PathBuf),
    /// It is gone or has changed since it was refused, and stays.
    No,
    /// Nothing can be moved out of its folder. It stays, and there is a note.
    Stays,
}

/// The folder `quarantine/`.
#[derive(Clone, Debug)]
pub struct Quarantine {
    folder: PathBuf,
}

impl Quarantine {
    /// Files go below `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Moves `file` if it is still the one that `record` describes.
    ///
    /// # Errors
    /// Any error of the file system, with a path in its text; the file is then still in its place.
    pub fn take(&self, file: &Path, record: &Record) -> io::Result<Moved> {
        if !is_of(file, record)? {
            return Ok(Moved::No);
        }
        if !may_leave(file) {
            return self.leave(record);
        }
        let target = self.claim(record)?;
        explain(&target, record)?;
        match fs::rename(file, &target) {
            Err(error) if error.kind() == ErrorKind::CrossesDevices => match carry(file, &target, record) {
                Ok(true) => {}
                Ok(false) => {
                    abandon(&target)?;
                    return Ok(Moved::No);
                }
                Err(error) if is_not_allowed(&error) => {
                    abandon(&target)?;
                    return self.leave(record);
                }
                Err(error) => return Err(error),
            },
            Err(error) => {
                let _ = abandon(&target);
                return if is_not_allowed(&error) { self.leave(record) } else { Err(with_path(file, &error)) };
            }
            // Had it been replaced in the last moment, then the new file is not to blame: it goes back.
            Ok(()) if !is_moved(&target, record)? && fs::hard_link(&target, file).is_ok() => {
                abandon(&target)?;
                return Ok(Moved::No);
            }
            Ok(()) => {}
        }
        for folder in [target.parent(), file.parent()].into_iter().flatten() {
            sync_folder(folder).map_err(|e| with_path(folder, &e))?;
        }
        Ok(Moved::To(target))
    }

    fn leave(&self, record: &Record) -> io::Result<Moved> {
        let detail = format!("{}; it was left in its place, as nothing can be moved out of its folder", record.detail);
        self.note(&Record { detail, ..record.clone() })?;
        Ok(Moved::Stays)
    }

    /// Moves a file out of quarantine to `file`, or to the first free name beside it (`a (2).jpg`), and takes back its note.
    /// The folder it goes to must be there. Killed in between, the file has moved and its note is left.
    ///
    /// # Errors
    /// Any error of the file system, with a path in its text; the file is then still in quarantine.
    pub fn give_back(&self, target: &Path, file: &Path) -> io::Result<PathBuf> {
        for n in 1..=9999 {
            let place = if n == 1 { file.to_owned() } else { numbered(file, n) };
            let moved = match renameat_with(CWD, target, CWD, &place, RenameFlags::NOREPLACE) {
                Err(Errno::XDEV) => carry_back(target, &place),
                // A file system that cannot rename without replacing.
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                    fs::hard_link(target, &place).and_then(|()| fs::remove_file(target))
                }
                renamed => renamed.map_err(io::Error::from),
            };
            match moved {
                Ok(()) => {
                    fs::remove_file(beside(target)).map_err(|e| with_path(target, &e))?;
                    for folder in [target.parent(), place.parent()].into_iter().flatten() {
                        sync_folder(folder).map_err(|e| with_path(folder, &e))?;
                    }
                    return Ok(place);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(with_path(&place, &error)),
            }
        }
        Err(io::Error::other(format!("no name is free for {}", file.display())))
    }

    /// Says of a file that stays in its place what is wrong with it.
    ///
    /// # Errors
    /// Any error of the file system, with a path in its text.
    pub fn note(&self, record: &Record) -> io::Result<()> {
        let target = self.place(&record.path, 1);
        let folder = target.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder).map_err(|e| with_path(folder, &e))?;
        match target.try_exists() {
            // An earlier file of this name lies there with a note of its own.
            Ok(true) => Ok(()),
            _ if noted(&target).is_some_and(|before| says_the_same(&before, record)) => Ok(()),
            _ => explain(&target, record),
        }
    }

    /// Takes back what [`Quarantine::note`] said of `path`. True when there was such a note.
    pub fn withdraw(&self, path: &str) -> bool {
        let target = self.place(path, 1);
        noted(&target).is_some_and(|record| record.path == path)
            && matches!(target.try_exists(), Ok(false))
            && fs::remove_file(beside(&target)).is_ok()
    }

    /// The first free name for a file, claimed with an empty file. A name that was claimed for the same file before
    /// counts as free.
    fn claim(&self, record: &Record) -> io::Result<PathBuf> {
        for n in 1..=9999 {
            let target = self.place(&record.path, n);
            let folder = target.parent().unwrap_or(&self.folder);
            fs::create_dir_all(folder).map_err(|e| with_path(folder, &e))?;
            let foreign_note = beside(&target).symlink_metadata().is_ok()
                && noted(&target).is_none_or(|earlier| earlier.path != record.path);
            if foreign_note {
                continue;
            }
            match OpenOptions::new().write(true).create_new(true).open(&target) {
                Ok(_) => return Ok(target),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    let empty = look(&target)?.is_some_and(|seen| seen.version.size_bytes == 0);
                    if empty && noted(&target).is_none_or(|earlier| earlier.size_bytes > 0) {
                        return Ok(target);
                    }
                }
                Err(error) => return Err(with_path(&target, &error)),
            }
        }
        Err(io::Error::other(format!("no name is free in quarantine/ for {}", record.path)))
    }

    /// The `n`-th name for a file: `a.jpg`, `a (2).jpg`, ….
    fn place(&self, path: &str, n: u32) -> PathBuf {
        numbered(&self.folder.join(relative(path)), n)
    }
}

/// The `n`-th name for a file: `a.jpg`, `a (2).jpg`, ….
fn numbered(first: &Path, n: u32) -> PathBuf {
    let name = first.file_name().unwrap_or_default().to_string_lossy();
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if ending.len() < 20 => (stem, format!(".{ending}")),
        _ => (name.as_ref(), String::new()),
    };
    // File systems allow 255 bytes; the number, `.json` and a passing name must fit too.
    let stem = &stem[..stem.floor_char_boundary(180)];
    first.with_file_name(if n == 1 { format!("{stem}{ending}") } else { format!("{stem} ({n}){ending}") })
}

/// Whether both are about the same version of the same file, for the same reason.
fn says_the_same(a: &Record, b: &Record) -> bool {
    (&a.path, &a.reason) == (&b.path, &b.reason) && a.version().is_same(&b.version())
}

/// Writes the `.json` of a file at `target`.
fn explain(target: &Path, record: &Record) -> io::Result<()> {
    let json = serde_json::to_vec_pretty(record).map_err(io::Error::other)?;
    write_atomically(&beside(target), &json)
}

fn relative(path: &str) -> &str {
    path.strip_prefix("photos/").unwrap_or(path)
}

/// The `.json` of a file.
pub(crate) fn beside(target: &Path) -> PathBuf {
    let mut name = target.file_name().unwrap_or_default().to_owned();
    name.push(".json");
    target.with_file_name(name)
}

pub(crate) fn noted(target: &Path) -> Option<Record> {
    serde_json::from_slice(&fs::read(beside(target)).ok()?).ok()
}

/// Moves a file to another device: a synced copy first, then the original goes. False, and nothing was done, when the
/// original changed meanwhile.
fn carry(file: &Path, target: &Path, record: &Record) -> io::Result<bool> {
    let part = target.with_file_name(format!(".{}.part", target.file_name().unwrap_or_default().to_string_lossy()));
    let copied = (|| {
        fs::copy(file, &part)?;
        let copy = File::options().write(true).open(&part)?;
        copy.set_modified(fs::metadata(file)?.modified()?)?;
        copy.sync_all()?;
        let same = is_of(file, record)?;
        if same {
            fs::rename(&part, target)?;
            sync_folder(target.parent().unwrap_or(Path::new(".")))?;
            fs::remove_file(file)?;
        }
        Ok(same)
    })();
    let _ = fs::remove_file(&part);
    copied.map_err(|e| with_path(file, &e))
}

/// Moves a file to `place` on another device: a synced copy under a hidden name, which then takes the name if it is free.
fn carry_back(target: &Path, place: &Path) -> io::Result<()> {
    let part = place.with_file_name(format!(".{}.part", place.file_name().unwrap_or_default().to_string_lossy()));
    let moved = (|| {
        fs::copy(target, &part)?;
        let copy = File::options().write(true).open(&part)?;
        copy.set_modified(fs::metadata(target)?.modified()?)?;
        copy.sync_all()?;
        fs::hard_link(&part, place)?;
        fs::remove_file(target)
    })();
    let _ = fs::remove_file(&part);
    moved
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture {
        folder: tempfile::TempDir,
        quarantine: Quarantine,
    }

    fn fixture() -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("photos/cat")).unwrap();
        let quarantine = Quarantine::new(folder.path().join("quarantine"));
        Fixture { folder, quarantine }
    }

    impl Fixture {
        fn at(&self, path: &str) -> PathBuf {
            self.folder.path().join(path)
        }

        fn put(&self, path: &str, content: &str) -> Record {
            fs::write(self.at(path), content).unwrap();
            let version = look(&self.at(path)).unwrap().unwrap().version;
            Record::new(path, version, "hash", "not_an_image", "it is text")
        }

        fn take(&self, record: &Record) -> Moved {
            self.quarantine.take(&self.at(&record.path), record).unwrap()
        }

        /// Every file in quarantine/ with its content.
        fn kept(&self) -> Vec<(String, String)> {
            let mut kept = Vec::new();
            let mut folders = vec![self.at("quarantine")];
            while let Some(folder) = folders.pop() {
                for entry in fs::read_dir(folder).unwrap() {
                    let path = entry.unwrap().path();
                    if path.is_dir() {
                        folders.push(path);
                    } else {
                        let name = path.strip_prefix(self.at("quarantine")).unwrap().to_str().unwrap().to_owned();
                        kept.push((name, fs::read_to_string(&path).unwrap()));
                    }
                }
            }
            kept.sort();
            kept
        }
    }

    #[test]
    fn a_file_moves_with_its_class_and_its_reason() {
        let fixture = fixture();
        let record = fixture.put("photos/cat/a.jpg", "words");
        assert_eq!(fixture.take(&record), Moved::To(fixture.at("quarantine/cat/a.jpg")));
        assert!(!fixture.at("photos/cat/a.jpg").exists());
        let kept = fixture.kept();
        assert_eq!(kept[0], ("cat/a.jpg".to_owned(), "words".to_owned()));
        assert_eq!(serde_json::from_str::<Record>(&kept[1].1).unwrap(), record);
        assert_eq!(kept.len(), 2);
    }

    #[test]
    fn names_that_are_taken_are_never_overwritten() {
        let fixture = fixture();
        for content in ["one", "two", "three"] {
            let record = fixture.put("photos/cat/a.jpg", content);
            fixture.take(&record);
        }
        let contents: Vec<String> =
            fixture.kept().into_iter().filter(|(name, _)| !name.ends_with("json")).map(|(n, c)| n + "=" + &c).collect();
        assert_eq!(contents, ["cat/a (2).jpg=two", "cat/a (3).jpg=three", "cat/a.jpg=one"]);
        assert_eq!(fixture.kept().len(), 6);
    }

    #[test]
    fn a_file_and_a_note_put_there_by_hand_are_left_alone() {
        let fixture = fixture();
        fs::create_dir_all(fixture.at("quarantine/cat")).unwrap();
        fs::write(fixture.at("quarantine/cat/a.jpg"), "mine").unwrap();
        fs::write(fixture.at("quarantine/cat/a (2).jpg.json"), "my note").unwrap();
        let record = fixture.put("photos/cat/a.jpg", "words");
        assert_eq!(fixture.take(&record), Moved::To(fixture.at("quarantine/cat/a (3).jpg")));
        assert_eq!(fs::read_to_string(fixture.at("quarantine/cat/a.jpg")).unwrap(), "mine");
        assert_eq!(fs::read_to_string(fixture.at("quarantine/cat/a (2).jpg.json")).unwrap(), "my note");
    }

    #[test]
    fn a_file_that_changed_or_left_stays_as_it_is() {
        let fixture = fixture();
        let record = fixture.put("photos/cat/a.jpg", "words");
        fixture.put("photos/cat/a.jpg", "an image");
        assert_eq!(fixture.take(&record), Moved::No);
        assert_eq!(fs::read_to_string(fixture.at("photos/cat/a.jpg")).unwrap(), "an image");
        fs::remove_file(fixture.at("photos/cat/a.jpg")).unwrap();
        assert_eq!(fixture.take(&record), Moved::No);
        assert!(!fixture.at("quarantine").exists());
    }

    #[test]
    fn kill_after_any_step_keeps_the_file_and_ends_later() {
        for steps in 0..=2 {
            let fixture = fixture();
            let record = fixture.put("photos/cat/a.jpg", "words");
            if steps >= 1 {
                let target = fixture.quarantine.claim(&record).unwrap();
                if steps >= 2 {
                    explain(&target, &record).unwrap();
                }
            }
            assert_eq!(fs::read_to_string(fixture.at("photos/cat/a.jpg")).unwrap(), "words");
            assert_eq!(fixture.take(&record), Moved::To(fixture.at("quarantine/cat/a.jpg")), "after step {steps}");
            let kept = fixture.kept();
            assert_eq!(kept.len(), 2, "after step {steps}: {kept:?}");
            assert_eq!(kept[0].1, "words");
        }
    }

    #[test]
    fn a_name_as_long_as_names_can_be_still_fits() {
        let fixture = fixture();
        let path = format!("photos/cat/{}.jpg", "き".repeat(83));
        for _ in 0..2 {
            let record = fixture.put(&path, "words");
            assert!(matches!(fixture.take(&record), Moved::To(_)));
        }
        assert_eq!(fixture.kept().len(), 4);
    }

    #[test]
    fn an_empty_file_keeps_its_own_place() {
        let fixture = fixture();
        let record = fixture.put("photos/cat/a.jpg", "");
        fixture.take(&record);
        let record = fixture.put("photos/cat/a.jpg", "words");
        assert_eq!(fixture.take(&record), Moved::To(fixture.at("quarantine/cat/a (2).jpg")));
    }

    #[test]
    fn another_device_gets_a_copy_before_the_original_goes() {
        let fixture = fixture();
        let record = fixture.put("photos/cat/a.jpg", "words");
        let target = fixture.quarantine.claim(&record).unwrap();
        assert!(carry(&fixture.at("photos/cat/a.jpg"), &target, &record).unwrap());
        assert!(!fixture.at("photos/cat/a.jpg").exists());
        assert_eq!(fs::read_to_string(&target).unwrap(), "words");
        assert!(is_moved(&target, &record).unwrap());

        // Changed after it was refused: the original stays.
        let record = fixture.put("photos/cat/b.jpg", "words");
        fixture.put("photos/cat/b.jpg", "an image");
        let target = fixture.quarantine.claim(&record).unwrap();
        assert!(!carry(&fixture.at("photos/cat/b.jpg"), &target, &record).unwrap());
        assert_eq!(fs::read_to_string(fixture.at("photos/cat/b.jpg")).unwrap(), "an image");
    }

    #[test]
    fn a_note_is_written_and_withdrawn_without_the_file() {
        let fixture = fixture();
        let record = fixture.put("photos/cat/a.jpg", "words");
        fixture.quarantine.note(&record).unwrap();
        assert_eq!(fixture.kept().len(), 1);
        fixture.quarantine.withdraw("photos/cat/other.jpg");
        assert_eq!(fixture.kept().len(), 1);
        fixture.quarantine.withdraw("photos/cat/a.jpg");
        assert_eq!(fixture.kept(), []);
        // Beside a file that was moved there, the note stays.
        fixture.take(&record);
        fixture.quarantine.withdraw("photos/cat/a.jpg");
        assert_eq!(fixture.kept().len(), 2);
    }
}
