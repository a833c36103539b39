//! Images a second that become features, by device and batch; without weights, which do not matter to speed.
//!
//! ```text
//! cargo run -p plugin-model --example features -- --model efficientnet-lite0 --size 224 --batch-size 1,8,32
//! ```
#![allow(clippy::print_stdout)]

use clap::Parser;
use plugin_model::{DeviceChoice, Extractor, ModelError, Precision, Shape, device, network, weights};
use std::time::{Duration, Instant};

/// Measures embedding.
#[derive(Parser)]
struct Config {
    /// Devices; without it all there are.
    #[arg(long, value_delimiter = ',')]
    device: Vec<DeviceChoice>,
    /// Architecture.
    #[arg(long, default_value = "efficientnet-lite0")]
    model: String,
    /// Side of the images, pixels.
    #[arg(long, default_value_t = 224)]
    size: u32,
    /// Images at a time.
    #[arg(long, value_delimiter = ',', default_value = "1,4,16,32")]
    batch_size: Vec<usize>,
    /// How exactly numbers are kept.
    #[arg(long, value_enum, default_value_t = Precision::Fp32)]
    precision: Precision,
    /// Seconds for each figure.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
}

fn main() -> Result<(), ModelError> {
    let config = Config::parse();
    let devices = if config.device.is_empty() {
        device::available().iter().filter_map(|d| d.parse().ok()).filter(|d| *d != DeviceChoice::Auto).collect()
    } else {
        config.device.clone()
    };
    println!("device            model                size  batch  images/s");
    for choice in devices {
        let opened = choice.open()?;
        let shape = Shape { classes: 2, size_px: config.size };
        let drawn = network::find(&config.model)?.network(shape, 1, &opened.device)?;
        let path = std::env::temp_dir().join(format!("wakuteka-features-{}.safetensors", std::process::id()));
        weights::save(&drawn, &path)?;
        let extractor = Extractor::pretrained(&config.model, config.size, &path, &opened, config.precision);
        let _ = std::fs::remove_file(&path);
        let (extractor, _) = extractor?;
        for &images in &config.batch_size {
            let bytes = images * config.size as usize * config.size as usize * 3;
            let pixels: Vec<u8> = (0..bytes).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
            extractor.features(pixels.clone())?;
            let (start, mut done) = (Instant::now(), 0);
            while start.elapsed() < Duration::from_secs(config.seconds) {
                done += extractor.features(pixels.clone())?.len();
            }
            let rate = done as f64 / start.elapsed().as_secs_f64();
            println!("{:<17} {:<19} {:>5} {images:>6} {rate:>11.1}", opened.name, config.model, config.size);
        }
    }
    Ok(())
}
