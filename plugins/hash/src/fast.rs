//! From a file to its hashes, with no more decoding than they need.

use crate::{Grey, Hashes};
use plugin_decode::{DecodeError, Glance, Limits, Picture};

/// The hashes of a file's picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// The four hashes.
    pub hashes: Hashes,
    /// Width of the picture after orientation, pixels.
    pub width: u32,
    /// Height of the picture after orientation, pixels.
    pub height: u32,
}

/// Samples that the shorter side keeps at reduced size. The hashes take 32; with a few more, the perceptual hash differs
/// by a third of a bit from that of the whole picture (`tests/README.md` has the figures).
pub const LEAST: u32 = 56;

/// The hashes from a JPEG at 1/8, 1/4 or 1/2 of its size; small pictures and other formats are decoded whole.
///
/// They differ from [`exact`] ones in a bit now and then.
///
/// # Errors
/// [`DecodeError`], as [`plugin_decode::glance`].
pub fn fast(bytes: &[u8], limits: &Limits) -> Result<Hashed, DecodeError> {
    match plugin_decode::glance(bytes, limits, LEAST)? {
        Glance::Whole(picture) => Ok(of(&picture)),
        Glance::Luma(luma) => {
            let (width, height) = (luma.width, luma.height);
            // A glance always has samples of the right number.
            let hashes = Grey::from_luma(luma).map_or_else(Hashes::default, |grey| Hashes::of_grey(&grey));
            Ok(Hashed { hashes, width, height })
        }
    }
}

/// The hashes from the whole picture, bit for bit those of imagehash where the decoded pixels are the same.
///
/// # Errors
/// [`DecodeError`], as [`plugin_decode::decode`].
pub fn exact(bytes: &[u8], limits: &Limits) -> Result<Hashed, DecodeError> {
    plugin_decode::decode(bytes, limits).map(|picture| of(&picture))
}

fn of(picture: &Picture) -> Hashed {
    // A decoded picture always has pixels of the right number.
    let hashes = Hashes::of(picture.width, picture.height, &picture.pixels).unwrap_or_default();
    Hashed { hashes, width: picture.width, height: picture.height }
}
