//! What a person has decided already.

use plugin_api::decisions::{Decided, Decision, Decisions};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Decisions that hold: made and not withdrawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    kept: Vec<BTreeSet<String>>,
    /// By pixel digest: places in `kept`.
    kept_of: HashMap<String, Vec<usize>>,
    /// Pairs of pixel digests, the smaller one first.
    different: HashSet<[String; 2]>,
}

impl Settled {
    /// Of the decisions in the order they were made. A withdrawal undoes every earlier decision about the same images.
    pub fn of(decisions: &Decisions) -> Self {
        let mut holding: Vec<(Decision, BTreeSet<String>)> = Vec::new();
        for Decided { decision, digests, .. } in &decisions.made {
            let about: BTreeSet<String> = digests.iter().cloned().collect();
            if *decision == Decision::Withdrawn {
                holding.retain(|(_, earlier)| *earlier != about);
            } else {
                holding.push((*decision, about));
            }
        }
        let mut settled = Self::default();
        for (decision, about) in holding {
            match decision {
                Decision::Keep => settled.keep(about),
                Decision::Different => settled.differ(&about),
                Decision::Withdrawn => {}
            }
        }
        settled
    }

    fn keep(&mut self, about: BTreeSet<String>) {
        for digest in &about {
            self.kept_of.entry(digest.clone()).or_default().push(self.kept.len());
        }
        self.kept.push(about);
    }

    fn differ(&mut self, about: &BTreeSet<String>) {
        for a in about {
            let pairs = about.iter().filter(|b| a < *b).map(|b| [a.clone(), b.clone()]);
            self.different.extend(pairs);
        }
    }

    /// Whether a person has said that the label of an image is right.
    pub fn is_kept(&self, pixel_digest: &str) -> bool {
        self.kept_of.contains_key(pixel_digest)
    }

    /// Whether a person has said that two images are no copies of each other.
    pub fn are_different(&self, a: &str, b: &str) -> bool {
        let pair = if a < b { [a, b] } else { [b, a] };
        !self.different.is_empty() && self.different.contains(&pair.map(str::to_owned))
    }

    /// The decisions to keep several images as they are that an image is part of, as numbers.
    pub(crate) fn kept_together(&self, pixel_digest: &str) -> impl Iterator<Item = usize> {
        let places = self.kept_of.get(pixel_digest).map_or(&[][..], Vec::as_slice);
        places.iter().copied().filter(|at| self.kept[*at].len() > 1)
    }
}
