//! What a file is, by its first bytes.
//!
//! Signatures: <https://en.wikipedia.org/wiki/List_of_file_signatures>; brands of ISO base media files:
//! <https://mp4ra.org/registered-types/brands>; TIFF 6.0 for the first directory.

use image::ImageFormat;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Decoded by our own JPEG path.
    Jpeg,
    /// Decoded by the image crate; with the name for people.
    Raster(ImageFormat, &'static str),
    /// Recognised, but not decoded.
    Foreign(&'static str),
    /// No signature we know.
    Unknown,
}

/// Signatures at the start of a file that say all.
const SIGNATURES: &[(&[u8], Kind)] = &[
    (b"\xFF\xD8", Kind::Jpeg),
    (b"\x89PNG\r\n\x1A\n", Kind::Raster(ImageFormat::Png, "PNG")),
    (b"GIF87a", Kind::Raster(ImageFormat::Gif, "GIF")),
    (b"GIF89a", Kind::Raster(ImageFormat::Gif, "GIF")),
    (b"BM", Kind::Raster(ImageFormat::Bmp, "BMP")),
    (b"\xFF\x0A", Kind::Foreign("JPEG XL")),
    (b"\0\0\0\x0CJXL \r\n\x87\n", Kind::Foreign("JPEG XL")),
    (b"\0\0\0\x0CjP  \r\n\x87\n", Kind::Foreign("JPEG 2000")),
    (b"\xFF\x4F\xFF\x51", Kind::Foreign("JPEG 2000")),
    (b"8BPS", Kind::Foreign("PSD (Photoshop)")),
    (b"8BPB", Kind::Foreign("PSB (Photoshop)")),
    (b"gimp xcf", Kind::Foreign("XCF (GIMP)")),
    (b"%PDF-", Kind::Foreign("PDF")),
    (b"%!PS", Kind::Foreign("PostScript")),
    (b"\0\0\x01\0", Kind::Foreign("ICO")),
    (b"\0\0\x02\0", Kind::Foreign("CUR")),
    (b"icns", Kind::Foreign("ICNS")),
    (b"DDS ", Kind::Foreign("DDS")),
    (b"qoif", Kind::Foreign("QOI")),
    (b"farbfeld", Kind::Foreign("farbfeld")),
    (b"#?RADIANCE", Kind::Foreign("Radiance HDR")),
    (b"\x76\x2F\x31\x01", Kind::Foreign("OpenEXR")),
    (b"/* XPM */", Kind::Foreign("XPM")),
    (b"\x8AMNG\r\n\x1A\n", Kind::Foreign("MNG")),
    (b"\x1A\x45\xDF\xA3", Kind::Foreign("Matroska/WebM video")),
    (b"II\xBC\x01", Kind::Foreign("JPEG XR")),
    (b"FUJIFILMCCD-RAW", Kind::Foreign("RAW (Fujifilm RAF)")),
    (b"IIRO", Kind::Foreign("RAW (Olympus ORF)")),
    (b"IIRS", Kind::Foreign("RAW (Olympus ORF)")),
    (b"IIU\0", Kind::Foreign("RAW (Panasonic RW2)")),
    (b"FOVb", Kind::Foreign("RAW (Sigma X3F)")),
    (b"II\x1A\0\0\0HEAPCCDR", Kind::Foreign("RAW (Canon CRW)")),
    (b"II+\0", Kind::Raster(ImageFormat::Tiff, "TIFF")),
    (b"MM\0+", Kind::Raster(ImageFormat::Tiff, "TIFF")),
];

/// What a file is, by its first bytes.
pub fn kind(bytes: &[u8]) -> Kind {
    if let Some((_, kind)) = SIGNATURES.iter().find(|(signature, _)| bytes.starts_with(signature)) {
        return *kind;
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Kind::Raster(ImageFormat::WebP, "WebP");
    }
    if bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*") {
        return tiff(bytes);
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return Kind::Foreign(iso_media(bytes));
    }
    if netpbm(bytes) {
        return Kind::Foreign("PNM");
    }
    if svg(bytes) { Kind::Foreign("SVG") } else { Kind::Unknown }
}

/// Whether bytes are the beginning of an image file, read or not, surely enough to act on when no extension says so. Stricter
/// than decoding is: signatures of two bytes, and those that other data has too, need more to go by. No film, no document.
pub fn is_image(bytes: &[u8]) -> bool {
    match kind(bytes) {
        Kind::Jpeg => bytes.get(2) == Some(&0xFF),
        Kind::Raster(ImageFormat::Bmp, _) => {
            // The reserved fields are zero, and the second header has one of its sizes.
            let header = bytes.get(14..18).and_then(|b| b.first_chunk::<4>()).map(|b| u32::from_le_bytes(*b));
            bytes.get(6..10) == Some(&[0; 4])
                && header.is_some_and(|size| [12, 40, 52, 56, 64, 108, 124].contains(&size))
        }
        Kind::Unknown
        | Kind::Foreign("PDF" | "PostScript" | "ICO" | "CUR" | "MP4/QuickTime video" | "Matroska/WebM video") => false,
        Kind::Foreign("JPEG XL") => !bytes.starts_with(b"\xFF\x0A"),
        Kind::Foreign("PNM") => bytes.get(3).is_some_and(|byte| byte.is_ascii_digit() || *byte == b'#'),
        Kind::Raster(..) | Kind::Foreign(_) => true,
    }
}

/// ISO base media files: the brands of the first box tell pictures from films.
fn iso_media(bytes: &[u8]) -> &'static str {
    let length = bytes.first_chunk::<4>().map_or(0, |b| u32::from_be_bytes(*b) as usize).clamp(12, 256);
    let brands = || bytes[8..length.min(bytes.len())].chunks_exact(4);
    let has = |wanted: &[&[u8; 4]]| brands().any(|brand| wanted.iter().any(|w| brand == *w));
    if has(&[b"avif", b"avis"]) {
        "AVIF"
    } else if has(&[b"crx "]) {
        "RAW (Canon CR3)"
    } else if has(&[b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"]) {
        "HEIC"
    } else {
        "MP4/QuickTime video"
    }
}

/// Camera RAW is often TIFF outside, with a thumbnail as its first picture, which must not pass for the photo.
fn tiff(bytes: &[u8]) -> Kind {
    const NEW_SUBFILE_TYPE: u16 = 254;
    const MAKE: u16 = 271;
    const SUB_IFDS: u16 = 330;
    const DNG_VERSION: u16 = 50_706;
    if bytes.get(8..10) == Some(b"CR") {
        return Kind::Foreign("RAW (Canon CR2)");
    }
    let big = bytes.starts_with(b"MM");
    let u16_at = |at: usize| {
        let pair = <[u8; 2]>::try_from(bytes.get(at..at.checked_add(2)?)?).ok()?;
        Some(if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) })
    };
    let u32_at = |at: usize| {
        let four = <[u8; 4]>::try_from(bytes.get(at..at.checked_add(4)?)?).ok()?;
        Some(if big { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    };
    let directory = u32_at(4).unwrap_or(0) as usize;
    let entries = u16_at(directory).unwrap_or(0);
    let (mut reduced, mut make, mut sub) = (false, false, false);
    for entry in 0..usize::from(entries) {
        let at = directory + 2 + entry * 12;
        match u16_at(at) {
            Some(DNG_VERSION) => return Kind::Foreign("RAW (DNG)"),
            Some(NEW_SUBFILE_TYPE) => reduced = u32_at(at + 8).is_some_and(|flags| flags & 1 == 1),
            Some(MAKE) => make = true,
            Some(SUB_IFDS) => sub = true,
            Some(_) => {}
            None => break,
        }
    }
    if reduced && make && sub {
        return Kind::Foreign("RAW (TIFF that begins with a thumbnail)");
    }
    Kind::Raster(ImageFormat::Tiff, "TIFF")
}

fn netpbm(bytes: &[u8]) -> bool {
    matches!(bytes, [b'P', b'1'..=b'7', space, ..] if space.is_ascii_whitespace() || *space == b'#')
}

fn svg(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(2048)];
    let text = start.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(start).trim_ascii_start();
    text.starts_with(b"<") && text.windows(4).any(|w| w == b"<svg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_told_by_content() {
        for (bytes, expected) in [
            (&b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..], Kind::Foreign("HEIC")),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", Kind::Foreign("AVIF")),
            (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", Kind::Foreign("MP4/QuickTime video")),
            (b"\xFF\x0A\0\0", Kind::Foreign("JPEG XL")),
            (b"8BPS\0\x01", Kind::Foreign("PSD (Photoshop)")),
            (b"<?xml version='1.0'?>\n<svg width='1'/>", Kind::Foreign("SVG")),
            (b"  <svg/>", Kind::Foreign("SVG")),
            (b"<html><body>404</body></html>", Kind::Unknown),
            (b"P6\n1 1\n255\n", Kind::Foreign("PNM")),
            (b"II*\0\x10\0\0\0CR\x02\0", Kind::Foreign("RAW (Canon CR2)")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Kind::Raster(ImageFormat::WebP, "WebP")),
            (b"RIFF\0\0\0\0AVI LIST", Kind::Unknown),
            (b"hello", Kind::Unknown),
            (b"", Kind::Unknown),
        ] {
            assert_eq!(kind(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn images_without_extension_need_more_than_two_bytes() {
        let bmp = b"BM\x46\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0";
        for bytes in
            [&b"\xFF\xD8\xFF\xE0"[..], b"\x89PNG\r\n\x1A\n", bmp, b"\0\0\0\x18ftypheic", b"8BPS\0\x01", b"P6\n1 1"]
        {
            assert!(is_image(bytes), "{}", String::from_utf8_lossy(bytes));
        }
        for bytes in [
            &b"BMW is a car maker and no BMP"[..],
            b"\xFF\xD8",
            b"\xFF\x0A\0\0",
            b"\0\0\x01\0\x01\0",
            b"%PDF-1.7",
            b"\0\0\0\x18ftypisom",
            b"P2 is a node",
            b"hello",
            b"",
        ] {
            assert!(!is_image(bytes), "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_dng_is_not_taken_for_its_thumbnail() {
        let mut dng = b"II*\0\x08\0\0\0\x01\0".to_vec();
        dng.extend_from_slice(&50_706_u16.to_le_bytes());
        dng.extend_from_slice(&[1, 0, 4, 0, 0, 0, 1, 4, 0, 0]);
        assert_eq!(kind(&dng), Kind::Foreign("RAW (DNG)"));
    }

    #[test]
    fn cut_headers_do_no_harm() {
        let ftyp = b"\0\0\xFF\xFFftypheic";
        for length in 0..ftyp.len() {
            let _ = kind(&ftyp[..length]);
        }
        let _ = kind(b"MM\0*\xFF\xFF\xFF\xFF");
        let _ = kind(b"II*\0\x08\0\0\0\xFF\xFF\0\0");
    }
}
