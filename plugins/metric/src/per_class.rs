//! Precision, recall and F1 of each class.

use crate::confusion::confusion;
use crate::predictions::Predictions;

/// The figures of one class, each 0 to 1 and none where it would be 0 / 0.
#[derive(Clone, Debug, PartialEq)]
pub struct ClassFigures {
    /// Of the images called this class, the share that is: TP / (TP + FP).
    pub precision: Option<f64>,
    /// Of the images of this class, the share called it: TP / (TP + FN).
    pub recall: Option<f64>,
    /// Harmonic mean of both: 2 TP / (2 TP + FP + FN).
    pub f1: Option<f64>,
    /// Images of this class.
    pub support: u64,
    /// Images called this class.
    pub predicted: u64,
}

impl ClassFigures {
    /// From the images classified correctly, those of the class and those called so.
    pub(crate) fn new(right: u64, support: u64, predicted: u64) -> Self {
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        Self {
            precision: share(right, predicted),
            recall: share(right, support),
            f1: share(2 * right, support + predicted),
            support,
            predicted,
        }
    }
}

/// The figures of each class, by index.
///
/// C. J. van Rijsbergen, Information Retrieval, 2nd edition 1979, chapter 7; as scikit-learn's
/// `precision_recall_fscore_support`:
/// <https://scikit-learn.org/stable/modules/model_evaluation.html#precision-recall-f-measure-metrics>.
pub fn per_class(predictions: &Predictions) -> Vec<ClassFigures> {
    let counts = confusion(predictions);
    (0..counts.len())
        .map(|class| {
            let right = counts[class][class];
            let support: u64 = counts[class].iter().sum();
            let predicted: u64 = counts.iter().map(|row| row[class]).sum();
            ClassFigures::new(right, support, predicted)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::tests::{close, ten};

    #[test]
    fn they_are_scikit_learns() {
        let expected = [
            (0.75, 0.75, 0.75, 4),
            (0.5, 0.666_666_666_666_666_6, 0.571_428_571_428_571_4, 3),
            (1.0, 0.666_666_666_666_666_6, 0.8, 3),
        ];
        for (figures, (precision, recall, f1, support)) in per_class(&ten()).iter().zip(expected) {
            close(figures.precision.unwrap(), precision);
            close(figures.recall.unwrap(), recall);
            close(figures.f1.unwrap(), f1);
            assert_eq!(figures.support, support);
        }
    }

    #[test]
    fn a_class_nobody_has_or_names_has_no_figures() {
        let mut predictions = Predictions::new(vec!["a".to_owned(), "b".to_owned()]);
        predictions.push(0, &[0.9, 0.1]).unwrap();
        let b = &per_class(&predictions)[1];
        assert_eq!((b.precision, b.recall, b.f1, b.support, b.predicted), (None, None, None, 0, 0));
    }
}
