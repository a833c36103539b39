//! Writes the decoded pixels of images as `0.ppm`, `1.ppm` … into a folder: what `tests/peers/imagehash_vectors.py`
//! hands to imagehash. `cargo run -p plugin-hash --example decoded -- FOLDER *.jpg`

use plugin_decode::{Limits, decode};
use std::io::{Error, Write};
use std::path::PathBuf;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().ok_or_else(|| Error::other("name a folder"))?;
    for (index, path) in arguments.enumerate() {
        let image = decode(&std::fs::read(&path)?, &Limits::default()).map_err(Error::other)?;
        let mut file = std::fs::File::create(folder.join(format!("{index}.ppm")))?;
        writeln!(file, "P6 {} {} 255", image.width, image.height)?;
        file.write_all(&image.pixels)?;
    }
    Ok(())
}
