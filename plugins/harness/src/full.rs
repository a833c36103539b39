//! A full disk: a node that cannot write ends, and dora starts it again, but only so often. So it waits before it ends.

use crate::inbox::Event;
use crate::node::Node;
use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

/// dora gives a node up after ten restarts in 120 s (`dataflows/*.yml`): with this wait there are never so many.
const WAIT: Duration = Duration::from_secs(13);
/// With less space than this, whatever failed is put down to that.
const NEXT_TO_NOTHING_BYTES: u64 = 1 << 20;

/// Whether an error comes of a full disk: it says so, or there is next to no space where the workspace lies.
pub fn is_full(error: &dyn Error, root: &Path) -> bool {
    let says = |error: &dyn Error| {
        let text = error.to_string();
        ["No space left on device", "database or disk is full", "Disk quota exceeded"].iter().any(|t| text.contains(t))
    };
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.any(says) || space_bytes(root).is_some_and(|bytes| bytes < NEXT_TO_NOTHING_BYTES)
}

/// Bytes that are free where `path` lies.
fn space_bytes(path: &Path) -> Option<u64> {
    rustix::fs::statvfs(path).ok().map(|at| at.f_bavail.saturating_mul(at.f_frsize))
}

/// Waits until the node may end, or the dataflow stops. Messages that come meanwhile are not acknowledged, so they are sent
/// again.
pub fn wait(node: &mut Node) {
    let begun = Instant::now();
    while begun.elapsed() < WAIT {
        match node.recv(Duration::from_secs(1)) {
            Ok(Event::Stop) => return,
            Ok(_) => {}
            // Messages are lost anyway.
            Err(_) => std::thread::sleep(Duration::from_secs(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[derive(Debug, thiserror::Error)]
    #[error("the store")]
    struct Store(#[source] io::Error);

    #[test]
    fn a_full_disk_is_told_however_deep_it_lies() {
        let here = tempfile::tempdir().unwrap();
        let full = || io::Error::from(rustix::io::Errno::NOSPC);
        assert!(is_full(&full(), here.path()));
        assert!(is_full(&Store(plugin_api::files::with_path(Path::new("a"), &full())), here.path()));
        assert!(!is_full(&Store(io::Error::other("broken")), here.path()), "there is space here");
        assert!(!is_full(&io::Error::other("broken"), Path::new("/nowhere")));
    }
}
