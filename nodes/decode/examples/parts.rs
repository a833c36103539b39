//! What each part of the work on an image costs, microseconds, on one core.
//!
//! ```text
//! cargo run -p node-decode --example parts -- FOLDER --size 64 --rounds 5
//! ```
//!
//! The parts take turns image by image, so that whatever else the machine does falls on all of them alike; of each
//! part and image the quickest round counts.
#![allow(clippy::print_stdout)]

use clap::Parser;
use plugin_api::ResizeMode;
use plugin_check::scores;
use plugin_decode::{Limits, Scale, decode_scaled};
use plugin_hash::{Hashes, SIDE, Views};
use plugin_resize::{ResizeOptions, resize};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Measures the parts of `decode`, `hash` and `resize`.
#[derive(Parser)]
struct Config {
    /// Images; what cannot be decoded is left out.
    folder: PathBuf,
    /// Size and mode.
    #[command(flatten)]
    resize: ResizeOptions,
    /// The quickest of so many counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

const PARTS: [&str; 5] = ["decode", "resize", "check", "views", "hashes"];

/// The quickest round of each part.
fn quickest(bytes: &[u8], config: &Config) -> Option<[Duration; PARTS.len()]> {
    let mut best = [Duration::MAX; PARTS.len()];
    for _ in 0..config.rounds {
        let mut clock = Instant::now();
        let mut lap = |part: usize| {
            best[part] = best[part].min(clock.elapsed());
            clock = Instant::now();
        };
        let image = decode_scaled(bytes, &Limits::default(), Scale::default()).ok()?.image;
        lap(0);
        let (width, height, pixels) = (image.width, image.height, &image.pixels[..]);
        std::hint::black_box(resize(width, height, pixels, config.resize.size_px, config.resize.mode).ok()?);
        lap(1);
        std::hint::black_box(scores(width, height, pixels).ok()?);
        lap(2);
        let square = resize(width, height, pixels, SIDE as u32, ResizeMode::Stretch).ok()?;
        std::hint::black_box(Views::of(&square)?);
        lap(3);
        std::hint::black_box(Hashes::of(width, height, pixels));
        lap(4);
    }
    Some(best)
}

fn main() -> std::io::Result<()> {
    let config = Config::parse();
    let mut paths: Vec<PathBuf> = std::fs::read_dir(&config.folder)?.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    let times: Vec<[Duration; PARTS.len()]> =
        paths.iter().filter_map(|path| quickest(&std::fs::read(path).ok()?, &config)).collect();
    println!("{} of {} files", times.len(), paths.len());
    for (part, name) in PARTS.into_iter().enumerate() {
        let all: Duration = times.iter().map(|t| t[part]).sum();
        println!("{name:<8}{:>9.0} us an image", all.as_secs_f64() * 1e6 / times.len().max(1) as f64);
    }
    Ok(())
}
