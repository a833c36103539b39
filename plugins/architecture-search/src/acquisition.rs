//! How much a network is expected to gain before it is trained.

use crate::gaussian_process::Prediction;
use crate::normal::{cumulative, density};
use crate::pareto::{Point, front};

/// Expected improvement below `best`: Jones, Schonlau and Welch 1998, Efficient Global Optimization of Expensive Black-Box
/// Functions.
pub fn expected_improvement(prediction: Prediction, best: f64) -> f64 {
    expected_below(best, prediction)
}

/// `E max(bound − Y, 0)` of a normal variable `Y`, which is `∫ P(Y ≤ z) dz` up to the bound.
fn expected_below(bound: f64, Prediction { mean, deviation }: Prediction) -> f64 {
    if bound == f64::NEG_INFINITY {
        return 0.0;
    }
    if deviation <= 0.0 {
        return (bound - mean).max(0.0);
    }
    let z = (bound - mean) / deviation;
    ((bound - mean) * cumulative(z) + deviation * density(z)).max(0.0)
}

/// Expected gain of hypervolume below `reference`, both objectives to be small, the two independent: Emmerich, Deutz and
/// Klinkenberg 2011 (Hypervolume-based expected improvement: monotonicity properties and exact computation), in the form of Yang,
/// Emmerich, Deutz and Bäck 2019 (Multi-objective Bayesian global optimization using expected hypervolume improvement gradient):
/// the region that no point of the front dominates is cut into strips, and over each the integral of
/// `P(Y₁ ≤ z₁) P(Y₂ ≤ z₂)` is a product of two expected improvements' differences.
pub fn expected_hypervolume_improvement(predictions: [Prediction; 2], points: &[Point], reference: Point) -> f64 {
    let inside: Vec<Point> = points.iter().copied().filter(|p| p[0] < reference[0] && p[1] < reference[1]).collect();
    let mut sum = 0.0;
    let mut left = f64::NEG_INFINITY;
    let mut cap = reference[1];
    let corners = front(&inside).into_iter().map(|i| inside[i]).chain([[reference[0], f64::NEG_INFINITY]]);
    for [right, below] in corners {
        let width = expected_below(right, predictions[0]) - expected_below(left, predictions[0]);
        sum += width * expected_below(cap, predictions[1]);
        (left, cap) = (right, below);
    }
    sum.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pareto::hypervolume;

    fn prediction(mean: f64, deviation: f64) -> Prediction {
        Prediction { mean, deviation }
    }

    /// By hand: at the bound it is `σ φ(0)`; far below, the distance.
    #[test]
    fn improvement_has_its_known_values() {
        let at = |mean, deviation| expected_improvement(prediction(mean, deviation), 0.3);
        assert!((at(0.3, 0.2) - 0.2 * 0.398_942_280_401_432_7).abs() < 1e-12);
        assert!((at(0.1, 0.0) - 0.2).abs() < 1e-12);
        assert_eq!(at(0.4, 0.0), 0.0);
        // scipy: (0.3 - 0.35) * norm.cdf(-0.5) + 0.1 * norm.pdf(-0.5)
        assert!((at(0.35, 0.1) - 0.019_779_655_673_649_24).abs() < 1e-6);
        assert!(at(5.0, 0.1) >= 0.0);
    }

    #[test]
    fn without_doubt_the_gain_is_that_of_the_hypervolume() {
        let (points, reference) = ([[1.0, 3.0], [2.0, 2.0], [3.0, 1.0]], [4.0, 4.0]);
        for new in [[0.5, 3.5], [1.5, 1.5], [2.5, 2.5], [0.0, 0.0], [3.5, 0.5], [5.0, 0.0]] {
            let mut with = points.to_vec();
            with.push(new);
            let gain = hypervolume(&with, reference) - hypervolume(&points, reference);
            let found = expected_hypervolume_improvement(new.map(|mean| prediction(mean, 0.0)), &points, reference);
            assert!((found - gain).abs() < 1e-9, "{new:?}: {found} {gain}");
        }
    }

    /// A sum over a fine grid of quantiles of both variables.
    #[test]
    fn with_doubt_it_is_the_mean_gain() {
        let (points, reference) = ([[0.2, 3.0], [0.5, 1.0]], [1.0, 4.0]);
        let predictions = [prediction(0.4, 0.2), prediction(1.5, 0.7)];
        let steps = 400;
        let grid: Vec<(f64, f64)> = (0..steps)
            .map(|i| {
                let z = -6.0 + 12.0 * (f64::from(i) + 0.5) / f64::from(steps);
                (z, density(z) * 12.0 / f64::from(steps))
            })
            .collect();
        let before = hypervolume(&points, reference);
        let mut mean = 0.0;
        for (a, weight_a) in &grid {
            for (b, weight_b) in &grid {
                let new = [
                    predictions[0].mean + a * predictions[0].deviation,
                    predictions[1].mean + b * predictions[1].deviation,
                ];
                mean += weight_a * weight_b * (hypervolume(&[points[0], points[1], new], reference) - before);
            }
        }
        let found = expected_hypervolume_improvement(predictions, &points, reference);
        assert!((found - mean).abs() < 2e-4, "{found} {mean}");
        let known = expected_hypervolume_improvement([predictions[0], prediction(1.5, 0.0)], &points, reference);
        assert!(known > 0.0 && (known - found).abs() < 0.5 * found);
    }
}
