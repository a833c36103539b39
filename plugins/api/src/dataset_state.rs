//! The data set as nodes that train know it, from `Snapshot`.

use crate::edge::Edge as _;
use crate::edges::Snapshot;
use crate::header::Header;
use crate::labels::Labels;
use serde::{Deserialize, Serialize};

/// One state of the data set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetState {
    /// Number of the version; each change of the data set makes a new one.
    pub version: u64,
    /// Digest of images and labels.
    pub fingerprint: String,
    /// Class names, by index.
    pub classes: Vec<String>,
    /// Images by class: `[train, validation, test, conflicts]`.
    pub counts: Vec<[u64; 4]>,
    /// Whether an image has one class or several.
    pub labels: Labels,
}

impl DatasetState {
    /// Reads the message; none when the data set has no class.
    pub fn from_edge(header: &Header, rows: &Snapshot) -> Option<Self> {
        if rows.rows() == 0 {
            return None;
        }
        let counts = |row: usize| [&rows.train, &rows.validation, &rows.test, &rows.conflicts].map(|c| c.value(row));
        Some(Self {
            version: rows.version.value(0),
            fingerprint: rows.fingerprint.value(0).to_owned(),
            classes: rows.label.iter().map(|l| l.unwrap_or_default().to_owned()).collect(),
            counts: (0..rows.rows()).map(counts).collect(),
            labels: Labels::of(header),
        })
    }

    /// Training images.
    pub fn train(&self) -> u64 {
        self.counts.iter().map(|c| c[0]).sum()
    }

    /// All images that can be trained or evaluated on.
    pub fn images(&self) -> u64 {
        self.counts.iter().flat_map(|c| &c[..3]).sum()
    }

    /// Classes with training images.
    pub fn trained_classes(&self) -> usize {
        self.counts.iter().filter(|c| c[0] > 0).count()
    }
}
