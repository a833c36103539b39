//! What near-copies cost while images come: views, search and insertion of unlike images, and of frames of one fixed
//! camera, which are all near-copies. `cargo run -p plugin-hash --example searching -- [--images 10000]`
//!
//! Images are drawn, 64 × 64 px; drawing them is not timed. Groups are kept as the data set keeps them.

use clap::Parser;
use plugin_hash::{NearCopies, Radii, SIDE, Views};
use plugin_search::Union;
use std::io::Write;
use std::time::{Duration, Instant};

/// Images a second with near-copies.
#[derive(Parser)]
struct Options {
    /// Images of each kind.
    #[arg(long, default_value_t = 10_000)]
    images: u64,
}

fn main() -> std::io::Result<()> {
    let Options { images } = Options::parse();
    let mut out = std::io::stdout().lock();
    let unlike = add(images, unlike_image);
    let frames = add(images, frame);
    for (name, run) in [("unlike images", &unlike), ("frames of one camera", &frames)] {
        writeln!(
            out,
            "{name}: {:.0} a second, {:.3} ms each, the last tenth {:.3} ms; {} groups, {} searched for",
            1.0 / run.each(images),
            run.each(images) * 1e3,
            run.last_tenth.as_secs_f64() * 1e4 / images as f64,
            run.groups,
            run.searched
        )?;
    }
    writeln!(out, "frames at {:.2} of the speed of unlike images", unlike.each(images) / frames.each(images))
}

/// What adding images took and came to.
struct Run {
    all: Duration,
    last_tenth: Duration,
    groups: usize,
    searched: usize,
}

impl Run {
    fn each(&self, images: u64) -> f64 {
        self.all.as_secs_f64() / images as f64
    }
}

/// Adds images one after the other, as the data set does.
fn add(images: u64, of: impl Fn(u64) -> Vec<u8>) -> Run {
    let mut near = NearCopies::new(Radii::USUAL);
    let mut union = Union::new(0);
    // By group: whom it is found by, by number among the near-copies.
    let mut searched: Vec<Vec<u32>> = Vec::new();
    let mut image_of: Vec<u32> = Vec::new();
    let (mut all, mut last_tenth) = (Duration::ZERO, Duration::ZERO);
    for number in 0..images {
        let rgb = of(number);
        let begun = Instant::now();
        let Some(views) = Views::of(&rgb) else { continue };
        let found = near.find_groups(&views, |id| Some(union.find(image_of[id as usize])));
        let image = union.add();
        searched.push(Vec::new());
        let mut members = Vec::new();
        for id in found {
            let root = union.find(image_of[id as usize]);
            members.append(&mut searched[root as usize]);
            union.join(root, image);
        }
        if !near.is_covered(&views, &members) {
            members.push(near.insert(&views));
            image_of.push(image);
        }
        searched[union.find(image) as usize] = members;
        let took = begun.elapsed();
        all += took;
        if number >= images - images / 10 {
            last_tenth += took;
        }
    }
    let groups = (0..images as u32).filter(|image| union.find(*image) == *image).count();
    Run { all, last_tenth, groups, searched: near.len() }
}

/// A number for a place and a seed.
fn random(seed: u64, at: u64) -> u64 {
    let mixed = (seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ at).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (mixed ^ (mixed >> 31)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 32
}

/// Twelve coloured blobs on a slope.
fn unlike_image(seed: u64) -> Vec<u8> {
    let blobs: Vec<[u64; 6]> = (0..12).map(|blob| [0, 1, 2, 3, 4, 5].map(|k| random(seed, blob * 6 + k))).collect();
    let slope = random(seed, 100) % 4;
    pixels(|x, y| {
        let inside = |b: &&[u64; 6]| (b[0] % 64).abs_diff(x).pow(2) + (b[1] % 64).abs_diff(y).pow(2) < 20 + b[2] % 200;
        let ground = 40 + x * (slope % 2 + 1) + y * (slope / 2);
        blobs.iter().find(inside).map_or([ground as u8; 3], |b| [b[3], b[4], b[5]].map(|value| value as u8))
    })
}

/// A street with noise, light that changes, and in every third frame somebody who walks through.
fn frame(seed: u64) -> Vec<u8> {
    let light = (seed / 100 % 20) * 2;
    let somebody = seed.is_multiple_of(3).then_some(seed % 60);
    pixels(|x, y| {
        let noise = random(seed, y * 64 + x) % 9;
        let scene: [u64; 3] = match () {
            () if somebody.is_some_and(|at| x.abs_diff(at) < 3 && (32..47).contains(&y)) => [30, 30, 60],
            () if (4..20).contains(&x) && (16..37).contains(&y) => [140, 80, 60],
            () if (40..58).contains(&x) && (12..37).contains(&y) => [110, 110, 130],
            () if (26..34).contains(&x) && (8..31).contains(&y) => [40, 90, 40],
            () if y < 37 => [90, 120, 150],
            () if x.abs_diff(32) + 32 < y => [120, 115, 100],
            () => [70, 70, 70],
        };
        scene.map(|value| (value + light + noise) as u8)
    })
}

fn pixels(of: impl Fn(u64, u64) -> [u8; 3]) -> Vec<u8> {
    let side = SIDE as u64;
    (0..side * side).flat_map(|at| of(at % side, at / side)).collect()
}
