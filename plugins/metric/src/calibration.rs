//! Whether the model is as often right as it says.

use crate::Judged;

/// Bins of confidence, as in the paper.
const BINS: usize = 15;

/// Expected calibration error, 0 to 1: pictures are put into 15 bins of equal width by the probability of the
/// predicted class; the error is the mean distance of a bin's accuracy from its mean probability, weighted by
/// pictures. None without pictures.
///
/// C. Guo and others, On Calibration of Modern Neural Networks, ICML 2017, equation 3,
/// <https://arxiv.org/abs/1706.04599>.
pub fn expected_calibration_error(judged: &Judged) -> Option<f64> {
    // A bin holds probabilities in (low, high]: sum of probabilities and hits.
    let mut bins = [(0.0_f64, 0.0_f64); BINS];
    for i in 0..judged.len() {
        let confidence = f64::from(judged.confidence(i));
        let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        bins[bin].0 += confidence;
        bins[bin].1 += f64::from(u8::from(judged.correct(i)));
    }
    let distance: f64 = bins.iter().map(|(confidence, hits)| (hits - confidence).abs()).sum();
    (!judged.is_empty()).then(|| distance / judged.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judged::tests::ten;

    #[test]
    fn it_is_the_papers_formula() {
        // Computed with NumPy: bins (k/15, (k+1)/15], sum of |bin| / n · |accuracy − confidence|.
        let error = expected_calibration_error(&ten()).unwrap();
        assert!((error - 0.279_999_998).abs() < 1e-7, "{error}");
    }

    #[test]
    fn a_model_that_is_half_right_and_says_so_is_calibrated() {
        let mut judged = Judged::new(vec!["a".to_owned(), "b".to_owned()]);
        judged.push(0, &[0.5, 0.5]).unwrap();
        judged.push(1, &[0.5, 0.5]).unwrap();
        assert_eq!(expected_calibration_error(&judged), Some(0.0));
    }
}
