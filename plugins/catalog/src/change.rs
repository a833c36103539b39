//! A change of the catalog: several statements that last together or not at all.

use crate::error::CatalogError;
use crate::rows::{File, Image};
use plugin_api::Split;
use plugin_check::Scores;
use rusqlite::{Connection, OptionalExtension, Result, Transaction, params};
use std::path::Path;

/// A change in the making; dropped without [`Change::commit`], nothing of it lasts.
pub struct Change<'a> {
    tx: Transaction<'a>,
    path: &'a Path,
    /// The version from which on it holds.
    version: u64,
    is_new_version: bool,
}

/// What was never measured is null.
fn stored(score: f32) -> Option<f64> {
    (!score.is_nan()).then_some(f64::from(score))
}

impl<'a> Change<'a> {
    pub(crate) fn begin(db: &'a mut Connection, path: &'a Path) -> Result<Self> {
        let tx = db.transaction()?;
        let version: u64 = tx.query_row("SELECT version FROM dataset_version", [], |row| row.get(0))?;
        Ok(Self { tx, path, version: version + 1, is_new_version: false })
    }

    fn run<T>(&self, work: impl FnOnce(&Transaction) -> Result<T>) -> Result<T, CatalogError> {
        work(&self.tx).map_err(|source| CatalogError::Sqlite { path: self.path.to_owned(), source })
    }

    /// Adds a shard with the images in it, by row.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn add_shard(&self, profile: &str, file: &str, digests: &[String]) -> Result<(), CatalogError> {
        self.run(|tx| {
            tx.execute(
                "INSERT INTO shards (profile, file, rows) VALUES (?, ?, ?)",
                params![profile, file, digests.len()],
            )?;
            let shard = tx.last_insert_rowid();
            let mut insert = tx.prepare_cached("INSERT OR REPLACE INTO pixels VALUES (?, ?, ?, ?)")?;
            for (row, digest) in digests.iter().enumerate() {
                insert.execute(params![profile, digest, shard, row])?;
            }
            Ok(())
        })
    }

    /// Forgets shards whose images have all been moved to another.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn drop_shards(&self, ids: &[i64]) -> Result<(), CatalogError> {
        self.run(|tx| {
            let mut delete = tx.prepare_cached("DELETE FROM shards WHERE id = ?")?;
            ids.iter().try_for_each(|id| delete.execute([id]).map(drop))
        })
    }

    /// Adds an image; one that is known stays as it is.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn add_image(&self, image: &Image) -> Result<(), CatalogError> {
        let Scores { dark, bright, blur, information } = image.scores;
        self.run(|tx| {
            tx.prepare_cached(
                "INSERT OR IGNORE INTO images (digest, pixel_digest, captured_ms, ahash, dhash, phash, whash, width, height,
                   group_id, split, settled, dark, bright, blur, information)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                image.digest,
                image.pixel_digest,
                image.captured_ms,
                image.hashes.ahash.cast_signed(),
                image.hashes.dhash.cast_signed(),
                image.hashes.phash.cast_signed(),
                image.hashes.whash.cast_signed(),
                image.source.0,
                image.source.1,
                image.group,
                image.split.name(),
                image.settled,
                stored(dark),
                stored(bright),
                stored(blur),
                stored(information)
            ])
            .map(drop)
        })
    }

    /// Scores of an image that had none; those it has stay.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn add_late_scores(&self, digest: &str, scores: &Scores) -> Result<(), CatalogError> {
        let Scores { dark, bright, blur, information } = *scores;
        self.run(|tx| {
            tx.prepare_cached(
                "UPDATE images SET dark = ?, bright = ?, blur = ?, information = ? WHERE digest = ? AND dark IS NULL",
            )?
            .execute(params![stored(dark), stored(bright), stored(blur), stored(information), digest])
            .map(drop)
        })
    }

    /// Keeps the signatures of a new image.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn add_signatures(&self, digest: &str, bytes: &[u8]) -> Result<(), CatalogError> {
        self.insert_signatures(digest, bytes).map(drop)
    }

    /// Keeps the signatures of an image that was known without, or with those of an earlier version, which have another
    /// length: the next start compares all.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn add_late_signatures(&self, digest: &str, bytes: &[u8]) -> Result<(), CatalogError> {
        if self.insert_signatures(digest, bytes)? > 0 {
            self.run(|tx| tx.execute("DELETE FROM grouping", []))?;
        }
        Ok(())
    }

    fn insert_signatures(&self, digest: &str, bytes: &[u8]) -> Result<usize, CatalogError> {
        self.run(|tx| {
            tx.prepare_cached(
                "INSERT INTO signatures VALUES (?, ?) ON CONFLICT (digest) DO UPDATE SET bytes = excluded.bytes
                 WHERE length(bytes) <> length(excluded.bytes)",
            )?
            .execute(params![digest, bytes])
        })
    }

    /// All images have been compared by a rule.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn grouped_by(&self, rule: &str) -> Result<(), CatalogError> {
        self.run(|tx| tx.execute("INSERT OR REPLACE INTO grouping VALUES (0, ?)", [rule]).map(drop))
    }

    /// Makes one group of two: the images of `gone` are in `kept` from this version on.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn merge_groups(&mut self, kept: &str, gone: &str) -> Result<(), CatalogError> {
        let version = self.version;
        let moved = self.run(|tx| {
            tx.prepare_cached(
                "INSERT OR IGNORE INTO group_history SELECT digest, ?1, group_id, split FROM images WHERE group_id = ?2",
            )?
            .execute(params![version, gone])?;
            tx.prepare_cached("UPDATE images SET group_id = ? WHERE group_id = ?")?.execute([kept, gone])
        })?;
        self.is_new_version |= moved > 0;
        Ok(())
    }

    /// Puts an image into another group from this version on.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn set_group(&mut self, digest: &str, group: &str) -> Result<(), CatalogError> {
        let version = self.version;
        let moved = self.run(|tx| {
            tx.prepare_cached(
                "INSERT OR IGNORE INTO group_history
                 SELECT digest, ?1, group_id, split FROM images WHERE digest = ?2 AND group_id <> ?3",
            )?
            .execute(params![version, digest, group])?;
            tx.prepare_cached("UPDATE images SET group_id = ?1 WHERE digest = ?2 AND group_id <> ?1")?
                .execute([group, digest])
        })?;
        self.is_new_version |= moved > 0;
        Ok(())
    }

    /// Puts the images of a sample into a split. Of settled ones earlier versions are kept as they were.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn set_split(&mut self, sample: &str, split: Split) -> Result<(), CatalogError> {
        let version = self.version;
        let noted = self.run(|tx| {
            let noted = tx
                .prepare_cached(
                    "INSERT OR IGNORE INTO group_history SELECT digest, ?1, group_id, split FROM images
                     WHERE (digest = ?2 AND pixel_digest IS NULL OR pixel_digest = ?2) AND settled AND split <> ?3",
                )?
                .execute(params![version, sample, split.name()])?;
            tx.prepare_cached(
                "UPDATE images SET split = ?2 WHERE digest = ?1 AND pixel_digest IS NULL OR pixel_digest = ?1",
            )?
            .execute([sample, split.name()])?;
            Ok(noted)
        })?;
        self.is_new_version |= noted > 0;
        Ok(())
    }

    /// The splits that labelled images have at a version count from now on: somebody trains on it or is evaluated on it. Returns
    /// how many did not count before.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn settle(&self, version: u64) -> Result<usize, CatalogError> {
        self.run(|tx| {
            tx.prepare_cached(
                "UPDATE images SET settled = 1, split = COALESCE(
                   (SELECT split FROM group_history h WHERE h.digest = images.digest AND until > ?1 ORDER BY until LIMIT 1),
                   split)
                 WHERE NOT settled AND digest IN (SELECT digest FROM files
                   WHERE label IS NOT NULL AND added <= ?1 AND (removed IS NULL OR removed > ?1))",
            )?
            .execute([version])
        })
    }

    /// Puts a file in its place. The same image under the same label only updates the file's times.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn place(&mut self, file: &File) -> Result<(), CatalogError> {
        let given = file.given.map(Split::name);
        let old: Option<(i64, Option<String>, String, Option<String>)> = self.run(|tx| {
            tx.prepare_cached("SELECT id, label, digest, given FROM files WHERE path = ? AND removed IS NULL")?
                .query_row([&file.path], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
                .optional()
        })?;
        match old {
            Some((id, label, digest, old))
                if label == file.label && digest == file.digest && old.as_deref() == given =>
            {
                return self.run(|tx| {
                    tx.prepare_cached(
                        "UPDATE files SET modified_ns = ?, changed_ns = ?, inode = ?, size_bytes = ? WHERE id = ?",
                    )?
                    .execute(params![file.modified_ns, file.changed_ns, file.inode.cast_signed(), file.size_bytes, id])
                    .map(drop)
                });
            }
            Some((id, ..)) => self.end(id)?,
            None => {}
        }
        let version = self.version;
        self.is_new_version = true;
        self.run(|tx| {
            tx.prepare_cached(
                "INSERT INTO files (path, label, digest, modified_ns, changed_ns, inode, size_bytes, given, added)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                file.path,
                file.label,
                file.digest,
                file.modified_ns,
                file.changed_ns,
                file.inode.cast_signed(),
                file.size_bytes,
                given,
                version
            ])
            .map(drop)
        })
    }

    /// Takes a file away. A path that is not there is no error: it was taken away before.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn remove(&mut self, path: &str) -> Result<(), CatalogError> {
        let id: Option<i64> = self.run(|tx| {
            tx.prepare_cached("SELECT id FROM files WHERE path = ? AND removed IS NULL")?
                .query_row([path], |row| row.get(0))
                .optional()
        })?;
        id.map_or(Ok(()), |id| self.end(id))
    }

    fn end(&mut self, id: i64) -> Result<(), CatalogError> {
        let version = self.version;
        self.is_new_version = true;
        self.run(|tx| {
            tx.prepare_cached("UPDATE files SET removed = ? WHERE id = ?")?.execute(params![version, id]).map(drop)
        })
    }

    /// The sets of samples that groups obey now, instead of those before.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn set_different(&self, sets: &[Vec<String>]) -> Result<(), CatalogError> {
        self.run(|tx| {
            tx.execute("DELETE FROM different", [])?;
            let mut insert = tx.prepare("INSERT OR IGNORE INTO different VALUES (?)")?;
            sets.iter().try_for_each(|set| insert.execute([serde_json::json!(set).to_string()]).map(drop))
        })
    }

    /// Makes a new version of it, whatever it holds.
    pub const fn renew(&mut self) {
        self.is_new_version = true;
    }

    /// Makes the change last. Returns the version now in force.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn commit(self) -> Result<u64, CatalogError> {
        let Self { tx, path, version, is_new_version } = self;
        let commit = || {
            if is_new_version {
                tx.execute("UPDATE dataset_version SET version = ?", [version])?;
            }
            tx.commit()
        };
        commit().map_err(|source| CatalogError::Sqlite { path: path.to_owned(), source })?;
        Ok(if is_new_version { version } else { version - 1 })
    }
}
