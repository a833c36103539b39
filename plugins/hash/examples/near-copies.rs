//! How many edited copies of real images are found, and how many others with them: for each hash and radius, and for
//! all views together. `cargo run -p plugin-hash --example near-copies -- [--csv FILE] [--curve]`
//!
//! Originals are every fourth of `tests/fixtures/openclipart8`, exact copies left out. They are kept with their families
//! (playing cards, road signs, smileys), which look alike: most of the "others" are those, and no hash tells them apart.
//! Radii are chosen with `--curve` on those whose digest is even; the table is of the odd ones.

#[path = "../tests/common/mod.rs"]
mod common;

use clap::Parser;
use common::{EDITS, OTHERS, Seen, originals, seen};
use plugin_hash::{Hashes, Radii, are_near, digest, distance};
use rayon::prelude::*;
use std::io::Write;
use std::path::PathBuf;

/// Recall of edited copies, and false matches.
#[derive(Parser)]
struct Options {
    /// The table as CSV.
    #[arg(long)]
    csv: Option<PathBuf>,
    /// Every so many-th image.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..))]
    each: u32,
    /// Tries many radii for the views instead, on the other half of the images.
    #[arg(long)]
    curve: bool,
}

/// One of the hashes.
type Kind = fn(&Hashes) -> u64;

/// A way to tell a copy.
type Rule = Box<dyn Fn(&Seen, &Seen) -> bool + Sync>;

fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let mut images = originals(options.each as usize);
    let even = |bytes: &[u8]| digest(bytes).ends_with(|last: char| last.to_digit(16).is_some_and(|d| d % 2 == 0));
    images.retain(|(_, image)| even(&common::jpeg(image, 95)) == options.curve);
    let known: Vec<Seen> = images.par_iter().map(|(_, image)| seen(&common::jpeg(image, 95))).collect();
    let edits = [&EDITS[..], &OTHERS].concat();
    let copies: Vec<Vec<Seen>> =
        edits.iter().map(|(_, edit)| images.par_iter().map(|(_, image)| seen(&edit(image))).collect()).collect();
    let mut out = std::io::stdout().lock();
    let names: Vec<&str> = edits.iter().map(|(name, _)| *name).collect();
    writeln!(
        out,
        "{} originals\n| found by | {} | others, 7 edits | others, all | F1 |",
        images.len(),
        names.join(" | ")
    )?;
    writeln!(out, "|---|{}", "---|".repeat(names.len() + 3))?;
    let mut table = options.csv.as_ref().map(csv::Writer::from_path).transpose()?;
    if let Some(table) = &mut table {
        table.write_record([&["rule"][..], &names, &["others_7_edits", "others_all", "f1_7_edits"]].concat())?;
    }
    for (rule, near) in if options.curve { curve() } else { rules() } {
        let mut cells = Vec::new();
        let (mut others, mut right) = ([0, 0], 0);
        for (at, copies) in copies.iter().enumerate() {
            let met = |(id, copy): (usize, &Seen)| {
                let all = known.iter().enumerate().filter(|(_, original)| near(copy, original));
                let (own, others): (Vec<_>, Vec<_>) = all.partition(|(other, _)| *other == id);
                (own.len(), others.len())
            };
            let (found, wrong) =
                copies.par_iter().enumerate().map(met).reduce(|| (0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
            cells.push(format!("{:.1}", found as f64 * 100.0 / known.len() as f64));
            others[1] += wrong;
            if at < EDITS.len() {
                others[0] += wrong;
                right += found;
            }
        }
        cells.extend(others.map(|count: usize| count.to_string()));
        // Of precision and recall over the seven edits; what is right counts twice against what is missed or wrong.
        let f1 = 2.0 * right as f64 / (right + others[0] + EDITS.len() * known.len()) as f64;
        cells.push(format!("{f1:.3}"));
        writeln!(out, "| {rule} | {} |", cells.join(" | "))?;
        if let Some(table) = &mut table {
            table.write_record(std::iter::once(&rule).chain(&cells))?;
        }
    }
    table.map_or(Ok(()), |mut table| table.flush())
}

/// Each hash alone, all four, and the radii that are in use.
fn rules() -> Vec<(String, Rule)> {
    let mut rules: Vec<(String, Rule)> = Vec::new();
    let kinds: [(&str, Kind); 4] =
        [("ahash", |h| h.ahash), ("dhash", |h| h.dhash), ("phash", |h| h.phash), ("whash", |h| h.whash)];
    for (name, of) in kinds {
        for radius in [2, 4, 6, 8, 10, 12] {
            let near = move |a: &Seen, b: &Seen| distance(of(&a.hashes), of(&b.hashes)) <= radius;
            rules.push((format!("{name} {radius}"), Box::new(near)));
        }
    }
    for radius in [20, 28, 36, 44] {
        let near = move |a: &Seen, b: &Seen| {
            kinds.iter().map(|(_, of)| distance(of(&a.hashes), of(&b.hashes))).sum::<u32>() <= radius
        };
        rules.push((format!("all four {radius}"), Box::new(near)));
    }
    let both = |a: &Hashes, b: &Hashes| distance(a.phash, b.phash) <= 4 && distance(a.dhash, b.dhash) <= 6;
    rules.push(("phash 4 and dhash 6".to_owned(), Box::new(move |a, b| both(&a.hashes, &b.hashes))));
    rules.push(by_views("views, strict", Radii::STRICT));
    rules.push(by_views("views, usual", Radii::USUAL));
    rules
}

/// Many radii of the views, and those in use.
fn curve() -> Vec<(String, Rule)> {
    let mut rules = vec![by_views("views, strict", Radii::STRICT), by_views("views, usual", Radii::USUAL)];
    for (plain_all, view, view_all) in [(16, 4, 14), (20, 6, 20), (20, 8, 20), (24, 8, 24), (28, 8, 28), (34, 10, 34)] {
        for residual in [60, 100, 150, 200, 300] {
            rules.push(by_views("views", Radii { plain_all, view, view_all, residual, ..Radii::USUAL }));
        }
    }
    rules
}

fn by_views(name: &str, radii: Radii) -> (String, Rule) {
    let Radii { plain, plain_all, view, view_all, residual, .. } = radii;
    let name = format!("{name} {plain}/{plain_all} {view}/{view_all}, {residual} ‰");
    (name, Box::new(move |a: &Seen, b: &Seen| are_near(&a.views, &b.views, &radii)))
}
