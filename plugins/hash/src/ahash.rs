//! Average hash.

use crate::grey::Grey;
use crate::{PerceptualHash, bits, lanczos};

/// Which of 8 × 8 fields are brighter than the image's mean. Source:
/// <https://www.hackerfactor.com/blog/index.php?/archives/432-Looks-Like-It.html>.
#[derive(Clone, Copy, Debug)]
pub struct AverageHash;

impl PerceptualHash for AverageHash {
    fn name(&self) -> &'static str {
        "ahash"
    }

    fn about(&self) -> &'static str {
        "which of 8 × 8 fields are brighter than the mean"
    }

    fn hash(&self, image: &Grey) -> u64 {
        let fields = lanczos::resize(image, 8, 8);
        let sum: u32 = fields.iter().map(|&f| u32::from(f)).sum();
        bits(fields.iter().map(|&f| u32::from(f) * 64 > sum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bright_half_has_the_ones() {
        let left_is_bright = (0..64).map(|i| if i % 8 < 4 { 200 } else { 10 }).collect();
        let image = Grey::new(8, 8, left_is_bright).unwrap();
        assert_eq!(AverageHash.hash(&image), 0xF0F0_F0F0_F0F0_F0F0);
    }
}
