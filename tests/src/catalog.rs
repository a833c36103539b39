//! Counting in the catalog of a workspace, read-only, while the graph runs.

use plugin_api::Workspace;
use plugin_catalog::{LiveFile, Reader};
use std::collections::BTreeMap;

/// Every live file; none while there is no catalog, or while it is being made.
fn live(workspace: &Workspace) -> Vec<LiveFile> {
    let mut files = Vec::new();
    if let Ok(Some(catalog)) = Reader::open(workspace) {
        // A catalog that cannot be read has no file: whoever waits asks again.
        let _ = catalog.live_files(None, |file| files.push(file));
    }
    files
}

/// Live files of the catalog: path and label.
pub fn files(workspace: &Workspace) -> BTreeMap<String, String> {
    live(workspace).into_iter().filter_map(|file| Some((file.path, file.label?))).collect()
}

/// Number of live files of the catalog; 0 while there is none.
pub fn count(workspace: &Workspace) -> u64 {
    let counts = Reader::open(workspace).ok().flatten().and_then(|catalog| catalog.counts().ok());
    counts.map_or(0, |(files, _)| files)
}

/// Digest and split of every live image.
pub fn splits(workspace: &Workspace) -> BTreeMap<String, String> {
    live(workspace).into_iter().map(|file| (file.digest, file.split.to_string())).collect()
}

/// Files in quarantine, without the notes beside them: paths relative to it.
pub fn quarantined(workspace: &Workspace) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![workspace.quarantine()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.with_file_name(format!("{}.json", entry.file_name().to_string_lossy())).is_file() {
                found.push(workspace.relative(&path).unwrap_or_default());
            }
        }
    }
    found.sort();
    found
}
