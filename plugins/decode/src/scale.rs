//! At which scale an image is decoded for everything that follows: hashes, checks, the training square, an embedding.

use crate::DecodedImage;
use crate::error::DecodeError;
use crate::limits::Limits;
use crate::reduced::{Reduced, reduced};
use image::RgbImage;
use image::imageops::{self, FilterType};

/// How large a decoded raster is. A function of the file and the size of the square that is made of it alone, so that what is
/// trained on, evaluated and predicted is decoded alike everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// The shorter side has at least so many pixels, where the image has.
    pub min_side: u32,
    /// The raster has at most so many pixels, whatever its shape.
    pub max_pixels: u32,
}

impl Scale {
    /// The largest square that [`Scale::default`] serves, pixels a side: what the pretrained backbone takes.
    pub const DEFAULT_SIZE_PX: u32 = 224;
    /// Pixels of a raster for squares of up to that size: 16 of them fit into a message of 16 MiB.
    pub const DEFAULT_MAX_PIXELS: u32 = 1 << 18;

    /// For squares of `size_px` pixels a side: half as many again, so that resizing has something to average.
    pub const fn for_square(size_px: u32) -> Self {
        let size_px = if size_px < Self::DEFAULT_SIZE_PX { Self::DEFAULT_SIZE_PX } else { size_px };
        let min_side = size_px + size_px / 2;
        let wide = min_side * min_side / 2 * 3;
        let max_pixels = if wide < Self::DEFAULT_MAX_PIXELS { Self::DEFAULT_MAX_PIXELS } else { wide };
        Self { min_side, max_pixels }
    }

    /// The same with no more pixels than so many.
    #[must_use]
    pub fn at_most(self, max_pixels: u32) -> Self {
        Self { max_pixels: self.max_pixels.min(max_pixels), ..self }
    }
}

impl Default for Scale {
    fn default() -> Self {
        Self::for_square(Self::DEFAULT_SIZE_PX)
    }
}

/// Decodes a file at a scale: upright, sRGB. An image of at most [`Scale::max_pixels`] whose shorter side is less than twice
/// [`Scale::min_side`] keeps its pixels.
///
/// # Errors
/// [`DecodeError`], as [`decode`](crate::decode).
pub fn decode_scaled(bytes: &[u8], limits: &Limits, scale: Scale) -> Result<Reduced, DecodeError> {
    let mut raster = reduced(bytes, limits, scale.min_side)?;
    raster.image = bounded(raster.image, scale.max_pixels);
    Ok(raster)
}

/// The image with at most `max_pixels`, its shape kept.
fn bounded(image: DecodedImage, max_pixels: u32) -> DecodedImage {
    let (width, height) = (image.width, image.height);
    let pixels = u64::from(width) * u64::from(height);
    if pixels <= u64::from(max_pixels) {
        return image;
    }
    let by = (f64::from(max_pixels) / pixels as f64).sqrt();
    let to = |side: u32, other: u32| {
        let longest = (max_pixels / other.min(max_pixels)).max(1);
        ((f64::from(side) * by) as u32).clamp(1, longest)
    };
    let (to_width, to_height) = if width < height {
        let to_width = to(width, 1);
        (to_width, to(height, to_width))
    } else {
        let to_height = to(height, 1);
        (to(width, to_height), to_height)
    };
    let Some(image) = RgbImage::from_raw(width, height, image.pixels) else {
        return DecodedImage { width: 1, height: 1, pixels: vec![0; 3] };
    };
    let image = if by < 0.5 {
        imageops::thumbnail(&image, to_width, to_height)
    } else {
        imageops::resize(&image, to_width, to_height, FilterType::Triangle)
    };
    DecodedImage { width: to_width, height: to_height, pixels: image.into_raw() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scale_follows_the_square() {
        assert_eq!(Scale::for_square(64), Scale { min_side: 336, max_pixels: 1 << 18 });
        assert_eq!(Scale::default(), Scale::for_square(224));
        let large = Scale::for_square(480);
        assert_eq!(large, Scale { min_side: 720, max_pixels: 777_600 });
        assert_eq!(large.at_most(500_000).max_pixels, 500_000);
    }

    #[test]
    fn rasters_are_bounded_and_keep_their_shape() {
        let image =
            |width: u32, height: u32| DecodedImage { width, height, pixels: vec![7; (width * height * 3) as usize] };
        for (size, expected) in [
            ((500, 500), (500, 500)),
            ((600, 600), (512, 512)),
            ((900, 600), (627, 418)),
            ((60_000, 40), (19_829, 13)),
            ((1, 300_000), (1, 262_144)),
        ] {
            let small = bounded(image(size.0, size.1), 1 << 18);
            assert_eq!((small.width, small.height), expected);
            assert_eq!(small.pixels.len() as u32, small.width * small.height * 3);
            assert!(small.pixels.iter().all(|value| *value == 7));
        }
    }
}
