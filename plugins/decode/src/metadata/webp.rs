//! Metadata chunks of a WebP file. Source: <https://developers.google.com/speed/webp/docs/riff_container>.
//!
//! The image crate reads EXIF only where it begins with the TIFF header; libvips and sharp put `Exif\0\0` before it.

use super::Metadata;
use std::borrow::Cow;

/// Of the whole file: EXIF and XMP stand behind the pixels.
pub fn read(bytes: &[u8]) -> Metadata<'_> {
    let mut found = Metadata::default();
    let mut at = 12;
    while let Some((kind, content)) = chunk(bytes, at) {
        let slot = match kind {
            b"EXIF" => Some(&mut found.exif),
            b"XMP " => Some(&mut found.xmp),
            b"ICCP" => Some(&mut found.icc),
            _ => None,
        };
        if let Some(slot) = slot.filter(|slot| slot.is_none()) {
            *slot = Some(Cow::Borrowed(content));
        }
        // Contents are padded to an even length.
        at += 8 + content.len().next_multiple_of(2);
    }
    found
}

fn chunk(bytes: &[u8], at: usize) -> Option<(&[u8; 4], &[u8])> {
    let kind = bytes.get(at..)?.first_chunk::<4>()?;
    let length = u32::from_le_bytes(*bytes.get(at + 4..)?.first_chunk()?) as usize;
    Some((kind, bytes.get(at + 8..(at + 8).checked_add(length)?)?))
}
