//! How fast `reduced` reads files: `reduced-speed [--least 224] [--rounds 1] [--on-signal] FILE_OR_FOLDER...`
//!
//! Files are in memory before time is taken. With `--on-signal` it says `ready`, waits for a line, reads each file once from disk
//! and says `done`, so that other programs can be timed beside it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program to be read, and its output")]

use plugin_decode::{Limits, reduced};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

fn main() {
    let (mut least, mut rounds, mut on_signal, mut files) = (224, 1, false, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--least" => least = arguments.next().unwrap().parse().unwrap(),
            "--rounds" => rounds = arguments.next().unwrap().parse().unwrap(),
            "--on-signal" => on_signal = true,
            path => add(PathBuf::from(path), &mut files),
        }
    }
    files.sort();
    let limits = Limits::default();
    if on_signal {
        reduced(&fs::read(&files[0]).unwrap(), &limits, least).unwrap();
        println!("ready");
        std::io::stdin().read_line(&mut String::new()).unwrap();
        for file in &files {
            reduced(&fs::read(file).unwrap(), &limits, least).unwrap();
        }
        println!("done");
        return;
    }
    let contents: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    let bytes: usize = contents.iter().map(Vec::len).sum();
    let mut best = f64::INFINITY;
    for _ in 0..rounds {
        let start = Instant::now();
        for file in &contents {
            reduced(file, &limits, least).unwrap();
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    let first = reduced(&contents[0], &limits, least).unwrap();
    println!(
        "{} files, first {} × {} as {:?}: {:.2} ms a file, {:.1} files/s, {:.0} MB/s on one core (best of {rounds})",
        files.len(),
        first.source_width,
        first.source_height,
        first.image,
        best * 1e3 / files.len() as f64,
        files.len() as f64 / best,
        bytes as f64 / best / 1e6,
    );
}

fn add(path: PathBuf, files: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap().flatten() {
            add(entry.path(), files);
        }
    } else {
        files.push(path);
    }
}
