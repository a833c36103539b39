//! What files say about their pixels beside them: orientation, colour, time.
//!
//! One reader a container; each returns the raw blocks, whatever the format: EXIF, XMP, an ICC profile, code points of
//! colour (CICP). No reader fails: a block that is not whole is as good as none.

pub mod ifd;
pub mod jpeg;
pub mod orientation;
pub mod png;
pub mod webp;

use crate::colour::{Cicp, Profile};
use image::metadata::Orientation;
use std::borrow::Cow;

/// The metadata blocks of a file.
#[derive(Debug, Default)]
pub struct Metadata<'a> {
    /// EXIF from the TIFF header on, or from `Exif\0\0` on.
    pub exif: Option<Cow<'a, [u8]>>,
    /// XMP packet.
    pub xmp: Option<Cow<'a, [u8]>>,
    /// ICC profile.
    pub icc: Option<Cow<'a, [u8]>>,
    /// Code points of colour.
    pub cicp: Option<Cicp>,
}

impl Metadata<'_> {
    /// Which way up the pixels are.
    pub fn orientation(&self) -> Orientation {
        orientation::of(self.exif.as_deref(), self.xmp.as_deref())
    }

    /// The colour space of the pixels. Code points count before a profile (PNG 3, 4.3; HEIF has one of both).
    pub fn profile(&self) -> Profile {
        match (self.cicp, &self.icc) {
            (Some(cicp), _) => Profile::Cicp(cicp),
            (None, Some(icc)) => Profile::Icc(icc.to_vec()),
            (None, None) => Profile::Srgb,
        }
    }
}
