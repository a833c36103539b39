//! Ridge regression on one-hot targets.
//!
//! Samples are weighted so that every class counts the same, with an intercept that is not penalised. Up to a rotation of the
//! scores this is regularised linear discriminant analysis with equal priors (Hastie, Tibshirani and Friedman, The Elements of
//! Statistical Learning, 4.3 and 12.5). Corresponds to `sklearn.linear_model.Ridge` with `sample_weight`.

use crate::error::HeadError;
use crate::matrix::{Cholesky, Matrix, View, gram, product, transposed};
use crate::samples::{Samples, centered, weighted_mean};
use rayon::prelude::*;

/// Scores of one-hot targets are in about 0 to 1; times this they are logits whose temperature is about 1, or less where there
/// are many samples. With one or two a class, where there is nothing to calibrate by, it leaves doubt.
pub const SHARPNESS: f32 = 4.0;
/// Least penalty, in units of the weights' sum divided by the dimensions: keeps equal rows from making it 0.
const MIN_PENALTY: f64 = 1e-6;
/// Groups with more rows are not left out: the system to be solved would be as large.
const MAX_GROUP: usize = 512;

/// Weights and intercepts.
#[derive(Clone, Debug, PartialEq)]
pub struct Ridge {
    /// `[classes, dimensions]`.
    pub weights: Matrix,
    /// One a class.
    pub intercepts: Vec<f32>,
}

/// A weighted Gram matrix with its penalty, factored.
pub struct Covariance {
    /// Weighted mean of the rows.
    pub mean: Vec<f32>,
    /// Rows less their mean, each times the root of its weight.
    pub rows: Matrix,
    /// Cholesky factor of the Gram matrix plus the penalty.
    pub factor: Cholesky,
}

impl Covariance {
    /// The matrix is `Σ w (x − m)(x − m)ᵀ + λ I` with λ = `shrinkage` × its mean eigenvalue.
    pub fn of(rows: View<'_>, weights: &[f32], shrinkage: f64) -> Result<Self, HeadError> {
        let mean = weighted_mean(rows, weights);
        let rows = centered(rows, &mean, |row| weights[row].sqrt());
        let mut matrix = gram(rows.view().transposed());
        let dimensions = mean.len();
        let trace: f64 = (0..dimensions).map(|i| f64::from(matrix.values[i * dimensions + i])).sum();
        let total: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        let penalty = (shrinkage * trace).max(MIN_PENALTY * total) / dimensions as f64;
        (0..dimensions).for_each(|i| matrix.values[i * dimensions + i] += penalty as f32);
        let factor = Cholesky::of(matrix).ok_or(HeadError::Singular { shrinkage })?;
        Ok(Self { mean, rows, factor })
    }
}

/// Weights by which every class that has samples counts the same; they sum to the number of samples.
fn class_weights(samples: &Samples<'_>) -> Vec<f32> {
    let counts = samples.counts();
    let present = counts.iter().filter(|count| **count > 0).count();
    let weight = |label: &u32| samples.len() as f32 / (present * counts[*label as usize]) as f32;
    samples.labels.iter().map(weight).collect()
}

impl Ridge {
    /// Fits to samples that were checked. Also returns, for each of `groups` (lists of rows), the logits of its rows by a
    /// regression without them, with the same weights and penalty; `None` for groups that cannot be left out.
    pub fn fit(
        samples: &Samples<'_>,
        shrinkage: f64,
        groups: &[&[usize]],
    ) -> Result<(Self, Vec<Option<Matrix>>), HeadError> {
        let classes = samples.classes;
        let mut targets = Matrix::zeros(samples.len(), classes);
        for (row, label) in samples.labels.iter().enumerate() {
            targets.values[row * classes + *label as usize] = 1.0;
        }
        Self::fit_targets(samples, &class_weights(samples), &targets, shrinkage, groups)
    }

    /// As [`Self::fit`], with any weight of each row, and any targets `[rows, classes]` instead of the labels.
    pub fn fit_targets(
        samples: &Samples<'_>,
        class_weights: &[f32],
        targets: &Matrix,
        shrinkage: f64,
        groups: &[&[usize]],
    ) -> Result<(Self, Vec<Option<Matrix>>), HeadError> {
        let covariance = Covariance::of(samples.view(), class_weights, shrinkage)?;
        let roots: Vec<f32> = class_weights.iter().map(|weight| weight.sqrt()).collect();
        let classes = targets.columns;
        let mean_target = weighted_mean(targets.view(), class_weights);
        let weighted_targets = centered(targets.view(), &mean_target, |row| roots[row]);
        let mut solution = product(covariance.rows.view().transposed(), weighted_targets.view());
        covariance.factor.solve(&mut solution);
        let weights = transposed(solution.view());
        let offset = |class: usize| {
            let shift: f32 = weights.row(class).iter().zip(&covariance.mean).map(|(w, m)| w * m).sum();
            mean_target[class] - shift
        };
        let intercepts = (0..classes).map(offset).collect();
        let ridge = Self { weights, intercepts };
        let left_out = ridge.left_out(samples, targets, &covariance, class_weights, groups);
        Ok((ridge, left_out))
    }

    /// Logits of shape `[rows, classes]`.
    pub fn logits(&self, rows: View<'_>) -> Matrix {
        let mut scores = product(rows, self.weights.view().transposed());
        for row in scores.values.chunks_mut(self.intercepts.len().max(1)) {
            row.iter_mut().zip(&self.intercepts).for_each(|(score, b)| *score = (*score + b) * SHARPNESS);
        }
        scores
    }

    /// Leave-one-group-out in closed form: with the hat matrix H, the residuals of a group G by a regression without it are
    /// `(I − H_GG)⁻¹` times its own (Cook and Weisberg, Residuals and Influence in Regression, 1982).
    fn left_out(
        &self,
        samples: &Samples<'_>,
        targets: &Matrix,
        covariance: &Covariance,
        weights: &[f32],
        groups: &[&[usize]],
    ) -> Vec<Option<Matrix>> {
        let rows: Vec<usize> = groups.iter().flat_map(|group| group.iter().copied()).collect();
        let dimensions = samples.dimensions;
        let scaled: Vec<f32> = rows.iter().flat_map(|row| covariance.rows.row(*row).iter().copied()).collect();
        let white = covariance.factor.whiten(View::of(rows.len(), dimensions, &scaled));
        let features: Vec<f32> = rows.iter().flat_map(|row| samples.view().row(*row).iter().copied()).collect();
        let fitted = self.logits(View::of(rows.len(), dimensions, &features));
        let total: f32 = weights.iter().sum();
        let starts = groups.iter().scan(0, |next, group| {
            let start = *next;
            *next += group.len();
            Some(start)
        });
        let groups: Vec<(usize, &[usize])> = starts.zip(groups.iter().copied()).collect();
        let leave_out = |(start, group): &(usize, &[usize])| {
            let (size, classes) = (group.len(), targets.columns);
            let target = |place: usize, class: usize| targets.row(group[place])[class] * SHARPNESS;
            if size > MAX_GROUP || size == samples.len() {
                return None;
            }
            let root = |place: usize| weights[group[place]].sqrt();
            let mut system = Matrix::zeros(size, size);
            for row in 0..size {
                for column in 0..=row {
                    let (a, b) = (white.row(start + row), white.row(start + column));
                    let hat = a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>() + root(row) * root(column) / total;
                    system.values[row * size + column] = f32::from(u8::from(row == column)) - hat;
                }
            }
            let mut residuals = Matrix::zeros(size, classes);
            for row in 0..size {
                for class in 0..classes {
                    let residual = target(row, class) - fitted.row(start + row)[class];
                    residuals.values[row * classes + class] = residual * root(row);
                }
            }
            Cholesky::of(system)?.solve(&mut residuals);
            for row in 0..size {
                for class in 0..classes {
                    let residual = &mut residuals.values[row * classes + class];
                    *residual = target(row, class) - *residual / root(row);
                }
            }
            Some(residuals)
        };
        groups.par_iter().map(leave_out).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::clusters;

    /// Sum of squared distances from the mean.
    fn scatter(samples: &Samples<'_>) -> f64 {
        let mean = weighted_mean(samples.view(), &vec![1.0; samples.len()]);
        let rows = centered(samples.view(), &mean, |_| 1.0);
        rows.values.iter().map(|x| f64::from(*x) * f64::from(*x)).sum()
    }

    #[test]
    fn left_out_groups_are_those_of_a_new_fit() {
        let data = clusters(3, 10, 12);
        let samples = data.samples();
        // One sample of each class: the others weigh the same without them.
        let (group, rest): (Vec<usize>, Vec<usize>) = (0..30).partition(|row| (6..9).contains(row));
        let (_, left_out) = Ridge::fit(&samples, 0.3, &[&group]).unwrap();
        let rest = samples.select(&rest);
        let penalty = 0.3 * scatter(&samples) / scatter(&rest.samples());
        let (refitted, _) = Ridge::fit(&rest.samples(), penalty, &[]).unwrap();
        let expected = refitted.logits(samples.view().rows(6, 9));
        let found = left_out[0].as_ref().unwrap();
        for (found, expected) in found.values.iter().zip(&expected.values) {
            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        }
        let fitted = Ridge::fit(&samples, 0.3, &[]).unwrap().0.logits(samples.view().rows(6, 9));
        let difference = fitted.values.iter().zip(&expected.values).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(difference > 0.02, "leaving out makes no difference: {difference}");
    }

    #[test]
    fn everything_cannot_be_left_out() {
        let data = clusters(2, 3, 4);
        let all: Vec<usize> = (0..6).collect();
        assert!(Ridge::fit(&data.samples(), 0.3, &[&all]).unwrap().1[0].is_none());
    }
}
