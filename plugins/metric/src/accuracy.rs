//! Share of images classified correctly, with its confidence interval.

use crate::predictions::Predictions;

/// The 97.5 % point of the standard normal distribution: 95 % lie between it and its negative.
const Z: f64 = 1.959_963_984_540_054;

/// Share of images classified correctly, 0 to 1. None without images.
pub fn accuracy(predictions: &Predictions) -> Option<f64> {
    let correct = predictions.correct().into_iter().filter(|&h| h).count();
    (!predictions.is_empty()).then(|| correct as f64 / predictions.len() as f64)
}

/// The 95 % confidence interval of a share of `correct` in `of`, low and high end; `[0, 1]` of nothing.
///
/// Score interval without continuity correction: E. B. Wilson, Probable Inference, the Law of Succession, and
/// Statistical Inference, JASA 22 (1927), 209–212, <https://doi.org/10.1080/01621459.1927.10502953>.
pub fn wilson(correct: u64, of: u64) -> [f64; 2] {
    if of == 0 {
        return [0.0, 1.0];
    }
    let n = of as f64;
    let share = correct as f64 / n;
    let scale = 1.0 + Z * Z / n;
    let middle = (share + Z * Z / (2.0 * n)) / scale;
    let half = Z / scale * (share * (1.0 - share) / n + Z * Z / (4.0 * n * n)).sqrt();
    [(middle - half).max(0.0), (middle + half).min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::tests::{close, ten};

    #[test]
    fn accuracy_is_scikit_learns() {
        close(accuracy(&ten()).unwrap(), 0.7);
        assert_eq!(accuracy(&Predictions::new(vec!["a".to_owned()])), None);
    }

    #[test]
    fn the_interval_is_statsmodels() {
        // proportion_confint(correct, of, method="wilson")
        for (correct, of, low, high) in [
            (7, 10, 0.396_778_147_461_145_37, 0.892_208_732_593_699),
            (0, 10, 0.0, 0.277_532_799_862_889_26),
            (10, 10, 0.722_467_200_137_110_7, 1.0),
            (62, 100, 0.522_097_552_955_110_7, 0.709_024_007_475_212_7),
            (280, 300, 0.899_276_940_483_885, 0.956_432_484_454_841_7),
        ] {
            let [l, h] = wilson(correct, of);
            close(l, low);
            close(h, high);
        }
        assert_eq!(wilson(0, 0), [0.0, 1.0]);
    }
}
