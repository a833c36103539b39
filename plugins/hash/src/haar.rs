//! The Haar wavelet transform, rounding for rounding as PyWavelets 1.9 computes it.
//!
//! imagehash compares wavelet coefficients with their median; where fields are equal (plain backgrounds), only the
//! noise of the last bits decides, so the order of the additions matters.

use std::f64::consts::FRAC_1_SQRT_2 as S;

/// A square of numbers, row after row.
#[derive(Clone, Debug, PartialEq)]
pub struct Square {
    /// Length of a side; a power of two.
    pub side: usize,
    /// `side × side` numbers.
    pub values: Vec<f64>,
}

/// One level: the approximation, and the details of the same size.
struct Level {
    low: Square,
    /// Low in the columns and high in the rows; high, low; high, high.
    details: [Square; 3],
}

/// `pywt.wavedec2(…, "haar", level)`: the approximation after some levels.
pub fn approximation(square: Square, levels: u32) -> Square {
    (0..levels).fold(square, |square, _| down(&square).low)
}

/// The image without its coarsest approximation: all levels down, the last approximation zeroed, and up again.
pub fn without_mean(square: Square) -> Square {
    let mut details = Vec::new();
    let mut low = square;
    while low.side > 1 {
        let level = down(&low);
        low = level.low;
        details.push(level.details);
    }
    low.values.fill(0.0);
    while let Some(detail) = details.pop() {
        low = up(&low, &detail);
    }
    low
}

/// Sums and differences of neighbours along the columns (axis 0), then along the rows.
fn down(square: &Square) -> Level {
    let [low, high] = split_columns(square);
    let [low_low, low_high] = split_rows(&low, square.side);
    let [high_low, high_high] = split_rows(&high, square.side);
    let half = |values| Square { side: square.side / 2, values };
    Level { low: half(low_low), details: [half(low_high), half(high_low), half(high_high)] }
}

fn split_columns(square: &Square) -> [Vec<f64>; 2] {
    let pairs = || {
        square.values.chunks_exact(square.side * 2).flat_map(|two| {
            let (first, second) = two.split_at(square.side);
            first.iter().zip(second)
        })
    };
    [pairs().map(|(a, b)| S * b + S * a).collect(), pairs().map(|(a, b)| -S * b + S * a).collect()]
}

fn split_rows(values: &[f64], side: usize) -> [Vec<f64>; 2] {
    debug_assert!(side.is_multiple_of(2));
    let pairs = values.as_chunks::<2>().0;
    [pairs.iter().map(|[a, b]| S * b + S * a).collect(), pairs.iter().map(|[a, b]| -S * b + S * a).collect()]
}

/// The inverse of [`down`]: rows first, then columns.
fn up(low: &Square, [low_high, high_low, high_high]: &[Square; 3]) -> Square {
    let upper = join_rows(&low.values, &low_high.values);
    let lower = join_rows(&high_low.values, &high_high.values);
    let side = low.side * 2;
    let mut values = Vec::with_capacity(side * side);
    for (a, d) in upper.chunks_exact(side).zip(lower.chunks_exact(side)) {
        values.extend(a.iter().zip(d).map(|(a, d)| S * a + S * d));
        values.extend(a.iter().zip(d).map(|(a, d)| S * a + -S * d));
    }
    Square { side, values }
}

fn join_rows(low: &[f64], high: &[f64]) -> Vec<f64> {
    low.iter().zip(high).flat_map(|(a, d)| [S * a + S * d, S * a + -S * d]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(side: usize) -> Square {
        Square { side, values: (0..side * side).map(|i| (i * 31 % 101) as f64 / 255.0).collect() }
    }

    #[test]
    fn the_approximation_is_the_scaled_mean_of_blocks() {
        let square = some(8);
        let low = approximation(square.clone(), 2);
        let first: f64 = (0..4).flat_map(|y| (0..4).map(move |x| y * 8 + x)).map(|i| square.values[i]).sum();
        assert_eq!(low.side, 2);
        assert!((low.values[0] - first / 4.0).abs() < 1e-12);
    }

    #[test]
    fn only_the_mean_is_taken_away() {
        let square = some(16);
        let mean = square.values.iter().sum::<f64>() / 256.0;
        let without = without_mean(square.clone());
        assert!(square.values.iter().zip(&without.values).all(|(a, b)| (a - mean - b).abs() < 1e-12));
    }
}
