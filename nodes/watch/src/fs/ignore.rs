//! Which files below a watched folder are taken for images, and what is left alone and counted.
//!
//! The format of an image is decided by its content, further on. A name tells what is certainly not meant as one, see
//! [`plugin_api::names`]; where it tells nothing, the first bytes do. What claims to be an image is sent, and goes to
//! `quarantine/` when it cannot be read; everything else stays where it is.

use crate::fs::roots::Folder;
use plugin_api::names::{FileKind, file_kind, principals};
pub use plugin_api::names::{FolderKind, folder_counts, folder_kind};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// So many bytes tell an image.
const FIRST_BYTES: u64 = 4096;

/// What a path below a watched folder is, going by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Claims to be an image, or its name does not tell: to be looked at.
    Image,
    /// Would be one, but lies directly in `photos/` or `seeds/`, so that nobody has said what it shows.
    NoClass,
    /// Left alone.
    Ignored,
}

/// Why a file or folder is left alone and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LeftAlone {
    /// An image that no folder gives a class.
    OutsideClass,
    /// A symbolic link, which is not followed.
    Link,
    /// Its name is not UTF-8.
    NotUtf8,
    /// It or its folder cannot be looked at.
    Unreadable,
    /// The film of a Live Photo.
    LivePhoto,
    /// A video file.
    Film,
    /// A RAW beside a JPEG of the same name.
    RawBesideImage,
    /// A sidecar, or a file of the system.
    Companion,
    /// A text or office file.
    Document,
    /// A sound.
    Audio,
    /// A zip or other archive: its images are not read.
    Archive,
    /// A catalog or a library of a photo program.
    Catalog,
    /// A recycle bin, snapshots, thumbnails of a NAS.
    Bin,
    /// Neither name nor content is that of an image.
    Other,
}

impl LeftAlone {
    /// As notices are told apart by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OutsideClass => "outside_class",
            Self::Link => "link",
            Self::NotUtf8 => "not_utf8",
            Self::Unreadable => "not_listed",
            Self::LivePhoto => "live_photo",
            Self::Film => "film",
            Self::RawBesideImage => "raw_beside_image",
            Self::Companion => "companion",
            Self::Document => "document",
            Self::Audio => "audio",
            Self::Archive => "archive",
            Self::Catalog => "catalog",
            Self::Bin => "bin",
            Self::Other => "other",
        }
    }
}

/// What the file at `path`, as messages name it (`photos/…`, `pool/…`), is.
pub fn kind(path: &str) -> Kind {
    let Some((root, relative)) = Folder::split(path) else { return Kind::Ignored };
    let (folders, file) = relative.rsplit_once('/').map_or((None, relative), |(folders, file)| (Some(folders), file));
    let may_be = matches!(file_kind(file), FileKind::Image | FileKind::Raw | FileKind::Unknown);
    if !may_be || folders.is_some_and(|f| !f.split('/').all(folder_counts)) {
        Kind::Ignored
    } else if folders.is_none() && root.has_classes() {
        Kind::NoClass
    } else {
        Kind::Image
    }
}

/// What a file of a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Claims to be an image.
    Image,
    /// Its content decides, see [`is_image`].
    Unknown,
    /// Left alone and counted.
    Left(LeftAlone),
    /// Hidden, or being written under a passing name: left alone without a word.
    Silent,
}

/// What a file called `name` in the folder `root/…` is; `has` says whether its folder has a file of a name.
pub fn claim(root: Folder, name: &str, has: impl Fn(&str) -> bool) -> Claim {
    let beside_image = || principals(name).any(|principal| has(&principal));
    Claim::Left(match file_kind(name) {
        FileKind::Raw if beside_image() => LeftAlone::RawBesideImage,
        FileKind::Image | FileKind::Raw => return Claim::Image,
        FileKind::Unknown => return Claim::Unknown,
        FileKind::Hidden | FileKind::Partial => return Claim::Silent,
        // predictions.csv and sidecars in the inbox are our own.
        FileKind::Companion | FileKind::Document if root == Folder::Inbox && is_ours(name) => return Claim::Silent,
        FileKind::Companion => LeftAlone::Companion,
        FileKind::Film if beside_image() => LeftAlone::LivePhoto,
        FileKind::Film => LeftAlone::Film,
        FileKind::Audio => LeftAlone::Audio,
        FileKind::Document => LeftAlone::Document,
        FileKind::Archive => LeftAlone::Archive,
        FileKind::Catalog => LeftAlone::Catalog,
    })
}

fn is_ours(name: &str) -> bool {
    name.starts_with("predictions.") || Path::new(name).extension().is_some_and(|extension| extension == "xmp")
}

/// Whether the file at `at`, which messages name `path`, is taken for an image: by its name, else by its first bytes. A RAW
/// beside an image of the same name is not. What cannot be read is not, unless its name says so.
pub fn is_image(path: &str, at: &Path) -> bool {
    let (Some((root, _)), Some(name)) = (Folder::split(path), at.file_name().and_then(|name| name.to_str())) else {
        return false;
    };
    match claim(root, name, |other| at.with_file_name(other).symlink_metadata().is_ok_and(|meta| meta.is_file())) {
        Claim::Image => true,
        Claim::Unknown => has_image_content(at),
        Claim::Left(_) | Claim::Silent => false,
    }
}

/// Whether the file at `at` begins as an image does.
pub fn has_image_content(at: &Path) -> bool {
    let mut first = Vec::new();
    let read = File::open(at).and_then(|file| file.take(FIRST_BYTES).read_to_end(&mut first));
    read.is_ok() && plugin_decode::is_image(&first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn images_count_whatever_they_are_called() {
        for name in ["cat/a.jpg", "cat/A.JPEG", "きゅんきゅん/夏/写真", "cat/a.b.c.png", "cat/no ending", "cat/a.nef"]
        {
            assert_eq!(kind(&format!("photos/{name}")), Kind::Image, "{name}");
        }
    }

    #[test]
    fn hidden_files_and_companions_are_left_alone() {
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
            "a.mov",
            "a.pdf",
            "b.tar",
            "a.jpg:Zone.Identifier",
        ] {
            assert_eq!(kind(&format!("photos/cat/{name}")), Kind::Ignored, "{name}");
        }
        assert_eq!(kind("photos/cat/.thumbnails/a.jpg"), Kind::Ignored);
        assert_eq!(kind("photos/__MACOSX/cat/a.jpg"), Kind::Ignored);
        for root in ["photos", "seeds", "pool", "inbox"] {
            assert_eq!(kind(&format!("{root}/cat/@Recycle/a.jpg")), Kind::Ignored, "{root}");
        }
    }

    #[test]
    fn a_file_without_a_class_is_told_apart() {
        assert_eq!(kind("photos/a.jpg"), Kind::NoClass);
        assert_eq!(kind("photos/.DS_Store"), Kind::Ignored);
        assert_eq!(kind("photos/photos/a.jpg"), Kind::Image, "a class may be called photos");
        assert_eq!(kind("review/cat/a.jpg"), Kind::Ignored);
    }

    #[test]
    fn pool_and_inbox_have_no_classes() {
        assert_eq!(kind("inbox/a.jpg"), Kind::Image);
        assert_eq!(kind("inbox/holiday/a.jpg"), Kind::Image);
        assert_eq!(kind("inbox/predictions.csv"), Kind::Ignored);
        assert_eq!(kind("inbox/a.jpg.xmp"), Kind::Ignored);
        assert_eq!(kind("pool/a.jpg"), Kind::Image);
        assert_eq!(kind("pool/2024/summer/a.jpg"), Kind::Image);
        assert_eq!(kind("pool/.thumbnails/a.jpg"), Kind::Ignored);
        assert_eq!(kind("seeds/a.jpg"), Kind::NoClass);
        assert_eq!(kind("candidates/cat/a.jpg"), Kind::Ignored);
    }

    #[test]
    fn a_raw_or_film_beside_its_image_is_told() {
        let has = |name: &str| ["IMG_1.JPG", "IMG_2.HEIC"].contains(&name);
        let of = |name: &str| claim(Folder::Photos, name, has);
        assert_eq!(of("IMG_1.CR2"), Claim::Left(LeftAlone::RawBesideImage));
        assert_eq!(of("IMG_3.CR2"), Claim::Image, "alone it claims to be an image");
        assert_eq!(of("IMG_2.MOV"), Claim::Left(LeftAlone::LivePhoto));
        assert_eq!(of("IMG_3.MOV"), Claim::Left(LeftAlone::Film));
        assert_eq!(of("IMG_1.xmp"), Claim::Left(LeftAlone::Companion));
        assert_eq!(claim(Folder::Inbox, "a.jpg.xmp", has), Claim::Silent, "ours");
        assert_eq!(claim(Folder::Inbox, "predictions.csv", has), Claim::Silent, "ours");
    }

    #[test]
    fn content_decides_where_the_name_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let is = |name: &str, content: &[u8]| {
            let at = folder.path().join(name);
            fs::write(&at, content).unwrap();
            is_image(&format!("photos/cat/{name}"), &at)
        };
        assert!(is("photo", b"\xFF\xD8\xFF\xE0") && is("photo.1", b"\x89PNG\r\n\x1A\n"));
        assert!(!is("words", b"hello") && !is("film", b"\0\0\0\x18ftypisom") && !is("empty", b""));
        assert!(is("a.jpg", b"hello"), "it claims to be one");
        assert!(!is("a.mov", b"\xFF\xD8\xFF\xE0"));
        assert!(is("c.nef", b"MM\0*"));
        fs::write(folder.path().join("b.JPG"), "").unwrap();
        assert!(!is("b.nef", b"MM\0*"));
        assert!(!is_image("photos/cat/gone", &folder.path().join("gone")));
    }
}
