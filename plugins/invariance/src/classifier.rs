//! Two simple classifiers that answer for each image without having seen it or its near-copies.

use rayon::prelude::*;
use std::ops::Range;

/// Features of all images, one row an image.
pub type Rows = Vec<Vec<f32>>;

/// What a class is: its index, and of images the groups and folds that are left out together.
#[derive(Debug)]
pub struct Labels {
    /// Class of each image.
    pub class: Vec<usize>,
    /// Images of one group are never each other's reference.
    pub group: Vec<usize>,
    /// Part of a cross-validation, below [`FOLDS`]; a group is wholly in one.
    pub fold: Vec<usize>,
    /// Number of classes.
    pub classes: usize,
}

/// Folds of the cross-validation.
pub const FOLDS: usize = 5;
/// Neighbours of each class that are looked at.
const NEIGHBOURS: usize = 3;

/// How images are told apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// The class whose 3 nearest references are nearest on average.
    Neighbours,
    /// Ridge regression to one-hot targets, classes weighing the same; the penalty as a share of the features' variance.
    Ridge(f64),
}

/// A method on part of the features.
#[derive(Clone, Debug, PartialEq)]
pub struct Classifier {
    /// Classifier that is fitted.
    pub method: Method,
    /// Which features.
    pub part: Range<usize>,
}

impl Classifier {
    /// The class of each row of `queries`, predicted from `references`: draws of the same images, of which those of the query's
    /// group (neighbours) or fold (ridge) are left out.
    pub fn predict(&self, references: &[&Rows], queries: &Rows, labels: &Labels) -> Vec<usize> {
        match self.method {
            Method::Neighbours => self.neighbours(references, queries, labels),
            Method::Ridge(penalty) => self.ridge(penalty, references, queries, labels),
        }
    }

    fn neighbours(&self, references: &[&Rows], queries: &Rows, labels: &Labels) -> Vec<usize> {
        let nearest = |(query, row): (usize, &Vec<f32>)| {
            let mut best = vec![[f32::INFINITY; NEIGHBOURS]; labels.classes];
            for rows in references {
                for (at, reference) in rows.iter().enumerate() {
                    if labels.group[at] != labels.group[query] {
                        insert(
                            &mut best[labels.class[at]],
                            distance(&row[self.part.clone()], &reference[self.part.clone()]),
                        );
                    }
                }
            }
            // Fewer references than neighbours: those there are.
            let mean = |best: &[f32; NEIGHBOURS]| {
                let found = best.iter().take_while(|d| d.is_finite()).count();
                if found == 0 { f32::INFINITY } else { best[..found].iter().sum::<f32>() / found as f32 }
            };
            let of = best.iter().map(mean).enumerate();
            of.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(class, _)| class)
        };
        queries.par_iter().enumerate().map(nearest).collect()
    }

    fn ridge(&self, penalty: f64, references: &[&Rows], queries: &Rows, labels: &Labels) -> Vec<usize> {
        let scale = Scale::of(references[0], &self.part);
        let mut counts = vec![0_usize; labels.classes];
        labels.class.iter().for_each(|class| counts[*class] += 1);
        let sums: Vec<Sums> = (0..FOLDS)
            .into_par_iter()
            .map(|fold| {
                let mut sums = Sums::new(self.part.len() + 1, labels.classes);
                for rows in references {
                    for (at, row) in rows.iter().enumerate().filter(|(at, _)| labels.fold[*at] == fold) {
                        let class = labels.class[at];
                        sums.add(&scale.apply(row, &self.part), class, 1.0 / counts[class] as f64);
                    }
                }
                sums
            })
            .collect();
        let models: Vec<Option<Vec<f64>>> =
            (0..FOLDS).into_par_iter().map(|fold| Sums::without(&sums, fold).solve(penalty)).collect();
        let answer = |(at, row): (usize, &Vec<f32>)| {
            let Some(weights) = &models[labels.fold[at]] else { return 0 };
            let row = scale.apply(row, &self.part);
            let score = |class: usize| {
                let column = weights.iter().skip(class).step_by(labels.classes);
                row.iter().zip(column).map(|(x, w)| x * w).sum::<f64>()
            };
            let scores = (0..labels.classes).map(score).enumerate();
            scores.max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(class, _)| class)
        };
        queries.par_iter().enumerate().map(answer).collect()
    }
}

/// Keeps the smallest, in order.
fn insert(best: &mut [f32; NEIGHBOURS], value: f32) {
    let Some(mut at) = best.iter().position(|b| value < *b) else { return };
    let mut value = value;
    while at < NEIGHBOURS {
        std::mem::swap(&mut best[at], &mut value);
        at += 1;
    }
}

/// Squared Euclidean distance, in eight lanes that the compiler turns into vector instructions.
fn distance(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    let (a, a_rest) = a.as_chunks::<8>();
    let (b, b_rest) = b.as_chunks::<8>();
    for (a, b) in a.iter().zip(b) {
        for lane in 0..8 {
            let difference = a[lane] - b[lane];
            lanes[lane] += difference * difference;
        }
    }
    let rest = a_rest.iter().zip(b_rest).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
    lanes.iter().sum::<f32>() + rest
}

/// Mean and deviation of each feature.
struct Scale(Vec<(f64, f64)>);

impl Scale {
    fn of(rows: &Rows, part: &Range<usize>) -> Self {
        let n = rows.len().max(1) as f64;
        Self(
            part.clone()
                .map(|at| {
                    let mean = rows.iter().map(|row| f64::from(row[at])).sum::<f64>() / n;
                    let variance = rows.iter().map(|row| (f64::from(row[at]) - mean).powi(2)).sum::<f64>() / n;
                    (mean, if variance > 1e-10 { 1.0 / variance.sqrt() } else { 0.0 })
                })
                .collect(),
        )
    }

    /// Standardised, with a 1 in the end for the intercept.
    fn apply(&self, row: &[f32], part: &Range<usize>) -> Vec<f64> {
        let scaled = row[part.clone()].iter().zip(&self.0).map(|(v, (mean, scale))| (f64::from(*v) - mean) * scale);
        scaled.chain([1.0]).collect()
    }
}

/// What ridge regression needs of some rows: `Σ w x xᵀ` (upper triangle) and `Σ w x yᵀ`.
#[derive(Clone)]
struct Sums {
    width: usize,
    classes: usize,
    gram: Vec<f64>,
    targets: Vec<f64>,
}

impl Sums {
    fn new(width: usize, classes: usize) -> Self {
        Self { width, classes, gram: vec![0.0; width * width], targets: vec![0.0; width * classes] }
    }

    fn add(&mut self, row: &[f64], class: usize, weight: f64) {
        for (at, value) in row.iter().enumerate() {
            let value = value * weight;
            let line = &mut self.gram[at * self.width..][at..self.width];
            line.iter_mut().zip(&row[at..]).for_each(|(sum, other)| *sum += value * other);
            self.targets[at * self.classes + class] += value;
        }
    }

    /// Of all folds but one.
    fn without(all: &[Self], fold: usize) -> Self {
        let mut sums = Self::new(all[0].width, all[0].classes);
        for (_, one) in all.iter().enumerate().filter(|(at, _)| *at != fold) {
            sums.gram.iter_mut().zip(&one.gram).for_each(|(sum, v)| *sum += v);
            sums.targets.iter_mut().zip(&one.targets).for_each(|(sum, v)| *sum += v);
        }
        sums
    }

    /// Weights, `width × classes`, by Cholesky decomposition; the intercept is not penalised. `None` when it is not positive
    /// definite.
    fn solve(mut self, penalty: f64) -> Option<Vec<f64>> {
        let (n, classes) = (self.width, self.classes);
        // The last diagonal element is the sum of the weights.
        let total = self.gram[n * n - 1];
        for at in 0..n - 1 {
            self.gram[at * n + at] += penalty * total;
        }
        // U with UᵀU = gram, in place of the upper triangle.
        for at in 0..n {
            let (above, rest) = self.gram.split_at_mut(at * n);
            let line = &mut rest[at..n];
            for before in above.chunks_exact(n) {
                let factor = before[at];
                line.iter_mut().zip(&before[at..]).for_each(|(v, other)| *v -= factor * other);
            }
            let pivot = line[0];
            if pivot <= 1e-12 {
                return None;
            }
            let root = pivot.sqrt();
            for v in line {
                *v /= root;
            }
        }
        let row = |at: usize| at * classes..(at + 1) * classes;
        for at in 0..n {
            for before in 0..at {
                let factor = self.gram[before * n + at];
                for class in 0..classes {
                    self.targets[at * classes + class] -= factor * self.targets[before * classes + class];
                }
            }
            let pivot = self.gram[at * n + at];
            for v in &mut self.targets[row(at)] {
                *v /= pivot;
            }
        }
        for at in (0..n).rev() {
            for after in at + 1..n {
                let factor = self.gram[at * n + after];
                for class in 0..classes {
                    self.targets[at * classes + class] -= factor * self.targets[after * classes + class];
                }
            }
            let pivot = self.gram[at * n + at];
            for v in &mut self.targets[row(at)] {
                *v /= pivot;
            }
        }
        Some(self.targets)
    }
}
