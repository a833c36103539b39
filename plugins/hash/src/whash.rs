//! Wavelet hash.

use crate::grey::Grey;
use crate::haar::{Square, approximation, without_mean};
use crate::{PerceptualHash, bits, lanczos};

/// Which of 8 × 8 fields are above the median of their Haar approximation. Source: imagehash's `whash`, after
/// <https://www.kaggle.com/c/avito-duplicate-ads-detection/>.
#[derive(Clone, Copy, Debug)]
pub struct WaveletHash;

const SIDE: usize = 8;

impl PerceptualHash for WaveletHash {
    fn name(&self) -> &'static str {
        "whash"
    }

    fn about(&self) -> &'static str {
        "which of 8 × 8 fields of the Haar wavelet transform are above their median"
    }

    fn hash(&self, image: &Grey) -> u64 {
        let side = side(image);
        of_square(&lanczos::resize(image, side, side), side)
    }
}

/// The largest power of two that fits into the image, at least 8.
pub fn side(image: &Grey) -> usize {
    (1_usize << image.width().min(image.height()).ilog2()).max(SIDE)
}

/// The hash of an image at [`side`] × [`side`].
pub fn of_square(pixels: &[u8], side: usize) -> u64 {
    by_sums(pixels, side).unwrap_or_else(|| by_wavelets(pixels, side))
}

/// The approximation is the mean of a block but for rounding, so whole sums decide, unless two are equal at the
/// median. A photo of 12 megapixels spares a transform of four million numbers this way.
fn by_sums(pixels: &[u8], side: usize) -> Option<u64> {
    let block = side / SIDE;
    let mut sums = [0_u64; SIDE * SIDE];
    for (y, row) in pixels.chunks_exact(side).enumerate() {
        for (x, part) in row.chunks_exact(block).enumerate() {
            sums[y / block * SIDE + x] += part.iter().map(|&p| u64::from(p)).sum::<u64>();
        }
    }
    let mut sorted = sums;
    sorted.sort_unstable();
    let [below, above] = [sorted[SIDE * SIDE / 2 - 1], sorted[SIDE * SIDE / 2]];
    (below < above).then(|| bits(sums.iter().map(|&sum| sum >= above)))
}

fn by_wavelets(pixels: &[u8], side: usize) -> u64 {
    let square = Square { side, values: pixels.iter().map(|&p| f64::from(p) / 255.0).collect() };
    let low = approximation(without_mean(square), (side / SIDE).ilog2());
    let median = median(&low.values);
    bits(low.values.iter().map(|&v| v > median))
}

/// The median as numpy's: the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    match sorted.as_slice() {
        [] => 0.0,
        some if some.len().is_multiple_of(2) => f64::midpoint(some[some.len() / 2 - 1], some[some.len() / 2]),
        some => some[some.len() / 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn equal_fields_at_the_median_are_left_to_the_wavelets() {
        assert_eq!(by_sums(&[9; 256], 16), None);
    }

    proptest! {
        #[test]
        fn sums_and_wavelets_agree(pixels in proptest::collection::vec(0_u8.., 32 * 32)) {
            if let Some(hash) = by_sums(&pixels, 32) {
                prop_assert_eq!(hash, by_wavelets(&pixels, 32));
            }
        }

        #[test]
        fn images_of_any_size_have_a_hash(width in 1_usize..70, height in 1_usize..70, value in 0_u8..) {
            let image = Grey::new(width, height, vec![value; width * height]).unwrap();
            let _ = WaveletHash.hash(&image);
        }
    }
}
