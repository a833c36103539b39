//! Files in quarantine, by the notes beside them.

use plugin_api::Workspace;
use plugin_api::runs::read_json;
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// Notes that are shown.
const MOST: usize = 500;

/// Path, node, reason and the whole story of each file, those that were refused last first.
pub fn refused(workspace: &Workspace) -> Vec<Value> {
    let (mut found, mut folders) = (Vec::new(), vec![workspace.quarantine()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                found.extend(note(entry.path()));
            }
        }
    }
    found.sort_by_key(|note| std::cmp::Reverse(note["moved_ms"].as_u64()));
    found.truncate(MOST);
    found
}

fn note(path: PathBuf) -> Option<Value> {
    let note: Value = path.extension().is_some_and(|ending| ending == "json").then(|| read_json(&path).ok())??;
    let text = |name: &str| note[name].as_str().map(str::to_owned);
    let (path, stage, reason) = (text("path")?, text("stage")?, text("reason")?);
    Some(
        json!({ "path": path, "stage": stage, "reason": reason, "detail": text("detail"), "moved_ms": note["moved_ms"] }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_listed_and_other_files_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        fs::create_dir_all(workspace.quarantine().join("photos/cat")).unwrap();
        let note = |name: &str, ms: u64| {
            let path = workspace.quarantine().join(format!("photos/cat/{name}.json"));
            let text = json!({ "path": format!("photos/cat/{name}"), "stage": "decode", "reason": "truncated", "detail": "d", "moved_ms": ms });
            fs::write(path, text.to_string()).unwrap();
        };
        note("a.jpg", 1);
        note("b.jpg", 2);
        fs::write(workspace.quarantine().join("photos/cat/b.jpg"), "x").unwrap();
        fs::write(workspace.quarantine().join("photos/cat/c.json"), "{}").unwrap();
        let paths: Vec<String> =
            refused(&workspace).iter().map(|note| note["path"].as_str().unwrap().to_owned()).collect();
        assert_eq!(paths, ["photos/cat/b.jpg", "photos/cat/a.jpg"]);
    }
}
