//! The accepted pictures of a version of the data set: those in `photos/` with one class.

use rusqlite::{Connection, OpenFlags};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::time::Duration;

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

const AT: &str = "
    SELECT p.digest, p.label, p.path, i.grouped FROM placements p JOIN pictures i USING (digest)
    WHERE p.label IS NOT NULL AND p.added <= ?1 AND (p.removed IS NULL OR p.removed > ?1)";

/// Reads a version from the catalog of a workspace, which `dataset` may be writing to. Pictures of several classes are left
/// out, as nobody knows what they are.
///
/// # Errors
/// SQLite's.
pub fn read(home: &Path, version: u64) -> rusqlite::Result<All> {
    let path = home.join("dataset/catalog.sqlite");
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    db.busy_timeout(Duration::from_secs(5))?;
    let mut find = db.prepare(AT)?;
    let row = |row: &rusqlite::Row| {
        Ok((row.get::<_, String>(0)?, Accepted { class: row.get(1)?, path: row.get(2)?, group: row.get(3)? }))
    };
    let (mut all, mut doubtful) = (All::new(), BTreeSet::new());
    for found in find.query_map([version.cast_signed()], row)? {
        let (digest, accepted) = found?;
        match all.get(&digest) {
            Some(other) if other.class != accepted.class => {
                doubtful.insert(digest);
            }
            Some(_) => {}
            None => {
                all.insert(digest, accepted);
            }
        }
    }
    all.retain(|digest, _| !doubtful.contains(digest));
    Ok(all)
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
pub(crate) mod tests {
    use super::*;

    /// A catalog with these rows: digest, label, path, version from, version until.
    pub(crate) fn catalog(home: &Path, rows: &[(&str, &str, &str, u64, Option<u64>)]) {
        let path = home.join("dataset/catalog.sqlite");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let db = Connection::open(path).unwrap();
        db.execute_batch(
            "DROP TABLE IF EXISTS pictures; DROP TABLE IF EXISTS placements;
             CREATE TABLE pictures (digest TEXT PRIMARY KEY, grouped TEXT);
             CREATE TABLE placements (path TEXT, label TEXT, digest TEXT, added INTEGER, removed INTEGER);",
        )
        .unwrap();
        for (digest, label, path, added, removed) in rows {
            db.execute("INSERT OR IGNORE INTO pictures VALUES (?1, ?1)", [digest]).unwrap();
            let label = Some(label).filter(|label| !label.is_empty());
            db.execute(
                "INSERT INTO placements VALUES (?, ?, ?, ?, ?)",
                rusqlite::params![path, label, digest, added.cast_signed(), removed.map(u64::cast_signed)],
            )
            .unwrap();
        }
    }

    #[test]
    fn what_several_classes_claim_or_nobody_does_is_left_out_at_its_version() {
        let folder = tempfile::tempdir().unwrap();
        let rows = [
            ("1", "a", "photos/a/1.jpg", 1, None),
            ("1", "a", "photos/a/copy.jpg", 1, None),
            ("2", "a", "photos/a/2.jpg", 1, None),
            ("2", "b", "photos/b/2.jpg", 3, None),
            ("3", "b", "photos/b/3.jpg", 2, Some(3)),
            ("4", "", "photos/4.jpg", 1, None),
        ];
        catalog(folder.path(), &rows);
        let at =
            |version| read(folder.path(), version).unwrap().into_iter().map(|(d, a)| d + &a.class).collect::<Vec<_>>();
        assert_eq!(
            (at(1), at(2), at(3)),
            (vec!["1a".into(), "2a".into()], vec!["1a".into(), "2a".into(), "3b".into()], vec!["1a".into()])
        );
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
