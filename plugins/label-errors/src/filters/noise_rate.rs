//! Prune by noise rate: the paper's section 3.2, method 4.

use super::{Filter, by_label, mark_lowest, to_prune};
use crate::joint::Joint;

/// For each label and each other class, as many images as the joint counts there: those that are by most more
/// probably of the class than of the label.
pub struct NoiseRate;

impl Filter for NoiseRate {
    fn name(&self) -> &'static str {
        "prune_by_noise_rate"
    }

    fn about(&self) -> &'static str {
        "for each pair of classes as many as the joint counts, the widest margins first"
    }

    fn suspects(&self, joint: &Joint, probabilities: &[Vec<f32>], given: &[u32]) -> Vec<bool> {
        let mut marks = vec![false; given.len()];
        for (label, (places, counts)) in by_label(given, joint.classes()).iter().zip(to_prune(joint)).enumerate() {
            // The last image of a class is never suspected.
            if places.len() < 2 {
                continue;
            }
            for (class, count) in counts.into_iter().enumerate().filter(|(class, _)| *class != label) {
                let margin =
                    |place: usize| f64::from(probabilities[place][label]) - f64::from(probabilities[place][class]);
                mark_lowest(&mut marks, places, count as usize, margin);
            }
        }
        marks
    }
}
