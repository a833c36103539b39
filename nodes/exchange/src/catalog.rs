//! What the catalog says is labelled, read without changing it, while the pipeline may be running.

use crate::ExchangeError;
use rusqlite::{Connection, OpenFlags};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

/// A labelled picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// BLAKE3 of the file, in hexadecimal digits.
    pub digest: String,
    /// Its class.
    pub label: String,
    /// A file that holds it, relative to the workspace.
    pub path: String,
    /// `train`, `validation` or `test`.
    pub split: String,
}

/// What is to be exported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Ordered by class and path.
    pub pictures: Vec<Labelled>,
    /// Pictures left out because they, or look-alikes of their group, stand in several classes.
    pub in_several_classes: usize,
}

/// Live files, one a picture and class; the group is what training goes by when it looks for conflicts.
const LIVE: &str = "
    SELECT p.digest, p.label, MIN(p.path), i.split, i.grouped
    FROM placements p JOIN pictures i ON i.digest = p.digest
    WHERE p.removed IS NULL AND p.label IS NOT NULL AND p.path LIKE 'photos/%'
    GROUP BY p.digest, p.label ORDER BY p.label, MIN(p.path)";

/// Reads the labelled pictures of the catalog in `dataset/` of a workspace.
///
/// # Errors
/// [`ExchangeError::NoCatalog`] when there is none, [`ExchangeError::Catalog`] when it cannot be read.
pub fn read(home: &Path) -> Result<Selection, ExchangeError> {
    let path = home.join("dataset/catalog.sqlite");
    if !path.is_file() {
        return Err(ExchangeError::NoCatalog(path));
    }
    let live = || -> rusqlite::Result<Vec<(Labelled, String)>> {
        let db = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        db.busy_timeout(Duration::from_secs(10))?;
        let mut rows = db.prepare(LIVE)?;
        let rows = rows.query_map([], |row| {
            let picture = Labelled { digest: row.get(0)?, label: row.get(1)?, path: row.get(2)?, split: row.get(3)? };
            Ok((picture, row.get(4)?))
        })?;
        rows.collect()
    };
    live().map(select).map_err(|source| ExchangeError::Catalog { path: path.clone(), source })
}

/// Leaves out every picture whose group stands in several classes.
fn select(live: Vec<(Labelled, String)>) -> Selection {
    let mut classes = BTreeMap::<String, BTreeSet<String>>::new();
    for (picture, group) in &live {
        classes.entry(group.clone()).or_default().insert(picture.label.clone());
    }
    let (mut pictures, mut left_out) = (Vec::new(), BTreeSet::new());
    for (picture, group) in live {
        if classes[&group].len() == 1 {
            pictures.push(picture);
        } else {
            left_out.insert(picture.digest);
        }
    }
    Selection { pictures, in_several_classes: left_out.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_catalog_is_named() {
        let home = tempfile::tempdir().unwrap();
        let error = read(home.path()).unwrap_err().to_string();
        assert!(error.contains("dataset/catalog.sqlite is not there"), "{error}");
    }

    #[test]
    fn what_is_no_catalog_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("dataset")).unwrap();
        std::fs::write(home.path().join("dataset/catalog.sqlite"), "no database, only text").unwrap();
        let error = read(home.path()).unwrap_err().to_string();
        assert!(error.contains("catalog.sqlite: ") && error.contains("not a database"), "{error}");
    }

    #[test]
    fn groups_in_several_classes_are_left_out() {
        let picture = |digest: &str, label: &str| Labelled {
            digest: digest.into(),
            label: label.into(),
            path: format!("photos/{label}/{digest}"),
            split: "train".into(),
        };
        let selection = select(vec![
            (picture("a", "cat"), "a".into()),
            (picture("b", "cat"), "b".into()),
            (picture("b", "dog"), "b".into()),
            (picture("c", "dog"), "b".into()),
            (picture("d", "dog"), "d".into()),
        ]);
        assert_eq!(selection.pictures, [picture("a", "cat"), picture("d", "dog")]);
        assert_eq!(selection.in_several_classes, 2);
    }
}
