//! Which names below a watched folder count as pictures.
//!
//! The format of a picture is decided by its content, further on; a name only tells what is certainly not meant as
//! one: what a system or a program hides, what is still being written under a passing name, and notes about pictures.

use crate::roots::Folder;
pub use plugin_api::names::{file_counts, folder_counts};

/// What a path below a watched folder is, going by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To be read, whatever its extension says.
    Picture,
    /// Directly in `photos/` or `seeds/`, so that nobody has said what it shows.
    NoClass,
    /// Hidden, passing, or a note beside a picture: left alone without a word.
    Ignored,
}

/// What the file at `path`, as messages name it (`photos/…`, `pool/…`), is.
pub fn kind(path: &str) -> Kind {
    let Some((root, relative)) = Folder::split(path) else { return Kind::Ignored };
    let (folders, file) = relative.rsplit_once('/').map_or((None, relative), |(folders, file)| (Some(folders), file));
    if !file_counts(file) || folders.is_some_and(|f| !f.split('/').all(folder_counts)) {
        Kind::Ignored
    } else if folders.is_none() && root.has_classes() {
        Kind::NoClass
    } else {
        Kind::Picture
    }
}

/// The class of `path` (`photos/<class>/…`, `seeds/<class>/…`): the first folder below. None in the pool and the inbox.
pub fn label(path: &str) -> Option<&str> {
    let (root, relative) = Folder::split(path)?;
    relative.split_once('/').map(|(class, _)| class).filter(|_| root.has_classes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_count_whatever_they_are_called() {
        for name in ["cat/a.jpg", "cat/A.JPEG", "きゅんきゅん/夏/写真", "cat/b.tar", "cat/a.b.c.png", "cat/no ending"]
        {
            assert_eq!(kind(&format!("photos/{name}")), Kind::Picture, "{name}");
        }
    }

    #[test]
    fn hidden_passing_and_side_files_are_left_alone() {
        for name in [
            ".DS_Store",
            "._a.jpg",
            ".a.jpg.Xy12",
            "a.jpg~",
            "a.jpg.part",
            "a.jpg.crdownload",
            "a.TMP",
            ".a.jpg.swp",
            "Thumbs.db",
            "desktop.ini",
            "~$a.jpg",
            "a.xmp",
            "a.jpg.json",
            "labels.csv",
            "README.md",
            "notes.txt",
        ] {
            assert_eq!(kind(&format!("photos/cat/{name}")), Kind::Ignored, "{name}");
        }
        assert_eq!(kind("photos/cat/.thumbnails/a.jpg"), Kind::Ignored);
        assert_eq!(kind("photos/__MACOSX/cat/a.jpg"), Kind::Ignored);
    }

    #[test]
    fn a_file_without_a_class_is_told_apart() {
        assert_eq!(kind("photos/a.jpg"), Kind::NoClass);
        assert_eq!(kind("photos/.DS_Store"), Kind::Ignored);
        assert_eq!(kind("photos/photos/a.jpg"), Kind::Picture, "a class may be called photos");
        assert_eq!(kind("review/cat/a.jpg"), Kind::Ignored);
    }

    #[test]
    fn the_class_is_the_first_folder() {
        assert_eq!(label("photos/きゅんきゅん/2024/a.jpg"), Some("きゅんきゅん"));
        assert_eq!(label("photos/a.jpg"), None);
        assert_eq!(label("seeds/cat/a.jpg"), Some("cat"));
    }

    #[test]
    fn pool_and_inbox_have_no_classes() {
        assert_eq!(kind("inbox/a.jpg"), Kind::Picture);
        assert_eq!(kind("inbox/holiday/a.jpg"), Kind::Picture);
        assert_eq!(kind("inbox/predictions.csv"), Kind::Ignored);
        assert_eq!(kind("inbox/a.jpg.xmp"), Kind::Ignored);
        assert_eq!(label("inbox/holiday/a.jpg"), None);
        assert_eq!(kind("pool/a.jpg"), Kind::Picture);
        assert_eq!(kind("pool/2024/summer/a.jpg"), Kind::Picture);
        assert_eq!(kind("pool/.thumbnails/a.jpg"), Kind::Ignored);
        assert_eq!(label("pool/2024/a.jpg"), None);
        assert_eq!(kind("seeds/a.jpg"), Kind::NoClass);
        assert_eq!(kind("candidates/cat/a.jpg"), Kind::Ignored);
    }
}
