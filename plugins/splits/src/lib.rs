//! Which image goes into which split of the data set, and into which fold of a cross-validation.
//!
//! Splits are drawn by group of near-copies and stratified by class: iterative stratification over groups, rarest class first
//! (Sechidis, Tsoumakas, Vlahavas, "On the Stratification of Multi-label Data", 2011,
//! <https://doi.org/10.1007/978-3-642-23808-6_10>). The only randomness is that of the images' keys.
//!
//! Guaranteed, unless `given` splits say otherwise, for images of one class each:
//! - a class of 1 image or more has one in train;
//! - of 5 or more, one in test;
//! - of 8 or more, one in validation and one in test, and where nothing was settled before at least half of its share of each;
//! - a group lies in one split, unless its classes could not be trained or evaluated that way: then it is cut, class by class, in
//!   contiguous pieces (train first, then validation, then test);
//! - settled images stay, unless their class would have nothing to learn from or to be evaluated on, or near-copies of theirs in
//!   a stricter split turn up.

mod drawing;
mod epoch;
mod folding;
mod sequence;
mod stratify;
mod table;
#[cfg(test)]
mod tests;

pub use epoch::epoch_order;
pub use folding::{Folds, folds};

use plugin_api::Split;
use std::collections::HashSet;

/// What is known of an image.
#[derive(Clone, Copy, Debug)]
pub struct Image<'a> {
    /// Digest of its pixels, hexadecimal. Unique.
    pub key: &'a str,
    /// Its classes, each once; any numbers.
    pub classes: &'a [u32],
    /// Name of its group of near-copies.
    pub group: &'a str,
    /// When it was taken, milliseconds since 1970. Groups are cut by it where all images of the class in the group have one,
    /// otherwise by `path` in natural order.
    pub captured_ms: Option<i64>,
    /// Path of one file that holds it.
    pub path: &'a str,
    /// The split its folder says; never changed.
    pub given: Option<Split>,
    /// The split it was in before; changed as little as possible.
    pub settled: Option<Split>,
}

/// How much goes into which split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Percent. With `test` below 100.
    pub validation: u32,
    /// Percent.
    pub test: u32,
}

/// Why a settled image changed its split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its group has images in a stricter split.
    NearCopies,
    /// A class had nothing in train.
    NothingToLearn,
    /// A class had nothing in validation or test.
    NothingToEvaluate,
}

/// A settled image that changed its split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Place among the images.
    pub image: usize,
    /// Where it was.
    pub from: Split,
    /// Where it is now.
    pub to: Split,
    /// Why.
    pub reason: Reason,
}

/// The result of [`draw`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drawn<'a> {
    /// The split of each image.
    pub splits: Vec<Split>,
    /// Groups that lie in more than one split, sorted.
    pub cut: Vec<&'a str>,
    /// Settled images that changed their split, by place.
    pub moved: Vec<Moved>,
}

/// Draws the splits. Deterministic: the order of the images does not matter, nor do the numbers of the classes.
///
/// Images without a class go with their group, or by share.
pub fn draw<'a>(images: &[Image<'a>], shares: Shares) -> Drawn<'a> {
    drawing::Drawing::new(images, shares).draw()
}

/// Which held-out images (validation and test) have an image of their group in train: figures on them are optimistic.
///
/// `splits` are those of the images, in order.
pub fn near_copies_held_out(images: &[Image], splits: &[Split]) -> Vec<bool> {
    let trained: HashSet<&str> = std::iter::zip(images, splits)
        .filter(|(_, split)| **split == Split::Train)
        .map(|(image, _)| image.group)
        .collect();
    std::iter::zip(images, splits)
        .map(|(image, split)| *split != Split::Train && trained.contains(image.group))
        .collect()
}

/// The first 64 bits of a hexadecimal digest; of any other text its first 8 bytes.
fn leading_bits(key: &str) -> u64 {
    key.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_else(|| {
        key.bytes().chain(std::iter::repeat(0)).take(8).fold(0, |bits, byte| bits << 8 | u64::from(byte))
    })
}
