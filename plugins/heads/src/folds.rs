//! Grouped, stratified folds. Corresponds to `sklearn.model_selection.StratifiedGroupKFold(shuffle=True)`.

use crate::error::HeadError;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use std::collections::{BTreeMap, HashMap};

/// Numbers groups by name, from 0 in order of first appearance.
pub fn numbered<'a>(groups: impl Iterator<Item = &'a str>) -> Vec<u32> {
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    groups
        .map(|group| {
            let next = numbers.len() as u32;
            *numbers.entry(group).or_insert(next)
        })
        .collect()
}

/// A group with its number of rows of each class.
struct Group {
    id: u32,
    rows: usize,
    of_class: BTreeMap<u32, usize>,
}

/// Why rows cannot be assigned to folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoldError {
    /// There are so many groups, for another number of rows.
    Length {
        /// Groups.
        found: usize,
        /// Rows.
        expected: usize,
    },
    /// Fewer than two folds, or fewer groups than folds.
    Folds {
        /// Folds that were asked for.
        folds: usize,
        /// Groups there are.
        groups: usize,
    },
}

impl From<FoldError> for HeadError {
    fn from(error: FoldError) -> Self {
        match error {
            FoldError::Length { found, expected } => Self::Length { what: "groups", found, expected },
            FoldError::Folds { folds, groups } => Self::Folds { folds, groups },
        }
    }
}

/// As [`try_assign_folds`], with the errors of heads.
///
/// # Errors
/// [`HeadError::Length`] where the lists differ in length, [`HeadError::Folds`] for fewer than two folds or fewer groups than
/// folds.
pub fn assign_folds(targets: &[u32], groups: &[u32], folds: usize, seed: u64) -> Result<Vec<usize>, HeadError> {
    Ok(try_assign_folds(targets, groups, folds, seed)?)
}

/// Assigns rows to `folds` folds; returns the fold of each row.
///
/// Rows of a group share a fold. Groups are assigned from the largest to the smallest, in random order where they are equally
/// large, each to the fold that holds least of its classes, then to the one with the fewest rows. With groups of one row,
/// folds differ by one row of each class at most. No fold is empty.
///
/// # Errors
/// [`FoldError`].
pub fn try_assign_folds(targets: &[u32], groups: &[u32], folds: usize, seed: u64) -> Result<Vec<usize>, FoldError> {
    if groups.len() != targets.len() {
        return Err(FoldError::Length { found: groups.len(), expected: targets.len() });
    }
    let mut all: BTreeMap<u32, Group> = BTreeMap::new();
    let mut in_class: BTreeMap<u32, usize> = BTreeMap::new();
    for (&id, &class) in groups.iter().zip(targets) {
        let group = all.entry(id).or_insert_with(|| Group { id, rows: 0, of_class: BTreeMap::new() });
        group.rows += 1;
        *group.of_class.entry(class).or_default() += 1;
        *in_class.entry(class).or_default() += 1;
    }
    if folds < 2 || all.len() < folds {
        return Err(FoldError::Folds { folds, groups: all.len() });
    }
    let mut order: Vec<Group> = all.into_values().collect();
    order.shuffle(&mut Pcg64Mcg::seed_from_u64(seed));
    order.sort_by_key(|group| std::cmp::Reverse(group.rows));

    let mut rows = vec![0_usize; folds];
    let mut held: BTreeMap<u32, Vec<usize>> = in_class.keys().map(|class| (*class, vec![0; folds])).collect();
    let mut fold_of: BTreeMap<u32, usize> = BTreeMap::new();
    for group in &order {
        // By how much the sum of squared shares grows: least where the group's classes are fewest.
        let growth = |fold: usize| -> f64 {
            let of = |(class, n): (&u32, &usize)| {
                let (held, n) = (held[class][fold] as f64, *n as f64);
                (2.0 * held * n + n * n) / in_class[class] as f64
            };
            group.of_class.iter().map(of).sum()
        };
        let cheapest = (0..folds).min_by(|a, b| growth(*a).total_cmp(&growth(*b)).then(rows[*a].cmp(&rows[*b])));
        let fold = cheapest.unwrap_or(0);
        rows[fold] += group.rows;
        for (class, n) in &group.of_class {
            if let Some(held) = held.get_mut(class) {
                held[fold] += n;
            }
        }
        fold_of.insert(group.id, fold);
    }
    Ok(groups.iter().map(|group| fold_of[group]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn single_rows_are_divided_evenly() {
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
    fn impossible_folds_are_errors() {
        assert!(matches!(assign_folds(&[0, 1], &[0], 2, 0), Err(HeadError::Length { found: 1, expected: 2, .. })));
        assert!(matches!(assign_folds(&[0, 1, 0], &[7, 7, 7], 2, 0), Err(HeadError::Folds { folds: 2, groups: 1 })));
        assert!(matches!(assign_folds(&[0, 1], &[0, 1], 1, 0), Err(HeadError::Folds { folds: 1, groups: 2 })));
    }

    proptest! {
        #[test]
        fn groups_are_never_split(
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
