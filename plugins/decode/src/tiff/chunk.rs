//! Strips and tiles: found, unpacked, put in their place.

use super::page::{Page, Photometric};
use super::samples::{Place, Samples, put, row_bytes, undo_predictor};
use super::{NAME, colours, corrupt, fax, jpeg};
use crate::error::DecodeError;
use crate::inflate;
use crate::limits::Limits;
use std::borrow::Cow;
use weezl::{BitOrder, decode::Decoder};

/// Codes of `Compression`.
mod code {
    pub const NONE: u64 = 1;
    pub const HUFFMAN: u64 = 2;
    pub const FAX3: u64 = 3;
    pub const FAX4: u64 = 4;
    pub const LZW: u64 = 5;
    pub const OLD_JPEG: u64 = 6;
    pub const JPEG: u64 = 7;
    pub const DEFLATE: u64 = 8;
    pub const HUFFMAN_WORDS: u64 = 32_771;
    pub const PACK_BITS: u64 = 32_773;
    pub const OLD_DEFLATE: u64 = 32_946;
    pub const WEBP: u64 = 50_001;
}

/// All samples of a page.
pub fn all(bytes: &[u8], page: &Page, limits: &Limits) -> Result<Samples, DecodeError> {
    let pixels = page.width as usize * page.height as usize;
    let mut samples = Samples::new(page, pixels * page.samples);
    if page.compression == code::OLD_JPEG {
        jpeg::old(bytes, page, limits, &mut samples)?;
        return Ok(samples);
    }
    let (across, down) = page.grid();
    let planes = if page.is_planar { page.samples } else { 1 };
    let wanted = across.saturating_mul(down).saturating_mul(planes);
    if page.chunks.len() < wanted {
        return Err(DecodeError::truncated(NAME, format!("{} of {wanted} strips or tiles", page.chunks.len())));
    }
    // A tile may be larger than the page, but not by any size.
    let chunk_pixels = u64::from(page.chunk_width) * u64::from(page.chunk_height);
    if chunk_pixels > limits.max_pixels {
        return Err(corrupt("its tiles are larger than any page"));
    }
    for (n, &(offset, length)) in page.chunks.iter().take(wanted).enumerate() {
        let (plane, n) = (n / (across * down), n % (across * down));
        if plane >= page.planes_of_use() {
            break;
        }
        let (column, row) = (n % across * page.chunk_width as usize, n / across * page.chunk_height as usize);
        let rows_left = page.height as usize - row;
        let place = Place {
            column,
            row,
            columns: (page.width as usize - column).min(page.chunk_width as usize),
            rows: rows_left.min(page.chunk_height as usize),
            stride: page.chunk_width as usize,
            plane,
        };
        // The last strip is as high as what is left; tiles are always whole.
        let rows = if page.is_tiled { page.chunk_height as usize } else { place.rows };
        one(part(bytes, offset, length, page)?, page, place, rows, &mut samples)?;
    }
    Ok(samples)
}

/// A chunk's bytes in the file. Where the length is missing or too long, up to the file's end.
fn part<'a>(bytes: &'a [u8], offset: u64, length: u64, page: &Page) -> Result<&'a [u8], DecodeError> {
    let start =
        usize::try_from(offset).ok().filter(|start| *start < bytes.len() || (length == 0 && *start <= bytes.len()));
    let Some(start) = start else {
        return Err(DecodeError::truncated(NAME, "a strip or tile lies beyond its end"));
    };
    let there = bytes.len() - start;
    // Some writers leave the length of the only strip at zero.
    let is_unsaid = length == 0 && offset > 0 && page.chunks.len() == 1;
    let length = if is_unsaid { usize::MAX } else { usize::try_from(length).unwrap_or(usize::MAX) };
    if length > there && length != usize::MAX && page.compression != code::NONE {
        return Err(DecodeError::truncated(NAME, "a strip or tile reaches beyond its end"));
    }
    Ok(&bytes[start..start + length.min(there)])
}

fn one(packed: &[u8], page: &Page, place: Place, rows: usize, samples: &mut Samples) -> Result<(), DecodeError> {
    if page.compression == code::JPEG {
        return jpeg::chunk(packed, page, place, samples);
    }
    if page.compression == code::WEBP {
        return webp(packed, page, place, samples);
    }
    let is_subsampled = page.subsampling != (1, 1) && !page.is_planar;
    let size = if is_subsampled {
        colours::subsampled_bytes(page, place.stride, rows)
    } else {
        row_bytes(page, place.stride) * rows
    };
    let reversed;
    let packed = if page.is_reversed {
        reversed = packed.iter().map(|byte| byte.reverse_bits()).collect::<Vec<_>>();
        reversed.as_slice()
    } else {
        packed
    };
    let mut data: Cow<[u8]> = match page.compression {
        code::NONE => Cow::Borrowed(&packed[..packed.len().min(size)]),
        code::DEFLATE | code::OLD_DEFLATE => match inflate::zlib(packed, size) {
            (data, Err(error)) if data.len() < size => return Err(damaged(&error.to_string())),
            (data, _) => Cow::Owned(data),
        },
        code::LZW => Cow::Owned(lzw(packed, size)?),
        code::PACK_BITS => Cow::Owned(pack_bits(packed, size)),
        code::HUFFMAN | code::FAX3 | code::FAX4 | code::HUFFMAN_WORDS => {
            let kind = match page.compression {
                code::FAX4 => fax::Kind::Group4,
                code::FAX3 => fax::Kind::Group3 { two_dimensional: page.fax_options & 1 == 1 },
                code::HUFFMAN_WORDS => fax::Kind::Huffman { align: 16 },
                _ => fax::Kind::Huffman { align: 8 },
            };
            if page.bits != 1 || page.samples_in_chunk() != 1 {
                return Err(corrupt("fax of more than one bit a pixel"));
            }
            Cow::Owned(fax::decode(packed, kind, place.stride, rows))
        }
        34_925 => return Err(DecodeError::unsupported("TIFF packed by LZMA")),
        50_000 | 34_926 => return Err(DecodeError::unsupported("TIFF packed by Zstandard")),
        34_676 | 34_677 => return Err(DecodeError::unsupported("TIFF packed by SGI LogLuv")),
        33_003 | 33_005 | 34_712 => return Err(DecodeError::unsupported("TIFF packed by JPEG 2000")),
        50_002 | 52_546 => return Err(DecodeError::unsupported("TIFF packed by JPEG XL")),
        other => return Err(DecodeError::unsupported(format!("TIFF packed by method {other}"))),
    };
    if data.len() < size {
        let there = data.len();
        // A few writers cut the padding of the last row.
        if there + 8 < size {
            return Err(DecodeError::truncated(NAME, format!("{there} of {size} bytes in a strip or tile")));
        }
        data.to_mut().resize(size, 0);
    }
    if is_subsampled {
        return colours::put_subsampled(page, &data, place, samples);
    }
    if page.predictor > 1 && matches!(page.compression, code::LZW | code::DEFLATE | code::OLD_DEFLATE) {
        undo_predictor(page, data.to_mut(), place.stride)?;
    }
    put(page, &data, place, samples);
    Ok(())
}

fn damaged(detail: &str) -> DecodeError {
    if detail.contains("eof") || detail.contains("unexpected end") {
        DecodeError::truncated(NAME, detail)
    } else {
        corrupt(detail)
    }
}

/// LZW; of before TIFF 5 too, where codes begin at the least significant bit.
fn lzw(packed: &[u8], size: usize) -> Result<Vec<u8>, DecodeError> {
    let is_old = matches!(packed, [0, second, ..] if second & 1 == 1);
    let mut decoder =
        if is_old { Decoder::new(BitOrder::Lsb, 8) } else { Decoder::with_tiff_size_switch(BitOrder::Msb, 8) };
    let mut data = vec![0; size];
    let (mut read, mut written) = (0, 0);
    while written < size {
        let result = decoder.decode_bytes(&packed[read..], &mut data[written..]);
        read += result.consumed_in;
        written += result.consumed_out;
        match result.status {
            Ok(weezl::LzwStatus::Ok) if result.consumed_in + result.consumed_out > 0 => {}
            Ok(_) => break,
            Err(error) => return Err(corrupt(error.to_string())),
        }
    }
    data.truncate(written);
    Ok(data)
}

/// Source: TIFF 6.0, section 9.
fn pack_bits(packed: &[u8], size: usize) -> Vec<u8> {
    let mut data = Vec::with_capacity(size);
    let mut rest = packed;
    while let [head, tail @ ..] = rest
        && data.len() < size
    {
        let head = head.cast_signed();
        if head >= 0 {
            let count = (head as usize + 1).min(tail.len());
            data.extend_from_slice(&tail[..count]);
            rest = &tail[count..];
        } else if head == i8::MIN {
            rest = tail;
        } else {
            let Some((value, tail)) = tail.split_first() else { break };
            data.resize(data.len() + (1 - isize::from(head)) as usize, *value);
            rest = tail;
        }
    }
    data.truncate(size);
    data
}

/// A tile that is a WebP file.
fn webp(packed: &[u8], page: &Page, place: Place, samples: &mut Samples) -> Result<(), DecodeError> {
    let image = image::load_from_memory_with_format(packed, image::ImageFormat::WebP)
        .map_err(|error| corrupt(error.to_string()))?;
    let size = (image.width() as usize, image.height() as usize);
    let data = match page.samples {
        3 => image.into_rgb8().into_raw(),
        4 => image.into_rgba8().into_raw(),
        _ => return Err(DecodeError::unsupported("TIFF packed by WebP without colour")),
    };
    if page.bits != 8 || page.photometric != Photometric::Rgb || size.0 < place.columns || size.1 < place.rows {
        return Err(corrupt("a tile of WebP has another size than it should"));
    }
    put(page, &data, Place { stride: size.0, ..place }, samples);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_unpacked() {
        // The example of Apple's technical note 1023.
        let packed = [0xFE, 0xAA, 0x02, 0x80, 0x00, 0x2A, 0xFD, 0xAA, 0x03, 0x80, 0x00, 0x2A, 0x22, 0xF7, 0xAA];
        let data = pack_bits(&packed, 24);
        assert_eq!(data[..8], [0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A, 0xAA, 0xAA]);
        assert_eq!(data.len(), 24);
        assert_eq!(pack_bits(&packed, 2), [0xAA, 0xAA]);
        assert_eq!(pack_bits(&[5, 1], 9), [1]);
    }
}
