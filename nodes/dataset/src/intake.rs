//! Images in: several messages become one change, synced once, acknowledged one by one.

use crate::config::Config;
use crate::error::DatasetError;
use crate::shards::Shards;
use crate::split::{GroupKey, Groups, Merge};
use arrow::array::Array;
use plugin_api::edges::Pixels;
use plugin_api::{Edge, Split};
use plugin_catalog::{File, Image, Reader, Writer};
use plugin_check::Scores;
use plugin_hash::{Hashes, Views};
use std::collections::{HashMap, HashSet};

/// What images must be like.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    size_px: u32,
}

impl Rules {
    /// As the options say.
    pub fn new(config: &Config) -> Self {
        Self { size_px: config.size }
    }
}

/// Takes the rows of `messages` into the catalog. When this returns, they last.
///
/// Idempotent: the same rows again change nothing. Views that an image lacked so far are kept, and count from the next start
/// on. The splits of new images are drawn with the next snapshot, but for images with the pixels of one that is known: those
/// are the same sample, and are where that is.
///
/// # Errors
/// A full disk, a damaged catalog, or images of another size than configured; nothing is taken in then.
pub fn take_in(
    messages: &[Pixels],
    catalog: &mut Writer,
    shards: &Shards,
    groups: &mut Groups,
    profile: &str,
    rules: Rules,
) -> Result<u64, DatasetError> {
    let mut digests = Vec::new();
    let mut pixels = Vec::new();
    let mut seen = HashSet::new();
    let mut known = Vec::new();
    let mut new = NewImages::default();
    for message in messages {
        for row in 0..message.rows() {
            let (width, height) = (message.width.value(row), message.height.value(row));
            if (width, height) != (rules.size_px, rules.size_px) {
                return Err(DatasetError::Size { expected: rules.size_px, width, height });
            }
            let digest = message.digest.value(row);
            if !seen.insert(digest) {
                continue;
            }
            if !catalog.read().has_pixels(profile, digest)? {
                digests.push(digest.to_owned());
                pixels.push(message.pixels.value(row));
            }
            if catalog.read().has_image(digest)? {
                known.push((digest, scores(message, row), views(message, row)));
            } else {
                new.add(message, row, catalog.read(), groups)?;
            }
        }
    }
    // The file first: an entry without pixels would be a lie, pixels without an entry are a stray.
    let shard = if digests.is_empty() { None } else { Some(shards.write(&digests, &pixels)?) };
    let mut change = catalog.change()?;
    for New { image, views, merges } in &new.images {
        change.add_image(image)?;
        if let Some(views) = views {
            change.add_signatures(&image.digest, &views.to_bytes())?;
        }
        for Merge { kept, gone } in merges {
            tracing::info!(kept, gone, image = image.digest, "two groups are one");
            change.merge_groups(kept, gone)?;
        }
    }
    for (digest, scores, views) in known {
        if let Some(views) = views {
            change.add_late_signatures(digest, &views.to_bytes())?;
        }
        if !scores.dark.is_nan() {
            change.add_late_scores(digest, &scores)?;
        }
    }
    if let Some(file) = shard {
        change.add_shard(profile, &file, &digests)?;
    }
    for message in messages {
        for row in 0..message.rows() {
            change.place(&file(message, row))?;
        }
    }
    Ok(change.commit()?)
}

/// An image that was not known.
struct New {
    image: Image,
    views: Option<Views>,
    /// The groups it made one.
    merges: Vec<Merge>,
}

/// The images of a change that were not known.
#[derive(Default)]
struct NewImages {
    images: Vec<New>,
    /// By the digest of their pixels, places in `images`.
    by_pixels: HashMap<String, usize>,
    /// Groups that were made another in this change.
    renamed: HashMap<String, String>,
}

impl NewImages {
    /// Adds one, with its group; all that is known from then on.
    fn add(&mut self, message: &Pixels, row: usize, catalog: &Reader, groups: &mut Groups) -> Result<(), DatasetError> {
        let digest = message.digest.value(row);
        let pixel_digest = message.pixel_digest.value(row);
        let twin = match self.by_pixels.get(pixel_digest) {
            Some(&at) => Some((self.images[at].image.group.clone(), Split::default(), false)),
            None => catalog.with_pixels(pixel_digest)?,
        };
        let hashes = Hashes {
            ahash: message.ahash.value(row),
            dhash: message.dhash.value(row),
            phash: message.phash.value(row),
            whash: message.whash.value(row),
        };
        let views = views(message, row);
        let (group, split, settled, merges) = if let Some((group, split, settled)) = twin {
            // Nothing that looks like it can be found that was not found of its twin.
            (self.name_now(group), split, settled, Vec::new())
        } else {
            let (phash, dhash) = (hashes.phash, hashes.dhash);
            let face = GroupKey { sample: pixel_digest, phash, dhash, views: views.as_ref() };
            let (group, merges) = groups.add(digest, face);
            (group, Split::default(), false, merges)
        };
        for Merge { kept, gone } in &merges {
            self.renamed.insert(gone.clone(), kept.clone());
        }
        self.by_pixels.entry(pixel_digest.to_owned()).or_insert(self.images.len());
        let captured_ms = message.captured_ms.value(row);
        let image = Image {
            digest: digest.to_owned(),
            pixel_digest: Some(pixel_digest.to_owned()),
            captured_ms: (captured_ms != i64::MIN).then_some(captured_ms),
            hashes,
            source: (message.source_width.value(row), message.source_height.value(row)),
            scores: scores(message, row),
            group,
            split,
            settled,
        };
        self.images.push(New { image, views, merges });
        Ok(())
    }

    /// What a group is called after the merges of this change. A name may come back as the one that stays, so a name that was
    /// followed once is not followed again.
    fn name_now(&self, mut group: String) -> String {
        let mut followed = HashSet::new();
        while let Some(kept) = self.renamed.get(&group)
            && followed.insert(group.clone())
        {
            group.clone_from(kept);
        }
        group
    }
}

/// The views of a row. Those of another length than ours are none: the image is taken in all the same, and near-copies of
/// it are found by its hashes.
fn views(message: &Pixels, row: usize) -> Option<Views> {
    let bytes = message.signature.value(row);
    let views = Views::from_bytes(bytes);
    if views.is_none() && !bytes.is_empty() {
        let (path, found) = (message.path.value(row), bytes.len());
        tracing::error!(path, found, expected = Views::BYTES, "views of another length are not used");
    }
    views
}

fn scores(message: &Pixels, row: usize) -> Scores {
    Scores {
        dark: message.dark.value(row),
        bright: message.bright.value(row),
        blur: message.blur.value(row),
        information: message.information.value(row),
    }
}

fn file(message: &Pixels, row: usize) -> File {
    let path = message.path.value(row);
    let given = message.split.is_valid(row).then(|| message.split.value(row));
    let known = given.and_then(Split::parse);
    if let (Some(given), None) = (given, known) {
        tracing::error!(path, given, "no split of this name; it is drawn instead");
    }
    File {
        path: path.to_owned(),
        label: message.label.is_valid(row).then(|| message.label.value(row).to_owned()),
        digest: message.digest.value(row).to_owned(),
        modified_ns: message.modified_ns.value(row),
        changed_ns: message.changed_ns.value(row),
        inode: message.inode.value(row),
        size_bytes: message.size_bytes.value(row),
        given: known,
    }
}

#[cfg(test)]
mod tests;
