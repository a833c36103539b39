//! The discrete cosine transform, type II, as scipy's `dct` scales it: `y[k] = 2 Σ x[n] cos(π k (2n + 1) / 2N)`.

use std::f64::consts::PI;
use std::sync::LazyLock;

/// The longest line whose cosines are kept: the hashes take 32.
const LONGEST: usize = 32;
/// `cos(π j / 2n)` for `j` in `0..4n`, at `log2 n`.
static COSINES: LazyLock<Vec<Vec<f64>>> = LazyLock::new(|| {
    let row = |n: usize| (0..4 * n).map(|j| (PI * j as f64 / (2 * n) as f64).cos()).collect();
    (0..=LONGEST.ilog2()).map(|log| row(1 << log)).collect()
});

/// The first `kept` coefficients of each of `LINES` lines side by side, whose length is a power of two, at most 32: the
/// numbers at a place of all lines make up one array. Even coefficients come from the sums of mirrored pairs and odd ones
/// from their differences, so that what is zero by symmetry is exactly zero, as in scipy.
pub fn transform<const LINES: usize>(lines: &[[f64; LINES]], kept: usize) -> Vec<[f64; LINES]> {
    let n = lines.len();
    if n <= 1 {
        return lines.iter().take(kept).map(|x| x.map(|x| 2.0 * x)).collect();
    }
    let pairs = || lines.iter().zip(lines.iter().rev()).take(n / 2);
    let sums: Vec<[f64; LINES]> = pairs().map(|(a, b)| std::array::from_fn(|i| a[i] + b[i])).collect();
    let differences: Vec<[f64; LINES]> = pairs().map(|(a, b)| std::array::from_fn(|i| a[i] - b[i])).collect();
    let even = transform(&sums, kept.div_ceil(2));
    let cosines = &COSINES[n.ilog2() as usize];
    let odd = |k: usize| {
        let mut total = [0.0; LINES];
        for (i, difference) in differences.iter().enumerate() {
            let cosine = cosines[(k * (2 * i + 1)) % (4 * n)];
            for (sum, d) in total.iter_mut().zip(difference) {
                *sum += d * cosine;
            }
        }
        total.map(|sum| 2.0 * sum)
    };
    (0..n.min(kept)).map(|k| if k % 2 == 0 { even[k / 2] } else { odd(k) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_definition() {
        let line: Vec<[f64; 2]> = (0..32).map(|i| [f64::from(i * i % 97), f64::from(i % 5)]).collect();
        let all = transform(&line, 32);
        for (k, values) in all.iter().enumerate() {
            for (i, value) in values.iter().enumerate() {
                let term = |(n, x): (usize, &[f64; 2])| x[i] * (PI * (k * (2 * n + 1)) as f64 / 64.0).cos();
                let expected = 2.0 * line.iter().enumerate().map(term).sum::<f64>();
                assert!((value - expected).abs() < 1e-9, "{k}: {value} {expected}");
            }
        }
        assert_eq!(transform(&line, 7), all[..7]);
    }

    #[test]
    fn a_constant_line_has_exact_zeros() {
        let line = transform(&[[0.3]; 32], 32);
        assert!(line[0] > [19.0] && line[1..].iter().all(|&y| y == [0.0]), "{line:?}");
    }
}
