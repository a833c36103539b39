//! Which class was taken for which.

use crate::predictions::Predictions;

/// Counts of images, `[truth][prediction]`, square over the classes.
///
/// As scikit-learn's `confusion_matrix`:
/// <https://scikit-learn.org/stable/modules/model_evaluation.html#confusion-matrix>.
pub fn confusion(predictions: &Predictions) -> Vec<Vec<u64>> {
    let classes = predictions.classes().len();
    let mut counts = vec![vec![0; classes]; classes];
    for i in 0..predictions.len() {
        counts[predictions.truth(i)][predictions.prediction(i)] += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::tests::ten;

    #[test]
    fn it_is_scikit_learns() {
        assert_eq!(confusion(&ten()), [[3, 1, 0], [1, 2, 0], [0, 1, 2]]);
    }
}
