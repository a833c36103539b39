//! Cross-validated predictions.

use crate::{Head, HeadError, HeadOptions, Samples, assign_folds};

/// Seed of the folds.
const SEED: u64 = 1;

/// Predictions for every sample by a head that was fitted to neither it nor a near-copy of it.
#[derive(Clone, Debug, PartialEq)]
pub struct OutOfFold {
    /// `[n, classes]`, row-major.
    pub log_probabilities: Vec<f32>,
    /// One a sample; see [`Head::novelty`].
    pub novelty: Vec<f32>,
}

/// Log-probabilities of every sample, of shape `[n, classes]`, by heads that were fitted to neither it nor a near-copy of it.
///
/// Folds are stratified by class and never split a group; see [`assign_folds`]. A class whose samples are all in one fold has
/// log-probability [`ABSENT`](crate::ABSENT) there.
///
/// # Errors
/// As [`Head::fit`]; [`HeadError::Folds`] for fewer than two folds or fewer groups than folds.
pub fn out_of_fold(samples: &Samples<'_>, options: &HeadOptions, folds: usize) -> Result<Vec<f32>, HeadError> {
    Ok(cross_validate(samples, options, folds, SEED)?.log_probabilities)
}

/// As [`out_of_fold`], with the novelty of every sample and folds of any seed.
///
/// # Errors
/// As [`out_of_fold`].
pub fn cross_validate(
    samples: &Samples<'_>,
    options: &HeadOptions,
    folds: usize,
    seed: u64,
) -> Result<OutOfFold, HeadError> {
    samples.check()?;
    let fold_of = assign_folds(samples.labels, samples.groups, folds, seed)?;
    by_folds(samples, options, &fold_of)
}

/// Predicts each fold by a head that was fitted to the others.
fn by_folds(samples: &Samples<'_>, options: &HeadOptions, fold_of: &[usize]) -> Result<OutOfFold, HeadError> {
    let classes = samples.classes;
    let mut out =
        OutOfFold { log_probabilities: vec![0.0; samples.len() * classes], novelty: vec![0.0; samples.len()] };
    for fold in 0..fold_of.iter().max().map_or(0, |last| last + 1) {
        let (held_out, rest): (Vec<usize>, Vec<usize>) = (0..samples.len()).partition(|row| fold_of[*row] == fold);
        if held_out.is_empty() {
            continue;
        }
        let head = Head::fit(&samples.select(&rest).samples(), options)?;
        let (log_probabilities, novelty) = head.predict(samples.select(&held_out).samples().features)?;
        for (place, row) in held_out.iter().enumerate() {
            let from = &log_probabilities[place * classes..(place + 1) * classes];
            out.log_probabilities[row * classes..(row + 1) * classes].copy_from_slice(from);
            out.novelty[*row] = novelty[place];
        }
    }
    Ok(out)
}
