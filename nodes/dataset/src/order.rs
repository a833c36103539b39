//! The order in which an epoch shows its pictures: a function of seed and epoch.

use crate::catalog::Labelled;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;

/// One split of the data set at one version.
#[derive(Debug, Default)]
pub struct SplitRows {
    /// Pictures with one class each, ordered by digest.
    pub rows: Vec<Labelled>,
    /// Class index of each row.
    pub targets: Vec<u32>,
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
    /// Pictures by class that stand in several classes and are kept out.
    pub conflicts: Vec<u64>,
    /// Digest of the pictures and their labels.
    pub fingerprint: String,
}

impl Version {
    /// Sorts the rows of a version into splits. `balanced`: classes weigh the same, and the mean weight of a
    /// training picture is 1.
    pub fn new(rows: Vec<Labelled>, balanced: bool) -> Self {
        let mut hasher = blake3::Hasher::new();
        let mut classes: Vec<String> = rows.iter().map(|r| r.label.clone()).collect();
        classes.sort();
        classes.dedup();
        let mut version = Self { conflicts: vec![0; classes.len()], classes, ..Self::default() };
        for row in rows {
            // A newline can be in a folder's name, a NUL cannot.
            hasher.update(row.digest.as_bytes()).update(b"\0").update(row.label.as_bytes()).update(b"\0");
            let class = version.classes.binary_search(&row.label).unwrap_or_default();
            if row.conflict {
                version.conflicts[class] += 1;
                continue;
            }
            let split = crate::split::SPLITS.iter().position(|s| *s == row.split).unwrap_or_default();
            version.splits[split].targets.push(class as u32);
            version.splits[split].rows.push(row);
        }
        version.fingerprint = hasher.finalize().to_hex().to_string();
        for split in 0..version.splits.len() {
            let counts = version.counts(split);
            version.splits[split].weights = weights(&version.splits[split].targets, &counts, balanced);
        }
        version
    }

    /// Pictures by class in a split.
    pub fn counts(&self, split: usize) -> Vec<u64> {
        let mut counts = vec![0; self.classes.len()];
        for target in &self.splits[split].targets {
            counts[*target as usize] += 1;
        }
        counts
    }
}

fn weights(targets: &[u32], counts: &[u64], balanced: bool) -> Vec<f32> {
    let present = counts.iter().filter(|n| **n > 0).count().max(1);
    let even = targets.len() as f32 / present as f32;
    targets.iter().map(|t| if balanced { even / counts[*t as usize] as f32 } else { 1.0 }).collect()
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

    fn row(digest: &str, label: &str, split: &str, conflict: bool) -> Labelled {
        Labelled { digest: digest.into(), label: label.into(), path: String::new(), split: split.into(), conflict }
    }

    #[test]
    fn classes_weigh_the_same_and_the_mean_is_one() {
        let rows = ["1", "2", "3", "4"].map(|d| row(d, if d == "4" { "b" } else { "a" }, "train", false));
        let version = Version::new(rows.to_vec(), true);
        let weights = &version.splits[0].weights;
        assert_eq!(weights[..3].iter().sum::<f32>(), weights[3]);
        assert!((weights.iter().sum::<f32>() / 4.0 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn conflicts_are_counted_and_kept_out() {
        let rows = vec![row("1", "a", "train", true), row("1", "b", "train", true), row("2", "b", "test", false)];
        let version = Version::new(rows, true);
        assert_eq!(version.conflicts, [1, 1]);
        assert_eq!(version.splits.iter().map(|s| s.rows.len()).collect::<Vec<_>>(), [0, 0, 1]);
    }

    #[test]
    fn the_fingerprint_ignores_file_names_and_sees_labels() {
        let version = |label: &str, path: &str| {
            let row = Labelled { path: path.into(), ..row("1", label, "train", false) };
            Version::new(vec![row], true).fingerprint
        };
        assert_eq!(version("a", "x"), version("a", "y"));
        assert_ne!(version("a", "x"), version("b", "x"));
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
