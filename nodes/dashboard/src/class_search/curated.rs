//! What `curate.yml` has written down of `pool/`, read beside it.

use plugin_api::{Workspace, names};
use rusqlite::{Connection, OpenFlags};
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A file as it was when it was taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// BLAKE3 of the file.
    pub digest: String,
    /// Nanoseconds since 1970, and bytes.
    pub version: (i64, u64),
}

/// Whether `gather` has set the journal of its store, after which nobody who reads holds it up: bytes 18 and 19 of the file are
/// 2 (<https://www.sqlite.org/fileformat.html>, section 1.3.3). Read without SQLite, which would take a lock.
fn is_ready(store: &Path) -> bool {
    let mut head = [0; 20];
    let read = fs::File::open(store).and_then(|mut file| std::io::Read::read_exact(&mut file, &mut head));
    read.is_ok() && head[18..20] == [2, 2]
}

fn open(store: &Path) -> rusqlite::Result<Option<Connection>> {
    if !is_ready(store) {
        return Ok(None);
    }
    let db = Connection::open_with_flags(store, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    Ok(Some(db))
}

/// Files of the pool, by path; none when `curate.yml` never ran here.
///
/// # Errors
/// SQLite's.
pub fn read(workspace: &Workspace) -> rusqlite::Result<HashMap<String, Known>> {
    let Some(db) = open(&workspace.dataset().join("curation.sqlite"))? else { return Ok(HashMap::new()) };
    let mut files = db.prepare("SELECT path, digest, modified_ns, size_bytes FROM files WHERE label IS NULL")?;
    let known = files
        .query_map([], |row| Ok((row.get(0)?, Known { digest: row.get(1)?, version: (row.get(2)?, row.get(3)?) })))?;
    known.collect()
}

/// A file that lies in the pool now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolFile {
    /// Relative to the workspace.
    pub path: String,
    /// Nanoseconds since 1970, and bytes.
    pub version: (i64, u64),
}

impl PoolFile {
    /// Its digest, where that is known and it is not another file by now.
    pub fn digest<'a>(&self, known: &'a HashMap<String, Known>) -> Option<&'a str> {
        known.get(&self.path).filter(|known| known.version == self.version).map(|known| known.digest.as_str())
    }
}

/// Every image in `pool/` by its name. Links are not followed; what cannot be looked at is passed over.
pub fn pool(workspace: &Workspace) -> Vec<PoolFile> {
    let (mut found, mut folders) = (Vec::new(), vec![(workspace.pool(), "pool".to_owned())]);
    while let Some((folder, named)) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) else { continue };
            let path = format!("{named}/{name}");
            if kind.is_dir() && names::folder_counts(&name) {
                folders.push((entry.path(), path));
            } else if kind.is_file()
                && names::file_counts(&name)
                && let Ok(meta) = entry.metadata()
            {
                let modified_ns = meta.mtime().saturating_mul(1_000_000_000).saturating_add(meta.mtime_nsec());
                found.push(PoolFile { path, version: (modified_ns, meta.len()) });
            }
        }
    }
    found
}
