//! The same image several times in one class: as the same file, or as files that look the same.

use super::{Card, Shown, size};
use crate::record::Record;
use plugin_api::Message;
use plugin_tables::table;
use std::collections::{BTreeMap, HashSet};

/// How alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Byte for byte.
    Exact,
    /// In the same group of look-alikes.
    Near,
}

/// Files of one class that show the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Duplicates<'a> {
    /// How alike they are.
    pub kind: Kind,
    /// The one to keep first, then the others by path.
    pub files: Vec<&'a Record>,
}

/// Exact ones first, then near ones, the largest groups first.
pub fn find(records: &[Record]) -> Vec<Duplicates<'_>> {
    let mut exact: BTreeMap<(&str, Option<&str>), Vec<&Record>> = BTreeMap::new();
    let mut near: BTreeMap<(&str, Option<&str>), Vec<&Record>> = BTreeMap::new();
    for record in records {
        let label = record.label.as_deref();
        exact.entry((&record.digest, label)).or_default().push(record);
        near.entry((&record.group, label)).or_default().push(record);
    }
    let mut found: Vec<Duplicates> = Vec::new();
    let mut gather = |kind, groups: BTreeMap<_, Vec<_>>| {
        let start = found.len();
        let several = groups.into_values().filter(|files: &Vec<&Record>| files.len() > 1);
        found.extend(several.map(|files| Duplicates { kind, files: keep_first(files) }));
        found[start..].sort_by_key(|d| std::cmp::Reverse(d.files.len()));
    };
    gather(Kind::Exact, exact);
    let different = near.into_iter().map(|(key, files)| {
        let mut seen = HashSet::new();
        (key, files.into_iter().filter(|r| seen.insert(&r.digest[..])).collect())
    });
    gather(Kind::Near, different.collect());
    found
}

/// The best to keep first: most pixels, then most bytes, then the shortest path.
fn keep_first(mut files: Vec<&Record>) -> Vec<&Record> {
    files.sort_by_key(|r| (std::cmp::Reverse((r.pixels(), r.size_bytes)), r.path.len(), r.path.clone()));
    files
}

impl<'a> Duplicates<'a> {
    /// What to do.
    pub fn advice(&self) -> Message {
        let keep = &self.files[0].path;
        match (self.kind, &self.files[1..]) {
            (Kind::Exact, [one]) => Message::card_exact_one(&one.path, keep),
            (Kind::Exact, others) => Message::card_exact_others(keep, others.len()),
            (Kind::Near, [one]) => Message::card_near_one(&one.path, keep),
            (Kind::Near, others) => Message::card_near_others(keep, others.len()),
        }
    }

    /// As the page shows it.
    pub fn card(&self) -> Card<'a> {
        let files = self.files.iter().enumerate().map(|(at, &record)| {
            let bits = record.distance(self.files[0]);
            let note = match (at, self.kind) {
                (0, _) => Message::note_keep(size(record)),
                (_, Kind::Exact) => Message::note_same_file(),
                (_, Kind::Near) => Message::note_bits(bits, size(record)),
            };
            Shown { record, note: note.into() }
        });
        let found = match self.kind {
            Kind::Exact => Message::card_exact(self.files.len()),
            Kind::Near => Message::card_near(self.files.len()),
        };
        Card { files: files.collect(), found: found.into(), advice: self.advice().into() }
    }
}

/// `duplicates.csv`: one line a file.
///
/// # Errors
/// As [`table`].
pub fn csv(found: &[Duplicates]) -> Result<Vec<u8>, csv::Error> {
    let header = ["number", "kind", "class", "path", "keep", "digest", "width", "height", "bits_apart", "what_to_do"];
    let rows = found.iter().enumerate().flat_map(|(number, duplicates)| {
        duplicates.files.iter().enumerate().map(move |(at, record)| {
            let kind = if duplicates.kind == Kind::Exact { "exact" } else { "near" };
            [
                (number + 1).to_string(),
                kind.to_owned(),
                record.class().to_owned(),
                record.path.clone(),
                (at == 0).to_string(),
                record.digest.clone(),
                record.facts.width.to_string(),
                record.facts.height.to_string(),
                record.distance(duplicates.files[0]).to_string(),
                duplicates.advice().to_string(),
            ]
        })
    });
    table(header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find::tests::lines;
    use crate::record::tests::record;

    #[test]
    fn exact_and_near_ones_are_told_apart_and_classes_are_not_mixed() {
        let mut large = record("photos/a/large.jpg", "d4/g");
        large.facts.width = 900;
        let records = [
            record("photos/a/1.jpg", "d1"),
            record("photos/a/copy of 1.jpg", "d1"),
            record("photos/b/1.jpg", "d1"),
            record("photos/a/small.jpg", "d3/g"),
            record("photos/a/small again.jpg", "d3/g"),
            large,
            record("photos/b/alone.jpg", "d5"),
        ];
        let found = find(&records);
        let told: Vec<(Kind, Vec<&str>)> =
            found.iter().map(|d| (d.kind, d.files.iter().map(|r| &r.path[7..]).collect())).collect();
        assert_eq!(
            told,
            [
                (Kind::Exact, vec!["a/1.jpg", "a/copy of 1.jpg"]),
                (Kind::Exact, vec!["a/small.jpg", "a/small again.jpg"]),
                (Kind::Near, vec!["a/large.jpg", "a/small.jpg"]),
            ]
        );
        assert!(found[0].advice().to_string().contains("Delete photos/a/copy of 1.jpg and keep photos/a/1.jpg"));
        assert!(found[2].card().advice.contains("delete photos/a/small.jpg"));
        let lines = lines(csv(&found));
        assert_eq!(lines.len(), 7);
        assert_eq!(lines[2][..5], ["1", "exact", "a", "photos/a/copy of 1.jpg", "false"]);
        assert_eq!(lines[5][..5], ["3", "near", "a", "photos/a/large.jpg", "true"]);
    }
}
