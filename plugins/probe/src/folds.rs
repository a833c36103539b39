//! Folds for cross-validation: each with its share of every class, no group in two of them.

use crate::error::ProbeError;
use plugin_heads::{FoldError, try_assign_folds};

pub use plugin_heads::numbered;

/// Assigns rows to `folds` folds, as [`plugin_heads::try_assign_folds`] does; returns the fold of each row.
///
/// # Errors
/// [`ProbeError::Length`] when the lists differ in length, [`ProbeError::Folds`] for fewer than two folds or fewer
/// groups than folds.
pub fn assign_folds(targets: &[u32], groups: &[u32], folds: usize, seed: u64) -> Result<Vec<usize>, ProbeError> {
    try_assign_folds(targets, groups, folds, seed).map_err(|error| match error {
        FoldError::Length { found, expected } => ProbeError::Length { what: "groups", found, expected },
        FoldError::Folds { folds, groups } => ProbeError::Folds { folds, groups },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_by_themselves_are_dealt_out_evenly() {
        let targets: Vec<u32> = (0..503).map(|row| [0, 0, 0, 1, 1, 2][row % 6]).collect();
        let groups: Vec<u32> = (0..503).collect();
        let folds = assign_folds(&targets, &groups, 5, 1).unwrap();
        for class in 0..3 {
            let held = |fold: usize| (0..503).filter(|row| folds[*row] == fold && targets[*row] == class).count();
            let counts: Vec<usize> = (0..5).map(held).collect();
            assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{class}: {counts:?}");
        }
        assert_eq!(folds, assign_folds(&targets, &groups, 5, 1).unwrap());
        assert_ne!(folds, assign_folds(&targets, &groups, 5, 2).unwrap());
    }

    #[test]
    fn what_cannot_be_dealt_out_is_refused() {
        assert_eq!(
            assign_folds(&[0, 1], &[0], 2, 0).unwrap_err().to_string(),
            "groups: 1 of them for 2 rows of features"
        );
        assert_eq!(assign_folds(&[0, 1, 0], &[7, 7, 7], 2, 0), Err(ProbeError::Folds { folds: 2, groups: 1 }));
        assert_eq!(assign_folds(&[0, 1], &[0, 1], 1, 0), Err(ProbeError::Folds { folds: 1, groups: 2 }));
    }

    proptest! {
        #[test]
        fn no_group_is_split_and_no_fold_is_empty(
            rows in prop::collection::vec((0_u32..5, 0_u32..60), 1..400), folds in 2_usize..7, seed in any::<u64>(),
        ) {
            let (targets, groups): (Vec<u32>, Vec<u32>) = rows.into_iter().unzip();
            let distinct = groups.iter().collect::<std::collections::BTreeSet<_>>().len();
            let Ok(fold_of) = assign_folds(&targets, &groups, folds, seed) else {
                prop_assert!(distinct < folds);
                return Ok(());
            };
            for (a, group) in groups.iter().enumerate() {
                let first = groups.iter().position(|other| other == group).unwrap();
                prop_assert_eq!(fold_of[a], fold_of[first]);
            }
            for fold in 0..folds {
                prop_assert!(fold_of.contains(&fold), "fold {} of {} is empty, {} groups", fold, folds, distinct);
            }
        }
    }
}
