//! How well a model puts the images of a class before all others.

use crate::per_class::ClassFigures;
use crate::tagged::MultilabelPredictions;

/// Average precision of each class, 0 to 1; none for a class without images.
///
/// Images are ordered by the probability of the class, and `Σ (Rₙ − Rₙ₋₁) Pₙ` is the sum over the thresholds of the
/// gain in recall times precision, without interpolation; equal probabilities are one threshold. As scikit-learn's
/// `average_precision_score`:
/// <https://scikit-learn.org/stable/modules/generated/sklearn.metrics.average_precision_score.html>.
pub fn average_precision(tagged: &MultilabelPredictions) -> Vec<Option<f64>> {
    let once = vec![1; tagged.len()];
    (0..tagged.classes().len()).map(|class| of_order(tagged, class, &order(tagged, class), &once)).collect()
}

/// Mean of [`average_precision`] over the classes that have images. None without any.
pub fn mean_average_precision(tagged: &MultilabelPredictions) -> Option<f64> {
    mean(average_precision(tagged))
}

/// Precision, recall and F1 of each class, where a probability of a half or more says that an image has it.
pub fn per_class_multilabel(tagged: &MultilabelPredictions) -> Vec<ClassFigures> {
    let images = || 0..tagged.len();
    (0..tagged.classes().len())
        .map(|class| {
            let count = |of: &dyn Fn(usize) -> bool| images().filter(|&i| of(i)).count() as u64;
            let right = count(&|i| tagged.has(i, class) && tagged.says(i, class));
            ClassFigures::new(right, count(&|i| tagged.has(i, class)), count(&|i| tagged.says(i, class)))
        })
        .collect()
}

/// The mean of those there are.
pub(crate) fn mean(values: Vec<Option<f64>>) -> Option<f64> {
    let known: Vec<f64> = values.into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// Images by falling probability of a class.
pub(crate) fn order(tagged: &MultilabelPredictions, class: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..tagged.len() as u32).collect();
    order.sort_by(|&a, &b| tagged.probability(b as usize, class).total_cmp(&tagged.probability(a as usize, class)));
    order
}

/// Average precision with each image counted so many times.
pub(crate) fn of_order(tagged: &MultilabelPredictions, class: usize, order: &[u32], times: &[u32]) -> Option<f64> {
    let (mut seen, mut found, mut sum) = (0_u64, 0_u64, 0.0);
    let mut at = 0;
    while at < order.len() {
        let threshold = tagged.probability(order[at] as usize, class);
        let before = found;
        while at < order.len() && tagged.probability(order[at] as usize, class) == threshold {
            let i = order[at] as usize;
            seen += u64::from(times[i]);
            found += if tagged.has(i, class) { u64::from(times[i]) } else { 0 };
            at += 1;
        }
        if found > before {
            sum += (found - before) as f64 * found as f64 / seen as f64;
        }
        if threshold.is_nan() {
            // What is not a number equals nothing, itself included.
            break;
        }
    }
    (found > 0).then(|| sum / found as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::tests::close;
    use crate::tagged::tests::some;

    #[derive(serde::Deserialize)]
    struct Case {
        truth: Vec<Vec<u8>>,
        scores: Vec<Vec<f32>>,
        average_precision: Vec<f64>,
        mean: f64,
        f1: Vec<f64>,
    }

    #[test]
    fn they_are_scikit_learns() {
        // Written by tests/peers/metric_vectors.py.
        let cases: Vec<Case> = serde_json::from_str(include_str!("../tests/average_precision.json")).unwrap();
        assert!(cases.len() >= 4);
        for case in cases {
            let mut tagged = MultilabelPredictions::new((0..case.mean_classes()).map(|c| c.to_string()).collect());
            for (truth, scores) in case.truth.iter().zip(&case.scores) {
                let truth: Vec<usize> = (0..truth.len()).filter(|&c| truth[c] == 1).collect();
                tagged.push(&truth, scores).unwrap();
            }
            for (found, expected) in average_precision(&tagged).iter().zip(&case.average_precision) {
                close(found.unwrap(), *expected);
            }
            close(mean_average_precision(&tagged).unwrap(), case.mean);
            for (found, expected) in per_class_multilabel(&tagged).iter().zip(&case.f1) {
                close(found.f1.unwrap(), *expected);
            }
        }
    }

    impl Case {
        fn mean_classes(&self) -> usize {
            self.average_precision.len()
        }
    }

    #[test]
    fn a_class_without_images_has_none_and_is_left_out_of_the_mean() {
        let tagged = some(&[([1, 0, 0], [0.9, 0.8, 0.1]), ([0, 1, 0], [0.2, 0.4, 0.3])]);
        assert_eq!(average_precision(&tagged), [Some(1.0), Some(0.5), None]);
        assert_eq!(mean_average_precision(&tagged), Some(0.75));
        assert_eq!(mean_average_precision(&some(&[])), None);
    }

    #[test]
    fn what_is_not_a_number_ends() {
        let tagged = some(&[([1, 0, 0], [f32::NAN; 3]), ([0, 1, 0], [0.2, 0.4, f32::NAN])]);
        assert_eq!(average_precision(&tagged).len(), 3);
    }
}
