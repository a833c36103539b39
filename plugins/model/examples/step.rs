//! Images a second, by device, architecture, size and batch; and images a second of processor time, which other work
//! on the machine disturbs less (Linux alone; set `OMP_WAIT_POLICY=passive`, or waiting counts as work).
//!
//! ```text
//! cargo run -p plugin-model --example step -- --model resnet18 --size 64 --batch-size 32 --seconds 5
//! ```
#![allow(clippy::print_stdout)]

use clap::Parser;
use plugin_api::runs::ModelCard;
use plugin_model::device::Opened;
use plugin_model::{
    Batch, DeviceChoice, ModelError, Precision, Predictor, Start, Task, Trainer, TrainerOptions, device, network,
};
use std::time::{Duration, Instant};

/// Measures training and inference.
#[derive(Parser)]
struct Config {
    /// Devices; without it all there are.
    #[arg(long, value_delimiter = ',')]
    device: Vec<DeviceChoice>,
    /// Architectures; without it all there are.
    #[arg(long, value_delimiter = ',')]
    model: Vec<String>,
    /// Sides of the images, pixels.
    #[arg(long, value_delimiter = ',', default_value = "32,64,128")]
    size: Vec<u32>,
    /// Images a step.
    #[arg(long, value_delimiter = ',', default_value = "32")]
    batch_size: Vec<usize>,
    /// Seconds for each figure.
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    #[command(flatten)]
    options: TrainerOptions,
}

const CLASSES: usize = 10;

fn batch(size_px: u32, images: usize) -> Batch {
    let bytes = images * size_px as usize * size_px as usize * 3;
    Batch {
        size_px,
        pixels: (0..bytes).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect(),
        targets: (0..images).map(|i| vec![(i % CLASSES) as u32]).collect(),
        weights: vec![1.0; images],
    }
}

/// Seconds of processor time so far; 0 where there is no `/proc`.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name in brackets: user and system time are the 12th and 13th, in hundredths.
    let after = stat.rsplit(')').next().unwrap_or_default();
    after.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Repeats `step` for the time given, after three times that do not count; steps a second, and a second of processor
/// time.
fn rate(seconds: u64, mut step: impl FnMut() -> Result<(), ModelError>) -> Result<[f64; 2], ModelError> {
    for _ in 0..3 {
        step()?;
    }
    let (start, before, mut steps) = (Instant::now(), processor_time(), 0_u32);
    while start.elapsed() < Duration::from_secs(seconds) {
        step()?;
        steps += 1;
    }
    let steps = f64::from(steps);
    Ok([steps / start.elapsed().as_secs_f64(), steps / (processor_time() - before)])
}

/// The same weights as they are used.
fn in_use(trainer: &Trainer, task: &Task, precision: Precision, device: &Opened) -> Result<Predictor, ModelError> {
    let path = std::env::temp_dir().join(format!("wakuteka-step-{}.safetensors", std::process::id()));
    let card = ModelCard {
        architecture: task.architecture.clone(),
        size_px: task.size_px,
        classes: task.classes.clone(),
        labels: task.labels,
        digest: trainer.save(&path)?,
        ..plugin_api::fixture::card("step", &[])
    };
    let predictor = Predictor::load(&path, card, device, precision);
    let _ = std::fs::remove_file(&path);
    predictor
}

fn main() -> Result<(), ModelError> {
    let config = Config::parse();
    let devices = if config.device.is_empty() {
        device::available().iter().filter_map(|d| d.parse().ok()).filter(|d| *d != DeviceChoice::Auto).collect()
    } else {
        config.device.clone()
    };
    let models: Vec<String> = match &config.model[..] {
        [] => network::names().into_iter().map(String::from).collect(),
        names => names.to_vec(),
    };
    println!("device            model       size  batch   train/s   infer/s  train/cpu-s  infer/cpu-s");
    for choice in devices {
        let opened = choice.open()?;
        for model in &models {
            for &size_px in &config.size {
                for &batch_size in &config.batch_size {
                    let task = Task {
                        architecture: model.clone(),
                        definition: None,
                        classes: (0..CLASSES).map(|i| i.to_string()).collect(),
                        labels: plugin_api::Labels::Single,
                        size_px,
                        epochs: 1,
                        freeze_epochs: 0,
                        seed: 1,
                    };
                    let batch = batch(size_px, batch_size);
                    let mut trainer = Trainer::new(&task, &config.options, Start::Scratch, &opened)?;
                    let trained = rate(config.seconds, || trainer.train_step(&batch, 0.0).map(drop))?;
                    let predictor = in_use(&trainer, &task, config.options.precision, &opened)?;
                    let answered = rate(config.seconds, || predictor.predict(&batch).map(drop))?;
                    let images = batch_size as f64;
                    println!(
                        "{:<17} {model:<11} {size_px:>4} {batch_size:>6} {:>9.1} {:>9.1} {:>12.1} {:>12.1}",
                        opened.name,
                        trained[0] * images,
                        answered[0] * images,
                        trained[1] * images,
                        answered[1] * images
                    );
                }
            }
        }
    }
    Ok(())
}
