//! Somebody asks for a run: `runs/request.json`, written by `cargo wakuteka runs retrain` and the page. Or for none: `runs/paused.json`.

use plugin_api::Home;
use plugin_api::runs::{Pause, RunRequest, read_json};
use std::path::PathBuf;

fn path(home: &Home) -> PathBuf {
    home.runs().join(RunRequest::FILE)
}

/// What is asked for. A file that cannot be read is taken away, and that is said.
pub fn pending(home: &Home) -> Option<RunRequest> {
    let path = path(home);
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
pub fn is_paused(home: &Home) -> bool {
    home.runs().join(Pause::FILE).exists()
}

/// It is dealt with.
pub fn answered(home: &Home) {
    let _ = std::fs::remove_file(path(home));
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::runs::write_json;

    #[test]
    fn a_request_is_read_until_it_is_answered_and_a_broken_one_goes() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::create(folder.path()).unwrap();
        assert_eq!(pending(&home), None);
        let request = RunRequest { from: Some("20261125-1".to_owned()) };
        write_json(&path(&home), &request).unwrap();
        assert_eq!(pending(&home), Some(request));
        answered(&home);
        assert_eq!(pending(&home), None);
        std::fs::write(path(&home), b"{").unwrap();
        assert_eq!(pending(&home), None);
        assert!(!path(&home).exists());
    }
}
