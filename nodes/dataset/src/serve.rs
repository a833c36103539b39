//! Batches out: any batch of any epoch of any version, as often as it is asked for.

use crate::catalog::Catalog;
use crate::error::DatasetError;
use crate::folds;
use crate::order::{Reading, SplitRows, Version, epoch_order};
use crate::shards::Shards;
use arrow::array::{Array, Float32Array, LargeBinaryArray, StringArray, UInt32Array};
use plugin_api::edges::{Batches, Demand, lists_of_u32};
use plugin_api::{Edge, Subset, Tag};
use std::collections::HashMap;

/// Versions kept ready: the one that is being learnt from and the one that is judged.
const VERSIONS_KEPT: usize = 3;

/// Version, subset, seed, epoch.
type EpochKey = (u64, Subset, u64, u64);

/// An epoch of a subset.
struct Epoch {
    key: EpochKey,
    /// Row numbers.
    order: Vec<u32>,
    /// By row number, whether it is held out and has a near-copy among the images trained on.
    near_copies: Vec<bool>,
}

/// Reads versions from the catalog and keeps the last few.
pub struct Server {
    profile: String,
    size_px: u32,
    reading: Reading,
    versions: Vec<(u64, Version)>,
    /// The epoch served last.
    epoch: Option<Epoch>,
    /// The fold served last, of a version.
    fold: Option<((u64, Subset), SplitRows)>,
    files: HashMap<i64, String>,
}

impl Server {
    /// A server of one profile.
    pub fn new(profile: String, size_px: u32, reading: Reading) -> Self {
        Self { profile, size_px, reading, versions: Vec::new(), epoch: None, fold: None, files: HashMap::new() }
    }

    /// The data set at a version.
    ///
    /// # Errors
    /// The catalog's.
    pub fn version(&mut self, catalog: &Catalog, version: u64) -> Result<&Version, DatasetError> {
        let index = if let Some(index) = self.versions.iter().position(|(v, _)| *v == version) {
            index
        } else {
            let rows = catalog.labelled(version, &self.profile)?;
            if self.versions.len() >= VERSIONS_KEPT {
                self.versions.remove(0);
            }
            self.versions.push((version, Version::new(rows, self.reading)));
            self.versions.len() - 1
        };
        Ok(&self.versions[index].1)
    }

    /// Answers one row of a demand, message by message.
    ///
    /// # Errors
    /// The catalog's, the shards', or those of `send`.
    pub fn answer(
        &mut self,
        demand: &Demand,
        row: usize,
        catalog: &Catalog,
        shards: &mut Shards,
        mut send: impl FnMut(&Tag, Batches) -> Result<(), DatasetError>,
    ) -> Result<(), DatasetError> {
        let name = demand.split.value(row);
        let Some(subset) = Subset::parse(name) else {
            let accepted = "train, validation, test, fold-train:I/K, fold-test:I/K";
            tracing::error!(split = name, accepted, "a demand for a split there is none of");
            return Ok(());
        };
        let (number, seed, epoch) = (demand.version.value(row), demand.seed.value(row), demand.epoch.value(row));
        self.version(catalog, number)?;
        let Some((_, version)) = self.versions.iter().find(|(v, _)| *v == number) else { return Ok(()) };
        let rows = if let Subset::Split(split) = subset {
            &version.splits[split.index()]
        } else {
            let fold = self.fold.take().filter(|(key, _)| *key == (number, subset));
            let fold =
                fold.unwrap_or_else(|| ((number, subset), folds::of_subset(version, subset, self.reading.balanced)));
            &self.fold.insert(fold).1
        };
        let key = (number, subset, seed, epoch);
        let known = self.epoch.take().filter(|epoch| epoch.key == key);
        let Epoch { order, near_copies, .. } = &*self.epoch.insert(known.unwrap_or_else(|| Epoch {
            key,
            order: epoch_order(rows.rows.len(), subset.is_trained_on(), seed, epoch),
            near_copies: folds::near_copies(version, subset, rows),
        }));
        let size = demand.batch_size.value(row).max(1) as usize;
        let batches = order.len().div_ceil(size) as u64;
        let classes = serde_json::to_string(&version.classes).unwrap_or_default();
        let last = batches.max(1);
        let first = demand.first.value(row);
        for index in first..last.min(first.saturating_add(demand.count.value(row))) {
            let picked = order.chunks(size).nth(index as usize).unwrap_or_default();
            let mut pixels = Vec::with_capacity(picked.len());
            for &at in picked {
                let digest = &rows.rows[at as usize].digest;
                pixels.push(find(catalog, shards, &mut self.files, &self.profile, digest)?);
            }
            let column = |f: fn(&crate::catalog::Labelled) -> &str| {
                StringArray::from_iter_values(picked.iter().map(|&at| f(&rows.rows[at as usize])))
            };
            let message = Batches {
                digest: column(|r| &r.digest),
                path: column(|r| &r.path),
                group: column(|r| &r.group),
                targets: lists_of_u32(picked.iter().map(|&at| &rows.targets[at as usize][..])),
                weight: picked.iter().map(|&at| rows.weights[at as usize]).collect::<Float32Array>(),
                width: UInt32Array::from(vec![self.size_px; picked.len()]),
                height: UInt32Array::from(vec![self.size_px; picked.len()]),
                pixels: LargeBinaryArray::from_iter_values(pixels.iter().map(|(shard, row)| shard.value(*row))),
            };
            let near: Vec<usize> = (0..picked.len()).filter(|at| near_copies[picked[*at] as usize]).collect();
            let tag = Tag::new(demand.run.value(row), index)
                .fin(index + 1 == last)
                .with("epoch", epoch)
                .with("seed", seed)
                .with("split", name)
                .with("version", number)
                .with("batches", batches)
                .with("labels", self.reading.labels)
                .with("near_copies", serde_json::to_string(&near).unwrap_or_default())
                .with("classes", &classes);
            send(&tag, message)?;
        }
        Ok(())
    }
}

/// Rows of a demand.
pub fn demands(demand: &Demand) -> std::ops::Range<usize> {
    0..demand.rows()
}

fn find(
    catalog: &Catalog,
    shards: &mut Shards,
    files: &mut HashMap<i64, String>,
    profile: &str,
    digest: &str,
) -> Result<(LargeBinaryArray, usize), DatasetError> {
    let missing = || DatasetError::NoPixels { digest: digest.to_owned(), profile: profile.to_owned() };
    let (shard, row) = catalog.pixels(profile, digest)?.ok_or_else(missing)?;
    let column = shards.pixels(shard, || {
        if !files.contains_key(&shard) {
            files.extend(catalog.shards(profile)?.into_iter().map(|(id, file, _)| (id, file)));
        }
        files.get(&shard).cloned().ok_or_else(missing)
    })?;
    if row >= column.len() {
        return Err(missing());
    }
    // A clone of an Arrow array is a counted reference, not a copy.
    Ok((column.clone(), row))
}
