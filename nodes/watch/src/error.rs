//! What ends the node.

use plugin_harness::HarnessError;
use std::io;

/// `watch` cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The graph.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// The workspace.
    #[error("workspace: {0}")]
    Workspace(#[from] io::Error),
}
