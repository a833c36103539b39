//! k nearest neighbours by cosine in a whitened space.
//!
//! Features are whitened by the Cholesky factor of their covariance, shrunk towards a multiple of the identity, so that
//! directions in which all images vary alike count less. A neighbour's vote falls exponentially with its cosine's distance
//! from the greatest one, as in Wu and others, Unsupervised Feature Learning via Non-Parametric Instance Discrimination, CVPR
//! 2018, section 3.4, <https://arxiv.org/abs/1805.01978>.

use crate::error::HeadError;
use crate::matrix::{Cholesky, Matrix, View, product};
use crate::options::HeadOptions;
use crate::ridge::Covariance;
use crate::samples::{Samples, centered};
use rayon::prelude::*;

/// Rows that are compared with all neighbours at a time.
const BATCH_ROWS: usize = 128;
/// Votes that are spread over all classes, where the nearest neighbour has one.
pub const PRIOR_VOTES: f32 = 0.5;
/// Power of a class's share that its votes are divided by. With 0.25 openclipart8's balanced accuracy is 0.764 instead of 0.748, its
/// accuracy 0.790 instead of 0.789 (`examples/folds`, one seed); with 0.5 and 1 the accuracy is 0.782 and 0.770.
const SHARE_POWER: f32 = 0.25;
/// Samples of a class at which its votes count twice. Of 12 images of a class of 5 beside two of 30, 5 are then predicted correctly
/// instead of 1, and all others still are (`tests/e2e/head.rs`); openclipart8 loses 0.002 of its accuracy and of its balanced one.
const SCARCE: f32 = 8.0;
/// Nearest samples by which the local outlier factor is measured.
const NEAREST_OF_ALL: usize = 5;
/// Samples among which they are, at most.
const MAX_REFERENCES: usize = 2048;
/// Added to the spread of a sample: copies of an image are not infinitely dense.
const MIN_SPREAD: f32 = 1e-3;
/// Nearest samples of a class whose mean cosine makes the distance from it.
const NEAREST_OF_CLASS: usize = 5;
/// Neighbours as near as the k-th, to rounding, vote too: the order of samples never decides.
pub const TIE: f32 = 1e-6;

/// The samples, whitened.
#[derive(Clone, Debug, PartialEq)]
pub struct Neighbours {
    /// Mean of the samples.
    pub mean: Vec<f32>,
    /// Cholesky factor of their shrunk covariance.
    pub factor: Cholesky,
    /// The whitened samples, of unit length (or zero, for one that is the mean).
    pub rows: Matrix,
    /// Their lengths before that; empty for a head of a release that did not keep them.
    pub lengths: Vec<f32>,
    /// 1 − mean cosine of the nearest samples of other groups, in the space of the features themselves; 0 for samples that local
    /// outlier factors are not measured by. Empty for a head of a release that did not keep them.
    pub spreads: Vec<f32>,
    /// Their classes.
    pub labels: Vec<u32>,
}

/// How far rows are from the samples.
pub struct Distances {
    /// `[rows, classes]`: 1 − mean cosine of the nearest samples of the class in the whitened space, 0 to 2; 1 without any.
    pub of_classes: Matrix,
    /// One a row: 1 − greatest cosine of a sample, in the space of the features themselves; 1 without any.
    pub nearest: Vec<f32>,
    /// One a row, 1 without any sample: local outlier factor, the mean, over the nearest samples, of 1 − cosine over the spread of
    /// that sample.
    pub outlier_factors: Vec<f32>,
}

/// How votes are counted.
#[derive(Clone, Copy, Debug)]
pub struct Counting<'a> {
    /// Samples of each class.
    pub counts: &'a [usize],
    /// Number of neighbours.
    pub k: usize,
    /// Difference of cosines that makes a vote e times smaller.
    pub bandwidth: f32,
    /// Logit of a class without samples.
    pub absent: f32,
}

/// What a vote for a class counts, where `counts` has the samples of each. The fewer samples a class has, the farther its nearest one
/// is from any image of it, so its votes count more: by the power of its share, and where they are a handful by as much again as
/// [`SCARCE`] says.
pub fn vote_weight(counts: &[usize], class: usize) -> f32 {
    let present = counts.iter().filter(|count| **count > 0).count() as f32;
    let mean = counts.iter().sum::<usize>() as f32 / present.max(1.0);
    let count = counts[class].max(1) as f32;
    (mean / count).powf(SHARE_POWER) * (1.0 + SCARCE / count)
}

impl Neighbours {
    /// Whitens samples that were checked.
    pub fn fit(samples: &Samples<'_>, options: &HeadOptions) -> Result<Self, HeadError> {
        let weights = vec![1.0; samples.len()];
        let Covariance { mean, rows, factor } = Covariance::of(samples.view(), &weights, options.whitening)?;
        let mut rows = factor.whiten(rows.view());
        let lengths = normalize(&mut rows);
        Ok(Self { mean, factor, rows, lengths, spreads: spreads(samples), labels: samples.labels.to_vec() })
    }

    /// Rows in the whitened space, at unit length.
    pub fn whiten(&self, rows: View<'_>) -> Matrix {
        let mut white = self.factor.whiten(centered(rows, &self.mean, |_| 1.0).view());
        normalize(&mut white);
        white
    }

    /// Some of the samples, whitened.
    fn whitened(&self, rows: &[usize]) -> Matrix {
        let values = rows.iter().flat_map(|row| self.rows.row(*row).iter().copied()).collect();
        Matrix { rows: rows.len(), columns: self.mean.len(), values }
    }

    /// Votes for any rows, whitened by [`Self::whiten`]: logits of shape `[rows, classes]`, `absent` for a class without samples.
    pub fn votes(&self, white: View<'_>, counting: &Counting<'_>) -> Matrix {
        self.votes_of_white(white, counting, |_, _| true)
    }

    /// Votes for some of the samples themselves, without those that share their group.
    pub fn left_out(&self, rows: &[usize], groups: &[u32], counting: &Counting<'_>) -> Matrix {
        self.votes_of_white(self.whitened(rows).view(), counting, |row, other| groups[rows[row]] != groups[other])
    }

    /// Distances of any rows; `white`: the same, whitened by [`Self::whiten`].
    pub fn distances(&self, rows: View<'_>, white: View<'_>, classes: usize) -> Distances {
        self.distances_of_white(rows, white, classes, |_, _| true)
    }

    /// Distances of some of the samples themselves from those that do not share their group; `samples`: all of them.
    pub fn distances_left_out(&self, samples: &Samples<'_>, rows: &[usize]) -> Distances {
        let features: Vec<f32> = rows.iter().flat_map(|row| samples.view().row(*row).iter().copied()).collect();
        let (view, white) = (View::of(rows.len(), samples.dimensions, &features), self.whitened(rows));
        let groups = samples.groups;
        self.distances_of_white(view, white.view(), samples.classes, |row, other| groups[rows[row]] != groups[other])
    }

    fn distances_of_white(
        &self,
        rows: View<'_>,
        white: View<'_>,
        classes: usize,
        is_other: impl Fn(usize, usize) -> bool + Sync,
    ) -> Distances {
        // With L the factor of the covariance and m the mean, a sample is m + length · L · r, where r is its whitened row: the
        // features themselves need not be kept.
        let turned = product(rows, self.factor.factor().view());
        let starts: Vec<usize> = (0..rows.height()).step_by(BATCH_ROWS).collect();
        let batch = |start: usize| {
            let end = (start + BATCH_ROWS).min(rows.height());
            let samples = self.rows.view().transposed();
            let (cosines, dots) =
                (product(white.rows(start, end), samples), product(turned.view().rows(start, end), samples));
            let one = |row: usize| {
                let mean: f32 = rows.row(start + row).iter().zip(&self.mean).map(|(x, m)| x * m).sum();
                let others = || (0..self.labels.len()).filter(|other| is_other(start + row, *other));
                let dot = |other: usize| mean + self.lengths[other] * dots.row(row)[other];
                let mut nearest: Option<f32> = None;
                let mut references = Nearest::<NEAREST_OF_ALL>::default();
                let mut best = vec![Nearest::<NEAREST_OF_CLASS>::default(); classes];
                for other in others() {
                    let cosine = dot(other);
                    nearest = Some(nearest.map_or(cosine, |nearest| nearest.max(cosine)));
                    if self.spreads[other] > 0.0 {
                        references.add(cosine, other);
                    }
                    best[self.labels[other] as usize].add(cosines.row(row)[other], other);
                }
                let of_classes: Vec<f32> = best.iter().map(Nearest::distance).collect();
                (of_classes, nearest.map_or(1.0, |cosine| 1.0 - cosine), references.outlier_factor(&self.spreads))
            };
            (0..end - start).map(one).collect::<Vec<_>>()
        };
        let found: Vec<(Vec<f32>, f32, f32)> = starts.into_par_iter().flat_map_iter(batch).collect();
        let mut of_classes = Vec::with_capacity(rows.height() * classes);
        let (mut nearest, mut outlier_factors) = (Vec::new(), Vec::new());
        for (distances, distance, factor) in found {
            of_classes.extend(distances);
            nearest.push(distance);
            outlier_factors.push(factor);
        }
        let of_classes = Matrix { rows: rows.height(), columns: classes, values: of_classes };
        Distances { of_classes, nearest, outlier_factors }
    }

    fn votes_of_white(
        &self,
        white: View<'_>,
        counting: &Counting<'_>,
        may_vote: impl Fn(usize, usize) -> bool + Sync,
    ) -> Matrix {
        let classes = counting.counts.len();
        let weights: Vec<f32> = (0..classes).map(|class| vote_weight(counting.counts, class)).collect();
        let starts: Vec<usize> = (0..white.height()).step_by(BATCH_ROWS).collect();
        let batches: Vec<Vec<f32>> = starts
            .into_par_iter()
            .map(|start| {
                let end = (start + BATCH_ROWS).min(white.height());
                let cosines = product(white.rows(start, end), self.rows.view().transposed());
                let mut logits = vec![counting.absent; (end - start) * classes];
                for (row, logits) in logits.chunks_exact_mut(classes).enumerate() {
                    let others = cosines.row(row).iter().zip(&self.labels).enumerate();
                    let voters: Vec<(f32, u32)> = others
                        .filter(|(other, _)| may_vote(start + row, *other))
                        .map(|(_, (cosine, label))| (*cosine, *label))
                        .collect();
                    vote(voters, counting, &weights, logits);
                }
                logits
            })
            .collect();
        Matrix { rows: white.height(), columns: classes, values: batches.concat() }
    }
}

/// 1 − mean cosine of the nearest samples of other groups, plus [`MIN_SPREAD`]; among, and of, at most [`MAX_REFERENCES`] samples that
/// are spread evenly, 0 for all others.
fn spreads(samples: &Samples<'_>) -> Vec<f32> {
    let step = samples.len().div_ceil(MAX_REFERENCES).max(1);
    let references: Vec<usize> = (0..samples.len()).step_by(step).collect();
    let rows: Vec<f32> = references.iter().flat_map(|row| samples.view().row(*row).iter().copied()).collect();
    let rows = View::of(references.len(), samples.dimensions, &rows);
    let starts: Vec<usize> = (0..references.len()).step_by(BATCH_ROWS).collect();
    let batch = |start: usize| {
        let end = (start + BATCH_ROWS).min(references.len());
        let cosines = product(rows.rows(start, end), rows.transposed());
        let group = |place: usize| samples.groups[references[place]];
        let one = |row: usize| {
            let mut nearest = Nearest::<NEAREST_OF_ALL>::default();
            let others = (0..references.len()).filter(|other| group(*other) != group(start + row));
            others.for_each(|other| nearest.add(cosines.row(row)[other], other));
            nearest.distance().max(0.0) + MIN_SPREAD
        };
        (0..end - start).map(one).collect::<Vec<f32>>()
    };
    let found: Vec<f32> = starts.into_par_iter().flat_map_iter(batch).collect();
    let mut spreads = vec![0.0; samples.len()];
    references.iter().zip(found).for_each(|(row, spread)| spreads[*row] = spread);
    spreads
}

/// The greatest cosines of samples, in descending order, and which samples they are.
#[derive(Clone, Copy)]
struct Nearest<const N: usize> {
    cosines: [f32; N],
    samples: [usize; N],
    count: usize,
}

impl<const N: usize> Default for Nearest<N> {
    fn default() -> Self {
        Self { cosines: [0.0; N], samples: [0; N], count: 0 }
    }
}

impl<const N: usize> Nearest<N> {
    fn add(&mut self, cosine: f32, sample: usize) {
        let place = self.cosines[..self.count].partition_point(|other| *other >= cosine);
        if place == N {
            return;
        }
        self.count = (self.count + 1).min(N);
        self.cosines[place..self.count].rotate_right(1);
        self.samples[place..self.count].rotate_right(1);
        (self.cosines[place], self.samples[place]) = (cosine, sample);
    }

    /// Mean distance in units of the samples' spreads; 1 without any sample.
    fn outlier_factor(&self, spreads: &[f32]) -> f32 {
        let pairs = self.cosines.iter().zip(&self.samples).take(self.count);
        let sum: f32 = pairs.map(|(cosine, sample)| (1.0 - cosine).max(0.0) / spreads[*sample]).sum();
        if self.count == 0 { 1.0 } else { sum / self.count as f32 }
    }

    fn distance(&self) -> f32 {
        let sum: f32 = self.cosines[..self.count].iter().sum();
        if self.count == 0 { 1.0 } else { 1.0 - sum / self.count as f32 }
    }
}

/// Writes the logits of one row. `weights`: what a vote for each class counts.
fn vote(mut voters: Vec<(f32, u32)>, counting: &Counting<'_>, weights: &[f32], logits: &mut [f32]) {
    let mut votes = vec![0.0_f32; logits.len()];
    if !voters.is_empty() {
        let place = counting.k.min(voters.len()) - 1;
        let (_, kth, _) = voters.select_nth_unstable_by(place, |a, b| b.0.total_cmp(&a.0));
        let limit = kth.0 - TIE;
        voters.retain(|(cosine, _)| *cosine >= limit);
        // Sums are made in one order, whatever the selection left.
        voters.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let greatest = voters[0].0;
        for (cosine, label) in &voters {
            votes[*label as usize] += weights[*label as usize] * ((cosine - greatest) / counting.bandwidth).exp();
        }
    }
    let present = counting.counts.iter().filter(|count| **count > 0).count() as f32;
    for ((logit, votes), count) in logits.iter_mut().zip(&votes).zip(counting.counts) {
        if *count > 0 {
            *logit = (votes + PRIOR_VOTES / present).ln();
        }
    }
}

/// Scales rows to unit length and returns the lengths they had; rows of almost no length become zero.
fn normalize(rows: &mut Matrix) -> Vec<f32> {
    let to_unit = |row: &mut [f32]| {
        let squared: f64 = row.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
        let has_length = squared > f64::from(f32::MIN_POSITIVE);
        let scale = if has_length { (1.0 / squared.sqrt()) as f32 } else { 0.0 };
        for x in row {
            *x *= scale;
        }
        if has_length { squared.sqrt() as f32 } else { 0.0 }
    };
    rows.values.par_chunks_mut(rows.columns.max(1)).map(to_unit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::clusters;

    #[test]
    fn distances_are_those_of_the_samples_themselves() {
        let data = clusters(3, 4, 6);
        let samples = data.samples();
        let neighbours = Neighbours::fit(&samples, &HeadOptions::DEFAULT).unwrap();
        let rows = [0, 5, 7];
        let found = neighbours.distances_left_out(&samples, &rows);
        for (place, row) in rows.into_iter().enumerate() {
            let cosine = |other: usize| -> f32 {
                samples.view().row(row).iter().zip(samples.view().row(other)).map(|(a, b)| a * b).sum()
            };
            let nearest = (0..12).filter(|other| *other != row).map(cosine).fold(f32::MIN, f32::max);
            assert!((found.nearest[place] - (1.0 - nearest)).abs() < 1e-5, "{} {nearest}", found.nearest[place]);
            let spread = |row: usize| -> f32 {
                let cosine = |other: usize| -> f32 {
                    samples.view().row(row).iter().zip(samples.view().row(other)).map(|(a, b)| a * b).sum()
                };
                let mut cosines: Vec<f32> = (0..12).filter(|other| *other != row).map(cosine).collect();
                cosines.sort_by(|a, b| b.total_cmp(a));
                1.0 - cosines[..5].iter().sum::<f32>() / 5.0 + MIN_SPREAD
            };
            let mut factors: Vec<(f32, f32)> =
                (0..12).filter(|other| *other != row).map(|other| (cosine(other), spread(other))).collect();
            factors.sort_by(|a, b| b.0.total_cmp(&a.0));
            let expected = factors[..5].iter().map(|(cosine, spread)| (1.0 - cosine) / spread).sum::<f32>() / 5.0;
            assert!(
                (found.outlier_factors[place] - expected).abs() < 1e-2,
                "{} {expected}",
                found.outlier_factors[place]
            );
            let white = |a: usize, b: usize| -> f32 {
                neighbours.rows.row(a).iter().zip(neighbours.rows.row(b)).map(|(a, b)| a * b).sum()
            };
            let of_class: Vec<f32> = (0..12)
                .filter(|other| *other != row && samples.labels[*other] == samples.labels[row])
                .map(|other| white(row, other))
                .collect();
            let expected = 1.0 - of_class.iter().sum::<f32>() / of_class.len() as f32;
            let found = found.of_classes.row(place)[samples.labels[row] as usize];
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }

    #[test]
    fn the_nearest_are_kept() {
        let mut nearest = Nearest::<5>::default();
        assert_eq!((nearest.distance(), nearest.outlier_factor(&[])), (1.0, 1.0));
        for (sample, cosine) in [0.1, 0.9, 0.5, 0.3, 0.7, 0.2, 0.9].into_iter().enumerate() {
            nearest.add(cosine, sample);
        }
        assert_eq!((nearest.cosines, nearest.samples), ([0.9, 0.9, 0.7, 0.5, 0.3], [1, 6, 4, 2, 3]));
        let expected = (0.1 / 0.1 + 0.1 / 0.2 + 0.3 / 0.1 + 0.5 / 0.1 + 0.7 / 0.1) / 5.0_f32;
        let found = nearest.outlier_factor(&[0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2]);
        assert!((found - expected).abs() < 1e-4, "{found}");
    }
}
