//! JPEG in TIFF: a stream a strip or tile (TIFF technical note 2), and the older way, a whole file beside the strips.

use super::page::{Page, Photometric};
use super::samples::{Place, Samples, put};
use super::{NAME, corrupt};
use crate::{DecodeError, Limits};
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

/// The old way: `JPEGInterchangeFormat` points at a whole file; without it the tables lie about, and it is not read.
pub fn old(bytes: &[u8], page: &Page, limits: &Limits, samples: &mut Samples) -> Result<(), DecodeError> {
    let file = page.jpeg_file.or_else(|| page.chunks.first().copied()).and_then(|(at, length)| {
        let rest = bytes.get(usize::try_from(at).ok()?..)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(rest.len());
        // The strips may lie behind the stated end of a file that holds the tables only.
        let length = if page.jpeg_file.is_some() { rest.len() } else { length };
        rest[..length].starts_with(b"\xFF\xD8").then_some(&rest[..length])
    });
    let file = file.ok_or_else(|| DecodeError::unsupported("TIFF with JPEG of the old style, in parts"))?;
    let picture = crate::jpeg::decode(file, limits)?;
    if (picture.width, picture.height) != (page.width, page.height) {
        return Err(corrupt("its JPEG has another size than the page"));
    }
    let Samples::Bytes(all) = samples else { return Err(corrupt("JPEG of more than 8 bits")) };
    match page.samples {
        1 => all.iter_mut().zip(picture.pixels.as_chunks::<3>().0).for_each(|(value, pixel)| *value = pixel[1]),
        3 => all.copy_from_slice(&picture.pixels),
        other => return Err(DecodeError::unsupported(format!("{NAME} with old-style JPEG of {other} components"))),
    }
    Ok(())
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
