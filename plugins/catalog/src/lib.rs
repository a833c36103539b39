//! The catalog, `dataset/catalog.sqlite`: which images there are, in which files, with which labels, groups and splits.
//!
//! One crate knows its tables: [`Writer`], which `dataset` alone opens, and [`Reader`] for everybody else, while the graph may
//! be running. SQLite in WAL mode, synced on commit.
//!
//! Rows of `files` are never changed but for times, only ended, and `group_history` keeps the group and the split an image had
//! before: the state at any earlier version can be read, so that a run goes on over the data it began with while images arrive.
//!
//! A *sample* is what is trained on: an image by the digest of its pixels, so that a file whose metadata alone was changed is
//! the same sample. Images of catalogs before format 4 have no such digest; that of the file stands for it.

mod change;
mod error;
pub mod fixture;
mod open;
mod read;
mod rows;
mod schema;

pub use change::Change;
pub use error::CatalogError;
pub use open::{Reader, Writer};
pub use rows::{File, Image, KnownFile, LiveFile, PixelsAt, Record, Sample, Shard, StoredImage};

use plugin_api::Workspace;
use std::path::PathBuf;

/// Where the catalog of a workspace lies.
pub fn path(workspace: &Workspace) -> PathBuf {
    workspace.dataset().join("catalog.sqlite")
}

#[cfg(test)]
mod tests;
