//! Folds of a version, for a cross-validation: all its images, whatever their split, but those that are kept out.

use crate::order::{Row, SplitRows, Version, weights};
use plugin_api::{Fold, Subset};
use plugin_splits::{Image, folds};
use std::collections::HashSet;

/// The seed of all folds: the folds of a version are always the same.
const SEED: u64 = 0;

/// The samples of a subset of folds, ordered by sample; none for a split. `balanced`: classes weigh the same.
pub fn of_subset(version: &Version, subset: Subset, balanced: bool) -> SplitRows {
    let (wanted, inside) = match subset {
        Subset::Split(_) => return SplitRows::default(),
        Subset::FoldTrain(fold) => (fold, false),
        Subset::FoldTest(fold) => (fold, true),
    };
    let Fold { index, of } = wanted;
    let mut all: Vec<(&Row, &Vec<u32>)> =
        version.splits.iter().flat_map(|split| std::iter::zip(&split.rows, &split.targets)).collect();
    all.sort_by(|a, b| a.0.sample.cmp(&b.0.sample));
    let images: Vec<Image> = all
        .iter()
        .map(|&(row, targets)| Image {
            key: &row.sample,
            classes: targets,
            group: &row.group,
            captured_ms: row.captured_ms,
            path: &row.path,
            given: None,
            settled: None,
        })
        .collect();
    let drawn = folds(&images, of, SEED);
    let mut picked = SplitRows::default();
    for ((row, targets), fold) in all.into_iter().zip(drawn.of) {
        if (fold == index) == inside {
            picked.rows.push(row.clone());
            picked.targets.push(targets.clone());
        }
    }
    let mut counts = vec![0; version.classes.len()];
    for target in picked.targets.iter().flatten() {
        counts[*target as usize] += 1;
    }
    picked.weights = weights(&picked.targets, &counts, balanced);
    picked
}

/// Which images have a near-copy among those that are trained on when they are held out; none of those trained on.
pub fn near_copies(version: &Version, subset: Subset, rows: &SplitRows) -> Vec<bool> {
    let other;
    let trained = match subset {
        Subset::Split(split) if split != plugin_api::Split::Train => &version.splits[0],
        Subset::FoldTest(fold) => {
            other = of_subset(version, Subset::FoldTrain(fold), false);
            &other
        }
        Subset::Split(_) | Subset::FoldTrain(_) => return vec![false; rows.rows.len()],
    };
    let groups: HashSet<&str> = trained.rows.iter().map(|row| &row.group[..]).collect();
    rows.rows.iter().map(|row| groups.contains(&row.group[..])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::order::Reading;
    use plugin_api::{Labels, Split};
    use plugin_catalog::Sample;

    fn version(groups: impl Fn(usize) -> usize) -> Version {
        let row = |i: usize| Sample {
            path: format!("photos/{i}.jpg"),
            group: format!("{:04x}", groups(i)),
            split: if i % 8 == 7 { Split::Test } else { Split::Train },
            ..plugin_catalog::fixture::sample(&format!("{i:04x}"), if i < 16 { "a" } else { "b" })
        };
        Version::new((0..32).map(row).collect(), Reading { labels: Labels::Single, balanced: true })
    }

    fn digests(rows: &SplitRows) -> Vec<String> {
        rows.rows.iter().map(|row| row.digest.clone()).collect()
    }

    #[test]
    fn folds_hold_every_image_of_all_splits_once() {
        let version = version(|i| i);
        let mut seen = Vec::new();
        for index in 0..4 {
            let fold = Fold { index, of: 4 };
            let [test, train] =
                [Subset::FoldTest(fold), Subset::FoldTrain(fold)].map(|of| of_subset(&version, of, true));
            assert_eq!((test.rows.len(), train.rows.len()), (8, 24));
            assert_eq!(test.targets.iter().filter(|targets| **targets == [0]).count(), 4, "stratified");
            assert!((train.weights.iter().sum::<f32>() / 24.0 - 1.0).abs() < 1e-6);
            assert!(near_copies(&version, Subset::FoldTest(fold), &test).iter().all(|near| !near));
            seen.extend(digests(&test));
        }
        seen.sort();
        assert_eq!(seen, (0..32).map(|i| format!("{i:04x}")).collect::<Vec<_>>());
    }

    #[test]
    fn near_copies_on_both_sides_are_known() {
        let version = version(|i| if i < 16 { 0 } else { i });
        let test = &version.splits[2];
        let near = near_copies(&version, Subset::Split(Split::Test), test);
        assert_eq!(near, [true, true, false, false], "{:?}", digests(test));
        let fold = Subset::FoldTest(Fold { index: 0, of: 4 });
        let rows = of_subset(&version, fold, true);
        let near = near_copies(&version, fold, &rows);
        assert!(std::iter::zip(&near, &rows.targets).all(|(near, targets)| *near == (targets == &[0])));
    }
}
