//! Networks to and from nnabla, for tests/peers/nnabla_models.py to compare.
//!
//! ```text
//! cargo run -p plugin-model --example nnabla -- write FOLDER   NAME.nnp of ours, and what we say of images
//! cargo run -p plugin-model --example nnabla -- read FOLDER    what we say with NAME.nnp of nnabla's, of the images of NAME.json
//! ```
#![allow(clippy::unwrap_used, reason = "a check, not a program")]

#[path = "../tests/peer/mod.rs"]
mod peer;

use burn::tensor::{Device, Tensor, TensorData, activation};
use peer::{fixture, numbers, write_weights};
use plugin_model::{Architecture, Network, Shape, network, weights};
use plugin_nnc::nnp;
use std::collections::BTreeMap;
use std::path::Path;

const CLASSES: usize = 10;
const SIZE: u32 = 64;
const IMAGES: usize = 2;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let folder = Path::new(&words[1]);
    std::fs::create_dir_all(folder).unwrap();
    if words[0] == "write" { write(folder) } else { read(folder) }
}

/// Probabilities of images `[N, 3, size, size]` whose colours go from 0 to 1.
fn answers(network: &Network, images: &[f32], size: usize, temperature: f32) -> Vec<f32> {
    let x = normalised(network, images, size);
    activation::softmax(network.forward(x) / temperature, 1).try_into_vec_as::<f32>().unwrap()
}

/// Images as a network takes them.
fn normalised(network: &Network, images: &[f32], size: usize) -> Tensor<4> {
    let input = network.architecture().input();
    let device = Device::flex();
    let count = images.len() / (3 * size * size);
    let x = Tensor::<4>::from_data(TensorData::new(images.to_vec(), [count, 3, size, size]), &device);
    let three = |values: [f32; 3]| Tensor::<4>::from_data(TensorData::new(values.to_vec(), [1, 3, 1, 1]), &device);
    (x - three(input.mean)) / three(input.deviation)
}

fn write(folder: &Path) {
    let mut all: Vec<Architecture> = network::names().iter().map(|name| network::find(name).unwrap()).collect();
    all.push(Architecture::read(&fixture("everything.yml")).unwrap());
    all.push(Architecture::read(&fixture("../nnabla/others.yml")).unwrap());
    for architecture in all {
        let graph = architecture.description().graph(SIZE, CLASSES).unwrap();
        let at = |extension: &str| folder.join(architecture.name()).with_extension(extension);
        write_weights(&graph, &at("safetensors"));
        let network = architecture.network(Shape { classes: CLASSES, size_px: SIZE }, 0, &Device::flex()).unwrap();
        let network = weights::load(network, &at("safetensors"), None).unwrap();
        let side = SIZE as usize;
        let images: Vec<f32> = numbers("images", IMAGES * 3 * side * side).map(|v| (v.abs() % 1.0) as f32).collect();
        let read = plugin_onnx::Weights::read(&graph, &std::fs::read(at("safetensors")).unwrap()).unwrap();
        let tensors: BTreeMap<String, nnp::Tensor> = graph
            .weights()
            .into_iter()
            .map(|weight| {
                let bytes = read.bytes(&weight.name).unwrap();
                let values = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
                (weight.name, nnp::Tensor { shape: weight.shape, values })
            })
            .collect();
        let classes: Vec<String> = (0..CLASSES).map(|number| format!("class {number}")).collect();
        let export = nnp::Export {
            name: architecture.name(),
            graph: &graph,
            input: architecture.description().input(),
            weights: &tensors,
            classes: &classes,
            temperature: 2.0,
            several: false,
            head: None,
        };
        if architecture.name() == "efficientnet-lite0" {
            write_head(&export, &network, &images, &folder.join("head"));
        }
        let bytes = nnp::write(&export).unwrap();
        let answers = answers(&network, &images, side, 2.0);
        // With the temperature in the last layer the same comes back.
        let again = nnp::read(architecture.name(), &bytes).unwrap();
        let back = self::answers(&loaded(&again, folder, architecture.name()), &images, side, 1.0);
        let worst = back.iter().zip(&answers).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < 1e-5, "{}: {worst}", architecture.name());
        assert_eq!(again.classes, Some(classes));
        std::fs::write(at("nnp"), bytes).unwrap();
        let vector = serde_json::json!({ "size": SIZE, "images": images, "answers": answers });
        std::fs::write(at("json"), vector.to_string()).unwrap();
        std::fs::remove_file(at("safetensors")).unwrap();
    }
}

/// A linear head on the network's features, computed here and by nnabla.
fn write_head(export: &nnp::Export<'_>, network: &Network, images: &[f32], path: &Path) {
    let side = SIZE as usize;
    let x = normalised(network, images, side);
    let features = network.features(x).try_into_vec_as::<f32>().unwrap();
    let dimensions = features.len() / IMAGES;
    let weights: Vec<f32> = numbers("head", CLASSES * dimensions).map(|v| 20.0 * v as f32).collect();
    let mut biases: Vec<f32> = numbers("biases", CLASSES).map(|v| v as f32).collect();
    // A class without samples.
    biases[3] = -1e30;
    let (power, temperature) = (0.5, 1.5);
    let head = nnp::LinearHead { weights: &weights, biases: &biases, power };
    let of_head = nnp::Export { temperature, head: Some(head), ..export.clone() };
    std::fs::write(path.with_extension("nnp"), nnp::write(&of_head).unwrap()).unwrap();
    let unit = |row: Vec<f64>| {
        let length = row.iter().map(|v| v * v).sum::<f64>().sqrt().max(1e-18);
        row.into_iter().map(|v| v / length).collect::<Vec<f64>>()
    };
    let answers: Vec<f64> = features
        .chunks_exact(dimensions)
        .flat_map(|row| {
            let row = unit(row.iter().map(|v| f64::from(*v)).collect());
            let row = unit(row.into_iter().map(|v| v.signum() * v.abs().powf(power)).collect());
            let product = |class: usize| {
                let weights = &weights[class * dimensions..][..dimensions];
                let sum = row.iter().zip(weights).map(|(x, w)| x * f64::from(*w)).sum::<f64>();
                ((sum + f64::from(biases[class])) / temperature).exp()
            };
            let all: Vec<f64> = (0..CLASSES).map(product).collect();
            let sum: f64 = all.iter().sum();
            all.into_iter().map(move |value| value / sum)
        })
        .collect();
    let vector = serde_json::json!({ "size": SIZE, "images": images, "answers": answers });
    std::fs::write(path.with_extension("json"), vector.to_string()).unwrap();
}

/// The network of a model with its weights.
fn loaded(model: &nnp::Model, folder: &Path, name: &str) -> Network {
    let architecture = Architecture::of(name, Some(&model.network)).unwrap();
    let path = folder.join(name).with_extension("back.safetensors");
    std::fs::write(&path, model.safetensors().unwrap()).unwrap();
    let shape = Shape { classes: model.outputs, size_px: model.size_px };
    let network = architecture.network(shape, 0, &Device::flex()).unwrap();
    let network = weights::load(network, &path, None).unwrap();
    std::fs::remove_file(path).unwrap();
    network
}

fn read(folder: &Path) {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "nnp"));
    files.sort();
    for path in files {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let model = nnp::read(&name, &std::fs::read(&path).unwrap()).unwrap();
        let vector: serde_json::Value =
            serde_json::from_slice(&std::fs::read(path.with_extension("json")).unwrap()).unwrap();
        let images: Vec<f32> =
            vector["images"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap() as f32).collect();
        let network = loaded(&model, folder, &name);
        let answers = answers(&network, &images, model.size_px as usize, 1.0);
        std::fs::write(path.with_extension("ours.json"), serde_json::json!(answers).to_string()).unwrap();
        std::fs::write(path.with_extension("yml"), &model.network).unwrap();
    }
}
