//! Both prunings at once: the paper's section 3.2, method 5.

use super::{Filter, NoiseRate, OwnClass};
use crate::joint::Joint;

/// What prune by class and prune by noise rate both take.
pub struct Both;

impl Filter for Both {
    fn name(&self) -> &'static str {
        "both"
    }

    fn about(&self) -> &'static str {
        "those that both prune_by_class and prune_by_noise_rate take"
    }

    fn suspects(&self, joint: &Joint, probabilities: &[Vec<f32>], given: &[u32]) -> Vec<bool> {
        let marks = NoiseRate.suspects(joint, probabilities, given);
        let others = OwnClass.suspects(joint, probabilities, given);
        marks.into_iter().zip(others).map(|(a, b)| a && b).collect()
    }
}
