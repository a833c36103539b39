//! The stage on real files.

use super::*;
use arrow::array::{ArrayRef, UInt64Array};
use clap::Parser;
use std::path::Path;
use std::sync::Arc;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/odd").join(name)).unwrap()
}

fn batch(names: &[&str]) -> HashedImages {
    let files: Vec<Vec<u8>> = names.iter().map(|n| fixture(n)).collect();
    let counted = |from: u64| UInt64Array::from_iter_values((0..names.len() as u64).map(|i| i + from));
    let sizes = |from: u32| UInt32Array::from_iter_values((0..names.len() as u32).map(|i| i + from));
    HashedImages {
        path: StringArray::from_iter_values(names),
        label: names.iter().map(|n| n.starts_with("good").then_some("cats")).collect(),
        split: names.iter().map(|_| None::<&str>).collect(),
        modified_ns: Int64Array::from_iter_values((0..names.len()).map(|i| i as i64)),
        changed_ns: Int64Array::from_iter_values((0..names.len()).map(|i| i as i64)),
        inode: counted(7),
        size_bytes: UInt64Array::from_iter_values(files.iter().map(|f| f.len() as u64)),
        digest: StringArray::from_iter_values(files.iter().map(|f| plugin_hash::digest(f))),
        data: LargeBinaryArray::from_iter_values(&files),
        ahash: counted(100),
        dhash: counted(200),
        phash: counted(300),
        whash: counted(400),
        width: sizes(10),
        height: sizes(20),
    }
}

fn stage(args: &[&str]) -> ResizeStage {
    let config = Config::parse_from([&["resize"], args].concat());
    let folder = tempfile::tempdir().unwrap();
    let home = Home::create(folder.path()).unwrap();
    ResizeStage { resize: config.resize, limits: config.limits, home }
}

#[test]
fn rows_keep_their_columns_and_order() {
    let names = ["good/baseline.jpg", "bad/page.jpg", "good/alpha.webp", "bad/cut.png", "good/grey.jpg"];
    let answer = stage(&["--size", "32"]).process(&Tag::new("s", 0), batch(&names));
    let out = answer.out;
    assert_eq!(out.path, StringArray::from(vec!["good/baseline.jpg", "good/alpha.webp", "good/grey.jpg"]));
    assert_eq!(out.ahash, UInt64Array::from(vec![100, 102, 104]));
    assert_eq!(out.whash, UInt64Array::from(vec![400, 402, 404]));
    assert_eq!(out.source_width, UInt32Array::from(vec![10, 12, 14]));
    assert_eq!(out.source_height, UInt32Array::from(vec![20, 22, 24]));
    assert_eq!(out.size_bytes.value(1), fixture("good/alpha.webp").len() as u64);
    assert_eq!(out.digest.value(2), plugin_hash::digest(&fixture("good/grey.jpg")));
    assert_eq!((out.width.value(0), out.height.value(0), out.channels.value(0)), (32, 32, 3));
    assert!((0..3).all(|row| out.pixels.value(row).len() == 32 * 32 * 3));
    for row in 0..3 {
        let picture = decode(&fixture(out.path.value(row)), &Limits::default()).unwrap();
        let scores = scores(picture.width, picture.height, &picture.pixels).unwrap();
        assert_eq!(out.dark.value(row), scores.dark);
        assert_eq!(out.bright.value(row), scores.bright);
        assert_eq!(out.blur.value(row), scores.blur);
        assert_eq!(out.information.value(row), scores.information);
    }
    let reasons: Vec<&str> = answer.rejects.iter().map(|r| r.reason.as_str()).collect();
    assert_eq!(reasons, ["not_an_image", "truncated"]);
}

#[test]
fn the_mode_decides_what_is_in_the_corner() {
    // 48 × 32: red above left.
    let corner = |mode: &str| {
        let out = stage(&["--size", "24", "--mode", mode]).process(&Tag::new("s", 0), batch(&["good/plain.bmp"])).out;
        <[u8; 3]>::try_from(&out.pixels.value(0)[..3]).unwrap()
    };
    assert_eq!((corner("stretch"), corner("crop"), corner("pad")), ([220, 30, 40], [220, 30, 40], [255, 255, 255]));
}

#[test]
fn views_are_of_the_whole_picture_whatever_the_options_are() {
    let views = |args: &[&str]| {
        let out = stage(args).process(&Tag::new("s", 0), batch(&["good/plain.bmp", "good/orientation-6.jpg"])).out;
        [0, 1].map(|row| Views::from_bytes(out.views.value(row)).unwrap())
    };
    let usual = views(&["--size", "64", "--mode", "stretch"]);
    assert!(usual[0] != usual[1] && usual[1].plain.structure() > 0);
    for args in
        [["--size", "32", "--mode", "stretch"], ["--size", "64", "--mode", "crop"], ["--size", "96", "--mode", "pad"]]
    {
        assert_eq!(views(&args), usual, "{args:?}");
    }
}

#[test]
fn an_empty_message_is_answered_with_an_empty_message() {
    let answer = stage(&[]).process(&Tag::new("s", 0), batch(&[]));
    assert_eq!(answer.rejects.len(), 0);
    let array: ArrayRef = Arc::new(answer.out.into_array());
    assert_eq!(Pixels::from_array(&array).unwrap().rows(), 0);
}

#[test]
fn options_are_checked() {
    for (args, says) in
        [(["--size", "8"], "16..=512"), (["--mode", "zoom"], "stretch, crop, pad"), (["--max-pixels", "0"], "1..=")]
    {
        let error = Config::try_parse_from([&["resize"], &args[..]].concat()).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains(args[0]) && error.contains(args[1]), "{error}");
    }
}

#[test]
fn a_file_by_reference_is_read_where_it_lies() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::create(folder.path()).unwrap();
    std::fs::create_dir(home.root().join("good")).unwrap();
    let name = "good/baseline.jpg";
    std::fs::write(home.root().join(name), fixture(name)).unwrap();
    let version = plugin_api::FileVersion::from(&std::fs::metadata(home.root().join(name)).unwrap());
    let mut by_reference = batch(&[name]);
    by_reference.modified_ns = vec![version.modified_ns].into();
    by_reference.changed_ns = vec![version.changed_ns].into();
    by_reference.inode = vec![version.inode].into();
    by_reference.data = LargeBinaryArray::from_iter_values([b""]);
    let inline = stage(&["--size", "32"]).process(&Tag::new("s", 0), batch(&[name])).out;
    let mut stage = ResizeStage { home, ..stage(&["--size", "32"]) };
    let out = stage.process(&Tag::new("s", 0), by_reference).out;
    assert_eq!((&out.pixels, &out.pixel_digest), (&inline.pixels, &inline.pixel_digest));
}
