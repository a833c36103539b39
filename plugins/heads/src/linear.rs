//! The last layer of a network that is to be trained whole, fitted in closed form before its first epoch.
//!
//! A drawn last layer sends large, useless gradients into pretrained layers and spoils their features; one that is fitted first
//! does not: Kumar and others, Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution, ICLR 2022,
//! <https://arxiv.org/abs/2202.10054>.

use crate::calibration::fit_temperature;
use crate::error::HeadError;
use crate::options::HeadOptions;
use crate::ridge::{Ridge, SHARPNESS};
use crate::samples::Samples;

/// What the last layer of a pretrained network begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum FirstClassifier {
    /// A ridge regression on the network's features of the training images
    #[default]
    Ridge,
    /// Random numbers
    Random,
}

impl std::fmt::Display for FirstClassifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ridge => "ridge",
            Self::Random => "random",
        })
    }
}

/// Penalty of [`LinearClassifier::fit`] in units of the mean eigenvalue. Of 0.3, 1 and 3 the best on openclipart8's features as they
/// come (accuracy 0.725, 0.703 and 0.678 by five folds of EfficientNet-Lite0, `examples/folds --only ridge --head-power 1`).
pub const SHRINKAGE: f64 = 0.3;

/// An affine layer whose outputs are calibrated logits.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearClassifier {
    /// `[classes, dimensions]`, row-major.
    pub weights: Vec<f32>,
    /// One a class.
    pub biases: Vec<f32>,
}

impl LinearClassifier {
    /// Fits to features as the layer reads them, of any length: a ridge regression in which every class counts the same, its
    /// scores divided by a temperature that is fitted to leave-one-group-out predictions.
    ///
    /// # Errors
    /// [`HeadError::Empty`], [`HeadError::Length`], [`HeadError::Label`] or [`HeadError::NotFinite`] for samples that are wrong,
    /// [`HeadError::Option`] for a shrinkage out of range, [`HeadError::Singular`] where it is too small for 32-bit floats.
    pub fn fit(samples: &Samples<'_>, shrinkage: f64) -> Result<Self, HeadError> {
        samples.check_shape()?;
        HeadOptions { shrinkage, ..HeadOptions::DEFAULT }.check()?;
        let (dimensions, classes) = (samples.dimensions, samples.classes);
        let squares: f64 = samples.features.iter().map(|x| f64::from(*x).powi(2)).sum();
        let row = samples.features.iter().position(|x| !x.is_finite()).map(|place| place / dimensions);
        if let Some(row) = row {
            return Err(HeadError::NotFinite { row });
        }
        let length = ((squares / samples.len() as f64).sqrt() as f32).max(f32::MIN_POSITIVE);
        let scaled: Vec<f32> = samples.features.iter().map(|x| x / length).collect();
        let samples = &Samples { features: &scaled, ..*samples };
        let members = samples.members();
        let groups = crate::head::calibration_groups(samples, members.values());
        let (ridge, left_out) = Ridge::fit(samples, shrinkage, &groups)?;
        let known = groups.iter().zip(&left_out).filter_map(|(group, logits)| Some((group, logits.as_ref()?)));
        let (mut labels, mut logits) = (Vec::new(), Vec::new());
        for (group, of_group) in known {
            labels.extend(group.iter().map(|row| samples.labels[*row]));
            logits.extend_from_slice(&of_group.values);
        }
        let scale = SHARPNESS / fit_temperature(&logits, &labels, classes) as f32;
        Ok(Self {
            weights: ridge.weights.values.iter().map(|w| w * scale / length).collect(),
            biases: ridge.intercepts.iter().map(|b| b * scale).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::clusters;

    #[test]
    fn scores_do_not_depend_on_the_length_of_features() {
        let data = clusters(3, 10, 12);
        let samples = data.samples();
        let predicted = |factor: f32| -> Vec<Vec<f32>> {
            let features: Vec<f32> = samples.features.iter().map(|x| x * factor).collect();
            let layer = LinearClassifier::fit(&Samples { features: &features, ..samples }, SHRINKAGE).unwrap();
            let score = |row: &[f32], class: usize| -> f32 {
                let weights = &layer.weights[class * 12..][..12];
                row.iter().zip(weights).map(|(x, w)| x * w).sum::<f32>() + layer.biases[class]
            };
            features.chunks(12).map(|row| (0..3).map(|class| score(row, class)).collect()).collect()
        };
        let (one, large) = (predicted(1.0), predicted(40.0));
        for ((a, b), label) in one.iter().zip(&large).zip(samples.labels) {
            assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-2), "{a:?} {b:?}");
            let best = (0..3).max_by(|x, y| a[*x].total_cmp(&a[*y])).unwrap();
            assert_eq!(best as u32, *label);
        }
    }

    #[test]
    fn wrong_samples_are_refused() {
        let data = clusters(2, 4, 3);
        let samples = data.samples();
        let mut features = samples.features.to_vec();
        features[4] = f32::NAN;
        let found = LinearClassifier::fit(&Samples { features: &features, ..samples }, SHRINKAGE);
        assert!(matches!(found, Err(HeadError::NotFinite { row: 1 })), "{found:?}");
        assert!(matches!(LinearClassifier::fit(&samples, 0.0), Err(HeadError::Option { .. })));
        assert!(LinearClassifier::fit(&Samples { groups: &[], ..samples }, SHRINKAGE).is_err());
    }
}
