//! What taking in costs when the catalog is large: `cargo run -p node-dataset --example scale -- [IMAGES] [KIND]`.
//!
//! Images of a kind, in messages of 16 as `watch` sends them, one change a message: the shard is written and SQLite synced,
//! as in the node. Then what a snapshot, records and a start cost. Kinds: `random` (the default; hashes at random, one image
//! in forty a near-copy of an earlier one), `unlike` (drawn images, all different), `camera` (frames of one fixed camera:
//! noise, light that changes, and in every third frame somebody who walks through).
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use arrow::array::{Float32Array, LargeBinaryArray, StringArray, UInt32Array, UInt64Array};
use node_dataset::draw::draw;
use node_dataset::intake::{Rules, take_in};
use node_dataset::order::{Reading, Version};
use node_dataset::shards::Shards;
use node_dataset::split::{GroupKey, Groups};
use plugin_api::Labels;
use plugin_api::edges::Pixels;
use plugin_catalog::Writer;
use plugin_hash::{Signature, Views};
use plugin_splits::Shares;
use std::time::Instant;

const ROWS: u64 = 16;
const SIDE: u32 = 16;

fn random(i: u64, salt: u64) -> u64 {
    let bytes = blake3::hash(&[i.to_le_bytes(), salt.to_le_bytes()].concat());
    bytes.as_bytes()[..8].iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// What images are taken in.
#[derive(Clone, Copy)]
enum Kind {
    Random,
    Unlike,
    Camera,
}

impl Kind {
    fn views(self, i: u64) -> Views {
        let drawn = match self {
            Self::Random => return random_views(i),
            Self::Unlike => drawn(|x, y| unlike(i, x, y)),
            Self::Camera => drawn(|x, y| frame(i, x, y)),
        };
        Views::of(&drawn).unwrap_or_default()
    }
}

/// Views at random; one in twenty is a copy of another image but for a bit.
fn random_views(i: u64) -> Views {
    let (of, bit) = if i.is_multiple_of(20) && i > 0 { (i / 2, 1) } else { (i, 0) };
    let mut bytes = vec![0; Views::BYTES];
    blake3::Hasher::new().update(&of.to_le_bytes()).finalize_xof().fill(&mut bytes);
    let views = Views::from_bytes(&bytes).unwrap_or_default();
    Views { plain: Signature { waves: views.plain.waves ^ bit, ..views.plain }, ..views }
}

/// 64 × 64 × 3 bytes.
fn drawn(pixel: impl Fn(u64, u64) -> [u8; 3]) -> Vec<u8> {
    (0..64 * 64).flat_map(|at| pixel(at % 64, at / 64)).collect()
}

/// Six discs on a slope.
fn unlike(i: u64, x: u64, y: u64) -> [u8; 3] {
    let value = |k: u64| (i * 64 + k + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let inside = |k: &u64| {
        let [at_x, at_y, size] = [0, 1, 2].map(|part| value(k * 8 + part));
        (at_x % 64).abs_diff(x).pow(2) + (at_y % 64).abs_diff(y).pow(2) < 30 + size % 250
    };
    if let Some(k) = (0..6).find(inside) {
        return [3, 4, 5].map(|part| (value(k * 8 + part) % 256) as u8);
    }
    let slope = |part: u64| u64::midpoint(x * (value(part) % 3), y * (value(part + 3) % 3));
    [50, 51, 52].map(|part| (value(part) % 100 + slope(part)) as u8)
}

/// A street, with somebody in it now and then.
fn frame(i: u64, x: u64, y: u64) -> [u8; 3] {
    let noise = (i * 4096 + y * 64 + x).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 61;
    let light = 40 * (i % 1000).abs_diff(500) / 500;
    let walks = i.is_multiple_of(3) && (i % 60).abs_diff(x) < 4 && (30..46).contains(&y);
    let [r, g, b] = match (x, y) {
        _ if walks => [30, 30, 60],
        (4..=20, 16..=36) => [140, 80, 60],
        (40..=58, 12..=36) => [110, 110, 130],
        (26..=34, 8..=30) => [40, 90, 40],
        (_, 0..=36) => [90, 120, 150],
        _ if x.abs_diff(32) < y - 30 => [120, 115, 100],
        _ => [70, 70, 70],
    };
    [r, g, b].map(|value: u64| (value + light + noise) as u8)
}

fn digest(i: u64) -> String {
    blake3::hash(&i.to_le_bytes()).to_hex().to_string()
}

fn message(kind: Kind, first: u64) -> Pixels {
    let rows = first..first + ROWS;
    let hash = |salt: u64| {
        let of = move |i: u64| if i.is_multiple_of(20) && i > 0 { random(i / 2, salt) ^ 1 } else { random(i, salt) };
        UInt64Array::from_iter_values((first..first + ROWS).map(of))
    };
    let all = |value: u32| UInt32Array::from_value(value, ROWS as usize);
    let score = || Float32Array::from_value(0.5, ROWS as usize);
    let pixels: Vec<Vec<u8>> = rows.clone().map(|i| vec![i as u8; (SIDE * SIDE * 3) as usize]).collect();
    Pixels {
        path: StringArray::from_iter_values(rows.clone().map(|i| format!("photos/class {}/{i:08}.jpg", i % 8))),
        label: StringArray::from_iter_values(rows.clone().map(|i| format!("class {}", i % 8))),
        split: rows.clone().map(|_| None::<&str>).collect(),
        modified_ns: rows.clone().map(|i| i as i64).collect(),
        changed_ns: rows.clone().map(|i| i as i64).collect(),
        inode: rows.clone().collect(),
        size_bytes: rows.clone().collect(),
        digest: StringArray::from_iter_values(rows.clone().map(digest)),
        pixel_digest: StringArray::from_iter_values(rows.clone().map(|i| digest(i ^ (1 << 63)))),
        captured_ms: rows.map(|_| i64::MIN).collect(),
        ahash: hash(0),
        dhash: hash(1),
        phash: hash(2),
        whash: hash(3),
        source_width: all(640),
        source_height: all(480),
        width: all(SIDE),
        height: all(SIDE),
        channels: all(3),
        dark: score(),
        bright: score(),
        blur: score(),
        information: score(),
        signature: LargeBinaryArray::from_iter_values((first..first + ROWS).map(|i| kind.views(i).to_bytes())),
        pixels: LargeBinaryArray::from_iter_values(&pixels),
    }
}

/// A line of `/proc/self/status`, kB.
fn memory_kb(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

fn timed<T>(
    what: &str,
    work: impl FnOnce() -> Result<T, node_dataset::DatasetError>,
) -> Result<T, node_dataset::DatasetError> {
    let begun = Instant::now();
    let done = work()?;
    println!("{what}: {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    Ok(done)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let images: u64 = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let kind = match std::env::args().nth(2).as_deref() {
        None | Some("random") => Kind::Random,
        Some("unlike") => Kind::Unlike,
        Some("camera") => Kind::Camera,
        Some(other) => return Err(format!("unknown kind {other}; known are random, unlike, camera").into()),
    };
    let folder = tempfile::tempdir()?;
    let config: node_dataset::Config = clap::Parser::try_parse_from(["dataset", "--size", "16"])?;
    let mut catalog = Writer::open_file(folder.path().join("catalog.sqlite"))?;
    let shards = Shards::open(folder.path(), "16-stretch")?;
    let (mut groups, rules) = (Groups::new(config.near_copies.radii()), Rules::new(&config));
    let (mut spent, mut worst, mut tenth) = (0.0, 0.0_f64, 0.0);
    for first in (0..images).step_by(ROWS as usize) {
        let message = [message(kind, first)];
        let begun = Instant::now();
        take_in(&message, &mut catalog, &shards, &mut groups, "16-stretch", rules)?;
        let seconds = begun.elapsed().as_secs_f64();
        (spent, tenth, worst) = (spent + seconds, tenth + seconds, worst.max(seconds));
        let done = first + ROWS;
        if done % (images / 10).max(1) < ROWS {
            println!(
                "{done} images: {:.3} ms each since the last line, slowest message {:.1} ms, memory at most {} MB",
                tenth * 1e3 / (images as f64 / 10.0),
                worst * 1e3,
                memory_kb("VmHWM") / 1024
            );
            (tenth, worst) = (0.0, 0.0);
        }
    }
    println!("{:.3} ms an image, {} groups of several", spent * 1e3 / images as f64, groups.sizes().len());
    let version = catalog.read().version()?;
    let reading = Reading { labels: Labels::Single, balanced: true };
    let shares = Shares { validation: 15, test: 15 };
    for time in ["first", "again"] {
        let mut samples = timed(&format!("{time}: rows of a snapshot"), || {
            Ok(catalog.read().samples(version, Some("16-stretch"))?)
        })?;
        let drawn = timed(&format!("{time}: their splits"), || Ok(draw(&mut samples, reading.labels, shares)))?;
        timed(&format!("{time}: {} splits are written", drawn.len()), || {
            let mut change = catalog.change()?;
            drawn.iter().try_for_each(|one| change.set_split(&one.sample, one.split))?;
            Ok(change.commit()?)
        })?;
        let state = timed(&format!("{time}: a snapshot of them"), || Ok(Version::new(samples, reading)))?;
        println!("classes {}, conflicts {}", state.classes.len(), state.conflicts.iter().sum::<u64>());
    }
    timed("the version is asked for first: splits count", || {
        let change = catalog.change()?;
        change.settle(version)?;
        Ok(change.commit()?)
    })?;
    timed("records, 1,000 in the middle", || Ok(catalog.read().records(version, images / 2, 1000)?))?;
    timed("a start: groups are read", || {
        let mut again = Groups::new(config.near_copies.radii()).settled(true);
        Ok(catalog.read().stored_images(|image| {
            let views = image.signatures.and_then(Views::from_bytes);
            let face = GroupKey { sample: image.sample, phash: image.phash, dhash: image.dhash, views: views.as_ref() };
            drop(again.load(face, image.group));
        })?)
    })?;
    println!("memory at most {} MB", memory_kb("VmHWM") / 1024);
    Ok(())
}
