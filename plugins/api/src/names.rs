//! Which names below a watched folder may be those of pictures: a name only tells what is certainly not meant as one, what a
//! system or a program hides, what is still being written under a passing name, and notes about pictures.

use std::cmp::Ordering;

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
    fn names_tell_what_is_certainly_no_picture() {
        assert!(file_counts("写真") && file_counts("a.b.c.png") && folder_counts("夏"));
        for name in [".a.jpg", "a.jpg.part", "a.jpg.xmp", "Thumbs.db", "~$a.jpg", "a.jpg~"] {
            assert!(!file_counts(name), "{name}");
        }
        assert!(!folder_counts("@eaDir") && !folder_counts(".git"));
    }
}
