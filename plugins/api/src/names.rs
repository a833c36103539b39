//! Names below a watched folder: what a file or folder claims to be, class names, and their order.
//!
//! A name alone decides only for extensions that are known. A file without one, or with an unknown one, is decided by its
//! first bytes ([`FileKind::Unknown`]). Only what claims to be an image is ever refused or moved to `quarantine/`; everything
//! else is left alone and counted.

use std::cmp::Ordering;
use unicode_normalization::UnicodeNormalization;

/// What a folder is, going by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FolderKind {
    /// May hold images.
    Images,
    /// Hidden (`.git`), or left behind by an archiver (`__MACOSX`).
    Hidden,
    /// Recycle bin, snapshots, or thumbnails of a NAS, a sync or an operating system.
    Bin,
    /// Library, previews or settings of a photo program.
    Catalog,
}

/// What a file is, going by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Claims to be an image, whether its format is read or not.
    Image,
    /// Claims to be a camera RAW.
    Raw,
    /// No extension, or one that is not known: decided by its content.
    Unknown,
    /// Hidden or of a name that editors give to files for a while.
    Hidden,
    /// Still being written by a browser or a copying program.
    Partial,
    /// Belongs to an image or to the system: `.xmp`, `.aae`, `.thm`, `Thumbs.db`, `:Zone.Identifier`.
    Companion,
    /// A video file.
    Film,
    /// Sound.
    Audio,
    /// Document, table, text, program.
    Document,
    /// A zip or other archive: its images are not read.
    Archive,
    /// Catalog or settings of a photo program.
    Catalog,
}

/// Recycle bins, snapshots and service folders, in lower case.
const BINS: &[&str] = &[
    "@recycle",
    "#recycle",
    "$recycle.bin",
    "recycler",
    "recycled",
    "network trash folder",
    "temporary items",
    "@eadir",
    "#snapshot",
    "@recently-snapshot",
    "~snapshot",
    ".snapshot",
    ".snapshots",
    ".zfs",
    "lost+found",
    "system volume information",
    ".stfolder",
    ".stversions",
    ".dropbox.cache",
    ".synologyworkingdirectory",
    "@tmp",
    "@__thumb",
    ".@__thumb",
    ".thumbnails",
    ".appledouble",
    ".spotlight-v100",
    ".fseventsd",
    ".documentrevisions-v100",
    ".temporaryitems",
];

/// Beginnings of names of recycle bins, in lower case: `.Trash-1000`, `.Trashes`.
const BIN_PREFIXES: &[&str] = &[".trash"];

/// Extensions of folders that are a library or previews of a photo program.
const CATALOG_FOLDERS: &[&str] = &[
    "lrdata",
    "lrlibrary",
    "photoslibrary",
    "photolibrary",
    "aplibrary",
    "migratedphotolibrary",
    "migratedaplibrary",
    "cocatalog",
    "cosessiondb",
    "eip",
    "luminarcatalog",
    "dxo-photolab",
];

/// Names of folders that photo programs make beside images, in lower case.
const CATALOG_NAMES: &[&str] = &[".picasaoriginals", "picasaoriginals", ".originals", "captureone", "nksc_param"];

/// Files that systems leave behind, in lower case.
const SYSTEM_FILES: &[&str] =
    &["thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "picasa.ini", "icon\r", "zbthumbnail.info"];

/// Extensions of files that are still being written by a browser or a copying program.
const PARTIAL: &[&str] =
    &["part", "partial", "crdownload", "download", "opdownload", "filepart", "aria2", "!ut", "!qb", "lock"];

/// Extensions of passing files of editors.
const PASSING: &[&str] = &["tmp", "temp", "swp", "swo", "swx", "bak"];

/// Extensions of image formats, read or not.
const IMAGES: &[&str] = &[
    "jpg", "jpeg", "jpe", "jfif", "jif", "mpo", "jps", "insp", "png", "apng", "webp", "gif", "bmp", "dib", "tif",
    "tiff", "heic", "heif", "hif", "heics", "avif", "avifs", "jxl", "jp2", "j2k", "jpf", "jpx", "jpm", "jxr", "hdp",
    "wdp", "psd", "psb", "xcf", "kra", "svg", "svgz", "eps", "ico", "cur", "icns", "dds", "qoi", "exr", "xpm", "xbm",
    "pbm", "pgm", "ppm", "pnm", "pam", "pfm", "tga", "icb", "vda", "pcx", "mng", "jng", "wmf", "emf", "dcm",
];

/// Extensions of camera RAW formats.
const RAWS: &[&str] = &[
    "3fr", "ari", "arw", "bay", "cap", "cr2", "cr3", "crw", "dcr", "dcs", "dng", "erf", "fff", "gpr", "iiq", "k25",
    "kdc", "mef", "mos", "mrw", "nef", "nrw", "orf", "ori", "pef", "ptx", "pxn", "raf", "raw", "rw2", "rwl", "sr2",
    "srf", "srw", "x3f",
];

/// Extensions of files that photo programs, cameras and phones keep beside images.
const COMPANIONS: &[&str] = &[
    "xmp",
    "aae",
    "thm",
    "pp3",
    "arp",
    "dop",
    "on1",
    "onphoto",
    "nksc",
    "cos",
    "cop",
    "comask",
    "pto",
    "lrtemplate",
    "ctg",
    "spd",
    "acr",
    "rws",
    "vrd",
    "photo-edit",
    "sidecar",
];

const FILMS: &[&str] = &[
    "mp4", "m4v", "mov", "qt", "avi", "mkv", "webm", "mts", "m2ts", "m2t", "ts", "mpg", "mpeg", "mpe", "m2v", "mod",
    "tod", "wmv", "asf", "flv", "f4v", "3gp", "3g2", "ogv", "vob", "dv", "mxf", "braw", "r3d", "lrv", "insv", "divx",
    "rmvb",
];

const AUDIO: &[&str] = &[
    "mp3", "wav", "m4a", "aac", "flac", "ogg", "oga", "opus", "wma", "aif", "aiff", "amr", "mid", "midi", "caf", "ape",
];

const DOCUMENTS: &[&str] = &[
    "json",
    "jsonl",
    "csv",
    "tsv",
    "txt",
    "md",
    "rst",
    "xml",
    "yaml",
    "yml",
    "toml",
    "ini",
    "cfg",
    "conf",
    "log",
    "html",
    "htm",
    "mht",
    "css",
    "js",
    "nfo",
    "url",
    "webloc",
    "lnk",
    "desktop",
    "db",
    "sqlite",
    "md5",
    "sha1",
    "sha256",
    "sfv",
    "pdf",
    "ps",
    "doc",
    "docx",
    "odt",
    "rtf",
    "pages",
    "xls",
    "xlsx",
    "ods",
    "numbers",
    "ppt",
    "pptx",
    "odp",
    "epub",
    "mobi",
    "djvu",
    "tex",
    "gpx",
    "kml",
    "kmz",
    "tcx",
    "ics",
    "vcf",
    "eml",
    "msg",
    "srt",
    "vtt",
    "lut",
    "cube",
    "icc",
    "icm",
    "ttf",
    "otf",
    "py",
    "ipynb",
    "sh",
    "bat",
    "cmd",
    "ps1",
    "rs",
    "java",
    "exe",
    "msi",
    "dll",
    "apk",
    "npy",
    "npz",
    "h5",
    "hdf5",
    "parquet",
    "arrow",
    "pt",
    "pth",
    "onnx",
    "safetensors",
    "pkl",
    "mat",
    "tfrecord",
    "torrent",
    "drawio",
    "vsdx",
    "ai",
    "indd",
    "sketch",
    "blend",
    "obj",
    "stl",
    "fbx",
    "dwg",
    "dxf",
];

const ARCHIVES: &[&str] = &[
    "zip", "rar", "7z", "tar", "gz", "tgz", "bz2", "tbz", "tbz2", "xz", "txz", "zst", "lz4", "lzma", "lzh", "lha",
    "cab", "iso", "dmg", "cbz", "cbr", "jar",
];

const CATALOGS: &[&str] = &[
    "lrcat",
    "lrcat-data",
    "lrcat-shm",
    "lrcat-wal",
    "lrcat-journal",
    "lrprev",
    "lrmprev",
    "cocatalogdb",
    "cosession",
    "dxo",
    "ithmb",
    "pe3",
    "pse",
    "psedb",
    "dk4",
    "digikam",
    "picasadb",
    "bridgecache",
    "bridgecachet",
    "ipl",
];

/// Images that a RAW, a film or a sidecar of the same stem belongs to.
const PRINCIPALS: &[&str] = &["jpg", "jpeg", "heic", "heif", "hif", "png", "tif", "tiff", "webp"];

/// What a folder of this name is.
pub fn folder_kind(name: &str) -> FolderKind {
    let lower = name.to_lowercase();
    let has = |extensions: &[&str]| lower.rsplit_once('.').is_some_and(|(_, end)| extensions.contains(&end));
    if BINS.contains(&lower.as_str()) || BIN_PREFIXES.iter().any(|prefix| lower.starts_with(prefix)) {
        FolderKind::Bin
    } else if CATALOG_NAMES.contains(&lower.as_str()) || has(CATALOG_FOLDERS) {
        FolderKind::Catalog
    } else if name.starts_with('.') || name == "__MACOSX" {
        FolderKind::Hidden
    } else {
        FolderKind::Images
    }
}

/// What a file of this name is.
pub fn file_kind(name: &str) -> FileKind {
    const KINDS: [(&[&str], FileKind); 11] = [
        (IMAGES, FileKind::Image),
        (RAWS, FileKind::Raw),
        (PARTIAL, FileKind::Partial),
        (PASSING, FileKind::Hidden),
        (COMPANIONS, FileKind::Companion),
        (FILMS, FileKind::Film),
        (AUDIO, FileKind::Audio),
        (DOCUMENTS, FileKind::Document),
        (ARCHIVES, FileKind::Archive),
        (CATALOGS, FileKind::Catalog),
        (CATALOG_FOLDERS, FileKind::Catalog),
    ];
    let lower = name.to_lowercase();
    if SYSTEM_FILES.contains(&lower.as_str()) || is_alternate_stream(&lower) {
        return FileKind::Companion;
    }
    if name.starts_with('.') || name.starts_with("~$") || name.ends_with('~') {
        return FileKind::Hidden;
    }
    let Some((_, extension)) = lower.rsplit_once('.') else { return FileKind::Unknown };
    KINDS.iter().find(|(extensions, _)| extensions.contains(&extension)).map_or(FileKind::Unknown, |(_, kind)| *kind)
}

/// Whether a name (in lower case) is that of an alternate data stream of NTFS which a copy made a file of its own. Samba and
/// drvfs write the `:` as U+F03A or U+F022, other programs as `_` or not at all.
fn is_alternate_stream(lower: &str) -> bool {
    [":", "\u{f03a}", "\u{f022}", "_", ""].iter().any(|colon| {
        let stem = lower.strip_suffix("zone.identifier").and_then(|rest| rest.strip_suffix(colon));
        stem.is_some_and(|stem| !stem.is_empty())
    }) || [":afp_afpinfo", ":com.dropbox.attrs", ":$data"].iter().any(|stream| lower.ends_with(stream))
}

/// Names of images that the RAW or the film of this name would lie beside: same stem, or the whole name with an extension
/// more (`a.cr2.jpg`), each extension in small letters, in capitals, and capitalised.
pub fn principals(name: &str) -> impl Iterator<Item = String> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
    let whole = name.to_owned();
    PRINCIPALS.iter().flat_map(move |extension| {
        let capitalised = extension[..1].to_uppercase() + &extension[1..];
        let spelled = [(*extension).to_owned(), extension.to_uppercase(), capitalised];
        let (stem, whole) = (stem.clone(), whole.clone());
        spelled.into_iter().flat_map(move |end| [format!("{stem}.{end}"), format!("{whole}.{end}")])
    })
}

/// Whether images are looked for in a folder of this name.
pub fn folder_counts(name: &str) -> bool {
    folder_kind(name) == FolderKind::Images
}

/// Whether a file of this name may be an image.
pub fn file_counts(name: &str) -> bool {
    matches!(file_kind(name), FileKind::Image | FileKind::Raw | FileKind::Unknown)
}

/// The class that a folder of this name stands for: in Unicode's normal form C, without spaces (ideographic ones too) and
/// zero-width marks at its ends. `が` is one class however it was typed. Letters of another case or width are not changed.
pub fn class_name(folder: &str) -> String {
    let composed: String = folder.nfc().collect();
    let is_blank = |c: char| c.is_whitespace() || matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}');
    let trimmed = composed.trim_matches(is_blank);
    // A folder that is called nothing but spaces keeps its name.
    if trimmed.is_empty() { composed } else { trimmed.to_owned() }
}

/// What names have in common that a person may have meant as one: `Cat`, `cat`, `ｃａｔ` and `c a t` with other spaces.
pub fn similarity_key(class: &str) -> String {
    let folded: String = class.nfkc().collect::<String>().to_lowercase().nfkc().collect();
    folded.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Natural order of class and file names: runs of digits compare as numbers (`2` before `10`), everything else by code point.
/// Names that are equal that way (`1`, `01`) compare byte by byte, so that the order is total.
pub fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (Some(x), Some(y)) = (left.chars().next(), right.chars().next()) else {
            return left.len().cmp(&right.len()).then_with(|| a.cmp(b));
        };
        let order = if x.is_ascii_digit() && y.is_ascii_digit() {
            let (number, rest) = split_number(left);
            let (other, other_rest) = split_number(right);
            (left, right) = (rest, other_rest);
            number.len().cmp(&other.len()).then_with(|| number.cmp(other))
        } else {
            (left, right) = (&left[x.len_utf8()..], &right[y.len_utf8()..]);
            x.cmp(&y)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The digits a text begins with, without leading zeros, and what follows them.
fn split_number(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (text[..end].trim_start_matches('0'), &text[end..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn natural_order_compares_numbers_as_numbers() {
        let mut names = ["10", "9", "img12.jpg", "img2.jpg", "b", "a", "01", "1", "2", "a10b2", "a10b10", "きゅん", ""];
        names.sort_by(|a, b| natural_order(a, b));
        assert_eq!(
            names,
            ["", "01", "1", "2", "9", "10", "a", "a10b2", "a10b10", "b", "img2.jpg", "img12.jpg", "きゅん"]
        );
    }

    #[test]
    fn files_that_claim_to_be_images_count() {
        for name in ["a.jpg", "A.JPEG", "a.b.c.png", "a.HEIC", "a.svg", "a.psd", "a.jfif"] {
            assert_eq!(file_kind(name), FileKind::Image, "{name}");
        }
        assert_eq!((file_kind("a.NEF"), file_kind("a.dng")), (FileKind::Raw, FileKind::Raw));
        for name in ["写真", "a.xyz", "IMG 1. Januar", "a.jpg (1)", "a."] {
            assert_eq!(file_kind(name), FileKind::Unknown, "{name}");
        }
        assert!(file_counts("写真") && file_counts("a.b.c.png") && file_counts("a.cr3"));
    }

    #[test]
    fn companions_and_other_files_do_not_count() {
        for (names, kind) in [
            (
                &["a.jpg.xmp", "IMG_1.AAE", "a.THM", "Thumbs.db", "desktop.ini", "a.pp3", "Picasa.ini"][..],
                FileKind::Companion,
            ),
            (&["a.jpg:Zone.Identifier", "a.jpg\u{f03a}Zone.Identifier", "a.jpgZone.Identifier"], FileKind::Companion),
            (&["a.MOV", "a.mp4", "a.mts", "a.AVI", "a.mkv"], FileKind::Film),
            (&["a.wav", "a.mp3"], FileKind::Audio),
            (&["a.pdf", "a.docx", "labels.csv", "README.md", "a.txt", "a.json"], FileKind::Document),
            (&["a.zip", "a.tar.gz"], FileKind::Archive),
            (&["a.lrcat", "a.lrcat-wal", "a.photoslibrary"], FileKind::Catalog),
            (&[".a.jpg", "._a.jpg", "~$a.jpg", "a.jpg~", "a.TMP", ".a.jpg.swp"], FileKind::Hidden),
            (&["a.jpg.part", "a.jpg.crdownload"], FileKind::Partial),
        ] {
            for name in names {
                assert_eq!(file_kind(name), kind, "{name}");
                assert!(!file_counts(name), "{name}");
            }
        }
    }

    #[test]
    fn bins_and_catalogs_are_told_by_name() {
        for name in [
            "@Recycle",
            "#recycle",
            "$Recycle.Bin",
            "$RECYCLE.BIN",
            "@eaDir",
            ".Trash-1000",
            ".Trashes",
            ".snapshot",
            "#snapshot",
            "@Recently-Snapshot",
            ".zfs",
            "lost+found",
            "System Volume Information",
            ".stfolder",
            ".stversions",
            ".dropbox.cache",
            ".SynologyWorkingDirectory",
        ] {
            assert_eq!(folder_kind(name), FolderKind::Bin, "{name}");
        }
        for name in [".picasaoriginals", "Lightroom Catalog Previews.lrdata", "a.lrlibrary", "Fotos.photoslibrary"] {
            assert_eq!(folder_kind(name), FolderKind::Catalog, "{name}");
        }
        assert_eq!([".git", "__MACOSX"].map(folder_kind), [FolderKind::Hidden; 2]);
        assert_eq!(["夏", "recycle", "a.b", "Trash"].map(folder_kind), [FolderKind::Images; 4]);
        assert!(!folder_counts("@eaDir") && !folder_counts(".git") && folder_counts("夏"));
    }

    #[test]
    fn principals_have_the_stem_of_the_raw() {
        let names: Vec<String> = principals("IMG_1.CR2").collect();
        for name in ["IMG_1.jpg", "IMG_1.JPG", "IMG_1.Jpg", "IMG_1.CR2.jpg", "IMG_1.HEIC"] {
            assert!(names.iter().any(|n| n == name), "{name}");
        }
        assert!(!names.iter().any(|n| n == "IMG_1.CR2"));
    }

    #[test]
    fn class_names_are_one_in_all_unicode_forms() {
        let composed = "\u{304c}";
        for folder in ["\u{304b}\u{3099}", "\u{304c} ", "\u{3000}\u{304c}\u{3000}", "\u{feff}\u{304c}"] {
            assert_eq!(class_name(folder), composed, "{folder:?}");
        }
        assert_eq!([class_name("Cat"), class_name("ｃａｔ"), class_name(" ")], ["Cat", "ｃａｔ", " "]);
        assert_eq!(class_name("a  b"), "a  b", "spaces within are part of the name");
    }

    #[test]
    fn similar_names_share_a_key() {
        for (a, b) in [("Cat", "cat"), ("ｃａｔ", "cat"), ("a  b", "A b"), ("STRASSE", "strasse"), ("ﾈｺ", "ネコ")]
        {
            assert_eq!(similarity_key(a), similarity_key(b), "{a} {b}");
        }
        assert_ne!(similarity_key("cat"), similarity_key("cats"));
    }
}
