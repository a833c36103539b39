//! How surprised the model is by the truth.

use crate::predictions::Predictions;

/// Mean negative logarithm of the probability the model gave the true class, in nats; 0 is perfect, ln(classes) is
/// what guessing earns. None without images.
///
/// Probabilities are clipped to `[ε, 1]` with the ε of 32-bit floats, so that one sure mistake is not infinite. As
/// scikit-learn's `log_loss`: <https://scikit-learn.org/stable/modules/model_evaluation.html#log-loss>.
pub fn log_loss(predictions: &Predictions) -> Option<f64> {
    let clipped = |p: f32| if p.is_nan() { f32::EPSILON } else { p.clamp(f32::EPSILON, 1.0) };
    let sum: f64 =
        (0..predictions.len()).map(|i| -f64::from(clipped(predictions.row(i)[predictions.truth(i)])).ln()).sum();
    (!predictions.is_empty()).then(|| sum / predictions.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::tests::ten;

    #[test]
    fn it_is_scikit_learns() {
        let loss = log_loss(&ten()).unwrap();
        assert!((loss - 0.670_949_726_462_664_7).abs() < 1e-7, "{loss}");
    }

    #[test]
    fn a_sure_mistake_is_finite() {
        let mut predictions = Predictions::new(vec!["a".to_owned(), "b".to_owned()]);
        predictions.push(0, &[0.0, 1.0]).unwrap();
        let loss = log_loss(&predictions).unwrap();
        assert!((loss - 15.942_385).abs() < 1e-5, "{loss}");
    }
}
