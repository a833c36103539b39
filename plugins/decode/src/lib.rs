//! From the bytes of a file to an image: 8-bit sRGB, channels last, upright, transparency over a ground.
//!
//! The content decides the format, never the file's name. Whatever the bytes are, [`decode`] answers with a [`DecodedImage`]
//! or a [`DecodeError`]: dimensions are held against [`Limits`] before pixels are allocated, and a panic of a decoder
//! is caught. `README.md` has the table of formats and the rules of colour, transparency, depth and orientation.

mod camera;
mod captured;
pub mod colour;
mod depth;
pub mod error;
mod finish;
mod ground;
mod guard;
mod heif;
mod inflate;
mod jpeg;
mod jxl;
pub mod limits;
mod metadata;
mod raster;
mod reduced;
pub mod registry;
mod scale;
mod sniff;
mod tiff;

pub use captured::captured_ms;
pub use error::DecodeError;
pub use limits::{Limits, RetiredLimits};
pub use reduced::{Reduced, reduced};
pub use scale::{Scale, decode_scaled};
pub use sniff::is_image;

use registry::Decoder;
use sniff::Kind;

/// A decoded image.
#[derive(Clone, PartialEq, Eq)]
pub struct DecodedImage {
    /// Width after orientation, pixels; at least 1.
    pub width: u32,
    /// Height after orientation, pixels; at least 1.
    pub height: u32,
    /// `height × width × 3` bytes: row after row, red, green, blue.
    pub pixels: Vec<u8>,
}

impl std::fmt::Debug for DecodedImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DecodedImage({} × {})", self.width, self.height)
    }
}

/// Decodes a whole file. Of an animation, the first frame that shows something.
///
/// # Errors
/// [`DecodeError`], whose [`reason`](DecodeError::reason) is one word and whose text is the whole story.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<DecodedImage, DecodeError> {
    let (kind, bytes) = kind(bytes, limits)?;
    let decoder = match kind {
        Kind::Read(decoder) => decoder,
        Kind::Foreign(name) => return Err(DecodeError::unsupported(name)),
        Kind::Unknown => return Err(DecodeError::NotAnImage),
    };
    let name = registry::format(decoder).name;
    guard::caught(name, || match decoder {
        Decoder::Jpeg => jpeg::decode(bytes, limits),
        Decoder::Image(format) => raster::decode(bytes, format, name, limits),
        Decoder::Tiff => tiff::decode(bytes, limits),
        Decoder::Heic | Decoder::Avif => heif::decode(bytes, limits, name),
        Decoder::Jxl => jxl::decode(bytes, limits),
        Decoder::Raw => camera::decode(bytes, limits),
    })
}

/// What a file is, and its bytes from the image's first on.
fn kind<'a>(bytes: &'a [u8], limits: &Limits) -> Result<(Kind, &'a [u8]), DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    limits.check_bytes(bytes.len())?;
    Ok(sniff::image(bytes))
}

#[cfg(test)]
mod tests;
