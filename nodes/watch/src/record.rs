//! The note beside a file in quarantine.

use crate::disk::{Mark, wall_ns};
use serde::{Deserialize, Serialize};

/// Why a file is in quarantine: the `.json` beside it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Where it was, as messages name it.
    pub path: String,
    /// The node that refused it.
    pub stage: String,
    /// One word: `truncated`, `too_large`, `not_an_image`, `unreadable`, …
    pub reason: String,
    /// The whole story.
    pub detail: String,
    /// When, milliseconds since 1970.
    pub moved_ms: u64,
    /// Size of the file, bytes.
    pub size_bytes: u64,
    /// Modification time of the file, nanoseconds since 1970.
    pub modified_ns: i64,
}

impl Record {
    /// A record of now.
    pub fn new(path: &str, mark: Mark, stage: &str, reason: &str, detail: &str) -> Self {
        Self {
            path: path.to_owned(),
            stage: stage.to_owned(),
            reason: reason.to_owned(),
            detail: detail.to_owned(),
            moved_ms: (wall_ns() / 1_000_000) as u64,
            size_bytes: mark.size_bytes,
            modified_ns: mark.modified_ns,
        }
    }
}
