//! An exact Gaussian process for regression: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, chapters
//! 2.2 (prediction, algorithm 2.1), 4.2 (the Matérn covariance with ν = 5/2, one length scale a feature) and 5.4.1 (fitting by the
//! marginal likelihood and its gradient).
//!
//! Corresponds to scikit-learn's `GaussianProcessRegressor(ConstantKernel * Matern(nu=2.5) + WhiteKernel)`. Hyperparameters are
//! the maximum a posteriori: with a few dozen attempts and twenty features, maximum likelihood would fit noise. The prior of the
//! length scales is the log-normal of Hvarfner, Hellsten and Nardi 2024 (arXiv 2402.02229), whose median grows with the square root
//! of the number of features.

use crate::linear::Cholesky;
use std::f64::consts::PI;

/// What the covariance of two points is.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// Variance of the function.
    pub signal: f64,
    /// Variance of the noise of an observation.
    pub noise: f64,
    /// Length scale of each feature.
    pub lengths: Vec<f64>,
}

/// Posterior mean and standard deviation at a point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prediction {
    /// Expected value.
    pub mean: f64,
    /// Standard deviation of the function there, without the noise of an observation.
    pub deviation: f64,
}

/// A process that has seen observations.
#[derive(Clone, Debug)]
pub struct GaussianProcess {
    kernel: Kernel,
    points: Vec<Vec<f64>>,
    factor: Cholesky,
    /// `K⁻¹ y`.
    weights: Vec<f64>,
    targets: Vec<f64>,
    /// Mean and deviation of the observations as they were given.
    scale: (f64, f64),
    /// Mean and deviation of each feature.
    feature_scales: Vec<(f64, f64)>,
}

/// Steps of the ascent that fits hyperparameters.
const STEPS: usize = 150;
/// Added to the diagonal so that equal points do no harm.
const JITTER: f64 = 1e-8;

impl Kernel {
    /// Covariance by the squared distance, scaled by the lengths.
    fn of_distance(&self, squared: f64) -> f64 {
        let root = (5.0 * squared).sqrt();
        self.signal * (1.0 + root + 5.0 * squared / 3.0) * (-root).exp()
    }

    fn squared_distance(&self, a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).zip(&self.lengths).map(|((a, b), length)| ((a - b) / length).powi(2)).sum()
    }

    fn matrix(&self, points: &[Vec<f64>]) -> Vec<f64> {
        let size = points.len();
        let mut matrix = vec![0.0; size * size];
        for (i, a) in points.iter().enumerate() {
            for (j, b) in points.iter().enumerate().take(i + 1) {
                let value = self.of_distance(self.squared_distance(a, b));
                matrix[i * size + j] = value;
                matrix[j * size + i] = value;
            }
            matrix[i * size + i] += self.noise + JITTER;
        }
        matrix
    }

    /// Log marginal likelihood of observations around 0, and its derivative by the logarithms of signal, noise and lengths;
    /// `None` when the covariance cannot be factored.
    pub fn log_likelihood(&self, points: &[Vec<f64>], targets: &[f64]) -> Option<(f64, Vec<f64>)> {
        let size = points.len();
        let factor = Cholesky::new(self.matrix(points), size)?;
        let weights = factor.solve(targets.to_vec());
        let fit: f64 = targets.iter().zip(&weights).map(|(y, w)| y * w).sum();
        let value = -0.5 * fit - 0.5 * factor.log_determinant() - 0.5 * size as f64 * (2.0 * PI).ln();
        let inverse = factor.inverse();
        let mut gradient = vec![0.0; 2 + self.lengths.len()];
        for i in 0..size {
            for j in 0..size {
                // ½ (w wᵀ − K⁻¹), by which each derivative of K is weighted (5.9).
                let outer = 0.5 * (weights[i] * weights[j] - inverse[i * size + j]);
                let squared = self.squared_distance(&points[i], &points[j]);
                gradient[0] += outer * self.of_distance(squared);
                if i == j {
                    gradient[1] += outer * self.noise;
                    continue;
                }
                let root = (5.0 * squared).sqrt();
                let slope = self.signal * 5.0 / 3.0 * (1.0 + root) * (-root).exp();
                for (of_length, length) in self.lengths.iter().enumerate() {
                    let part = ((points[i][of_length] - points[j][of_length]) / length).powi(2);
                    gradient[2 + of_length] += outer * slope * part;
                }
            }
        }
        Some((value, gradient))
    }

    fn from_logarithms(logarithms: &[f64]) -> Self {
        let values: Vec<f64> = logarithms.iter().map(|v| v.exp()).collect();
        Self { signal: values[0], noise: values[1], lengths: values[2..].to_vec() }
    }
}

/// Mean and deviation; a deviation of 0 counts as 1.
fn scale(values: impl Iterator<Item = f64> + Clone) -> (f64, f64) {
    let count = values.clone().count().max(1) as f64;
    let mean = values.clone().sum::<f64>() / count;
    let deviation = (values.map(|v| (v - mean).powi(2)).sum::<f64>() / count).sqrt();
    (mean, if deviation > 1e-12 { deviation } else { 1.0 })
}

impl GaussianProcess {
    /// Fits hyperparameters and takes up the observations; `None` without any. `points` have the same length.
    pub fn fit(points: &[Vec<f64>], targets: &[f64]) -> Option<Self> {
        let features = points.first()?.len();
        let feature_scales: Vec<(f64, f64)> =
            (0..features).map(|k| scale(points.iter().map(move |point| point[k]))).collect();
        let scaled: Vec<Vec<f64>> = points.iter().map(|point| standardised(point, &feature_scales)).collect();
        let target_scale = scale(targets.iter().copied());
        let centred: Vec<f64> = targets.iter().map(|y| (y - target_scale.0) / target_scale.1).collect();
        let kernel = maximum_a_posteriori(&scaled, &centred);
        Self::new(kernel, scaled, centred, target_scale, feature_scales)
    }

    /// Takes up observations as they are, with a given covariance; `None` when it cannot be factored.
    pub fn with_kernel(kernel: Kernel, points: Vec<Vec<f64>>, targets: Vec<f64>) -> Option<Self> {
        let feature_scales = vec![(0.0, 1.0); kernel.lengths.len()];
        Self::new(kernel, points, targets, (0.0, 1.0), feature_scales)
    }

    fn new(
        kernel: Kernel,
        points: Vec<Vec<f64>>,
        targets: Vec<f64>,
        scale: (f64, f64),
        feature_scales: Vec<(f64, f64)>,
    ) -> Option<Self> {
        let factor = Cholesky::new(kernel.matrix(&points), points.len())?;
        let weights = factor.solve(targets.clone());
        Some(Self { kernel, points, factor, weights, targets, scale, feature_scales })
    }

    /// The covariance, of standardised features and observations.
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Log marginal likelihood of the (standardised) observations.
    pub fn log_likelihood(&self) -> f64 {
        self.kernel.log_likelihood(&self.points, &self.targets).map_or(f64::NAN, |(value, _)| value)
    }

    /// What is expected at a point.
    pub fn predict(&self, point: &[f64]) -> Prediction {
        let point = standardised(point, &self.feature_scales);
        let covariances: Vec<f64> = self
            .points
            .iter()
            .map(|seen| self.kernel.of_distance(self.kernel.squared_distance(seen, &point)))
            .collect();
        let mean: f64 = covariances.iter().zip(&self.weights).map(|(k, w)| k * w).sum();
        let explained: f64 = self.factor.forward(covariances).iter().map(|v| v * v).sum();
        let variance = (self.kernel.signal - explained).max(0.0);
        Prediction { mean: self.scale.0 + self.scale.1 * mean, deviation: self.scale.1 * variance.sqrt() }
    }
}

fn standardised(point: &[f64], scales: &[(f64, f64)]) -> Vec<f64> {
    point.iter().zip(scales).map(|(value, (mean, deviation))| (value - mean) / deviation).collect()
}

/// Normal priors of the logarithms, mean and deviation: signal around 1, noise around a twentieth of the variance, lengths as said.
fn priors(features: usize) -> Vec<(f64, f64)> {
    let length = (2.0_f64.sqrt() + 0.5 * (features.max(1) as f64).ln(), 3.0_f64.sqrt());
    [(0.0, 1.0), (0.05_f64.ln(), 1.0)].into_iter().chain(std::iter::repeat_n(length, features)).collect()
}

/// Ascent with Adam (Kingma and Ba 2014, arXiv 1412.6980) from the middle of the priors; the best kernel met.
fn maximum_a_posteriori(points: &[Vec<f64>], targets: &[f64]) -> Kernel {
    let priors = priors(points.first().map_or(0, Vec::len));
    let mut at: Vec<f64> = priors.iter().map(|(mean, _)| *mean).collect();
    let (mut first, mut second) = (vec![0.0; at.len()], vec![0.0; at.len()]);
    let mut best = (f64::NEG_INFINITY, Kernel::from_logarithms(&at));
    for step in 1..=STEPS {
        let kernel = Kernel::from_logarithms(&at);
        let Some((likelihood, gradient)) = kernel.log_likelihood(points, targets) else { break };
        let prior: f64 =
            at.iter().zip(&priors).map(|(v, (mean, deviation))| -0.5 * ((v - mean) / deviation).powi(2)).sum();
        if likelihood + prior > best.0 {
            best = (likelihood + prior, kernel);
        }
        for (k, (mean, deviation)) in priors.iter().enumerate() {
            let slope = gradient[k] - (at[k] - mean) / deviation.powi(2);
            first[k] = 0.9 * first[k] + 0.1 * slope;
            second[k] = 0.999 * second[k] + 0.001 * slope * slope;
            let corrected = first[k] / (1.0 - 0.9_f64.powi(step as i32));
            let root = (second[k] / (1.0 - 0.999_f64.powi(step as i32))).sqrt();
            // No further than 6 deviations: beyond, numbers overflow before they help.
            at[k] = (at[k] + 0.1 * corrected / (root + 1e-8)).clamp(mean - 6.0 * deviation, mean + 6.0 * deviation);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    /// Written by `tests/peers/gaussian_process_vectors.py` with scikit-learn.
    #[derive(Deserialize)]
    struct Vectors {
        signal: f64,
        noise: f64,
        lengths: Vec<f64>,
        points: Vec<Vec<f64>>,
        targets: Vec<f64>,
        log_likelihood: f64,
        gradient: Vec<f64>,
        queries: Vec<Vec<f64>>,
        means: Vec<f64>,
        deviations: Vec<f64>,
    }

    #[test]
    fn predictions_are_those_of_scikit_learn() {
        let v: Vectors = serde_json::from_str(include_str!("../tests/gaussian_process.json")).unwrap();
        let kernel = Kernel { signal: v.signal, noise: v.noise, lengths: v.lengths };
        let (likelihood, gradient) = kernel.log_likelihood(&v.points, &v.targets).unwrap();
        assert!((likelihood - v.log_likelihood).abs() < 1e-5, "{likelihood} {}", v.log_likelihood);
        for (found, expected) in gradient.iter().zip(&v.gradient) {
            assert!((found - expected).abs() < 1e-4 * (1.0 + expected.abs()), "{gradient:?} {:?}", v.gradient);
        }
        let process = GaussianProcess::with_kernel(kernel, v.points, v.targets).unwrap();
        for ((query, mean), deviation) in v.queries.iter().zip(&v.means).zip(&v.deviations) {
            let found = process.predict(query);
            assert!((found.mean - mean).abs() < 1e-5 && (found.deviation - deviation).abs() < 1e-5, "{found:?} {mean}");
        }
    }

    #[test]
    fn fit_follows_a_function_and_is_unsure_away_from_it() {
        let points: Vec<Vec<f64>> = (0..20).map(|i| vec![f64::from(i) / 4.0, f64::from(i * 7 % 5)]).collect();
        let targets: Vec<f64> = points.iter().map(|p| 100.0 + 10.0 * p[0].sin()).collect();
        let process = GaussianProcess::fit(&points, &targets).unwrap();
        for (point, target) in points.iter().zip(&targets) {
            assert!((process.predict(point).mean - target).abs() < 1.5, "{:?} {target}", process.predict(point));
        }
        let kernel = process.kernel();
        assert!(kernel.lengths[1] > 2.0 * kernel.lengths[0], "the second feature says nothing: {kernel:?}");
        assert!(process.predict(&[50.0, 2.0]).deviation > 4.0 * process.predict(&[2.1, 2.0]).deviation);
        assert!(process.log_likelihood().is_finite());
        assert!(GaussianProcess::fit(&[], &[]).is_none());
        assert!(GaussianProcess::fit(&[vec![1.0]], &[3.0]).unwrap().predict(&[1.0]).mean.is_finite());
    }
}
