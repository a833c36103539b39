//! A file of the data set, as the node keeps it.

use arrow::array::Array as _;
use plugin_api::Edge as _;
use plugin_api::edges::Records;
use plugin_check::{Facts, Scores};

/// One file.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Relative to the workspace.
    pub path: String,
    /// Its class folder.
    pub label: Option<String>,
    /// BLAKE3 of the file.
    pub digest: String,
    /// BLAKE3 of its pixels; that of the file where it is not known.
    pub pixel_digest: String,
    /// Digest that stands for the group of look-alikes.
    pub group: String,
    /// `train`, `validation` or `test`.
    pub split: String,
    /// Size of the file, bytes.
    pub size_bytes: u64,
    /// Perceptual and difference hash.
    pub hashes: [u64; 2],
    /// What the checks look at.
    pub facts: Facts,
}

impl Record {
    /// How far two images are apart: bits of both hashes.
    pub fn distance(&self, other: &Self) -> u32 {
        self.hashes.iter().zip(other.hashes).map(|(a, b)| (a ^ b).count_ones()).sum()
    }

    /// Pixels of the original.
    pub fn pixels(&self) -> u64 {
        u64::from(self.facts.width) * u64::from(self.facts.height)
    }

    /// The class, or nothing.
    pub fn class(&self) -> &str {
        self.label.as_deref().unwrap_or_default()
    }
}

/// The rows of a message.
pub fn read(rows: &Records) -> impl Iterator<Item = Record> + '_ {
    (0..rows.rows()).map(|row| Record {
        path: rows.path.value(row).to_owned(),
        label: (!rows.label.is_null(row)).then(|| rows.label.value(row).to_owned()),
        digest: rows.digest.value(row).to_owned(),
        pixel_digest: rows.pixel_digest.value(row).to_owned(),
        group: rows.group.value(row).to_owned(),
        split: rows.split.value(row).to_owned(),
        size_bytes: rows.size_bytes.value(row),
        hashes: [rows.phash.value(row), rows.dhash.value(row)],
        facts: Facts {
            width: rows.width.value(row),
            height: rows.height.value(row),
            scores: Scores {
                dark: rows.dark.value(row),
                bright: rows.bright.value(row),
                blur: rows.blur.value(row),
                information: rows.information.value(row),
            },
        },
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A file of a class; `digest` is also its group unless it says `digest/group`.
    pub fn record(path: &str, digest: &str) -> Record {
        let (digest, group) = digest.split_once('/').unwrap_or((digest, digest));
        let class = path.strip_prefix("photos/").and_then(|p| p.split_once('/')).map(|(class, _)| class.to_owned());
        Record {
            path: path.to_owned(),
            label: class,
            digest: digest.to_owned(),
            pixel_digest: digest.to_owned(),
            group: group.to_owned(),
            split: "train".to_owned(),
            size_bytes: 1000,
            hashes: [0, 0],
            facts: Facts {
                width: 200,
                height: 150,
                scores: Scores { dark: 0.9, bright: 0.9, blur: 0.9, information: 0.9 },
            },
        }
    }
}
