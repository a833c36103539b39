//! Which images should lie in which class's folder.

use crate::claims::Claim;
use std::collections::{BTreeMap, HashSet};

/// An image for a class's folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Class that the image is a candidate of.
    pub class: String,
    /// The image.
    pub digest: String,
    /// Its distance from the class.
    pub distance: f32,
}

/// What the plan has to respect.
#[derive(Debug)]
pub struct Constraints<'a> {
    /// Class and image that a person has answered.
    pub answered: &'a HashSet<(String, String)>,
    /// Images that are not proposed to anybody: they stand in `photos/`.
    pub settled: &'a HashSet<String>,
    /// Where a person put an image: image and class. It is proposed to no other.
    pub by_hand: &'a BTreeMap<String, String>,
    /// At most so many a class.
    pub max_candidates: usize,
    /// An image goes to every class that claims it, not only to the nearest.
    pub multi_class: bool,
}

/// The candidates of all classes, each class's nearest first; where two are as near, by digest.
///
/// An image goes to the nearest class that has not refused it. One that is not among a class's nearest `max_candidates` is not
/// handed on to the next: that it is nearer to the first stays true.
pub fn plan(claims: &BTreeMap<&str, Vec<Claim>>, constraints: &Constraints) -> Vec<Wanted> {
    let mut by_class = BTreeMap::<&str, Vec<Wanted>>::new();
    for (digest, claims) in claims.iter().filter(|(digest, _)| !constraints.settled.contains(**digest)) {
        if constraints.by_hand.contains_key(*digest) {
            continue;
        }
        let free = claims.iter().filter(|claim| {
            let pair = (claim.class.clone(), (*digest).to_owned());
            !constraints.answered.contains(&pair)
        });
        for claim in free.take(if constraints.multi_class { usize::MAX } else { 1 }) {
            let wanted = Wanted { class: claim.class.clone(), digest: (*digest).to_owned(), distance: claim.distance };
            by_class.entry(&claim.class).or_default().push(wanted);
        }
    }
    let mut all = Vec::new();
    for (_, mut wanted) in by_class {
        wanted.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.digest.cmp(&b.digest)));
        wanted.truncate(constraints.max_candidates);
        all.extend(wanted);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> BTreeMap<&'static str, Vec<Claim>> {
        let claim = |class: &str, distance| Claim { class: class.to_owned(), distance };
        [
            ("a", vec![claim("cat", 1.0), claim("dog", 5.0)]),
            ("b", vec![claim("cat", 3.0)]),
            ("c", vec![claim("dog", 2.0), claim("cat", 2.0)]),
            ("d", vec![claim("cat", 0.0)]),
        ]
        .into()
    }

    fn planned<'a>(change: impl FnOnce(&mut Constraints<'a>)) -> Vec<String> {
        let mut constraints = Constraints {
            answered: Box::leak(Box::default()),
            settled: Box::leak(Box::default()),
            by_hand: Box::leak(Box::default()),
            max_candidates: 10,
            multi_class: false,
        };
        change(&mut constraints);
        plan(&claims(), &constraints).into_iter().map(|w| format!("{} {} {}", w.class, w.digest, w.distance)).collect()
    }

    #[test]
    fn the_nearest_class_gets_an_image_nearest_first() {
        assert_eq!(planned(|_| ()), ["cat d 0", "cat a 1", "cat b 3", "dog c 2"]);
        assert_eq!(planned(|w| w.max_candidates = 2), ["cat d 0", "cat a 1", "dog c 2"]);
        let multi_class = planned(|w| w.multi_class = true);
        assert_eq!(multi_class, ["cat d 0", "cat a 1", "cat c 2", "cat b 3", "dog c 2", "dog a 5"]);
    }

    #[test]
    fn what_a_person_said_counts() {
        let answered = HashSet::from([("cat".to_owned(), "a".to_owned()), ("cat".to_owned(), "b".to_owned())]);
        assert_eq!(planned(|w| w.answered = &answered), ["cat d 0", "dog c 2", "dog a 5"], "a goes to the next");
        let settled = HashSet::from(["d".to_owned(), "c".to_owned()]);
        assert_eq!(planned(|w| w.settled = &settled), ["cat a 1", "cat b 3"]);
        let by_hand = BTreeMap::from([("a".to_owned(), "dog".to_owned())]);
        assert_eq!(planned(|w| w.by_hand = &by_hand), ["cat d 0", "cat b 3", "dog c 2"]);
    }
}
