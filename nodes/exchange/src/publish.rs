//! A folder that is whole or not there at all: written beside its place, synced, renamed.

use crate::error::ExchangeError;
use plugin_api::files::{sync_folder, with_path};
use std::fs;
use std::path::{Path, PathBuf};

/// Names that an export writes directly into its folder.
pub const NAMES: &[&str] =
    &["index.csv", "train.csv", "validation.csv", "test.csv", "classes.csv", "sources.csv", "data"];

/// A folder in the making. Dropped before [`publish`](Self::publish), it is removed.
#[derive(Debug)]
pub struct Draft {
    target: PathBuf,
    folder: tempfile::TempDir,
}

impl Draft {
    /// Begins a folder that is to become `target`.
    ///
    /// # Errors
    /// [`ExchangeError::TargetExists`] when it is there and is not to be replaced, [`ExchangeError::TargetForeign`] when
    /// it holds what no export wrote, or any error of the file system.
    pub fn begin(target: &Path, replace: bool) -> Result<Self, ExchangeError> {
        let target = std::path::absolute(target)?;
        if fs::symlink_metadata(&target).is_ok() {
            if !replace {
                return Err(ExchangeError::TargetExists(target));
            }
            refuse_foreign(&target)?;
        }
        let parent = target.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(parent).map_err(|e| with_path(parent, &e))?;
        let prefix = format!(".{}.", target.file_name().unwrap_or_default().to_string_lossy());
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".part").permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let folder = builder.tempdir_in(parent).map_err(|e| with_path(parent, &e))?;
        Ok(Self { target, folder })
    }

    /// Where to write.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Lets the folder take its place. What was there goes only when the new one is whole.
    ///
    /// # Errors
    /// Any error of the file system; what was there before is then still there.
    pub fn publish(self) -> Result<PathBuf, ExchangeError> {
        let parent = self.target.parent().unwrap_or(Path::new("/")).to_owned();
        let moved = |e| with_path(&self.target, &e);
        if fs::symlink_metadata(&self.target).is_ok() {
            // Looked at again: much time may have passed.
            refuse_foreign(&self.target)?;
            let old = tempfile::Builder::new().prefix(".replaced.").tempdir_in(&parent).map_err(moved)?;
            fs::rename(&self.target, old.path().join("old")).map_err(moved)?;
            if let Err(error) = fs::rename(self.folder.path(), &self.target) {
                fs::rename(old.path().join("old"), &self.target).map_err(moved)?;
                return Err(moved(error).into());
            }
        } else {
            fs::rename(self.folder.path(), &self.target).map_err(moved)?;
        }
        // There is nothing left under the passing name to remove.
        let _ = self.folder.keep();
        sync_folder(&parent).map_err(|e| with_path(&parent, &e))?;
        Ok(self.target)
    }
}

/// Only an earlier export may be replaced.
fn refuse_foreign(target: &Path) -> Result<(), ExchangeError> {
    let foreign = |found: String| ExchangeError::TargetForeign { folder: target.to_owned(), found };
    if !fs::symlink_metadata(target).is_ok_and(|of| of.is_dir()) {
        return Err(foreign("no folder but something else".to_owned()));
    }
    for entry in fs::read_dir(target).map_err(|e| with_path(target, &e))? {
        let name = entry.map_err(|e| with_path(target, &e))?.file_name().to_string_lossy().into_owned();
        if !NAMES.contains(&name.as_str()) {
            return Err(foreign(name));
        }
    }
    let data = target.join("data");
    for entry in fs::read_dir(&data).into_iter().flatten() {
        let name = entry.map_err(|e| with_path(&data, &e))?.file_name().to_string_lossy().into_owned();
        let number = name.strip_suffix(".png").unwrap_or_default();
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(foreign(format!("data/{name}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_draft_that_is_given_up_leaves_nothing() {
        let parent = tempfile::tempdir().unwrap();
        let draft = Draft::begin(&parent.path().join("out"), false).unwrap();
        fs::write(draft.folder().join("index.csv"), "half").unwrap();
        assert_eq!(names(parent.path()).len(), 1);
        drop(draft);
        assert!(names(parent.path()).is_empty());
    }

    #[test]
    fn an_earlier_export_is_replaced_only_when_asked() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("out");
        let write = |replace, text: &str| -> Result<PathBuf, ExchangeError> {
            let draft = Draft::begin(&target, replace)?;
            fs::write(draft.folder().join("index.csv"), text).unwrap();
            draft.publish()
        };
        write(false, "old").unwrap();
        assert!(matches!(write(false, "new"), Err(ExchangeError::TargetExists(_))));
        assert_eq!(fs::read(target.join("index.csv")).unwrap(), b"old");
        assert_eq!(write(true, "new").unwrap(), target);
        assert_eq!(fs::read(target.join("index.csv")).unwrap(), b"new");
        assert_eq!(names(parent.path()), ["out"]);
    }

    #[test]
    fn what_is_not_ours_is_never_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("out");
        fs::create_dir_all(target.join("data")).unwrap();
        fs::write(target.join("data/holiday.png"), "mine").unwrap();
        let error = Draft::begin(&target, true).unwrap_err().to_string();
        assert!(error.contains("data/holiday.png"), "{error}");
        fs::rename(target.join("data/holiday.png"), target.join("notes.txt")).unwrap();
        let error = Draft::begin(&target, true).unwrap_err().to_string();
        assert!(error.contains("notes.txt"), "{error}");
        let error = Draft::begin(&target.join("notes.txt"), true).unwrap_err().to_string();
        assert!(error.contains("no folder"), "{error}");
    }
}
