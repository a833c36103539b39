//! What can go wrong between a node and dora.

/// A node cannot go on. It exits with an error, dora starts it again, and what was not acknowledged is sent again.
#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    /// dora refused something.
    #[error("dora: {0}")]
    Dora(String),
    /// The daemon that started this process has gone.
    #[error("the dora daemon that started this node has gone")]
    Orphaned,
    /// An input overflowed. The credits of the graph make that impossible, so the graph or a node is wrong.
    #[error("input {input:?} lost {count} messages: its queue_size is smaller than the sender's window")]
    Lost {
        /// Name of the input in the YAML.
        input: String,
        /// Number of messages that were dropped.
        count: u64,
    },
    /// A message is not of its edge's type.
    #[error("input {input:?}: {source}")]
    Schema {
        /// Name of the input in the YAML.
        input: String,
        /// Both schemas.
        source: plugin_api::SchemaError,
    },
    /// Another graph works on the workspace.
    #[error(
        "the workspace {workspace} is in use: {role} is held by {holder}. Stop that graph, or give this one another workspace \
         (--home, WAKUTEKA_HOME)"
    )]
    InUse {
        /// The workspace.
        workspace: String,
        /// What is held: a node's id, or a part of the workspace.
        role: String,
        /// Who holds it.
        holder: String,
    },
    /// A message is larger than the graph allows.
    #[error("output {output:?}: a message of {bytes} bytes; at most {limit} are allowed")]
    TooLarge {
        /// Name of the output in the YAML.
        output: String,
        /// Its size.
        bytes: usize,
        /// Largest message that is allowed, in bytes.
        limit: usize,
    },
    /// A file of the workspace that the node needs for its own work.
    #[error("{path}: {source}")]
    File {
        /// The file or folder.
        path: String,
        /// What the file system says.
        source: std::io::Error,
    },
}
