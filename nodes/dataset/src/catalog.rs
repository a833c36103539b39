//! The catalog: which pictures there are, where they lie, what they are called. SQLite in WAL mode, synced on commit.
//!
//! Placements are never changed, only ended, and what group and split a picture had before is noted: the state at any
//! earlier version can still be read, so a training run goes on over the data it began with while new pictures arrive.

use crate::error::DatasetError;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::path::Path;

mod groups;
mod records;
mod schema;

pub use records::Record;

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
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// BLAKE3 of the file.
    pub digest: String,
    /// ahash, dhash, phash, whash.
    pub hashes: [u64; 4],
    /// Width and height of the original, pixels.
    pub source: (u32, u32),
    /// dark, bright, blur, information: 0 is bad, 1 is good, NaN was never measured.
    pub scores: [f32; 4],
    /// Digest that stands for the group.
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
    /// Digest that stands for its group of look-alikes.
    pub group: String,
    /// Its split.
    pub split: String,
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
        let mut db = Connection::open(path)?;
        // First of all: somebody who reads may hold it for a moment, also while its journal is set.
        db.busy_timeout(std::time::Duration::from_secs(10))?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        schema::prepare(&mut db)?;
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
            "SELECT p.digest, p.label, MIN(p.path), COALESCE(r.grouped, i.grouped), COALESCE(r.split, i.split)
             FROM placements p JOIN pictures i USING (digest)
             JOIN pixels x ON x.digest = p.digest AND x.profile = ?2
             LEFT JOIN regrouped r ON r.digest = p.digest
               AND r.until = (SELECT MIN(until) FROM regrouped WHERE digest = p.digest AND until > ?1)
             WHERE p.label IS NOT NULL AND p.added <= ?1 AND (p.removed IS NULL OR p.removed > ?1)
             GROUP BY p.digest, p.label ORDER BY p.digest, p.label",
        )?;
        let rows = rows.query_map(params![version, profile], |row| {
            Ok(Labelled {
                digest: row.get(0)?,
                label: row.get(1)?,
                path: row.get(2)?,
                group: row.get(3)?,
                split: row.get(4)?,
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

/// What was never measured is null.
fn stored(score: f32) -> Option<f64> {
    (!score.is_nan()).then_some(f64::from(score))
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
        let [dark, bright, blur, information] = picture.scores.map(stored);
        self.tx
            .prepare_cached("INSERT OR IGNORE INTO pictures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")?
            .execute(params![
                picture.digest,
                a,
                d,
                p,
                w,
                picture.source.0,
                picture.source.1,
                picture.group,
                picture.split,
                dark,
                bright,
                blur,
                information
            ])?;
        Ok(())
    }

    /// Scores of a picture that is known, when it had none.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn measured(&self, digest: &str, scores: [f32; 4]) -> Result<(), DatasetError> {
        let [dark, bright, blur, information] = scores.map(stored);
        self.tx
            .prepare_cached(
                "UPDATE pictures SET dark = ?, bright = ?, blur = ?, information = ? WHERE digest = ? AND dark IS NULL",
            )?
            .execute(params![dark, bright, blur, information, digest])?;
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
