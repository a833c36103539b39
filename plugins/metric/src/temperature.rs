//! Making probabilities mean what they say: temperature scaling.
//!
//! C. Guo and others, On Calibration of Modern Neural Networks, ICML 2017, section 4.2,
//! <https://arxiv.org/abs/1706.04599>: logits are divided by one number, fitted on images that nothing was trained on.
//! No prediction changes by it. Logits are needed up to a constant alone, and that is what the logarithms of softmax
//! probabilities are.

use crate::predictions::Predictions;
use crate::tagged::MultilabelPredictions;
use crate::temper::{logarithm, logit};

/// Temperatures that are looked for: 1/20 to 20.
const FARTHEST: f64 = 20.0;
/// With fewer images there is nothing to go by.
const MIN_IMAGES: usize = 20;
/// Steps of the first look, then of the second within one step of the best.
const STEPS: u32 = 48;

/// The temperature that makes the truth of these images most probable. None with fewer than 20 images, or when the
/// model does not answer with numbers.
///
/// That its logarithm is normal with mean 0 and deviation 1 is taken for granted beforehand, so that a few images that
/// are all classified correctly do not make a model sure of everything.
pub fn fit_temperature(predictions: &Predictions) -> Option<f64> {
    let logits: Vec<Vec<f64>> =
        (0..predictions.len()).map(|i| predictions.row(i).iter().map(|&p| logarithm(p)).collect()).collect();
    let surprise = |temperature: f64| -> f64 {
        let of = |(i, row): (usize, &Vec<f64>)| {
            let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = row.iter().map(|l| ((l - most) / temperature).exp()).sum();
            sum.ln() - (row[predictions.truth(i)] - most) / temperature
        };
        logits.iter().enumerate().map(of).sum()
    };
    (predictions.len() >= MIN_IMAGES && predictions.is_finite()).then(|| least(surprise))
}

/// As [`fit_temperature`], where an image may have several classes.
pub fn fit_temperature_multilabel(tagged: &MultilabelPredictions) -> Option<f64> {
    let classes = tagged.classes().len();
    let pairs: Vec<(f64, bool)> = (0..tagged.len())
        .flat_map(|i| (0..classes).map(move |class| (i, class)))
        .map(|(i, class)| (logit(tagged.probability(i, class)), tagged.has(i, class)))
        .collect();
    let surprise = |temperature: f64| -> f64 {
        // −ln σ(x) of the logit for what is true.
        let of = |&(logit, has): &(f64, bool)| softplus(if has { -logit } else { logit } / temperature);
        pairs.iter().map(of).sum()
    };
    (tagged.len() >= MIN_IMAGES && tagged.is_finite()).then(|| least(surprise))
}

/// Where surprise and what was taken for granted are least: a look at every tenth power or so, then a closer one.
fn least(surprise: impl Fn(f64) -> f64) -> f64 {
    let cost = |ln: f64| surprise(ln.exp()) + ln * ln / 2.0;
    let best = |from: f64, to: f64| {
        let at = |step: u32| from + (to - from) * f64::from(step) / f64::from(STEPS);
        (0..=STEPS).map(at).min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or_default()
    };
    let far = FARTHEST.ln();
    let step = 2.0 * far / f64::from(STEPS);
    let near = best(-far, far);
    best(near - step, near + step).exp()
}

/// ln(1 + eˣ).
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calibration::{expected_calibration_error, expected_calibration_error_multilabel};
    use crate::temper::sigmoid;

    /// Numbers from 0 to 1, the same every time.
    struct Chance(u64);

    impl Chance {
        fn next(&mut self) -> f64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    /// Images whose truth follows the softmax of some logits, and a model that has them times `sharp`.
    fn model(images: usize, sharp: f64) -> Predictions {
        let mut chance = Chance(7);
        let mut predictions = Predictions::new(["a", "b", "c", "d"].map(str::to_owned).to_vec());
        for _ in 0..images {
            let logits: Vec<f64> = (0..4).map(|_| 3.0 * chance.next()).collect();
            let softmax = |scale: f64| {
                let powers: Vec<f64> = logits.iter().map(|l| (l * scale).exp()).collect();
                let sum: f64 = powers.iter().sum();
                powers.into_iter().map(move |p| p / sum).collect::<Vec<f64>>()
            };
            let (mut left, truth) = (chance.next(), softmax(1.0));
            let is_it = |p: &f64| {
                left -= p;
                left < 0.0
            };
            let truth = truth.iter().position(is_it).unwrap_or(3);
            let said: Vec<f32> = softmax(sharp).iter().map(|p| *p as f32).collect();
            predictions.push(truth, &said).unwrap();
        }
        predictions
    }

    #[test]
    fn a_model_that_is_three_times_too_sure_is_cooled_by_three() {
        for sharp in [3.0, 1.0, 0.4] {
            let found = fit_temperature(&model(4000, sharp)).unwrap();
            assert!((found / sharp - 1.0).abs() < 0.06, "{found} for {sharp}");
        }
    }

    #[test]
    fn calibration_improves_and_keeps_every_prediction() {
        let all = model(4000, 3.0);
        let mut halves = [Predictions::new(all.classes().to_vec()), Predictions::new(all.classes().to_vec())];
        for i in 0..all.len() {
            halves[i % 2].push(all.truth(i), all.row(i)).unwrap();
        }
        let temperature = fit_temperature(&halves[0]).unwrap();
        let after = halves[1].tempered(temperature);
        let errors = [&halves[1], &after].map(|j| expected_calibration_error(j).unwrap());
        assert!(errors[0] > 0.15 && errors[1] < 0.04, "{errors:?}");
        assert_eq!(after.correct(), halves[1].correct());
    }

    #[test]
    fn few_images_say_nothing_and_all_right_is_no_certainty() {
        let right = |images: usize| {
            let mut predictions = Predictions::new(vec!["a".to_owned(), "b".to_owned()]);
            for _ in 0..images {
                predictions.push(0, &[0.9, 0.1]).unwrap();
            }
            predictions
        };
        assert_eq!(fit_temperature(&right(19)), None);
        let found = fit_temperature(&right(20)).unwrap();
        assert!((0.3..1.0).contains(&found), "{found}");
        let mut diverged = right(30);
        diverged.push(0, &[f32::NAN, 0.0]).unwrap();
        assert_eq!(fit_temperature(&diverged), None);
    }

    #[test]
    fn with_several_labels_each_class_is_a_question_of_its_own() {
        let mut chance = Chance(3);
        let mut tagged = MultilabelPredictions::new(vec!["a".to_owned(), "b".to_owned()]);
        for _ in 0..3000 {
            let logits = [0, 1].map(|_| 6.0 * chance.next() - 3.0);
            let truth: Vec<usize> = (0..2).filter(|&class| chance.next() < sigmoid(logits[class])).collect();
            tagged.push(&truth, &logits.map(|l| sigmoid(2.5 * l) as f32)).unwrap();
        }
        let found = fit_temperature_multilabel(&tagged).unwrap();
        assert!((found / 2.5 - 1.0).abs() < 0.08, "{found}");
        let errors = [&tagged, &tagged.tempered(found)].map(|t| expected_calibration_error_multilabel(t).unwrap());
        assert!(errors[0] > 0.1 && errors[1] < 0.03, "{errors:?}");
    }
}
