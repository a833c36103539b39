//! Decodes files and writes what is seen: `decode OUT FILE…` makes `OUT/0.ppm`, `OUT/1.ppm` and so on, or `OUT/0.txt` with the
//! reason and its text where a file is refused. `decode --time FILE…` prints milliseconds a file instead. For
//! `tests/peers/decode_vectors.py`.
#![allow(clippy::print_stdout, reason = "a program for the command line")]

use plugin_decode::{Limits, decode};
use std::path::Path;
use std::time::Instant;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let Some(out) = arguments.next() else { return Ok(()) };
    for (n, path) in arguments.enumerate() {
        let bytes = std::fs::read(&path)?;
        let started = Instant::now();
        let decoded = decode(&bytes, &Limits::default());
        if out == "--time" {
            println!(
                "{:8.1} ms {path} {:?}",
                started.elapsed().as_secs_f64() * 1000.0,
                decoded.map_err(|error| error.reason())
            );
            continue;
        }
        match decoded {
            Ok(image) => {
                let mut file = format!("P6\n{} {}\n255\n", image.width, image.height).into_bytes();
                file.extend(image.pixels);
                std::fs::write(Path::new(&out).join(format!("{n}.ppm")), file)?;
            }
            Err(error) => {
                std::fs::write(Path::new(&out).join(format!("{n}.txt")), format!("{}: {error}", error.reason()))?;
            }
        }
    }
    Ok(())
}
