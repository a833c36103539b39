//! Groups of look-alikes as they are stored. A group only grows; which group and split a picture had at an earlier
//! version can still be read.

use super::{Catalog, Change};
use crate::error::DatasetError;
use crate::split::{Face, Merge};
use plugin_hash::Views;
use rusqlite::params;

impl Catalog {
    /// Calls `each` with what every picture is known by, its group and its split.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn groups(&self, mut each: impl FnMut(Face, &str, &str)) -> Result<(), DatasetError> {
        let mut rows = self
            .db
            .prepare("SELECT phash, dhash, grouped, split, looks FROM pictures LEFT JOIN views USING (digest)")?;
        let mut rows = rows.query([])?;
        while let Some(row) = rows.next()? {
            let (phash, dhash): (i64, i64) = (row.get(0)?, row.get(1)?);
            let text = |at: usize| row.get_ref(at).and_then(|value| Ok(value.as_str()?));
            let looks = row.get_ref(4).and_then(|value| Ok(value.as_blob_or_null()?))?;
            let views = looks.and_then(Views::from_bytes);
            let face = Face { phash: phash.cast_unsigned(), dhash: dhash.cast_unsigned(), views: views.as_ref() };
            each(face, text(2)?, text(3)?);
        }
        Ok(())
    }
}

impl Catalog {
    /// Whether all pictures have been held against each other by a rule, so that a start need not do it.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn is_grouped_by(&self, rule: &str) -> Result<bool, DatasetError> {
        Ok(self.db.prepare_cached("SELECT 1 FROM grouping WHERE rule = ?")?.exists([rule])?)
    }
}

impl Change<'_> {
    /// All pictures have been held against each other by a rule.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn grouped_by(&self, rule: &str) -> Result<(), DatasetError> {
        self.tx.execute("INSERT OR REPLACE INTO grouping VALUES (0, ?)", [rule])?;
        Ok(())
    }

    /// Keeps the views of a new picture.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn add_views(&self, digest: &str, views: &Views) -> Result<(), DatasetError> {
        self.insert_views(digest, views)?;
        Ok(())
    }

    /// Keeps the views of a picture that was known without, or with those of an earlier version, which have another length:
    /// the next start holds all against each other.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn add_late_views(&self, digest: &str, views: &Views) -> Result<(), DatasetError> {
        if self.insert_views(digest, views)? > 0 {
            self.tx.execute("DELETE FROM grouping", [])?;
        }
        Ok(())
    }

    fn insert_views(&self, digest: &str, views: &Views) -> Result<usize, DatasetError> {
        let mut insert = self.tx.prepare_cached(
            "INSERT INTO views VALUES (?, ?)
             ON CONFLICT (digest) DO UPDATE SET looks = excluded.looks WHERE length(looks) <> length(excluded.looks)",
        )?;
        Ok(insert.execute(params![digest, views.to_bytes()])?)
    }

    /// Makes one group of two. What the pictures had before this version is noted.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn merge(&mut self, merge: &Merge) -> Result<(), DatasetError> {
        // Those of the group that goes, and those of the one that stays when its split is not the one of both.
        for (group, split) in [(&merge.gone, ""), (&merge.kept, merge.split)] {
            let noted = self
                .tx
                .prepare_cached(
                    "INSERT OR IGNORE INTO regrouped
                     SELECT digest, ?1, grouped, split FROM pictures WHERE grouped = ?2 AND split <> ?3",
                )?
                .execute(params![self.version, group, split])?;
            if noted > 0 {
                self.labels_changed = true;
            }
            self.tx
                .prepare_cached("UPDATE pictures SET grouped = ?1, split = ?2 WHERE grouped = ?3 AND split <> ?4")?
                .execute(params![merge.kept, merge.split, group, split])?;
        }
        Ok(())
    }
}
