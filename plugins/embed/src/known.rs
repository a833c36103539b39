//! An image that is known by its digest, from a file that may have changed since.

use plugin_decode::{DecodedImage, Limits, Scale, decode_scaled};
use std::path::Path;

/// The image in a file, at the scale at which `decode` sends it; none when the file is too large, is no image, or is not the one of this BLAKE3 digest.
pub fn known(path: &Path, digest: &str, limits: &Limits) -> Option<DecodedImage> {
    if std::fs::metadata(path).ok()?.len() > limits.max_bytes {
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    let same = blake3::hash(&bytes).to_hex().as_str() == digest;
    same.then(|| decode_scaled(&bytes, limits, Scale::default()).ok()).flatten().map(|raster| raster.image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        limits: Limits,
    }

    #[test]
    fn image_is_read_by_its_digest_and_within_limits_only() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/odd/good/blobs.png");
        let digest = blake3::hash(&std::fs::read(&file).unwrap()).to_hex().to_string();
        let limits = |line: &str| Line::parse_from(std::iter::once("x").chain(line.split_whitespace())).limits;
        assert!(known(&file, &digest, &limits("")).is_some());
        assert!(known(&file, "another", &limits("")).is_none());
        assert!(known(&file, &digest, &limits("--max-bytes 10")).is_none());
        assert!(known(Path::new("nowhere.png"), &digest, &limits("")).is_none());
    }
}
