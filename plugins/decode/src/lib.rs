//! From the bytes of a file to a picture: 8-bit sRGB, channels last, orientation applied, transparency over white.
//!
//! The content decides the format, never the file's name. Whatever the bytes are, [`decode`] answers with a picture
//! or a [`DecodeError`]: dimensions are held against [`Limits`] before pixels are allocated, and a panic of a decoder
//! is caught. Embedded colour profiles are not applied: the numbers of the file are taken for sRGB.

mod captured;
pub mod error;
mod glance;
mod guard;
mod jpeg;
pub mod limits;
mod raster;
mod reduced;
mod scale;
mod sniff;

pub use captured::captured_ms;
pub use error::DecodeError;
pub use glance::{Glance, Luma};
pub use limits::Limits;
pub use reduced::{Reduced, reduced};
pub use scale::{Scale, decode_scaled};
pub use sniff::is_image;

use sniff::Kind;

/// A decoded picture.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width after orientation, pixels; at least 1.
    pub width: u32,
    /// Height after orientation, pixels; at least 1.
    pub height: u32,
    /// `height × width × 3` bytes: row after row, red, green, blue.
    pub pixels: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Picture({} × {})", self.width, self.height)
    }
}

/// Decodes a whole file. Of an animation, the first frame.
///
/// # Errors
/// [`DecodeError`], whose [`reason`](DecodeError::reason) is one word and whose text is the whole story.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Picture, DecodeError> {
    match kind(bytes, limits)? {
        Kind::Jpeg => guard::caught("JPEG", || jpeg::decode(bytes, limits)),
        Kind::Raster(format, name) => guard::caught(name, || raster::decode(bytes, format, name, limits)),
        Kind::Foreign(name) => Err(DecodeError::Unsupported { what: name.to_owned() }),
        Kind::Unknown => Err(DecodeError::NotAnImage),
    }
}

/// Decodes no more of a file than its brightness at reduced size, where that is possible: a JPEG at 1/8, 1/4 or 1/2 of its
/// size, so that its shorter side still has `least` samples. All else is decoded whole.
///
/// What [`decode`] refuses is refused here for the same reason, but for damage in what is not looked at: the finer passes
/// of a progressive JPEG, and coefficients whose value is wrong without the codes around them being so.
///
/// # Errors
/// [`DecodeError`], as [`decode`].
pub fn glance(bytes: &[u8], limits: &Limits, least: u32) -> Result<Glance, DecodeError> {
    match kind(bytes, limits)? {
        Kind::Jpeg => guard::caught("JPEG", || jpeg::glance(bytes, limits, least)),
        _ => decode(bytes, limits).map(Glance::Whole),
    }
}

fn kind(bytes: &[u8], limits: &Limits) -> Result<Kind, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    limits.check_bytes(bytes.len())?;
    Ok(sniff::kind(bytes))
}

#[cfg(test)]
mod tests;
