//! Temperature scaling.
//!
//! Logits are divided by one number that is fitted to samples which were not trained on. C. Guo and others, On Calibration of
//! Modern Neural Networks, ICML 2017, section 4.2, <https://arxiv.org/abs/1706.04599>.

use rayon::prelude::*;

/// Temperatures are searched between 1/20 and 20.
const MAX_TEMPERATURE: f64 = 20.0;
/// Width in log T at which the search ends.
const TOLERANCE: f64 = 1e-4;

/// MAP estimate of T under a N(0, 1) prior of log T, for logits of shape `[labels.len(), classes]`.
///
/// The prior keeps a handful of samples that are all predicted right from making a model certain. Without samples the
/// temperature is 1. The negative log-likelihood is convex in 1/T, so that a golden-section search finds its minimum.
pub fn fit_temperature(logits: &[f32], labels: &[u32], classes: usize) -> f64 {
    let cost = |log_temperature: f64| {
        let scale = (-log_temperature).exp();
        let losses: Vec<f64> = logits
            .par_chunks(classes.max(1))
            .zip(labels)
            .map(|(row, label)| cross_entropy(row, *label as usize, scale))
            .collect();
        losses.iter().sum::<f64>() + log_temperature * log_temperature / 2.0
    };
    let ratio = (5.0_f64.sqrt() - 1.0) / 2.0;
    let mut low = -MAX_TEMPERATURE.ln();
    let mut high = -low;
    let mut left = high - ratio * (high - low);
    let mut right = low + ratio * (high - low);
    let mut costs = [cost(left), cost(right)];
    while high - low > TOLERANCE {
        if costs[0] <= costs[1] {
            high = right;
            right = left;
            left = high - ratio * (high - low);
            costs = [cost(left), costs[0]];
        } else {
            low = left;
            left = right;
            right = low + ratio * (high - low);
            costs = [costs[1], cost(right)];
        }
    }
    f64::midpoint(low, high).exp()
}

/// −log softmax of the label, nats.
fn cross_entropy(row: &[f32], label: usize, scale: f64) -> f64 {
    let greatest = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = row.iter().map(|logit| ((f64::from(*logit) - greatest) * scale).exp()).sum();
    sum.ln() - (f64::from(row[label]) - greatest) * scale
}

/// `row = log_softmax(row / temperature)`, where logits not above `absent` stay `absent`.
pub fn log_softmax(row: &mut [f32], temperature: f64, absent: f32) {
    let greatest = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let scaled = |logit: f32| (f64::from(logit) - greatest) / temperature;
    let sum: f64 = row.iter().filter(|logit| **logit > absent).map(|logit| scaled(*logit).exp()).sum();
    let log_sum = sum.ln();
    for logit in row {
        if *logit > absent {
            *logit = ((scaled(*logit) - log_sum) as f32).max(absent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uniform numbers in 0 to 1 of a linear congruential generator.
    fn uniform(state: &mut u64) -> f64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 11) as f64 / (1_u64 << 53) as f64
    }

    #[test]
    fn temperatures_undo_a_scale() {
        for scale in [0.3, 1.0, 4.0] {
            let mut state = 5;
            let mut logits = Vec::new();
            let mut labels = Vec::new();
            for _ in 0..4000 {
                let row: Vec<f64> = (0..3).map(|_| 3.0 * uniform(&mut state)).collect();
                let sum: f64 = row.iter().map(|x| x.exp()).sum();
                let mut rest = uniform(&mut state) * sum;
                let label = row.iter().position(|x| {
                    rest -= x.exp();
                    rest < 0.0
                });
                labels.push(label.unwrap_or(2) as u32);
                logits.extend(row.iter().map(|x| (x * scale) as f32));
            }
            let found = fit_temperature(&logits, &labels, 3);
            assert!((found / scale - 1.0).abs() < 0.08, "{found} for {scale}");
        }
    }

    #[test]
    fn few_samples_leave_the_temperature_near_one() {
        assert!((fit_temperature(&[], &[], 3) - 1.0).abs() < 1e-3);
        let one = fit_temperature(&[9.0, 0.0], &[0], 2);
        assert!((0.5..=1.0).contains(&one), "{one}");
        let wrong = fit_temperature(&[9.0, 0.0], &[1], 2);
        assert!((1.5..20.0).contains(&wrong), "{wrong}");
    }

    #[test]
    fn log_softmax_sums_to_one_without_the_absent() {
        let mut row = [2.0, -80.0, 1.0];
        log_softmax(&mut row, 0.5, -80.0);
        assert_eq!(row[1], -80.0);
        assert!((row[0].exp() + row[2].exp() - 1.0).abs() < 1e-6);
        assert!((row[0] - row[2] - 2.0).abs() < 1e-6);
    }
}
