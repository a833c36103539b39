//! Counting in the catalog of a workspace, read-only, while the graph runs.

use plugin_api::Home;
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeMap;

/// Live files of the catalog: path and label.
pub fn files(home: &Home) -> BTreeMap<String, String> {
    let path = home.dataset().join("catalog.sqlite");
    let Ok(db) = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY) else { return BTreeMap::new() };
    let _ = db.busy_timeout(std::time::Duration::from_secs(10));
    let read = || -> rusqlite::Result<BTreeMap<String, String>> {
        let mut rows = db.prepare("SELECT path, label FROM placements WHERE removed IS NULL")?;
        rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    read().unwrap_or_default()
}

/// Digest and split of every picture.
pub fn splits(home: &Home) -> BTreeMap<String, String> {
    let path = home.dataset().join("catalog.sqlite");
    let Ok(db) = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY) else { return BTreeMap::new() };
    let read = || -> rusqlite::Result<BTreeMap<String, String>> {
        let mut rows = db.prepare("SELECT digest, split FROM pictures")?;
        rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    read().unwrap_or_default()
}

/// Files in quarantine, without the notes beside them: paths relative to it.
pub fn quarantined(home: &Home) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![home.quarantine()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.with_file_name(format!("{}.json", entry.file_name().to_string_lossy())).is_file() {
                found.push(home.relative(&path).unwrap_or_default());
            }
        }
    }
    found.sort();
    found
}
