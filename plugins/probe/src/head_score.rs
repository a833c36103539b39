//! How good a head is, and how sure it may be: each is evaluated on images that it was not trained on.

use crate::error::ProbeError;
use crate::folds::numbered;
use crate::head::{Head, fit};
use crate::means::ClassMeans;
use crate::options::ProbeOptions;
use crate::out_of_fold::out_of_fold;
use plugin_metric::{Predictions, accuracy, fit_temperature, log_loss};
use std::collections::HashMap;

/// A linear head wants so many images of each class.
const LEAST_OF_A_CLASS: usize = 3;
/// Fitting takes longer than is worth while beyond so many.
const MAX_IMAGES: usize = 20_000;
const FOLDS: usize = 5;
const SEED: u64 = 1;

/// How good a head is on what it was not trained on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HeadScore {
    /// For its probabilities; none with too few images to tell.
    pub temperature: Option<f64>,
    /// Share that it tells right; none without images.
    pub accuracy: Option<f64>,
    /// Log loss with the temperature, nats; infinite without images.
    pub loss: f64,
}

impl HeadScore {
    fn of(predictions: &Predictions) -> Self {
        let temperature = fit_temperature(predictions);
        let tempered = temperature.map_or_else(|| predictions.clone(), |t| predictions.tempered(t));
        Self { temperature, accuracy: accuracy(predictions), loss: log_loss(&tempered).unwrap_or(f64::INFINITY) }
    }
}

/// An image that a head learns from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LabelledEmbedding<'a> {
    /// Class name of the image.
    pub class: &'a str,
    /// The group of look-alikes it is in, which never predict each other.
    pub group: &'a str,
    /// Its embedding, of unit length.
    pub features: &'a [f32],
}

/// The score of class means: each image, class and embedding, by means without it.
pub fn score_of_means<'a>(means: &ClassMeans, seen: impl Iterator<Item = (&'a str, &'a [f32])>) -> HeadScore {
    let classes: Vec<String> = means.classes().map(str::to_owned).collect();
    let mut predictions = Predictions::new(classes.clone());
    for (class, embedding) in seen {
        let truth = classes.iter().position(|name| name == class);
        if let (Some(truth), Some(row)) = (truth, means.left_out(class, embedding)) {
            // A row of the means has a number a class.
            let _ = predictions.push(truth, &row);
        }
    }
    HeadScore::of(&predictions)
}

/// What tells classes apart: whichever of the two scores better.
#[derive(Clone, Debug, PartialEq)]
pub enum HeadKind {
    /// The angle to each class's mean.
    Means(ClassMeans),
    /// A linear head.
    Linear(Head),
}

impl HeadKind {
    /// What it is called.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Means(_) => "means",
            Self::Linear(_) => "linear",
        }
    }

    /// The probability of each class, in all 1, before any temperature.
    pub fn probabilities(&self, embedding: &[f32]) -> Vec<f32> {
        match self {
            Self::Means(means) => means.probabilities(embedding),
            Self::Linear(head) => head.probabilities(embedding),
        }
    }
}

/// A linear head, and what is known of it.
pub struct Linear {
    /// Head fitted to all images.
    pub head: Head,
    /// Its classes, in order.
    pub classes: Vec<String>,
    /// The score of such a head out of fold.
    pub score: HeadScore,
}

/// A linear head over all of `seen`, and the score of such heads. None when there is too little to fit one, or too much.
pub fn linear(seen: &[LabelledEmbedding<'_>]) -> Option<Linear> {
    let rows = Rows::of(seen)?;
    let (score, _) = rows.evaluate()?;
    let (head, classes) = rows.fit()?;
    Some(Linear { head, classes, score })
}

/// What a head learns from, in the form that it is fitted to: one row an image, in the order they came.
pub struct Rows {
    classes: Vec<String>,
    features: Vec<Vec<f32>>,
    targets: Vec<u32>,
    groups: Vec<u32>,
    weights: Vec<f32>,
}

impl Rows {
    /// None with fewer than two classes, with fewer than three images of one, or with more than 20,000 in all.
    pub fn of(seen: &[LabelledEmbedding<'_>]) -> Option<Self> {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for one in seen {
            *counts.entry(one.class).or_default() += 1;
        }
        let enough = counts.len() > 1 && counts.values().all(|count| *count >= LEAST_OF_A_CLASS);
        if !enough || seen.len() > MAX_IMAGES {
            return None;
        }
        let mut classes: Vec<&str> = counts.keys().copied().collect();
        classes.sort_unstable();
        let place: HashMap<&str, u32> = classes.iter().zip(0..).map(|(class, place)| (*class, place)).collect();
        // Classes weigh the same, as they do in training.
        let weight = |one: &LabelledEmbedding<'_>| seen.len() as f32 / (classes.len() * counts[one.class]) as f32;
        Some(Self {
            features: seen.iter().map(|one| one.features.to_vec()).collect(),
            targets: seen.iter().map(|one| place[one.class]).collect(),
            groups: numbered(seen.iter().map(|one| one.group)),
            weights: seen.iter().map(weight).collect(),
            classes: classes.into_iter().map(str::to_owned).collect(),
        })
    }

    /// A head over all of them, and its classes in order. None, said in the log, when embeddings are not numbers.
    pub fn fit(&self) -> Option<(Head, Vec<String>)> {
        let Self { classes, features, targets, weights, .. } = self;
        let head = fit(features, targets, weights, classes.len(), &ProbeOptions::UNIT_LENGTH);
        Some((told(head)?, classes.clone()))
    }

    /// What heads that were trained on four fifths say of the last: their score, and of each image whether it was classified
    /// correctly. It takes some four times as long as [`Rows::fit`]. None as there.
    pub fn evaluate(&self) -> Option<(HeadScore, Vec<bool>)> {
        let Self { classes, features, targets, groups, weights } = self;
        let options = &ProbeOptions::UNIT_LENGTH;
        let rows = told(out_of_fold(features, targets, groups, weights, classes.len(), FOLDS, SEED, options))?;
        let mut predictions = Predictions::new(classes.clone());
        for (target, row) in targets.iter().zip(&rows) {
            predictions.push(*target as usize, row).ok()?;
        }
        Some((HeadScore::of(&predictions), predictions.correct()))
    }
}

fn told<T>(found: Result<T, ProbeError>) -> Option<T> {
    found.inspect_err(|error| tracing::warn!(%error, "no linear head")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Images of two classes: along one axis each, with `noise` across.
    fn images(of_each: usize, noise: f32) -> Vec<(&'static str, String, Vec<f32>)> {
        let one = |place: usize| {
            let wave = |k: usize| ((place * k) as f32 * 0.7).sin() * noise;
            let mut row = vec![wave(3), wave(5), wave(7)];
            row[place % 2] += 1.0;
            (["a", "b"][place % 2], format!("{place:04}"), row)
        };
        (0..2 * of_each).map(one).collect()
    }

    fn seen<'a>(images: &'a [(&'static str, String, Vec<f32>)]) -> Vec<LabelledEmbedding<'a>> {
        images.iter().map(|(class, group, features)| LabelledEmbedding { class, group, features }).collect()
    }

    #[test]
    fn linear_head_needs_a_few_a_class_and_is_out_of_fold() {
        assert!(linear(&seen(&images(2, 0.1))).is_none());
        let images = images(30, 0.3);
        let correct = Rows::of(&seen(&images)).unwrap().evaluate().unwrap().1;
        let Linear { head, classes, score } = linear(&seen(&images)).unwrap();
        assert_eq!((classes, score.accuracy), (vec!["a".to_owned(), "b".to_owned()], Some(1.0)));
        assert_eq!(correct, [true; 60]);
        assert!(head.probabilities(&[1.0, 0.0, 0.0])[0] > 0.9 && score.loss < 0.2, "{score:?}");
    }

    #[test]
    fn noise_makes_the_means_less_sure() {
        let score = |noise: f32| {
            let images = images(30, noise);
            let mut means = ClassMeans::default();
            for (class, _, row) in &images {
                means.add(class, row);
            }
            score_of_means(&means, images.iter().map(|(class, _, row)| (*class, &row[..])))
        };
        let (clear, noisy) = (score(0.1), score(3.0));
        assert!(clear.accuracy > noisy.accuracy && clear.loss < noisy.loss, "{clear:?} {noisy:?}");
        assert!(clear.temperature < noisy.temperature);
        assert_eq!(score_of_means(&ClassMeans::default(), std::iter::empty()).accuracy, None);
    }
}
