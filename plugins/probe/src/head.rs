//! The head: fitted, asked.

use crate::error::ProbeError;
use crate::lbfgs;
use crate::loss::Loss;
use crate::options::ProbeOptions;

/// A linear head with a softmax over its classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    dimensions: usize,
    /// A row of weights a class.
    weights: Vec<f32>,
    /// A bias a class; minus infinity for one that no row was of.
    biases: Vec<f64>,
    iterations: u32,
    converged: bool,
}

impl Head {
    /// The probability of each class, in all 1; 0 for a class that no row was of. A row that is shorter than those of
    /// the fit counts as ending in zeros, of a longer one the rest is left out.
    pub fn probabilities(&self, features: &[f32]) -> Vec<f32> {
        let logit = |(class, bias): (usize, &f64)| {
            let weights = &self.weights[class * self.dimensions..][..self.dimensions];
            let products = weights.iter().zip(features).map(|(w, x)| f64::from(*w) * f64::from(*x));
            products.sum::<f64>() + bias
        };
        let logits: Vec<f64> = self.biases.iter().enumerate().map(logit).collect();
        let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = logits.iter().map(|logit| (logit - most).exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.iter().map(|power| (power / sum) as f32).collect()
    }

    /// How many features it looks at.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// How many classes it knows of.
    pub fn classes(&self) -> usize {
        self.biases.len()
    }

    /// The weights of a class, one a feature; empty for a class that there is not.
    pub fn weights(&self, class: usize) -> &[f32] {
        self.weights.get(class * self.dimensions..(class + 1) * self.dimensions).unwrap_or_default()
    }

    /// A bias a class; minus infinity for one that no row was of.
    pub fn biases(&self) -> &[f64] {
        &self.biases
    }

    /// Steps of the fit.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// The fit reached the tolerance asked for. Where it is below what rounding of f32 allows, it does not.
    pub fn converged(&self) -> bool {
        self.converged
    }
}

/// Fits a head to rows of features by multinomial logistic regression: the weighted cross-entropy, summed, times C,
/// plus half the sum of squared weights, is least. The bias is not penalised. With two classes this is plain logistic
/// regression, with one row of weights. Rows of weight zero count for nothing.
///
/// # Errors
/// [`ProbeError`] when lists differ in length, a number is not finite, a class is not below `classes`, or no row has a
/// weight.
pub fn fit(
    features: &[Vec<f32>],
    targets: &[u32],
    weights: &[f32],
    classes: usize,
    options: &ProbeOptions,
) -> Result<Head, ProbeError> {
    check(features, targets, weights, classes)?;
    let all: Vec<usize> = (0..features.len()).collect();
    fit_rows(&all, features, targets, weights, classes, options)
}

/// Fits a head to some of the rows, which [`check`] has seen.
pub fn fit_rows(
    rows: &[usize],
    features: &[Vec<f32>],
    targets: &[u32],
    weights: &[f32],
    classes: usize,
    options: &ProbeOptions,
) -> Result<Head, ProbeError> {
    let rows: Vec<usize> = rows.iter().copied().filter(|row| weights[*row] > 0.0).collect();
    let Some(dimensions) = rows.first().map(|row| features[*row].len()) else { return Err(ProbeError::Empty) };
    // Only classes that occur take part: the bias of one that does not would fall for ever.
    let mut place = vec![None; classes];
    for row in &rows {
        place[targets[*row] as usize] = Some(0);
    }
    let present: Vec<usize> = (0..classes).filter(|class| place[*class].is_some()).collect();
    for (at, class) in present.iter().enumerate() {
        place[*class] = Some(at as u32);
    }
    let loss = Loss {
        rows: rows.iter().map(|row| features[*row].as_slice()).collect(),
        targets: rows.iter().filter_map(|row| place[targets[*row] as usize]).collect(),
        weights: rows.iter().map(|row| weights[*row]).collect(),
        dimensions,
        classes: present.len(),
        c: strength(options.c, present.len()),
    };
    let start = vec![0.0; loss.parameters()];
    let minimum =
        lbfgs::minimize(start, options.tolerance, options.max_iterations, |at, gradient| loss.evaluate(at, gradient));

    let (slopes, offsets) = minimum.at.split_at(present.len() * dimensions);
    let (mut weights, mut biases) = (vec![0.0; classes * dimensions], vec![f64::NEG_INFINITY; classes]);
    for (at, class) in present.iter().enumerate() {
        let row = &mut weights[class * dimensions..][..dimensions];
        row.iter_mut().zip(&slopes[at * dimensions..]).for_each(|(to, from)| *to = *from as f32);
        biases[*class] = offsets[at];
    }
    Ok(Head { dimensions, weights, biases, iterations: minimum.iterations, converged: minimum.converged })
}

/// Two classes need only one row of weights, the difference of ours, and scikit-learn penalises that: as much as half
/// of C does ours.
fn strength(c: f64, classes: usize) -> f64 {
    if classes == 2 { c / 2.0 } else { c }
}

/// Everything that can be wrong with what a head is to be fitted to.
pub fn check(features: &[Vec<f32>], targets: &[u32], weights: &[f32], classes: usize) -> Result<(), ProbeError> {
    let expected = features.len();
    for (what, found) in [("classes", targets.len()), ("weights", weights.len())] {
        if found != expected {
            return Err(ProbeError::Length { what, found, expected });
        }
    }
    let dimensions = features.first().map_or(0, Vec::len);
    for (row, of) in features.iter().enumerate() {
        if of.len() != dimensions {
            return Err(ProbeError::Dimensions { row, found: of.len(), expected: dimensions });
        }
        if !of.iter().all(|x| x.is_finite()) {
            return Err(ProbeError::Feature { row });
        }
    }
    if let Some(row) = targets.iter().position(|target| *target as usize >= classes) {
        return Err(ProbeError::Target { row, target: targets[row], classes });
    }
    match weights.iter().position(|weight| !weight.is_finite() || *weight < 0.0) {
        Some(row) => Err(ProbeError::Weight { row }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
