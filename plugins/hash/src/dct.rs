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

/// The transform of a line whose length is a power of two, at most 32. Even coefficients come from the sums of mirrored pairs and
/// odd ones from their differences, so that what is zero by symmetry is exactly zero, as in scipy.
pub fn transform(line: &[f64]) -> Vec<f64> {
    let n = line.len();
    if n <= 1 {
        return line.iter().map(|x| 2.0 * x).collect();
    }
    let pairs = || line.iter().zip(line.iter().rev()).take(n / 2);
    let sums: Vec<f64> = pairs().map(|(a, b)| a + b).collect();
    let differences: Vec<f64> = pairs().map(|(a, b)| a - b).collect();
    let even = transform(&sums);
    let cosines = &COSINES[n.ilog2() as usize];
    let odd = |k: usize| -> f64 {
        let cosine = |i: usize| cosines[(k * (2 * i + 1)) % (4 * n)];
        2.0 * differences.iter().enumerate().map(|(i, d)| d * cosine(i)).sum::<f64>()
    };
    (0..n).map(|k| if k % 2 == 0 { even[k / 2] } else { odd(k) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_definition() {
        let line: Vec<f64> = (0..32).map(|i| f64::from(i * i % 97)).collect();
        for (k, value) in transform(&line).into_iter().enumerate() {
            let term = |(n, x): (usize, &f64)| x * (PI * (k * (2 * n + 1)) as f64 / 64.0).cos();
            let expected = 2.0 * line.iter().enumerate().map(term).sum::<f64>();
            assert!((value - expected).abs() < 1e-9, "{k}: {value} {expected}");
        }
    }

    #[test]
    fn a_constant_line_has_exact_zeros() {
        let line = transform(&[0.3; 32]);
        assert!(line[0] > 19.0 && line[1..].iter().all(|&y| y == 0.0), "{line:?}");
    }
}
