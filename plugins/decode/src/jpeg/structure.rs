//! The markers of a JPEG file. Source: ITU-T T.81, annex B.

use super::NAME;
use crate::error::DecodeError;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// What the markers say.
#[derive(Debug, Default)]
pub struct Structure {
    /// Width before orientation, pixels.
    pub width: u16,
    /// Height before orientation, pixels.
    pub height: u16,
    /// Components' identifiers, in order.
    pub components: Vec<u8>,
    /// Components' sampling factors, across and down.
    pub sampling: Vec<(u8, u8)>,
    /// The height stands behind the first scan.
    pub late_height: bool,
    /// Coded in several passes over the whole image.
    pub progressive: bool,
    /// A JFIF marker is there: three components are YCbCr.
    pub jfif: bool,
    /// The colour transform that Adobe's marker names.
    pub adobe: Option<u8>,
    /// What the decoder needs, marker included: tables, frame, scans.
    pub parts: Vec<Range<usize>>,
    /// Number of scans.
    pub scans: usize,
    /// The end marker is there.
    pub ended: bool,
}

/// Walks the markers up to the end of the first image. What follows it (previews, films of "living" photos) is not
/// looked at.
///
/// # Errors
/// When the file is cut off inside a segment, breaks the rules of the format, or is of a kind that is not decoded.
pub fn read(bytes: &[u8]) -> Result<Structure, DecodeError> {
    let mut found = Structure::default();
    let mut scanned = Scanned::default();
    match walk(bytes, &mut found, &mut scanned) {
        // Behind a whole image without an end marker there may be anything.
        Err(error) if complete(&found, &scanned).is_err() => return Err(error),
        _ => {}
    }
    complete(&found, &scanned)?;
    Ok(found)
}

/// What scans there are.
#[derive(Default)]
struct Scanned {
    /// Components that come in any.
    components: BTreeSet<u8>,
    /// Of a progressive file, by component: how many bits of each coefficient are still to come; none where nothing is known.
    missing: BTreeMap<u8, [Option<u8>; 64]>,
}

impl Scanned {
    /// Takes in the header of a scan.
    fn add(&mut self, content: &[u8]) {
        let count = usize::from(content.first().copied().unwrap_or(0));
        let Some((named, &[first, last, approximation])) =
            content.get(1..).and_then(|rest| rest.split_at_checked(count * 2))
        else {
            return;
        };
        for id in named.iter().step_by(2) {
            self.components.insert(*id);
            let coefficients = self.missing.entry(*id).or_insert([None; 64]);
            if let Some(band) = coefficients.get_mut(usize::from(first)..=usize::from(last)) {
                band.fill(Some(approximation & 15));
            }
        }
    }

    /// Nothing of a progressive file is still to come.
    fn is_refined(&self) -> bool {
        self.missing.values().flatten().all(|missing| *missing == Some(0))
    }
}

/// Walks the markers.
fn walk(bytes: &[u8], found: &mut Structure, scanned: &mut Scanned) -> Result<(), DecodeError> {
    let mut at = 2;
    while let Some((marker, start)) = next_marker(bytes, at) {
        at = start + 2;
        match marker {
            0xD9 => {
                found.ended = true;
                break;
            }
            // Restart markers out of place, another start, and the empty TEM marker carry nothing.
            0xD0..=0xD8 | 0x01 => continue,
            0x02..=0xBF => return Err(DecodeError::corrupt(NAME, format!("unknown marker {marker:02x}"))),
            _ => {}
        }
        let body = body(bytes, at)?;
        at = body.end;
        let content = &bytes[body.clone()];
        match marker {
            0xC4 | 0xDB | 0xDD => found.parts.push(start..at),
            0xC0..=0xCF => {
                frame(found, marker, content)?;
                found.parts.push(start..at);
            }
            0xDA => {
                if found.components.is_empty() {
                    return Err(DecodeError::corrupt(NAME, "the image data comes before the frame header"));
                }
                scanned.add(content);
                at = end_of_scan(bytes, at);
                found.scans += 1;
                found.parts.push(start..at);
            }
            0xDC if found.height == 0 && found.scans == 1 => {
                found.height = content.first_chunk().map_or(0, |height| u16::from_be_bytes(*height));
                found.late_height = true;
            }
            0xE0 => {
                found.jfif |= content.starts_with(b"JFIF\0");
                // Frames of motion JPEG leave the Huffman tables out; the decoder knows them by this mark.
                if content.starts_with(b"AVI1") {
                    found.parts.push(start..at);
                }
            }
            0xEE if content.starts_with(b"Adobe") => found.adobe = content.get(11).copied(),
            _ => {}
        }
    }
    Ok(())
}

/// The next marker and its place; anything between segments is skipped.
fn next_marker(bytes: &[u8], mut at: usize) -> Option<(u8, usize)> {
    loop {
        at += bytes.get(at..)?.iter().position(|&b| b == 0xFF)?;
        match bytes.get(at + 1)? {
            0x00 => at += 2,
            0xFF => at += 1,
            &marker => return Some((marker, at)),
        }
    }
}

/// The content of the segment whose length field is at `at`.
fn body(bytes: &[u8], at: usize) -> Result<Range<usize>, DecodeError> {
    let length = bytes.get(at..).and_then(|rest| rest.first_chunk()).map(|pair| usize::from(u16::from_be_bytes(*pair)));
    match length {
        Some(0 | 1) => Err(DecodeError::corrupt(NAME, "a segment has an impossible length")),
        Some(length) if at + length <= bytes.len() => Ok(at + 2..at + length),
        _ => Err(DecodeError::truncated(NAME, "it ends inside its headers")),
    }
}

fn frame(found: &mut Structure, marker: u8, content: &[u8]) -> Result<(), DecodeError> {
    let kind = match marker {
        0xC0..=0xC2 => None,
        0xC3 => Some("lossless JPEG"),
        0xC5..=0xC7 => Some("hierarchical JPEG"),
        _ => Some("JPEG with arithmetic coding"),
    };
    if let Some(kind) = kind {
        return Err(DecodeError::unsupported(kind));
    }
    let &[precision, h1, h0, w1, w0, components, ref rest @ ..] = content else {
        return Err(DecodeError::corrupt(NAME, "the frame header is too short"));
    };
    if !found.components.is_empty() {
        return Err(DecodeError::corrupt(NAME, "it has two frame headers"));
    }
    if precision != 8 {
        return Err(DecodeError::unsupported(format!("JPEG with {precision} bits a sample")));
    }
    if !matches!(components, 1 | 3 | 4) {
        return Err(DecodeError::unsupported(format!("JPEG with {components} components")));
    }
    if rest.len() != usize::from(components) * 3 {
        return Err(DecodeError::corrupt(NAME, "the frame header has a wrong length"));
    }
    found.height = u16::from_be_bytes([h1, h0]);
    found.width = u16::from_be_bytes([w1, w0]);
    found.components = rest.iter().step_by(3).copied().collect();
    found.sampling = rest.as_chunks::<3>().0.iter().map(|[_, factors, _]| (factors >> 4, factors & 15)).collect();
    found.progressive = marker == 0xC2;
    Ok(())
}

/// Where the compressed data that begins at `at` ends: at the next marker that is not a restart.
fn end_of_scan(bytes: &[u8], mut at: usize) -> usize {
    while let Some(step) = memchr::memchr(0xFF, &bytes[at..]) {
        at += step;
        match bytes.get(at + 1) {
            Some(0x00 | 0xD0..=0xD7) => at += 2,
            Some(0xFF) => at += 1,
            Some(_) | None => return at,
        }
    }
    bytes.len()
}

fn complete(found: &Structure, scanned: &Scanned) -> Result<(), DecodeError> {
    if found.components.is_empty() || found.scans == 0 {
        let detail = "no image data in it";
        return Err(if found.ended {
            DecodeError::corrupt(NAME, detail)
        } else {
            DecodeError::truncated(NAME, detail)
        });
    }
    // A sequential file without the end marker may still be whole, and the decoder will tell. The missing passes of a
    // progressive one would only be a blur: all of them must have begun.
    if !found.ended && found.progressive && !scanned.is_refined() {
        return Err(DecodeError::truncated(NAME, "the end marker is missing"));
    }
    if found.components.iter().any(|id| !scanned.components.contains(id)) {
        return Err(DecodeError::truncated(NAME, "a colour component has no data"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: &[u8] = b"\xFF\xC0\0\x0B\x08\0\x05\0\x07\x01\x01\x11\0";
    const SCAN: &[u8] = b"\xFF\xDA\0\x08\x01\x01\0\0\x3F\0\x12\xFF\0\x34\xFF\xD0\x56";

    fn file(parts: &[&[u8]]) -> Vec<u8> {
        [&[&b"\xFF\xD8"[..]], parts].concat().concat()
    }

    #[test]
    fn a_scan_ends_at_the_first_real_marker_and_the_rest_is_ignored() {
        let found = read(&file(&[FRAME, SCAN, b"\xFF\xD9", FRAME, SCAN])).unwrap();
        assert_eq!((found.width, found.height, found.scans, found.ended), (7, 5, 1, true));
        assert_eq!(found.parts, [2..15, 15..15 + SCAN.len()]);
    }

    #[test]
    fn what_is_missing_is_named() {
        let cut = |parts: &[&[u8]]| read(&file(parts)).unwrap_err();
        assert_eq!(cut(&[]).reason().name(), "truncated");
        assert_eq!(cut(&[&FRAME[..6]]).reason().name(), "truncated");
        assert_eq!(cut(&[FRAME]).reason().name(), "truncated");
        assert_eq!(cut(&[FRAME, b"\xFF\xD9"]).reason().name(), "corrupt");
        assert_eq!(cut(&[SCAN, b"\xFF\xD9"]).reason().name(), "corrupt");
        assert_eq!(cut(&[b"\xFF\xC9\0\x02"]).reason().name(), "unsupported");
        assert_eq!(cut(&[b"\xFF\xDB\0\x01"]).reason().name(), "corrupt");
    }

    #[test]
    fn any_prefix_and_any_flipped_byte_is_answered() {
        let whole =
            file(&[b"\xFF\xE1\0\x09Exif\0\0A", b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0\x01", FRAME, SCAN, b"\xFF\xD9"]);
        for at in 0..whole.len() {
            let _ = read(&whole[..at]);
            for value in [0, 1, 0xD9, 0xDA, 0xFF] {
                let mut bent = whole.clone();
                bent[at] = value;
                let _ = read(&bent);
            }
        }
    }
}
