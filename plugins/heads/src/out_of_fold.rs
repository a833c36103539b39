//! Cross-validated predictions.

use crate::calibration::log_softmax;
use crate::error::HeadError;
use crate::folds::assign_folds;
use crate::head::{ABSENT, Head};
use crate::options::HeadOptions;
use crate::samples::Samples;

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

/// Geometric mean of the probabilities of [`cross_validate`] over several assignments to folds, of the seeds 1 to `repeats` (1 at
/// least): the luck of which samples share a fold averages out. Corresponds to `sklearn.model_selection.RepeatedStratifiedKFold`,
/// with groups.
///
/// # Errors
/// As [`out_of_fold`].
pub fn cross_validate_repeatedly(
    samples: &Samples<'_>,
    options: &HeadOptions,
    folds: usize,
    repeats: u64,
) -> Result<OutOfFold, HeadError> {
    let mut mean = cross_validate(samples, options, folds, SEED)?;
    for seed in (1..repeats).map(|repeat| SEED + repeat) {
        let other = cross_validate(samples, options, folds, seed)?;
        add(&mut mean.log_probabilities, &other.log_probabilities);
        add(&mut mean.novelty, &other.novelty);
    }
    if repeats > 1 {
        let share = 1.0 / repeats as f32;
        mean.novelty.iter_mut().for_each(|novelty| *novelty *= share);
        mean.log_probabilities.iter_mut().for_each(|p| *p = (*p * share).max(ABSENT));
        mean.log_probabilities.chunks_mut(samples.classes).for_each(|row| log_softmax(row, 1.0, ABSENT));
    }
    Ok(mean)
}

fn add(sums: &mut [f32], values: &[f32]) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::clusters;

    #[test]
    fn repeated_predictions_are_a_mean() {
        let data = clusters(3, 12, 8);
        let of = |repeats| cross_validate_repeatedly(&data.samples(), &HeadOptions::DEFAULT, 4, repeats).unwrap();
        let one = cross_validate(&data.samples(), &HeadOptions::DEFAULT, 4, SEED).unwrap();
        assert_eq!(of(1), one);
        let three = of(3);
        assert_ne!(three.log_probabilities, one.log_probabilities);
        for row in three.log_probabilities.chunks(3) {
            let sum: f32 = row.iter().map(|p| p.exp()).sum();
            assert!((sum - 1.0).abs() < 1e-4, "{row:?}");
        }
    }
}
