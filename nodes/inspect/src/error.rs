//! What ends the node, and what ends the work on one version.

use std::io;

/// What ends the node. dora starts it again, and it begins anew.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The graph.
    #[error(transparent)]
    Harness(#[from] plugin_harness::HarnessError),
    /// No thread to work on.
    #[error("no thread for the work: {0}")]
    Thread(io::Error),
}

/// Why there is no report of a version. The next version is tried again.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A later version came, or the dataflow ends.
    #[error("overtaken")]
    Cancelled,
    /// Files could not be written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// A table could not be put together.
    #[error(transparent)]
    Table(#[from] csv::Error),
}
