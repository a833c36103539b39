//! What heads say of rows that they were not trained on.

use crate::error::ProbeError;
use crate::folds::assign_folds;
use crate::head::{check, fit_rows};
use crate::options::ProbeOptions;
use rayon::prelude::*;

/// Predicts every row by a head that was fitted without the row's fold; see [`assign_folds`]. Returns a row of class
/// probabilities for each row of features.
///
/// A class whose rows are all in one fold has probability 0 there: no other row could have trained it.
///
/// # Errors
/// [`ProbeError`], as [`fit`](crate::fit) and [`assign_folds`] give it.
#[allow(clippy::too_many_arguments)]
pub fn out_of_fold(
    features: &[Vec<f32>],
    targets: &[u32],
    groups: &[u32],
    weights: &[f32],
    classes: usize,
    folds: usize,
    seed: u64,
    options: &ProbeOptions,
) -> Result<Vec<Vec<f32>>, ProbeError> {
    check(features, targets, weights, classes)?;
    let fold_of = assign_folds(targets, groups, folds, seed)?;
    let heads: Vec<_> = (0..folds)
        .into_par_iter()
        .map(|fold| {
            let others: Vec<usize> = (0..features.len()).filter(|row| fold_of[*row] != fold).collect();
            fit_rows(&others, features, targets, weights, classes, options)
        })
        .collect::<Result<_, _>>()?;
    Ok(features.par_iter().zip(&fold_of).map(|(row, fold)| heads[*fold].probabilities(row)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows around two centres, three copies of each, that share a group.
    fn rows() -> (Vec<Vec<f32>>, Vec<u32>, Vec<u32>) {
        let mut all = (Vec::new(), Vec::new(), Vec::new());
        for group in 0..40_u32 {
            for copy in 0..3_u32 {
                let noise = |i: u32| ((group * 31 + copy * 7 + i * 13) % 17) as f32 / 40.0;
                let side = if group.is_multiple_of(2) { 1.0 } else { -1.0 };
                all.0.push(vec![side + noise(0), noise(1), -side + noise(2)]);
                all.1.push(group % 2);
                all.2.push(group);
            }
        }
        all
    }

    #[test]
    fn rows_are_predicted_by_others_and_always_the_same() {
        let (features, targets, groups) = rows();
        let weights = vec![1.0; features.len()];
        let predict = |seed| out_of_fold(&features, &targets, &groups, &weights, 2, 5, seed, &ProbeOptions::default());
        let predicted = predict(3).unwrap();
        for (row, target) in predicted.iter().zip(&targets) {
            assert!(row[*target as usize] > 0.8, "{row:?}");
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        }
        assert_eq!(predicted, predict(3).unwrap());
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(predicted, one.install(|| predict(3)).unwrap());
    }

    #[test]
    fn a_row_is_not_predicted_by_its_own_copies() {
        // A lone group of another class, far away: only its copies could have trained it.
        let (mut features, mut targets, mut groups) = rows();
        for _ in 0..3 {
            features.push(vec![0.0, 9.0, 0.0]);
            targets.push(2);
            groups.push(100);
        }
        let weights = vec![1.0; features.len()];
        let predicted = out_of_fold(&features, &targets, &groups, &weights, 3, 4, 0, &ProbeOptions::default()).unwrap();
        assert!(predicted[features.len() - 3..].iter().all(|row| row[2] == 0.0));
        assert!(predicted[0][2] > 0.0 || predicted[50][2] > 0.0);
    }
}
