//! How fast files become their four hashes, and how far the fast ones are from the exact ones.
//!
//! `cargo run -p plugin-hash --example bench-hash -- FOLDER [--repeat 3] [--only read|fast|exact]`
//!
//! `tests/peers/enlarge.py` makes a folder of images of a photo's size.

use clap::{Parser, ValueEnum};
use plugin_decode::{Limits, Scale, decode, decode_scaled};
use plugin_hash::{Hashed, Hashes, distance, exact, fast};
use rayon::prelude::*;
use std::fs;
use std::hint::black_box;
use std::io::{Error, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// From files to hashes.
#[derive(Parser)]
struct Options {
    /// Images, also in folders below it.
    folder: PathBuf,
    /// Runs of each kind; the quickest counts.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// One kind only, and nothing printed but images a second.
    #[arg(long)]
    only: Option<Work>,
}

/// What is done with a file.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Work {
    /// It is read.
    Read,
    /// Read, decoded at the graph's scale and hashed.
    Fast,
    /// Read, decoded whole and hashed.
    Exact,
}

fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let mut files = Vec::new();
    files_under(&options.folder, &mut files)?;
    files.sort();
    if files.is_empty() {
        return Err(Error::other(format!("no files in {}", options.folder.display())));
    }
    let mut out = std::io::stdout().lock();
    if let Some(only) = options.only {
        return writeln!(out, "{:.1}", per_second(&files, only, options.repeat)?);
    }
    let bytes: u64 = files.iter().filter_map(|file| fs::metadata(file).ok()).map(|data| data.len()).sum();
    writeln!(
        out,
        "{} files of {} kB, {} threads",
        files.len(),
        bytes / 1000 / files.len() as u64,
        rayon::current_num_threads()
    )?;
    for work in [Work::Read, Work::Fast, Work::Exact] {
        let name = format!("{work:?}").to_lowercase();
        writeln!(out, "{name:<6} {:>9.0} a second", per_second(&files, work, options.repeat)?)?;
    }
    shares(&mut out, &files)?;
    apart(&mut out, &files)
}

fn files_under(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files_under(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

fn done(file: &Path, work: Work) -> std::io::Result<Option<Hashed>> {
    let (bytes, limits) = (fs::read(file)?, Limits::default());
    let hashed = match work {
        Work::Read => return Ok(black_box(bytes).first().and(None)),
        Work::Fast => fast(&bytes, &limits),
        Work::Exact => exact(&bytes, &limits),
    };
    hashed.map(Some).map_err(|error| Error::other(format!("{}: {error}", file.display())))
}

fn per_second(files: &[PathBuf], work: Work, repeat: u32) -> std::io::Result<f64> {
    let mut best = Duration::MAX;
    for _ in 0..repeat {
        let started = Instant::now();
        files.par_iter().try_for_each(|file| done(file, work).map(|hashed| _ = black_box(hashed)))?;
        best = best.min(started.elapsed());
    }
    Ok(files.len() as f64 / best.as_secs_f64())
}

/// The quickest of three.
fn quickest<T>(mut of: impl FnMut() -> T) -> (Duration, T) {
    let mut time = || {
        let started = Instant::now();
        let answer = black_box(of());
        (started.elapsed(), answer)
    };
    let first = time();
    (0..2).map(|_| time()).fold(first, |best, next| if next.0 < best.0 { next } else { best })
}

/// Where the time goes, on one thread.
fn shares(out: &mut impl Write, files: &[PathBuf]) -> std::io::Result<()> {
    let limits = Limits::default();
    let mut spent = [Duration::ZERO; 5];
    for file in files.iter().take(200) {
        let (read, bytes) = quickest(|| fs::read(file));
        let bytes = bytes?;
        let (scaled, raster) = quickest(|| decode_scaled(&bytes, &limits, Scale::default()));
        let raster = raster.map_err(Error::other)?.image;
        let (hashed, _) = quickest(|| Hashes::of(raster.width, raster.height, &raster.pixels));
        let (decoded, image) = quickest(|| decode(&bytes, &limits));
        let image = image.map_err(Error::other)?;
        let (exactly, _) = quickest(|| Hashes::of(image.width, image.height, &image.pixels));
        for (all, one) in spent.iter_mut().zip([read, scaled, hashed, decoded, exactly]) {
            *all += one;
        }
    }
    let each = |of: Duration| of.as_secs_f64() * 1e6 / files.len().min(200) as f64;
    let [read, scaled, hashed, decoded, exactly] = spent.map(each);
    writeln!(out, "a file on one thread, µs: read {read:.0}; fast: decode {scaled:.0}, hashes {hashed:.0}")?;
    writeln!(out, "                          exact: decode {decoded:.0}, hashes {exactly:.0}")
}

/// One of the hashes.
type Kind = fn(&Hashes) -> u64;

/// Bits between fast and exact hashes.
fn apart(out: &mut impl Write, files: &[PathBuf]) -> std::io::Result<()> {
    let pairs = files.par_iter().map(|file| Ok((done(file, Work::Fast)?, done(file, Work::Exact)?)));
    let pairs: Vec<(Option<Hashed>, Option<Hashed>)> = pairs.collect::<std::io::Result<_>>()?;
    let pairs = || pairs.iter().filter_map(|(a, b)| Some((a.as_ref()?, b.as_ref()?)));
    let kinds: [(&str, Kind); 4] =
        [("ahash", |h| h.ahash), ("dhash", |h| h.dhash), ("phash", |h| h.phash), ("whash", |h| h.whash)];
    writeln!(out, "bits between fast and exact: mean, 95th percentile, most; of {} images", files.len())?;
    for (name, of) in kinds {
        let mut bits: Vec<u32> = pairs().map(|(a, b)| distance(of(&a.hashes), of(&b.hashes))).collect();
        bits.sort_unstable();
        let mean = f64::from(bits.iter().sum::<u32>()) / bits.len().max(1) as f64;
        let at = |percent: usize| bits.get((bits.len().saturating_sub(1)) * percent / 100).copied().unwrap_or(0);
        let equal = bits.iter().filter(|&&b| b == 0).count() * 100 / bits.len().max(1);
        writeln!(out, "{name}  {mean:>5.2} {:>3} {:>3}   equal in {equal} %", at(95), at(100))?;
    }
    let sizes = pairs().all(|(a, b)| (a.width, a.height) == (b.width, b.height));
    writeln!(out, "sizes are {}", if sizes { "all the same" } else { "NOT the same" })
}
