//! Mean F1 over the classes.

use crate::per_class::per_class;
use crate::predictions::Predictions;

/// Mean F1 over the classes that have images or were named, 0 to 1. None without images.
///
/// The mean of the classes' F1, not the F1 of mean precision and recall (they differ: J. Opitz and S. Burst, Macro F1
/// and Macro F1, 2019, <https://arxiv.org/abs/1911.03347>); as scikit-learn's `f1_score(average="macro")`.
pub fn macro_f1(predictions: &Predictions) -> Option<f64> {
    let scores: Vec<f64> = per_class(predictions).iter().filter_map(|c| c.f1).collect();
    (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predictions::tests::{close, ten};

    #[test]
    fn it_is_scikit_learns() {
        close(macro_f1(&ten()).unwrap(), 0.707_142_857_142_857_2);
        assert_eq!(macro_f1(&Predictions::new(vec!["a".to_owned()])), None);
    }
}
