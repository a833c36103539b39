//! From a file to its hashes, with no more decoding than they need.

use crate::Hashes;
use plugin_decode::{DecodeError, DecodedImage, Limits, Scale, decode_scaled};

/// The hashes of a file's image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// The four hashes.
    pub hashes: Hashes,
    /// Width of the image after orientation, pixels.
    pub width: u32,
    /// Height of the image after orientation, pixels.
    pub height: u32,
}

/// The hashes of an image at the scale at which `decode` sends it through the graph. Where that is reduced, they differ from
/// [`exact`] ones in a bit now and then.
///
/// # Errors
/// [`DecodeError`], as [`decode_scaled`].
pub fn fast(bytes: &[u8], limits: &Limits) -> Result<Hashed, DecodeError> {
    let raster = decode_scaled(bytes, limits, Scale::default())?;
    Ok(Hashed { width: raster.source_width, height: raster.source_height, ..of(&raster.image) })
}

/// The hashes from the whole image, bit for bit those of imagehash where the decoded pixels are the same.
///
/// # Errors
/// [`DecodeError`], as [`plugin_decode::decode`].
pub fn exact(bytes: &[u8], limits: &Limits) -> Result<Hashed, DecodeError> {
    plugin_decode::decode(bytes, limits).map(|image| of(&image))
}

fn of(image: &DecodedImage) -> Hashed {
    // A decoded image always has pixels of the right number.
    let hashes = Hashes::of(image.width, image.height, &image.pixels).unwrap_or_default();
    Hashed { hashes, width: image.width, height: image.height }
}
