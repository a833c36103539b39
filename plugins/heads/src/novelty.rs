//! How unlike the samples a row is: whether an image shows something that was never trained on.
//!
//! Three signs are added, each in standard deviations of what samples show that are predicted without their group: the distance
//! to the nearest samples of the predicted class in the whitened space, with mean and deviation of that class; the distance to
//! the nearest sample of any class in the space of the features themselves; and, by half, −log of the greatest probability. The
//! first two are distances to nearest neighbours as in Sun and others, Out-of-Distribution Detection with Deep Nearest
//! Neighbors, ICML 2022, <https://arxiv.org/abs/2204.06507>. With each class of openclipart8 left out in turn, its images are told
//! from known ones with an AUROC of 0.83; each sign alone has 0.78 to 0.81, as have Mahalanobis distances relative to the whole set
//! (0.77), energies of the ridge part (0.75) and kernel densities (0.78).

use crate::neighbours::Distances;
use crate::novelty_threshold;

/// Samples that are predicted without their group to standardise by, at most.
pub const MAX_ROWS: usize = 512;
/// With fewer nothing is said to be novel.
const MIN_ROWS: usize = 20;
/// Share of the samples that would be called novel.
const KNOWN_SHARE: f64 = 0.05;
/// Weights of the three signs.
const WEIGHTS: [f32; 3] = [1.0, 1.0, 0.5];
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
    /// Distance in the whitened space to the nearest samples of the predicted class, by that class.
    pub classes: Vec<Normal>,
    /// Distance to the nearest sample of any class.
    pub nearest: Normal,
    /// −log of the greatest probability.
    pub doubt: Normal,
    /// Novelty above which a row is unlike the samples; the greatest finite number where there are too few to tell.
    pub threshold: f32,
}

/// Signs of novelty of a row.
struct Signs {
    class: usize,
    of_class: f32,
    nearest: f32,
    doubt: f32,
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
    /// Fits to rows whose `log_probabilities` (`[rows, classes]`) and `distances` are those without the row's group.
    pub fn fit(log_probabilities: &[f32], distances: &Distances, classes: usize) -> Self {
        let all: Vec<Signs> = signs(log_probabilities, distances, classes).collect();
        let normal = |of: fn(&Signs) -> f32| Normal::of(&all.iter().map(of).collect::<Vec<_>>(), Normal::UNIT, 0.0);
        let of_any_class = normal(|signs| signs.of_class);
        let of_class = |class: usize| {
            let values: Vec<f32> = all.iter().filter(|s| s.class == class).map(|s| s.of_class).collect();
            Normal::of(&values, of_any_class, PRIOR_ROWS)
        };
        let mut scale = Self {
            classes: (0..classes).map(of_class).collect(),
            nearest: normal(|signs| signs.nearest),
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
    pub fn novelty(&self, log_probabilities: &[f32], distances: &Distances) -> Vec<f32> {
        signs(log_probabilities, distances, self.classes.len()).map(|signs| self.combine(&signs)).collect()
    }

    fn combine(&self, signs: &Signs) -> f32 {
        let [of_class, nearest, doubt] = WEIGHTS;
        of_class * self.classes[signs.class].standardize(signs.of_class)
            + nearest * self.nearest.standardize(signs.nearest)
            + doubt * self.doubt.standardize(signs.doubt)
    }
}

fn signs<'a>(
    log_probabilities: &'a [f32],
    distances: &'a Distances,
    classes: usize,
) -> impl Iterator<Item = Signs> + 'a {
    log_probabilities.chunks(classes).enumerate().map(move |(row, scores)| {
        let class = (0..classes).max_by(|a, b| scores[*a].total_cmp(&scores[*b])).unwrap_or_default();
        Signs {
            class,
            of_class: distances.of_classes.row(row)[class],
            nearest: distances.nearest[row],
            doubt: -scores[class],
        }
    })
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
}
