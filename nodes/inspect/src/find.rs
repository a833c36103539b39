//! What there is to mend, one file a kind. Each finds by itself, says it as cards for the page and as a table.

pub mod classes;
pub mod conflicts;
pub mod duplicates;
pub mod issues;
pub mod labels;

use crate::record::Record;
use plugin_api::Text;

/// A file on a card.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown<'a> {
    /// The file.
    pub record: &'a Record,
    /// What is to be told of it.
    pub note: Text,
}

/// Something to mend, as the page shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Card<'a> {
    /// The files it is about; the first few are shown.
    pub files: Vec<Shown<'a>>,
    /// What was found.
    pub found: Text,
    /// What to do.
    pub advice: Text,
}

/// `200 × 150 px`.
pub fn size(record: &Record) -> String {
    format!("{}\u{a0}×\u{a0}{}\u{a0}px", record.facts.width, record.facts.height)
}

#[cfg(test)]
pub(crate) mod tests {
    /// The lines of a table.
    pub(crate) fn lines(table: Result<Vec<u8>, csv::Error>) -> Vec<Vec<String>> {
        let bytes = table.unwrap();
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(&bytes[..]);
        reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect()
    }
}
