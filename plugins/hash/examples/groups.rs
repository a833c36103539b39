//! Which images of a folder become one group of near-copies, and how long the views take.
//! `cargo run -p plugin-hash --example groups -- FOLDER [--sheet FILE.png]`
//!
//! Prints how many groups there are and how large the largest are: by the rule that was in use before views (perceptual
//! hash within 4 bits and difference hash within 6), by strict and by usual radii. The sheet shows the largest groups of
//! the usual radii, a row each.

use clap::Parser;
use image::{RgbImage, imageops};
use plugin_decode::{Limits, decode};
use plugin_hash::{Hashes, Radii, SIDE, Views, are_near, digest, distance};
use plugin_resize::{ResizeMode, resize};
use plugin_search::Union;
use std::collections::BTreeSet;
use std::fs;
use std::hint::black_box;
use std::io::{Error, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Groups of near-copies.
#[derive(Parser)]
struct Options {
    /// Images, also in folders below it.
    folder: PathBuf,
    /// Where to draw the largest groups.
    #[arg(long)]
    sheet: Option<PathBuf>,
    /// Groups on the sheet.
    #[arg(long, default_value_t = 10)]
    groups: usize,
}

/// An image: its hashes, its views, and itself small.
struct Seen {
    folder: String,
    name: String,
    hashes: Hashes,
    views: Views,
    square: Vec<u8>,
}

/// A way to tell a copy.
type Rule = fn(&Seen, &Seen) -> bool;

const RULES: [(&str, Rule); 3] = [
    ("phash 4 and dhash 6", |a, b| {
        distance(a.hashes.phash, b.hashes.phash) <= 4 && distance(a.hashes.dhash, b.hashes.dhash) <= 6
    }),
    ("views, strict", |a, b| are_near(&a.views, &b.views, &Radii::STRICT)),
    ("views, usual", |a, b| are_near(&a.views, &b.views, &Radii::USUAL)),
];

fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let mut files = Vec::new();
    files_under(&options.folder, &mut files)?;
    files.sort();
    let (mut met, mut images) = (BTreeSet::new(), Vec::new());
    for file in &files {
        let bytes = fs::read(file)?;
        if met.insert(digest(&bytes)) {
            images.extend(see(file, &bytes));
        }
    }
    let mut out = std::io::stdout().lock();
    let took = views_ms(&images);
    writeln!(out, "{} files, {} images, views in {took:.3} ms each", files.len(), images.len())?;
    for (name, near) in RULES {
        let (mut groups, pairs) = grouped(&images, near);
        groups.sort_by_key(|group| std::cmp::Reverse(group.len()));
        let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
        let together: usize = sizes.iter().sum();
        let folder = |id: &u32| &images[*id as usize].folder;
        let mixed = groups.iter().filter(|group| group.iter().any(|id| folder(id) != folder(&group[0])));
        let mixed: usize = mixed.map(Vec::len).sum();
        writeln!(
            out,
            "{name}: {pairs} pairs, {} groups of {together} images, {mixed} of them in several folders, largest {:?}",
            sizes.len(),
            &sizes[..sizes.len().min(10)]
        )?;
        if let Some(sheet) = options.sheet.as_ref().filter(|_| name.ends_with("usual")) {
            for (row, group) in groups.iter().take(options.groups).enumerate() {
                let names: Vec<&str> = group.iter().map(|&id| &images[id as usize].name[..]).collect();
                writeln!(out, "row {}: {}", row + 1, names.join(", "))?;
            }
            draw(&images, &groups[..groups.len().min(options.groups)]).save(sheet).map_err(Error::other)?;
        }
    }
    Ok(())
}

fn see(file: &Path, bytes: &[u8]) -> Option<Seen> {
    let image = decode(bytes, &Limits::default()).ok()?;
    let hashes = Hashes::of(image.width, image.height, &image.pixels)?;
    let square = resize(image.width, image.height, &image.pixels, SIDE as u32, ResizeMode::Stretch).ok()?;
    let name = file.file_stem()?.to_string_lossy().into_owned();
    let folder = file.parent()?.to_string_lossy().into_owned();
    Some(Seen { folder, name, hashes, views: Views::of(&square)?, square })
}

/// Milliseconds an image, the median.
fn views_ms(images: &[Seen]) -> f64 {
    let time = |image: &Seen| {
        let begun = Instant::now();
        black_box(Views::of(&image.square));
        begun.elapsed().as_secs_f64() * 1e3
    };
    let mut times: Vec<f64> = images.iter().map(time).collect();
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Connected components of a rule, and its pairs.
fn grouped(images: &[Seen], near: Rule) -> (Vec<Vec<u32>>, usize) {
    let mut union = Union::new(images.len());
    let mut pairs = 0;
    for (i, one) in images.iter().enumerate() {
        for (j, other) in images[..i].iter().enumerate() {
            if near(one, other) {
                union.join(i as u32, j as u32);
                pairs += 1;
            }
        }
    }
    (union.groups(), pairs)
}

/// A row a group; long ones go on below, a little to the right.
fn draw(images: &[Seen], groups: &[Vec<u32>]) -> RgbImage {
    const ACROSS: usize = 24;
    let lines: Vec<(usize, &[u32])> =
        groups.iter().flat_map(|g| g.chunks(ACROSS).enumerate().map(|(at, part)| (at.min(1), part))).collect();
    let step = SIDE + 4;
    let mut sheet =
        RgbImage::from_pixel((step * (ACROSS + 1)) as u32, (step * lines.len()) as u32, image::Rgb([90, 90, 120]));
    for (row, (shift, part)) in lines.iter().enumerate() {
        for (column, id) in part.iter().enumerate() {
            let square = images[*id as usize].square.clone();
            if let Some(square) = RgbImage::from_raw(SIDE as u32, SIDE as u32, square) {
                imageops::replace(&mut sheet, &square, (column * step + shift * 30) as i64, (row * step) as i64);
            }
        }
    }
    sheet
}

fn files_under(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files_under(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
