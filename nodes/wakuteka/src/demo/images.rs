//! The images of the demo, laid out as a user would: `photos/<class>/`.

use crate::checkout::Checkout;
use crate::error::Error;
use crate::say;
use plugin_api::{Workspace, files};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Says that a demo has made this workspace.
const MARKER: &str = ".demo";

/// Copies the images of the checkout into a workspace that has none, and says what is there. Images that are there
/// already stay alone.
///
/// # Errors
/// [`Error::File`], with the file in its text.
pub fn lay_out(checkout: &Checkout, workspace: &Workspace) -> Result<String, Error> {
    let there = count(&workspace.photos());
    let photos = workspace.photos().display().to_string();
    if there > 0 {
        return Ok(format!("{} images are in {photos} already", say::count(there)));
    }
    // Beside the watched folder and then moved in, so that an interrupted copy is never taken for the whole.
    let part = workspace.root().join(".photos.part");
    if part.exists() {
        fs::remove_dir_all(&part).map_err(|e| files::with_path(&part, &e))?;
    }
    for class in folders(&checkout.images())? {
        let target = part.join(class.file_name().unwrap_or_default());
        fs::create_dir_all(&target).map_err(|e| files::with_path(&target, &e))?;
        for image in entries(&class)? {
            let to = target.join(image.file_name().unwrap_or_default());
            fs::copy(&image, &to).map_err(|e| files::with_path(&to, &e))?;
        }
    }
    mark_as_demo(workspace)?;
    for class in folders(&part)? {
        let to = workspace.photos().join(class.file_name().unwrap_or_default());
        fs::rename(&class, &to).map_err(|e| files::with_path(&to, &e))?;
    }
    fs::remove_dir(&part).map_err(|e| files::with_path(&part, &e))?;
    Ok(format!("{} images are laid out in {photos}", say::count(count(&workspace.photos()))))
}

/// Has a demo made this workspace?
pub fn is_ours(workspace: &Workspace) -> bool {
    workspace.root().join(MARKER).is_file()
}

/// Says that a demo has made this workspace.
///
/// # Errors
/// [`Error::File`], with the file in its text.
pub fn mark_as_demo(workspace: &Workspace) -> Result<(), Error> {
    Ok(files::write_atomically(&workspace.root().join(MARKER), b"made by `cargo demo`\n")?)
}

/// When something in a folder was last added, changed, moved or removed: a folder's own time tells of all but changes.
pub fn changed(folder: &Path) -> SystemTime {
    let time = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let inside = entries(folder).unwrap_or_default();
    let times = inside.iter().map(|path| if path.is_dir() { changed(path) } else { time(path) });
    times.fold(time(folder), SystemTime::max)
}

/// Files in a folder, at any depth.
fn count(folder: &Path) -> u64 {
    let inside = entries(folder).unwrap_or_default();
    inside.iter().map(|path| if path.is_dir() { count(path) } else { 1 }).sum()
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir()).collect())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let list = fs::read_dir(folder).map_err(|e| files::with_path(folder, &e))?;
    Ok(list.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_images_are_laid_out_once() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let checkout = Checkout::find().unwrap();
        let first = lay_out(&checkout, &workspace).unwrap();
        let images = count(&workspace.photos());
        assert!(first.contains("laid out") && first.contains(&say::count(images)), "{first}");
        assert_eq!(folders(&workspace.photos()).unwrap().len(), 8);
        assert!(images >= 8 * 60 && is_ours(&workspace));
        assert!(!workspace.root().join(".photos.part").exists());

        fs::remove_dir_all(workspace.photos().join("people")).unwrap();
        assert!(lay_out(&checkout, &workspace).unwrap().contains("already"));
        assert!(!workspace.photos().join("people").exists());
    }

    #[test]
    fn every_change_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let class = folder.path().join("a");
        fs::create_dir(&class).unwrap();
        fs::write(class.join("1.jpg"), "x").unwrap();
        let hour = Duration::from_hours(1);
        let old = SystemTime::now() - hour;
        for path in [class.join("1.jpg"), class.clone(), folder.path().to_owned()] {
            fs::File::open(path).unwrap().set_modified(old).unwrap();
        }
        assert_eq!(changed(folder.path()), old);
        fs::remove_file(class.join("1.jpg")).unwrap();
        assert!(changed(folder.path()) > old);
    }
}
