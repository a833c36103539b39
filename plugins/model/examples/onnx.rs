//! Every network as ONNX, and what it says of two images, for tests/peers/onnx_outputs.py to compare.
//!
//! ```text
//! cargo run -p plugin-model --example onnx -- FOLDER
//! python tests/peers/onnx_outputs.py FOLDER
//! ```
#![allow(clippy::unwrap_used, reason = "a check, not a program")]

#[path = "../tests/peer/mod.rs"]
mod peer;

use burn::tensor::{Device, Tensor, TensorData};
use peer::{fixture, numbers, write_weights};
use plugin_model::{Architecture, Shape, network, weights};
use prost::Message as _;
use std::path::PathBuf;

const CLASSES: usize = 10;
const SIZE: u32 = 64;
const IMAGES: usize = 2;

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap());
    std::fs::create_dir_all(&folder).unwrap();
    let mut all: Vec<Architecture> = network::names().iter().map(|name| network::find(name).unwrap()).collect();
    all.push(Architecture::read(&fixture("everything.yml")).unwrap());
    for architecture in all {
        let graph = architecture.description().graph(SIZE, CLASSES).unwrap();
        let at = |extension: &str| folder.join(architecture.name()).with_extension(extension);
        write_weights(&graph, &at("safetensors"));
        let shape = Shape { classes: CLASSES, size_px: SIZE };
        let network = architecture.network(shape, 0, &Device::flex()).unwrap();
        let network = weights::load(network, &at("safetensors"), None).unwrap();
        let side = SIZE as usize;
        let images: Vec<f32> = numbers("pictures", IMAGES * 3 * side * side).map(|v| (2.0 * v) as f32).collect();
        let x = Tensor::from_data(TensorData::new(images.clone(), [IMAGES, 3, side, side]), &Device::flex());
        let logits = network.forward(x).try_into_vec_as::<f32>().unwrap();

        let read = plugin_onnx::Weights::read(&graph, &std::fs::read(at("safetensors")).unwrap()).unwrap();
        let model = plugin_onnx::model(&graph, architecture.name(), &read, &[]).unwrap();
        std::fs::write(at("onnx"), model.encode_to_vec()).unwrap();
        let vector = serde_json::json!({ "size": SIZE, "images": images, "logits": logits });
        std::fs::write(at("json"), vector.to_string()).unwrap();
        std::fs::remove_file(at("safetensors")).unwrap();
    }
}
