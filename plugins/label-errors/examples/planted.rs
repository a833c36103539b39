//! How many wrong labels are found, and how many right ones are suspected: some labels of a set are made wrong, the set
//! is predicted out of fold by heads, as `inspect` does it, and the suspects are compared with what was planted.
//!
//! ```text
//! cargo run -p plugin-label-errors --example planted -- --csv digits.csv --predictions predictions.csv
//! cargo run -p plugin-label-errors --example planted -- --images FOLDER --weights FILE --unsuspected \
//!     --predictions predictions.csv
//! ```
//!
//! `tests/peers/planted_labels.py` makes `digits.csv` and evaluates `predictions.csv` by cleanlab.
#![allow(clippy::print_stdout)]

use clap::Parser;
use plugin_embed::{EmbedOptions, Embedder};
use plugin_heads::{HeadOptions, Samples, cross_validate_repeatedly};
use plugin_label_errors::{REGISTRY, filter, find_by};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// Measures precision and recall on planted wrong labels.
#[derive(Parser)]
struct Config {
    /// Rows of label and features, comma-separated, without a header.
    #[arg(long, required_unless_present = "images", conflicts_with = "images")]
    csv: Option<PathBuf>,
    /// A folder of class folders.
    #[arg(long, alias = "pictures")]
    images: Option<PathBuf>,
    /// Features of the images.
    #[command(flatten)]
    embed: EmbedOptions,
    /// The head.
    #[command(flatten)]
    head: HeadOptions,
    /// Leave out what is suspected before anything is planted: the set's own noise.
    #[arg(long)]
    unsuspected: bool,
    /// The filter that suspects it.
    #[arg(long, default_value = "prune_by_noise_rate", value_name = "FILTER")]
    prior: String,
    /// Labels that are made wrong, percent.
    #[arg(long, default_value_t = 5.0)]
    percent: f64,
    /// How often it is done, each time with other labels.
    #[arg(long, default_value_t = 5)]
    rounds: u64,
    /// Folds.
    #[arg(long, default_value_t = 5)]
    folds: usize,
    /// Assignments to folds whose predictions are averaged.
    #[arg(long, default_value_t = 2)]
    repeats: u64,
    /// Where the predictions go, for others to evaluate.
    #[arg(long, value_name = "FILE")]
    predictions: Option<PathBuf>,
}

/// Rows with their labels; rows of a group are never predicted by each other.
#[derive(Default)]
struct Set {
    features: Vec<Vec<f32>>,
    labels: Vec<u32>,
    groups: Vec<u32>,
    classes: usize,
}

impl Set {
    fn from_csv(file: &Path) -> Result<Self, Box<dyn Error>> {
        let mut set = Self::default();
        for record in csv::ReaderBuilder::new().has_headers(false).from_path(file)?.deserialize() {
            let (label, features): (u32, Vec<f32>) = record?;
            set.groups.push(set.labels.len() as u32);
            set.labels.push(label);
            set.features.push(features);
        }
        set.classes = set.labels.iter().max().map_or(0, |most| *most as usize + 1);
        Ok(set)
    }

    /// Images that stand in several classes are left out; look-alikes are a group.
    fn from_images(folder: &Path, options: &EmbedOptions) -> Result<Self, Box<dyn Error>> {
        let mut classes: Vec<PathBuf> = subfolders(folder)?;
        classes.sort();
        let mut files = BTreeMap::<Vec<u8>, BTreeSet<u32>>::new();
        for (label, class) in (0..).zip(&classes) {
            for file in fs::read_dir(class)? {
                files.entry(fs::read(file?.path())?).or_default().insert(label);
            }
        }
        let scratch = std::env::temp_dir().join(format!("planted-{}", std::process::id()));
        let embedder = Embedder::open(options, &plugin_api::Workspace::create(&scratch)?)?;
        fs::remove_dir_all(&scratch)?;
        let (mut set, mut hashes) = (Self { classes: classes.len(), ..Self::default() }, Vec::new());
        let mut images = Vec::new();
        for (bytes, labels) in &files {
            let Ok(image) = plugin_decode::decode(bytes, &plugin_decode::Limits::default()) else { continue };
            let (Some(label), 1) = (labels.first(), labels.len()) else { continue };
            let Some(of) = plugin_hash::Hashes::of(image.width, image.height, &image.pixels) else { continue };
            hashes.push(of.phash);
            images.push(image);
            set.labels.push(*label);
        }
        set.features = embedder.embed(&images)?;
        set.groups = (0..hashes.len() as u32).collect();
        for pair in plugin_search::pairs_within(&hashes, 4) {
            let (from, to) = (set.groups[pair.second as usize], set.groups[pair.first as usize]);
            set.groups.iter_mut().filter(|group| **group == from).for_each(|group| *group = to);
        }
        Ok(set)
    }

    fn predict(&self, config: &Config) -> Result<Vec<Vec<f32>>, Box<dyn Error>> {
        let features: Vec<f32> = self.features.iter().flat_map(|row| unit_length(row)).collect();
        let dimensions = self.features.first().map_or(0, Vec::len);
        let Self { labels, groups, classes, .. } = self;
        let samples = Samples { features: &features, dimensions, labels, classes: *classes, groups };
        let found = cross_validate_repeatedly(&samples, &config.head, config.folds, config.repeats)?;
        Ok(found.log_probabilities.chunks(*classes).map(|row| row.iter().map(|p| p.exp().min(1.0)).collect()).collect())
    }

    /// Without some of the rows.
    fn without(self, rows: &BTreeSet<usize>) -> Self {
        let keep = |row: &usize| !rows.contains(row);
        let kept: Vec<usize> = (0..self.labels.len()).filter(keep).collect();
        Self {
            features: kept.iter().map(|row| self.features[*row].clone()).collect(),
            labels: kept.iter().map(|row| self.labels[*row]).collect(),
            groups: kept.iter().map(|row| self.groups[*row]).collect(),
            classes: self.classes,
        }
    }
}

fn unit_length(row: &[f32]) -> impl Iterator<Item = f32> {
    let length = row.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    row.iter().map(move |x| x / length)
}

fn subfolders(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    Ok(entries.into_iter().map(|entry| entry.path()).filter(|path| path.is_dir()).collect())
}

fn accuracy(predicted: &[Vec<f32>], labels: &[u32]) -> f64 {
    let best = |row: &Vec<f32>| (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b]));
    let right = predicted.iter().zip(labels).filter(|(row, label)| best(row) == Some(**label as usize));
    right.count() as f64 / labels.len() as f64
}

fn main() -> Result<(), Box<dyn Error>> {
    let config = Config::parse();
    let mut set = match (&config.csv, &config.images) {
        (Some(file), _) => Set::from_csv(file)?,
        (None, Some(folder)) => Set::from_images(folder, &config.embed)?,
        (None, None) => Set::default(),
    };
    let predicted = set.predict(&config)?;
    let prior = filter(&config.prior).ok_or_else(|| format!("--prior {}: there is no such filter", config.prior))?;
    let own = find_by(prior, &predicted, &set.labels, set.classes)?;
    let own: BTreeSet<usize> = own.suspects.iter().map(|suspect| suspect.index).collect();
    println!(
        "{} rows, {} classes, {} suspected before anything is planted, accuracy out of fold {:.3}",
        set.labels.len(),
        set.classes,
        own.len(),
        accuracy(&predicted, &set.labels)
    );
    if config.unsuspected {
        set = set.without(&own);
        println!("{} rows without those suspected", set.labels.len());
    }

    let mut writer = config.predictions.as_ref().map(csv::Writer::from_path).transpose()?;
    let mut sums = vec![[0.0; 3]; REGISTRY.len()];
    let clean = set.labels.clone();
    for round in 1..=config.rounds {
        let mut random = Pcg64Mcg::new(u128::from(round));
        let mut order: Vec<usize> = (0..clean.len()).collect();
        order.shuffle(&mut random);
        let count = (clean.len() as f64 * config.percent / 100.0).round() as usize;
        let planted: BTreeSet<usize> = order.into_iter().take(count).collect();
        set.labels.clone_from(&clean);
        for row in &planted {
            let other = random.random_range(0..set.classes as u32 - 1);
            set.labels[*row] = if other >= clean[*row] { other + 1 } else { other };
        }
        let predicted = set.predict(&config)?;
        if let Some(writer) = &mut writer {
            for (row, probabilities) in predicted.iter().enumerate() {
                let wrong = u32::from(planted.contains(&row));
                let numbers = probabilities.iter().map(|p| format!("{:?}", f64::from(*p)));
                let head = [round.to_string(), wrong.to_string(), set.labels[row].to_string()];
                writer.write_record(head.into_iter().chain(numbers))?;
            }
        }
        for (sums, filter) in sums.iter_mut().zip(REGISTRY) {
            let found = find_by(*filter, &predicted, &set.labels, set.classes)?;
            let found_planted = found.suspects.iter().filter(|suspect| planted.contains(&suspect.index)).count() as f64;
            let flagged = found.suspects.len() as f64;
            let figures = [flagged, found_planted / flagged.max(1.0), found_planted / planted.len().max(1) as f64];
            sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure / config.rounds as f64);
        }
    }
    let count = (clean.len() as f64 * config.percent / 100.0).round();
    println!("planted {count} a round, mean of {} rounds:", config.rounds);
    println!("{:<22} {:>8} {:>10} {:>8}", "ours", "flagged", "precision", "recall");
    for (filter, [flagged, precision, recall]) in REGISTRY.iter().zip(&sums) {
        println!("{:<22} {flagged:>8.1} {precision:>10.3} {recall:>8.3}", filter.name());
    }
    Ok(())
}
