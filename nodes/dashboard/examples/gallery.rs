//! What looking through a large data set costs: `cargo run -p node-dashboard --example gallery -- [IMAGES] [FOLDER]`.
//!
//! A catalog is filled with synthetic images, as `dataset` fills it; every tenth has something the matter. Then pages are
//! asked for over HTTP, as a browser does. With a folder, the workspace stays there, with thumbnails of its first 2,000
//! images, to be scrolled through with the example `serve`.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use clap::Parser;
use node_dashboard::web::Web;
use node_dashboard::{Config, look};
use plugin_api::{Split, Workspace};
use plugin_catalog::{File, Image, Writer, fixture};
use plugin_check::Scores;
use plugin_hash::Hashes;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

type Failure = Box<dyn std::error::Error>;

fn random(i: u64, salt: u64) -> u64 {
    let bytes = blake3::hash(&[i.to_le_bytes(), salt.to_le_bytes()].concat());
    bytes.as_bytes()[..8].iter().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

fn fill(workspace: &Workspace, images: u64) -> Result<(), Failure> {
    let mut catalog = Writer::open(workspace)?;
    for first in (0..images).step_by(10_000) {
        let mut change = catalog.change()?;
        for i in first..(first + 10_000).min(images) {
            let digest = blake3::hash(&i.to_le_bytes()).to_hex().to_string();
            let bad = |kind: u64| if i % 10 == 0 && random(i, 9) % 4 == kind { 0.01 } else { 0.9 };
            let splits = [Split::Train, Split::Train, Split::Train, Split::Validation, Split::Test];
            change.add_image(&Image {
                hashes: Hashes { phash: random(i, 2), ..Hashes::default() },
                source: (640, 480),
                scores: Scores { dark: bad(0), bright: bad(1), blur: bad(2), information: bad(3) },
                split: splits[(random(i, 1) % 5) as usize],
                ..fixture::image(&digest)
            })?;
            let path = format!("photos/class {}/{i:08}.jpg", i % 8);
            change.place(&File { size_bytes: 50_000, ..fixture::file(&path, &digest) })?;
        }
        change.commit()?;
    }
    Ok(())
}

/// Embeddings in eight clusters, one a class, so that the map has something to show.
fn embed(workspace: &Workspace, images: u64) -> Result<(), Failure> {
    let mut cache = plugin_embed::Cache::open(workspace, "gallery", 16)?;
    for i in 0..images {
        let spread = |axis: u64| (random(i, 20 + axis) % 1000) as f32 / 2500.0;
        let embedding: Vec<f32> = (0..16).map(|axis| f32::from(u8::from(axis == i % 8)) + spread(axis)).collect();
        cache.put(blake3::hash(&i.to_le_bytes()).to_hex().as_str(), &embedding)?;
    }
    Ok(cache.sync()?)
}

/// Milliseconds until the whole answer is there, and its bytes.
fn ask(address: &str, path: &str) -> Result<(f64, usize), Failure> {
    let begun = Instant::now();
    let answer = ask_for(address, path)?;
    Ok((begun.elapsed().as_secs_f64() * 1e3, answer.len()))
}

fn ask_for(address: &str, path: &str) -> Result<Vec<u8>, Failure> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    if !answer.starts_with(b"HTTP/1.1 200") {
        return Err(String::from_utf8_lossy(&answer).into_owned().into());
    }
    Ok(answer)
}

fn main() -> Result<(), Failure> {
    let images: u64 = std::env::args().nth(1).map_or(Ok(100_000), |text| text.parse())?;
    let kept = std::env::args().nth(2).map(PathBuf::from);
    let folder = tempfile::tempdir()?;
    let workspace = Workspace::create(kept.as_deref().unwrap_or(folder.path()))?;
    fill(&workspace, images)?;
    embed(&workspace, images)?;
    let begun = Instant::now();
    let (view, _) = std::sync::Arc::new(look::Library::new(workspace.clone())).view()?;
    println!("{} files: the catalog view is read in {:.0} ms", view.items.len(), begun.elapsed().as_secs_f64() * 1e3);
    if kept.is_some() {
        let cache = plugin_thumbnail::Cache::new(workspace.dataset().join("thumbnails"));
        for item in view.items.iter().take(2_000) {
            let [red, green, blue, ..] = random(u64::from(item.facts.width), item.phash).to_le_bytes();
            let image = image::RgbImage::from_fn(200, 150, |x, y| image::Rgb([red, green ^ x as u8, blue ^ y as u8]));
            cache.put(&item.digest, &plugin_thumbnail::encode(&image, 78).unwrap_or_default());
        }
    }
    drop(view);
    let begun = Instant::now();
    let web = Web::start(Config::try_parse_from(["dashboard", "--listen", "127.0.0.1:0"])?, workspace)?;
    let address = loop {
        if let Some(rest) = web.state().strip_prefix("http://") {
            break rest.split('/').next().unwrap_or_default().to_owned();
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    ask(&address, "/")?;
    println!("from the start to the page: {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    for after in ["right after the start, while the catalog view is read", "again", "and again"] {
        let (ms, _) = ask(&address, "/api/pictures?count=120")?;
        println!("the first page of all, {after}: {ms:.1} ms");
    }
    while !String::from_utf8_lossy(&ask_for(&address, "/api/pictures?count=1")?).contains("\"whole\":true") {
        std::thread::sleep(Duration::from_millis(1));
    }
    println!("from the start to the whole catalog view: {:.0} ms", begun.elapsed().as_secs_f64() * 1e3);
    for (what, path) in [
        ("first page", "/api/pictures?count=120"),
        ("first page of a class", "/api/pictures?class=class%203&count=120"),
        ("first page of a flag in a class", "/api/pictures?class=class%203&flag=blur&count=120"),
        ("a page in the middle", "/api/pictures?from=50000&count=120"),
        ("the last page", "/api/pictures?from=99900&count=120"),
        ("those that came in a span of days", "/api/pictures?since_ms=1&until_ms=4000000000000&count=120"),
        ("the map", "/api/map"),
    ] {
        let mut times = Vec::new();
        let mut bytes = 0;
        for _ in 0..21 {
            let (ms, n) = ask(&address, path)?;
            times.push(ms);
            bytes = n;
        }
        times.sort_by(f64::total_cmp);
        println!("{what}: median {:.1} ms, slowest of 21 {:.1} ms, {} kB", times[10], times[20], bytes / 1000);
    }
    Ok(())
}
