//! Camera RAW, by the JPEG that the camera put into it: what its screen showed.
//!
//! The makers' containers differ (TIFF, ISO media, their own); the previews in them are plain JPEG files. So the file is
//! searched for beginnings of JPEG, and the largest that decodes is the image. It is upright by its own EXIF, else by the tag
//! 274 of the container.

use crate::error::DecodeError;
use crate::limits::Limits;
use crate::metadata::ifd::Reader;
use crate::metadata::{self, orientation};
use crate::{DecodedImage, finish, jpeg};
use image::metadata::Orientation;

/// Shorter side of the smallest preview that stands for the photo, pixels.
const LEAST_SIDE: u16 = 160;
/// Beginnings that are looked at, and bytes of each that its headers may take.
const BEGINNINGS: usize = 4096;
const HEADERS: usize = 1 << 18;
/// Beginnings that are tried, largest first.
const TRIED: usize = 4;

/// Decodes the largest preview.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<DecodedImage, DecodeError> {
    let mut previews: Vec<(u64, usize)> = memchr::memmem::find_iter(bytes, b"\xFF\xD8\xFF")
        .take(BEGINNINGS)
        .filter_map(|at| {
            let (width, height) = size(&bytes[at..bytes.len().min(at + HEADERS)])?;
            (width.min(height) >= LEAST_SIDE).then(|| (u64::from(width) * u64::from(height), at))
        })
        .collect();
    previews.sort_by_key(|(pixels, at)| (std::cmp::Reverse(*pixels), *at));
    let mut refused = DecodeError::unsupported("camera RAW without a preview of its photo");
    for (_, at) in previews.into_iter().take(TRIED) {
        match jpeg::decode(&bytes[at..], limits) {
            Ok(image) => return Ok(upright(bytes, &bytes[at..], image)),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// Width and height of a baseline or progressive JPEG of 8 bits, if there is one.
fn size(file: &[u8]) -> Option<(u16, u16)> {
    let frame = metadata::jpeg::segments(file).find(|(marker, _)| matches!(marker, 0xC0..=0xC3))?;
    match frame {
        (0xC0..=0xC2, &[8, h1, h0, w1, w0, ..]) => Some((u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]))),
        _ => None,
    }
}

/// Turned as the container says, where the preview says nothing.
fn upright(file: &[u8], preview: &[u8], image: DecodedImage) -> DecodedImage {
    let is_named = metadata::jpeg::read(preview).exif.is_some_and(|exif| orientation::of_exif(&exif).is_some());
    let named = if is_named { None } else { of_container(file) };
    let named = named.unwrap_or(Orientation::NoTransforms);
    finish::upright(image.width, image.height, image.pixels, named)
}

/// Tag 274 of the first directory; in CR3 that lies in the box `CMT1`.
fn of_container(file: &[u8]) -> Option<Orientation> {
    let head = &file[..file.len().min(1 << 16)];
    let block = if Reader::new(file).is_some() { file } else { &file[memchr::memmem::find(head, b"CMT1")? + 4..] };
    orientation::of_exif(block)
}
