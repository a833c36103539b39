//! The stage on real files, and on one that ends the process.

use super::*;
use crate::stage::{DecodeStage, Decoder};
use arrow::array::{ArrayRef, Int64Array, StringArray, UInt32Array, UInt64Array};
use plugin_api::edges::{DecodedImages, ImageFiles, ImagesHeader};
use plugin_api::{Edge, FileVersion, Header, Workspace};
use plugin_decode::{DecodeError, Reduced};
use plugin_harness::{Answer, Stage};
use plugin_hash::digest;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/odd").join(name)).unwrap()
}

/// Lays the fixtures into a workspace, and names them as `watch` does.
fn batch(workspace: &Workspace, names: &[&str]) -> ImageFiles {
    let mut versions = Vec::new();
    for name in names {
        let path = workspace.root().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        if !path.exists() {
            std::fs::write(&path, fixture(name)).unwrap();
        }
        versions.push(FileVersion::from(&std::fs::metadata(&path).unwrap()));
    }
    ImageFiles {
        path: StringArray::from_iter_values(names),
        label: names.iter().map(|name| name.starts_with("good").then_some("cats")).collect(),
        split: names.iter().map(|name| name.contains("blobs").then_some("test")).collect(),
        modified_ns: Int64Array::from_iter_values(versions.iter().map(|version| version.modified_ns)),
        changed_ns: Int64Array::from_iter_values(versions.iter().map(|version| version.changed_ns)),
        inode: UInt64Array::from_iter_values(versions.iter().map(|version| version.inode)),
        size_bytes: UInt64Array::from_iter_values(versions.iter().map(|version| version.size_bytes)),
    }
}

fn stage(workspace: &Workspace, args: &[&str], decoder: Decoder) -> DecodeStage {
    let config = <Config as clap::Parser>::parse_from([&["decode"], args].concat());
    DecodeStage {
        workspace: workspace.clone(),
        scale: config.scale(),
        limits: config.limits,
        ledger: CrashLedger::open(&workspace.status(), "decode", Duration::from_secs(config.max_seconds)).unwrap(),
        decoder,
    }
}

fn workspace() -> (tempfile::TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(folder.path()).unwrap();
    (folder, workspace)
}

fn process(args: &[&str], names: &[&str]) -> Answer<DecodedImages> {
    let (_folder, workspace) = workspace();
    let batch = batch(&workspace, names);
    stage(&workspace, args, decode_scaled).process(&Header::new("s", 0), batch)
}

#[test]
fn good_rows_keep_their_order_and_bad_ones_leave_with_a_reason() {
    let names =
        ["bad/empty.jpg", "good/blobs.png", "bad/cut.jpg", "good/orientation-6.jpg", "bad/page.jpg", "bad/bomb.png"];
    let answer = process(&[], &names);
    let out = &answer.out;
    assert_eq!(out.path, StringArray::from(vec!["good/blobs.png", "good/orientation-6.jpg"]));
    assert_eq!(out.label, StringArray::from(vec!["cats", "cats"]));
    assert_eq!(out.split, StringArray::from(vec![Some("test"), None]));
    assert_eq!(out.digest.value(0), digest(&fixture("good/blobs.png")));
    // 48 × 32 pixels in the file, upright 32 × 48.
    assert_eq!((out.source_width.value(1), out.source_height.value(1)), (32, 48));
    assert_eq!((out.width.value(1), out.height.value(1), out.raster.value(1).len()), (32, 48, 32 * 48 * 3));
    let rejects: Vec<(&str, &str)> = answer.rejects.iter().map(|r| (r.path.as_str(), r.reason.name())).collect();
    let expected = [
        ("bad/empty.jpg", "empty"),
        ("bad/cut.jpg", "truncated"),
        ("bad/page.jpg", "not_an_image"),
        ("bad/bomb.png", "too_large"),
    ];
    assert_eq!(rejects, expected);
}

#[test]
fn rasters_of_a_full_message_fit_into_it() {
    let (_folder, workspace) = workspace();
    let name = "large.png";
    image(4000, 3000).save(workspace.root().join(name)).unwrap();
    for (size, rows, expected) in [("224", 16, (500, 375)), ("480", 16, (660, 495)), ("480", 4, (1000, 750))] {
        let batch = batch(&workspace, &[name]);
        let header = Header::new("s", 0).with(&ImagesHeader { batch_rows: rows });
        let out = stage(&workspace, &["--size", size], decode_scaled).process(&header, batch).out;
        assert_eq!((out.source_width.value(0), out.source_height.value(0)), (4000, 3000));
        assert_eq!((out.width.value(0), out.height.value(0)), expected, "{size} {rows}");
    }
}

fn image(width: u32, height: u32) -> image::GrayImage {
    image::GrayImage::from_fn(width, height, |x, y| image::Luma([((x / 50 + y / 40) % 256) as u8]))
}

#[test]
fn a_file_written_to_since_it_was_seen_is_changed() {
    let (_folder, workspace) = workspace();
    let batch = batch(&workspace, &["good/plain.png", "good/blobs.png"]);
    std::fs::write(workspace.root().join("good/blobs.png"), b"shorter").unwrap();
    let answer = stage(&workspace, &[], decode_scaled).process(&Header::new("s", 0), batch);
    assert_eq!(answer.out.path, StringArray::from(vec!["good/plain.png"]));
    assert_eq!((answer.rejects[0].path.as_str(), answer.rejects[0].reason.name()), ("good/blobs.png", "changed"));
}

#[test]
fn metadata_changes_the_digest_and_not_the_pixel_digest() {
    let (_folder, workspace) = workspace();
    let mut other = fixture("good/baseline.jpg");
    other.extend_from_slice(b"after the end");
    std::fs::write(workspace.root().join("other.jpg"), &other).unwrap();
    let batch = batch(&workspace, &["good/baseline.jpg", "other.jpg"]);
    let out = stage(&workspace, &[], decode_scaled).process(&Header::new("s", 0), batch).out;
    assert_ne!(out.digest.value(0), out.digest.value(1));
    assert_eq!(out.pixel_digest.value(0), out.pixel_digest.value(1));
}

#[test]
fn an_empty_message_is_answered_with_an_empty_message() {
    let answer = process(&[], &[]);
    assert_eq!((answer.out.rows(), answer.rejects.len()), (0, 0));
    let array: ArrayRef = Arc::new(answer.out.into_array());
    assert_eq!(DecodedImages::from_array(&array).unwrap().rows(), 0);
}

#[test]
fn options_are_checked() {
    use clap::Parser;
    for (flag, value, says) in [
        ("--size", "8", "16..=512"),
        ("--max-pixels", "0", "1..="),
        ("--max-bytes", "-1", "-1"),
        ("--max-seconds", "x", "x"),
    ] {
        let error = Config::try_parse_from(["decode", &format!("{flag}={value}")]).unwrap_err().to_string();
        assert!(error.contains(flag) && error.contains(says), "{error}");
    }
}

#[test]
fn one_size_for_all_nodes_is_enough_and_embeddings_keep_theirs() {
    use clap::Parser;
    for (args, px) in [
        (&["--image-size", "64"][..], Scale::DEFAULT_SIZE_PX),
        (&["--image-size", "448"], 448),
        (&["--image-size", "448", "--size", "64"], 64),
    ] {
        let config = Config::try_parse_from([&["decode"], args].concat()).unwrap();
        assert_eq!(config.scale(), Scale::for_square(px), "{args:?}");
    }
}

/// Names the workspace to the process that [`a_file_that_ends_the_process_twice_is_given_up`] starts.
const ABORTING: &str = "WAKUTEKA_TEST_ABORTING";

/// Aborts as a decoder whose stack overflows does, on the file with this content.
fn aborting(bytes: &[u8], limits: &Limits, scale: Scale) -> Result<Reduced, DecodeError> {
    if bytes == b"abort" {
        std::process::abort();
    }
    decode_scaled(bytes, limits, scale)
}

#[test]
fn a_file_that_ends_the_process_twice_is_given_up() {
    let names = ["good/plain.png", "evil.png", "good/blobs.png"];
    if let Some(root) = std::env::var_os(ABORTING) {
        // The other process: it decodes, and may not survive it.
        let workspace = Workspace::create(Path::new(&root)).unwrap();
        let batch = batch(&workspace, &names);
        stage(&workspace, &[], aborting).process(&Header::new("s", 0), batch);
        return;
    }
    let (folder, workspace) = workspace();
    std::fs::write(workspace.root().join("evil.png"), b"abort").unwrap();
    let batch = batch(&workspace, &names);
    let run = || {
        let mut program = Command::new(std::env::current_exe().unwrap());
        let test = ["--exact", "tests::a_file_that_ends_the_process_twice_is_given_up", "--nocapture"];
        program.args(test).env(ABORTING, folder.path()).output().unwrap().status.success()
    };
    assert_eq!([run(), run(), run()], [false, false, true], "twice it ends, then it is left alone");

    let answer = stage(&workspace, &[], aborting).process(&Header::new("s", 1), batch);
    assert_eq!(answer.out.path, StringArray::from(vec!["good/plain.png", "good/blobs.png"]));
    assert_eq!((answer.rejects[0].path.as_str(), answer.rejects[0].reason.name()), ("evil.png", "crashes"));
    assert!(answer.rejects[0].detail.contains("2 times") && answer.rejects[0].detail.contains("save it again"));

    // Another file under its name has the chance that every file has.
    std::fs::write(workspace.root().join("evil.png"), fixture("good/grey.jpg")).unwrap();
    let batch = self::batch(&workspace, &["evil.png"]);
    assert_eq!(stage(&workspace, &[], aborting).process(&Header::new("s", 2), batch).out.rows(), 1);
}

#[test]
fn rows_say_what_they_are() {
    let out = process(&[], &["good/grey.jpg"]).out;
    assert_eq!(out.captured_ms, Int64Array::from(vec![i64::MIN]));
    assert_eq!(out.width, UInt32Array::from(vec![out.source_width.value(0)]));
}
