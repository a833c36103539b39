//! The head: fitted, asked.

use crate::calibration::{fit_temperature, log_softmax};
use crate::error::HeadError;
use crate::matrix::{Matrix, View};
use crate::neighbours::{Counting, Neighbours};
use crate::novelty::{Answers, MAX_ROWS, NoveltyScale};
use crate::options::{HeadKind, HeadOptions};
use crate::ridge::Ridge;
use crate::samples::{Samples, check_features, power_normalized};
use rayon::prelude::*;

/// Log-probability of a class without samples, and the least there is: that of the smallest normal 32-bit float, so that
/// numbers stay finite.
pub const ABSENT: f32 = -87.0;

/// Samples that temperatures are fitted to, at most: more do not change them.
const MAX_CALIBRATION_ROWS: usize = 2048;

/// A classifier head on frozen embeddings.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    pub(crate) options: HeadOptions,
    pub(crate) ridge: Ridge,
    pub(crate) neighbours: Neighbours,
    /// Number of samples of each class.
    pub(crate) counts: Vec<usize>,
    pub(crate) temperatures: Temperatures,
    /// `None` for a head of a release that did not keep it.
    pub(crate) novelty: Option<NoveltyScale>,
}

/// Temperatures of the parts and of their combination (1 for a head of one part), each fitted to leave-one-group-out
/// predictions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Temperatures {
    pub ridge: f32,
    pub neighbours: f32,
    pub blend: f32,
}

/// What is predicted of samples without their group.
struct LeftOut {
    rows: Vec<usize>,
    /// `[rows, classes]`.
    log_probabilities: Vec<f32>,
    /// The greatest score of the ridge part, one a row.
    ridge_scores: Vec<f32>,
}

/// What the parts of a head say of rows.
struct Scores {
    /// `[rows, classes]`.
    log_probabilities: Vec<f32>,
    /// The greatest score of the ridge part, one a row.
    ridge: Vec<f32>,
    /// The rows in the whitened space.
    white: Matrix,
}

impl Head {
    /// Fits a head.
    ///
    /// One sample is enough; a class without samples has log-probability [`ABSENT`]. Labels and groups count, not the order
    /// of the samples (but for rounding).
    ///
    /// # Errors
    /// [`HeadError::Empty`], [`HeadError::Length`], [`HeadError::Label`], [`HeadError::NotFinite`] or
    /// [`HeadError::NotUnitLength`] for samples that are wrong, [`HeadError::Option`] for an option out of range,
    /// [`HeadError::Singular`] where the shrinkage is too small for 32-bit floats.
    pub fn fit(samples: &Samples<'_>, options: &HeadOptions) -> Result<Self, HeadError> {
        samples.check()?;
        options.check()?;
        let features = power_normalized(samples.features, samples.dimensions, options.power);
        let samples = &Samples { features: &features, ..*samples };
        let members = samples.members();
        let groups = calibration_groups(samples, members.values());
        let (ridge, ridge_left_out) = Ridge::fit(samples, options.shrinkage, &groups)?;
        let neighbours = Neighbours::fit(samples, options)?;
        let temperatures = Temperatures { ridge: 1.0, neighbours: 1.0, blend: 1.0 };
        let (options, counts) = (options.clone(), samples.counts());
        let mut head = Self { options, ridge, neighbours, counts, temperatures, novelty: None };
        let left_out = head.calibrate(samples, &groups, &ridge_left_out);
        head.novelty = Some(head.novelty_scale(samples, &left_out));
        Ok(head)
    }

    /// Fits the temperatures to samples whose class is known from other groups, and returns what is predicted of them then.
    fn calibrate(&mut self, samples: &Samples<'_>, groups: &[&[usize]], ridge_left_out: &[Option<Matrix>]) -> LeftOut {
        let classes = samples.classes;
        let left_out: Vec<(&[usize], &Matrix)> =
            groups.iter().zip(ridge_left_out).filter_map(|(group, logits)| Some((*group, logits.as_ref()?))).collect();
        let rows: Vec<usize> = left_out.iter().flat_map(|(group, _)| group.iter().copied()).collect();
        let labels: Vec<u32> = rows.iter().map(|row| samples.labels[*row]).collect();
        let mut ridge: Vec<f32> = left_out.iter().flat_map(|(_, logits)| logits.values.iter().copied()).collect();
        self.mark_absent(&mut ridge);
        let ridge_scores = greatest(&ridge, classes);
        let mut neighbours = self.neighbours.left_out(&rows, samples.groups, &self.counting()).values;
        self.temperatures.ridge = fit_temperature(&ridge, &labels, classes) as f32;
        self.temperatures.neighbours = fit_temperature(&neighbours, &labels, classes) as f32;
        soften(&mut ridge, classes, self.temperatures.ridge);
        soften(&mut neighbours, classes, self.temperatures.neighbours);
        let mut blended = self.combine(&ridge, &neighbours);
        if self.options.kind == HeadKind::Blend {
            self.temperatures.blend = fit_temperature(&blended, &labels, classes) as f32;
        }
        soften(&mut blended, classes, self.temperatures.blend);
        LeftOut { rows, log_probabilities: blended, ridge_scores }
    }

    /// By at most [`MAX_ROWS`] of the samples that were left out, spread evenly.
    fn novelty_scale(&self, samples: &Samples<'_>, left_out: &LeftOut) -> NoveltyScale {
        let step = left_out.rows.len().div_ceil(MAX_ROWS).max(1);
        let rows: Vec<usize> = left_out.rows.iter().copied().step_by(step).collect();
        let scores = left_out.log_probabilities.chunks(samples.classes).step_by(step).flatten();
        let log_probabilities: Vec<f32> = scores.copied().collect();
        let scores: Vec<f32> = left_out.ridge_scores.iter().copied().step_by(step).collect();
        let answers = Answers { log_probabilities: &log_probabilities, scores: &scores, classes: samples.classes };
        NoveltyScale::fit(answers, &self.neighbours.distances_left_out(samples, &rows))
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.counts.len()
    }

    /// Numbers of an embedding.
    pub fn dimensions(&self) -> usize {
        self.neighbours.mean.len()
    }

    /// Number of samples of each class that the head was fitted to.
    pub fn counts(&self) -> &[usize] {
        &self.counts
    }

    /// The options it was fitted with.
    pub fn options(&self) -> &HeadOptions {
        &self.options
    }

    /// Log-probabilities of shape `[rows, classes]`, row-major, in [`ABSENT`] to 0. They are calibrated by what the samples
    /// themselves tell; a temperature from held-out images comes on top.
    ///
    /// # Errors
    /// [`HeadError::Length`], [`HeadError::NotFinite`] or [`HeadError::NotUnitLength`] for features that are no embeddings.
    pub fn log_probabilities(&self, features: &[f32]) -> Result<Vec<f32>, HeadError> {
        Ok(self.scores(self.normalized(features)?.view()).log_probabilities)
    }

    /// How unlike the samples each row is, in standard deviations of known images: about 0 for those that are like them, more
    /// for others. Above [`Self::novelty_threshold`] a row is unlike anything the head was fitted to. 0 for a head of a release
    /// that did not keep what it takes.
    ///
    /// # Errors
    /// As [`Head::log_probabilities`].
    pub fn novelty(&self, features: &[f32]) -> Result<Vec<f32>, HeadError> {
        Ok(self.predict(features)?.1)
    }

    /// Novelty that one in twenty samples exceeds when it is predicted without its group; more than any row has where there are
    /// too few samples to tell.
    pub fn novelty_threshold(&self) -> f32 {
        self.novelty.as_ref().map_or(f32::MAX, |scale| scale.threshold)
    }

    /// [`Head::log_probabilities`] and [`Head::novelty`] in one pass.
    ///
    /// # Errors
    /// As [`Head::log_probabilities`].
    pub fn predict(&self, features: &[f32]) -> Result<(Vec<f32>, Vec<f32>), HeadError> {
        let rows = self.normalized(features)?;
        let Scores { log_probabilities, ridge, white } = self.scores(rows.view());
        let novelty = match &self.novelty {
            Some(scale) => {
                let distances = self.neighbours.distances(rows.view(), white.view(), self.classes());
                let answers =
                    Answers { log_probabilities: &log_probabilities, scores: &ridge, classes: self.classes() };
                scale.novelty(answers, &distances)
            }
            None => vec![0.0; rows.rows],
        };
        Ok((log_probabilities, novelty))
    }

    /// Embeddings as both parts see them.
    fn normalized(&self, features: &[f32]) -> Result<Matrix, HeadError> {
        let dimensions = self.dimensions();
        check_features(features, dimensions)?;
        let values = power_normalized(features, dimensions, self.options.power);
        Ok(Matrix { rows: values.len() / dimensions, columns: dimensions, values })
    }

    /// Of normalized rows.
    fn scores(&self, view: View<'_>) -> Scores {
        let white = self.neighbours.whiten(view);
        let mut neighbours = self.neighbours.votes(white.view(), &self.counting()).values;
        soften(&mut neighbours, self.classes(), self.temperatures.neighbours);
        let mut ridge = self.ridge.logits(view).values;
        self.mark_absent(&mut ridge);
        let ridge_scores = greatest(&ridge, self.classes());
        soften(&mut ridge, self.classes(), self.temperatures.ridge);
        let mut blended = self.combine(&ridge, &neighbours);
        soften(&mut blended, self.classes(), self.temperatures.blend);
        Scores { log_probabilities: blended, ridge: ridge_scores, white }
    }

    fn counting(&self) -> Counting<'_> {
        let HeadOptions { k, bandwidth, .. } = self.options;
        Counting { counts: &self.counts, k: k as usize, bandwidth: bandwidth as f32, absent: ABSENT }
    }

    /// Weight of the ridge part in the blend.
    pub(crate) fn ridge_share(&self) -> f32 {
        match self.options.kind {
            HeadKind::Ridge => 1.0,
            HeadKind::Neighbours => 0.0,
            HeadKind::Blend => self.options.blend as f32,
        }
    }

    /// Weighted mean of the parts' log-probabilities.
    fn combine(&self, ridge: &[f32], neighbours: &[f32]) -> Vec<f32> {
        let share = self.ridge_share();
        ridge.iter().zip(neighbours).map(|(r, n)| share * r + (1.0 - share) * n).collect()
    }

    /// Takes classes without samples out of logits.
    fn mark_absent(&self, logits: &mut [f32]) {
        for row in logits.chunks_exact_mut(self.classes()) {
            for (logit, count) in row.iter_mut().zip(&self.counts) {
                if *count == 0 {
                    *logit = ABSENT;
                }
            }
        }
    }
}

/// The greatest number of each row.
fn greatest(scores: &[f32], classes: usize) -> Vec<f32> {
    scores.chunks_exact(classes).map(|row| row.iter().copied().fold(f32::NEG_INFINITY, f32::max)).collect()
}

/// Turns rows of logits into log-probabilities.
fn soften(logits: &mut [f32], classes: usize, temperature: f32) {
    logits.par_chunks_exact_mut(classes).for_each(|row| log_softmax(row, f64::from(temperature), ABSENT));
}

/// Groups to leave out for calibration: those whose classes all have samples in other groups, spread evenly over all where
/// there are too many.
pub(crate) fn calibration_groups<'a>(
    samples: &Samples<'_>,
    groups: impl Iterator<Item = &'a Vec<usize>> + Clone,
) -> Vec<&'a [usize]> {
    let mut groups_of_class = vec![0_usize; samples.classes];
    let classes_of = |group: &[usize]| {
        let mut classes: Vec<usize> = group.iter().map(|row| samples.labels[*row] as usize).collect();
        classes.sort_unstable();
        classes.dedup();
        classes
    };
    for group in groups.clone() {
        for class in classes_of(group) {
            groups_of_class[class] += 1;
        }
    }
    let is_known = |group: &&'a [usize]| classes_of(group).iter().all(|class| groups_of_class[*class] > 1);
    let known: Vec<&[usize]> = groups.map(Vec::as_slice).filter(is_known).collect();
    let rows: usize = known.iter().map(|group| group.len()).sum();
    let step = rows.div_ceil(MAX_CALIBRATION_ROWS).max(1);
    known.into_iter().step_by(step).collect()
}
