//! The data set file by file, at any version.

use super::{Catalog, Picture, Placement};
use crate::error::DatasetError;
use rusqlite::params;

/// A file with its picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Relative to the workspace.
    pub path: String,
    /// Class folder.
    pub label: Option<String>,
    /// Nanoseconds since 1970.
    pub modified_ns: i64,
    /// Bytes.
    pub size_bytes: u64,
    /// The picture, with its group and split at that version.
    pub picture: Picture,
}

impl Catalog {
    /// How many files there were at a version.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn record_count(&self, version: u64) -> Result<u64, DatasetError> {
        let sql = "SELECT COUNT(*) FROM placements WHERE added <= ?1 AND (removed IS NULL OR removed > ?1)";
        Ok(self.db.prepare_cached(sql)?.query_row([version], |row| row.get(0))?)
    }

    /// Files at a version by path, `count` of them after the first `skip`.
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn records(&self, version: u64, skip: u64, count: u64) -> Result<Vec<Record>, DatasetError> {
        // The files first, so that pictures are looked up for those alone.
        let mut rows = self.db.prepare_cached(
            "SELECT p.path, p.label, p.modified_ns, p.size_bytes, p.digest, i.ahash, i.dhash, i.phash, i.whash,
                    i.width, i.height, i.dark, i.bright, i.blur, i.information,
                    COALESCE(r.grouped, i.grouped), COALESCE(r.split, i.split)
             FROM (SELECT * FROM placements WHERE added <= ?1 AND (removed IS NULL OR removed > ?1)
                   ORDER BY path LIMIT ?3 OFFSET ?2) p
             JOIN pictures i USING (digest)
             LEFT JOIN regrouped r ON r.digest = p.digest
               AND r.until = (SELECT MIN(until) FROM regrouped WHERE digest = p.digest AND until > ?1)
             ORDER BY p.path",
        )?;
        let limit = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let rows = rows.query_map(params![version, limit(skip), limit(count)], |row| {
            let hash = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, i64>(at)?.cast_unsigned());
            let score =
                |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<f64>>(at)?.map_or(f32::NAN, |s| s as f32));
            Ok(Record {
                path: row.get(0)?,
                label: row.get(1)?,
                modified_ns: row.get(2)?,
                size_bytes: row.get(3)?,
                picture: Picture {
                    digest: row.get(4)?,
                    hashes: [hash(5)?, hash(6)?, hash(7)?, hash(8)?],
                    source: (row.get(9)?, row.get(10)?),
                    scores: [score(11)?, score(12)?, score(13)?, score(14)?],
                    group: row.get(15)?,
                    split: row.get(16)?,
                },
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Record {
    /// The file alone.
    pub fn placement(&self) -> Placement {
        Placement {
            path: self.path.clone(),
            label: self.label.clone(),
            digest: self.picture.digest.clone(),
            modified_ns: self.modified_ns,
            size_bytes: self.size_bytes,
        }
    }
}
