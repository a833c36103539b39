//! The order in which an epoch shows its pictures: a function of seed and epoch.

use crate::catalog::Labelled;
use plugin_api::Labels;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use std::collections::{BTreeSet, HashMap};

/// How rows become pictures to learn from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What becomes of pictures that stand in several classes.
    pub labels: Labels,
    /// Near-copies count as one picture: what one of them is called, all are.
    pub by_group: bool,
    /// Classes weigh the same.
    pub balanced: bool,
}

/// One split of the data set at one version.
#[derive(Debug, Default)]
pub struct SplitRows {
    /// One row a picture, ordered by digest.
    pub rows: Vec<Labelled>,
    /// Class indices of each row, sorted; exactly one with [`Labels::Single`].
    pub targets: Vec<Vec<u32>>,
    /// Weight of each row in the loss.
    pub weights: Vec<f32>,
}

/// The data set at one version.
#[derive(Debug, Default)]
pub struct Version {
    /// Class names, sorted.
    pub classes: Vec<String>,
    /// By split: train, validation, test.
    pub splits: [SplitRows; 3],
    /// Pictures by class that stand in several classes, or have a near-copy in another, and are kept out.
    pub conflicts: Vec<u64>,
    /// Digest of the pictures, their splits and what is learnt of them.
    pub fingerprint: String,
}

impl Version {
    /// Sorts the rows of a version, which are ordered by digest, into splits. Balanced: classes weigh the same, and the
    /// mean weight of a training picture is 1.
    pub fn new(rows: Vec<Labelled>, reading: Reading) -> Self {
        let mut classes: Vec<String> = rows.iter().map(|r| r.label.clone()).collect();
        classes.sort();
        classes.dedup();
        let mut version = Self { conflicts: vec![0; classes.len()], classes, ..Self::default() };
        let class = |row: &Labelled| version.classes.binary_search(&row.label).unwrap_or_default() as u32;
        // What a picture is called, by itself or by its group.
        let key = |row: &Labelled| if reading.by_group { row.group.clone() } else { row.digest.clone() };
        let mut called: HashMap<String, BTreeSet<u32>> = HashMap::new();
        for row in &rows {
            called.entry(key(row)).or_default().insert(class(row));
        }
        let mut hasher = blake3::Hasher::new();
        if reading.labels == Labels::Multi {
            hasher.update(b"multi\0");
        }
        let mut last = String::new();
        for row in rows {
            let class = version.classes.binary_search(&row.label).unwrap_or_default();
            let targets: Vec<u32> = called.get(&key(&row)).into_iter().flatten().copied().collect();
            let kept_out = reading.labels == Labels::Single && targets.len() > 1;
            // A newline can be in a folder's name, a NUL cannot.
            for part in [&row.digest[..], &row.label, &row.split, if kept_out { "out" } else { "in" }] {
                hasher.update(part.as_bytes()).update(b"\0");
            }
            if reading.labels == Labels::Multi && targets.len() > 1 {
                hasher.update(format!("{targets:?}").as_bytes());
            }
            if kept_out {
                version.conflicts[class] += 1;
                continue;
            }
            // With several labels a picture has a row for each.
            if row.digest == last {
                continue;
            }
            last.clone_from(&row.digest);
            let split = crate::split::SPLITS.iter().position(|s| *s == row.split).unwrap_or_default();
            version.splits[split].targets.push(targets);
            version.splits[split].rows.push(row);
        }
        version.fingerprint = hasher.finalize().to_hex().to_string();
        for split in 0..version.splits.len() {
            let counts = version.counts(split);
            version.splits[split].weights = weights(&version.splits[split].targets, &counts, reading.balanced);
        }
        version
    }

    /// Pictures by class in a split; one of several classes counts in each.
    pub fn counts(&self, split: usize) -> Vec<u64> {
        let mut counts = vec![0; self.classes.len()];
        for target in self.splits[split].targets.iter().flatten() {
            counts[*target as usize] += 1;
        }
        counts
    }
}

/// A picture weighs what its classes do on average, and a class one part in the number of its pictures; the mean is 1.
pub fn weights(targets: &[Vec<u32>], counts: &[u64], balanced: bool) -> Vec<f32> {
    if !balanced {
        return vec![1.0; targets.len()];
    }
    let of = |t: &u32| 1.0 / counts[*t as usize] as f64;
    let raw: Vec<f64> = targets.iter().map(|t| t.iter().map(of).sum::<f64>() / t.len().max(1) as f64).collect();
    let mean = raw.iter().sum::<f64>() / raw.len().max(1) as f64;
    raw.iter().map(|w| (w / mean) as f32).collect()
}

/// Row numbers of an epoch: shuffled for training, in order of digest otherwise.
pub fn epoch_order(rows: usize, shuffled: bool, seed: u64, epoch: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..rows as u32).collect();
    if shuffled {
        let mut key = [0u8; 16];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..].copy_from_slice(&epoch.to_le_bytes());
        let mut state = [0u8; 16];
        state.copy_from_slice(&blake3::hash(&key).as_bytes()[..16]);
        order.shuffle(&mut Pcg64Mcg::from_seed(state));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINGLE: Reading = Reading { labels: Labels::Single, by_group: true, balanced: true };
    const MULTI: Reading = Reading { labels: Labels::Multi, ..SINGLE };

    fn row(digest: &str, label: &str, split: &str) -> Labelled {
        Labelled {
            digest: digest.into(),
            label: label.into(),
            path: String::new(),
            group: digest.into(),
            split: split.into(),
        }
    }

    fn in_group(group: &str, row: Labelled) -> Labelled {
        Labelled { group: group.into(), ..row }
    }

    fn pictures(version: &Version) -> [usize; 3] {
        [0, 1, 2].map(|split| version.splits[split].rows.len())
    }

    #[test]
    fn classes_weigh_the_same_and_the_mean_is_one_unless_it_is_off() {
        let rows = ["1", "2", "3", "4"].map(|d| row(d, if d == "4" { "b" } else { "a" }, "train"));
        let version = Version::new(rows.to_vec(), SINGLE);
        let weights = &version.splits[0].weights;
        assert!((weights[..3].iter().sum::<f32>() - weights[3]).abs() < 1e-6, "{weights:?}");
        assert!((weights.iter().sum::<f32>() / 4.0 - 1.0).abs() < 1e-6);
        let off = Version::new(rows.to_vec(), Reading { balanced: false, ..SINGLE });
        assert_eq!(off.splits[0].weights, [1.0; 4]);
    }

    #[test]
    fn a_picture_in_two_classes_is_kept_out_and_counted_or_has_both_as_targets() {
        let rows = vec![row("1", "a", "train"), row("1", "b", "train"), row("2", "b", "train"), row("3", "b", "test")];
        let single = Version::new(rows.clone(), SINGLE);
        assert_eq!((single.conflicts.clone(), pictures(&single)), (vec![1, 1], [1, 0, 1]));
        let multi = Version::new(rows.clone(), MULTI);
        assert_eq!((multi.conflicts.clone(), pictures(&multi)), (vec![0, 0], [2, 0, 1]));
        assert_eq!(multi.splits[0].targets, [vec![0, 1], vec![1]]);
        assert_eq!(multi.counts(0), [1, 2]);
        // 1 weighs (1/1 + 1/2) / 2, 2 weighs 1/2; the mean is 1.
        let weights = &multi.splits[0].weights;
        assert!((weights[0] - 1.2).abs() < 1e-6 && (weights[1] - 0.8).abs() < 1e-6, "{weights:?}");
        assert_ne!(single.fingerprint, multi.fingerprint, "what is learnt is not the same");
    }

    #[test]
    fn near_copies_in_two_classes_are_kept_out_or_have_both_unless_only_equal_files_count() {
        let rows = vec![
            in_group("1", row("1", "a", "train")),
            in_group("1", row("2", "b", "train")),
            in_group("3", row("3", "a", "train")),
            in_group("3", row("4", "a", "train")),
        ];
        let single = Version::new(rows.clone(), SINGLE);
        assert_eq!((single.conflicts.clone(), pictures(&single)), (vec![1, 1], [2, 0, 0]));
        let exact = Version::new(rows.clone(), Reading { by_group: false, ..SINGLE });
        assert_eq!((exact.conflicts.clone(), pictures(&exact)), (vec![0, 0], [4, 0, 0]));
        assert_ne!(single.fingerprint, exact.fingerprint);
        let multi = Version::new(rows, MULTI);
        assert_eq!(multi.splits[0].targets, [vec![0, 1], vec![0, 1], vec![0], vec![0]]);
    }

    #[test]
    fn the_fingerprint_ignores_file_names_and_sees_labels_and_splits() {
        let version = |label: &str, path: &str, split: &str| {
            let row = Labelled { path: path.into(), ..row("1", label, split) };
            Version::new(vec![row], SINGLE).fingerprint
        };
        assert_eq!(version("a", "x", "train"), version("a", "y", "train"));
        assert_ne!(version("a", "x", "train"), version("b", "x", "train"));
        assert_ne!(version("a", "x", "train"), version("a", "x", "test"));
    }

    #[test]
    fn an_epoch_shows_every_picture_once_in_an_order_of_its_own() {
        let one = epoch_order(100, true, 7, 0);
        let mut sorted = one.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, epoch_order(100, false, 7, 0));
        assert_eq!(one, epoch_order(100, true, 7, 0));
        assert_ne!(one, epoch_order(100, true, 7, 1));
        assert_ne!(one, epoch_order(100, true, 8, 0));
    }
}
