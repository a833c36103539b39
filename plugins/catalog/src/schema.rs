//! The tables, and how a catalog of an earlier format becomes one of this: whole or not at all, in one transaction.

use crate::error::CatalogError;
use rusqlite::Connection;
use rusqlite_migration::{Error, M, MigrationDefinitionError, Migrations};
use std::path::Path;

/// As it began.
pub(crate) const FORMAT_1: &str = "
CREATE TABLE pictures (
  digest TEXT PRIMARY KEY, ahash INTEGER NOT NULL, dhash INTEGER NOT NULL, phash INTEGER NOT NULL,
  whash INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
  grouped TEXT NOT NULL, split TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE placements (
  id INTEGER PRIMARY KEY, path TEXT NOT NULL, label TEXT, digest TEXT NOT NULL REFERENCES pictures(digest),
  modified_ns INTEGER NOT NULL, size_bytes INTEGER NOT NULL, added INTEGER NOT NULL, removed INTEGER);
CREATE UNIQUE INDEX placements_live ON placements(path) WHERE removed IS NULL;
CREATE INDEX placements_digest ON placements(digest);
CREATE TABLE shards (id INTEGER PRIMARY KEY, profile TEXT NOT NULL, file TEXT NOT NULL, rows INTEGER NOT NULL);
CREATE TABLE pixels (
  profile TEXT NOT NULL, digest TEXT NOT NULL, shard INTEGER NOT NULL REFERENCES shards(id), row INTEGER NOT NULL,
  PRIMARY KEY (profile, digest)) WITHOUT ROWID;
CREATE TABLE counter (only INTEGER PRIMARY KEY CHECK (only = 0), version INTEGER NOT NULL);
INSERT INTO counter VALUES (0, 0);
";

/// Scores, null where they were never measured. `regrouped`: before version `until`, the image had this group and split.
const FORMAT_2: &str = "
ALTER TABLE pictures ADD COLUMN dark REAL;
ALTER TABLE pictures ADD COLUMN bright REAL;
ALTER TABLE pictures ADD COLUMN blur REAL;
ALTER TABLE pictures ADD COLUMN information REAL;
CREATE TABLE regrouped (
  digest TEXT NOT NULL, until INTEGER NOT NULL, grouped TEXT NOT NULL, split TEXT NOT NULL,
  PRIMARY KEY (digest, until)) WITHOUT ROWID;
CREATE INDEX pictures_grouped ON pictures(grouped);
CREATE INDEX placements_path ON placements(path);
";

/// Signatures, in a table of their own, since only a start reads them, and in the order they come, so that taking one in
/// touches no page for each. `grouping`: the rule by which all images have been compared; no row when they have to be again.
const FORMAT_3: &str = "
CREATE TABLE views (digest TEXT PRIMARY KEY REFERENCES pictures(digest), looks BLOB NOT NULL);
CREATE TABLE grouping (only INTEGER PRIMARY KEY CHECK (only = 0), rule TEXT NOT NULL);
";

/// Names of the field. Identity of files (0 where it was not kept), digests of pixels, times of capture, splits that folders say,
/// and whether a split is settled: those there are have been trained on. `different`: sets of samples, JSON arrays, that a
/// person has said are no copies of each other, as far as groups obey them.
pub(crate) const FORMAT_4: &str = "
ALTER TABLE pictures RENAME TO images;
ALTER TABLE images RENAME COLUMN grouped TO group_id;
ALTER TABLE images ADD COLUMN pixel_digest TEXT;
ALTER TABLE images ADD COLUMN captured_ms INTEGER;
ALTER TABLE images ADD COLUMN settled INTEGER NOT NULL DEFAULT 0;
UPDATE images SET settled = 1;
ALTER TABLE placements RENAME TO files;
ALTER TABLE files ADD COLUMN changed_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN inode INTEGER NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN given TEXT;
ALTER TABLE regrouped RENAME TO group_history;
ALTER TABLE group_history RENAME COLUMN grouped TO group_id;
ALTER TABLE counter RENAME TO dataset_version;
ALTER TABLE views RENAME TO signatures;
ALTER TABLE signatures RENAME COLUMN looks TO bytes;
DROP INDEX pictures_grouped;
DROP INDEX placements_live;
DROP INDEX placements_digest;
DROP INDEX placements_path;
CREATE INDEX images_group ON images(group_id);
CREATE INDEX images_pixels ON images(pixel_digest) WHERE pixel_digest IS NOT NULL;
CREATE UNIQUE INDEX files_live ON files(path) WHERE removed IS NULL;
CREATE INDEX files_digest ON files(digest);
CREATE INDEX files_path ON files(path);
CREATE TABLE different (samples TEXT PRIMARY KEY) WITHOUT ROWID;
";

const STEPS: &[M] = &[M::up(FORMAT_1), M::up(FORMAT_2), M::up(FORMAT_3), M::up(FORMAT_4)];

/// The format of this version, SQLite's `user_version`.
pub const FORMAT: i64 = STEPS.len() as i64;

/// The format of a catalog.
pub fn format(db: &Connection) -> rusqlite::Result<i64> {
    db.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Makes the tables, or brings them to this format.
///
/// # Errors
/// [`CatalogError::Later`] for a catalog of a later version; SQLite's.
pub fn migrate(db: &mut Connection, path: &Path) -> Result<(), CatalogError> {
    let found = format(db).map_err(|source| CatalogError::Sqlite { path: path.to_owned(), source })?;
    match Migrations::from_slice(STEPS).to_latest(db) {
        Ok(()) => {}
        Err(Error::MigrationDefinition(MigrationDefinitionError::DatabaseTooFarAhead)) => {
            return Err(CatalogError::Later { path: path.to_owned(), found, known: FORMAT });
        }
        Err(Error::RusqliteError { err: source, .. }) => {
            return Err(CatalogError::Sqlite { path: path.to_owned(), source });
        }
        Err(other) => {
            let problem = other.to_string();
            return Err(CatalogError::Migration { path: path.to_owned(), found, known: FORMAT, problem });
        }
    }
    if found != FORMAT && found > 0 {
        tracing::info!(from = found, to = FORMAT, "the catalog was brought to a new format");
    }
    Ok(())
}
