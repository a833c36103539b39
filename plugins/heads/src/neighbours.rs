//! k nearest neighbours by cosine in a whitened space.
//!
//! Features are whitened by the Cholesky factor of their covariance, shrunk towards a multiple of the identity, so that
//! directions in which all images vary alike count less. A neighbour's vote falls exponentially with its cosine's distance
//! from the greatest one, as in Wu and others, Unsupervised Feature Learning via Non-Parametric Instance Discrimination, CVPR
//! 2018, section 3.4, <https://arxiv.org/abs/1805.01978>.

use crate::matrix::{Cholesky, Matrix, View, product};
use crate::ridge::Covariance;
use crate::samples::{Samples, centered};
use crate::{HeadError, HeadOptions};
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
/// Nearest neighbours whose mean cosine makes the novelty: of 1, 5 and 50 the one that told images of classes left out best.
const NOVELTY_NEIGHBOURS: usize = 5;
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
    /// Their classes.
    pub labels: Vec<u32>,
}

/// What the neighbours of some rows say.
pub struct Votes {
    /// `[rows, classes]`; `absent` for a class without samples.
    pub logits: Matrix,
    /// 1 − mean cosine of the nearest neighbours, 0 to 2, one a row; 1 without any.
    pub novelty: Vec<f32>,
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
        normalize(&mut rows);
        Ok(Self { mean, factor, rows, labels: samples.labels.to_vec() })
    }

    /// Votes for any rows.
    pub fn votes(&self, rows: View<'_>, counting: &Counting<'_>) -> Votes {
        let mut white = self.factor.whiten(centered(rows, &self.mean, |_| 1.0).view());
        normalize(&mut white);
        self.votes_of_white(white.view(), counting, |_, _| true)
    }

    /// Votes for some of the samples themselves, without those that share their group.
    pub fn left_out(&self, rows: &[usize], groups: &[u32], counting: &Counting<'_>) -> Votes {
        let white: Vec<f32> = rows.iter().flat_map(|row| self.rows.row(*row).iter().copied()).collect();
        let view = View::of(rows.len(), self.mean.len(), &white);
        self.votes_of_white(view, counting, |row, other| groups[rows[row]] != groups[other])
    }

    fn votes_of_white(
        &self,
        white: View<'_>,
        counting: &Counting<'_>,
        may_vote: impl Fn(usize, usize) -> bool + Sync,
    ) -> Votes {
        let classes = counting.counts.len();
        let weights: Vec<f32> = (0..classes).map(|class| vote_weight(counting.counts, class)).collect();
        let starts: Vec<usize> = (0..white.height()).step_by(BATCH_ROWS).collect();
        let batches: Vec<(Vec<f32>, Vec<f32>)> = starts
            .into_par_iter()
            .map(|start| {
                let end = (start + BATCH_ROWS).min(white.height());
                let cosines = product(white.rows(start, end), self.rows.view().transposed());
                let mut logits = vec![counting.absent; (end - start) * classes];
                let mut novelty = Vec::with_capacity(end - start);
                for (row, logits) in logits.chunks_exact_mut(classes).enumerate() {
                    let others = cosines.row(row).iter().zip(&self.labels).enumerate();
                    let voters: Vec<(f32, u32)> = others
                        .filter(|(other, _)| may_vote(start + row, *other))
                        .map(|(_, (cosine, label))| (*cosine, *label))
                        .collect();
                    novelty.push(vote(voters, counting, &weights, logits));
                }
                (logits, novelty)
            })
            .collect();
        let (logits, novelty): (Vec<_>, Vec<_>) = batches.into_iter().unzip();
        let logits = Matrix { rows: white.height(), columns: classes, values: logits.concat() };
        Votes { logits, novelty: novelty.concat() }
    }
}

/// Writes the logits of one row and returns its novelty. `weights`: what a vote for each class counts.
fn vote(mut voters: Vec<(f32, u32)>, counting: &Counting<'_>, weights: &[f32], logits: &mut [f32]) -> f32 {
    let mut votes = vec![0.0_f32; logits.len()];
    let mut novelty = 1.0;
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
        let nearest = &voters[..NOVELTY_NEIGHBOURS.min(voters.len())];
        novelty -= nearest.iter().map(|(cosine, _)| cosine).sum::<f32>() / nearest.len() as f32;
    }
    let present = counting.counts.iter().filter(|count| **count > 0).count() as f32;
    for ((logit, votes), count) in logits.iter_mut().zip(&votes).zip(counting.counts) {
        if *count > 0 {
            *logit = (votes + PRIOR_VOTES / present).ln();
        }
    }
    novelty
}

/// Scales rows to unit length; rows of almost no length become zero.
fn normalize(rows: &mut Matrix) {
    rows.values.par_chunks_mut(rows.columns.max(1)).for_each(|row| {
        let squared: f64 = row.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
        let scale = if squared > f64::from(f32::MIN_POSITIVE) { (1.0 / squared.sqrt()) as f32 } else { 0.0 };
        for x in row {
            *x *= scale;
        }
    });
}
