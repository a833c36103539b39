//! Programs and libraries that this checkout fetches for itself, into `.wakuteka`, which git ignores; but for those of the
//! [`system`].

pub mod dora;
pub mod libtorch;
pub mod onnxruntime;
pub mod python;
pub mod system;
pub mod weights;

use crate::checkout::Checkout;
use crate::error::Error;
use plugin_api::files;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Written into a folder when it is whole; holds what was set up, so that another version starts over.
const MARKER: &str = ".complete";

/// Is what `folder` holds whole, and is it `what`?
fn is_whole(folder: &Path, what: &str) -> bool {
    fs::read_to_string(folder.join(MARKER)).is_ok_and(|text| text == what)
}

/// Says that `folder` is whole now. The last thing to do.
fn mark_whole(folder: &Path, what: &str) -> Result<(), Error> {
    Ok(files::write_atomically(&folder.join(MARKER), what.as_bytes())?)
}

/// Removes what an earlier attempt has left.
fn start_over(folder: &Path) -> Result<(), Error> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|e| files::with_path(folder, &e))?;
    }
    Ok(())
}

/// Lets one process at a time set things up; the others wait.
fn lock(checkout: &Checkout) -> Result<File, Error> {
    let folder = make(checkout.local())?;
    let path = folder.join("tools.lock");
    let file = File::create(&path).map_err(|e| files::with_path(&path, &e))?;
    file.lock().map_err(|e| files::with_path(&path, &e))?;
    Ok(file)
}

fn make(folder: PathBuf) -> Result<PathBuf, Error> {
    fs::create_dir_all(&folder).map_err(|e| files::with_path(&folder, &e))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_whole_only_with_the_marker_of_this_version() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_whole(folder.path(), "a 1"));
        mark_whole(folder.path(), "a 1").unwrap();
        assert!(is_whole(folder.path(), "a 1"));
        assert!(!is_whole(folder.path(), "a 2"));
        start_over(folder.path()).unwrap();
        assert!(!folder.path().exists());
        start_over(folder.path()).unwrap();
    }
}
