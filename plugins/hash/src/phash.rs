//! Perceptual hash by the discrete cosine transform.

use crate::grey::Grey;
use crate::{PerceptualHash, bits, dct, lanczos, whash::median};

/// Which of the 8 × 8 lowest frequencies are above their median. Source:
/// <https://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html>, as imagehash's `phash`.
#[derive(Clone, Copy, Debug)]
pub struct DctHash;

/// Pixels of a side that the transform takes.
pub const SIDE: usize = 32;
const KEPT: usize = 8;

impl PerceptualHash for DctHash {
    fn name(&self) -> &'static str {
        "phash"
    }

    fn about(&self) -> &'static str {
        "which of the 8 × 8 lowest frequencies are above their median"
    }

    fn hash(&self, image: &Grey) -> u64 {
        of_square(&lanczos::resize(image, SIDE, SIDE))
    }
}

/// The hash of an image at [`SIDE`] × [`SIDE`].
pub fn of_square(pixels: &[u8]) -> u64 {
    let rows: Vec<[f64; SIDE]> = pixels.as_chunks::<SIDE>().0.iter().map(|row| row.map(f64::from)).collect();
    let columns = dct::transform(&rows, KEPT);
    let turned: Vec<[f64; KEPT]> = (0..SIDE).map(|x| std::array::from_fn(|y| columns[y][x])).collect();
    let low = dct::transform(&turned, KEPT);
    let low: Vec<f64> = (0..KEPT).flat_map(|y| low.iter().map(move |column| column[y])).collect();
    let median = median(&low);
    bits(low.iter().map(|&c| c > median))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_image_has_only_its_mean() {
        let plain = Grey::new(32, 32, vec![77; 1024]).unwrap();
        assert_eq!(DctHash.hash(&plain), 1 << 63);
    }
}
