//! The note beside a file in quarantine.

use crate::fs::disk::wall_ns;
use plugin_api::FileVersion;
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
    /// Change time of the file when it was refused, nanoseconds since 1970; 0 in notes of earlier versions.
    #[serde(default)]
    pub changed_ns: i64,
    /// Inode of the file when it was refused; 0 in notes of earlier versions.
    #[serde(default)]
    pub inode: u64,
}

impl Record {
    /// A record of now.
    pub fn new(path: &str, version: FileVersion, stage: &str, reason: &str, detail: &str) -> Self {
        Self {
            path: path.to_owned(),
            stage: stage.to_owned(),
            reason: reason.to_owned(),
            detail: detail.to_owned(),
            moved_ms: (wall_ns() / 1_000_000) as u64,
            size_bytes: version.size_bytes,
            modified_ns: version.modified_ns,
            changed_ns: version.changed_ns,
            inode: version.inode,
        }
    }

    /// The version of the file that was refused.
    pub fn version(&self) -> FileVersion {
        FileVersion {
            size_bytes: self.size_bytes,
            modified_ns: self.modified_ns,
            changed_ns: self.changed_ns,
            inode: self.inode,
        }
    }

    /// The same, as it is in quarantine: a move changes the change time, and a copy to another device the inode too.
    pub fn moved_version(&self) -> FileVersion {
        FileVersion { changed_ns: 0, inode: 0, ..self.version() }
    }
}
