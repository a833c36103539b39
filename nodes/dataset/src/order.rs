//! A version of the data set as it is trained on, and the order in which an epoch shows it: a function of seed and epoch.

use crate::folds;
use plugin_api::names::natural_order;
use plugin_api::{Labels, Split, Subset};
use plugin_catalog::Sample;
use std::collections::{BTreeSet, HashMap, HashSet};

/// How rows become samples to train on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What becomes of samples that stand in several classes.
    pub labels: Labels,
    /// Classes weigh the same.
    pub balanced: bool,
}

/// A sample of a split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Digest of its pixels.
    pub sample: String,
    /// Digest of a file that holds it.
    pub digest: String,
    /// Path of that file.
    pub path: String,
    /// Digest that stands for its group of near-copies.
    pub group: String,
    /// When it was taken, milliseconds since 1970.
    pub captured_ms: Option<i64>,
}

/// One split of the data set at one version.
#[derive(Debug, Default)]
pub struct SplitRows {
    /// One row a sample, ordered by it.
    pub rows: Vec<Row>,
    /// Class indices of each row, sorted; exactly one with [`Labels::Single`].
    pub targets: Vec<Vec<u32>>,
    /// Weight of each row in the loss.
    pub weights: Vec<f32>,
}

/// A sample that stands in several classes, where it may have one alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamePixels {
    /// Digest of its pixels.
    pub sample: String,
    /// A file of it in each of its classes.
    pub paths: Vec<String>,
}

/// The data set at one version.
#[derive(Debug, Default)]
pub struct Version {
    /// Class names in natural order.
    pub classes: Vec<String>,
    /// By [`Split::index`].
    pub splits: [SplitRows; 3],
    /// Samples by class that are kept out because their pixels stand in several classes.
    pub conflicts: Vec<u64>,
    /// Which they are.
    pub same_pixels: Vec<SamePixels>,
    /// Held-out samples (validation and test) by class whose group has samples in train.
    pub near_copies_held_out: Vec<u64>,
    /// Digest of the samples, their splits and their labels.
    pub fingerprint: String,
}

/// The classes of samples, in natural order.
pub fn classes_of(samples: &[Sample]) -> Vec<String> {
    let names: HashSet<&str> = samples.iter().map(|row| row.label.as_str()).collect();
    let mut names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    names.sort_unstable_by(|a, b| natural_order(a, b));
    names
}

impl Version {
    /// Sorts the rows of a version, which are ordered by sample and label, into splits. Balanced: classes weigh the same, and
    /// the mean weight of a training sample is 1.
    pub fn new(samples: Vec<Sample>, reading: Reading) -> Self {
        let classes = classes_of(&samples);
        let mut version = Self {
            conflicts: vec![0; classes.len()],
            near_copies_held_out: vec![0; classes.len()],
            classes: Vec::new(),
            ..Self::default()
        };
        let index: HashMap<&str, u32> = classes.iter().map(String::as_str).zip(0..).collect();
        let mut hasher = blake3::Hasher::new();
        if reading.labels == Labels::Multi {
            hasher.update(b"multi\0");
        }
        let mut samples = samples.into_iter().peekable();
        while let Some(first) = samples.next() {
            let mut targets = BTreeSet::from([index[first.label.as_str()]]);
            let mut others = Vec::new();
            while let Some(other) = samples.next_if(|other| other.sample == first.sample) {
                targets.insert(index[other.label.as_str()]);
                others.push(other);
            }
            let kept_out = reading.labels == Labels::Single && targets.len() > 1;
            for row in std::iter::once(&first).chain(&others) {
                // A newline can be in a folder's name, a NUL cannot. What is kept out has the split that it was in before, which
                // depends on the order in which images came.
                let split = if kept_out { "out" } else { first.split.name() };
                for part in [&first.sample[..], &row.label, split] {
                    hasher.update(part.as_bytes()).update(b"\0");
                }
            }
            if kept_out {
                for class in &targets {
                    version.conflicts[*class as usize] += 1;
                }
                let paths = std::iter::once(first.path).chain(others.into_iter().map(|other| other.path)).collect();
                version.same_pixels.push(SamePixels { sample: first.sample, paths });
                continue;
            }
            let Sample { sample, digest, path, group, split, captured_ms, .. } = first;
            let rows = &mut version.splits[split.index()];
            rows.targets.push(targets.into_iter().collect());
            rows.rows.push(Row { sample, digest, path, group, captured_ms });
        }
        drop(index);
        version.classes = classes;
        version.fingerprint = hasher.finalize().to_hex().to_string();
        for split in Split::ALL.map(Split::index) {
            let counts = version.counts(split);
            version.splits[split].weights = weights(&version.splits[split].targets, &counts, reading.balanced);
        }
        version.count_near_copies();
        version
    }

    fn count_near_copies(&mut self) {
        for split in [Split::Validation, Split::Test] {
            let rows = &self.splits[split.index()];
            let near_copies = folds::near_copies(self, Subset::Split(split), rows);
            let optimistic = near_copies.into_iter().zip(&rows.targets).filter(|(is_near, _)| *is_near);
            for class in optimistic.flat_map(|(_, targets)| targets) {
                self.near_copies_held_out[*class as usize] += 1;
            }
        }
    }

    /// Samples by class in a split; one of several classes counts in each.
    pub fn counts(&self, split: usize) -> Vec<u64> {
        let mut counts = vec![0; self.classes.len()];
        for target in self.splits[split].targets.iter().flatten() {
            counts[*target as usize] += 1;
        }
        counts
    }

    /// The split of every sample that is trained on or evaluated on.
    pub fn split_of_samples(&self) -> impl Iterator<Item = (&str, Split)> {
        let rows = |split: Split| self.splits[split.index()].rows.iter().map(move |row| (row.sample.as_str(), split));
        Split::ALL.into_iter().flat_map(rows)
    }
}

/// A sample weighs what its classes do on average, and a class one part in the number of its samples; the mean is 1.
pub fn weights(targets: &[Vec<u32>], counts: &[u64], balanced: bool) -> Vec<f32> {
    if !balanced {
        return vec![1.0; targets.len()];
    }
    let of = |t: &u32| 1.0 / counts[*t as usize] as f64;
    let raw: Vec<f64> = targets.iter().map(|t| t.iter().map(of).sum::<f64>() / t.len().max(1) as f64).collect();
    let mean = raw.iter().sum::<f64>() / raw.len().max(1) as f64;
    raw.iter().map(|w| (w / mean) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINGLE: Reading = Reading { labels: Labels::Single, balanced: true };
    const MULTI: Reading = Reading { labels: Labels::Multi, ..SINGLE };

    fn row(sample: &str, label: &str, split: Split) -> Sample {
        Sample { split, ..plugin_catalog::fixture::sample(sample, label) }
    }

    fn in_group(group: &str, row: Sample) -> Sample {
        Sample { group: group.to_owned(), ..row }
    }

    fn sizes(version: &Version) -> [usize; 3] {
        Split::ALL.map(|split| version.splits[split.index()].rows.len())
    }

    #[test]
    fn classes_weigh_the_same_and_the_mean_is_one() {
        let rows = ["1", "2", "3", "4"].map(|d| row(d, if d == "4" { "b" } else { "a" }, Split::Train));
        let version = Version::new(rows.to_vec(), SINGLE);
        let weights = &version.splits[0].weights;
        assert!((weights[..3].iter().sum::<f32>() - weights[3]).abs() < 1e-6, "{weights:?}");
        assert!((weights.iter().sum::<f32>() / 4.0 - 1.0).abs() < 1e-6);
        let off = Version::new(rows.to_vec(), Reading { balanced: false, ..SINGLE });
        assert_eq!(off.splits[0].weights, [1.0; 4]);
    }

    #[test]
    fn classes_are_in_natural_order() {
        let rows = ["10", "2", "1", "a"].map(|label| row(label, label, Split::Train));
        let version = Version::new(rows.to_vec(), SINGLE);
        assert_eq!(version.classes, ["1", "2", "10", "a"]);
        let of = |sample: &str| version.splits[0].rows.iter().position(|row| row.sample == sample).unwrap();
        assert_eq!(["1", "2", "10", "a"].map(|sample| version.splits[0].targets[of(sample)][0]), [0, 1, 2, 3]);
    }

    #[test]
    fn pixels_in_two_classes_are_kept_out_or_have_both() {
        let train = Split::Train;
        let rows = vec![row("1", "a", train), row("1", "b", train), row("2", "b", train), row("3", "b", Split::Test)];
        let single = Version::new(rows.clone(), SINGLE);
        assert_eq!((single.conflicts.clone(), sizes(&single)), (vec![1, 1], [1, 0, 1]));
        let paths = vec!["photos/a/1.jpg".to_owned(), "photos/b/1.jpg".to_owned()];
        assert_eq!(single.same_pixels, [SamePixels { sample: "1".to_owned(), paths }]);
        let multi = Version::new(rows, MULTI);
        assert_eq!((multi.conflicts.clone(), sizes(&multi)), (vec![0, 0], [2, 0, 1]));
        assert_eq!(multi.splits[0].targets, [vec![0, 1], vec![1]]);
        assert_eq!(multi.counts(0), [1, 2]);
        // 1 weighs (1/1 + 1/2) / 2, 2 weighs 1/2; the mean is 1.
        let weights = &multi.splits[0].weights;
        assert!((weights[0] - 1.2).abs() < 1e-6 && (weights[1] - 0.8).abs() < 1e-6, "{weights:?}");
        assert_ne!(single.fingerprint, multi.fingerprint, "the labels are not the same");
    }

    #[test]
    fn near_copies_across_classes_are_trained_on() {
        let rows = vec![
            in_group("1", row("1", "gate open", Split::Train)),
            in_group("1", row("2", "gate closed", Split::Train)),
            in_group("1", row("3", "gate closed", Split::Test)),
        ];
        let single = Version::new(rows.clone(), SINGLE);
        assert_eq!((single.conflicts.clone(), sizes(&single)), (vec![0, 0], [2, 0, 1]));
        assert_eq!(single.classes, ["gate closed", "gate open"]);
        assert_eq!(single.near_copies_held_out, [1, 0], "figures on it are optimistic");
        let multi = Version::new(rows, MULTI);
        assert_eq!(multi.splits[0].targets, [vec![1], vec![0]], "no label of a near-copy's");
    }

    #[test]
    fn fingerprint_ignores_files_and_sees_labels_and_splits() {
        let version = |label: &str, digest: &str, split: Split| {
            let path = format!("photos/{digest}.jpg");
            let row = Sample { path, digest: digest.to_owned(), ..row("1", label, split) };
            Version::new(vec![row], SINGLE).fingerprint
        };
        let one = version("a", "x", Split::Train);
        assert_eq!(one, version("a", "y", Split::Train), "the same pixels in another file");
        assert_ne!(one, version("b", "x", Split::Train));
        assert_ne!(one, version("a", "x", Split::Test));
    }

    #[test]
    fn fingerprint_ignores_the_split_of_what_is_kept_out() {
        let version = |split: Split| {
            Version::new(vec![row("1", "a", split), row("1", "b", split), row("2", "b", Split::Train)], SINGLE)
                .fingerprint
        };
        assert_eq!(version(Split::Test), version(Split::Validation));
    }
}
