//! What looking through a large data set costs, but for its thumbnails and the network:
//! `cargo run -p node-inspect --features libtorch --example look-through -- [FILES]`.
//!
//! Synthetic records of 8 classes: one in forty is a near-copy of another, a tenth of those of another class, and one group
//! of a hundredth of all files spans two classes.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use node_inspect::find::labels::Search;
use node_inspect::find::{classes, conflicts, duplicates, issues};
use node_inspect::page::Report;
use node_inspect::record::Record;
use node_inspect::thumbnails::Thumbnails;
use plugin_api::Labels;
use plugin_check::{Facts, Scores};
use plugin_decode::Limits;
use plugin_review::Settled;
use std::path::Path;
use std::time::Instant;

fn record(i: u64, files: u64) -> Record {
    let copy = i.is_multiple_of(40) && i > 0;
    let family = i % 100 == 1;
    let class = if i.is_multiple_of(400) { 7 } else { i % if family { 2 } else { 8 } };
    let mixed =
        |salt: u64| (i ^ salt).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (i.wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 7);
    let score = |salt: u64| (mixed(salt) >> 40) as f32 / (1 << 24) as f32;
    let group = if family {
        files
    } else if copy {
        i / 2
    } else {
        i
    };
    Record {
        path: format!("photos/class {class}/{i:08}.jpg"),
        label: Some(format!("class {class}")),
        digest: blake3::hash(&i.to_le_bytes()).to_hex().to_string(),
        pixel_digest: blake3::hash(&i.to_le_bytes()).to_hex().to_string(),
        group: blake3::hash(&group.to_le_bytes()).to_hex().to_string(),
        split: "train".to_owned(),
        size_bytes: 10_000 + i,
        hashes: [mixed(1), mixed(2)],
        facts: Facts {
            width: 640,
            height: 480,
            scores: Scores { dark: score(3), bright: score(4), blur: score(5), information: score(6) },
        },
    }
}

/// A line of `/proc/self/status`, MB.
fn memory_mb(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() / 1024
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    println!("{what}: {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    done
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files: u64 = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let mut records: Vec<Record> = (0..files).map(|i| record(i, files)).collect();
    records.sort_by(|a, b| a.path.cmp(&b.path));
    println!("{files} records, memory {} MB", memory_mb("VmRSS"));
    let search = Search::Off;
    let report = Report {
        version: 1,
        made_ms: 0,
        records: &records,
        classes: timed("classes", || classes::find(&records, Labels::Single)),
        duplicates: timed("duplicates", || duplicates::find(&records)),
        conflicts: timed("conflicts", || conflicts::find(&records, Labels::Single, &Settled::default())),
        issues: timed("issues", || issues::find(&records)),
        search: &search,
        forecasts: None,
    };
    let (duplicates, conflicts, issues) = (report.duplicates.len(), report.conflicts.len(), report.issues.len());
    println!("{duplicates} duplicates, {conflicts} conflicts, {issues} issues");
    let tables = timed("tables", || {
        let tables =
            [duplicates::csv(&report.duplicates)?, conflicts::csv(&report.conflicts)?, issues::csv(&report.issues)?];
        Ok::<usize, csv::Error>(tables.iter().map(Vec::len).sum())
    })?;
    let thumbnails = Thumbnails::new(Path::new("."), Limits::default());
    let page = timed("page", || report.html(40, &thumbnails, plugin_report::Words::default()));
    println!("{tables} bytes of tables, {} of page, memory at most {} MB", page.len(), memory_mb("VmHWM"));
    Ok(())
}
