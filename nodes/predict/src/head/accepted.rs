//! The accepted pictures of a version of the data set: those in `photos/` with one class.

use plugin_api::Home;
use plugin_catalog::{CatalogError, Reader};
use std::collections::{BTreeMap, VecDeque};

/// An accepted picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its class.
    pub class: String,
    /// A file that holds it, relative to the workspace.
    pub path: String,
    /// The group of look-alikes it is in.
    pub group: String,
}

/// Accepted pictures by their digest.
pub type All = BTreeMap<String, Accepted>;

/// Reads a version from the catalog of a workspace, which `dataset` may be writing to. Pictures of several classes are left
/// out, as nobody knows what they are; of files with the same pixels one counts.
///
/// # Errors
/// The catalog's.
pub fn read(home: &Home, version: u64) -> Result<All, CatalogError> {
    let Some(catalog) = Reader::open(home)? else { return Ok(All::new()) };
    let rows = catalog.samples(version, None)?;
    let of_one_class = rows.chunk_by(|a, b| a.sample == b.sample).filter(|rows| rows.len() == 1).flatten();
    let accepted = of_one_class.map(|row| {
        let accepted = Accepted { class: row.label.clone(), path: row.path.clone(), group: row.group.clone() };
        (row.digest.clone(), accepted)
    });
    Ok(accepted.collect())
}

/// Digests in the order to look at them: the first of each class, then the second of each, so that small classes are done at
/// once.
pub fn in_turn<'a>(new: impl Iterator<Item = (&'a String, &'a Accepted)>) -> VecDeque<String> {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut turns: Vec<(usize, &String)> = new
        .map(|(digest, accepted)| {
            let turn = seen.entry(&accepted.class).or_default();
            *turn += 1;
            (*turn, digest)
        })
        .collect();
    turns.sort();
    turns.into_iter().map(|(_, digest)| digest.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_catalog::{Writer, fixture};

    #[test]
    fn samples_of_one_class_are_accepted() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::create(folder.path()).unwrap();
        let at = |version| {
            read(&home, version)
                .unwrap()
                .into_iter()
                .map(|(d, a)| format!("{d} {} {}", a.class, a.path))
                .collect::<Vec<_>>()
        };
        assert_eq!(at(0), Vec::<String>::new(), "no catalog yet");
        let files =
            [("photos/a/1.jpg", "1"), ("photos/a/copy.jpg", "1"), ("photos/a/2.jpg", "2"), ("photos/4.jpg", "4")];
        let first = fixture::add_plain(&home, &files).unwrap();
        let second = fixture::add_plain(&home, &[("photos/b/3.jpg", "3")]).unwrap();
        let third = fixture::add_plain(&home, &[("photos/b/2.jpg", "2")]).unwrap();
        fixture::remove(&home, &["photos/b/3.jpg"]).unwrap();
        assert_eq!(at(first), ["1 a photos/a/1.jpg", "2 a photos/a/2.jpg"]);
        assert_eq!(at(second), ["1 a photos/a/1.jpg", "2 a photos/a/2.jpg", "3 b photos/b/3.jpg"]);
        assert_eq!(at(third), ["1 a photos/a/1.jpg", "3 b photos/b/3.jpg"], "nobody knows what 2 is");
        assert_eq!(at(third + 1), ["1 a photos/a/1.jpg"]);
    }

    #[test]
    fn the_group_is_that_of_the_version() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::create(folder.path()).unwrap();
        let before = fixture::add_plain(&home, &[("photos/a/1.jpg", "1"), ("photos/a/2.jpg", "2")]).unwrap();
        let mut catalog = Writer::open(&home).unwrap();
        let mut change = catalog.change().unwrap();
        change.merge_groups("1", "2").unwrap();
        let after = change.commit().unwrap();
        let group = |version| read(&home, version).unwrap()["2"].group.clone();
        assert_eq!((group(before), group(after)), ("2".to_owned(), "1".to_owned()));
    }

    #[test]
    fn classes_take_turns() {
        let one = |class: &str| Accepted { class: class.to_owned(), path: String::new(), group: String::new() };
        let all: All = [("1", "a"), ("2", "a"), ("3", "a"), ("4", "b"), ("5", "b")]
            .map(|(digest, class)| (digest.to_owned(), one(class)))
            .into();
        assert_eq!(in_turn(all.iter()), ["1", "4", "2", "5", "3"]);
    }
}
