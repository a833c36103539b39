//! Heads for images of several classes each.
//!
//! As for images of one class, a ridge regression and nearest neighbours on frozen embeddings; but each class is answered by itself,
//! yes or no, and the two parts are joined by a logistic regression a class. It is fitted to predictions for samples without their
//! group (Platt, Probabilistic Outputs for Support Vector Machines, 1999, with two inputs), so that probabilities are calibrated.

use crate::error::HeadError;
use crate::matrix::{Matrix, View, product};
use crate::neighbours::Neighbours;
use crate::options::HeadOptions;
use crate::ridge::{Ridge, SHARPNESS};
use crate::samples::{Samples, check_features, power_normalized};
use rayon::prelude::*;

/// Samples that the last step is fitted to, at most.
const MAX_CALIBRATION_ROWS: usize = 2048;
/// Rows that are compared with all neighbours at a time.
const BATCH_ROWS: usize = 128;
/// Votes that are spread over yes and no by how often the class is there, where the nearest neighbour has one.
const PRIOR_VOTES: f64 = 0.5;
/// Weights of the ridge part, of the neighbours and of 1 before any sample is seen, and their standard deviation.
const PRIOR: [f64; 3] = [1.0, 0.5, 0.0];
const PRIOR_DEVIATION: f64 = 2.0;
/// Steps of Newton's method; it ends when none is left to be made.
const STEPS: usize = 30;
/// Probability of a class without samples.
const ABSENT: f32 = 1e-6;

/// Embeddings with the classes of each.
#[derive(Clone, Copy, Debug)]
pub struct MultiSamples<'a> {
    /// `n × dimensions` numbers, row-major; each row has unit length or is zero.
    pub features: &'a [f32],
    /// Numbers of an embedding.
    pub dimensions: usize,
    /// Classes of each row, below `classes`, in any order; none is a row of no class.
    pub targets: &'a [Vec<u32>],
    /// Number of classes. Some may be without samples: their probability is then almost 0.
    pub classes: usize,
    /// Group of near-copies of each row, any numbers. Rows of a group never evaluate each other.
    pub groups: &'a [u32],
}

/// A classifier head on frozen embeddings whose classes do not exclude each other.
#[derive(Clone, Debug, PartialEq)]
pub struct MultiHead {
    pub(crate) options: HeadOptions,
    pub(crate) ridge: Ridge,
    pub(crate) neighbours: Neighbours,
    /// `[n, classes]`, 0 or 1.
    pub(crate) targets: Matrix,
    /// Weights of the ridge part, of the neighbours and of 1, by class.
    pub(crate) calibration: Vec<[f32; 3]>,
}

impl MultiHead {
    /// Fits a head.
    ///
    /// # Errors
    /// As [`crate::Head::fit`].
    pub fn fit(samples: &MultiSamples<'_>, options: &HeadOptions) -> Result<Self, HeadError> {
        let MultiSamples { features, dimensions, targets: of, classes, groups } = *samples;
        options.check()?;
        if let Some((row, label)) = of
            .iter()
            .enumerate()
            .find_map(|(row, of)| of.iter().find(|label| **label as usize >= classes).map(|label| (row, *label)))
        {
            return Err(HeadError::Label { row, label, classes });
        }
        // Of one class, as far as both parts are concerned.
        let labels = vec![0; of.len()];
        let one = Samples { features, dimensions, labels: &labels, classes: classes.min(1), groups };
        one.check()?;
        let features = power_normalized(features, dimensions, options.power);
        let one = &Samples { features: &features, ..one };
        let mut targets = Matrix::zeros(of.len(), classes);
        for (row, of) in of.iter().enumerate() {
            for label in of {
                targets.values[row * classes + *label as usize] = 1.0;
            }
        }
        let members = one.members();
        let step = of.len().div_ceil(MAX_CALIBRATION_ROWS).max(1);
        let left_out: Vec<&[usize]> = members.values().map(Vec::as_slice).step_by(step).collect();
        let (ridge, of_ridge) = Ridge::fit_targets(one, &vec![1.0; of.len()], &targets, options.shrinkage, &left_out)?;
        let neighbours = Neighbours::fit(one, options)?;
        let calibration = vec![PRIOR.map(|weight| weight as f32); classes];
        let mut head = Self { options: options.clone(), ridge, neighbours, targets, calibration };
        let known: Vec<(&[usize], &Matrix)> =
            left_out.iter().zip(&of_ridge).filter_map(|(group, logits)| Some((*group, logits.as_ref()?))).collect();
        let rows: Vec<usize> = known.iter().flat_map(|(group, _)| group.iter().copied()).collect();
        let ridge: Vec<f32> = known.iter().flat_map(|(_, logits)| logits.values.iter().copied()).collect();
        let white: Vec<f32> = rows.iter().flat_map(|row| head.neighbours.rows.row(*row).iter().copied()).collect();
        let white = View::of(rows.len(), dimensions, &white);
        let votes = head.votes(white, |row, other| groups[rows[row]] != groups[other]);
        head.calibration = (0..classes).map(|class| head.calibrated(class, &rows, &ridge, &votes)).collect();
        Ok(head)
    }

    /// The weights of a class, from what both parts say of `rows`.
    fn calibrated(&self, class: usize, rows: &[usize], ridge: &[f32], votes: &Matrix) -> [f32; 3] {
        let classes = self.classes();
        let inputs: Vec<([f64; 3], f64)> = rows
            .iter()
            .enumerate()
            .map(|(place, row)| {
                let input = inputs(ridge[place * classes + class], votes.row(place)[class]);
                (input, f64::from(self.targets.row(*row)[class]))
            })
            .collect();
        logistic(&inputs).map(|weight| weight as f32)
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.calibration.len()
    }

    /// Numbers of an embedding.
    pub fn dimensions(&self) -> usize {
        self.neighbours.mean.len()
    }

    /// The options it was fitted with.
    pub fn options(&self) -> &HeadOptions {
        &self.options
    }

    /// Probability of each class, of shape `[rows, classes]`, row-major: those of a row do not sum to 1.
    ///
    /// # Errors
    /// As [`crate::Head::log_probabilities`].
    pub fn probabilities(&self, features: &[f32]) -> Result<Vec<f32>, HeadError> {
        let (classes, dimensions) = (self.classes(), self.dimensions());
        check_features(features, dimensions)?;
        let values = power_normalized(features, dimensions, self.options.power);
        let rows = View::of(values.len() / dimensions, dimensions, &values);
        let white = self.neighbours.whiten(rows);
        let (ridge, votes) = (self.ridge.logits(rows), self.votes(white.view(), |_, _| true));
        let counts = self.counts();
        let one = |(place, (ridge, votes)): (usize, (&f32, &f32))| {
            let class = place % classes;
            if counts[class] == 0 {
                return ABSENT;
            }
            let sum: f64 =
                inputs(*ridge, *votes).iter().zip(self.calibration[class]).map(|(x, w)| x * f64::from(w)).sum();
            sigmoid(sum) as f32
        };
        Ok(ridge.values.iter().zip(&votes.values).enumerate().map(one).collect())
    }

    /// Number of samples of each class that the head was fitted to.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes()];
        for row in self.targets.values.chunks_exact(self.classes().max(1)) {
            row.iter().zip(&mut counts).for_each(|(target, count)| *count += usize::from(*target > 0.0));
        }
        counts
    }

    /// Log-odds of each class by the nearest samples, `[rows, classes]`; `white`: rows in the whitened space.
    fn votes(&self, white: View<'_>, may_vote: impl Fn(usize, usize) -> bool + Sync) -> Matrix {
        let (classes, samples) = (self.classes(), self.targets.rows);
        let shares: Vec<f64> =
            self.counts().iter().map(|count| (*count as f64 + 0.5) / (samples as f64 + 1.0)).collect();
        let starts: Vec<usize> = (0..white.height()).step_by(BATCH_ROWS).collect();
        let batch = |start: usize| {
            let end = (start + BATCH_ROWS).min(white.height());
            let cosines = product(white.rows(start, end), self.neighbours.rows.view().transposed());
            let one = |row: usize| {
                let others = (0..samples).filter(|other| may_vote(start + row, *other));
                let mut voters: Vec<(f32, usize)> = others.map(|other| (cosines.row(row)[other], other)).collect();
                voters.sort_unstable_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
                voters.truncate(self.options.k as usize);
                let greatest = voters.first().map_or(0.0, |(cosine, _)| *cosine);
                let mut yes: Vec<f64> = shares.iter().map(|share| share * PRIOR_VOTES).collect();
                let mut all = PRIOR_VOTES;
                for (cosine, other) in voters {
                    let weight = (f64::from(cosine - greatest) / self.options.bandwidth).exp();
                    all += weight;
                    let targets = self.targets.row(other);
                    yes.iter_mut().zip(targets).for_each(|(yes, target)| *yes += weight * f64::from(*target));
                }
                yes.into_iter().map(move |yes| (yes / (all - yes)).ln() as f32)
            };
            (0..end - start).flat_map(one).collect::<Vec<f32>>()
        };
        let values: Vec<f32> = starts.into_par_iter().flat_map_iter(batch).collect();
        Matrix { rows: white.height(), columns: classes, values }
    }
}

/// What the last step sees of a class: the ridge part's score about 0, the neighbours' log-odds, and 1.
fn inputs(ridge: f32, votes: f32) -> [f64; 3] {
    [f64::from(ridge - SHARPNESS / 2.0), f64::from(votes), 1.0]
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// MAP estimate of the weights of a logistic regression under a normal prior, by Newton's method. The cost is strictly convex.
fn logistic(samples: &[([f64; 3], f64)]) -> [f64; 3] {
    let precision = PRIOR_DEVIATION.powi(-2);
    let score = |x: &[f64; 3], weights: &[f64; 3]| x.iter().zip(weights).map(|(x, w)| x * w).sum::<f64>();
    let cost = |weights: &[f64; 3]| {
        let losses = samples.iter().map(|(x, y)| {
            let z = score(x, weights);
            z.max(0.0) - z * y + (-z.abs()).exp().ln_1p()
        });
        let prior = weights.iter().zip(PRIOR).map(|(w, p)| precision * (w - p).powi(2) / 2.0);
        losses.sum::<f64>() + prior.sum::<f64>()
    };
    let mut weights = PRIOR;
    let mut least = cost(&weights);
    for _ in 0..STEPS {
        let (mut gradient, mut hessian) = ([0.0; 3], [[0.0; 3]; 3]);
        for axis in 0..3 {
            gradient[axis] = precision * (weights[axis] - PRIOR[axis]);
            hessian[axis][axis] = precision;
        }
        for (x, y) in samples {
            let p = sigmoid(score(x, &weights));
            for i in 0..3 {
                gradient[i] += (p - y) * x[i];
                for j in 0..3 {
                    hessian[i][j] += p * (1.0 - p) * x[i] * x[j];
                }
            }
        }
        let step = solve(hessian, gradient);
        let shorter = (0..STEPS).map(|halvings| 0.5_f64.powi(halvings as i32));
        let moved = |share: f64| -> [f64; 3] { std::array::from_fn(|axis| weights[axis] - share * step[axis]) };
        let Some(better) = shorter.map(moved).find(|weights| cost(weights) < least) else { break };
        least = cost(&better);
        weights = better;
    }
    weights
}

/// Solves a positive definite system of three equations by elimination.
fn solve(mut matrix: [[f64; 3]; 3], mut right: [f64; 3]) -> [f64; 3] {
    for pivot in 0..3 {
        for row in pivot + 1..3 {
            let factor = matrix[row][pivot] / matrix[pivot][pivot];
            let above = matrix[pivot];
            for (value, above) in matrix[row].iter_mut().zip(above).skip(pivot) {
                *value -= factor * above;
            }
            right[row] -= factor * right[pivot];
        }
    }
    for row in (0..3).rev() {
        let known: f64 = (row + 1..3).map(|column| matrix[row][column] * right[column]).sum();
        right[row] = (right[row] - known) / matrix[row][row];
    }
    right
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of three bits and a little noise at unit length, with the classes whose bits are set; two rows a group.
    fn data(count: usize) -> (Vec<f32>, Vec<Vec<u32>>, Vec<u32>) {
        let mut state = 7_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 24) as f32 * 0.3
        };
        let (mut features, mut targets) = (Vec::new(), Vec::new());
        for row in 0..count {
            let set: Vec<u32> = (0..3).filter(|bit| (row / 2) >> bit & 1 == 1).collect();
            let mut values: Vec<f32> = (0..8).map(|_| noise()).collect();
            for bit in &set {
                values[*bit as usize] += 1.0;
            }
            let length = values.iter().map(|x| x * x).sum::<f32>().sqrt();
            features.extend(values.iter().map(|x| x / length));
            targets.push(set);
        }
        (features, targets, (0..count as u32).map(|row| row / 2).collect())
    }

    #[test]
    fn classes_are_told_one_by_one() {
        let (features, targets, groups) = data(96);
        let samples =
            MultiSamples { features: &features, dimensions: 8, targets: &targets, classes: 4, groups: &groups };
        let head = MultiHead::fit(&samples, &HeadOptions::DEFAULT).unwrap();
        assert_eq!((head.classes(), head.dimensions(), head.counts()), (4, 8, vec![48, 48, 48, 0]));
        let (new, expected, _) = data(128);
        let rows = &new[96 * 8..];
        let found = head.probabilities(rows).unwrap();
        for (row, expected) in found.chunks(4).zip(&expected[96..]) {
            let told: Vec<u32> = (0..4).filter(|class| row[*class as usize] > 0.5).collect();
            assert_eq!(&told, expected, "{row:?}");
            assert!(row[3] < 1e-3, "a class without samples");
        }
        let alone = head.probabilities(&rows[..8]).unwrap();
        let is_near = |(a, b): (&f32, &f32)| (a - b).abs() < 1e-5;
        assert!(alone.iter().zip(&found).all(is_near), "a row does not depend on the others: {alone:?}");
    }

    #[test]
    fn weights_are_where_the_gradient_vanishes() {
        let samples: Vec<([f64; 3], f64)> = (0..40)
            .map(|i| ([f64::from(i % 7) - 3.0, f64::from(i % 5), 1.0], f64::from(u8::from(i % 7 + i % 3 > 4))))
            .collect();
        let weights = logistic(&samples);
        for axis in 0..3 {
            let prior = (weights[axis] - PRIOR[axis]) / PRIOR_DEVIATION.powi(2);
            let slope =
                |(x, y): &([f64; 3], f64)| (sigmoid(x.iter().zip(weights).map(|(x, w)| x * w).sum()) - y) * x[axis];
            assert!((samples.iter().map(slope).sum::<f64>() + prior).abs() < 1e-4);
        }
        assert_eq!(logistic(&[]), PRIOR);
    }

    #[test]
    fn wrong_samples_are_refused() {
        let (features, mut targets, groups) = data(8);
        targets[2].push(9);
        let samples =
            MultiSamples { features: &features, dimensions: 8, targets: &targets, classes: 3, groups: &groups };
        let error = MultiHead::fit(&samples, &HeadOptions::DEFAULT).unwrap_err();
        assert!(matches!(error, HeadError::Label { row: 2, label: 9, classes: 3 }), "{error}");
        let samples = MultiSamples { groups: &groups[1..], ..samples };
        assert!(MultiHead::fit(&samples, &HeadOptions::DEFAULT).is_err());
    }
}
