//! Metadata segments of a JPEG file. Source: ITU-T T.81, annex B; CIPA DC-008, 4.7.2; ICC.1:2022, annex B.4.

use super::Metadata;
use std::borrow::Cow;

const XMP: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const ICC: &[u8] = b"ICC_PROFILE\0";

/// Of the first image in the file. Two blocks of EXIF: the first counts.
pub fn read(bytes: &[u8]) -> Metadata<'_> {
    let mut found = Metadata::default();
    let mut profile = Vec::<([u8; 2], &[u8])>::new();
    for (marker, content) in segments(bytes) {
        match marker {
            0xE1 if content.starts_with(b"Exif\0") => {
                found.exif = found.exif.or_else(|| content.get(6..).map(Cow::Borrowed));
            }
            0xE1 => found.xmp = found.xmp.or_else(|| content.strip_prefix(XMP).map(Cow::Borrowed)),
            // A profile comes in numbered parts of up to 64 kB: number from 1, and their count.
            0xE2 => {
                if let Some([number, count, part @ ..]) = content.strip_prefix(ICC) {
                    profile.push(([*number, *count], part));
                }
            }
            _ => {}
        }
    }
    profile.sort_by_key(|(place, _)| *place);
    profile.dedup_by_key(|(place, _)| *place);
    // A profile whose parts are not all there, or wrongly numbered, is as good as none, as with libjpeg, Pillow and libvips.
    let count = profile.len();
    if (1..).zip(&profile).any(|(number, ([named, of], _))| usize::from(*named) != number || usize::from(*of) != count)
    {
        profile.clear();
    }
    found.icc = match profile.as_slice() {
        [] => None,
        [(_, whole)] => Some(Cow::Borrowed(*whole)),
        parts => Some(Cow::Owned(parts.iter().flat_map(|(_, part)| *part).copied().collect())),
    };
    found
}

/// Markers and contents of the segments before the first scan. Bytes between segments are skipped.
pub fn segments(bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut at = if bytes.starts_with(&[0xFF, 0xD8]) { 2 } else { bytes.len() };
    std::iter::from_fn(move || {
        loop {
            at += memchr::memchr(0xFF, bytes.get(at..)?)?;
            let marker = *bytes.get(at + 1)?;
            match marker {
                // Fill bytes may stand before a marker.
                0xFF => at += 1,
                0x00 | 0x01 | 0xD0..=0xD8 => at += 2,
                // The image begins, or ends.
                0xDA | 0xD9 => return None,
                _ => {
                    let length = usize::from(u16::from_be_bytes(*bytes.get(at + 2..)?.first_chunk()?));
                    let content = bytes.get(at + 4..at + 2 + length)?;
                    at += 2 + length;
                    return Some((marker, content));
                }
            }
        }
    })
}
