//! What a coefficient adds to the samples of its block.
//!
//! A sample of a reduced block is the mean of the pixels it covers, as in libjpeg's reduced transforms (jidctred.c): the sum of
//! each coefficient times a constant of the sample. So there is no transform: samples are summed up while coefficients are
//! read, of which most are zero.

use std::f32::consts::PI;

/// Where a coefficient stands in rows of eight, by its place in zigzag order (T.81, figure A.6).
const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21,
    28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54,
    47, 55, 62, 63,
];

/// By place in zigzag order: what one quantisation step adds to each of up to `N` samples, row after row.
pub type Patterns<const N: usize> = [[f32; N]; 64];

/// The patterns for `wide × high` samples a block, at most `N`.
pub fn patterns<const N: usize>(wide: usize, high: usize, quantisation: &[u16; 64]) -> Patterns<N> {
    let (across, down) = (weights(wide), weights(high));
    let mut patterns = [[0.0; N]; 64];
    for ((pattern, &place), &step) in patterns.iter_mut().zip(&ZIGZAG).zip(quantisation) {
        let (v, u) = (usize::from(place / 8), usize::from(place % 8));
        for (i, sample) in pattern.iter_mut().enumerate().take(wide * high) {
            *sample = f32::from(step) * across[u][i % wide] * down[v][i / wide];
        }
    }
    patterns
}

/// By frequency and sample: the mean of the frequency's wave over the pixels of one of `count` samples, 1 to 8.
fn weights(count: usize) -> [[f32; 8]; 8] {
    let mut weights = [[0.0; 8]; 8];
    for (u, row) in weights.iter_mut().enumerate() {
        let scale = if u == 0 { 0.125_f32.sqrt() } else { 0.5 };
        for (x, weight) in row.iter_mut().enumerate().take(count) {
            *weight = if 8 % count == 0 {
                let pixels = 8 / count;
                let wave = |i: usize| ((2 * i + 1) as f32 * u as f32 * PI / 16.0).cos();
                scale * (x * pixels..(x + 1) * pixels).map(wave).sum::<f32>() / pixels as f32
            } else if u < count {
                // Samples that pixels can't be dealt out to: the lowest frequencies are those of a smaller block.
                scale * ((2 * x + 1) as f32 * u as f32 * PI / (2 * count) as f32).cos()
            } else {
                0.0
            };
        }
    }
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_means_of_the_pixels_they_cover() {
        let quantisation: [u16; 64] = std::array::from_fn(|i| i as u16 + 1);
        let pixels = patterns::<64>(8, 8, &quantisation);
        for (wide, high) in [(1, 1), (2, 1), (1, 2), (2, 2), (4, 2), (4, 4), (8, 4)] {
            let reduced = patterns::<64>(wide, high, &quantisation);
            for (pixels, reduced) in pixels.iter().zip(&reduced) {
                for (i, &sample) in reduced.iter().enumerate().take(wide * high) {
                    let covered = |at: &usize| at % 8 * wide / 8 == i % wide && at / 8 * high / 8 == i / wide;
                    let sum: f32 = (0..64).filter(covered).map(|at| pixels[at]).sum();
                    assert!((sum * (wide * high) as f32 / 64.0 - sample).abs() < 1e-3, "{wide} {high} {i}");
                }
            }
        }
    }

    #[test]
    fn the_first_coefficient_is_eight_times_the_mean() {
        for side in [1, 2, 3, 4, 6, 8] {
            let patterns = patterns::<64>(side, side, &[16; 64]);
            assert!((0..side * side).all(|i| (patterns[0][i] - 2.0).abs() < 1e-5), "{side}");
        }
    }
}
