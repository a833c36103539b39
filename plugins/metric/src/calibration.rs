//! Whether the model is as often right as it says.

use crate::predictions::Predictions;
use crate::tagged::MultilabelPredictions;

/// Bins of confidence, as in the paper.
const BINS: usize = 15;

/// Expected calibration error, 0 to 1: images are put into 15 bins of equal width by the probability of the
/// predicted class; the error is the mean distance of a bin's accuracy from its mean probability, weighted by
/// images. None without images.
///
/// C. Guo and others, On Calibration of Modern Neural Networks, ICML 2017, equation 3,
/// <https://arxiv.org/abs/1706.04599>.
pub fn expected_calibration_error(predictions: &Predictions) -> Option<f64> {
    error((0..predictions.len()).map(|i| (predictions.confidence(i), predictions.is_correct(i))))
}

/// As [`expected_calibration_error`], where an image may have several classes: of every image and class, how far the
/// probability of the class is from how often it is there.
pub fn expected_calibration_error_multilabel(tagged: &MultilabelPredictions) -> Option<f64> {
    let pairs = (0..tagged.len()).flat_map(|i| (0..tagged.classes().len()).map(move |class| (i, class)));
    error(pairs.map(|(i, class)| (tagged.probability(i, class), tagged.has(i, class))))
}

/// Of what was said with these probabilities, and whether it was so.
fn error(said: impl Iterator<Item = (f32, bool)>) -> Option<f64> {
    // A bin holds probabilities in (low, high]: sum of probabilities and number of correct predictions.
    let (mut bins, mut count) = ([(0.0_f64, 0.0_f64); BINS], 0_u64);
    for (confidence, is_so) in said {
        let confidence = f64::from(confidence);
        let bin = ((confidence * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        bins[bin].0 += confidence;
        bins[bin].1 += f64::from(u8::from(is_so));
        count += 1;
    }
    let distance: f64 = bins.iter().map(|(confidence, correct)| (correct - confidence).abs()).sum();
    (count > 0).then(|| distance / count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::tests::ten;

    #[test]
    fn it_is_the_papers_formula() {
        // Computed with NumPy: bins (k/15, (k+1)/15], sum of |bin| / n · |accuracy − confidence|.
        let error = expected_calibration_error(&ten()).unwrap();
        assert!((error - 0.279_999_998).abs() < 1e-7, "{error}");
    }

    #[test]
    fn a_model_that_is_half_right_and_says_so_is_calibrated() {
        let mut predictions = Predictions::new(vec!["a".to_owned(), "b".to_owned()]);
        predictions.push(0, &[0.5, 0.5]).unwrap();
        predictions.push(1, &[0.5, 0.5]).unwrap();
        assert_eq!(expected_calibration_error(&predictions), Some(0.0));
    }
    /// By hand. Bin (12/15, 13/15]: 0.85 and 0.83, one of two right: 0.5 against 0.84. Bin (9/15, 10/15]: 0.65, right: 1
    /// against 0.65. Bin (7/15, 8/15]: 0.5, wrong: 0 against 0.5. (2 · 0.34 + 0.35 + 0.5) / 4.
    #[test]
    fn four_images_by_hand() {
        let mut predictions = Predictions::new(vec!["a".to_owned(), "b".to_owned()]);
        for (truth, p) in [(0, 0.85), (1, 0.83), (0, 0.65), (1, 0.5)] {
            predictions.push(truth, &[p, 1.0 - p]).unwrap();
        }
        let error = expected_calibration_error(&predictions).unwrap();
        assert!((error - 0.3825).abs() < 1e-6, "{error}");
    }

    /// By hand: 0.9 twice, there once (0.4 apart); 0.1 twice, there never (0.1 apart).
    #[test]
    fn with_several_labels_classes_are_counted_by_themselves() {
        let mut tagged = MultilabelPredictions::new(vec!["a".to_owned(), "b".to_owned()]);
        tagged.push(&[0], &[0.9, 0.1]).unwrap();
        tagged.push(&[], &[0.9, 0.1]).unwrap();
        let error = expected_calibration_error_multilabel(&tagged).unwrap();
        assert!((error - 0.25).abs() < 1e-6, "{error}");
        assert_eq!(expected_calibration_error_multilabel(&MultilabelPredictions::new(vec!["a".to_owned()])), None);
    }
}
