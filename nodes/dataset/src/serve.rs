//! Batches out: any batch of any epoch of any version, as often as it is asked for.

use crate::draw::{Drawn, draw};
use crate::error::DatasetError;
use crate::folds;
use crate::order::{Reading, Row, SplitRows, Version};
use crate::shards::Shards;
use arrow::array::{Array, Float32Array, LargeBinaryArray, StringArray, UInt32Array};
use plugin_api::edges::{
    BatchHeader, Batches, Demand, ImagePixels, ProfileHeader, SubsetHeader, WantedPixels, empty_lists_of_f32,
    lists_of_u32,
};
use plugin_api::{Edge, Header, Selection, Split, Subset};
use plugin_catalog::{Reader, Writer};
use plugin_splits::{Shares, epoch_order};
use std::collections::{BTreeSet, HashMap};

/// Versions kept ready: the one that is being trained on, the one that is evaluated, and the last.
const VERSIONS_KEPT: usize = 3;

/// Version, subset, seed, epoch.
type EpochKey = (u64, Subset, u64, u64);

/// An epoch of a subset.
struct Epoch {
    key: EpochKey,
    /// Row numbers.
    order: Vec<u32>,
    /// By row number, whether it is held out and has a near-copy among the samples trained on.
    near_copies: Vec<bool>,
}

/// Reads versions from the catalog, draws their splits and keeps the last few.
pub struct Server {
    profile: String,
    size_px: u32,
    reading: Reading,
    shares: Shares,
    versions: Vec<(u64, Version)>,
    /// Versions that were asked for, so that their splits count.
    settled: BTreeSet<u64>,
    /// The epoch served last.
    epoch: Option<Epoch>,
    /// The fold served last, of a version.
    fold: Option<((u64, Subset), SplitRows)>,
    files: HashMap<i64, String>,
}

impl Server {
    /// A server of one profile.
    pub fn new(profile: String, size_px: u32, reading: Reading, shares: Shares) -> Self {
        let (versions, files) = (Vec::new(), HashMap::new());
        Self { profile, size_px, reading, shares, versions, settled: BTreeSet::new(), epoch: None, fold: None, files }
    }

    /// The data set as it is now, with its splits drawn, and its number.
    ///
    /// # Errors
    /// The catalog's.
    pub fn latest(&mut self, catalog: &mut Writer) -> Result<(u64, &Version), DatasetError> {
        let mut number = catalog.read().version()?;
        let index = if let Some(index) = self.place(number) {
            index
        } else {
            let mut samples = catalog.read().samples(number, Some(&self.profile))?;
            let drawn = draw(&mut samples, self.reading.labels, self.shares);
            if !drawn.is_empty() {
                number = keep(&drawn, catalog)?;
            }
            self.put(number, Version::new(samples, self.reading))
        };
        Ok((number, &self.versions[index].1))
    }

    fn place(&self, number: u64) -> Option<usize> {
        self.versions.iter().position(|(version, _)| *version == number)
    }

    fn put(&mut self, number: u64, version: Version) -> usize {
        if self.versions.len() >= VERSIONS_KEPT {
            self.versions.remove(0);
        }
        self.versions.push((number, version));
        self.versions.len() - 1
    }

    /// A version is trained on, or evaluated on: its splits are those that were announced, and count from now on.
    ///
    /// # Errors
    /// The catalog's.
    pub fn settle(&mut self, number: u64, catalog: &mut Writer) -> Result<(), DatasetError> {
        let latest = catalog.read().version()?;
        if number > latest || !self.settled.insert(number) {
            return Ok(());
        }
        let mut changed = Vec::new();
        if let Some(at) = self.place(number).filter(|_| number != latest) {
            let stored = catalog.read().samples(number, Some(&self.profile))?;
            let stored: HashMap<&str, Split> = stored.iter().map(|row| (row.sample.as_str(), row.split)).collect();
            let announced = self.versions[at].1.split_of_samples();
            let differs = |(sample, split): &(&str, Split)| stored.get(sample).is_some_and(|other| other != split);
            changed.extend(announced.filter(differs).map(|(sample, split)| (sample.to_owned(), split)));
        }
        let mut change = catalog.change()?;
        for (sample, split) in &changed {
            change.set_split(sample, *split)?;
        }
        if !changed.is_empty() {
            // What was drawn since must be drawn again.
            change.renew();
            self.versions.retain(|(version, _)| self.settled.contains(version));
        }
        let settled = change.settle(number)?;
        change.commit()?;
        if settled > 0 {
            tracing::debug!(version = number, images = settled, "their splits count from now on");
        }
        Ok(())
    }

    /// Answers one row of a demand, message by message; without pixels where whoever asks keeps them by digest, or holds them.
    ///
    /// # Errors
    /// The catalog's, the shards', or those of `send`.
    pub fn answer(
        &mut self,
        demand: &Demand,
        row: usize,
        with_pixels: bool,
        catalog: &Reader,
        shards: &mut Shards,
        mut send: impl FnMut(&Header, Batches) -> Result<(), DatasetError>,
    ) -> Result<(), DatasetError> {
        let name = demand.split.value(row);
        let Some(subset) = Subset::parse(name) else {
            let accepted = "train, validation, test, fold-train:I/K, fold-test:I/K";
            tracing::error!(split = name, accepted, "a demand for a split there is none of");
            return Ok(());
        };
        let (number, seed, epoch) = (demand.version.value(row), demand.seed.value(row), demand.epoch.value(row));
        let at = if let Some(at) = self.place(number) {
            at
        } else {
            let samples = catalog.samples(number, Some(&self.profile))?;
            self.put(number, Version::new(samples, self.reading))
        };
        let held_below = demand.held_below.value(row);
        let version = &self.versions[at].1;
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
        let mut of = BatchHeader {
            version: number,
            epoch,
            seed,
            split: Selection::Images(subset),
            withheld: demand.withheld.value(row).to_owned(),
            decisions: demand.decisions.value(row),
            held_below: held_below.to_owned(),
            batches,
            classes: version.classes.clone(),
            near_copies: Vec::new(),
        };
        let whole = SubsetHeader { rows: order.len() as u64, batch_size: size as u64 };
        let last = batches.max(1);
        let first = demand.first.value(row);
        for index in first..last.min(first.saturating_add(demand.count.value(row))) {
            let picked = order.chunks(size).nth(index as usize).unwrap_or_default();
            let mut pixels = Vec::with_capacity(picked.len());
            for &at in picked {
                let digest = &rows.rows[at as usize].digest;
                let is_wanted = with_pixels && digest.as_str() >= held_below;
                pixels.push(if is_wanted {
                    Some(find(catalog, shards, &mut self.files, &self.profile, digest)?)
                } else {
                    None
                });
            }
            let column = |f: fn(&Row) -> &str| {
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
                pixels: LargeBinaryArray::from_iter_values(
                    pixels.iter().map(|found| found.as_ref().map_or(&[][..], |(shard, row)| shard.value(*row))),
                ),
                decisions: empty_lists_of_f32(picked.len()),
            };
            let is_near_copy = picked.iter().map(|&at| near_copies[at as usize]);
            of.near_copies = (0..).zip(is_near_copy).filter_map(|(at, is)| is.then_some(at)).collect();
            let header = Header::new(demand.run.value(row), index).fin(index + 1 == last).with(&of);
            let profile = ProfileHeader { profile: self.profile.clone() };
            let header = if with_pixels { header } else { header.with(&profile).with(&whole) };
            send(&header, message)?;
        }
        Ok(())
    }

    /// What its pixels are: size and resize mode.
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// Pixels by digest. Images that there are none of are left out.
    ///
    /// # Errors
    /// The catalog's and the shards'.
    pub fn images(
        &mut self,
        wanted: &WantedPixels,
        catalog: &Reader,
        shards: &mut Shards,
    ) -> Result<ImagePixels, DatasetError> {
        let (mut digests, mut pixels) = (Vec::new(), Vec::new());
        for digest in wanted.digest.iter().flatten() {
            match find(catalog, shards, &mut self.files, &self.profile, digest) {
                Ok(found) => {
                    digests.push(digest);
                    pixels.push(found);
                }
                Err(DatasetError::NoPixels { .. }) => tracing::warn!(digest, "wanted, and there are no pixels of it"),
                Err(error) => return Err(error),
            }
        }
        let side = UInt32Array::from(vec![self.size_px; digests.len()]);
        Ok(ImagePixels {
            digest: StringArray::from_iter_values(digests),
            width: side.clone(),
            height: side,
            pixels: LargeBinaryArray::from_iter_values(pixels.iter().map(|(shard, row)| shard.value(*row))),
        })
    }
}

/// Writes drawn splits into the catalog. Returns the version from which on they hold: a new one where samples moved that had
/// been trained on or evaluated on.
fn keep(drawn: &[Drawn], catalog: &mut Writer) -> Result<u64, DatasetError> {
    let mut change = catalog.change()?;
    for Drawn { sample, split, moved } in drawn {
        change.set_split(sample, *split)?;
        if let Some(moved) = moved {
            tracing::warn!(sample, from = %moved.from, to = %split, reason = ?moved.reason, "a sample goes into another split");
        }
    }
    Ok(change.commit()?)
}

/// Rows of a demand.
pub fn demands(demand: &Demand) -> std::ops::Range<usize> {
    0..demand.rows()
}

fn find(
    catalog: &Reader,
    shards: &mut Shards,
    files: &mut HashMap<i64, String>,
    profile: &str,
    digest: &str,
) -> Result<(LargeBinaryArray, usize), DatasetError> {
    let missing = || DatasetError::NoPixels { digest: digest.to_owned(), profile: profile.to_owned() };
    let (shard, row) = catalog.pixels(profile, digest)?.ok_or_else(missing)?;
    let column = shards.pixels(shard, || {
        if !files.contains_key(&shard) {
            files.extend(catalog.shards(profile)?.into_iter().map(|shard| (shard.id, shard.file)));
        }
        files.get(&shard).cloned().ok_or_else(missing)
    })?;
    if row >= column.len() {
        return Err(missing());
    }
    // A clone of an Arrow array is a counted reference, not a copy.
    Ok((column.clone(), row))
}
