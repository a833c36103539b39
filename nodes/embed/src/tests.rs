//! The stage on real files, with a champion of its own.

use super::*;
use arrow::array::{
    Array, ArrayRef, Float32Array, Int64Array, LargeBinaryArray, StringArray, UInt32Array, UInt64Array,
};
use clap::Parser;
use plugin_api::edges::list_row_f32;
use plugin_api::runs::{ModelCard, write_json};
use plugin_api::{Workspace, fixture};
use plugin_decode::{Limits, Scale, decode_scaled};
use plugin_hash::{Hashes, digest};
use plugin_model::{DeviceChoice, Shape, network, weights};
use std::path::Path;
use std::sync::Arc;

fn workspace() -> (tempfile::TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(folder.path()).unwrap();
    let model = workspace.models().join("one");
    std::fs::create_dir(&model).unwrap();
    let device = DeviceChoice::Flex.open().unwrap().device;
    let shape = Shape { classes: 2, size_px: 32 };
    let network = network::find("resnet18").unwrap().network(shape, 1, &device).unwrap();
    let card = ModelCard {
        architecture: "resnet18".to_owned(),
        digest: weights::save(&network, &model.join("model.safetensors")).unwrap(),
        ..fixture::card("one", &["a", "b"])
    };
    write_json(&model.join("model.json"), &card).unwrap();
    plugin_api::files::point_atomically(&workspace.champion(), Path::new("one")).unwrap();
    (folder, workspace)
}

fn stage(workspace: &Workspace, network: &str) -> EmbedStage {
    let config = Config::try_parse_from(["embed", "--home", "x", "--network", network, "--device", "flex"]).unwrap();
    let embedder = Embedder::open(&config.embed, workspace).unwrap();
    let cache =
        (network != "none").then(|| Cache::open(workspace, embedder.fingerprint(), embedder.dimensions()).unwrap());
    EmbedStage { embedder, cache }
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/odd").join(name)).unwrap()
}

fn batch(names: &[&str]) -> HashedImages {
    let files: Vec<Vec<u8>> = names.iter().map(|n| fixture(n)).collect();
    let rasters: Vec<DecodedImage> =
        files.iter().map(|file| decode_scaled(file, &Limits::default(), Scale::default()).unwrap().image).collect();
    let score = || Float32Array::from_value(0.5, names.len());
    // What `hash` found out does not matter here, as long as it is handed on.
    let hashes = Hashes { ahash: 1, dhash: 2, phash: 3, whash: 4 };
    let all = |value: u64| UInt64Array::from_value(value, names.len());
    HashedImages {
        path: StringArray::from_iter_values(names),
        label: names.iter().map(|n| n.starts_with("good").then_some("cats")).collect(),
        split: names.iter().map(|_| None::<&str>).collect(),
        modified_ns: Int64Array::from_iter_values((0..names.len()).map(|i| i as i64 * 10)),
        changed_ns: Int64Array::from_iter_values((0..names.len()).map(|i| i as i64)),
        inode: all(7),
        size_bytes: UInt64Array::from_iter_values(files.iter().map(|f| f.len() as u64)),
        digest: StringArray::from_iter_values(files.iter().map(|f| digest(f))),
        pixel_digest: StringArray::from_iter_values(names),
        captured_ms: Int64Array::from_value(0, names.len()),
        source_width: UInt32Array::from_value(48, names.len()),
        source_height: UInt32Array::from_value(32, names.len()),
        ahash: all(hashes.ahash),
        dhash: all(hashes.dhash),
        phash: all(hashes.phash),
        whash: all(hashes.whash),
        signature: LargeBinaryArray::from_iter_values(names),
        dark: score(),
        bright: score(),
        blur: score(),
        information: score(),
        width: UInt32Array::from_iter_values(rasters.iter().map(|raster| raster.width)),
        height: UInt32Array::from_iter_values(rasters.iter().map(|raster| raster.height)),
        raster: LargeBinaryArray::from_iter_values(rasters.iter().map(|raster| &raster.pixels)),
    }
}

fn process(stage: &mut EmbedStage, names: &[&str]) -> Answer<Embedded> {
    stage.process(&Header::new("s", 0), batch(names))
}

#[test]
fn good_rows_keep_their_order_and_bad_ones_leave_with_a_reason() {
    let (_folder, workspace) = workspace();
    let mut input = batch(&["good/plain.png", "good/blobs.png", "good/grey.jpg", "good/orientation-6.jpg"]);
    // Two that no square can be made of.
    input.width = vec![7, input.width.value(1), 0, input.width.value(3)].into();
    let Answer { out, rejects } = stage(&workspace, "champion").process(&Header::new("s", 0), input);
    assert_eq!(out.path, StringArray::from(vec!["good/blobs.png", "good/orientation-6.jpg"]));
    assert_eq!(out.label, StringArray::from(vec!["cats", "cats"]));
    assert_eq!(out.modified_ns, Int64Array::from(vec![10, 30]));
    assert_eq!(out.size_bytes.value(1), fixture("good/orientation-6.jpg").len() as u64);
    assert_eq!(out.digest.value(0), digest(&fixture("good/blobs.png")));
    assert_eq!((out.ahash.value(0), out.whash.value(1), out.width.value(1), out.height.value(0)), (1, 4, 48, 32));
    let embeddings = [0, 1].map(|row| list_row_f32(&out.embedding, row));
    for embedding in &embeddings {
        assert_eq!(embedding.len(), 512);
        assert!((embedding.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-4);
    }
    assert_ne!(embeddings[0], embeddings[1]);
    let rejects: Vec<(&str, &str)> = rejects.iter().map(|r| (&r.path[..], r.reason.name())).collect();
    assert_eq!(rejects, [("good/plain.png", "not_resized"), ("good/grey.jpg", "not_resized")]);
}

/// The second time the answer comes from the cache: it is the same, and what the raster holds does not matter.
#[test]
fn what_was_embedded_once_is_not_computed_again() {
    let (_folder, workspace) = workspace();
    let names = ["good/blobs.png", "good/baseline.jpg", "good/blobs.png"];
    let first = process(&mut stage(&workspace, "champion"), &names).out;
    let mut again = stage(&workspace, "champion");
    assert_eq!(again.cache.as_ref().unwrap().len(), 2, "a copy is kept once");
    let mut input = batch(&names);
    input.width = vec![0; 3].into();
    let second = again.process(&Header::new("s", 0), input);
    assert!(second.rejects.is_empty());
    assert_eq!(first.embedding, second.out.embedding);
}

#[test]
fn rows_without_a_network_have_an_empty_embedding() {
    let (_folder, workspace) = workspace();
    let Answer { out, rejects } = process(&mut stage(&workspace, "none"), &["good/plain.png", "good/blobs.png"]);
    assert_eq!((out.rows(), rejects.len()), (2, 0));
    assert!(list_row_f32(&out.embedding, 1).is_empty());
}

#[test]
fn an_empty_message_is_answered_with_an_empty_message() {
    let (_folder, workspace) = workspace();
    for network in ["champion", "none"] {
        let answer = process(&mut stage(&workspace, network), &[]);
        assert_eq!((answer.out.rows(), answer.rejects.len()), (0, 0));
        let array: ArrayRef = Arc::new(answer.out.into_array());
        assert_eq!(Embedded::from_array(&array).unwrap().embedding.len(), 0);
    }
}

#[test]
fn options_are_checked() {
    let error = Config::try_parse_from(["embed", "--networks", "none"]).unwrap_err().to_string();
    assert!(error.contains("--networks"), "{error}");
    let error = Config::try_parse_from(["embed", "--network", "vgg"]).unwrap_err().to_string();
    assert!(error.contains("vgg") && error.contains("champion"), "{error}");
}
