//! One at a time.

use plugin_api::Workspace;
use plugin_api::files::with_path;
use std::fs::File;
use std::io;

/// Whoever changes the champion holds it, so that `evaluate` and a person do not do so at once. It goes with the process,
/// however that ends.
#[derive(Debug)]
pub struct Lock(#[allow(dead_code, reason = "held, not read")] File);

impl Lock {
    /// Waits until nobody else holds it.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn take(workspace: &Workspace) -> io::Result<Self> {
        let path = workspace.models().join(".lock");
        let lock = File::options().create(true).append(true).open(&path).and_then(|file| file.lock().map(|()| file));
        lock.map(Self).map_err(|e| with_path(&path, &e))
    }
}
