//! Images a second that become embeddings, as shipped: resized, normalised and taken through EfficientNet-Lite0. Decoding is
//! left out. `tests/peers/bench_onnxruntime.py` runs it in turn with onnxruntime on the same images.
//!
//! ```text
//! cargo run -p plugin-embed --example speed -- --weights FILE --images FOLDER
//! ```
//! Prints a line of JSON: device, fingerprint, images a second of `Embedder::embed`, and milliseconds an image of
//! `Embedder::prepare`, by one thread. `--write FOLDER` writes, instead of measuring, the network (`network.onnx`,
//! `pixels [N, 3, size, size]` to `features [N, 1280]`), the images as it takes them (`images.u8`,
//! `[images, size, size, 3]`) and what the shipped code makes of them (`embeddings.f32`).
#![allow(clippy::print_stdout)]

use clap::Parser;
use plugin_api::Workspace;
use plugin_decode::{DecodedImage, Limits, decode};
use plugin_embed::{EmbedOptions, Embedder};
use prost::Message as _;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Measures embedding.
#[derive(Parser)]
struct Config {
    #[command(flatten)]
    embed: EmbedOptions,
    /// A folder of images; folders in it are looked through too.
    #[arg(long)]
    images: PathBuf,
    /// Images that are read.
    #[arg(long, default_value_t = 64)]
    count: usize,
    /// Seconds of measuring.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Writes what another program needs to do the same, and ends.
    #[arg(long, value_name = "FOLDER")]
    write: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::parse();
    let folder = std::env::temp_dir().join(format!("wakuteka-speed-{}", std::process::id()));
    let embedder = Embedder::open(&config.embed, &Workspace::create(&folder)?);
    std::fs::remove_dir_all(&folder)?;
    let embedder = embedder?;
    let decoded = read(&config.images, config.count)?;
    let start = Instant::now();
    let prepared: Vec<DecodedImage> = decoded.into_iter().map(|p| embedder.prepare(p)).collect::<Result<_, _>>()?;
    let prepare_ms = start.elapsed().as_secs_f64() * 1e3 / prepared.len() as f64;
    // Weights are laid out for a batch when the first comes.
    let embeddings = embedder.embed(&prepared)?;
    if let Some(folder) = &config.write {
        return write(folder, &config.embed, &prepared, &embeddings);
    }
    let (start, mut images) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs_f64(config.seconds) {
        images += embedder.embed(&prepared)?.len();
    }
    let rate = images as f64 / start.elapsed().as_secs_f64();
    let (device, fingerprint) = (config.embed.device.open()?.name, embedder.fingerprint());
    println!(
        r#"{{"device": "{device}", "fingerprint": "{fingerprint}", "images_per_second": {rate:.2}, "prepare_ms": {prepare_ms:.3}}}"#
    );
    Ok(())
}

/// Decodes images of a folder, in the order of their paths.
fn read(folder: &Path, count: usize) -> Result<Vec<DecodedImage>, Box<dyn Error>> {
    let (mut folders, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    let decoded = files.iter().filter_map(|path| decode(&std::fs::read(path).ok()?, &Limits::default()).ok());
    let images: Vec<DecodedImage> = decoded.take(count).collect();
    if images.is_empty() { Err("--images: there is no image in this folder".into()) } else { Ok(images) }
}

fn write(
    folder: &Path,
    options: &EmbedOptions,
    prepared: &[DecodedImage],
    embeddings: &[Vec<f32>],
) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let name = options.network.to_string();
    // The published classifier has as many classes; it is taken off again below.
    let graph = plugin_model::network::find(&name)?.description().graph(options.size_px, 1000)?;
    let weights = plugin_onnx::Weights::read(&graph, &std::fs::read(&options.weights)?)?;
    let mut model = plugin_onnx::model(&graph, &name, &weights, &[])?;
    let network = model.graph.as_mut().ok_or("a model without a graph")?;
    let classifier = network.node.pop().ok_or("a network without a classifier")?;
    network.output[0].name.clone_from(&classifier.input[0]);
    let features = embeddings[0].len() as i64;
    let shape = network.output[0].kind.as_mut().and_then(|kind| kind.tensor_type.as_mut()?.shape.as_mut());
    let side = shape.and_then(|shape| shape.dim.last_mut()).ok_or("an output without a shape")?;
    side.value = Some(plugin_onnx::proto::DimensionValue::DimValue(features));
    network.initializer.retain(|weight| !classifier.input.contains(&weight.name));
    std::fs::write(folder.join("network.onnx"), model.encode_to_vec())?;
    std::fs::write(folder.join("images.u8"), prepared.iter().flat_map(|p| p.pixels.clone()).collect::<Vec<u8>>())?;
    std::fs::write(folder.join("embeddings.f32"), bytemuck::cast_slice::<f32, u8>(&embeddings.concat()))?;
    Ok(())
}
