//! How long a fit and out-of-fold predictions take.
//!
//! ```text
//! cargo run -p plugin-probe --example speed -- --rows 10000 --features 1280 --classes 10
//! ```
#![allow(clippy::print_stdout)]

use clap::Parser;
use plugin_probe::{ProbeError, ProbeOptions, fit, out_of_fold};
use rand::RngExt;
use rand_pcg::Pcg64Mcg;
use std::time::Instant;

/// Measures a head on made-up embeddings: noise around a centre a class, of unit length.
#[derive(Parser)]
struct Config {
    /// Rows.
    #[arg(long, default_value_t = 10_000)]
    rows: usize,
    /// Features a row.
    #[arg(long, default_value_t = 1280)]
    features: usize,
    /// Classes.
    #[arg(long, default_value_t = 10)]
    classes: usize,
    /// Folds.
    #[arg(long, default_value_t = 5)]
    folds: usize,
    #[command(flatten)]
    options: ProbeOptions,
}

fn main() -> Result<(), ProbeError> {
    let config = Config::parse();
    let mut random = Pcg64Mcg::new(1);
    let mut row =
        |spread: f32| -> Vec<f32> { (0..config.features).map(|_| spread * (random.random::<f32>() - 0.5)).collect() };
    let centres: Vec<Vec<f32>> = (0..config.classes).map(|_| row(1.0)).collect();
    let targets: Vec<u32> = (0..config.rows).map(|i| (i % config.classes) as u32).collect();
    let features: Vec<Vec<f32>> = targets
        .iter()
        .map(|target| {
            let mut row = row(6.0);
            row.iter_mut().zip(&centres[*target as usize]).for_each(|(x, centre)| *x += centre);
            let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
            for x in &mut row {
                *x /= length;
            }
            row
        })
        .collect();
    let weights = vec![1.0; config.rows];

    let start = Instant::now();
    let head = fit(&features, &targets, &weights, config.classes, &config.options)?;
    println!(
        "fit: {:.2} s, {} steps, converged: {}",
        start.elapsed().as_secs_f64(),
        head.iterations(),
        head.converged()
    );

    let groups: Vec<u32> = (0..config.rows as u32).collect();
    let start = Instant::now();
    let predicted =
        out_of_fold(&features, &targets, &groups, &weights, config.classes, config.folds, 1, &config.options)?;
    let right = predicted.iter().zip(&targets).filter(|(row, target)| {
        let best = (0..config.classes).max_by(|a, b| row[*a].total_cmp(&row[*b]));
        best == Some(**target as usize)
    });
    let accuracy = right.count() as f64 / config.rows as f64;
    println!("{} folds: {:.2} s, accuracy {accuracy:.3}", config.folds, start.elapsed().as_secs_f64());
    Ok(())
}
