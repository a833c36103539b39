//! What a file is, by its first bytes.
//!
//! Signatures: <https://en.wikipedia.org/wiki/List_of_file_signatures>; brands of ISO base media files:
//! <https://mp4ra.org/registered-types/brands>; TIFF 6.0 for the first directory.

use crate::metadata::ifd::Reader;
use crate::registry::Decoder;
use image::ImageFormat;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Decoded.
    Read(Decoder),
    /// Recognised, but not decoded.
    Foreign(&'static str),
    /// No signature we know.
    Unknown,
}

/// Signatures at the start of a file that say all.
const SIGNATURES: &[(&[u8], Kind)] = &[
    (b"\xFF\xD8", Kind::Read(Decoder::Jpeg)),
    (b"\x89PNG\r\n\x1A\n", Kind::Read(Decoder::Image(ImageFormat::Png))),
    (b"GIF87a", Kind::Read(Decoder::Image(ImageFormat::Gif))),
    (b"GIF89a", Kind::Read(Decoder::Image(ImageFormat::Gif))),
    (b"BM", Kind::Read(Decoder::Image(ImageFormat::Bmp))),
    (b"\xFF\x0A", Kind::Read(Decoder::Jxl)),
    (b"\0\0\0\x0CJXL \r\n\x87\n", Kind::Read(Decoder::Jxl)),
    (b"\0\0\0\x0CjP  \r\n\x87\n", Kind::Foreign("JPEG 2000")),
    (b"\xFF\x4F\xFF\x51", Kind::Foreign("JPEG 2000")),
    (b"8BPS", Kind::Foreign("PSD (Photoshop)")),
    (b"8BPB", Kind::Foreign("PSB (Photoshop)")),
    (b"gimp xcf", Kind::Foreign("XCF (GIMP)")),
    (b"%PDF-", Kind::Foreign("PDF")),
    (b"%!PS", Kind::Foreign("PostScript")),
    (b"icns", Kind::Foreign("ICNS")),
    (b"SIMPLE  =", Kind::Foreign("FITS")),
    (b"\x01\xDA\x00", Kind::Foreign("SGI")),
    (b"\x01\xDA\x01", Kind::Foreign("SGI")),
    (b"\x59\xA6\x6A\x95", Kind::Foreign("Sun raster")),
    (b"\x0A\x00\x01", Kind::Foreign("PCX")),
    (b"\x0A\x02\x01", Kind::Foreign("PCX")),
    (b"\x0A\x03\x01", Kind::Foreign("PCX")),
    (b"\x0A\x05\x01", Kind::Foreign("PCX")),
    (b"BLP1", Kind::Foreign("BLP")),
    (b"BLP2", Kind::Foreign("BLP")),
    (b"#define ", Kind::Foreign("XBM")),
    (b"DDS ", Kind::Foreign("DDS")),
    (b"qoif", Kind::Read(Decoder::Image(ImageFormat::Qoi))),
    (b"farbfeld", Kind::Foreign("farbfeld")),
    (b"#?RADIANCE", Kind::Foreign("Radiance HDR")),
    (b"\x76\x2F\x31\x01", Kind::Foreign("OpenEXR")),
    (b"/* XPM */", Kind::Foreign("XPM")),
    (b"\x8AMNG\r\n\x1A\n", Kind::Foreign("MNG")),
    (b"\x1A\x45\xDF\xA3", Kind::Foreign("Matroska/WebM video")),
    (b"II\xBC\x01", Kind::Foreign("JPEG XR")),
    (b"FUJIFILMCCD-RAW", Kind::Read(Decoder::Raw)),
    (b"IIRO", Kind::Read(Decoder::Raw)),
    (b"IIRS", Kind::Read(Decoder::Raw)),
    (b"IIU\0", Kind::Read(Decoder::Raw)),
    (b"FOVb", Kind::Read(Decoder::Raw)),
    (b"II\x1A\0\0\0HEAPCCDR", Kind::Read(Decoder::Raw)),
    (b"II+\0", Kind::Read(Decoder::Tiff)),
    (b"MM\0+", Kind::Read(Decoder::Tiff)),
];

/// What a file is, and its bytes from the image's first on: all of them, unless it begins with something unknown.
pub fn image(bytes: &[u8]) -> (Kind, &[u8]) {
    match kind(bytes) {
        Kind::Unknown => beginning(bytes).map_or((Kind::Unknown, bytes), |at| (kind(&bytes[at..]), &bytes[at..])),
        kind => (kind, bytes),
    }
}

/// What a file is, by its first bytes.
pub fn kind(bytes: &[u8]) -> Kind {
    if let Some((_, kind)) = SIGNATURES.iter().find(|(signature, _)| bytes.starts_with(signature)) {
        return *kind;
    }
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        return Kind::Read(Decoder::Image(ImageFormat::WebP));
    }
    if bytes.starts_with(b"II*\0") || bytes.starts_with(b"MM\0*") {
        return tiff(bytes);
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return iso_media(bytes);
    }
    // Icons and cursors, and how many there are.
    if let [0, 0, 1 | 2, 0, low, high, ..] = bytes
        && (*low, *high) != (0, 0)
    {
        return Kind::Read(Decoder::Image(ImageFormat::Ico));
    }
    if netpbm(bytes) {
        return Kind::Read(Decoder::Image(ImageFormat::Pnm));
    }
    if svg(bytes) {
        return Kind::Foreign("SVG");
    }
    if dib(bytes) {
        return Kind::Read(Decoder::Image(ImageFormat::Bmp));
    }
    if tga(bytes) { Kind::Read(Decoder::Image(ImageFormat::Tga)) } else { Kind::Unknown }
}

/// Where the image begins in a file with something before it: what a server or a device wrote, a line break. JPEG and PNG alone,
/// within the first [`BEFORE`] bytes. None where there is none, and for the sound files that hold a cover.
fn beginning(bytes: &[u8]) -> Option<usize> {
    const BEFORE: usize = 4096;
    if bytes.starts_with(b"ID3") || bytes.starts_with(b"fLaC") || bytes.starts_with(b"OggS") {
        return None;
    }
    let head = &bytes[..bytes.len().min(BEFORE)];
    let jpeg = memchr::memmem::find_iter(head, b"\xFF\xD8\xFF").find(|at| {
        // A first segment whose end is the beginning of the next.
        let segment = &bytes[at + 2..];
        let length = segment.get(2..).and_then(|rest| rest.first_chunk()).map_or(0, |pair| u16::from_be_bytes(*pair));
        matches!(segment.get(1), Some(0xC0 | 0xC2 | 0xC4 | 0xDB | 0xE0..=0xEF | 0xFE))
            && segment.get(usize::from(length) + 2) == Some(&0xFF)
    });
    let png = memchr::memmem::find(head, b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR");
    [jpeg, png].into_iter().flatten().min()
}

/// A bitmap without the file's own header: the header of 40 bytes, and nothing in it that cannot be.
fn dib(bytes: &[u8]) -> bool {
    let Some(header) = bytes.first_chunk::<40>() else { return false };
    let [number, width, height, packing] =
        [0, 4, 8, 16].map(|at| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]));
    number == 40
        && header[12..14] == [1, 0]
        && matches!(header[14], 1 | 4 | 8 | 16 | 24 | 32)
        && header[15] == 0
        && packing <= 3
        && (1..1 << 16).contains(&width)
        && (1..1 << 16).contains(&height.cast_signed().unsigned_abs())
}

/// Whether bytes are the beginning of an image file, read or not, surely enough to act on when no extension says so. Stricter
/// than decoding is: signatures of two bytes, and those that other data has too, need more to go by. No film, no document.
pub fn is_image(bytes: &[u8]) -> bool {
    match kind(bytes) {
        Kind::Read(Decoder::Jpeg) => bytes.get(2) == Some(&0xFF),
        Kind::Read(Decoder::Image(ImageFormat::Bmp)) => {
            // The reserved fields are zero, and the second header has one of its sizes.
            let header = bytes.get(14..18).and_then(|b| b.first_chunk::<4>()).map(|b| u32::from_le_bytes(*b));
            bytes.get(6..10) == Some(&[0; 4])
                && header.is_some_and(|size| [12, 40, 52, 56, 64, 108, 124].contains(&size))
        }
        Kind::Foreign(
            "XBM" | "PCX" | "SGI" | "FITS" | "PDF" | "PostScript" | "MP4/QuickTime video" | "Matroska/WebM video",
        )
        | Kind::Read(Decoder::Image(ImageFormat::Ico | ImageFormat::Tga))
        | Kind::Unknown => false,
        Kind::Read(Decoder::Jxl) => !bytes.starts_with(b"\xFF\x0A"),
        Kind::Read(Decoder::Image(ImageFormat::Pnm)) => {
            bytes.get(3).is_some_and(|byte| byte.is_ascii_digit() || *byte == b'#')
        }
        Kind::Read(_) | Kind::Foreign(_) => true,
    }
}

/// ISO base media files: the brands of the first box tell images from films.
fn iso_media(bytes: &[u8]) -> Kind {
    let length = bytes.first_chunk::<4>().map_or(0, |b| u32::from_be_bytes(*b) as usize).clamp(12, 256);
    let brands = || bytes[8..length.min(bytes.len())].chunks_exact(4);
    let has = |wanted: &[&[u8; 4]]| brands().any(|brand| wanted.iter().any(|w| brand == *w));
    if has(&[b"avif", b"avis"]) {
        Kind::Read(Decoder::Avif)
    } else if has(&[b"crx "]) {
        Kind::Read(Decoder::Raw)
    } else if has(&[b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"]) {
        Kind::Read(Decoder::Heic)
    } else {
        Kind::Foreign("MP4/QuickTime video")
    }
}

/// Camera RAW is often TIFF outside, with a thumbnail as its first image, which must not pass for the photo.
fn tiff(bytes: &[u8]) -> Kind {
    const NEW_SUBFILE_TYPE: u16 = 254;
    const MAKE: u16 = 271;
    const SUB_IFDS: u16 = 330;
    const DNG_VERSION: u16 = 50_706;
    /// Of PEF, 3FR and others: the photo is compressed in the maker's own way.
    const FIRST_OF_MAKERS: u64 = 32_767;
    if bytes.get(8..10) == Some(b"CR") {
        return Kind::Read(Decoder::Raw);
    }
    let directory = Reader::new(bytes).and_then(|reader| reader.directory(reader.first()?));
    let Some(directory) = directory else { return Kind::Read(Decoder::Tiff) };
    let is_reduced = directory.number(NEW_SUBFILE_TYPE).is_some_and(|flags| flags & 1 == 1);
    let is_camera = directory.has(MAKE) && directory.has(SUB_IFDS);
    let is_makers =
        directory.number(259).is_some_and(|code| code == FIRST_OF_MAKERS || code == 65_535 || code == 34_713);
    let is_raw = directory.has(DNG_VERSION) || (is_reduced && is_camera) || (is_makers && directory.has(MAKE));
    Kind::Read(if is_raw { Decoder::Raw } else { Decoder::Tiff })
}

fn netpbm(bytes: &[u8]) -> bool {
    matches!(bytes, [b'P', b'1'..=b'7' | b'F' | b'f', space, ..] if space.is_ascii_whitespace() || *space == b'#')
}

/// TGA has no signature: a header without a contradiction, and as many bytes as it asks for. Source: Truevision TGA File
/// Format Specification 2.0.
fn tga(bytes: &[u8]) -> bool {
    let Some(header) = bytes.first_chunk::<18>() else { return false };
    let pair = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
    let [id, has_palette, kind] = [header[0], header[1], header[2]];
    let (entries, entry_bits) = (pair(5), header[7]);
    let (width, height, bits) = (pair(12), pair(14), header[16]);
    let depth_fits = match kind & 7 {
        1 => has_palette == 1 && matches!(bits, 8 | 16),
        2 => matches!(bits, 15 | 16 | 24 | 32),
        3 => matches!(bits, 8 | 16),
        _ => false,
    };
    let palette_fits = match has_palette {
        0 => entries == 0 && entry_bits == 0,
        1 => entries > 0 && matches!(entry_bits, 15 | 16 | 24 | 32),
        _ => false,
    };
    let palette = entries * usize::from(entry_bits).div_ceil(8);
    let pixel = usize::from(bits).div_ceil(8);
    // Run lengths pack 128 pixels into one, and a byte.
    let least = if kind & 8 == 0 { width * height * pixel } else { (width * height).div_ceil(128) * (1 + pixel) };
    depth_fits
        && palette_fits
        && matches!(kind, 1..=3 | 9..=11)
        && header[17] & 0xC0 == 0
        && width > 0
        && height > 0
        && bytes.len() >= 18 + usize::from(id) + palette + least
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
            (&b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"[..], Kind::Read(Decoder::Heic)),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1avif", Kind::Read(Decoder::Avif)),
            (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", Kind::Foreign("MP4/QuickTime video")),
            (b"\xFF\x0A\0\0", Kind::Read(Decoder::Jxl)),
            (b"8BPS\0\x01", Kind::Foreign("PSD (Photoshop)")),
            (b"<?xml version='1.0'?>\n<svg width='1'/>", Kind::Foreign("SVG")),
            (b"  <svg/>", Kind::Foreign("SVG")),
            (b"<html><body>404</body></html>", Kind::Unknown),
            (b"P6\n1 1\n255\n", Kind::Read(Decoder::Image(ImageFormat::Pnm))),
            (b"II*\0\x10\0\0\0CR\x02\0", Kind::Read(Decoder::Raw)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Kind::Read(Decoder::Image(ImageFormat::WebP))),
            (b"RIFF\0\0\0\0AVI LIST", Kind::Unknown),
            (b"hello", Kind::Unknown),
            (b"", Kind::Unknown),
        ] {
            assert_eq!(kind(bytes), expected, "{}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn the_beginning_is_found_behind_other_bytes() {
        let jpeg = b"\xFF\xD8\xFF\xE0\0\x04ab\xFF\xDB";
        assert_eq!(beginning(&[b"HTTP/1.1 200 OK\r\n\r\n", &jpeg[..]].concat()), Some(19));
        assert_eq!(beginning(&[b"\xFF\xD8\xFF\xE0\0\x09\n", &jpeg[..]].concat()), Some(7));
        assert_eq!(beginning(b"\n\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR"), Some(1));
        assert_eq!(beginning(&[b"ID3\x03", &jpeg[..]].concat()), None);
        assert_eq!(beginning(b"words only"), None);
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
        assert_eq!(kind(&dng), Kind::Read(Decoder::Raw));
    }

    #[test]
    fn cut_headers_do_no_harm() {
        let ftyp = b"\0\0\xFF\xFFftypheic";
        for length in 0..ftyp.len() {
            let _ = kind(&ftyp[..length]);
        }
        let _ = beginning(b"\xFF\xD8\xFF\xE0\xFF\xFF");
        let _ = kind(b"MM\0*\xFF\xFF\xFF\xFF");
        let _ = kind(b"II*\0\x08\0\0\0\xFF\xFF\0\0");
    }
}
