//! A whole image at reduced size: all that hashes, checks and training squares need of a photo of many megapixels.

use crate::error::DecodeError;
use crate::limits::Limits;
use crate::registry::Decoder;
use crate::sniff::Kind;
use crate::{DecodedImage, decode, guard, jpeg, kind};
use image::{RgbImage, imageops};

/// An image at its own or a reduced size, in colour, upright.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reduced {
    /// Width of the image itself after orientation, pixels.
    pub source_width: u32,
    /// Height of the image itself after orientation, pixels.
    pub source_height: u32,
    /// Its pixels, of means of several where the image is large.
    pub image: DecodedImage,
}

/// Decodes a file at the smallest scale whose shorter side still has `least` pixels. An image of less than twice that keeps
/// its size. The scale depends on the file and `least` alone.
///
/// A JPEG comes at 1/8, 1/4 or 1/2, and no more of it is decoded than that needs; sides are rounded up. All else is decoded
/// whole and made smaller by a whole factor.
///
/// What [`decode`] refuses is refused here for the same reason, but for damage in what is not looked at: the finer passes of a
/// progressive JPEG, and coefficients whose value is wrong without the codes around them being so.
///
/// # Errors
/// [`DecodeError`], as [`decode`].
pub fn reduced(bytes: &[u8], limits: &Limits, least: u32) -> Result<Reduced, DecodeError> {
    match kind(bytes, limits)? {
        (Kind::Read(Decoder::Jpeg), bytes) => guard::caught("JPEG", || jpeg::reduced(bytes, limits, least)),
        _ => decode(bytes, limits).map(|image| shrunk(image, least)),
    }
}

/// An image by a whole factor smaller, so that its shorter side still has `least` pixels.
pub(crate) fn shrunk(image: DecodedImage, least: u32) -> Reduced {
    let (source_width, source_height) = (image.width, image.height);
    let factor = source_width.min(source_height) / least.max(1);
    if factor < 2 {
        return Reduced { source_width, source_height, image };
    }
    let (width, height) = (source_width / factor, source_height / factor);
    let image = RgbImage::from_raw(source_width, source_height, image.pixels).map_or_else(
        || DecodedImage { width: 1, height: 1, pixels: vec![0; 3] },
        |source| {
            let small = imageops::thumbnail(&source, width, height);
            DecodedImage { width, height, pixels: small.into_raw() }
        },
    );
    Reduced { source_width, source_height, image }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_images_become_small_and_small_ones_stay() {
        let image =
            |width: u32, height: u32| DecodedImage { width, height, pixels: vec![9; (width * height * 3) as usize] };
        for (size, least, expected) in
            [((300, 200), 100, (150, 100)), ((300, 199), 100, (300, 199)), ((90, 950), 30, (30, 316))]
        {
            let small = shrunk(image(size.0, size.1), least);
            assert_eq!((small.source_width, small.source_height), size);
            assert_eq!((small.image.width, small.image.height), expected);
            assert!(small.image.pixels.iter().all(|value| *value == 9));
        }
    }
}
