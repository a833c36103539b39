//! ResNet-18, -34 and -50, and every kind of block, give what PyTorch gives with the same weights, on every device there
//! is. The vectors are made by tests/peers/torchvision_vectors.py; weights and images are made here as there.
#![cfg(test)]

mod peer;

use burn::tensor::{Tensor, TensorData};
use peer::{fixture, numbers, write_weights};
use plugin_model::network::find;
use plugin_model::{Architecture, DeviceChoice, Shape, device, weights};
use serde::Deserialize;

const CLASSES: usize = 10;
const IMAGES: usize = 2;
const TOLERANCE: f32 = 1e-4;

#[derive(Deserialize)]
struct Vector {
    network: String,
    size: u32,
    parameters: u64,
    logits: Vec<f32>,
}

fn architecture(name: &str) -> Architecture {
    if name == "everything" { Architecture::read(&fixture("everything.yml")).unwrap() } else { find(name).unwrap() }
}

#[test]
fn logits_are_pytorchs() {
    let vectors: Vec<Vector> = serde_json::from_slice(&std::fs::read(fixture("vectors.json")).unwrap()).unwrap();
    assert_eq!(vectors.len(), 4);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    for Vector { network: name, size, parameters, logits } in vectors {
        let architecture = architecture(&name);
        let graph = architecture.description().graph(size, CLASSES).unwrap();
        assert_eq!(graph.parameters(), parameters, "{name}");
        write_weights(&graph, &path);
        let side = size as usize;
        let images: Vec<f32> = numbers("pictures", IMAGES * 3 * side * side).map(|v| (2.0 * v) as f32).collect();
        for device_name in device::available().iter().filter(|d| *d != "auto") {
            let device = device_name.parse::<DeviceChoice>().unwrap().open().unwrap().device;
            let network = architecture.network(Shape { classes: CLASSES, size_px: size }, 0, &device).unwrap();
            let network = weights::load(network, &path, None).unwrap();
            let x = Tensor::from_data(TensorData::new(images.clone(), [IMAGES, 3, side, side]), &device);
            let found = network.forward(x).try_into_vec_as::<f32>().unwrap();
            let off = found.iter().zip(&logits).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            let largest = logits.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
            println!("{device_name}, {name}: off by {off:.1e}, the largest logit is {largest:.1}");
            assert_eq!(found.len(), logits.len());
            assert!(off < TOLERANCE, "{device_name}, {name}: {off:e}");
        }
    }
}
