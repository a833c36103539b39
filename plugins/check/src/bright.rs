//! Too bright: even the darkest parts are not dark.

use crate::Check;
use crate::sample::Sample;

pub const CHECK: Check = Check {
    name: "bright",
    title: "Too bright",
    meaning: "Nearly all of it is white: there is little to see, and little to learn.",
    advice: "Darken it, cut away what is empty, or delete it.",
    threshold: 0.05,
    score: |facts, _| facts.scores.bright,
};

/// How far the darkest twentieth of the pixels is below white.
pub fn score(sample: &Sample) -> f32 {
    1.0 - sample.percentile(5.0)
}
