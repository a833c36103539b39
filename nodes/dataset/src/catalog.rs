//! The catalog: which pictures there are, where they lie, what they are called. SQLite in WAL mode, synced on commit.
//!
//! Placements are never changed, only ended: the state at any earlier version can still be read, so a training run
//! goes on over the data it began with while new pictures arrive.

use crate::error::DatasetError;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::path::Path;

const FORMAT: i64 = 1;

const SCHEMA: &str = "
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

/// A file as the catalog knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Relative to the workspace.
    pub path: String,
    /// Class folder.
    pub label: Option<String>,
    /// The picture.
    pub digest: String,
    /// Nanoseconds since 1970.
    pub modified_ns: i64,
    /// Bytes.
    pub size_bytes: u64,
}

/// A picture, whatever its files are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// BLAKE3 of the file.
    pub digest: String,
    /// ahash, dhash, phash, whash.
    pub hashes: [u64; 4],
    /// Width and height of the original, pixels.
    pub source: (u32, u32),
    /// Digest of the group's founder.
    pub group: String,
    /// `train`, `validation` or `test`.
    pub split: String,
}

/// A row of the data set at some version: one picture with one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labelled {
    /// The picture.
    pub digest: String,
    /// Its class.
    pub label: String,
    /// One file that holds it.
    pub path: String,
    /// Its split.
    pub split: String,
    /// It stands in other classes too.
    pub conflict: bool,
}

/// The open catalog.
pub struct Catalog {
    db: Connection,
}

impl Catalog {
    /// Opens the catalog, making it when it is not there.
    ///
    /// # Errors
    /// SQLite's, or [`DatasetError::Format`] for a catalog of a later version.
    pub fn open(path: &Path) -> Result<Self, DatasetError> {
        let db = Connection::open(path)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.busy_timeout(std::time::Duration::from_secs(10))?;
        let found: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found > FORMAT {
            return Err(DatasetError::Format { found, known: FORMAT });
        }
        db.execute_batch(SCHEMA)?;
        db.pragma_update(None, "user_version", FORMAT)?;
        Ok(Self { db })
    }

    /// Counts up with every change of what is labelled how.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn version(&self) -> Result<u64, DatasetError> {
        Ok(self.db.query_row("SELECT version FROM counter", [], |row| row.get(0))?)
    }

    /// Starts a change: nothing of it lasts before [`Change::commit`].
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn change(&mut self) -> Result<Change<'_>, DatasetError> {
        let tx = self.db.transaction()?;
        let version: u64 = tx.query_row("SELECT version FROM counter", [], |row| row.get(0))?;
        Ok(Change { tx, version: version + 1, labels_changed: false })
    }

    /// Calls `each` with phash, dhash, group and split of every picture.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn groups(&self, mut each: impl FnMut(u64, u64, &str, &str)) -> Result<(), DatasetError> {
        let mut rows = self.db.prepare("SELECT phash, dhash, grouped, split FROM pictures")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let (phash, dhash): (i64, i64) = (row.get(0)?, row.get(1)?);
            each(phash.cast_unsigned(), dhash.cast_unsigned(), &row.get::<_, String>(2)?, &row.get::<_, String>(3)?);
        }
        Ok(())
    }

    /// Whether the pixels of a picture are stored.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn has_pixels(&self, profile: &str, digest: &str) -> Result<bool, DatasetError> {
        let mut find = self.db.prepare_cached("SELECT 1 FROM pixels WHERE profile = ? AND digest = ?")?;
        Ok(find.exists(params![profile, digest])?)
    }

    /// Whether a picture is known, whatever its size.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn has_picture(&self, digest: &str) -> Result<bool, DatasetError> {
        Ok(self.db.prepare_cached("SELECT 1 FROM pictures WHERE digest = ?")?.exists([digest])?)
    }

    /// Live files whose pixels are stored: path, modification time, size.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn inventory(&self, profile: &str) -> Result<Vec<(String, i64, u64)>, DatasetError> {
        let mut rows = self.db.prepare(
            "SELECT path, modified_ns, size_bytes FROM placements JOIN pixels USING (digest)
             WHERE removed IS NULL AND profile = ? ORDER BY path",
        )?;
        let rows = rows.query_map([profile], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The data set at a version, ordered by digest and label; one row for each picture and label.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn labelled(&self, version: u64, profile: &str) -> Result<Vec<Labelled>, DatasetError> {
        let mut rows = self.db.prepare(
            "SELECT p.digest, p.label, MIN(p.path), pictures.split,
                    COUNT(*) OVER (PARTITION BY p.digest) > 1
             FROM placements p JOIN pictures USING (digest) JOIN pixels x ON x.digest = p.digest AND x.profile = ?2
             WHERE p.label IS NOT NULL AND p.added <= ?1 AND (p.removed IS NULL OR p.removed > ?1)
             GROUP BY p.digest, p.label ORDER BY p.digest, p.label",
        )?;
        let rows = rows.query_map(params![version, profile], |row| {
            Ok(Labelled {
                digest: row.get(0)?,
                label: row.get(1)?,
                path: row.get(2)?,
                split: row.get(3)?,
                conflict: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Shard file and row of a picture's pixels.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn pixels(&self, profile: &str, digest: &str) -> Result<Option<(i64, usize)>, DatasetError> {
        let mut find = self.db.prepare_cached("SELECT shard, row FROM pixels WHERE profile = ? AND digest = ?")?;
        Ok(find.query_row(params![profile, digest], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
    }

    /// Where every picture's pixels are: digest, shard, row.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn pixels_in(&self, profile: &str) -> Result<Vec<(String, i64, usize)>, DatasetError> {
        let mut rows = self.db.prepare("SELECT digest, shard, row FROM pixels WHERE profile = ? ORDER BY digest")?;
        let rows = rows.query_map([profile], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// All shards: id, file name, rows.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn shards(&self, profile: &str) -> Result<Vec<(i64, String, usize)>, DatasetError> {
        let mut rows = self.db.prepare("SELECT id, file, rows FROM shards WHERE profile = ? ORDER BY id")?;
        let rows = rows.query_map([profile], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Live files and distinct pictures.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn counts(&self) -> Result<(u64, u64), DatasetError> {
        Ok(self.db.query_row(
            "SELECT COUNT(*), COUNT(DISTINCT digest) FROM placements WHERE removed IS NULL",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?)
    }
}

/// A change in the making.
pub struct Change<'a> {
    tx: Transaction<'a>,
    version: u64,
    labels_changed: bool,
}

impl Change<'_> {
    /// Adds a shard and the pictures in it, by row.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn add_shard(&self, profile: &str, file: &str, digests: &[String]) -> Result<(), DatasetError> {
        self.tx.execute(
            "INSERT INTO shards (profile, file, rows) VALUES (?, ?, ?)",
            params![profile, file, digests.len()],
        )?;
        let shard = self.tx.last_insert_rowid();
        let mut insert = self.tx.prepare_cached("INSERT OR REPLACE INTO pixels VALUES (?, ?, ?, ?)")?;
        for (row, digest) in digests.iter().enumerate() {
            insert.execute(params![profile, digest, shard, row])?;
        }
        Ok(())
    }

    /// Forgets shards whose pictures have all been moved to another.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn drop_shards(&self, ids: &[i64]) -> Result<(), DatasetError> {
        for id in ids {
            self.tx.execute("DELETE FROM shards WHERE id = ?", [id])?;
        }
        Ok(())
    }

    /// Adds a picture that is not known yet.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn add_picture(&self, picture: &Picture) -> Result<(), DatasetError> {
        let [a, d, p, w] = picture.hashes.map(u64::cast_signed);
        self.tx.prepare_cached("INSERT OR IGNORE INTO pictures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")?.execute(
            params![picture.digest, a, d, p, w, picture.source.0, picture.source.1, picture.group, picture.split],
        )?;
        Ok(())
    }

    /// Puts a file in its place. The same picture under the same label only updates the file's times.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn place(&mut self, file: &Placement) -> Result<(), DatasetError> {
        let old: Option<(i64, Option<String>, String)> = self
            .tx
            .prepare_cached("SELECT id, label, digest FROM placements WHERE path = ? AND removed IS NULL")?
            .query_row([&file.path], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        match old {
            Some((id, label, digest)) if label == file.label && digest == file.digest => {
                self.tx
                    .prepare_cached("UPDATE placements SET modified_ns = ?, size_bytes = ? WHERE id = ?")?
                    .execute(params![file.modified_ns, file.size_bytes, id])?;
                return Ok(());
            }
            Some((id, ..)) => self.end(id)?,
            None => {}
        }
        self.tx
            .prepare_cached(
                "INSERT INTO placements (path, label, digest, modified_ns, size_bytes, added) VALUES (?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![file.path, file.label, file.digest, file.modified_ns, file.size_bytes, self.version])?;
        self.labels_changed = true;
        Ok(())
    }

    /// Takes a file away. A path that is not there is no error: it was taken away before.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn remove(&mut self, path: &str) -> Result<(), DatasetError> {
        let id: Option<i64> = self
            .tx
            .prepare_cached("SELECT id FROM placements WHERE path = ? AND removed IS NULL")?
            .query_row([path], |row| row.get(0))
            .optional()?;
        id.map_or(Ok(()), |id| self.end(id))
    }

    fn end(&mut self, id: i64) -> Result<(), DatasetError> {
        self.tx.prepare_cached("UPDATE placements SET removed = ? WHERE id = ?")?.execute(params![self.version, id])?;
        self.labels_changed = true;
        Ok(())
    }

    /// Makes the change last. Returns the version now in force.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn commit(self) -> Result<u64, DatasetError> {
        let version = if self.labels_changed {
            self.tx.execute("UPDATE counter SET version = ?", [self.version])?;
            self.version
        } else {
            self.version - 1
        };
        self.tx.commit()?;
        Ok(version)
    }
}

#[cfg(test)]
#[path = "catalog_tests.rs"]
mod tests;
