//! EfficientNet-Lite0 with the published weights sees in images what PyTorch's sees, on every device there is.
//! The vectors are made by tests/peers/efficientnet_lite0_vectors.py.
#![cfg(test)]

use plugin_decode::{Limits, decode};
use plugin_model::{Batch, DeviceChoice, Extractor, Precision, Shape, device, network, weights};
use serde::Deserialize;
use std::path::{Path, PathBuf};

const SIZE: usize = 224;
const TOLERANCE: f32 = 1e-4;

#[derive(Deserialize)]
struct Vector {
    image: String,
    features: Vec<f32>,
    logits: Vec<f32>,
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(checkout().join("tests/fixtures/efficientnet-lite0").join(name)).unwrap()
}

/// The weights, which are not part of the checkout.
fn published() -> Option<PathBuf> {
    let shared = std::env::var_os("WAKUTEKA_SHARED").map_or_else(|| checkout().join("../shared"), PathBuf::from);
    let fetched = checkout().join(".wakuteka/weights/efficientnet-lite0.safetensors");
    let path = [shared.join("data/models/efficientnet_lite0_imagenet.safetensors"), fetched];
    let found = path.into_iter().find(|p| p.is_file());
    if found.is_none() {
        eprintln!(
            "\n=== SKIPPED: no EfficientNet-Lite0 weights here: `cargo wakuteka weights efficientnet-lite0` ===\n"
        );
    }
    found
}

fn pixels(name: &str) -> Vec<u8> {
    let image = (name != "pattern").then(|| decode(&fixture(name), &Limits::default()).unwrap());
    let places = (0..SIZE).flat_map(|y| (0..SIZE).flat_map(move |x| (0..3).map(move |c| (y, x, c))));
    places
        .map(|(y, x, c)| match &image {
            Some(half) => half.pixels[((y / 2) * (SIZE / 2) + x / 2) * 3 + c],
            None => ((7 * x + 13 * y + 29 * c + 3 * x * y) % 256) as u8,
        })
        .collect()
}

fn worst(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn features_and_logits_are_pytorchs() {
    let Some(weights) = published() else { return };
    let vectors: Vec<Vector> = serde_json::from_slice(&fixture("vectors.json")).unwrap();
    let batch = Batch {
        size_px: SIZE as u32,
        pixels: vectors.iter().flat_map(|v| pixels(&v.image)).collect(),
        targets: vec![vec![]; vectors.len()],
        weights: vec![1.0; vectors.len()],
    };
    for name in device::available() {
        let device = name.parse::<DeviceChoice>().unwrap().open().unwrap();
        let (extractor, loaded) =
            Extractor::pretrained("efficientnet-lite0", SIZE as u32, &weights, &device, Precision::Fp32).unwrap();
        assert_eq!((loaded.kept.len(), extractor.dimensions()), (2, 1280), "{loaded}");
        let features = extractor.features(batch.pixels.clone()).unwrap();

        let whole = network::find("efficientnet-lite0").unwrap();
        let whole = whole.network(Shape { classes: 1000, size_px: SIZE as u32 }, 0, &device.device).unwrap();
        let whole = weights::load(whole, &weights, None).unwrap();
        let logits = whole.forward(whole.input(&batch, &device.device).unwrap());
        let logits = logits.try_into_vec_as::<f32>().unwrap();
        for (row, vector) in vectors.iter().enumerate() {
            let off = worst(&features[row], &vector.features);
            let logits_off = worst(&logits[row * 1000..][..1000], &vector.logits);
            println!("{name}, {}: features off by {off:.1e}, logits by {logits_off:.1e}", vector.image);
            assert!(off < TOLERANCE && logits_off < TOLERANCE, "{name}, {}: {off:e} {logits_off:e}", vector.image);
        }
    }
}

#[test]
fn what_was_read_and_what_was_not_is_listed() {
    let Some(weights) = published() else { return };
    let device = DeviceChoice::Flex.open().unwrap();
    let (_, loaded) = Extractor::pretrained("efficientnet-lite0", 64, &weights, &device, Precision::Fp32).unwrap();
    // 247 tensors, of which two are the classifier's.
    let (read, kept, unused) = (&loaded.read, &loaded.kept, &loaded.unused);
    assert_eq!((read.len(), kept.len(), unused.len()), (245, 2, 2), "{kept:?} {unused:?}");
    let text = loaded.to_string();
    assert!(text.contains("245 tensors read") && text.contains("_fc.bias"), "{text}");
    let error = Extractor::pretrained("resnet18", 64, &weights, &device, Precision::Fp32).err().unwrap().to_string();
    assert!(error.contains("missing") && error.contains("not of this network"), "{error}");
}
