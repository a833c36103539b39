//! The stage on real images.

use super::*;
use arrow::array::{ArrayRef, Int64Array, LargeBinaryArray, StringArray, UInt32Array, UInt64Array};
use plugin_api::edges::{DecodedImages, HashedImages};
use plugin_api::{Edge, FileVersion, Header, Workspace};
use plugin_check::scores;
use plugin_decode::{Reduced, Scale, decode_scaled};
use plugin_harness::{Answer, Stage};
use plugin_hash::{Views, digest};
use std::path::Path;
use std::sync::Arc;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/odd").join(name)).unwrap()
}

/// The fixtures as `decode` sends them, laid into a workspace.
fn batch(workspace: &Workspace, names: &[&str]) -> DecodedImages {
    let mut versions = Vec::new();
    for name in names {
        let path = workspace.root().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, fixture(name)).unwrap();
        versions.push(FileVersion::from(&std::fs::metadata(&path).unwrap()));
    }
    let rasters: Vec<Reduced> =
        names.iter().map(|name| decode_scaled(&fixture(name), &Limits::default(), Scale::default()).unwrap()).collect();
    let number = |of: fn(&Reduced) -> u32| UInt32Array::from_iter_values(rasters.iter().map(of));
    DecodedImages {
        path: StringArray::from_iter_values(names),
        label: names.iter().map(|name| (!name.contains("plain")).then_some("cats")).collect(),
        split: names.iter().map(|name| name.contains("blobs").then_some("test")).collect(),
        modified_ns: Int64Array::from_iter_values(versions.iter().map(|version| version.modified_ns)),
        changed_ns: Int64Array::from_iter_values(versions.iter().map(|version| version.changed_ns)),
        inode: UInt64Array::from_iter_values(versions.iter().map(|version| version.inode)),
        size_bytes: UInt64Array::from_iter_values(versions.iter().map(|version| version.size_bytes)),
        digest: StringArray::from_iter_values(names.iter().map(|name| digest(&fixture(name)))),
        pixel_digest: StringArray::from_iter_values(names),
        captured_ms: Int64Array::from_iter_values((0..names.len()).map(|row| row as i64)),
        source_width: number(|raster| raster.source_width),
        source_height: number(|raster| raster.source_height),
        width: number(|raster| raster.image.width),
        height: number(|raster| raster.image.height),
        raster: LargeBinaryArray::from_iter_values(rasters.iter().map(|raster| &raster.image.pixels)),
    }
}

fn workspace() -> (tempfile::TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(folder.path()).unwrap();
    (folder, workspace)
}

fn stage(workspace: &Workspace, args: &[&str]) -> HashStage {
    let config = <Config as clap::Parser>::parse_from([&["hash"], args].concat());
    HashStage { limits: config.limits, decode: config.decode, workspace: workspace.clone() }
}

fn process(args: &[&str], names: &[&str]) -> Answer<HashedImages> {
    let (_folder, workspace) = workspace();
    let batch = batch(&workspace, names);
    stage(&workspace, args).process(&Header::new("s", 0), batch)
}

const NAMES: [&str; 3] = ["good/plain.png", "good/blobs.png", "good/orientation-6.jpg"];

#[test]
fn rows_keep_their_columns_and_order() {
    let (_folder, workspace) = workspace();
    let input = batch(&workspace, &NAMES);
    let Answer { out, rejects } = stage(&workspace, &[]).process(&Header::new("s", 0), input.clone());
    assert_eq!((out.rows(), rejects.len()), (3, 0));
    assert_eq!((&out.path, &out.label, &out.split), (&input.path, &input.label, &input.split));
    assert_eq!(
        (&out.digest, &out.pixel_digest, &out.captured_ms),
        (&input.digest, &input.pixel_digest, &input.captured_ms)
    );
    assert_eq!((&out.modified_ns, &out.changed_ns, &out.inode), (&input.modified_ns, &input.changed_ns, &input.inode));
    // 48 × 32 pixels in the file, upright 32 × 48.
    assert_eq!((out.source_width.value(2), out.height.value(2)), (32, 48));
    assert_eq!(out.raster.value_data().as_ptr(), input.raster.value_data().as_ptr(), "rasters are not copied");
    for row in 0..3 {
        let scores = scores(out.width.value(row), out.height.value(row), out.raster.value(row)).unwrap();
        let found = [&out.dark, &out.bright, &out.blur, &out.information].map(|column| column.value(row));
        assert_eq!(found, [scores.dark, scores.bright, scores.blur, scores.information]);
    }
}

#[test]
fn a_raster_of_another_length_is_refused_alone() {
    let (_folder, workspace) = workspace();
    let mut input = batch(&workspace, &NAMES);
    input.width = vec![9999, input.width.value(1), input.width.value(2)].into();
    let answer = stage(&workspace, &[]).process(&Header::new("s", 0), input);
    assert_eq!((answer.out.rows(), answer.rejects.len()), (2, 1));
    assert_eq!((answer.rejects[0].path.as_str(), answer.rejects[0].reason.name()), (NAMES[0], "not_resized"));
}

#[test]
fn signatures_differ_as_images_do() {
    let out = process(&[], &NAMES).out;
    let views = [0, 1, 2].map(|row| Views::from_bytes(out.signature.value(row)).unwrap());
    assert!(views[1] != views[2] && views[1].plain.structure() > 0);
}

#[test]
fn the_hashes_are_imagehashs() {
    let table: serde_json::Value = serde_json::from_slice(&fixture("good.json")).unwrap();
    for args in [&[][..], &["--decode", "exact"]] {
        let out = process(args, &["good/blobs.png"]).out;
        for (name, column) in
            [("ahash", &out.ahash), ("dhash", &out.dhash), ("phash", &out.phash), ("whash", &out.whash)]
        {
            assert_eq!(format!("{:016x}", column.value(0)), table["blobs.png"]["hashes"][name], "{name} {args:?}");
        }
    }
}

#[test]
fn exact_hashes_are_of_the_whole_image() {
    let (_folder, workspace) = workspace();
    // What `decode` sent is not looked at.
    let mut input = batch(&workspace, &["good/blobs.png"]);
    let grey = vec![90; input.raster.value(0).len()];
    input.raster = LargeBinaryArray::from_iter_values([grey]);
    let exact = stage(&workspace, &["--decode", "exact"]).process(&Header::new("s", 0), input.clone()).out;
    assert_eq!(exact.phash, process(&[], &["good/blobs.png"]).out.phash);
    // The file is another by now.
    std::fs::write(workspace.root().join("good/blobs.png"), b"shorter").unwrap();
    let answer = stage(&workspace, &["--decode", "exact"]).process(&Header::new("s", 0), input);
    assert_eq!(answer.rejects[0].reason.name(), "changed");
}

#[test]
fn an_empty_message_is_answered_with_an_empty_message() {
    let answer = process(&[], &[]);
    assert_eq!((answer.out.rows(), answer.rejects.len()), (0, 0));
    let array: ArrayRef = Arc::new(answer.out.into_array());
    assert_eq!(HashedImages::from_array(&array).unwrap().rows(), 0);
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
