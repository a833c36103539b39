//! The inverse cosine transform of a block's lowest N × N frequencies to N × N samples.
//!
//! What remains of a block at N eighths of its size: its lowest frequencies, taken for those of a smaller block.

use std::f32::consts::PI;
use std::sync::LazyLock;

/// Samples of a side that can be had: `1 << log`.
const SIDES: usize = 3;

/// `√(2 / 8) cos((2x + 1) u π / 2N)`, `√(1 / 8)` for `u = 0`; by log N, `u`, `x`.
static WAVES: LazyLock<[[[f32; 4]; 4]; SIDES]> = LazyLock::new(|| {
    std::array::from_fn(|log| {
        let side = (1 << log) as f32;
        std::array::from_fn(|u| {
            let scale = if u == 0 { 0.125_f32 } else { 0.25 }.sqrt();
            std::array::from_fn(|x| scale * ((2 * x + 1) as f32 * u as f32 * PI / (2.0 * side)).cos())
        })
    })
});

/// Brightness of `side × side` samples, side 1, 2 or 4, from the coefficients (rows of four), dequantised.
pub fn samples(coefficients: &[f32; 16], side: usize) -> [u8; 16] {
    let waves = &WAVES[side.ilog2() as usize];
    let mut rows = [0.0; 16];
    for v in 0..side {
        for x in 0..side {
            rows[v * 4 + x] = (0..side).map(|u| coefficients[v * 4 + u] * waves[u][x]).sum();
        }
    }
    let mut samples = [0; 16];
    for y in 0..side {
        for x in 0..side {
            let value: f32 = (0..side).map(|v| rows[v * 4 + x] * waves[v][y]).sum();
            samples[y * 4 + x] = (value + 128.5).clamp(0.0, 255.0) as u8;
        }
    }
    samples
}

/// The one sample of a block at an eighth of its size, as [`samples`] has it.
pub fn shade(mean: i32) -> u8 {
    (mean as f32 * WAVE * WAVE + 128.5).clamp(0.0, 255.0) as u8
}

/// `√(1 / 8)`.
const WAVE: f32 = 0.353_553_39;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_is_the_first_coefficient_at_any_size() {
        let mut coefficients = [0.0; 16];
        coefficients[0] = 8.0 * 50.0;
        for side in [1, 2, 4] {
            let samples = samples(&coefficients, side);
            assert!((0..side * side).all(|i| samples[i / side * 4 + i % side] == 178), "{side} {samples:?}");
        }
    }

    #[test]
    fn a_shade_is_the_sample_of_a_block_of_one() {
        for mean in -5000..5000 {
            let mut coefficients = [0.0; 16];
            coefficients[0] = mean as f32;
            assert_eq!(shade(mean), samples(&coefficients, 1)[0], "{mean}");
        }
    }

    #[test]
    fn a_slope_stays_a_slope() {
        let mut coefficients = [0.0; 16];
        coefficients[1] = -200.0;
        let samples = samples(&coefficients, 4);
        // 128 ± 200 / 4 · √½ · cos(π / 8), and cos(3π / 8).
        assert_eq!(samples[..4], [95, 114, 142, 161]);
        assert_eq!(samples[..4], samples[12..]);
    }
}
