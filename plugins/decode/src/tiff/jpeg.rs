//! JPEG in TIFF: a stream a strip or tile (TIFF technical note 2), and the older way, a whole file beside the strips.

use super::page::{Page, Photometric};
use super::samples::{Place, Samples, put};
use super::{NAME, colours, corrupt};
use crate::error::DecodeError;
use crate::limits::Limits;
use zune_core::bytestream::ZCursor;
use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// Decodes one strip or tile. YCbCr comes out as RGB.
pub fn chunk(stream: &[u8], page: &Page, place: Place, samples: &mut Samples) -> Result<(), DecodeError> {
    if page.bits != 8 {
        return Err(DecodeError::unsupported(format!("TIFF with JPEG of {} bits", page.bits)));
    }
    let in_chunk = page.samples_in_chunk();
    // The transform that the stream itself does not name.
    let (transform, colours) = match (in_chunk, page.photometric) {
        (1, _) => (None, ColorSpace::Luma),
        (3, Photometric::YCbCr) => (Some(1), ColorSpace::RGB),
        (3, _) => (Some(0), ColorSpace::RGB),
        (4, _) => (Some(0), ColorSpace::CMYK),
        _ => return Err(DecodeError::unsupported(format!("TIFF with JPEG of {in_chunk} components"))),
    };
    let stream = whole(page.jpeg_tables, stream, transform)?;
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(colours);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(stream.as_slice()), options);
    decoder.decode_headers().map_err(|error| refused(&format!("{error:?}")))?;
    let (width, height) = decoder.dimensions().unwrap_or((0, 0));
    // A stream may be larger than its tile by its blocks, but not by any size.
    if width < place.columns || height < place.rows || width * height > 4 * (place.stride + 64) * (place.rows + 8192) {
        return Err(corrupt("a JPEG strip or tile has another size than it should"));
    }
    let data = decoder.decode().map_err(|error| refused(&format!("{error:?}")))?;
    if data.len() != width * height * in_chunk {
        return Err(corrupt("a JPEG strip or tile has other components than it should"));
    }
    put(page, &data, Place { stride: width, ..place }, samples);
    Ok(())
}

/// Tables and strip as one stream, with the colour transform by name.
fn whole(tables: &[u8], stream: &[u8], transform: Option<u8>) -> Result<Vec<u8>, DecodeError> {
    let Some(stream) = stream.strip_prefix(b"\xFF\xD8") else {
        return Err(corrupt("a JPEG strip or tile does not begin like one"));
    };
    let mut whole = b"\xFF\xD8".to_vec();
    if let Some(transform) = transform {
        whole.extend_from_slice(b"\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0");
        whole.push(transform);
    }
    let tables = tables.strip_prefix(b"\xFF\xD8").unwrap_or(tables);
    whole.extend_from_slice(tables.strip_suffix(b"\xFF\xD9").unwrap_or(tables));
    whole.extend_from_slice(stream);
    Ok(whole)
}

/// The old way (TIFF 6.0, section 22): a whole file that `JPEGInterchangeFormat` points at, or tables and strips that lie about.
pub fn old(bytes: &[u8], page: &Page, limits: &Limits, samples: &mut Samples) -> Result<(), DecodeError> {
    let Samples::Bytes(all) = samples else { return Err(corrupt("JPEG of more than 8 bits")) };
    let from_parts = assembled(bytes, page).and_then(|file| crate::jpeg::decode(&file, limits).ok());
    let is_converted = from_parts.is_none();
    let image = match from_parts {
        Some(image) => image,
        None => crate::jpeg::decode(file(bytes, page)?, limits)?,
    };
    let (width, height) = (page.width as usize, page.height as usize);
    let (there, rows) = (image.width as usize, image.height as usize);
    if there < width || rows < height || (is_converted && (there, rows) != (width, height)) {
        return Err(corrupt("its JPEG has another size than the page"));
    }
    let rows = image.pixels.chunks_exact(there * 3).take(height);
    let pixels = rows.flat_map(|row| &row.as_chunks::<3>().0[..width]);
    match page.samples {
        1 => all.iter_mut().zip(pixels).for_each(|(value, pixel)| *value = pixel[1]),
        3 => {
            let is_ycbcr = !is_converted && page.photometric == Photometric::YCbCr;
            for (target, &[a, b, c]) in all.as_chunks_mut::<3>().0.iter_mut().zip(pixels) {
                *target = if is_ycbcr { colours::ycbcr(page, a, b, c) } else { [a, b, c] };
            }
        }
        other => return Err(DecodeError::unsupported(format!("{NAME} with old-style JPEG of {other} components"))),
    }
    Ok(())
}

/// A whole JPEG file in the page.
fn file<'a>(bytes: &'a [u8], page: &Page) -> Result<&'a [u8], DecodeError> {
    let file = page.jpeg_file.or_else(|| page.chunks.first().copied()).and_then(|(at, length)| {
        let rest = bytes.get(usize::try_from(at).ok()?..)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
        // The strips may lie behind the stated end of a file that holds the tables only.
        let length = if page.jpeg_file.is_some() { rest.len() } else { length };
        rest[..length].starts_with(b"\xFF\xD8").then_some(&rest[..length])
    });
    file.ok_or_else(|| DecodeError::unsupported("TIFF with JPEG of the old style, in parts"))
}

/// A file of the page's tables and strips, or its only tile, whose components come out as they are stored. None where something
/// is missing, and where the first strip is a file itself.
fn assembled(bytes: &[u8], page: &Page) -> Option<Vec<u8>> {
    let part = |at: u64| bytes.get(usize::try_from(at).ok()?..);
    let components = page.samples;
    let is_whole = page.jpeg_parts.iter().all(|tables| tables.len() == components) && matches!(components, 1 | 3);
    let first = page.chunks.first().and_then(|(at, _)| part(*at))?;
    if !is_whole || first.starts_with(b"\xFF\xD8") || (page.is_tiled && page.chunks.len() > 1) || page.is_planar {
        return None;
    }
    let (width, height) = if page.is_tiled { (page.chunk_width, page.chunk_height) } else { (page.width, page.height) };
    let (width, height) = (u16::try_from(width).ok()?, u16::try_from(height).ok()?);
    let (across, down) = if components == 1 { (1, 1) } else { page.subsampling };
    let mut file = b"\xFF\xD8\xFF\xEE\0\x0EAdobe\0\x64\0\0\0\0\0".to_vec();
    let mut segment = |marker: u8, content: &[u8]| {
        file.extend([0xFF, marker]);
        file.extend((content.len() as u16 + 2).to_be_bytes());
        file.extend_from_slice(content);
    };
    for n in 0..components {
        let [quantisation, dc, ac] = [0, 1, 2].map(|kind| part(page.jpeg_parts[kind][n]));
        segment(0xDB, &[&[n as u8][..], quantisation?.get(..64)?].concat());
        for (kind, codes) in [(0, dc?), (0x10, ac?)] {
            let count: usize = codes.get(..16)?.iter().map(|count| usize::from(*count)).sum();
            segment(0xC4, &[&[kind | n as u8][..], codes.get(..16 + count)?].concat());
        }
    }
    let mut frame = [&[8][..], &height.to_be_bytes(), &width.to_be_bytes(), &[components as u8]].concat();
    let mut scan = vec![components as u8];
    for n in 0..components as u8 {
        frame.extend([n + 1, if n == 0 { (across << 4 | down) as u8 } else { 0x11 }, n]);
        scan.extend([n + 1, n << 4 | n]);
    }
    scan.extend([0, 63, 0]);
    segment(0xC0, &frame);
    if page.chunks.len() > 1 {
        // Each strip begins anew, as if a restart marker stood before it.
        let units = page.width.div_ceil(8 * across) * page.chunk_height.div_ceil(8 * down);
        segment(0xDD, &u16::try_from(units).ok()?.to_be_bytes());
    }
    segment(0xDA, &scan);
    for (n, &(at, length)) in page.chunks.iter().enumerate() {
        let strip = part(at)?;
        let strip = &strip[..usize::try_from(length).unwrap_or(usize::MAX).min(strip.len())];
        file.extend_from_slice(strip.strip_suffix(b"\xFF\xD9").unwrap_or(strip));
        if n + 1 < page.chunks.len() {
            file.extend([0xFF, 0xD0 | (n % 8) as u8]);
        }
    }
    file.extend(b"\xFF\xD9");
    Some(file)
}

fn refused(detail: &str) -> DecodeError {
    if detail.contains("Unsupported") {
        DecodeError::unsupported(format!("TIFF with this kind of JPEG ({detail})"))
    } else if detail.contains("ExhaustedData") || detail.contains("EOF") {
        DecodeError::truncated(NAME, detail)
    } else {
        corrupt(detail)
    }
}
