//! Perceptual hash by the discrete cosine transform.

use crate::grey::Grey;
use crate::{PerceptualHash, bits, dct, lanczos, whash::median};

/// Which of the 8 × 8 lowest frequencies are above their median. Source:
/// <https://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html>, as imagehash's `phash`.
#[derive(Clone, Copy, Debug)]
pub struct DctHash;

const SIDE: usize = 32;
const KEPT: usize = 8;

impl PerceptualHash for DctHash {
    fn name(&self) -> &'static str {
        "phash"
    }

    fn about(&self) -> &'static str {
        "which of the 8 × 8 lowest frequencies are above their median"
    }

    fn hash(&self, picture: &Grey) -> u64 {
        let pixels = lanczos::resize(picture, SIDE, SIDE);
        let columns: Vec<Vec<f64>> = (0..SIDE)
            .map(|x| dct::transform(&(0..SIDE).map(|y| f64::from(pixels[y * SIDE + x])).collect::<Vec<_>>()))
            .collect();
        let row = |y: usize| dct::transform(&columns.iter().map(|column| column[y]).collect::<Vec<_>>());
        let low: Vec<f64> = (0..KEPT).flat_map(|y| row(y).into_iter().take(KEPT)).collect();
        let median = median(&low);
        bits(low.iter().map(|&c| c > median))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_picture_has_only_its_mean() {
        let plain = Grey::new(32, 32, vec![77; 1024]).unwrap();
        assert_eq!(DctHash.hash(&plain), 1 << 63);
    }
}
