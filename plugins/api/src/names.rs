//! Which names below a watched folder may be those of pictures: a name only tells what is certainly not meant as one, what a
//! system or a program hides, what is still being written under a passing name, and notes about pictures.

/// Folders that systems and archives leave behind.
const FOLDERS: &[&str] = &["__MACOSX", "@eaDir", "#recycle", "$RECYCLE.BIN", "System Volume Information", "lost+found"];

/// Files that systems leave behind, in lower case.
const FILES: &[&str] = &["thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r"];

/// Endings of files that are still being written by a browser, an editor or a copying program.
const PASSING: &[&str] = &[
    "part",
    "partial",
    "crdownload",
    "download",
    "opdownload",
    "filepart",
    "aria2",
    "!ut",
    "!qb",
    "tmp",
    "temp",
    "swp",
    "swo",
    "swx",
    "bak",
    "lock",
];

/// Endings of notes that people and programs keep beside pictures.
const SIDECARS: &[&str] = &[
    "xmp", "json", "jsonl", "csv", "tsv", "txt", "md", "xml", "yaml", "yml", "toml", "ini", "log", "html", "htm",
    "aae", "pp3", "dop", "nfo", "url", "lnk", "db", "md5", "sha1", "sha256",
];

/// Whether pictures are looked for in a folder of this name.
pub fn folder_counts(name: &str) -> bool {
    !name.starts_with('.') && !FOLDERS.contains(&name)
}

/// Whether a file of this name may be a picture.
pub fn file_counts(name: &str) -> bool {
    let lower = name.to_lowercase();
    let hidden = name.starts_with('.') || name.starts_with("~$") || name.ends_with('~');
    let ending = lower.rsplit_once('.').map_or("", |(_, ending)| ending);
    !hidden && !FILES.contains(&lower.as_str()) && !PASSING.contains(&ending) && !SIDECARS.contains(&ending)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_certainly_no_picture() {
        assert!(file_counts("写真") && file_counts("a.b.c.png") && folder_counts("夏"));
        for name in [".a.jpg", "a.jpg.part", "a.jpg.xmp", "Thumbs.db", "~$a.jpg", "a.jpg~"] {
            assert!(!file_counts(name), "{name}");
        }
        assert!(!folder_counts("@eaDir") && !folder_counts(".git"));
    }
}
