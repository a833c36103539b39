//! What ends the node.

/// What ends the node. dora starts it again; the search goes on by its journal.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The graph.
    #[error(transparent)]
    Harness(#[from] plugin_harness::HarnessError),
    /// The journal or the report.
    #[error(transparent)]
    File(#[from] std::io::Error),
}
