//! Why the catalog could not be read or written.

use std::io;
use std::path::PathBuf;

/// The catalog could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// SQLite's: a full disk, a damaged file, or one that is no database.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The catalog.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The tables could not be brought to this format; the catalog is as it was.
    #[error("{}: it cannot be brought from format {found} to {known}: {problem}", path.display())]
    Migration {
        /// The catalog.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// Ours.
        known: i64,
        /// What SQLite says.
        problem: String,
    },
    /// It was written by a later version.
    #[error(
        "{}: its format is {found}, of a later version; this program knows {known}: go on with that version, or move that file \
         away, which is then made anew from photos/",
        path.display()
    )]
    Later {
        /// The catalog.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// It was written by an earlier version, and whoever only reads cannot bring it to this format.
    #[error("{}: its format is {found}, this program reads {known}: start the pipeline once, which brings it to that", path.display())]
    Earlier {
        /// The catalog.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The file could not be looked at.
    #[error("{}: {source}", path.display())]
    File {
        /// The catalog.
        path: PathBuf,
        /// What the file system says.
        source: io::Error,
    },
}
