//! The stage on real files.

use super::*;
use arrow::array::{Array, ArrayRef, Int64Array};
use plugin_api::FileVersion;
use std::path::Path;
use std::sync::Arc;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/odd").join(name)).unwrap()
}

fn batch(names: &[&str]) -> EncodedImages {
    EncodedImages {
        path: StringArray::from_iter_values(names),
        label: names.iter().map(|n| n.starts_with("good").then_some("cats")).collect(),
        split: names.iter().map(|n| n.contains("blobs").then_some("test")).collect(),
        modified_ns: Int64Array::from_iter_values((0..names.len()).map(|i| i as i64 * 10)),
        changed_ns: Int64Array::from_iter_values((0..names.len()).map(|i| i as i64 * 11)),
        inode: UInt64Array::from_iter_values((0..names.len()).map(|i| i as u64 + 5)),
        size_bytes: UInt64Array::from_iter_values(names.iter().map(|n| fixture(n).len() as u64)),
        data: LargeBinaryArray::from_iter_values(names.iter().map(|n| fixture(n))),
    }
}

fn home() -> (tempfile::TempDir, Home) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::create(folder.path()).unwrap();
    (folder, home)
}

fn stage(limits: Limits, decode: Decoding) -> HashStage {
    HashStage { limits, decode, home: home().1 }
}

fn process(limits: Limits, names: &[&str]) -> Answer<HashedImages> {
    stage(limits, Decoding::Fast).process(&Tag::new("s", 0), batch(names))
}

#[test]
fn good_rows_keep_their_order_and_bad_ones_leave_with_a_reason() {
    let names =
        ["bad/empty.jpg", "good/blobs.png", "bad/cut.jpg", "good/orientation-6.jpg", "bad/photo.heic", "bad/bomb.png"];
    let answer = process(Limits::default(), &names);
    let out = &answer.out;
    assert_eq!(out.path, StringArray::from(vec!["good/blobs.png", "good/orientation-6.jpg"]));
    assert_eq!(out.label, StringArray::from(vec!["cats", "cats"]));
    assert_eq!(out.modified_ns, Int64Array::from(vec![10, 30]));
    assert_eq!(out.split, StringArray::from(vec![Some("test"), None]));
    assert_eq!((out.changed_ns.value(1), out.inode.value(1)), (33, 8));
    assert_eq!(out.data.value(1), fixture("good/orientation-6.jpg"));
    assert_eq!(out.digest.value(0), digest(&fixture("good/blobs.png")));
    // 48 × 32 pixels in the file, upright 32 × 48.
    assert_eq!((out.width.value(1), out.height.value(1)), (32, 48));
    let rejects: Vec<(&str, &str)> = answer.rejects.iter().map(|r| (r.path.as_str(), r.reason.as_str())).collect();
    let expected = [
        ("bad/empty.jpg", "empty"),
        ("bad/cut.jpg", "truncated"),
        ("bad/photo.heic", "corrupt"),
        ("bad/bomb.png", "too_large"),
    ];
    assert_eq!(rejects, expected);
    assert!(answer.rejects[2].detail.contains("HEIC"));
}

#[test]
fn the_hashes_are_imagehashs() {
    let table: serde_json::Value = serde_json::from_slice(&fixture("good.json")).unwrap();
    let out = process(Limits::default(), &["good/blobs.png"]).out;
    for (name, column) in [("ahash", &out.ahash), ("dhash", &out.dhash), ("phash", &out.phash), ("whash", &out.whash)] {
        assert_eq!(format!("{:016x}", column.value(0)), table["blobs.png"]["hashes"][name], "{name}");
    }
}

#[test]
fn fast_and_exact_say_the_same_of_size_and_refusal() {
    let names =
        ["good/orientation-6.jpg", "good/blobs.png", "bad/cut.jpg", "good/progressive.jpg", "bad/cut-progressive.jpg"];
    let process = |decode| stage(Limits::default(), decode).process(&Tag::new("s", 0), batch(&names));
    let (fast, exact) = (process(Decoding::Fast), process(Decoding::Exact));
    assert_eq!((&fast.out.width, &fast.out.height), (&exact.out.width, &exact.out.height));
    let reasons = |answer: &Answer<HashedImages>| answer.rejects.iter().map(|r| r.reason.clone()).collect::<Vec<_>>();
    assert_eq!((reasons(&fast), fast.out.rows()), (reasons(&exact), 3));
}

#[test]
fn limits_are_the_configs() {
    let limits = Limits { max_pixels: 100, ..Limits::default() };
    let answer = process(limits, &["good/plain.png"]);
    assert_eq!((answer.out.rows(), answer.rejects[0].reason.as_str()), (0, "too_large"));
}

#[test]
fn an_empty_message_is_answered_with_an_empty_message() {
    let answer = process(Limits::default(), &[]);
    assert_eq!((answer.out.rows(), answer.rejects.len()), (0, 0));
    let array: ArrayRef = Arc::new(answer.out.into_array());
    assert_eq!(HashedImages::from_array(&array).unwrap().rows(), 0);
}

#[test]
fn when_all_is_well_the_files_are_not_copied() {
    let input = batch(&["good/plain.png", "good/baseline.jpg"]);
    let bytes = input.data.value_data().as_ptr();
    let out = stage(Limits::default(), Decoding::Exact).process(&Tag::new("s", 0), input).out;
    assert_eq!((out.data.value_data().as_ptr(), out.data.len()), (bytes, 2));
}

#[test]
fn files_by_reference_hash_as_files_in_messages() {
    let (_folder, home) = home();
    let names = ["good/plain.png", "good/baseline.jpg", "good/blobs.png"];
    std::fs::create_dir(home.root().join("good")).unwrap();
    let mut by_reference = batch(&names);
    let mut versions = Vec::new();
    for name in names {
        std::fs::write(home.root().join(name), fixture(name)).unwrap();
        versions.push(FileVersion::from(&std::fs::metadata(home.root().join(name)).unwrap()));
    }
    by_reference.modified_ns = Int64Array::from_iter_values(versions.iter().map(|v| v.modified_ns));
    by_reference.changed_ns = Int64Array::from_iter_values(versions.iter().map(|v| v.changed_ns));
    by_reference.inode = UInt64Array::from_iter_values(versions.iter().map(|v| v.inode));
    by_reference.data = LargeBinaryArray::from_iter_values(names.map(|_| b""));
    // Written to after `watch` saw it.
    std::fs::write(home.root().join("good/blobs.png"), b"shorter").unwrap();

    let mut stage = HashStage { limits: Limits::default(), decode: Decoding::Fast, home };
    let Answer { out, rejects } = stage.process(&Tag::new("s", 0), by_reference);
    let inline = process(Limits::default(), &names[..2]).out;
    assert_eq!((&out.digest, &out.phash), (&inline.digest, &inline.phash));
    assert_eq!(
        (out.data.value(0).len(), out.size_bytes.value(0)),
        (0, versions[0].size_bytes),
        "handed on by reference"
    );
    let rejects: Vec<(&str, &str)> = rejects.iter().map(|r| (r.path.as_str(), r.reason.as_str())).collect();
    assert_eq!(rejects, [("good/blobs.png", "changed")]);
}

#[test]
fn options_are_checked() {
    use clap::Parser;
    assert!(Config::try_parse_from(["hash", "--home", "x", "--max-pixels", "1000"]).is_ok());
    let error = Config::try_parse_from(["hash", "--decode", "some"]).unwrap_err().to_string();
    assert!(error.contains("some") && error.contains("fast") && error.contains("exact"), "{error}");
    let error = Config::try_parse_from(["hash", "--max-pixel", "1"]).unwrap_err().to_string();
    assert!(error.contains("--max-pixel"), "{error}");
    let error = Config::try_parse_from(["hash", "--max-bytes", "-1"]).unwrap_err().to_string();
    assert!(error.contains("-1"), "{error}");
}
