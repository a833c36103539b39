//! What more images would bring: a power law fitted to heads on subsamples.
//!
//! The error of heads on shares of the samples is taken to fall as `a · n^−b` (Cortes and others, Learning Curves: Asymptotic
//! Values and Rate of Convergence, NIPS 1993; Hestness and others, arXiv 1712.00409), fitted by weighted least squares of
//! log-errors. `b` has a normal prior around what such curves usually show, so that a few samples do not promise much.

use crate::error::HeadError;
use crate::options::HeadOptions;
use crate::out_of_fold::cross_validate;
use crate::samples::Samples;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

/// Shares of the samples that heads are fitted to, each with as many subsamples.
const SHARES: [(f64, u64); 3] = [(0.25, 4), (0.5, 2), (1.0, 1)];
/// Prior of the exponent: mean and deviation.
const EXPONENT: (f64, f64) = (0.25, 0.1);
/// Half-width of a 95 % interval in standard deviations.
const NORMAL_95: f64 = 1.96;
/// Errors and samples that are added to each count, so that no error rate is 0 or 1.
const PSEUDO: f64 = 0.5;

/// Errors of heads on subsamples, and the power law through them.
#[derive(Clone, Debug, PartialEq)]
pub struct LearningCurve {
    /// Samples that the heads were fitted to, with the share of held-out samples they predict right.
    pub points: Vec<(f64, f64)>,
    /// log a, b.
    coefficients: [f64; 2],
    /// Covariance of the coefficients: of log a, of both, of b.
    covariance: [f64; 3],
    samples: f64,
}

/// Expected accuracy with a 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Expected accuracy, 0 to 1.
    pub accuracy: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl LearningCurve {
    /// Accuracy with `factor` times the samples, of the same kind.
    pub fn forecast(&self, factor: f64) -> Forecast {
        let x = -(self.samples * factor).ln();
        let [offset, exponent] = self.coefficients;
        let [variance, joint, slope] = self.covariance;
        let deviation = (variance + 2.0 * x * joint + x * x * slope).max(0.0).sqrt();
        let accuracy = |log_error: f64| 1.0 - log_error.exp().clamp(0.0, 1.0);
        let log_error = offset + exponent * x;
        Forecast {
            accuracy: accuracy(log_error),
            low: accuracy(log_error + NORMAL_95 * deviation),
            high: accuracy(log_error - NORMAL_95 * deviation),
        }
    }
}

/// Learning curves of all samples and of each class (its recall); `None` for a class with fewer than `folds` groups.
///
/// Costs about as much as three cross-validations.
///
/// # Errors
/// As [`cross_validate`], also where a quarter of the groups are too few for `folds`.
pub fn learning_curves(
    samples: &Samples<'_>,
    options: &HeadOptions,
    folds: usize,
) -> Result<(LearningCurve, Vec<Option<LearningCurve>>), HeadError> {
    samples.check()?;
    let classes = samples.classes;
    let mut overall = Vec::new();
    let mut of_class = vec![Vec::new(); classes];
    for (share, repeats) in SHARES {
        for repeat in 0..repeats {
            let selection = samples.select(&subsample(samples, share, repeat));
            let subset = selection.samples();
            let found = cross_validate(&subset, options, folds, repeat)?;
            let mut wrong = vec![0.0; classes];
            for (row, label) in found.log_probabilities.chunks(classes).zip(subset.labels) {
                let predicted = (0..classes).max_by(|a, b| row[*a].total_cmp(&row[*b]));
                wrong[*label as usize] += f64::from(u8::from(predicted != Some(*label as usize)));
            }
            let weight = 1.0 / repeats as f64;
            let trained = 1.0 - 1.0 / folds as f64;
            let point = |samples: f64, wrong: f64| Point { samples, trained: samples * trained, wrong, weight };
            overall.push(point(subset.len() as f64, wrong.iter().sum()));
            for ((points, wrong), count) in of_class.iter_mut().zip(&wrong).zip(subset.counts()) {
                points.push(point(count as f64, *wrong));
            }
        }
    }
    let groups: Vec<usize> = groups_of_classes(samples);
    let curve = |(class, points): (usize, &Vec<Point>)| (groups[class] >= folds).then(|| fit(points));
    Ok((fit(&overall), of_class.iter().enumerate().map(curve).collect()))
}

/// Errors of one cross-validation.
#[derive(Clone, Copy, Debug)]
struct Point {
    /// Samples that were predicted.
    samples: f64,
    /// Samples that each head was fitted to.
    trained: f64,
    wrong: f64,
    /// One over the number of repetitions: subsamples of one set are not independent.
    weight: f64,
}

/// MAP estimate of the power law.
fn fit(points: &[Point]) -> LearningCurve {
    let mut normal = [0.0, 0.0, 1.0 / EXPONENT.1.powi(2)];
    let mut right = [0.0, EXPONENT.0 / EXPONENT.1.powi(2)];
    for Point { samples, trained, wrong, weight } in points.iter().filter(|point| point.samples > 0.0) {
        let rate = (wrong + PSEUDO) / (samples + 2.0 * PSEUDO);
        // Delta method: the variance of a log-error is (1 − p) / (n p).
        let precision = weight * samples * rate / (1.0 - rate);
        let x = -trained.ln();
        normal[0] += precision;
        normal[1] += precision * x;
        normal[2] += precision * x * x;
        right[0] += precision * rate.ln();
        right[1] += precision * x * rate.ln();
    }
    let determinant = (normal[0] * normal[2] - normal[1] * normal[1]).max(f64::MIN_POSITIVE);
    let covariance = [normal[2] / determinant, -normal[1] / determinant, normal[0] / determinant];
    let coefficients =
        [covariance[0] * right[0] + covariance[1] * right[1], covariance[1] * right[0] + covariance[2] * right[1]];
    let most = points.iter().map(|point| point.samples).fold(1.0, f64::max);
    let accuracy = |point: &Point| (point.trained, 1.0 - point.wrong / point.samples.max(1.0));
    LearningCurve { points: points.iter().map(accuracy).collect(), coefficients, covariance, samples: most }
}

/// Number of groups of each class.
fn groups_of_classes(samples: &Samples<'_>) -> Vec<usize> {
    let pairs: std::collections::BTreeSet<(u32, u32)> =
        samples.labels.iter().copied().zip(samples.groups.iter().copied()).collect();
    let mut groups = vec![0; samples.classes];
    for (label, _) in pairs {
        groups[label as usize] += 1;
    }
    groups
}

/// Rows of about `share` of each class's groups, one at least.
fn subsample(samples: &Samples<'_>, share: f64, seed: u64) -> Vec<usize> {
    let mut of_class: Vec<Vec<Vec<usize>>> = vec![Vec::new(); samples.classes];
    for rows in samples.members().into_values() {
        of_class[samples.labels[rows[0]] as usize].push(rows);
    }
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut rows = Vec::new();
    for mut groups in of_class {
        groups.shuffle(&mut random);
        let kept = (groups.len() as f64 * share).ceil() as usize;
        rows.extend(groups.into_iter().take(kept).flatten());
    }
    rows.sort_unstable();
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::clusters;

    #[test]
    fn power_laws_are_found_again() {
        let point = |trained: f64| {
            let samples = 1000.0 * trained;
            Point { samples, trained, wrong: samples * 0.9 * trained.powf(-0.3), weight: 1.0 }
        };
        let curve = LearningCurve { samples: 400.0, ..fit(&[point(100.0), point(200.0), point(400.0)]) };
        let Forecast { accuracy, low, high } = curve.forecast(4.0);
        let expected = 1.0 - 0.9 * 1600.0_f64.powf(-0.3);
        assert!((accuracy - expected).abs() < 0.005 && low < expected && expected < high, "{accuracy} {expected}");
        assert!(high - low < 0.05);
    }

    #[test]
    fn intervals_widen_with_the_distance() {
        let points = [Point { samples: 20.0, trained: 16.0, wrong: 8.0, weight: 1.0 }];
        let curve = fit(&points);
        let width = |factor| curve.forecast(factor).high - curve.forecast(factor).low;
        assert!(curve.forecast(4.0).accuracy > curve.forecast(2.0).accuracy);
        assert!(width(1.0) > 0.2 && width(16.0) > width(2.0) * 0.8);
    }

    #[test]
    fn curves_of_classes_need_groups() {
        let mut data = clusters(3, 40, 8);
        let few = data.groups.iter_mut().zip(&data.labels).filter(|(_, label)| **label == 1);
        few.for_each(|(group, _)| *group = 1000 + *group % 2);
        let (overall, of_class) = learning_curves(&data.samples(), &HeadOptions::DEFAULT, 5).unwrap();
        assert_eq!(overall.points.len(), 7);
        assert!(of_class[0].is_some() && of_class[1].is_none());
        let forecast = of_class[2].as_ref().unwrap().forecast(2.0);
        assert!(forecast.accuracy > 0.95 && forecast.low <= forecast.accuracy, "{forecast:?}");
    }
}
