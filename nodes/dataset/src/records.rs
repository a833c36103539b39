//! The data set file by file, for those who look at it: conflicts and unlabelled files included.

use crate::catalog::{Catalog, Record};
use crate::error::DatasetError;
use arrow::array::{Float32Array, Int64Array, StringArray, UInt32Array, UInt64Array};
use plugin_api::edges::{Demand, Records};
use plugin_api::{Labels, Tag};

/// The split a demand names to get records.
pub const SPLIT: &str = "records";
/// Rows of a message at most, however many are asked for: 16,384 with paths of 200 bytes are 8 MB.
const MOST_ROWS: u32 = 16_384;

/// Answers one row of a demand, message by message. The tag: `session` the asker, `seq` the index of the message, `fin`
/// on the last, `version`, `batches` (how many there are) and `labels`. No file at all is one message without rows.
///
/// # Errors
/// The catalog's, or those of `send`.
pub fn answer(
    demand: &Demand,
    row: usize,
    catalog: &Catalog,
    labels: Labels,
    mut send: impl FnMut(&Tag, Records) -> Result<(), DatasetError>,
) -> Result<(), DatasetError> {
    let split = demand.split.value(row);
    if split != SPLIT {
        tracing::error!(split, accepted = SPLIT, "a demand for records of a split");
        return Ok(());
    }
    let version = demand.version.value(row);
    let size = u64::from(demand.batch_size.value(row).clamp(1, MOST_ROWS));
    let messages = catalog.record_count(version)?.div_ceil(size).max(1);
    let first = demand.first.value(row);
    let end = messages.min(first.saturating_add(demand.count.value(row)));
    for index in first..end {
        let found = catalog.records(version, index * size, size)?;
        let tag = Tag::new(demand.run.value(row), index)
            .fin(index + 1 == messages)
            .with("version", version)
            .with("batches", messages)
            .with("labels", labels);
        send(&tag, message(&found))?;
    }
    Ok(())
}

fn message(rows: &[Record]) -> Records {
    let text = |f: fn(&Record) -> &str| StringArray::from_iter_values(rows.iter().map(f));
    let hash = |at: usize| rows.iter().map(|r| r.picture.hashes[at]).collect::<UInt64Array>();
    let score = |at: usize| rows.iter().map(|r| r.picture.scores[at]).collect::<Float32Array>();
    Records {
        path: text(|r| &r.path),
        label: rows.iter().map(|r| r.label.as_deref()).collect(),
        digest: text(|r| &r.picture.digest),
        pixel_digest: text(|r| &r.picture.digest),
        modified_ns: rows.iter().map(|r| r.modified_ns).collect::<Int64Array>(),
        size_bytes: rows.iter().map(|r| r.size_bytes).collect::<UInt64Array>(),
        group: text(|r| &r.picture.group),
        split: text(|r| &r.picture.split),
        ahash: hash(0),
        dhash: hash(1),
        phash: hash(2),
        whash: hash(3),
        width: rows.iter().map(|r| r.picture.source.0).collect::<UInt32Array>(),
        height: rows.iter().map(|r| r.picture.source.1).collect::<UInt32Array>(),
        dark: score(0),
        bright: score(1),
        blur: score(2),
        information: score(3),
        reviewed: rows.iter().map(|_| Some(false)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{Picture, Placement};
    use plugin_api::Edge as _;

    /// Seven files, one of them unlabelled, one picture in two classes; then one more at a later version.
    fn catalog() -> (tempfile::TempDir, Catalog, u64) {
        let folder = tempfile::tempdir().unwrap();
        let mut catalog = Catalog::open(&folder.path().join("catalog.sqlite")).unwrap();
        let mut fill = |files: &[(&str, Option<&str>, &str)]| {
            let mut change = catalog.change().unwrap();
            for (path, label, digest) in files {
                let picture = Picture {
                    digest: (*digest).to_owned(),
                    hashes: [1, 2, u64::MAX, 4],
                    source: (40, 30),
                    scores: [0.25, f32::NAN, 0.5, 1.0],
                    group: "g".to_owned(),
                    split: "test".to_owned(),
                };
                change.add_picture(&picture).unwrap();
                let file = Placement {
                    path: (*path).to_owned(),
                    label: label.map(str::to_owned),
                    digest: (*digest).to_owned(),
                    modified_ns: -5,
                    size_bytes: 77,
                };
                change.place(&file).unwrap();
            }
            change.commit().unwrap()
        };
        let version = fill(&[
            ("photos/b/2.jpg", Some("b"), "d1"),
            ("photos/a/1.jpg", Some("a"), "d1"),
            ("photos/3.jpg", None, "d3"),
            ("photos/a/4.jpg", Some("a"), "d4"),
            ("photos/a/5.jpg", Some("a"), "d5"),
            ("photos/a/6.jpg", Some("a"), "d6"),
            ("photos/a/7.jpg", Some("a"), "d7"),
        ]);
        fill(&[("photos/a/0.jpg", Some("a"), "d0")]);
        (folder, catalog, version)
    }

    fn ask(catalog: &Catalog, version: u64, size: u32, first: u64, count: u64) -> Vec<(Tag, Records)> {
        let demand = Demand {
            run: vec!["inspect"].into(),
            version: vec![version].into(),
            epoch: vec![0].into(),
            seed: vec![0].into(),
            split: vec![SPLIT].into(),
            batch_size: vec![size].into(),
            first: vec![first].into(),
            count: vec![count].into(),
            withheld: vec![""].into(),
        };
        let mut sent = Vec::new();
        answer(&demand, 0, catalog, Labels::Single, |tag, rows| {
            sent.push((tag.clone(), rows));
            Ok(())
        })
        .unwrap();
        sent
    }

    fn paths(sent: &[(Tag, Records)]) -> Vec<String> {
        sent.iter().flat_map(|(_, r)| r.path.iter().flatten().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn every_file_of_the_version_comes_once_by_path_in_messages_that_can_be_asked_for_again() {
        let (_folder, catalog, version) = catalog();
        let sent = ask(&catalog, version, 3, 0, 99);
        assert_eq!(
            sent.iter().map(|(t, r)| (t.seq, t.fin, r.rows())).collect::<Vec<_>>(),
            [(0, false, 3), (1, false, 3), (2, true, 1)]
        );
        let all = paths(&sent);
        assert!(all.is_sorted() && all.len() == 7 && !all.contains(&"photos/a/0.jpg".to_owned()), "{all:?}");
        assert_eq!(paths(&ask(&catalog, version, 3, 1, 1)), all[3..6]);
        assert_eq!(paths(&ask(&catalog, version, 3, 2, 9)), all[6..]);
        assert!(ask(&catalog, version, 3, 3, 9).is_empty(), "beyond the end");
        assert_eq!(paths(&ask(&catalog, version + 1, 100, 0, 1)).len(), 8);
        assert_eq!((sent[0].0.number("version"), sent[0].0.text("labels")), (Some(version), "single"));
    }

    #[test]
    fn a_record_holds_what_the_catalog_does() {
        let (_folder, catalog, version) = catalog();
        let sent = ask(&catalog, version, 100, 0, 1);
        let (_, rows) = &sent[0];
        assert_eq!((rows.label.value(1), rows.digest.value(1), rows.group.value(1)), ("a", "d1", "g"));
        assert!(rows.label.iter().next().unwrap().is_none(), "an unlabelled file");
        assert_eq!((rows.phash.value(0), rows.width.value(0), rows.size_bytes.value(0)), (u64::MAX, 40, 77));
        assert!(rows.dark.value(0) == 0.25 && rows.bright.value(0).is_nan() && rows.information.value(0) == 1.0);
    }

    #[test]
    fn no_file_is_one_message_without_rows() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Catalog::open(&folder.path().join("catalog.sqlite")).unwrap();
        let sent = ask(&catalog, 0, 10, 0, 5);
        assert_eq!((sent.len(), sent[0].0.fin, sent[0].1.rows()), (1, true, 0));
    }
}
