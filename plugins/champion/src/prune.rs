//! Old runs go.

use crate::models::models;
use plugin_api::Workspace;
use plugin_api::files::with_path;
use plugin_api::runs::RunFolder;
use std::collections::BTreeSet;
use std::fs;
use std::io;

/// Removes the oldest evaluated runs beyond the newest `keep` of them, and returns which. Never one that is or was champion or
/// has a model for another reason, nor one that has not been evaluated; these do not count.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn prune(workspace: &Workspace, keep: usize) -> io::Result<Vec<String>> {
    // What an attempt that was cut short has left.
    for entry in fs::read_dir(workspace.runs()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") && name.as_encoded_bytes().ends_with(b".old") {
            fs::remove_dir_all(entry.path()).map_err(|e| with_path(&entry.path(), &e))?;
        }
    }
    // A folder in models/ that cannot be read protects its run too.
    let mut kept: BTreeSet<String> = models(workspace).into_iter().map(|model| model.id).collect();
    kept.extend(
        fs::read_dir(workspace.models())?.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()),
    );
    let may_go = |run: &RunFolder| run.verdict().is_some() && !kept.contains(&run.id());
    let runs: Vec<RunFolder> = RunFolder::all(&workspace.runs()).into_iter().filter(may_go).collect();
    let mut gone = Vec::new();
    for run in &runs[..runs.len().saturating_sub(keep)] {
        // Out of sight in one step, so that nobody sees it half removed.
        let old = workspace.runs().join(format!(".{}.old", run.id()));
        fs::rename(&run.0, &old).map_err(|e| with_path(&run.0, &e))?;
        fs::remove_dir_all(&old).map_err(|e| with_path(&old, &e))?;
        gone.push(run.id());
    }
    Ok(gone)
}
