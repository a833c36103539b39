//! Which images are suspected, once the confident joint is known.

mod both;
mod confident;
mod noise_rate;
mod odds;
mod own_class;

pub use both::Both;
pub use confident::ConfidentLearning;
pub use noise_rate::NoiseRate;
pub use odds::Odds;
pub use own_class::OwnClass;

use crate::joint::Joint;

/// A way to choose the suspected ones. Names are those of cleanlab's `filter_by`, but for [`Odds`], which it does not have.
pub trait Filter: Sync {
    /// Name of the filter: cleanlab's, as in `filter_by`.
    fn name(&self) -> &'static str;
    /// Which ones it takes, in one line.
    fn about(&self) -> &'static str;
    /// Whether each image is suspected. What `joint` was estimated from comes along.
    fn suspects(&self, joint: &Joint, probabilities: &[Vec<f32>], given: &[u32]) -> Vec<bool>;
}

/// Every filter, the default first.
pub const REGISTRY: &[&dyn Filter] = &[&Odds, &NoiseRate, &OwnClass, &Both, &ConfidentLearning];

/// The filter of a name.
pub fn filter(name: &str) -> Option<&'static dyn Filter> {
    REGISTRY.iter().copied().find(|filter| filter.name() == name)
}

/// How many images of each label (row) to take for each class (column): the calibrated joint, in which every label
/// keeps at least one image. What the diagonal lacks is taken evenly from what is beside it.
fn to_prune(joint: &Joint) -> Vec<Vec<u64>> {
    let of = |(label, row): (usize, &Vec<u64>)| {
        let lacking = 1_u64.saturating_sub(row[label]) as f64;
        let others = row.iter().filter(|n| **n > 0).count().saturating_sub(1).max(1) as f64;
        let mut counts: Vec<u64> = row.iter().map(|n| (*n as f64 - lacking / others).max(0.0) as u64).collect();
        counts[label] = row[label].max(1);
        counts
    };
    joint.calibrated.iter().enumerate().map(of).collect()
}

/// The images of each label, by place.
fn by_label(given: &[u32], classes: usize) -> Vec<Vec<usize>> {
    let mut places = vec![Vec::new(); classes];
    for (place, label) in given.iter().enumerate() {
        places[*label as usize].push(place);
    }
    places
}

/// Marks the `count` places of the lowest scores; the first where they are equal.
fn mark_lowest(marks: &mut [bool], places: &[usize], count: usize, score: impl Fn(usize) -> f64) {
    let mut order = places.to_vec();
    order.sort_by(|a, b| score(*a).total_cmp(&score(*b)));
    order.into_iter().take(count).for_each(|place| marks[place] = true);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_found() {
        let names: BTreeSet<&str> = REGISTRY.iter().map(|filter| filter.name()).collect();
        assert_eq!(names.len(), REGISTRY.len());
        assert!(REGISTRY.iter().all(|of| filter(of.name()).is_some_and(|found| found.about() == of.about())));
        assert!(filter("nothing").is_none());
    }

    #[test]
    fn every_label_keeps_an_image() {
        let calibrated = vec![vec![0, 3, 1], vec![0, 5, 0], vec![2, 0, 4]];
        let joint = Joint { thresholds: vec![None; 3], confident: calibrated.clone(), calibrated, class_of: vec![] };
        assert_eq!(to_prune(&joint), [[1, 2, 0], [0, 5, 0], [2, 0, 4]]);
    }
}
