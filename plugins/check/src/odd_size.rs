//! Odd size: far from that of the other images of the set.

use crate::Check;
use crate::facts::{Facts, Scores, Set};

pub const CHECK: Check = Check {
    name: "odd_size",
    title: "Odd size",
    meaning: "It is much smaller or larger than most: a thumbnail, an icon or a scan among photos.",
    advice: "Look whether it is what you meant; find it in the usual size, or delete it.",
    threshold: 0.5,
    score: |facts, set| set.usual.score(facts.width, facts.height),
};

/// Which of these sizes (width and height, pixels) are odd among them all, by their places.
pub fn odd_sizes(sizes: &[(u32, u32)]) -> Vec<usize> {
    let set = Set::of(sizes.iter().copied());
    let nothing = Scores { dark: f32::NAN, bright: f32::NAN, blur: f32::NAN, information: f32::NAN };
    let odd = |(width, height): (u32, u32)| CHECK.flags(&Facts { width, height, scores: nothing }, &set);
    (0..sizes.len()).filter(|at| odd(sizes[*at])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_far_from_the_rest_is_odd() {
        let mut sizes: Vec<(u32, u32)> = (0..40).map(|i| (400 + i, 300)).collect();
        sizes.extend([(16, 16), (9000, 7000), (300, 400)]);
        assert_eq!(odd_sizes(&sizes), [40, 41]);
        assert_eq!(odd_sizes(&[]), [0; 0]);
        assert_eq!(odd_sizes(&[(5, 5)]), [0; 0]);
    }

    #[test]
    fn where_all_are_alike_every_other_is_odd() {
        let sizes = [(10, 10), (10, 10), (10, 10), (10, 10), (10, 12)];
        assert_eq!(odd_sizes(&sizes), [4]);
    }
}
