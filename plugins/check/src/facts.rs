//! What the checks look at.

use crate::usual::Usual;

/// What was measured of an image's pixels: 0 bad to 1 good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scores {
    /// Not too dark.
    pub dark: f32,
    /// Not too bright.
    pub bright: f32,
    /// Not blurred.
    pub blur: f32,
    /// Not empty of information.
    pub information: f32,
}

/// Everything a check needs to know of one image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Facts {
    /// Width after orientation, pixels.
    pub width: u32,
    /// Height after orientation, pixels.
    pub height: u32,
    /// What was measured of its pixels.
    pub scores: Scores,
}

/// What the checks need to know of the whole set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Set {
    pub(crate) usual: Usual,
}

impl Set {
    /// Looks at the sizes (width and height, pixels) of all images of a set.
    pub fn of(sizes: impl IntoIterator<Item = (u32, u32)>) -> Self {
        Self { usual: Usual::of(sizes) }
    }
}
