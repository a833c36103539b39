//! Accuracy, calibration, abstention and cost of heads, by cross-validation.
//!
//! ```text
//! cargo run -p node-experiment --example embeddings -- FOLDER --weights FILE --to embeddings.safetensors
//! cargo run -p plugin-heads --example folds -- embeddings.safetensors
//! ```
//!
//! The file has tensors `features` f32 `[n, d]` with rows of unit length, and `labels` and `groups` u32 `[n]`.
#![allow(clippy::print_stdout)]

use clap::{Parser, ValueEnum};
use plugin_heads::{
    Head, HeadKind, HeadOptions, OutOfFold, Samples, assign_folds, cross_validate, fit_temperature, learning_curves,
};
use safetensors::SafeTensors;
use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

/// Measures heads.
#[derive(Parser)]
struct Config {
    /// Embeddings with labels and groups.
    file: PathBuf,
    /// The head; without --head all kinds are measured.
    #[command(flatten)]
    options: HeadOptions,
    /// Measure this kind only.
    #[arg(long)]
    only: Option<HeadKind>,
    /// Number of folds.
    #[arg(long, default_value_t = 5)]
    folds: usize,
    /// Seeds of the folds; figures are means over them.
    #[arg(long, value_delimiter = ',', default_value = "1,2,3")]
    seeds: Vec<u64>,
    /// Leave each class out in turn and measure how well its images are told from known ones.
    #[arg(long)]
    unknown: bool,
    /// From a quarter of the groups, forecast the accuracy of all of them, and compare it with what it is.
    #[arg(long)]
    forecast: bool,
}

/// Owned samples.
struct Data {
    features: Vec<f32>,
    dimensions: usize,
    labels: Vec<u32>,
    groups: Vec<u32>,
    classes: usize,
}

impl Data {
    fn read(config: &Config) -> Result<Self, Box<dyn Error>> {
        let bytes = std::fs::read(&config.file)?;
        let tensors = SafeTensors::deserialize(&bytes)?;
        let words =
            |name| -> Result<Vec<[u8; 4]>, Box<dyn Error>> { Ok(tensors.tensor(name)?.data().as_chunks().0.to_vec()) };
        let integers = |name| Ok::<_, Box<dyn Error>>(words(name)?.into_iter().map(u32::from_le_bytes).collect());
        let labels: Vec<u32> = integers("labels")?;
        Ok(Self {
            features: words("features")?.into_iter().map(f32::from_le_bytes).collect(),
            dimensions: tensors.tensor("features")?.shape().last().copied().unwrap_or_default(),
            classes: labels.iter().max().map_or(0, |last| *last as usize + 1),
            groups: integers("groups")?,
            labels,
        })
    }

    fn samples(&self) -> Samples<'_> {
        let Self { features, dimensions, labels, groups, classes } = self;
        Samples { features, dimensions: *dimensions, labels, classes: *classes, groups }
    }
}

/// Figures of one cross-validation.
struct Figures {
    accuracy: f64,
    balanced: f64,
    calibration_error: f64,
    log_loss: f64,
}

impl Figures {
    /// Probabilities with a temperature that is fitted to the predictions themselves.
    fn of(log_probabilities: &[f32], labels: &[u32], classes: usize) -> Self {
        let temperature = fit_temperature(log_probabilities, labels, classes);
        let mut correct = vec![0.0; classes];
        let mut counts = vec![0.0; classes];
        let mut bins = [0.0_f64; 15];
        let mut log_loss = 0.0;
        for (row, label) in log_probabilities.chunks(classes).zip(labels) {
            let powers: Vec<f64> = row.iter().map(|p| (f64::from(*p) / temperature).exp()).collect();
            let sum: f64 = powers.iter().sum();
            let predicted = (0..classes).max_by(|a, b| row[*a].total_cmp(&row[*b])).unwrap_or_default();
            let is_correct = f64::from(u8::from(predicted == *label as usize));
            correct[*label as usize] += is_correct;
            counts[*label as usize] += 1.0;
            let confidence = powers[predicted] / sum;
            bins[((confidence * 15.0).ceil() as usize).clamp(1, 15) - 1] += confidence - is_correct;
            log_loss -= (powers[*label as usize] / sum).max(f64::MIN_POSITIVE).ln();
        }
        let samples = labels.len() as f64;
        let recalls = correct.iter().zip(&counts).filter(|(_, count)| **count > 0.0).map(|(c, n)| c / n);
        let present = counts.iter().filter(|count| **count > 0.0).count() as f64;
        Self {
            accuracy: correct.iter().sum::<f64>() / samples,
            balanced: recalls.sum::<f64>() / present,
            calibration_error: bins.iter().map(|bin| bin.abs()).sum::<f64>() / samples,
            log_loss: log_loss / samples,
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::parse();
    let data = Data::read(&config)?;
    let samples = data.samples();
    println!("{} samples of {} dimensions, {} classes", samples.len(), data.dimensions, data.classes);
    println!("head        accuracy  balanced  ECE     log loss  fit s   {} folds s", config.folds);
    for kind in HeadKind::value_variants().iter().filter(|kind| config.only.is_none_or(|only| only == **kind)) {
        let options = HeadOptions { kind: *kind, ..config.options.clone() };
        let start = Instant::now();
        Head::fit(&samples, &options)?;
        let fit_seconds = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let mut all = Vec::new();
        for seed in &config.seeds {
            let OutOfFold { log_probabilities, .. } = cross_validate(&samples, &options, config.folds, *seed)?;
            all.push(Figures::of(&log_probabilities, samples.labels, samples.classes));
        }
        let seconds = start.elapsed().as_secs_f64() / all.len().max(1) as f64;
        let mean = |figure: fn(&Figures) -> f64| all.iter().map(figure).sum::<f64>() / all.len().max(1) as f64;
        println!(
            "{:<10}  {:.4}    {:.4}    {:.4}  {:.4}    {fit_seconds:.3}   {seconds:.3}",
            format!("{kind:?}").to_lowercase(),
            mean(|f| f.accuracy),
            mean(|f| f.balanced),
            mean(|f| f.calibration_error),
            mean(|f| f.log_loss),
        );
    }
    if config.unknown {
        report_unknown(&config, &samples)?;
    }
    if config.forecast {
        report_forecasts(&config, &samples)?;
    }
    Ok(())
}

/// Quarters of the groups, each by itself.
const QUARTERS: u32 = 4;

fn report_forecasts(config: &Config, samples: &Samples<'_>) -> Result<(), Box<dyn Error>> {
    let start = Instant::now();
    let all = cross_validate(samples, &config.options, config.folds, 1)?;
    let accuracy = Figures::of(&all.log_probabilities, samples.labels, samples.classes).accuracy;
    println!("quarter  images  now    forecast of all  is     points off");
    for quarter in 0..QUARTERS {
        let rows: Vec<usize> = (0..samples.len()).filter(|row| samples.groups[*row] % QUARTERS == quarter).collect();
        let selection = samples.select(&rows);
        let (curve, _) = learning_curves(&selection.samples(), &config.options, config.folds)?;
        let plugin_heads::Forecast { accuracy: forecast, low, high } =
            curve.forecast(samples.len() as f64 / rows.len() as f64);
        println!(
            "{quarter:<7}  {:<6}  {:.3}  {forecast:.3} ({low:.3} to {high:.3})  {accuracy:.3}  {:+.1}",
            rows.len(),
            curve.points.last().map_or(f64::NAN, |(_, accuracy)| *accuracy),
            (forecast - accuracy) * 100.0
        );
    }
    println!("{:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// For each class: heads that were fitted to folds of the others predict it and the fold that they were not fitted to.
fn report_unknown(config: &Config, samples: &Samples<'_>) -> Result<(), Box<dyn Error>> {
    println!("left out   AUROC of novelty  of 1 - probability  flagged of known  of unknown");
    let mut sums = [0.0; 4];
    for class in 0..samples.classes as u32 {
        let (unknown, known): (Vec<usize>, Vec<usize>) =
            (0..samples.len()).partition(|row| samples.labels[*row] == class);
        let unknown = samples.select(&unknown);
        let groups: Vec<u32> = known.iter().map(|row| samples.groups[*row]).collect();
        let labels: Vec<u32> = known.iter().map(|row| samples.labels[*row]).collect();
        let mut figures = [0.0; 4];
        for seed in &config.seeds {
            let fold_of = assign_folds(&labels, &groups, config.folds, *seed)?;
            for fold in 0..config.folds {
                let rows = |is_held_out: bool| -> Vec<usize> {
                    let pairs = known.iter().zip(&fold_of).filter(|(_, of)| (**of == fold) == is_held_out);
                    pairs.map(|(row, _)| *row).collect()
                };
                let head = Head::fit(&samples.select(&rows(false)).samples(), &config.options)?;
                let unknown = Doubts::of(&head, &unknown.samples())?;
                let other = Doubts::of(&head, &samples.select(&rows(true)).samples())?;
                let of_fold = [
                    auroc(&unknown.novelty, &other.novelty),
                    auroc(&unknown.improbability, &other.improbability),
                    other.flagged,
                    unknown.flagged,
                ];
                let share = 1.0 / (config.folds * config.seeds.len()) as f64;
                figures.iter_mut().zip(of_fold).for_each(|(sum, figure)| *sum += figure * share);
            }
        }
        sums.iter_mut().zip(&figures).for_each(|(sum, figure)| *sum += figure / samples.classes as f64);
        println!("{class:<9}  {}", figures.map(|figure| format!("{figure:<16.3}")).join("  "));
    }
    println!("mean       {}", sums.map(|figure| format!("{figure:<16.3}")).join("  "));
    Ok(())
}

/// How doubtful samples are.
struct Doubts {
    novelty: Vec<f64>,
    /// 1 − the greatest probability.
    improbability: Vec<f64>,
    /// Share whose novelty is above the head's threshold.
    flagged: f64,
}

impl Doubts {
    fn of(head: &Head, samples: &Samples<'_>) -> Result<Self, Box<dyn Error>> {
        let (log_probabilities, novelty) = head.predict(samples.features)?;
        let greatest = |row: &[f32]| f64::from(row.iter().copied().fold(f32::MIN, f32::max).exp());
        let flagged = novelty.iter().filter(|novelty| **novelty > head.novelty_threshold()).count();
        Ok(Self {
            improbability: log_probabilities.chunks(samples.classes).map(|row| 1.0 - greatest(row)).collect(),
            flagged: flagged as f64 / novelty.len().max(1) as f64,
            novelty: novelty.into_iter().map(f64::from).collect(),
        })
    }
}

/// Probability that a positive scores above a negative; ties count half.
fn auroc(positives: &[f64], negatives: &[f64]) -> f64 {
    let wins = |p: &f64| -> f64 {
        negatives
            .iter()
            .map(|n| {
                if p > n {
                    1.0
                } else if p == n {
                    0.5
                } else {
                    0.0
                }
            })
            .sum()
    };
    positives.iter().map(wins).sum::<f64>() / (positives.len() * negatives.len()).max(1) as f64
}
