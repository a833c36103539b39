//! Checks of single images: too dark, too bright, blurred, without information, odd size, odd shape.
//!
//! What they measure and the limits below which an image is flagged are those of CleanVision 0.3.7,
//! <https://github.com/cleanlab/cleanvision>, `issue_managers/image_property.py`, but for the border in `blur`. A test holds the scores against its own.
//! There is one file for each check, and [`REGISTRY`] lists them all.
//!
//! The four scores that need pixels are measured where an image is decoded anyway, on a grid of its pixels and a reduced
//! grey image; the other two need only its size.

mod blur;
mod bright;
mod dark;
mod error;
mod facts;
mod information;
mod odd_aspect;
mod odd_size;
mod reduce;
mod sample;
mod usual;

pub use error::CheckError;
pub use facts::{Facts, Scores, Set};
pub use odd_size::odd_sizes;

/// A check of image quality: its name, score and threshold.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// One word, as in tables.
    pub name: &'static str,
    /// What is the matter, in a few words.
    pub title: &'static str,
    /// What it means for learning.
    pub meaning: &'static str,
    /// What to do.
    pub advice: &'static str,
    /// A score below this is flagged.
    pub threshold: f32,
    /// The score of an image: 0 bad to 1 good, NaN when it was not measured.
    pub score: fn(&Facts, &Set) -> f32,
}

impl Check {
    /// Whether an image is flagged. What was not measured is not.
    pub fn flags(&self, facts: &Facts, set: &Set) -> bool {
        (self.score)(facts, set) < self.threshold
    }
}

/// Every check, in the order a report shows them.
pub const REGISTRY: &[Check] =
    &[dark::CHECK, bright::CHECK, blur::CHECK, information::CHECK, odd_size::CHECK, odd_aspect::CHECK];

/// Measures an image of `height × width × 3` bytes, sRGB.
///
/// # Errors
/// [`CheckError`] when there is no pixel, or another number of bytes.
pub fn scores(width: u32, height: u32, rgb: &[u8]) -> Result<Scores, CheckError> {
    let expected = width as usize * height as usize * 3;
    if expected == 0 || rgb.len() != expected {
        return Err(CheckError { width, height, found: rgb.len() });
    }
    let sample = sample::Sample::of(width as usize, height as usize, rgb);
    Ok(Scores {
        dark: dark::score(&sample),
        bright: bright::score(&sample),
        blur: blur::score(width, height, rgb)?,
        information: information::score(&sample),
    })
}

#[cfg(test)]
mod tests;
