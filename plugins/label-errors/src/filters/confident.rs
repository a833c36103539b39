//! The off-diagonals of the confident joint: the paper's section 3.2, method 2.

use super::Filter;
use crate::joint::Joint;

/// Every image that is confidently of another class than its label.
pub struct ConfidentLearning;

impl Filter for ConfidentLearning {
    fn name(&self) -> &'static str {
        "confident_learning"
    }

    fn about(&self) -> &'static str {
        "those that are confidently of another class"
    }

    fn suspects(&self, joint: &Joint, _probabilities: &[Vec<f32>], given: &[u32]) -> Vec<bool> {
        joint.class_of.iter().zip(given).map(|(class, label)| class.is_some_and(|class| class != *label)).collect()
    }
}
