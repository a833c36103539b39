//! Difference hash.

use crate::grey::Grey;
use crate::{PerceptualHash, bits, lanczos};

/// Where brightness grows from left to right. Source:
/// <https://www.hackerfactor.com/blog/index.php?/archives/529-Kind-of-Like-That.html>.
#[derive(Clone, Copy, Debug)]
pub struct DifferenceHash;

impl PerceptualHash for DifferenceHash {
    fn name(&self) -> &'static str {
        "dhash"
    }

    fn about(&self) -> &'static str {
        "where brightness grows from left to right"
    }

    fn hash(&self, image: &Grey) -> u64 {
        let fields = lanczos::resize(image, 9, 8);
        bits(fields.chunks_exact(9).flat_map(|row| row.windows(2).map(|pair| pair[1] > pair[0])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_rows_are_ones_and_falling_rows_zeros() {
        let growing = |i: usize| i % 9 * 20;
        let pixels = (0..72).map(|i| if i < 36 { growing(i) as u8 } else { 255 - growing(i) as u8 }).collect();
        assert_eq!(DifferenceHash.hash(&Grey::new(9, 8, pixels).unwrap()), 0xFFFF_FFFF_0000_0000);
    }
}
