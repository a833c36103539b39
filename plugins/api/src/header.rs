//! What travels beside every message: whose stream it belongs to, its place in it, whether it ends it, and what there is to say of
//! the whole message.
//!
//! What an edge has to say is a struct of its own ([`HeaderFields`]), beside the edge in [`edges`](crate::edges). A header holds one of
//! each kind, as JSON: a stage hands on kinds that it does not know, and nobody has to agree on more than its own.

use serde::Serialize;
use serde::de::DeserializeOwned;
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
    /// Fields as JSON, by [`HeaderFields::NAME`].
    fields: BTreeMap<String, String>,
}

/// Typed fields of a header, serialised as JSON.
pub trait HeaderFields: Serialize + DeserializeOwned {
    /// What they are called on the wire: a name that no other kind has, nor dora (`session_id`, `seq`, `fin`, `_…`).
    const NAME: &'static str;
}

/// Fields that cannot be read. The message is to be ignored with a warning: whoever waits for it asks again.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    /// There are none of that name.
    #[error("there is no {0:?} in the header")]
    Missing(&'static str),
    /// They are not what the name stands for.
    #[error("{name:?} in the header: {source}")]
    Malformed {
        /// Name of the fields.
        name: &'static str,
        /// What is wrong with their JSON.
        source: serde_json::Error,
    },
}

impl Header {
    /// A header without fields.
    pub fn new(session: impl Into<String>, seq: u64) -> Self {
        Self { session: session.into(), seq, ..Self::default() }
    }

    /// The same header, ending its stream when `fin`.
    pub fn fin(mut self, fin: bool) -> Self {
        self.fin = fin;
        self
    }

    /// The same header with these fields; they take the place of those of the same kind.
    pub fn with<F: HeaderFields>(self, fields: &F) -> Self {
        // Structs of texts and numbers can always be written.
        self.with_json(F::NAME, serde_json::to_string(fields).unwrap_or_default())
    }

    /// The same header with fields as they came over the wire.
    pub fn with_json(mut self, name: impl Into<String>, json: impl Into<String>) -> Self {
        self.fields.insert(name.into(), json.into());
        self
    }

    /// Fields of a kind.
    ///
    /// # Errors
    /// [`HeaderError`] when there are none, or they cannot be read.
    pub fn get<F: HeaderFields>(&self) -> Result<F, HeaderError> {
        let json = self.fields.get(F::NAME).ok_or(HeaderError::Missing(F::NAME))?;
        serde_json::from_str(json).map_err(|source| HeaderError::Malformed { name: F::NAME, source })
    }

    /// All fields, as name and JSON, for the wire.
    pub fn fields(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, json)| (name.as_str(), json.as_str()))
    }
}

/// A session name that sorts after every earlier one of the same source.
pub fn new_session(source: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{source}-{:020}-{:07}", now.as_nanos(), std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Named {
        name: String,
    }

    impl HeaderFields for Named {
        const NAME: &'static str = "named";
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Counted(u64);

    impl HeaderFields for Counted {
        const NAME: &'static str = "counted";
    }

    #[test]
    fn fields_are_kept_by_kind() {
        let header = Header::new("s", 1).with(&Named { name: "a".to_owned() }).with(&Counted(u64::MAX));
        let header = header.with(&Named { name: "夏".to_owned() });
        assert_eq!(header.get::<Named>().unwrap().name, "夏");
        assert_eq!(header.get::<Counted>().unwrap(), Counted(u64::MAX));
        assert_eq!(header.fields().count(), 2);
    }

    #[test]
    fn missing_and_malformed_fields_are_named() {
        let header = Header::new("s", 0).with_json("named", r#"{"nam": "a"}"#);
        assert!(matches!(header.get::<Counted>(), Err(HeaderError::Missing("counted"))));
        let error = header.get::<Named>().unwrap_err().to_string();
        assert!(error.contains("\"named\"") && error.contains("missing field `name`"), "{error}");
    }
}
