//! The data set file by file, for those who look at it: conflicts and unlabelled files included.

use crate::error::DatasetError;
use arrow::array::{Float32Array, Int64Array, StringArray, UInt32Array, UInt64Array};
use plugin_api::edges::{BatchHeader, Demand, Records};
use plugin_api::{Header, Labels, Selection};
use plugin_catalog::{Reader, Record};
use std::collections::BTreeSet;

/// Rows of a message at most, however many are asked for: 16,384 with paths of 200 bytes are 8 MB.
const MOST_ROWS: u32 = 16_384;

/// Answers one row of a demand, message by message. The header: `session` the asker, `seq` the index of the message, `fin`
/// on the last, [`BatchHeader`] and [`Labels`]. No file at all is one message without rows.
/// `reviewed`: samples of which a person has said that they are right where they are.
///
/// # Errors
/// The catalog's, or those of `send`.
pub fn answer(
    demand: &Demand,
    row: usize,
    catalog: &Reader,
    labels: Labels,
    reviewed: &BTreeSet<String>,
    mut send: impl FnMut(&Header, Records) -> Result<(), DatasetError>,
) -> Result<(), DatasetError> {
    let split = demand.split.value(row);
    if Selection::parse(split) != Some(Selection::Records) {
        tracing::error!(split, accepted = %Selection::Records, "a demand for records of a split");
        return Ok(());
    }
    let version = demand.version.value(row);
    let size = u64::from(demand.batch_size.value(row).clamp(1, MOST_ROWS));
    let messages = catalog.record_count(version)?.div_ceil(size).max(1);
    let first = demand.first.value(row);
    let end = messages.min(first.saturating_add(demand.count.value(row)));
    let of = BatchHeader {
        version,
        epoch: demand.epoch.value(row),
        seed: demand.seed.value(row),
        split: Selection::Records,
        withheld: demand.withheld.value(row).to_owned(),
        decisions: demand.decisions.value(row),
        held_below: demand.held_below.value(row).to_owned(),
        batches: messages,
        classes: Vec::new(),
        near_copies: Vec::new(),
    };
    for index in first..end {
        let found = catalog.records(version, index * size, size)?;
        let header = Header::new(demand.run.value(row), index).fin(index + 1 == messages);
        send(&header.with(&of).with(&labels), message(&found, reviewed))?;
    }
    Ok(())
}

fn message(rows: &[Record], reviewed: &BTreeSet<String>) -> Records {
    let text = |f: fn(&Record) -> &str| StringArray::from_iter_values(rows.iter().map(f));
    let hash = |f: fn(&Record) -> u64| rows.iter().map(f).collect::<UInt64Array>();
    let score = |f: fn(&Record) -> f32| rows.iter().map(f).collect::<Float32Array>();
    Records {
        path: text(|r| &r.file.path),
        label: rows.iter().map(|r| r.file.label.as_deref()).collect(),
        digest: text(|r| &r.file.digest),
        pixel_digest: text(|r| r.image.sample()),
        modified_ns: rows.iter().map(|r| r.file.modified_ns).collect::<Int64Array>(),
        size_bytes: rows.iter().map(|r| r.file.size_bytes).collect::<UInt64Array>(),
        group: text(|r| &r.image.group),
        split: text(|r| r.image.split.name()),
        ahash: hash(|r| r.image.hashes.ahash),
        dhash: hash(|r| r.image.hashes.dhash),
        phash: hash(|r| r.image.hashes.phash),
        whash: hash(|r| r.image.hashes.whash),
        width: rows.iter().map(|r| r.image.source.0).collect::<UInt32Array>(),
        height: rows.iter().map(|r| r.image.source.1).collect::<UInt32Array>(),
        dark: score(|r| r.image.scores.dark),
        bright: score(|r| r.image.scores.bright),
        blur: score(|r| r.image.scores.blur),
        information: score(|r| r.image.scores.information),
        reviewed: rows.iter().map(|r| Some(reviewed.contains(r.image.sample()))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::{Edge as _, Split, Workspace};
    use plugin_catalog::{Image, fixture};
    use plugin_hash::Hashes;

    /// Seven files, one of them unlabelled, one image in two classes; then one more at a later version.
    fn catalog() -> (tempfile::TempDir, Reader, u64) {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let fill = |files: &[(&str, &str)]| {
            let hashes = Hashes { ahash: 1, dhash: 2, phash: u64::MAX, whash: 4 };
            let scores = plugin_check::Scores { dark: 0.25, bright: f32::NAN, blur: 0.5, information: 1.0 };
            let (group, pixel_digest) = ("g".to_owned(), Some("pixels".to_owned()));
            let rest = fixture::image("");
            let image = Image { hashes, scores, source: (40, 30), group, split: Split::Test, pixel_digest, ..rest };
            let image = |digest: &str| Image { digest: digest.to_owned(), ..image.clone() };
            let files: Vec<_> = files.iter().map(|(path, d)| (fixture::file(path, d), image(d))).collect();
            fixture::add(&workspace, &files).unwrap()
        };
        let version = fill(&[
            ("photos/b/2.jpg", "d1"),
            ("photos/a/1.jpg", "d1"),
            ("photos/3.jpg", "d3"),
            ("photos/a/4.jpg", "d4"),
            ("photos/a/5.jpg", "d5"),
            ("photos/a/6.jpg", "d6"),
            ("photos/a/7.jpg", "d7"),
        ]);
        fill(&[("photos/a/0.jpg", "d0")]);
        (folder, Reader::open(&workspace).unwrap().unwrap(), version)
    }

    fn ask(catalog: &Reader, version: u64, size: u32, first: u64, count: u64) -> Vec<(Header, Records)> {
        let demand = Demand {
            run: vec!["inspect"].into(),
            version: vec![version].into(),
            epoch: vec![0].into(),
            seed: vec![0].into(),
            split: vec![Selection::Records.to_string()].into(),
            batch_size: vec![size].into(),
            first: vec![first].into(),
            count: vec![count].into(),
            withheld: vec![""].into(),
            decisions: vec![false].into(),
            held_below: vec![""].into(),
        };
        let reviewed = BTreeSet::from(["pixels".to_owned()]);
        let mut sent = Vec::new();
        answer(&demand, 0, catalog, Labels::Single, &reviewed, |header, rows| {
            sent.push((header.clone(), rows));
            Ok(())
        })
        .unwrap();
        sent
    }

    fn paths(sent: &[(Header, Records)]) -> Vec<String> {
        sent.iter().flat_map(|(_, r)| r.path.iter().flatten().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn files_of_a_version_come_once_by_path() {
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
        let header = &sent[0].0;
        assert_eq!((header.get::<BatchHeader>().unwrap().version, Labels::of(header).name()), (version, "single"));
    }

    #[test]
    fn a_record_holds_what_the_catalog_does() {
        let (_folder, catalog, version) = catalog();
        let sent = ask(&catalog, version, 100, 0, 1);
        let (_, rows) = &sent[0];
        assert_eq!((rows.label.value(1), rows.digest.value(1), rows.group.value(1)), ("a", "d1", "g"));
        assert!(rows.label.iter().next().unwrap().is_none(), "an unlabelled file");
        assert_eq!((rows.phash.value(0), rows.width.value(0), rows.size_bytes.value(0)), (u64::MAX, 40, 10));
        assert_eq!((rows.pixel_digest.value(0), rows.reviewed.value(0), rows.split.value(0)), ("pixels", true, "test"));
        assert!(rows.dark.value(0) == 0.25 && rows.bright.value(0).is_nan() && rows.information.value(0) == 1.0);
    }

    #[test]
    fn no_file_is_one_message_without_rows() {
        let folder = tempfile::tempdir().unwrap();
        let catalog = plugin_catalog::Writer::open_file(folder.path().join("c.sqlite")).unwrap();
        let sent = ask(catalog.read(), 0, 10, 0, 5);
        assert_eq!((sent.len(), sent[0].0.fin, sent[0].1.rows()), (1, true, 0));
    }
}
