//! Low information: few colours.

use crate::Check;
use crate::sample::Sample;

pub const CHECK: Check = Check {
    name: "information",
    title: "Little in it",
    meaning: "It has so few colours that it is nearly empty.",
    advice: "Look whether the file is damaged or a placeholder; if so, delete it.",
    threshold: 0.3,
    score: |facts, _| facts.scores.information,
};

/// Score of one bit of entropy.
const PER_BIT: f64 = 0.1;

/// The entropy of all values of the three channels, as Pillow's `Image.entropy` has it, at most 1.
pub fn score(sample: &Sample) -> f32 {
    let total = f64::from(sample.count) * 3.0;
    let bits: f64 = sample.channels.iter().flatten().filter(|n| **n > 0).map(|n| f64::from(*n) / total).map(bits).sum();
    (PER_BIT * bits).clamp(0.0, 1.0) as f32
}

fn bits(share: f64) -> f64 {
    -share * share.log2()
}
