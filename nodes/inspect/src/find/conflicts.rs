//! The same picture, or one that looks the same, in several classes.

use super::{Card, Shown, table};
use crate::find::duplicates::Kind;
use crate::record::Record;
use plugin_api::Labels;
use std::collections::{BTreeMap, HashSet};

/// Look-alikes of one group that are held against each other at most.
const COMPARED: usize = 300;

/// Two files that show the same and are said to be of different classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict<'a> {
    /// How alike they are.
    pub kind: Kind,
    /// The files.
    pub files: [&'a Record; 2],
    /// The class of most of their look-alikes, if there is one.
    pub majority: Option<&'a str>,
}

/// Exact ones first, then near ones, the most alike first.
pub fn find(records: &[Record]) -> Vec<Conflict<'_>> {
    let mut groups: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for record in records.iter().filter(|r| r.label.is_some()) {
        groups.entry(&record.group).or_default().push(record);
    }
    let (mut exact, mut near) = (Vec::new(), Vec::new());
    for files in groups.into_values() {
        // One file a picture and class.
        let mut seen = HashSet::new();
        let files: Vec<&Record> = files.into_iter().filter(|r| seen.insert((&r.digest, &r.label))).collect();
        if files.iter().all(|r| r.label == files[0].label) {
            continue;
        }
        let majority = majority(&files);
        exact.extend(same_picture(&files).map(|files| Conflict { kind: Kind::Exact, files, majority }));
        near.extend(look_alikes(&files).into_iter().map(|files| Conflict { kind: Kind::Near, files, majority }));
    }
    near.sort_by_key(|c: &Conflict| c.files[0].distance(c.files[1]));
    exact.extend(near);
    exact
}

/// The class of more than half of the files.
fn majority<'a>(files: &[&'a Record]) -> Option<&'a str> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for record in files {
        *counts.entry(record.class()).or_default() += 1;
    }
    counts.into_iter().find(|(_, n)| n * 2 > files.len()).map(|(class, _)| class)
}

/// Pairs of one picture in two classes.
fn same_picture<'a>(files: &[&'a Record]) -> impl Iterator<Item = [&'a Record; 2]> {
    let mut by_digest: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
    for record in files {
        by_digest.entry(&record.digest).or_default().push(record);
    }
    by_digest.into_values().flat_map(|files| {
        let pairs = (0..files.len()).flat_map(|a| (a + 1..files.len()).map(move |b| (a, b)));
        pairs.map(|(a, b)| [files[a], files[b]]).collect::<Vec<_>>()
    })
}

/// Each picture with the one most like it in another class, each pair once.
fn look_alikes<'a>(files: &[&'a Record]) -> Vec<[&'a Record; 2]> {
    let mut pairs: Vec<[&Record; 2]> = Vec::new();
    let mut seen = HashSet::new();
    for one in files {
        let others = files.iter().take(COMPARED).filter(|r| r.label != one.label && r.digest != one.digest);
        if let Some(other) = others.min_by_key(|r| r.distance(one)) {
            let pair = if one.path <= other.path { [*one, *other] } else { [*other, *one] };
            if seen.insert(pair.map(|r| &r.path)) {
                pairs.push(pair);
            }
        }
    }
    pairs
}

impl<'a> Conflict<'a> {
    /// What to do.
    pub fn advice(&self, labels: Labels) -> String {
        let [a, b] = self.files;
        if self.kind == Kind::Exact {
            return match labels {
                Labels::Single => format!("Delete {} or {}: until then it is kept out of training.", a.path, b.path),
                Labels::Multi => "It is learnt with all its classes; delete it where it does not belong.".to_owned(),
            };
        }
        match self.majority {
            Some(class) if a.class() == class || b.class() == class => {
                let wrong = if a.class() == class { b } else { a };
                format!("Most of its look-alikes are in {class}: move {} to photos/{class}/, or delete it.", wrong.path)
            }
            _ => format!(
                "Decide for {} or {}: move {} to photos/{}/, or the other way round, or delete one.",
                a.class(),
                b.class(),
                a.path,
                b.class()
            ),
        }
    }

    /// As the page shows it.
    pub fn card(&self, labels: Labels) -> Card<'a> {
        let found = match self.kind {
            Kind::Exact => "The same file in two classes".to_owned(),
            Kind::Near => {
                format!("Look the same: {}\u{a0}of\u{a0}128 bits differ", self.files[0].distance(self.files[1]))
            }
        };
        let files = self.files.map(|record| Shown { record, note: record.class().to_owned() }).to_vec();
        Card { files, found, advice: self.advice(labels) }
    }
}

/// `conflicts.csv`: one line a pair.
///
/// # Errors
/// As [`table`].
pub fn csv(found: &[Conflict], labels: Labels) -> Result<Vec<u8>, csv::Error> {
    let header = ["kind", "class_a", "path_a", "class_b", "path_b", "digest_a", "digest_b", "bits_apart", "what_to_do"];
    let rows = found.iter().map(|conflict| {
        let [a, b] = conflict.files;
        [
            if conflict.kind == Kind::Exact { "exact" } else { "near" }.to_owned(),
            a.class().to_owned(),
            a.path.clone(),
            b.class().to_owned(),
            b.path.clone(),
            a.digest.clone(),
            b.digest.clone(),
            a.distance(b).to_string(),
            conflict.advice(labels),
        ]
    });
    table(header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find::tests::lines;
    use crate::record::tests::record;

    fn paths<'a>(found: &[Conflict<'a>]) -> Vec<(Kind, &'a str, &'a str)> {
        found.iter().map(|c| (c.kind, &c.files[0].path[7..], &c.files[1].path[7..])).collect()
    }

    #[test]
    fn one_picture_in_two_classes_is_told_once_with_both_paths() {
        let records = [
            record("photos/a/1.jpg", "d1"),
            record("photos/a/1 again.jpg", "d1"),
            record("photos/b/2.jpg", "d1"),
            record("photos/b/3.jpg", "d3"),
        ];
        let found = find(&records);
        assert_eq!(paths(&found), [(Kind::Exact, "a/1.jpg", "b/2.jpg")]);
        assert!(found[0].advice(Labels::Single).contains("kept out of training"));
        assert!(found[0].advice(Labels::Multi).contains("learnt with all its classes"));
        let lines = lines(csv(&found, Labels::Single));
        assert_eq!(lines[1][..5], ["exact", "a", "photos/a/1.jpg", "b", "photos/b/2.jpg"]);
    }

    #[test]
    fn look_alikes_in_two_classes_go_with_the_majority() {
        let mut records =
            [record("photos/a/1.jpg", "d1/g"), record("photos/a/2.jpg", "d2/g"), record("photos/b/3.jpg", "d3/g")];
        records[1].hashes = [0b111, 0];
        records[2].hashes = [0b011, 0];
        let found = find(&records);
        assert_eq!(paths(&found), [(Kind::Near, "a/2.jpg", "b/3.jpg"), (Kind::Near, "a/1.jpg", "b/3.jpg")]);
        assert!(found[0].advice(Labels::Single).contains("move photos/b/3.jpg to photos/a/"));
        assert!(find(&records[1..]).iter().all(|c| c.advice(Labels::Single).starts_with("Decide")));
    }
}
