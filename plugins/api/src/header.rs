//! What travels beside every message: whose stream it belongs to, its place in it, and whether it ends it.

use std::collections::BTreeMap;

/// The metadata of a message. A stage answers a message with the same header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// The stream: a new one starts at `seq` 0. Later sessions of one source sort after earlier ones.
    pub session: String,
    /// Place in the stream, counted from 0 without gaps.
    pub seq: u64,
    /// The stream ends here.
    pub fin: bool,
    /// Anything else, by name.
    pub extra: BTreeMap<String, String>,
}

impl Header {
    /// A header without extras.
    pub fn new(session: impl Into<String>, seq: u64) -> Self {
        Self { session: session.into(), seq, ..Self::default() }
    }

    /// The same header, ending its stream when `fin`.
    pub fn fin(mut self, fin: bool) -> Self {
        self.fin = fin;
        self
    }

    /// The same header with one more extra.
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.extra.insert(name.to_owned(), value.to_string());
        self
    }

    /// An extra, or the empty string.
    pub fn text(&self, name: &str) -> &str {
        self.extra.get(name).map_or("", String::as_str)
    }

    /// An extra as a number, when it is there and is one.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.text(name).parse().ok()
    }
}

/// A session name that sorts after every earlier one of the same source.
pub fn new_session(source: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{source}-{:020}-{:07}", now.as_nanos(), std::process::id())
}
