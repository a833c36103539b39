//! A suspected label, as it is told.

use plugin_api::Message;
use plugin_api::decisions::Decision;
use std::sync::Arc;

/// Decisions that are written for one answer at most. Where more pairs would have to be told apart, that is not offered.
const MAX_PAIRS: usize = 1_000;

/// Why a label is suspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// Two thirds or more of the images that look alike are in one class: each of the few others may be misfiled.
    Odd,
    /// No class has so many: one question about all of them. Most likely they are right, as look-alikes are what is to be
    /// trained on.
    Mixed,
}

/// Images of one class within a group of look-alikes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassShare<'a> {
    /// The class; with several labels an image, all of them.
    pub class: String,
    /// Their pixel digests.
    pub images: Vec<&'a str>,
}

/// An image whose label should be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect<'a> {
    /// The image, relative to the workspace.
    pub path: &'a str,
    /// Digest of the decoded pixels.
    pub pixel_digest: &'a str,
    /// Class that the image is labelled with.
    pub class: String,
    /// The image of another class that it looks most like.
    pub looks_like: &'a str,
    /// The class of that.
    pub in_class: String,
    /// Images of the group that are not in its largest class.
    pub odd: usize,
    /// Images of the group.
    pub of: usize,
    /// Bits in which the two differ, of 128; small means alike. Turned copies differ in many.
    pub bits_apart: u32,
    /// Why.
    pub doubt: Doubt,
    /// Places among the images given: the files of the image that is suspected, or of every image of a group that is
    /// [`Doubt::Mixed`], the suspected one and what it looks like first.
    pub files: Vec<usize>,
    /// Place among the images given of the file it looks like.
    pub looks_like_file: usize,
    /// The group by class, the largest first.
    pub classes: Arc<[ClassShare<'a>]>,
}

impl Suspect<'_> {
    /// What was found.
    pub fn reason(&self) -> Message {
        let Self { class, in_class, looks_like, of, .. } = self;
        match self.doubt {
            Doubt::Odd => {
                let many = self.classes.first().map_or(0, |share| share.images.len());
                Message::card_odd(class, *looks_like, in_class, *of, many)
            }
            Doubt::Mixed if *of == 2 => Message::card_pair(class, *looks_like, in_class),
            Doubt::Mixed => {
                let shares = self.classes.iter().map(|share| Message::card_share(share.images.len(), &share.class));
                Message::card_mixed(*of, shares.collect::<Vec<_>>())
            }
        }
    }

    /// What to do about it, in English.
    pub fn advice(&self) -> Message {
        match self.doubt {
            Doubt::Odd => Message::card_odd_advice(&self.in_class, self.path),
            Doubt::Mixed => Message::card_mixed_advice(),
        }
    }

    /// What a decision is about: a list of pixel digests for each line of the file of decisions. None where it is not offered.
    pub fn decided(&self, decision: Decision) -> Option<Vec<Vec<String>>> {
        match decision {
            Decision::Keep if self.doubt == Doubt::Odd => Some(vec![vec![self.pixel_digest.to_owned()]]),
            Decision::Keep => {
                let all = self.classes.iter().flat_map(|share| &share.images);
                Some(vec![all.map(|digest| (*digest).to_owned()).collect()])
            }
            Decision::Different => self.pairs(),
            Decision::Withdrawn => None,
        }
    }

    /// Every pair of images of different classes that is to be told apart. Images of one class may go on being copies.
    fn pairs(&self) -> Option<Vec<Vec<String>>> {
        let own = [self.pixel_digest];
        let mut pairs = Vec::new();
        for (at, share) in self.classes.iter().enumerate() {
            let (some, others) = match self.doubt {
                Doubt::Odd if share.class == self.class => continue,
                Doubt::Odd => (&own[..], &self.classes[at..=at]),
                Doubt::Mixed => (&share.images[..], &self.classes[at + 1..]),
            };
            let count = some.len() * others.iter().map(|share| share.images.len()).sum::<usize>();
            if pairs.len() + count > MAX_PAIRS {
                return None;
            }
            for a in some {
                let others = others.iter().flat_map(|share| &share.images);
                pairs.extend(others.map(|b| vec![(*a).to_owned(), (*b).to_owned()]));
            }
        }
        Some(pairs)
    }
}
