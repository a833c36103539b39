//! The tables, and how a catalog of an earlier format becomes one of this.

use crate::error::DatasetError;
use rusqlite::Connection;

/// 1: as it began. 2: scores of the pictures, groups that grow together. 3: views of the pictures.
const FORMAT: i64 = 3;

/// As it began.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS pictures (
  digest TEXT PRIMARY KEY, ahash INTEGER NOT NULL, dhash INTEGER NOT NULL, phash INTEGER NOT NULL,
  whash INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
  grouped TEXT NOT NULL, split TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS placements (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL, label TEXT, digest TEXT NOT NULL REFERENCES pictures(digest),
  modified_ns INTEGER NOT NULL, size_bytes INTEGER NOT NULL, added INTEGER NOT NULL, removed INTEGER);
CREATE UNIQUE INDEX IF NOT EXISTS placements_live ON placements(path) WHERE removed IS NULL;
CREATE INDEX IF NOT EXISTS placements_digest ON placements(digest);
CREATE TABLE IF NOT EXISTS shards (id INTEGER PRIMARY KEY, profile TEXT NOT NULL, file TEXT NOT NULL, rows INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS pixels (
  profile TEXT NOT NULL, digest TEXT NOT NULL, shard INTEGER NOT NULL REFERENCES shards(id), row INTEGER NOT NULL,
  PRIMARY KEY (profile, digest)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (only INTEGER PRIMARY KEY CHECK (only = 0), version INTEGER NOT NULL);
INSERT OR IGNORE INTO counter VALUES (0, 0);
";

/// Scores are null where they were never measured. `regrouped`: before version `until`, the picture had this group and
/// split. The indices find the members of a group, and files by path at any version.
const SCORES: &str = "
ALTER TABLE pictures ADD COLUMN dark REAL;
ALTER TABLE pictures ADD COLUMN bright REAL;
ALTER TABLE pictures ADD COLUMN blur REAL;
ALTER TABLE pictures ADD COLUMN information REAL;
";
const GROUPS: &str = "
CREATE TABLE IF NOT EXISTS regrouped (
  digest TEXT NOT NULL, until INTEGER NOT NULL, grouped TEXT NOT NULL, split TEXT NOT NULL,
  PRIMARY KEY (digest, until)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS pictures_grouped ON pictures(grouped);
CREATE INDEX IF NOT EXISTS placements_path ON placements(path);
";

/// `plugin-hash`'s views, in a table of their own, since only a start reads them; none for pictures of an earlier format.
/// In the order they come, so that taking one in touches no page for each. `grouping`: the rule by which all pictures have
/// been held against each other; no row when they have to be once more.
const VIEWS: &str = "
CREATE TABLE IF NOT EXISTS views (digest TEXT PRIMARY KEY REFERENCES pictures(digest), looks BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS grouping (only INTEGER PRIMARY KEY CHECK (only = 0), rule TEXT NOT NULL);
";

/// Makes the tables, or brings them to this format. Whole or not at all.
///
/// # Errors
/// SQLite's, or [`DatasetError::Format`] for a catalog of a later format.
pub fn prepare(db: &mut Connection) -> Result<(), DatasetError> {
    let found: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > FORMAT {
        return Err(DatasetError::Format { found, known: FORMAT });
    }
    let change = db.transaction()?;
    change.execute_batch(TABLES)?;
    let has_scores = "SELECT COUNT(*) FROM pragma_table_info('pictures') WHERE name = 'dark'";
    if change.query_row(has_scores, [], |row| row.get::<_, i64>(0))? == 0 {
        change.execute_batch(SCORES)?;
    }
    change.execute_batch(GROUPS)?;
    change.execute_batch(VIEWS)?;
    change.pragma_update(None, "user_version", FORMAT)?;
    if found != FORMAT && found > 0 {
        tracing::info!(from = found, to = FORMAT, "the catalog was brought to a new format");
    }
    Ok(change.commit()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;
    use crate::split::Face;
    use plugin_hash::{Look, Views};

    #[test]
    fn a_catalog_of_format_1_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.sqlite");
        let db = Connection::open(&path).unwrap();
        db.execute_batch(TABLES).unwrap();
        db.execute_batch(
            "INSERT INTO pictures VALUES ('d1', 1, 2, 3, 4, 50, 40, 'd1', 'validation');
             INSERT INTO placements VALUES (1, 'photos/a/1.jpg', 'a', 'd1', 7, 99, 1, NULL);
             INSERT INTO shards VALUES (1, 'p', 's.arrow', 1);
             INSERT INTO pixels VALUES ('p', 'd1', 1, 0);
             UPDATE counter SET version = 1;
             PRAGMA user_version = 1;",
        )
        .unwrap();
        drop(db);
        for time in ["first", "second"] {
            let catalog = Catalog::open(&path).unwrap();
            assert_eq!(catalog.version().unwrap(), 1, "{time}");
            let rows = catalog.labelled(1, "p").unwrap();
            assert_eq!((rows.len(), rows[0].split.as_str()), (1, "validation"));
            let records = catalog.records(1, 0, 10).unwrap();
            assert_eq!((records[0].path.as_str(), records[0].size_bytes), ("photos/a/1.jpg", 99));
            assert_eq!(records[0].picture.hashes, [1, 2, 3, 4]);
            assert!(records[0].picture.scores.iter().all(|s| s.is_nan()), "never measured");
            let format: i64 = catalog.db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
            assert_eq!(format, FORMAT);
        }
    }

    #[test]
    fn pictures_of_format_2_have_no_views_and_keep_their_groups() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.sqlite");
        let db = Connection::open(&path).unwrap();
        for tables in [TABLES, SCORES, GROUPS] {
            db.execute_batch(tables).unwrap();
        }
        db.execute_batch(
            "INSERT INTO pictures VALUES ('d1', 1, 2, 3, 4, 50, 40, 'd0', 'test', 0.5, 0.5, 0.5, 0.5);
             PRAGMA user_version = 2;",
        )
        .unwrap();
        drop(db);
        let mut catalog = Catalog::open(&path).unwrap();
        let faces = |catalog: &Catalog| {
            let mut faces = Vec::new();
            let each = |face: Face, group: &str, split: &str| {
                faces.push((face.phash, face.dhash, face.views.copied(), format!("{group} {split}")));
            };
            catalog.groups(each).unwrap();
            faces
        };
        assert_eq!(faces(&catalog), [(3, 2, None, "d0 test".to_owned())]);
        let views = Views { plain: Look { waves: 77, ..Look::default() }, ..Views::default() };
        for views in [views, Views::default()] {
            let change = catalog.change().unwrap();
            change.add_views("d1", &views).unwrap();
            change.commit().unwrap();
        }
        drop(catalog);
        assert_eq!(faces(&Catalog::open(&path).unwrap()), [(3, 2, Some(views), "d0 test".to_owned())]);
    }

    #[test]
    fn views_of_an_earlier_version_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let mut catalog = Catalog::open(&folder.path().join("catalog.sqlite")).unwrap();
        let insert = "INSERT INTO pictures VALUES ('d1', 1, 2, 3, 4, 50, 40, 'd0', 'test', 0.5, 0.5, 0.5, 0.5);
             INSERT INTO views VALUES ('d1', zeroblob(448));
             INSERT INTO grouping VALUES (0, 'a rule');";
        catalog.db.execute_batch(insert).unwrap();
        let views = |catalog: &Catalog| {
            let mut views = Vec::new();
            catalog.groups(|face, _, _| views.push(face.views.copied())).unwrap();
            views
        };
        assert_eq!(views(&catalog), [None], "448 bytes are of an earlier version");
        let new = Views { plain: Look { waves: 77, ..Look::default() }, ..Views::default() };
        let change = catalog.change().unwrap();
        change.add_late_views("d1", &new).unwrap();
        change.commit().unwrap();
        assert_eq!(views(&catalog), [Some(new)]);
        assert!(!catalog.is_grouped_by("a rule").unwrap(), "the next start holds all against each other");
    }

    #[test]
    fn a_catalog_of_a_later_format_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.sqlite");
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let error = Catalog::open(&path).err().unwrap();
        assert!(error.to_string().contains("99"), "{error}");
    }
}
