//! Prune by class: the paper's section 3.2, method 3.

use super::{Filter, by_label, mark_lowest, to_prune};
use crate::joint::Joint;

/// For each label as many images as the joint counts in other classes: those least probably of the label.
pub struct OwnClass;

impl Filter for OwnClass {
    fn name(&self) -> &'static str {
        "prune_by_class"
    }

    fn about(&self) -> &'static str {
        "for each class as many as the joint counts in others, the least probable first"
    }

    fn suspects(&self, joint: &Joint, probabilities: &[Vec<f32>], given: &[u32]) -> Vec<bool> {
        let mut marks = vec![false; given.len()];
        for (label, (places, counts)) in by_label(given, joint.classes()).iter().zip(to_prune(joint)).enumerate() {
            if places.len() < 2 {
                continue;
            }
            let count = places.len().saturating_sub(counts[label] as usize);
            mark_lowest(&mut marks, places, count, |place| f64::from(probabilities[place][label]));
        }
        marks
    }
}
