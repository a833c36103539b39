//! Opening the catalog, to write or to read.

use crate::change::Change;
use crate::error::CatalogError;
use crate::schema::{self, FORMAT};
use plugin_api::Workspace;
use rusqlite::{Connection, OpenFlags};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a reader or the writer waits for the other.
const BUSY: Duration = Duration::from_secs(10);

/// What every SQLite file begins with (<https://www.sqlite.org/fileformat.html>, section 1.3).
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Reads the catalog, also while `dataset` writes to it.
#[derive(Debug)]
pub struct Reader {
    pub(crate) db: Connection,
    pub(crate) path: PathBuf,
}

/// The catalog of `dataset`, which alone writes to it.
#[derive(Debug)]
pub struct Writer(Reader);

/// Whether `dataset` has set the catalog's journal, after which nobody who reads holds it up: bytes 18 and 19 of the file are
/// 2. Read without SQLite, which would take a lock. What is no catalog at all counts as ready: SQLite says what it is.
fn is_ready(path: &Path) -> Result<bool, CatalogError> {
    let mut head = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(20).read_to_end(&mut head));
    match read {
        Ok(0) => Ok(false),
        Ok(_) if head.starts_with(MAGIC) => Ok(head.get(18..20) == Some(&[2, 2])),
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(CatalogError::File { path: path.to_owned(), source }),
    }
}

impl Reader {
    /// Opens the catalog of a workspace; `None` when there is none yet.
    ///
    /// # Errors
    /// [`CatalogError`]: [`Earlier`](CatalogError::Earlier) until `dataset` has brought it to this format.
    pub fn open(workspace: &Workspace) -> Result<Option<Self>, CatalogError> {
        let path = crate::path(workspace);
        if !is_ready(&path)? {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let db = Connection::open_with_flags(&path, flags)?;
            db.busy_timeout(BUSY)?;
            let found = schema::format(&db)?;
            Ok((db, found))
        };
        let (db, found) = open().map_err(|source| CatalogError::Sqlite { path: path.clone(), source })?;
        match found {
            0 => Ok(None),
            FORMAT => Ok(Some(Self { db, path })),
            found if found > FORMAT => Err(CatalogError::Later { path, found, known: FORMAT }),
            found => Err(CatalogError::Earlier { path, found, known: FORMAT }),
        }
    }

    /// Runs a query; an error names the catalog.
    pub(crate) fn query<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, CatalogError> {
        work(&self.db).map_err(|source| CatalogError::Sqlite { path: self.path.clone(), source })
    }
}

impl Writer {
    /// Opens the catalog of a workspace, making it when it is not there and bringing one of an earlier format to this.
    ///
    /// # Errors
    /// [`CatalogError`]; the catalog is as it was.
    pub fn open(workspace: &Workspace) -> Result<Self, CatalogError> {
        Self::open_file(crate::path(workspace))
    }

    /// The same for a file anywhere.
    ///
    /// # Errors
    /// As [`Writer::open`].
    pub fn open_file(path: PathBuf) -> Result<Self, CatalogError> {
        let open = || {
            let db = Connection::open(&path)?;
            // First of all: somebody who reads may hold it for a moment, also while its journal is set.
            db.busy_timeout(BUSY)?;
            db.pragma_update(None, "journal_mode", "WAL")?;
            db.pragma_update(None, "synchronous", "FULL")?;
            Ok(db)
        };
        let mut db = open().map_err(|source| CatalogError::Sqlite { path: path.clone(), source })?;
        schema::migrate(&mut db, &path)?;
        Ok(Self(Reader { db, path }))
    }

    /// What is in it.
    pub const fn read(&self) -> &Reader {
        &self.0
    }

    /// Starts a change: nothing of it lasts before [`Change::commit`].
    ///
    /// # Errors
    /// SQLite's: a full disk, a damaged file.
    pub fn change(&mut self) -> Result<Change<'_>, CatalogError> {
        let Reader { db, path } = &mut self.0;
        Change::begin(db, path).map_err(|source| CatalogError::Sqlite { path: path.clone(), source })
    }
}
