//! Finds augmentations that work against the task: mirrored, turned or recoloured images of one class that look like another's.
//!
//! A classifier on pixel features (no weights, so that it works on the first run; features of trained networks are themselves
//! invariant to mirroring) is chosen by cross-validation with near-copies left out. An augmentation is harmful to some classes when both
//! hold for their images, by exact sign tests over pairs of outcomes:
//!
//! - transformed images are taken for another class, which they were not as they are: significant, and by [`MIN_CONFUSED`] of them;
//! - a classifier that was trained on transformed images takes more of the images *as they are* for another class: by
//!   [`MIN_LOSS`] of them. This is what training with the augmentation comes to; an image that merely looks odd when it is
//!   transformed does not count.
//!
//! It is asked of all images, of each class, and of each pair of a class and the one its transformed images are taken for, so that
//! two mirror twins among 20 classes are found. What the classifier cannot tell apart in the first place is not found: then an
//! augmentation stays on.
//!
//! The same images, classes and options give the same decision.

mod classifier;
mod decision;
mod features;
mod statistics;

#[cfg(test)]
mod tests;

pub use decision::{Decision, Finding};

use classifier::{Classifier, FOLDS, Labels, Method, Rows};
use plugin_augment::{AugmentOptions, Key, Pipeline, ShapeError};
use rayon::prelude::*;
use statistics::sign_test;
use std::collections::{BTreeMap, BTreeSet};

/// Images that are looked at, at most, as long as this leaves [`MIN_CLASS`] for each class.
const MAX_IMAGES: usize = 1_500;
/// Images a class must have to be examined; also what each class keeps however many classes there are.
const MIN_CLASS: usize = 5;
/// Images that pass by at most until the sample is taken for complete, however few there were of a class.
const MAX_SEEN: u64 = 8_000;
/// Side that images are kept at, at most, pixels.
const MAX_SIDE: usize = 64;
/// Random draws of an augmentation that has a strength.
const DRAWS: usize = 2;
/// Share of transformed images that must be taken for another class.
pub const MIN_CONFUSED: f64 = 0.2;
/// Share of images that must be lost by training on transformed ones.
pub const MIN_LOSS: f64 = 0.1;
/// Significance of the sign test, divided by the number of tests of its kind.
const ALPHA: f64 = 0.01;

/// One training image.
#[derive(Clone, Debug)]
struct Image {
    pixels: Vec<u8>,
    class: usize,
    group: String,
    digest: String,
}

/// Collects a stratified sample of the training images: the first of each class that arrive. With several labels, images of
/// the same set of labels are a class: what must not happen is that an image of one set is taken for one of another.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Names of the labels.
    labels: Vec<String>,
    /// Sets of labels, in the order in which they came.
    classes: Vec<Vec<u32>>,
    /// Images of each.
    counts: Vec<usize>,
    /// Images that a class keeps.
    quota: usize,
    seen: u64,
    side: usize,
    images: Vec<Image>,
}

impl Sample {
    /// An empty sample of images of these classes.
    pub fn new(labels: Vec<String>) -> Self {
        let quota = (MAX_IMAGES / labels.len().max(1)).max(MIN_CLASS);
        Self { labels, classes: Vec::new(), counts: Vec::new(), quota, seen: 0, side: 0, images: Vec::new() }
    }

    /// Takes an image of `side × side` RGB pixels, unless its class has enough. `targets`: indices of its labels, sorted;
    /// `group`: what near-copies have in common.
    ///
    /// # Errors
    /// [`ShapeError`] when it has another number of bytes, or another side than the first one.
    pub fn add(
        &mut self,
        pixels: &[u8],
        side: u32,
        targets: &[u32],
        group: &str,
        digest: &str,
    ) -> Result<(), ShapeError> {
        let full_side = side as usize;
        let kept_side = full_side.min(MAX_SIDE);
        let fits = side > 0 && pixels.len() == full_side * full_side * 3;
        if !fits || (!self.images.is_empty() && kept_side != self.side) {
            return Err(ShapeError { width: side, height: side, bytes: pixels.len() });
        }
        self.seen += 1;
        let class = self.classes.iter().position(|class| class == targets).unwrap_or_else(|| {
            self.classes.push(targets.to_vec());
            self.counts.push(0);
            self.counts.len() - 1
        });
        // A set of labels is one of many: without the second limit there could be any number of images.
        if self.counts[class] >= self.quota || self.images.len() >= MAX_IMAGES.max(MIN_CLASS * self.labels.len()) {
            return Ok(());
        }
        self.counts[class] += 1;
        self.side = kept_side;
        let kept = if kept_side == full_side {
            pixels.to_vec()
        } else {
            let reduced = features::reduce(pixels, full_side, kept_side);
            reduced.into_iter().flatten().map(|v| (v * 255.0 + 0.5) as u8).collect()
        };
        let (group, digest) = (group.to_owned(), digest.to_owned());
        self.images.push(Image { pixels: kept, class, group, digest });
        Ok(())
    }

    /// No more images are of use. `available`: how many there are of each label.
    pub fn is_complete(&self, available: &[u64]) -> bool {
        let enough = |(label, available): (usize, &u64)| {
            let class = self.classes.iter().position(|class| **class == [label as u32]);
            class.map_or(0, |class| self.counts[class] as u64) >= (*available).min(self.quota as u64)
        };
        self.seen >= MAX_SEEN || available.iter().enumerate().all(enough)
    }

    fn name(&self, class: usize) -> String {
        let names = self.classes[class].iter().filter_map(|label| self.labels.get(*label as usize));
        names.map(String::as_str).collect::<Vec<_>>().join(" + ")
    }

    /// Which of the augmentations that are left to decide ([`AugmentOptions::undecided`]) work against the task.
    pub fn decide(&self, options: &AugmentOptions) -> Decision {
        let undecided = options.undecided();
        let examined = self.counts.iter().filter(|count| **count >= MIN_CLASS).count();
        if undecided.is_empty() || examined < 2 {
            return Decision::default();
        }
        let labels = self.labels();
        let clean = self.features(|_| Ok(()));
        let Some((classifier, predicted)) = best(&clean, &labels) else { return Decision::default() };
        let trial =
            Trial { sample: self, labels: &labels, clean: &clean, classifier: &classifier, predicted: &predicted };
        let findings = undecided.iter().filter_map(|name| trial.of(name, options)).collect();
        Decision { images: self.images.len() as u64, accuracy: balanced_accuracy(&predicted, &labels), findings }
    }

    fn features(&self, change: impl Fn(&mut Image) -> Result<(), ShapeError> + Sync) -> Rows {
        let of = |image: &Image| {
            let mut image = image.clone();
            // Shapes were checked when the image was taken.
            let _ = change(&mut image);
            features::features(&image.pixels, self.side)
        };
        self.images.par_iter().map(of).collect()
    }

    /// Groups that hold more than half of a class are cut into single images, or nothing would be left to learn it from.
    fn labels(&self) -> Labels {
        let mut held = BTreeMap::<(&str, usize), usize>::new();
        for image in &self.images {
            *held.entry((&image.group, image.class)).or_default() += 1;
        }
        let cut: BTreeSet<&str> =
            held.iter().filter(|((_, class), n)| 2 * **n > self.counts[*class]).map(|((group, _), _)| *group).collect();
        let mut groups = BTreeMap::<(&str, Option<usize>), Vec<usize>>::new();
        for (at, image) in self.images.iter().enumerate() {
            let single = cut.contains(&image.group[..]).then_some(at);
            groups.entry((&image.group, single)).or_default().push(at);
        }
        let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
        groups.sort_by_key(|group| (std::cmp::Reverse(group.len()), self.images[group[0]].digest.clone()));
        let mut labels = Labels {
            class: self.images.iter().map(|image| image.class).collect(),
            group: vec![0; self.images.len()],
            fold: vec![0; self.images.len()],
            classes: self.classes.len(),
        };
        let mut filled = vec![[0_usize; FOLDS]; self.classes.len()];
        let mut totals = [0_usize; FOLDS];
        for (number, group) in groups.iter().enumerate() {
            let class = self.images[group[0]].class;
            let fold = (0..FOLDS).min_by_key(|fold| (filled[class][*fold], totals[*fold])).unwrap_or_default();
            for &at in group {
                labels.group[at] = number;
                labels.fold[at] = fold;
                filled[self.images[at].class][fold] += 1;
                totals[fold] += 1;
            }
        }
        labels
    }
}

/// The classifier that tells the images as they are best, and what it says of each.
fn best(clean: &Rows, labels: &Labels) -> Option<(Classifier, Vec<usize>)> {
    let parts = [features::COLOUR, features::LUMA, features::SHAPE, features::ALL];
    let methods = [Method::Neighbours, Method::Ridge(0.03), Method::Ridge(0.3)];
    let mut best: Option<(f64, Classifier, Vec<usize>)> = None;
    for part in parts {
        for method in methods {
            let classifier = Classifier { method, part: part.clone() };
            let predicted = classifier.predict(&[clean], clean, labels);
            let accuracy = balanced_accuracy(&predicted, labels);
            if best.as_ref().is_none_or(|(most, ..)| accuracy > *most) {
                best = Some((accuracy, classifier, predicted));
            }
        }
    }
    best.map(|(_, classifier, predicted)| (classifier, predicted))
}

/// Mean recall over the classes that have images.
fn balanced_accuracy(predicted: &[usize], labels: &Labels) -> f64 {
    let mut counts = vec![[0_u32; 2]; labels.classes];
    for (predicted, class) in predicted.iter().zip(&labels.class) {
        counts[*class][0] += 1;
        counts[*class][1] += u32::from(predicted == class);
    }
    let recalls: Vec<f64> =
        counts.iter().filter(|c| c[0] > 0).map(|[all, right]| f64::from(*right) / f64::from(*all)).collect();
    recalls.iter().sum::<f64>() / recalls.len().max(1) as f64
}

/// What an augmentation is tried on.
struct Trial<'a> {
    sample: &'a Sample,
    labels: &'a Labels,
    clean: &'a Rows,
    classifier: &'a Classifier,
    /// Of the images as they are.
    predicted: &'a [usize],
}

/// What becomes of an image.
#[derive(Clone, Debug)]
struct Outcome {
    class: usize,
    /// What it is taken for as it is.
    before: usize,
    /// What its transformed versions are taken for.
    transformed: Vec<usize>,
    /// What it is taken for as it is by a classifier that was trained on transformed images.
    trained: usize,
}

impl Trial<'_> {
    /// What speaks against an augmentation; `None` when nothing does.
    fn of(&self, name: &'static str, options: &AugmentOptions) -> Option<Finding> {
        let outcomes = self.outcomes(name, options);
        let classes = self.sample.classes.len();
        let examined = |class: usize| self.sample.counts[class] >= MIN_CLASS;
        // Of each class, which other one its transformed images are taken for most often.
        let taken_for: Vec<Option<usize>> = (0..classes).map(|class| most_taken_for(&outcomes, class)).collect();
        let pairs: BTreeSet<[usize; 2]> = taken_for
            .iter()
            .enumerate()
            .filter_map(|(class, other)| other.map(|other| [class.min(other), class.max(other)]))
            .filter(|pair| pair.iter().all(|class| examined(*class)))
            .collect();
        let mut harmed: Vec<(usize, usize)> = Vec::new();
        for class in (0..classes).filter(|class| examined(*class)) {
            let Some(other) = taken_for[class] else { continue };
            let own: Vec<&Outcome> = outcomes.iter().filter(|o| o.class == class).collect();
            if is_harmful(&own, classes, |o, predicted| predicted != o.class) {
                harmed.push((class, other));
            }
        }
        for [a, b] in &pairs {
            let both: Vec<&Outcome> = outcomes.iter().filter(|o| o.class == *a || o.class == *b).collect();
            if is_harmful(&both, pairs.len(), |o, predicted| predicted == a + b - o.class) {
                harmed.extend([(*a, *b), (*b, *a)]);
            }
        }
        if harmed.is_empty() {
            let all: Vec<&Outcome> = outcomes.iter().collect();
            if is_harmful(&all, 1, |o, predicted| predicted != o.class) {
                harmed.extend(taken_for.iter().enumerate().filter_map(|(class, other)| Some((class, (*other)?))));
            }
        }
        let found = |(class, other): &(usize, usize)| {
            let draws = || outcomes.iter().filter(|o| o.class == *class).flat_map(|o| &o.transformed);
            let (of, count) = (draws().count(), draws().filter(|predicted| *predicted == other).count());
            Finding {
                augmentation: name.to_owned(),
                class: self.sample.name(*class),
                taken_for: self.sample.name(*other),
                images: count as u64,
                of: of as u64,
            }
        };
        harmed.iter().map(found).max_by(|a, b| a.share().total_cmp(&b.share()))
    }

    fn outcomes(&self, name: &'static str, options: &AugmentOptions) -> Vec<Outcome> {
        // Mirroring has one outcome; what it does to half of the images is measured by doing it to each.
        let certain = AugmentOptions { flip_probability: 1.0, ..options.clone() };
        let pipeline = Pipeline::only(&certain, name);
        let mirror = name == plugin_augment::FLIP;
        let side = self.sample.side as u32;
        let draw = |epoch: u64| {
            self.sample.features(|image| {
                let key = Key { seed: 0, epoch, digest: &image.digest };
                pipeline.apply(key, side, side, &mut image.pixels)
            })
        };
        let draws: Vec<Rows> = (0..if mirror { 1 } else { DRAWS as u64 }).map(draw).collect();
        let predict = |references: &[&Rows], queries| self.classifier.predict(references, queries, self.labels);
        let transformed: Vec<Vec<usize>> = draws.iter().map(|rows| predict(&[self.clean], rows)).collect();
        let training: Vec<&Rows> = mirror.then_some(self.clean).into_iter().chain(&draws).collect();
        let trained = predict(&training, self.clean);
        let outcome = |(at, image): (usize, &Image)| Outcome {
            class: image.class,
            before: self.predicted[at],
            transformed: transformed.iter().map(|predicted| predicted[at]).collect(),
            trained: trained[at],
        };
        self.sample.images.iter().enumerate().map(outcome).collect()
    }
}

/// The other class that transformed images of a class are taken for most often.
fn most_taken_for(outcomes: &[Outcome], class: usize) -> Option<usize> {
    let mut counts = BTreeMap::<usize, usize>::new();
    for predicted in outcomes.iter().filter(|o| o.class == class).flat_map(|o| &o.transformed) {
        *counts.entry(*predicted).or_default() += usize::from(*predicted != class);
    }
    counts.into_iter().filter(|(_, n)| *n > 0).max_by_key(|(_, n)| *n).map(|(other, _)| other)
}

/// Whether some images suffer. `tests`: how many such questions are asked; `wrong`: whether a prediction is of the kind of error
/// that is counted.
fn is_harmful(outcomes: &[&Outcome], tests: usize, wrong: impl Fn(&Outcome, usize) -> bool) -> bool {
    let (mut up, mut down, mut confused, mut lost) = (0, 0, 0.0, 0_i64);
    for outcome in outcomes {
        let before = wrong(outcome, outcome.before);
        let draws = outcome.transformed.len();
        let after = outcome.transformed.iter().filter(|predicted| wrong(outcome, **predicted)).count();
        up += usize::from(!before && after == draws);
        down += usize::from(before && after == 0);
        confused += after as f64 / draws as f64 - f64::from(u8::from(before));
        lost += i64::from(wrong(outcome, outcome.trained)) - i64::from(before);
    }
    let n = outcomes.len() as f64;
    confused >= MIN_CONFUSED * n && lost as f64 >= MIN_LOSS * n && sign_test(up, down) <= ALPHA / tests as f64
}
