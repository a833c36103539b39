//! Files to perceptual hashes by the `image_hasher` crate, images a second on all cores.
//!
//! ```text
//! cargo run --release --manifest-path tests/peers/image-hasher/Cargo.toml --target-dir target/peers -- FOLDER [ROUNDS]
//! ```
//!
//! In turn with `target/debug/examples/bench-hash FOLDER`, on the same images.

use image_hasher::{HashAlg, HasherConfig};
use rayon::prelude::*;
use std::time::Instant;

fn main() {
    let mut args = std::env::args().skip(1);
    let folder = args.next().expect("a folder of JPEG files");
    let rounds: u32 = args.next().map_or(1, |n| n.parse().expect("a number of rounds"));
    let mut paths: Vec<_> = std::fs::read_dir(folder).expect("a folder").flatten().map(|e| e.path()).collect();
    paths.sort();
    // As `phash`, 64 bits of the lowest frequencies.
    let hasher = HasherConfig::new().hash_size(8, 8).hash_alg(HashAlg::Mean).preproc_dct().to_hasher();
    for _ in 0..rounds {
        let start = Instant::now();
        let hashed = paths.par_iter().filter_map(|p| Some(hasher.hash_image(&image::open(p).ok()?))).count();
        println!("image_hasher: {hashed} files, {:.0} a second", hashed as f64 / start.elapsed().as_secs_f64());
    }
}
