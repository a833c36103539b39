//! Odd shape: much longer one way than the other.

use crate::Check;

pub const CHECK: Check = Check {
    name: "odd_aspect",
    title: "Odd shape",
    meaning: "It is about three times as long one way as the other: brought to a square, what is on it is squeezed or lost.",
    advice: "Cut out what matters.",
    threshold: 0.35,
    score: |facts, _| {
        let (width, height) = (facts.width as f32, facts.height as f32);
        (width / height).min(height / width)
    },
};
