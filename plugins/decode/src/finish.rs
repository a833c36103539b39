//! The last steps, the same for every format: colour to sRGB, transparency over a ground, upright.

use crate::colour::{self, Profile};
use crate::{DecodedImage, ground};
use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};

/// Pixels as a decoder leaves them.
pub struct Raw {
    /// Width before orientation, pixels.
    pub width: u32,
    /// Height before orientation, pixels.
    pub height: u32,
    /// `height × width × 3` bytes: red, green, blue, not multiplied by alpha.
    pub rgb: Vec<u8>,
    /// `height × width` bytes, 255 opaque; `None` where all is.
    pub alpha: Option<Vec<u8>>,
    /// Colour space of `rgb`.
    pub profile: Profile,
    /// Which way up.
    pub orientation: Orientation,
}

impl Raw {
    /// The finished image.
    pub fn finish(mut self) -> DecodedImage {
        colour::apply(&mut self.rgb, &self.profile);
        if let Some(alpha) = &self.alpha {
            ground::lay(&mut self.rgb, alpha);
        }
        upright(self.width, self.height, self.rgb, self.orientation)
    }
}

/// Turns RGB pixels.
pub fn upright(width: u32, height: u32, rgb: Vec<u8>, orientation: Orientation) -> DecodedImage {
    if orientation == Orientation::NoTransforms {
        return DecodedImage { width, height, pixels: rgb };
    }
    let Some(image) = RgbImage::from_raw(width, height, rgb) else {
        return DecodedImage { width: 1, height: 1, pixels: vec![0; 3] };
    };
    let mut image = DynamicImage::ImageRgb8(image);
    image.apply_orientation(orientation);
    let image = image.into_rgb8();
    DecodedImage { width: image.width(), height: image.height(), pixels: image.into_raw() }
}
