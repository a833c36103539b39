//! Copying images into class folders: which name each gets, and nothing that is there is ever written over.

use crate::error::ExchangeError;
use plugin_api::files::{sync_folder, with_path};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// An image to copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// From where.
    pub from: PathBuf,
    /// The class folder.
    pub folder: PathBuf,
    /// The name there.
    pub name: String,
    /// BLAKE3 of what was checked.
    pub digest: blake3::Hash,
}

/// Chooses names in class folders.
#[derive(Debug, Default)]
pub struct Names {
    /// For each folder the names that are given away, and to which content.
    taken: BTreeMap<PathBuf, BTreeMap<String, blake3::Hash>>,
    /// What each folder has been given already.
    held: BTreeMap<PathBuf, BTreeSet<[u8; 32]>>,
}

impl Names {
    /// The name for an image in a folder: its own, or with a number when that is another image's. None when the
    /// folder has the same bytes under one of these names already, or was given them before.
    ///
    /// # Errors
    /// Any error of the file system when a file that is there is compared.
    pub fn choose(&mut self, folder: &Path, name: &str, digest: blake3::Hash) -> Result<Option<String>, ExchangeError> {
        if !self.held.entry(folder.to_owned()).or_default().insert(*digest.as_bytes()) {
            return Ok(None);
        }
        // Hidden names are not looked at.
        let name = name.trim_start_matches('.');
        let name = if name.is_empty() { "image" } else { name };
        let (stem, ending) =
            name.rsplit_once('.').map_or((name, String::new()), |(stem, end)| (stem, format!(".{end}")));
        let taken = self.taken.entry(folder.to_owned()).or_default();
        for number in 1_u32.. {
            let name = if number == 1 { name.to_owned() } else { format!("{stem}-{number}{ending}") };
            if taken.contains_key(&name) {
                continue;
            }
            let path = folder.join(&name);
            match fs::read(&path) {
                Ok(bytes) if blake3::hash(&bytes) == digest => return Ok(None),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    taken.insert(name.clone(), digest);
                    return Ok(Some(name));
                }
                // Another file, or a folder: not ours.
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::IsADirectory => {}
                Err(error) => return Err(with_path(&path, &error).into()),
            }
        }
        Ok(None)
    }
}

/// Copies all, each written to a passing name, synced and given its name only when that is free. When one fails, those
/// copied before are removed again.
///
/// # Errors
/// Any error of the file system, or a file that has changed since it was checked.
pub fn copy_all(copies: &[Copy]) -> Result<(), ExchangeError> {
    let new: BTreeSet<&PathBuf> = copies.iter().map(|copy| &copy.folder).filter(|folder| !folder.exists()).collect();
    // Side by side: most of the time is waiting for the disk.
    let outcomes: Vec<Result<PathBuf, ExchangeError>> = copies.par_iter().map(copy_one).collect();
    let (made, failed): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(Result::is_ok);
    if let Some(Err(error)) = failed.into_iter().next() {
        for path in made.into_iter().flatten() {
            let _ = fs::remove_file(path);
        }
        for folder in new {
            let _ = fs::remove_dir(folder);
        }
        return Err(error);
    }
    let folders: BTreeSet<&PathBuf> = copies.iter().map(|copy| &copy.folder).collect();
    for folder in folders {
        sync_folder(folder).map_err(|e| with_path(folder, &e))?;
    }
    Ok(())
}

/// Gives the file made.
fn copy_one(copy: &Copy) -> Result<PathBuf, ExchangeError> {
    let target = copy.folder.join(&copy.name);
    let failed = |e: std::io::Error| with_path(&target, &e);
    let bytes = fs::read(&copy.from).map_err(|e| with_path(&copy.from, &e))?;
    if blake3::hash(&bytes) != copy.digest {
        let changed = std::io::Error::other("it has changed since it was checked");
        return Err(with_path(&copy.from, &changed).into());
    }
    fs::create_dir_all(&copy.folder).map_err(failed)?;
    let mut file = tempfile::Builder::new()
        .prefix(".import.")
        .suffix(".part")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666))
        .tempfile_in(&copy.folder)
        .map_err(failed)?;
    file.write_all(&bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist_noclobber(&target).map_err(|e| failed(e.error))?;
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_and_made_unique() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.png"), "mine").unwrap();
        fs::create_dir(folder.path().join("b.png")).unwrap();
        let mut names = Names::default();
        let mut choose =
            |name: &str, content: &str| names.choose(folder.path(), name, blake3::hash(content.as_bytes())).unwrap();
        assert_eq!(choose("a.png", "mine"), None);
        assert_eq!(choose("a.png", "other").unwrap(), "a-2.png");
        assert_eq!(choose("a.png", "third").unwrap(), "a-3.png");
        assert_eq!(choose("b.png", "b").unwrap(), "b-2.png");
        assert_eq!(choose("c", "c").unwrap(), "c");
        assert_eq!(choose("c", "d").unwrap(), "c-2");
        assert_eq!(choose("..hidden.png", "e").unwrap(), "hidden.png");
        assert_eq!(choose("z.png", "e"), None, "the same bytes again");
    }

    #[test]
    fn failure_takes_copies_back_and_overwrites_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from.png");
        fs::write(&from, "new").unwrap();
        let target = folder.path().join("cat");
        fs::create_dir(&target).unwrap();
        fs::write(target.join("b.png"), "mine").unwrap();
        let copy = |name: &str| Copy {
            from: from.clone(),
            folder: target.clone(),
            name: name.into(),
            digest: blake3::hash(b"new"),
        };
        let error = copy_all(&[copy("a.png"), copy("b.png")]).unwrap_err().to_string();
        assert!(error.contains("b.png"), "{error}");
        assert_eq!(fs::read_dir(&target).unwrap().count(), 1);
        assert_eq!(fs::read(target.join("b.png")).unwrap(), b"mine");
        copy_all(&[copy("a.png")]).unwrap();
        assert_eq!(fs::read(target.join("a.png")).unwrap(), b"new");
        fs::write(&from, "newer").unwrap();
        let elsewhere = Copy { folder: folder.path().join("dog"), ..copy("c.png") };
        assert!(copy_all(&[elsewhere]).unwrap_err().to_string().contains("changed since"));
        assert!(!folder.path().join("dog").exists());
    }
}
