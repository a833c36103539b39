//! Pictures in: several messages become one change, synced once, acknowledged one by one.

use crate::catalog::{Catalog, Picture, Placement};
use crate::config::Config;
use crate::error::DatasetError;
use crate::shards::Shards;
use crate::split::{Face, Groups, Merge, Shares};
use arrow::array::Array;
use plugin_api::Edge;
use plugin_api::edges::Pixels;
use plugin_hash::Views;
use std::collections::HashSet;

/// What decides a picture's split.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    shares: Shares,
    size_px: u32,
}

impl Rules {
    /// As the options say.
    pub fn new(config: &Config) -> Self {
        let shares = Shares { validation: config.validation_percent, test: config.test_percent };
        Self { shares, size_px: config.size }
    }
}

/// Takes the rows of `messages` into the catalog. When this returns, they last.
///
/// Idempotent: the same rows again change nothing. Views that a picture lacked so far are kept, and count from the next
/// start on.
///
/// # Errors
/// A full disk, a damaged catalog, or pictures of another size than configured; nothing is taken in then.
pub fn take_in(
    messages: &[Pixels],
    catalog: &mut Catalog,
    shards: &Shards,
    groups: &mut Groups,
    profile: &str,
    rules: Rules,
) -> Result<u64, DatasetError> {
    let (mut digests, mut pixels, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    let (mut pictures, mut known) = (Vec::new(), Vec::new());
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
            if !catalog.has_pixels(profile, digest)? {
                digests.push(digest.to_owned());
                pixels.push(message.pixels.value(row));
            }
            if catalog.has_picture(digest)? {
                known.push((digest, scores(message, row), views(message, row)));
            } else {
                pictures.push(grouped(message, row, groups, rules));
            }
        }
    }
    // The file first: an entry without pixels would be a lie, pixels without an entry are a stray.
    let shard = if digests.is_empty() { None } else { Some(shards.write(&digests, &pixels)?) };
    let mut change = catalog.change()?;
    for New { picture, views, merges } in &pictures {
        change.add_picture(picture)?;
        if let Some(views) = views {
            change.add_views(&picture.digest, views)?;
        }
        for merge in merges {
            tracing::info!(merge.kept, merge.gone, merge.split, picture = picture.digest, "two groups are one");
            change.merge(merge)?;
        }
    }
    for (digest, scores, views) in known {
        if let Some(views) = views {
            change.add_late_views(digest, &views)?;
        }
        if !scores[0].is_nan() {
            change.measured(digest, scores)?;
        }
    }
    if let Some(file) = shard {
        change.add_shard(profile, &file, &digests)?;
    }
    for message in messages {
        for row in 0..message.rows() {
            change.place(&placement(message, row))?;
        }
    }
    change.commit()
}

/// A picture that was not known, with its group and split.
struct New {
    picture: Picture,
    views: Option<Views>,
    /// The groups it made one.
    merges: Vec<Merge>,
}

/// A picture with its group, and the groups it made one; all that is known from then on.
fn grouped(message: &Pixels, row: usize, groups: &mut Groups, rules: Rules) -> New {
    let digest = message.digest.value(row);
    let (phash, dhash) = (message.phash.value(row), message.dhash.value(row));
    let views = views(message, row);
    let face = Face { phash, dhash, views: views.as_ref() };
    let (group, split, merges) = groups.add(digest, face, rules.shares);
    let picture = Picture {
        digest: digest.to_owned(),
        hashes: [message.ahash.value(row), dhash, phash, message.whash.value(row)],
        source: (message.source_width.value(row), message.source_height.value(row)),
        scores: scores(message, row),
        group,
        split: split.to_owned(),
    };
    New { picture, views, merges }
}

/// The views of a row. Those of another length than ours are none: the picture is taken in all the same, and near-copies of
/// it are found by its hashes.
fn views(message: &Pixels, row: usize) -> Option<Views> {
    let bytes = message.views.value(row);
    let views = Views::from_bytes(bytes);
    if views.is_none() && !bytes.is_empty() {
        let (path, found) = (message.path.value(row), bytes.len());
        tracing::error!(path, found, expected = Views::BYTES, "views of another length are not used");
    }
    views
}

fn scores(message: &Pixels, row: usize) -> [f32; 4] {
    [&message.dark, &message.bright, &message.blur, &message.information].map(|column| column.value(row))
}

fn placement(message: &Pixels, row: usize) -> Placement {
    Placement {
        path: message.path.value(row).to_owned(),
        label: (!message.label.is_null(row)).then(|| message.label.value(row).to_owned()),
        digest: message.digest.value(row).to_owned(),
        modified_ns: message.modified_ns.value(row),
        size_bytes: message.size_bytes.value(row),
    }
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
