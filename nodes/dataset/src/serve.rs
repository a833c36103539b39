//! Batches out: any batch of any epoch of any version, as often as it is asked for.

use crate::catalog::Catalog;
use crate::error::DatasetError;
use crate::order::{Reading, Version, epoch_order};
use crate::shards::Shards;
use crate::split::SPLITS;
use arrow::array::{Array, Float32Array, LargeBinaryArray, StringArray, UInt32Array};
use plugin_api::edges::{Batches, Demand, lists_of_u32};
use plugin_api::{Edge, Tag};
use std::collections::HashMap;

/// Versions kept ready: the one that is being learnt from and the one that is judged.
const VERSIONS_KEPT: usize = 3;

/// Version, split, seed, epoch.
type EpochKey = (u64, usize, u64, u64);

/// Reads versions from the catalog and keeps the last few.
pub struct Server {
    profile: String,
    size_px: u32,
    reading: Reading,
    versions: Vec<(u64, Version)>,
    /// The epoch served last and its order.
    epoch: Option<(EpochKey, Vec<u32>)>,
    files: HashMap<i64, String>,
}

impl Server {
    /// A server of one profile.
    pub fn new(profile: String, size_px: u32, reading: Reading) -> Self {
        Self { profile, size_px, reading, versions: Vec::new(), epoch: None, files: HashMap::new() }
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
        let Some(split) = SPLITS.iter().position(|s| *s == name) else {
            tracing::error!(split = name, accepted = ?SPLITS, "a demand for a split there is none of");
            return Ok(());
        };
        let (number, seed, epoch) = (demand.version.value(row), demand.seed.value(row), demand.epoch.value(row));
        self.version(catalog, number)?;
        let Some((_, version)) = self.versions.iter().find(|(v, _)| *v == number) else { return Ok(()) };
        let rows = &version.splits[split];
        let key = (number, split, seed, epoch);
        if self.epoch.as_ref().is_none_or(|(k, _)| *k != key) {
            self.epoch = Some((key, epoch_order(rows.rows.len(), split == 0, seed, epoch)));
        }
        let order = self.epoch.as_ref().map(|(_, order)| order.as_slice()).unwrap_or_default();
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
            let tag = Tag::new(demand.run.value(row), index)
                .fin(index + 1 == last)
                .with("epoch", epoch)
                .with("seed", seed)
                .with("split", name)
                .with("version", number)
                .with("withheld", demand.withheld.value(row))
                .with("batches", batches)
                .with("labels", self.reading.labels)
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
