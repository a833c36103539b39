//! The standard normal distribution.

use std::f64::consts::{PI, SQRT_2};

/// Density at `x`.
pub fn density(x: f64) -> f64 {
    (-0.5 * x * x).exp() / (2.0 * PI).sqrt()
}

/// Cumulative distribution at `x`, to about 1e-13.
pub fn cumulative(x: f64) -> f64 {
    0.5 * complementary_error(-x / SQRT_2)
}

/// `erfc`: the power series of `erf` (Abramowitz and Stegun 7.1.6) near 0, the continued fraction (7.1.14) beyond.
fn complementary_error(x: f64) -> f64 {
    if x < 0.0 {
        return 2.0 - complementary_error(-x);
    }
    if x < 2.5 {
        let (mut term, mut sum) = (x, x);
        for n in 1..200 {
            term *= 2.0 * x * x / f64::from(2 * n + 1);
            sum += term;
            if term < 1e-17 * sum {
                break;
            }
        }
        return 1.0 - 2.0 / PI.sqrt() * (-x * x).exp() * sum;
    }
    let mut fraction = x;
    for n in (1..=60).rev() {
        fraction = x + f64::from(n) / 2.0 / fraction;
    }
    (-x * x).exp() / PI.sqrt() / fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `scipy.stats.norm.cdf`.
    #[test]
    fn cumulative_is_that_of_scipy() {
        for (x, expected) in [
            (0.0, 0.5),
            (1.0, 0.841_344_746_068_542_9),
            (-1.0, 0.158_655_253_931_457_05),
            (1.959_963_984_540_054, 0.975),
            (-3.3, 0.000_483_424_142_383_777_2),
            (-6.0, 9.865_876_450_376_98e-10),
            (5.0, 0.999_999_713_348_428_1),
        ] {
            assert!((cumulative(x) - expected).abs() < 1e-12, "{x}: {}", cumulative(x));
        }
        assert!((cumulative(-6.0) / 9.865_876_450_376_98e-10 - 1.0).abs() < 1e-9);
        assert!((density(0.5) - 0.352_065_326_764_299_5).abs() < 1e-15);
    }
}
