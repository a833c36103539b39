//! How unlike the samples a row is: whether an image shows something that was never trained on.
//!
//! Signs are added, each in standard deviations of what samples show that are predicted without their group: the distance to the
//! nearest samples of the predicted class in the whitened space, with mean and deviation of that class; the distance to the nearest
//! sample of any class in the space of the features themselves, as it is (Sun and others, Out-of-Distribution Detection with Deep
//! Nearest Neighbors, ICML 2022, <https://arxiv.org/abs/2204.06507>) and in units of how far the nearest samples are from their own
//! (local outlier factors: Breunig and others, LOF: Identifying Density-Based Local Outliers, SIGMOD 2000); the entropy of the
//! probabilities; and the ridge part's greatest score, by predicted class. `tests/README.md` has what each is worth.

use crate::neighbours::Distances;

/// Samples that are predicted without their group to standardise by, at most.
pub const MAX_ROWS: usize = 512;
/// With fewer nothing is said to be novel.
const MIN_ROWS: usize = 20;
/// Share of the samples that would be called novel.
const KNOWN_SHARE: f64 = 0.05;
/// Weights of the signs.
const WEIGHTS: Weights = Weights { of_class: 1.0, nearest: 1.0, outlier: 0.5, doubt: 0.5, score: 0.5 };
/// Samples of the whole set that count into mean and deviation of each class.
const PRIOR_ROWS: f32 = 8.0;
/// Least deviation: cosines that differ by less are equal but for rounding.
const MIN_DEVIATION: f32 = 1e-4;

/// Mean and standard deviation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    pub mean: f32,
    pub deviation: f32,
}

/// What signs of novelty are standardised by, and where novelty begins.
#[derive(Clone, Debug, PartialEq)]
pub struct NoveltyScale {
    /// By predicted class: distance in the whitened space to the nearest samples of the class, and − the greatest score of the ridge
    /// part.
    pub classes: Vec<[Normal; 2]>,
    /// Distance to the nearest sample of any class.
    pub nearest: Normal,
    /// Local outlier factor.
    pub outlier: Normal,
    /// Entropy of the probabilities, nats.
    pub doubt: Normal,
    /// Novelty above which a row is unlike the samples; the greatest finite number where there are too few to tell.
    pub threshold: f32,
}

struct Weights {
    of_class: f32,
    nearest: f32,
    outlier: f32,
    doubt: f32,
    score: f32,
}

/// What is said of rows.
#[derive(Clone, Copy)]
pub struct Answers<'a> {
    /// `[rows, classes]`.
    pub log_probabilities: &'a [f32],
    /// The greatest score of the ridge part, one a row.
    pub scores: &'a [f32],
    pub classes: usize,
}

/// Signs of novelty of a row.
struct Signs {
    class: usize,
    of_class: f32,
    nearest: f32,
    outlier: f32,
    doubt: f32,
    score: f32,
}

impl Normal {
    const UNIT: Self = Self { mean: 0.0, deviation: 1.0 };

    /// Of values, with `weight` more that have the mean and deviation of `prior`.
    fn of(values: &[f32], prior: Self, weight: f32) -> Self {
        let count = values.len() as f32 + weight;
        if count == 0.0 {
            return prior;
        }
        let mean = (values.iter().sum::<f32>() + weight * prior.mean) / count;
        let squares = |deviation: f32, mean_of: f32| deviation.powi(2) + (mean_of - mean).powi(2);
        let sum: f32 = values.iter().map(|value| (value - mean).powi(2)).sum();
        let variance = (sum + weight * squares(prior.deviation, prior.mean)) / count;
        Self { mean, deviation: variance.sqrt().max(MIN_DEVIATION) }
    }

    fn standardize(self, value: f32) -> f32 {
        (value - self.mean) / self.deviation
    }
}

impl NoveltyScale {
    /// Fits to rows whose `answers` and `distances` are those without the row's group.
    pub fn fit(answers: Answers<'_>, distances: &Distances) -> Self {
        let all: Vec<Signs> = signs(answers, distances).collect();
        let normal = |of: fn(&Signs) -> f32| Normal::of(&all.iter().map(of).collect::<Vec<_>>(), Normal::UNIT, 0.0);
        let by_class: [fn(&Signs) -> f32; 2] = [|signs| signs.of_class, |signs| signs.score];
        let of_class = |class: usize| {
            by_class.map(|of| {
                let values: Vec<f32> = all.iter().filter(|signs| signs.class == class).map(of).collect();
                Normal::of(&values, normal(of), PRIOR_ROWS)
            })
        };
        let mut scale = Self {
            classes: (0..answers.classes).map(of_class).collect(),
            nearest: normal(|signs| signs.nearest),
            outlier: normal(|signs| signs.outlier),
            doubt: normal(|signs| signs.doubt),
            threshold: f32::MAX,
        };
        if all.len() >= MIN_ROWS {
            let novelty: Vec<f32> = all.iter().map(|signs| scale.combine(signs)).collect();
            scale.threshold = novelty_threshold(&novelty, KNOWN_SHARE);
        }
        scale
    }

    /// Novelty of each row.
    pub fn novelty(&self, answers: Answers<'_>, distances: &Distances) -> Vec<f32> {
        signs(answers, distances).map(|signs| self.combine(&signs)).collect()
    }

    fn combine(&self, signs: &Signs) -> f32 {
        let [of_class, score] = self.classes[signs.class];
        WEIGHTS.of_class * of_class.standardize(signs.of_class)
            + WEIGHTS.nearest * self.nearest.standardize(signs.nearest)
            + WEIGHTS.outlier * self.outlier.standardize(signs.outlier)
            + WEIGHTS.doubt * self.doubt.standardize(signs.doubt)
            + WEIGHTS.score * score.standardize(signs.score)
    }
}

fn signs<'a>(answers: Answers<'a>, distances: &'a Distances) -> impl Iterator<Item = Signs> + 'a {
    let Answers { log_probabilities, scores, classes } = answers;
    log_probabilities.chunks(classes).enumerate().map(move |(row, of_classes)| {
        let class = (0..classes).max_by(|a, b| of_classes[*a].total_cmp(&of_classes[*b])).unwrap_or_default();
        Signs {
            class,
            of_class: distances.of_classes.row(row)[class],
            nearest: distances.nearest[row],
            outlier: distances.outlier_factors[row],
            doubt: of_classes.iter().map(|p| -p * p.exp()).sum(),
            score: -scores[row],
        }
    })
}

/// Novelty above which a sample is called unknown, so that about `share` (0 to 1) of the known samples would be: their
/// empirical quantile at 1 − `share`. Infinite without samples.
pub fn novelty_threshold(novelty: &[f32], share: f64) -> f32 {
    let mut sorted = novelty.to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let above = (share.clamp(0.0, 1.0) * sorted.len() as f64).round() as usize;
    let place = sorted.len().checked_sub(above + 1);
    match (place, sorted.first()) {
        (Some(place), _) => sorted[place],
        (None, Some(least)) => least.next_down(),
        (None, None) => f32::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normals_are_drawn_to_their_prior() {
        let prior = Normal { mean: 10.0, deviation: 2.0 };
        assert_eq!(Normal::of(&[], prior, 8.0), prior);
        let alone = Normal::of(&[1.0, 3.0], prior, 0.0);
        assert_eq!(alone, Normal { mean: 2.0, deviation: 1.0 });
        let drawn = Normal::of(&[1.0, 3.0], prior, 2.0);
        assert_eq!(drawn.mean, 6.0);
        assert!((drawn.deviation - (18.5_f32).sqrt()).abs() < 1e-5, "{drawn:?}");
    }

    #[test]
    fn thresholds_leave_the_share_above() {
        let novelty: Vec<f32> = (0..40).rev().map(|i| i as f32 / 40.0).collect();
        for (share, expected) in [(0.0, 0), (0.05, 2), (0.5, 20), (1.0, 40)] {
            let threshold = novelty_threshold(&novelty, share);
            assert_eq!(novelty.iter().filter(|n| **n > threshold).count(), expected, "{share}");
        }
        assert_eq!(novelty_threshold(&[], 0.05), f32::INFINITY);
    }
}
