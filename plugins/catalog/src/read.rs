//! What can be asked of the catalog.

use crate::error::CatalogError;
use crate::open::Reader;
use crate::rows::{File, Image, KnownFile, LiveFile, PixelsAt, Record, Sample, Shard, StoredImage};
use plugin_api::Split;
use plugin_check::Scores;
use plugin_hash::Hashes;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Result, Row, params};

/// Joins the group and split that an image `i` of a file `f` had at version `?1`.
const AT_VERSION: &str = "
    LEFT JOIN group_history h ON h.digest = f.digest
      AND h.until = (SELECT MIN(until) FROM group_history WHERE digest = f.digest AND until > ?1)
    WHERE f.added <= ?1 AND (f.removed IS NULL OR f.removed > ?1)";

fn split(row: &Row, at: usize) -> Result<Split> {
    parsed(row.get_ref(at)?.as_str()?, at)
}

fn parsed(name: &str, at: usize) -> Result<Split> {
    name.parse().map_err(|error| rusqlite::Error::FromSqlConversionFailure(at, Type::Text, Box::new(error)))
}

fn given(row: &Row, at: usize) -> Result<Option<Split>> {
    row.get_ref(at)?.as_str_or_null()?.map(|name| parsed(name, at)).transpose()
}

fn hash(row: &Row, at: usize) -> Result<u64> {
    row.get::<_, i64>(at).map(i64::cast_unsigned)
}

/// Four columns from `first` on.
fn scores(row: &Row, first: usize) -> Result<Scores> {
    let score = |at: usize| row.get::<_, Option<f64>>(at).map(|score| score.map_or(f32::NAN, |s| s as f32));
    Ok(Scores {
        dark: score(first)?,
        bright: score(first + 1)?,
        blur: score(first + 2)?,
        information: score(first + 3)?,
    })
}

fn limit(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

impl Reader {
    /// Counts up with every change of what is labelled how, and of the groups and splits of what was trained on.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn version(&self) -> Result<u64, CatalogError> {
        self.query(|db| db.query_row("SELECT version FROM dataset_version", [], |row| row.get(0)))
    }

    /// Live files and distinct images.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn counts(&self) -> Result<(u64, u64), CatalogError> {
        let sql = "SELECT COUNT(*), COUNT(DISTINCT digest) FROM files WHERE removed IS NULL";
        self.query(|db| db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))))
    }

    /// Whether an image is known, whatever its size.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn has_image(&self, digest: &str) -> Result<bool, CatalogError> {
        self.query(|db| db.prepare_cached("SELECT 1 FROM images WHERE digest = ?")?.exists([digest]))
    }

    /// Group, split, and whether that is settled, of an image with these pixels.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn with_pixels(&self, pixel_digest: &str) -> Result<Option<(String, Split, bool)>, CatalogError> {
        let sql = "SELECT group_id, split, settled FROM images WHERE pixel_digest = ? LIMIT 1";
        self.query(|db| {
            let mut find = db.prepare_cached(sql)?;
            find.query_row([pixel_digest], |row| Ok((row.get(0)?, split(row, 1)?, row.get(2)?))).optional()
        })
    }

    /// Whether the pixels of an image are stored.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn has_pixels(&self, profile: &str, digest: &str) -> Result<bool, CatalogError> {
        let sql = "SELECT 1 FROM pixels WHERE profile = ? AND digest = ?";
        self.query(|db| db.prepare_cached(sql)?.exists(params![profile, digest]))
    }

    /// Shard and row of an image's pixels.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn pixels(&self, profile: &str, digest: &str) -> Result<Option<(i64, usize)>, CatalogError> {
        let sql = "SELECT shard, row FROM pixels WHERE profile = ? AND digest = ?";
        self.query(|db| {
            let mut find = db.prepare_cached(sql)?;
            find.query_row(params![profile, digest], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
    }

    /// Where the pixels of all images are, by digest.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn all_pixels(&self, profile: &str) -> Result<Vec<PixelsAt>, CatalogError> {
        let sql = "SELECT digest, shard, row FROM pixels WHERE profile = ? ORDER BY digest";
        let one = |row: &Row| Ok(PixelsAt { digest: row.get(0)?, shard: row.get(1)?, row: row.get(2)? });
        self.query(|db| db.prepare(sql)?.query_map([profile], one)?.collect())
    }

    /// All shards of a profile.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn shards(&self, profile: &str) -> Result<Vec<Shard>, CatalogError> {
        let sql = "SELECT id, file, rows FROM shards WHERE profile = ? ORDER BY id";
        let one = |row: &Row| Ok(Shard { id: row.get(0)?, file: row.get(1)?, rows: row.get(2)? });
        self.query(|db| db.prepare(sql)?.query_map([profile], one)?.collect())
    }

    /// Live files whose pixels are stored, by path.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn inventory(&self, profile: &str) -> Result<Vec<KnownFile>, CatalogError> {
        let sql = "SELECT path, modified_ns, changed_ns, inode, size_bytes FROM files JOIN pixels USING (digest)
                   WHERE removed IS NULL AND profile = ? ORDER BY path";
        let one = |row: &Row| {
            Ok(KnownFile {
                path: row.get(0)?,
                modified_ns: row.get(1)?,
                changed_ns: row.get(2)?,
                inode: hash(row, 3)?,
                size_bytes: row.get(4)?,
            })
        };
        self.query(|db| db.prepare(sql)?.query_map([profile], one)?.collect())
    }

    /// The labelled samples of a version, by sample and label, one row for each of its labels. With a profile only those whose
    /// pixels are stored.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn samples(&self, version: u64, profile: Option<&str>) -> Result<Vec<Sample>, CatalogError> {
        let stored = if profile.is_some() { "JOIN pixels x ON x.digest = f.digest AND x.profile = ?2" } else { "" };
        let sql = format!(
            "SELECT f.digest, f.label, f.path, f.given, i.pixel_digest, i.captured_ms, i.settled,
                    COALESCE(h.group_id, i.group_id), COALESCE(h.split, i.split)
             FROM files f JOIN images i USING (digest) {stored} {AT_VERSION} AND f.label IS NOT NULL"
        );
        let one = |row: &Row| {
            let digest: String = row.get(0)?;
            let pixels: Option<String> = row.get(4)?;
            Ok(Sample {
                sample: pixels.unwrap_or_else(|| digest.clone()),
                digest,
                label: row.get(1)?,
                path: row.get(2)?,
                given: given(row, 3)?,
                captured_ms: row.get(5)?,
                settled: row.get(6)?,
                group: row.get(7)?,
                split: split(row, 8)?,
            })
        };
        let mut files: Vec<Sample> = self.query(|db| {
            let mut rows = db.prepare_cached(&sql)?;
            match profile {
                Some(profile) => rows.query_map(params![version, profile], one)?.collect(),
                None => rows.query_map([version], one)?.collect(),
            }
        })?;
        files.sort_unstable_by(|a, b| {
            a.sample.cmp(&b.sample).then_with(|| a.label.cmp(&b.label)).then_with(|| a.path.cmp(&b.path))
        });
        files.dedup_by(|file, first| {
            let same = file.sample == first.sample && file.label == first.label;
            if same {
                first.given = first.given.max(file.given);
            }
            same
        });
        Ok(files)
    }

    /// The labelled samples that are there now.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn live_samples(&self) -> Result<Vec<Sample>, CatalogError> {
        self.samples(self.version()?, None)
    }

    /// How many files there were at a version.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn record_count(&self, version: u64) -> Result<u64, CatalogError> {
        let sql = "SELECT COUNT(*) FROM files WHERE added <= ?1 AND (removed IS NULL OR removed > ?1)";
        self.query(|db| db.prepare_cached(sql)?.query_row([version], |row| row.get(0)))
    }

    /// Files at a version by path, `count` of them after the first `skip`.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn records(&self, version: u64, skip: u64, count: u64) -> Result<Vec<Record>, CatalogError> {
        // The files first, so that images are looked up for those alone.
        let sql = format!(
            "SELECT f.path, f.label, f.digest, f.modified_ns, f.changed_ns, f.inode, f.size_bytes, f.given,
                    i.ahash, i.dhash, i.phash, i.whash, i.width, i.height, i.dark, i.bright, i.blur, i.information,
                    i.pixel_digest, i.captured_ms, i.settled, COALESCE(h.group_id, i.group_id), COALESCE(h.split, i.split)
             FROM (SELECT * FROM files WHERE added <= ?1 AND (removed IS NULL OR removed > ?1)
                   ORDER BY path LIMIT ?3 OFFSET ?2) f
             JOIN images i USING (digest) {AT_VERSION} ORDER BY f.path"
        );
        let one = |row: &Row| {
            let file = File {
                path: row.get(0)?,
                label: row.get(1)?,
                digest: row.get(2)?,
                modified_ns: row.get(3)?,
                changed_ns: row.get(4)?,
                inode: hash(row, 5)?,
                size_bytes: row.get(6)?,
                given: given(row, 7)?,
            };
            let hashes =
                Hashes { ahash: hash(row, 8)?, dhash: hash(row, 9)?, phash: hash(row, 10)?, whash: hash(row, 11)? };
            let image = Image {
                digest: file.digest.clone(),
                pixel_digest: row.get(18)?,
                captured_ms: row.get(19)?,
                hashes,
                source: (row.get(12)?, row.get(13)?),
                scores: scores(row, 14)?,
                group: row.get(21)?,
                split: split(row, 22)?,
                settled: row.get(20)?,
            };
            Ok(Record { file, image })
        };
        self.query(|db| db.prepare_cached(&sql)?.query_map(params![version, limit(skip), limit(count)], one)?.collect())
    }

    /// Live files, or so many of them, in no particular order.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn live_files(&self, most: Option<usize>, mut each: impl FnMut(LiveFile)) -> Result<(), CatalogError> {
        let sql =
            "SELECT f.path, f.label, f.digest, COALESCE(i.pixel_digest, f.digest), f.added, i.phash, i.width, i.height,
                          i.dark, i.bright, i.blur, i.information, i.group_id, i.split, i.dhash, i.captured_ms,
                          CASE WHEN f.changed_ns > 0 THEN f.changed_ns ELSE f.modified_ns END / 1000000
                   FROM files f JOIN images i USING (digest) WHERE f.removed IS NULL LIMIT ?";
        let most = most.and_then(|most| i64::try_from(most).ok()).unwrap_or(-1);
        self.query(|db| {
            let mut rows = db.prepare_cached(sql)?;
            let mut rows = rows.query([most])?;
            while let Some(row) = rows.next()? {
                each(LiveFile {
                    path: row.get(0)?,
                    label: row.get(1)?,
                    digest: row.get(2)?,
                    sample: row.get(3)?,
                    added: row.get(4)?,
                    captured_ms: row.get(15)?,
                    arrived_ms: row.get(16)?,
                    phash: hash(row, 5)?,
                    dhash: hash(row, 14)?,
                    source: (row.get(6)?, row.get(7)?),
                    scores: scores(row, 8)?,
                    group: row.get(12)?,
                    split: split(row, 13)?,
                });
            }
            Ok(())
        })
    }

    /// Calls `each` with all images, as groups are made of them.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn stored_images(&self, each: impl FnMut(StoredImage)) -> Result<(), CatalogError> {
        self.images_where("", [], each)
    }

    /// The same of the images of a group.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn images_of_group(&self, group: &str, each: impl FnMut(StoredImage)) -> Result<(), CatalogError> {
        self.images_where("WHERE group_id = ?", [group], each)
    }

    fn images_where<const N: usize>(
        &self,
        condition: &str,
        values: [&str; N],
        mut each: impl FnMut(StoredImage),
    ) -> Result<(), CatalogError> {
        let sql = format!(
            "SELECT digest, pixel_digest, group_id, phash, dhash, bytes FROM images LEFT JOIN signatures USING (digest)
             {condition}"
        );
        self.query(|db| {
            let mut rows = db.prepare_cached(&sql)?;
            let mut rows = rows.query(rusqlite::params_from_iter(values))?;
            while let Some(row) = rows.next()? {
                let digest = row.get_ref(0)?.as_str()?;
                each(StoredImage {
                    digest,
                    sample: row.get_ref(1)?.as_str_or_null()?.unwrap_or(digest),
                    group: row.get_ref(2)?.as_str()?,
                    phash: hash(row, 3)?,
                    dhash: hash(row, 4)?,
                    signatures: row.get_ref(5)?.as_blob_or_null()?,
                });
            }
            Ok(())
        })
    }

    /// The groups in which a sample is.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn groups_of_sample(&self, sample: &str) -> Result<Vec<String>, CatalogError> {
        let sql =
            "SELECT DISTINCT group_id FROM images WHERE digest = ?1 AND pixel_digest IS NULL OR pixel_digest = ?1";
        self.query(|db| db.prepare_cached(sql)?.query_map([sample], |row| row.get(0))?.collect())
    }

    /// Whether all images have been compared by a rule, so that a start need not do it.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn is_grouped_by(&self, rule: &str) -> Result<bool, CatalogError> {
        self.query(|db| db.prepare_cached("SELECT 1 FROM grouping WHERE rule = ?")?.exists([rule]))
    }

    /// Sets of samples that are never one group because they look alike, as far as the groups obey it; each sorted.
    ///
    /// # Errors
    /// SQLite's: a damaged file.
    pub fn different(&self) -> Result<Vec<Vec<String>>, CatalogError> {
        self.query(|db| {
            let mut rows = db.prepare("SELECT samples FROM different ORDER BY samples")?;
            let one = |row: &Row| {
                serde_json::from_str(row.get_ref(0)?.as_str()?)
                    .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
            };
            rows.query_map([], one)?.collect()
        })
    }
}
