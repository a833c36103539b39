//! Metadata chunks of a PNG file. Source: PNG (third edition), 11.3: `eXIf`, `iCCP`, `cICP`, `iTXt`. `sRGB` says what is
//! taken for granted; `gAMA` and `cHRM` alone are not gone by, as in browsers and Pillow.

use super::Metadata;
use crate::colour::Cicp;
use std::borrow::Cow;

/// Largest profile and packet that is unpacked, bytes.
const MAX_UNPACKED: usize = 16 << 20;

/// Of the whole file: `eXIf` may stand behind the pixels.
pub fn read(bytes: &[u8]) -> Metadata<'_> {
    let mut found = Metadata::default();
    for (kind, content) in chunks(bytes) {
        match kind {
            b"eXIf" => found.exif = found.exif.or(Some(Cow::Borrowed(content))),
            b"iCCP" => found.icc = profile(content).map(Cow::Owned),
            b"cICP" => {
                if let &[primaries, transfer, 0, _] = content {
                    found.cicp = Some(Cicp { primaries: u16::from(primaries), transfer: u16::from(transfer) });
                }
            }
            b"iTXt" => found.xmp = found.xmp.or_else(|| xmp(content)),
            // Before `eXIf` was standard, ImageMagick and others wrote EXIF as text, in hexadecimal digits.
            b"zTXt" | b"tEXt" => {
                found.exif = found.exif.or_else(|| raw_profile(*kind == *b"zTXt", content).map(Cow::Owned));
            }
            _ => {}
        }
    }
    found
}

/// Kinds and contents of the chunks.
pub fn chunks(bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    let mut at = 8;
    std::iter::from_fn(move || {
        let length = u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?) as usize;
        let kind = bytes.get(at + 4..)?.first_chunk::<4>()?;
        let content = bytes.get(at + 8..at.checked_add(8)?.checked_add(length)?)?;
        at += length + 12;
        Some((kind, content))
    })
}

fn profile(content: &[u8]) -> Option<Vec<u8>> {
    let name_ends = memchr::memchr(0, content)?;
    match content.get(name_ends + 1..)? {
        [0, packed @ ..] => inflated(packed),
        _ => None,
    }
}

/// The text of an `iTXt` chunk with the keyword of XMP.
fn xmp(content: &[u8]) -> Option<Cow<'_, [u8]>> {
    let rest = content.strip_prefix(b"XML:com.adobe.xmp\0")?;
    let (&[is_packed, _method], rest) = rest.split_first_chunk()?;
    // Language and translated keyword.
    let rest = &rest[memchr::memchr(0, rest)? + 1..];
    let text = &rest[memchr::memchr(0, rest)? + 1..];
    if is_packed == 0 { Some(Cow::Borrowed(text)) } else { inflated(text).map(Cow::Owned) }
}

/// EXIF as ImageMagick writes it: `Raw profile type exif`, then name, length and hexadecimal digits on lines of their own.
fn raw_profile(is_packed: bool, content: &[u8]) -> Option<Vec<u8>> {
    let keyword = memchr::memchr(0, content)?;
    if !matches!(&content[..keyword], b"Raw profile type exif" | b"Raw profile type APP1") {
        return None;
    }
    let rest = content.get(keyword + 1..)?;
    let unpacked;
    let text = if is_packed {
        unpacked = inflated(rest.get(1..)?)?;
        unpacked.as_slice()
    } else {
        rest
    };
    let mut lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).skip(2);
    let digits = lines.by_ref().flatten().filter_map(|digit| (*digit as char).to_digit(16));
    let digits: Vec<u32> = digits.collect();
    Some(digits.as_chunks::<2>().0.iter().map(|[high, low]| (high * 16 + low) as u8).collect())
}

fn inflated(packed: &[u8]) -> Option<Vec<u8>> {
    let (unpacked, result) = crate::inflate::zlib(packed, MAX_UNPACKED);
    result.is_ok().then_some(unpacked)
}
