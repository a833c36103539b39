//! Too dark: even the brightest parts are not bright.

use crate::Check;
use crate::sample::Sample;

pub const CHECK: Check = Check {
    name: "dark",
    title: "Too dark",
    meaning: "Even its brightest parts are dark: there is little to see, and little to learn.",
    advice: "Brighten it, or delete it.",
    threshold: 0.32,
    score: |facts, _| facts.scores.dark,
};

/// The brightness that all but the brightest hundredth of the pixels keep below.
pub fn score(sample: &Sample) -> f32 {
    sample.percentile(99.0)
}
