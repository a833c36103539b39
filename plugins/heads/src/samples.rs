//! Embeddings with labels and groups.

use crate::error::HeadError;
use crate::matrix::{Matrix, View};
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Deviation from unit length that rounding explains: embeddings may have been kept in 16 bits.
const LENGTH_TOLERANCE: f64 = 0.02;

/// Embeddings to train on or to evaluate.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a> {
    /// `n × dimensions` numbers, row-major; each row has unit length or is zero.
    pub features: &'a [f32],
    /// Numbers of an embedding.
    pub dimensions: usize,
    /// Class of each row, below `classes`.
    pub labels: &'a [u32],
    /// Number of classes. Some may be without samples: their probability is then 0.
    pub classes: usize,
    /// Group of near-copies of each row, any numbers. Rows of a group never evaluate each other.
    pub groups: &'a [u32],
}

impl Samples<'_> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// No row at all.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// Number of rows of each class.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        self.labels.iter().for_each(|label| counts[*label as usize] += 1);
        counts
    }

    /// Checks everything that a fit takes for granted.
    ///
    /// # Errors
    /// [`HeadError::Empty`], [`HeadError::Length`], [`HeadError::Label`], or features of the wrong length or that are no numbers.
    pub fn check(&self) -> Result<(), HeadError> {
        self.check_shape()?;
        check_features(self.features, self.dimensions)
    }

    /// As [`Self::check`], but features may be of any length.
    pub(crate) fn check_shape(&self) -> Result<(), HeadError> {
        let Self { features, dimensions, labels, classes, groups } = *self;
        let samples = labels.len();
        if samples == 0 || dimensions == 0 || classes == 0 {
            return Err(HeadError::Empty { samples, classes, dimensions });
        }
        if groups.len() != samples {
            return Err(HeadError::Length { what: "groups", found: groups.len(), expected: samples });
        }
        if features.len() != samples * dimensions {
            return Err(HeadError::Length { what: "features", found: features.len(), expected: samples * dimensions });
        }
        if let Some(row) = labels.iter().position(|label| *label as usize >= classes) {
            return Err(HeadError::Label { row, label: labels[row], classes });
        }
        Ok(())
    }

    /// Copies of some of the rows.
    pub fn select(&self, rows: &[usize]) -> Selection {
        let copies = rows.iter().flat_map(|row| &self.features[row * self.dimensions..][..self.dimensions]);
        Selection {
            features: copies.copied().collect(),
            labels: rows.iter().map(|row| self.labels[*row]).collect(),
            groups: rows.iter().map(|row| self.groups[*row]).collect(),
            dimensions: self.dimensions,
            classes: self.classes,
        }
    }

    /// Rows of each group, in order of the groups' numbers.
    pub(crate) fn members(&self) -> BTreeMap<u32, Vec<usize>> {
        let mut members: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (row, group) in self.groups.iter().enumerate() {
            members.entry(*group).or_default().push(row);
        }
        members
    }

    pub(crate) fn view(&self) -> View<'_> {
        View::of(self.len(), self.dimensions, self.features)
    }
}

/// Some rows of [`Samples`].
#[derive(Clone, Debug)]
pub struct Selection {
    features: Vec<f32>,
    labels: Vec<u32>,
    groups: Vec<u32>,
    dimensions: usize,
    classes: usize,
}

impl Selection {
    /// The rows as samples.
    pub fn samples(&self) -> Samples<'_> {
        let Self { features, labels, groups, dimensions, classes } = self;
        Samples { features, dimensions: *dimensions, labels, classes: *classes, groups }
    }
}

/// Checks embeddings of `dimensions` numbers each.
///
/// # Errors
/// [`HeadError::Length`] for a row that is not whole, [`HeadError::NotFinite`], [`HeadError::NotUnitLength`].
pub fn check_features(features: &[f32], dimensions: usize) -> Result<(), HeadError> {
    if !features.len().is_multiple_of(dimensions.max(1)) {
        let expected = features.len().next_multiple_of(dimensions.max(1));
        return Err(HeadError::Length { what: "features", found: features.len(), expected });
    }
    let problem = |(row, values): (usize, &[f32])| {
        let squared: f64 = values.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
        if !squared.is_finite() {
            return Some(HeadError::NotFinite { row });
        }
        let length = squared.sqrt();
        let is_valid = length == 0.0 || (length - 1.0).abs() <= LENGTH_TOLERANCE;
        (!is_valid).then_some(HeadError::NotUnitLength { row, length })
    };
    features.par_chunks(dimensions.max(1)).enumerate().find_map_first(problem).map_or(Ok(()), Err)
}

/// Rows with the magnitude of each number raised to `power`, at unit length again: numbers that fire in bursts count less.
/// Perronnin, Sánchez and Mensink, Improving the Fisher Kernel for Large-Scale Image Classification, ECCV 2010, section 3.
pub fn power_normalized(features: &[f32], dimensions: usize, power: f64) -> Vec<f32> {
    let mut out = features.to_vec();
    out.par_chunks_mut(dimensions.max(1)).for_each(|row| {
        for x in row.iter_mut() {
            *x = if power == 0.5 { x.abs().sqrt() } else { x.abs().powf(power as f32) }.copysign(*x);
        }
        let length = row.iter().map(|x| f64::from(*x) * f64::from(*x)).sum::<f64>().sqrt();
        if length > 0.0 {
            for x in row {
                *x = (f64::from(*x) / length) as f32;
            }
        }
    });
    out
}

/// The weighted mean of rows; the weights sum to more than 0.
pub fn weighted_mean(rows: View<'_>, weights: &[f32]) -> Vec<f32> {
    let mut sums = vec![0.0_f64; rows.width()];
    for (row, weight) in weights.iter().enumerate() {
        sums.iter_mut().zip(rows.row(row)).for_each(|(sum, x)| *sum += f64::from(*weight) * f64::from(*x));
    }
    let total: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
    sums.into_iter().map(|sum| (sum / total) as f32).collect()
}

/// `rows − mean`, each row times its scale.
pub fn centered(rows: View<'_>, mean: &[f32], scale: impl Fn(usize) -> f32 + Sync) -> Matrix {
    let mut out = Matrix::zeros(rows.height(), mean.len());
    out.values.par_chunks_mut(mean.len().max(1)).enumerate().for_each(|(row, values)| {
        let scale = scale(row);
        for ((value, x), mean) in values.iter_mut().zip(rows.row(row)).zip(mean) {
            *value = (x - mean) * scale;
        }
    });
    out
}
