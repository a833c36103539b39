//! Prints path, ahash, dhash, phash and whash of the images named, as imagehash writes them: to hold the two against
//! each other. `cargo run -p plugin-hash --example hashes -- *.png`

use std::io::Write;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    for path in std::env::args().skip(1) {
        match plugin_decode::decode(&std::fs::read(&path)?, &plugin_decode::Limits::default()) {
            Ok(p) => {
                let h = plugin_hash::Hashes::of(p.width, p.height, &p.pixels).unwrap_or_default();
                writeln!(out, "{path}\t{:016x}\t{:016x}\t{:016x}\t{:016x}", h.ahash, h.dhash, h.phash, h.whash)?;
            }
            Err(error) => writeln!(out, "{path}\t{error}")?,
        }
    }
    Ok(())
}
