//! How many of the images gathered for a class are of it, by what they are gathered by.
//!
//! ```text
//! cargo run -p tests --bin bench-gather -- FOLDER --weights .wakuteka/weights/efficientnet-lite0.safetensors
//! ```
//!
//! FOLDER holds class folders. Some images of each class, drawn by chance, are its seeds; all others are the pool, and
//! are gathered as `gather` does it: by the same code, each image for the nearest class alone. Of files that are the
//! same byte by byte the first counts.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use clap::Parser;
use node_gather::claims::Claims;
use node_gather::measure::{Feature, Metric, Reach};
use node_gather::plan::{Constraints, Wanted, plan};
use plugin_decode::{DecodedImage, Limits, decode};
use plugin_hash::Hashes;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Measures the precision of what is gathered.
#[derive(Parser)]
struct Config {
    /// Class folders.
    folder: PathBuf,
    /// Images of each class that are its seeds.
    #[arg(long, default_value_t = 5)]
    seeds: usize,
    /// So often seeds are drawn anew; figures are means.
    #[arg(long, default_value_t = 10)]
    rounds: u64,
    /// Nearest seeds whose mean distance counts.
    #[arg(long, alias = "nearest", default_value_t = 1)]
    k: usize,
    /// Images gathered for each class.
    #[arg(long, alias = "most", value_delimiter = ',', default_value = "10,50,200")]
    max_candidates: Vec<usize>,
    /// The network for embeddings.
    #[command(flatten)]
    embed: plugin_embed::EmbedOptions,
    /// Where embeddings are kept for the next time: a workspace.
    #[arg(long, default_value = "target/bench-gather")]
    cache: PathBuf,
}

/// An image of the folder.
struct Sample {
    class: String,
    digest: String,
    path: PathBuf,
    hashes: Hashes,
}

impl Sample {
    fn read(class: &str, path: &Path) -> Option<Self> {
        let bytes = std::fs::read(path).ok()?;
        let image = decode(&bytes, &Limits::default()).ok()?;
        let hashes = Hashes::of(image.width, image.height, &image.pixels)?;
        Some(Self { class: class.to_owned(), digest: plugin_hash::digest(&bytes), path: path.to_owned(), hashes })
    }
}

/// What a table is made of: gathered for each class, by how many at most.
type Precision = BTreeMap<(String, usize), Vec<f64>>;

fn main() -> eyre::Result<()> {
    let config = Config::parse();
    let samples = read(&config.folder)?;
    let mut shares = BTreeMap::<&str, usize>::new();
    for sample in &samples {
        *shares.entry(&sample.class).or_default() += 1;
    }
    let (count, classes) = (samples.len(), shares.len());
    println!(
        "{count} images of {classes} classes, {} seeds a class, {} rounds, mean of the {} nearest",
        config.seeds, config.rounds, config.k
    );
    let embeddings = embeddings(&config, &samples)?;
    let mut tables = BTreeMap::new();
    let mut within = BTreeMap::new();
    for metric in Metric::ALL {
        let feature = |at: usize| match (metric, &embeddings) {
            (Metric::Embedding, Some(embeddings)) => Some(Feature::Embedding(embeddings[at].clone())),
            (Metric::Embedding, None) => None,
            _ => Some(Feature::Hash(hash(&samples[at].hashes, metric))),
        };
        let Some(features) = (0..count).map(feature).collect::<Option<Vec<Feature>>>() else { continue };
        let begun = Instant::now();
        let (table, reached) = measure(&config, &samples, &features, metric);
        eprintln!("{}: {:.2?} a round", metric.name(), begun.elapsed() / config.rounds as u32);
        tables.insert(metric.name(), table);
        within.insert(metric.name(), reached);
    }
    let metrics: Vec<&str> =
        Metric::ALL.iter().map(|metric| metric.name()).filter(|name| tables.contains_key(name)).collect();
    println!("\n| precision at | {} | chance |\n|---{}|---|", metrics.join(" | "), "|---".repeat(metrics.len()));
    for max_candidates in &config.max_candidates {
        let means = metrics.iter().map(|metric| {
            let of = shares.keys().map(|class| mean(&tables[metric][&((*class).to_owned(), *max_candidates)]));
            format!("{:.2}", of.sum::<f64>() / classes as f64)
        });
        println!("| {max_candidates} | {} | {:.2} |", means.collect::<Vec<_>>().join(" | "), 1.0 / classes as f64);
    }
    for (class, share) in &shares {
        for max_candidates in &config.max_candidates {
            let means = metrics
                .iter()
                .map(|metric| format!("{:.2}", mean(&tables[metric][&((*class).to_owned(), *max_candidates)])));
            let chance = *share as f64 / count as f64;
            println!(
                "| {class} ({share}) {max_candidates} | {} | {chance:.2} |",
                means.collect::<Vec<_>>().join(" | ")
            );
        }
    }
    println!("\n| by | within | gathered a class | precision |\n|---|---|---|---|");
    for metric in metrics {
        for (text, gathered, precision) in &within[metric] {
            println!("| {metric} | {text} | {gathered:.0} | {precision:.2} |");
        }
    }
    Ok(())
}

/// The images of class folders, each once.
fn read(folder: &Path) -> eyre::Result<Vec<Sample>> {
    let mut files = Vec::new();
    for class in std::fs::read_dir(folder)?.flatten().filter(|entry| entry.path().is_dir()) {
        for file in std::fs::read_dir(class.path())?.flatten() {
            files.push((class.file_name().to_string_lossy().into_owned(), file.path()));
        }
    }
    files.sort();
    let samples: Vec<Sample> = files.par_iter().filter_map(|(class, path)| Sample::read(class, path)).collect();
    let mut seen = HashSet::new();
    Ok(samples.into_iter().filter(|sample| seen.insert(sample.digest.clone())).collect())
}

/// The embedding of each image; none when there are no weights.
fn embeddings(config: &Config, samples: &[Sample]) -> eyre::Result<Option<Vec<Vec<f32>>>> {
    let workspace = plugin_api::Workspace::create(&config.cache)?;
    let embedder = match plugin_embed::Embedder::open(&config.embed, &workspace) {
        Ok(embedder) => embedder,
        Err(error) => {
            eprintln!("without embeddings: {error}");
            return Ok(None);
        }
    };
    let mut cache = plugin_embed::Cache::open(&workspace, embedder.fingerprint(), embedder.dimensions())?;
    let new: Vec<&Sample> = samples.iter().filter(|sample| cache.get(&sample.digest).is_none()).collect();
    let begun = Instant::now();
    for samples in new.chunks(16) {
        let read = |sample: &&Sample| -> eyre::Result<DecodedImage> {
            Ok(decode(&std::fs::read(&sample.path)?, &Limits::default())?)
        };
        let images = samples.iter().map(read).collect::<eyre::Result<Vec<DecodedImage>>>()?;
        for (sample, embedding) in samples.iter().zip(embedder.embed(&images)?) {
            cache.put(&sample.digest, &embedding)?;
        }
    }
    cache.sync()?;
    if !new.is_empty() {
        let rate = new.len() as f64 / begun.elapsed().as_secs_f64();
        eprintln!("{} embeddings, {rate:.1} images a second", new.len());
    }
    let all = samples.iter().map(|sample| cache.get(&sample.digest).map(<[f32]>::to_vec));
    Ok(all.collect())
}

fn hash(hashes: &Hashes, metric: Metric) -> u64 {
    match metric {
        Metric::Ahash => hashes.ahash,
        Metric::Dhash => hashes.dhash,
        Metric::Phash | Metric::Embedding => hashes.phash,
        Metric::Whash => hashes.whash,
    }
}

/// Limits of which it is told how much lies within them.
fn limits(metric: Metric) -> &'static [f32] {
    match metric {
        Metric::Embedding => &[0.2, 0.3, 0.4, 0.5, 0.6, 0.7],
        _ => &[4.0, 8.0, 12.0, 16.0, 20.0, 24.0],
    }
}

/// Precision by class and number, and of all that lies within some limits: limit, images a class, precision.
fn measure(
    config: &Config,
    samples: &[Sample],
    features: &[Feature],
    metric: Metric,
) -> (Precision, Vec<(String, f64, f64)>) {
    let reach = if metric == Metric::Embedding { Reach::Cosine(2.0) } else { Reach::Bits(64) };
    let truth: BTreeMap<&str, &str> = samples.iter().map(|s| (s.digest.as_str(), s.class.as_str())).collect();
    let classes: BTreeSet<&str> = samples.iter().map(|sample| sample.class.as_str()).collect();
    let mut table = Precision::new();
    let mut reached = vec![(0_u64, 0_u64); limits(metric).len()];
    for round in 0..config.rounds {
        let mut random = Pcg64Mcg::seed_from_u64(round);
        let mut order: Vec<usize> = (0..samples.len()).collect();
        order.shuffle(&mut random);
        let mut claims = Claims::new(reach, config.k);
        let mut left: BTreeMap<&str, usize> = classes.iter().map(|class| (*class, config.seeds)).collect();
        for at in order {
            let (sample, feature) = (&samples[at], features[at].clone());
            match left.get_mut(sample.class.as_str()) {
                Some(left) if *left > 0 => {
                    *left -= 1;
                    claims.add_seed(&sample.class, &sample.digest, feature);
                }
                _ => claims.add(&sample.digest, feature),
            }
        }
        let all = claims.all();
        let is_right = |wanted: &&Wanted| truth.get(wanted.digest.as_str()) == Some(&wanted.class.as_str());
        let constraints = |max_candidates| Constraints {
            answered: &NOTHING.0,
            settled: &NOTHING.1,
            by_hand: &NOTHING.2,
            max_candidates,
            multi_class: false,
        };
        for max_candidates in &config.max_candidates {
            let wanted = plan(&all, &constraints(*max_candidates));
            for class in &classes {
                let of_class: Vec<&Wanted> = wanted.iter().filter(|wanted| wanted.class == *class).collect();
                let right = of_class.iter().filter(|wanted| is_right(wanted)).count();
                let precision = right as f64 / of_class.len().max(1) as f64;
                table.entry(((*class).to_owned(), *max_candidates)).or_default().push(precision);
            }
        }
        let wanted = plan(&all, &constraints(usize::MAX));
        for (limit, (gathered, right)) in limits(metric).iter().zip(&mut reached) {
            let inside: Vec<&Wanted> = wanted.iter().filter(|wanted| wanted.distance <= *limit).collect();
            *gathered += inside.len() as u64;
            *right += inside.iter().filter(|wanted| is_right(wanted)).count() as u64;
        }
    }
    let a_class = (config.rounds * classes.len() as u64) as f64;
    let text = |limit: f32| match metric {
        Metric::Embedding => format!("similarity {:.1}", 1.0 - limit),
        _ => format!("{limit} bits"),
    };
    let reached = limits(metric).iter().zip(reached);
    let reached = reached.map(|(limit, (gathered, right))| {
        (text(*limit), gathered as f64 / a_class, right as f64 / gathered.max(1) as f64)
    });
    (table, reached.collect())
}

type Nothing = (HashSet<(String, String)>, HashSet<String>, BTreeMap<String, String>);
static NOTHING: std::sync::LazyLock<Nothing> = std::sync::LazyLock::new(Nothing::default);

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
