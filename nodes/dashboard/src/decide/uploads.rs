//! Files that a browser sends, laid down where a decision takes them from.

use super::moves::ImageDirs;
use std::io;
use std::path::Path;

/// Where they lie.
const FOLDER: &str = "trash/uploads";

/// The workspace, opened to take files.
pub struct Uploads(ImageDirs);

impl Uploads {
    /// Opens the workspace.
    ///
    /// # Errors
    /// Any error of the file system.
    pub fn open(root: &Path) -> io::Result<Self> {
        ImageDirs::open(root).map(Self)
    }

    /// Writes a file of a batch so that it lasts, under its name or the next that is free, and gives its path.
    ///
    /// # Errors
    /// Any error of the file system; then nothing is left of it.
    pub fn keep(&self, batch: &str, name: &str, bytes: &[u8]) -> io::Result<String> {
        self.0.write(&format!("{FOLDER}/{batch}"), name, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_name_are_both_kept() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = Uploads::open(folder.path()).unwrap();
        let keep = |name: &str, text: &str| uploads.keep("b1", name, text.as_bytes()).unwrap();
        assert_eq!(keep("猫.jpg", "one"), "trash/uploads/b1/猫.jpg");
        assert_eq!(keep("猫.jpg", "two"), "trash/uploads/b1/猫 (2).jpg");
        let read = |path: &str| std::fs::read_to_string(folder.path().join(path)).unwrap();
        assert_eq!(
            (read("trash/uploads/b1/猫.jpg"), read("trash/uploads/b1/猫 (2).jpg")),
            ("one".into(), "two".into())
        );
        assert!(uploads.keep("..", "a.jpg", b"").is_err() && uploads.keep("b", "../a.jpg", b"").is_err());
        assert_eq!(std::fs::read_dir(folder.path().join("trash/uploads/b1")).unwrap().count(), 2, "no part is left");
    }
}
