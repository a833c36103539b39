//! Somebody asks for a run: `runs/request.json`, written by `cargo wakuteka runs retrain` and the page. Or for none: `runs/paused.json`.

use plugin_api::Workspace;
use plugin_api::runs::{Pause, RunRequest, read_json};
use std::path::PathBuf;

fn path(workspace: &Workspace) -> PathBuf {
    workspace.runs().join(RunRequest::FILE)
}

/// What is asked for. A file that cannot be read is taken away, and that is said.
pub fn pending(workspace: &Workspace) -> Option<RunRequest> {
    let path = path(workspace);
    if !path.exists() {
        return None;
    }
    read_json(&path)
        .inspect_err(|error| {
            tracing::warn!(%error, "a request for a run cannot be read");
            let _ = std::fs::remove_file(&path);
        })
        .ok()
}

/// Whether no run may start by itself.
pub fn is_paused(workspace: &Workspace) -> bool {
    workspace.runs().join(Pause::FILE).exists()
}

/// It is dealt with.
pub fn answered(workspace: &Workspace) {
    let _ = std::fs::remove_file(path(workspace));
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::runs::write_json;

    #[test]
    fn a_request_is_read_until_it_is_answered_and_a_broken_one_goes() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        assert_eq!(pending(&workspace), None);
        let request = RunRequest { from: Some("20261125-1".to_owned()) };
        write_json(&path(&workspace), &request).unwrap();
        assert_eq!(pending(&workspace), Some(request));
        answered(&workspace);
        assert_eq!(pending(&workspace), None);
        std::fs::write(path(&workspace), b"{").unwrap();
        assert_eq!(pending(&workspace), None);
        assert!(!path(&workspace).exists());
    }
}
