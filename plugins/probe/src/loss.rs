//! The mean cross-entropy of a linear head, its L2 penalty, and their gradient.

use crate::kernel::{ROWS, add_scaled, dots};
use rayon::prelude::*;

/// Rows are dealt out to so many tasks at most, however many threads there are: sums are then always made in the same order.
const TASKS: usize = 32;
/// A task has so many rows at least: it costs as much as some rows to begin one.
const ROWS_A_TASK: usize = 256;
/// Rows whose gradients are added up in f32 before they go to f64.
const FLUSH: usize = 256;

/// What a head is fitted to. Its parameters lie in one list: a row of weights a class, then a bias a class.
pub struct Loss<'a> {
    /// Features of each row, all of `dimensions`.
    pub rows: Vec<&'a [f32]>,
    /// Class of each row, below `classes`.
    pub targets: Vec<u32>,
    /// Weight of each row; their sum is above zero.
    pub weights: Vec<f32>,
    /// How many features a row has.
    pub dimensions: usize,
    /// How many classes there are.
    pub classes: usize,
    /// scikit-learn's C.
    pub c: f64,
}

impl Loss<'_> {
    /// How many parameters a head has.
    pub fn parameters(&self) -> usize {
        self.classes * (self.dimensions + 1)
    }

    /// The mean loss, with its gradient.
    pub fn evaluate(&self, at: &[f64], gradient: &mut [f64]) -> f64 {
        let total: f64 = self.weights.iter().copied().map(f64::from).sum();
        let (weights, biases) = at.split_at(self.classes * self.dimensions);
        let narrow: Vec<f32> = weights.iter().map(|w| *w as f32).collect();
        let rows_a_task = self.rows.len().div_ceil(TASKS).max(ROWS_A_TASK).next_multiple_of(ROWS);
        let starts: Vec<usize> = (0..self.rows.len()).step_by(rows_a_task).collect();
        let parts: Vec<(f64, Vec<f64>)> = starts
            .into_par_iter()
            .map(|start| self.part(&narrow, biases, start..(start + rows_a_task).min(self.rows.len())))
            .collect();

        gradient.fill(0.0);
        let mut loss = 0.0;
        for (part, slopes) in &parts {
            loss += part;
            gradient.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += slope);
        }
        let penalty = 1.0 / (self.c * total);
        for slope in gradient.iter_mut() {
            *slope /= total;
        }
        gradient.iter_mut().zip(weights).for_each(|(g, w)| *g += penalty * w);
        loss / total + 0.5 * penalty * weights.iter().map(|w| w * w).sum::<f64>()
    }

    /// Loss and gradient of some rows, not yet divided by the sum of weights.
    fn part(&self, weights: &[f32], biases: &[f64], rows: std::ops::Range<usize>) -> (f64, Vec<f64>) {
        let (mut loss, mut gradient) = (0.0, vec![0.0; self.parameters()]);
        let (slopes, bias_slopes) = gradient.split_at_mut(weights.len());
        let mut narrow = vec![0_f32; weights.len()];
        let mut logits = vec![[0_f64; ROWS]; self.classes];
        let mut since_flush = 0;
        for first in rows.clone().step_by(ROWS) {
            let present = ROWS.min(rows.end - first);
            // A row that is not there is the first one again, with no weight.
            let row = |i: usize| if i < present { first + i } else { first };
            let features: [&[f32]; ROWS] = std::array::from_fn(|i| self.rows[row(i)]);
            let share: [f64; ROWS] =
                std::array::from_fn(|i| if i < present { f64::from(self.weights[row(i)]) } else { 0.0 });
            let target: [usize; ROWS] = std::array::from_fn(|i| self.targets[row(i)] as usize);

            for (class, (logits, bias)) in logits.iter_mut().zip(biases).enumerate() {
                let weights = &weights[class * self.dimensions..][..self.dimensions];
                *logits = dots(features, weights).map(|dot| f64::from(dot) + bias);
            }
            for i in 0..ROWS {
                loss += share[i] * softmax(&mut logits, i, target[i]);
            }
            for (class, logits) in logits.iter().enumerate() {
                let residual: [f64; ROWS] =
                    std::array::from_fn(|i| share[i] * (logits[i] - f64::from(target[i] == class)));
                bias_slopes[class] += residual.iter().sum::<f64>();
                let sums = &mut narrow[class * self.dimensions..][..self.dimensions];
                add_scaled(sums, features, residual.map(|r| r as f32));
            }
            since_flush += ROWS;
            if since_flush >= FLUSH || first + ROWS >= rows.end {
                slopes.iter_mut().zip(&narrow).for_each(|(slope, part)| *slope += f64::from(*part));
                narrow.fill(0.0);
                since_flush = 0;
            }
        }
        (loss, gradient)
    }
}

/// Turns the logits of one row into probabilities and returns the cross-entropy of its class.
fn softmax(logits: &mut [[f64; ROWS]], row: usize, target: usize) -> f64 {
    let most = logits.iter().fold(f64::NEG_INFINITY, |most, l| most.max(l[row]));
    let of_target = logits[target][row] - most;
    let mut sum = 0.0;
    for logit in logits.iter_mut() {
        logit[row] = (logit[row] - most).exp();
        sum += logit[row];
    }
    for logit in logits.iter_mut() {
        logit[row] /= sum;
    }
    sum.ln() - of_target
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_that_of_differences() {
        let number = |i: usize| ((i * 7919) % 101) as f32 / 50.0 - 1.0;
        let rows: Vec<Vec<f32>> = (0..37).map(|row| (0..11).map(|i| number(row * 11 + i)).collect()).collect();
        let loss = Loss {
            rows: rows.iter().map(Vec::as_slice).collect(),
            targets: (0..37).map(|row| row % 3).collect(),
            weights: (0..37).map(|row| 0.5 + (row % 4) as f32).collect(),
            dimensions: 11,
            classes: 3,
            c: 0.7,
        };
        let at: Vec<f64> = (0..loss.parameters()).map(|i| f64::from(number(i * 3 + 1))).collect();
        let mut gradient = vec![0.0; at.len()];
        let mut ignored = gradient.clone();
        loss.evaluate(&at, &mut gradient);
        for i in 0..at.len() {
            let mut around = |by: f64| {
                let mut at = at.clone();
                at[i] += by;
                loss.evaluate(&at, &mut ignored)
            };
            let slope = (around(1e-3) - around(-1e-3)) / 2e-3;
            assert!((slope - gradient[i]).abs() < 1e-4, "{i}: {slope} {}", gradient[i]);
        }
    }

    #[test]
    fn at_zero_every_class_is_as_likely() {
        let rows = [vec![1.0_f32, 2.0], vec![3.0, 4.0]];
        let rows = rows.iter().map(Vec::as_slice).collect();
        let loss = Loss { rows, targets: vec![0, 3], weights: vec![1.0, 5.0], dimensions: 2, classes: 4, c: 1.0 };
        let mut gradient = vec![0.0; loss.parameters()];
        assert!((loss.evaluate(&vec![0.0; loss.parameters()], &mut gradient) - 4_f64.ln()).abs() < 1e-12);
    }
}
