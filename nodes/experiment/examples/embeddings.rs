//! Embeds class folders into one safetensors file, the input of `plugin-heads`' example `folds`.
//!
//! ```text
//! cargo run -p node-experiment --example embeddings -- FOLDER --weights FILE --to embeddings.safetensors
//! ```
//!
//! Tensors: `features` f32 `[n, d]`, rows of unit length; `labels`, `groups` and `folds` u32 `[n]`. The folds are those of
//! `experiment folds`; class names are in the metadata, as a JSON list under `classes`.
#![allow(clippy::print_stdout)]

use clap::Parser;
use node_experiment::photos::Photos;
use node_experiment::split::parts;
use plugin_api::ResizeMode;
use plugin_decode::Limits;
use plugin_model::{DeviceChoice, Extractor, Precision};
use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize};
use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;

/// Embeds images.
#[derive(Parser)]
struct Config {
    /// Images in class folders.
    folder: PathBuf,
    /// Weights of the network.
    #[arg(long)]
    weights: PathBuf,
    /// The file to write.
    #[arg(long)]
    to: PathBuf,
    /// The network.
    #[arg(long, default_value = "efficientnet-lite0")]
    model: String,
    /// Side of the images, pixels.
    #[arg(long, default_value_t = 224)]
    size: u32,
    /// Number of folds.
    #[arg(long, default_value_t = 5)]
    folds: u32,
    /// Seed of the folds.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Images embedded at a time.
const BATCH_SIZE: usize = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::parse();
    let Photos { classes, photos, .. } =
        Photos::read(&config.folder, &[config.size], ResizeMode::Stretch, &Limits::default())?;
    let device = DeviceChoice::Auto.open()?;
    let (extractor, _) = Extractor::pretrained(&config.model, config.size, &config.weights, &device, Precision::Fp32)?;
    let mut features = Vec::new();
    for batch in photos.chunks(BATCH_SIZE) {
        let pixels: Vec<u8> = batch.iter().flat_map(|photo| photo.squares[0].iter().copied()).collect();
        for row in extractor.features(pixels)? {
            let norm = row.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
            features.extend(row.iter().flat_map(|x| ((f64::from(*x) / norm) as f32).to_le_bytes()));
        }
    }
    let bytes = |numbers: Vec<u32>| -> Vec<u8> { numbers.into_iter().flat_map(u32::to_le_bytes).collect() };
    let labels = bytes(photos.iter().map(|photo| photo.class).collect());
    let groups = bytes(photos.iter().map(|photo| photo.group).collect());
    let folds = bytes(parts(&photos, config.folds, config.seed));
    let rows = photos.len();
    let tensors = [
        ("features", TensorView::new(Dtype::F32, vec![rows, extractor.dimensions()], &features)?),
        ("labels", TensorView::new(Dtype::U32, vec![rows], &labels)?),
        ("groups", TensorView::new(Dtype::U32, vec![rows], &groups)?),
        ("folds", TensorView::new(Dtype::U32, vec![rows], &folds)?),
    ];
    let names = format!("[{}]", classes.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(","));
    let metadata = HashMap::from([("classes".to_owned(), names)]);
    std::fs::write(&config.to, serialize(tensors, Some(metadata))?)?;
    println!("{rows} images of {} classes, {} dimensions", classes.len(), extractor.dimensions());
    Ok(())
}
