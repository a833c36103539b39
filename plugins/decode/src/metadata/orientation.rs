//! Which way up an image is: EXIF `Orientation`, and XMP `tiff:Orientation` where EXIF has none.
//!
//! Source: CIPA DC-008 (Exif 2.32), 4.6.4; XMP specification part 2, 3.1 (`tiff:Orientation`). EXIF says SHORT; some
//! programs write LONG. What is of another type does not count, as with libtiff and Pillow.

use super::ifd::Reader;
use image::metadata::Orientation;

/// EXIF and TIFF tag of the orientation.
pub const TAG: u16 = 0x0112;

/// The orientation that the metadata blocks of a file name. `exif` begins with the TIFF header or with `Exif\0\0`.
pub fn of(exif: Option<&[u8]>, xmp: Option<&[u8]>) -> Orientation {
    let named = exif.and_then(of_exif).or_else(|| xmp.and_then(of_xmp));
    named.unwrap_or(Orientation::NoTransforms)
}

/// The orientation of a block of EXIF; `None` where it names none.
pub fn of_exif(block: &[u8]) -> Option<Orientation> {
    let reader = Reader::new(block.strip_prefix(b"Exif\0\0").unwrap_or(block))?;
    from_number(reader.directory(reader.first()?)?.short_or_long(TAG)?)
}

/// The orientation of an XMP packet: an attribute `tiff:Orientation="6"` or an element of that name.
fn of_xmp(packet: &[u8]) -> Option<Orientation> {
    const NAME: &[u8] = b"tiff:Orientation";
    let mut rest = packet;
    while let Some(at) = memchr::memmem::find(rest, NAME) {
        rest = &rest[at + NAME.len()..];
        let value = rest.trim_ascii_start();
        let value = value.strip_prefix(b"=").unwrap_or(value).trim_ascii_start();
        if let [b'"' | b'\'' | b'>', digit @ b'1'..=b'8', ..] = value {
            return from_number(u64::from(digit - b'0'));
        }
    }
    None
}

fn from_number(number: u64) -> Option<Orientation> {
    Orientation::from_exif(u8::try_from(number).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_and_both_beginnings_are_read() {
        let short = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        let long = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x04\0\0\0\x01\0\0\0\x06\0\0\0\0";
        let byte = b"II*\0\x08\0\0\0\x01\0\x12\x01\x01\0\x01\0\0\0\x06\0\0\0\0\0\0\0";
        assert_eq!(of(Some(byte), None), Orientation::NoTransforms);
        for block in [&short[..], long] {
            assert_eq!(of(Some(block), None), Orientation::Rotate90);
            assert_eq!(of(Some(&[b"Exif\0\0", block].concat()), None), Orientation::Rotate90);
        }
    }

    #[test]
    fn xmp_counts_where_exif_has_none() {
        let none = b"II*\0\x08\0\0\0\0\0\0\0\0\0";
        let three = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x03\0\0\0\0\0\0\0";
        for packet in [
            &b"<rdf:Description tiff:Orientation='6'/>"[..],
            b"<tiff:Orientation>6</tiff:Orientation>",
            b"<x tiff:Orientation = \"6\" />",
        ] {
            assert_eq!(of(None, Some(packet)), Orientation::Rotate90);
            assert_eq!(of(Some(none), Some(packet)), Orientation::Rotate90);
            assert_eq!(of(Some(three), Some(packet)), Orientation::Rotate180);
        }
        for packet in [&b"tiff:Orientation=\"9\""[..], b"tiff:Orientation", b"tiff:Orientation=", b""] {
            assert_eq!(of(None, Some(packet)), Orientation::NoTransforms);
        }
    }
}
