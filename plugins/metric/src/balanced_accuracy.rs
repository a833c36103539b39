//! Mean recall over the classes.

use crate::per_class::per_class;
use crate::predictions::Predictions;

/// Mean recall over the classes that have images, 0 to 1. None without images.
///
/// A model that always names the largest class gets 1 / classes, whatever the sizes: K. H. Brodersen and others, The
/// Balanced Accuracy and Its Posterior Distribution, ICPR 2010, <https://doi.org/10.1109/ICPR.2010.764>.
pub fn balanced_accuracy(predictions: &Predictions) -> Option<f64> {
    let recalls: Vec<f64> = per_class(predictions).iter().filter_map(|c| c.recall).collect();
    (!recalls.is_empty()).then(|| recalls.iter().sum::<f64>() / recalls.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::tests::{close, ten};

    #[test]
    fn it_is_scikit_learns() {
        close(balanced_accuracy(&ten()).unwrap(), 0.694_444_444_444_444_3);
    }

    #[test]
    fn the_largest_class_alone_earns_a_share() {
        let mut predictions = Predictions::new(["a", "b", "empty"].map(str::to_owned).to_vec());
        for truth in [0, 0, 0, 0, 0, 0, 0, 0, 0, 1] {
            predictions.push(truth, &[1.0, 0.0, 0.0]).unwrap();
        }
        close(balanced_accuracy(&predictions).unwrap(), 0.5);
        assert_eq!(balanced_accuracy(&Predictions::new(vec!["a".to_owned()])), None);
    }
}
