//! What ends the node.

use plugin_harness::HarnessError;

/// The node cannot go on; dora starts it again.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// dora.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// The server has no thread to run on.
    #[error("no thread for the page: {0}")]
    Thread(std::io::Error),
}
