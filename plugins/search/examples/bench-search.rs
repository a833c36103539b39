//! How long searching takes, on one core. `cargo run -p plugin-search --example bench-search [-- MOST]`
//!
//! `MOST` hashes at the end, 10 million unless it says another number. Half of the hashes are random; the others lie in
//! families, a few bits from another hash, as those of a collection of photos do. Half of what is asked for is near a hash that
//! is there, half is random.

use plugin_search::{Index, pairs_within, scan_within};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use std::hint::black_box;
use std::io::{Error, Write};
use std::time::{Duration, Instant};

fn main() -> std::io::Result<()> {
    let most = std::env::args().nth(1).map_or(Ok(10_000_000), |text| text.parse::<usize>().map_err(Error::other))?;
    let mut out = std::io::stdout().lock();
    let mut random = Pcg64Mcg::seed_from_u64(1);
    let hashes = hashes(most.max(1_000_000), &mut random);

    let some = &hashes[..10_000];
    let (mut best, mut pairs) = (Duration::MAX, 0);
    for _ in 0..5 {
        let started = Instant::now();
        pairs = black_box(pairs_within(some, 10)).len();
        best = best.min(started.elapsed());
    }
    writeln!(out, "all pairs within 10 of 10,000: {:.1} ms ({pairs} pairs)", best.as_secs_f64() * 1e3)?;

    let mut index = Index::new();
    for count in [1_000_000, most.max(1_000_000)] {
        let before = index.len();
        let (begun, mut longest) = (Instant::now(), Duration::ZERO);
        for &hash in &hashes[before..count] {
            let started = Instant::now();
            index.insert(hash);
            longest = longest.max(started.elapsed());
        }
        let each = begun.elapsed().as_secs_f64() * 1e9 / (count - before).max(1) as f64;
        writeln!(out, "{count} hashes: adding one {each:.0} ns, at most {:.1} ms", longest.as_secs_f64() * 1e3)?;
        let asked: Vec<u64> = (0..60).map(|i| ask(&hashes[..count], i, &mut random)).collect();
        for radius in [4, 8, 10] {
            let (by_scan, found) = time(&asked, |hash| scan_within(&hashes[..count], hash, radius).len());
            let (by_index, also) = time(&asked, |hash| index.within(hash, radius).len());
            if found != also {
                return Err(Error::other(format!("radius {radius}: {found} by a scan, {also} by the index")));
            }
            writeln!(out, "  within {radius:>2}: scan {by_scan:>7.3} ms, index {by_index:>7.3} ms ({found} found)")?;
        }
        let (nearest, _) = time(&asked, |hash| index.nearest(hash, 10).len());
        writeln!(out, "  10 nearest: index {nearest:>7.3} ms")?;
        if count == most {
            break;
        }
    }
    Ok(())
}

fn hashes(count: usize, random: &mut Pcg64Mcg) -> Vec<u64> {
    let mut hashes: Vec<u64> = Vec::with_capacity(count);
    for i in 0..count {
        let hash = match hashes.get(random.random_range(0..=i)) {
            Some(&other) if random.random::<bool>() => flipped(other, 8, random),
            _ => random.random(),
        };
        hashes.push(hash);
    }
    hashes
}

/// Up to `most` bits turned.
fn flipped(hash: u64, most: u32, random: &mut Pcg64Mcg) -> u64 {
    (0..random.random_range(0..=most)).fold(hash, |hash, _| hash ^ (1 << random.random_range(0..64)))
}

fn ask(hashes: &[u64], number: usize, random: &mut Pcg64Mcg) -> u64 {
    if number.is_multiple_of(2) {
        return random.random();
    }
    flipped(hashes[random.random_range(0..hashes.len())], 6, random)
}

/// Milliseconds a question, and what all of them together found.
fn time(asked: &[u64], mut of: impl FnMut(u64) -> usize) -> (f64, usize) {
    let started = Instant::now();
    let found = asked.iter().map(|&hash| black_box(of(hash))).sum();
    (started.elapsed().as_secs_f64() * 1e3 / asked.len() as f64, found)
}
