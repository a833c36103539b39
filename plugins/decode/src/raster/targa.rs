//! TGA. Source: Truevision TGA File Format Specification 2.0. The image crate knows no alpha in 16 bits or beside grey, and refuses
//! pixels that are not in the palette (0.25.10).

use crate::error::DecodeError;
use crate::finish::Raw;
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::{DecodedImage, guard};
use image::metadata::Orientation;

const NAME: &str = "TGA";
const HEADER: usize = 18;

/// Decodes a TGA file.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<DecodedImage, DecodeError> {
    let cut = || DecodeError::truncated(NAME, "it ends before the image does");
    let header = bytes.first_chunk::<HEADER>().ok_or_else(cut)?;
    let pair = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
    let [id, has_palette, kind] = [header[0], header[1], header[2]];
    let (width, height, bits, descriptor) = (pair(12), pair(14), header[16], header[17]);
    let pixels = limits.check_pixels(NAME, width as u32, height as u32)?;
    let _turn = guard::turn(pixels);
    let palette_at = HEADER + usize::from(id);
    let (first, entries, entry_bits) = if has_palette == 1 { (pair(3), pair(5), header[7]) } else { (0, 0, 0) };
    let pixels_at = palette_at + entries * usize::from(entry_bits).div_ceil(8);
    let palette = bytes.get(palette_at..pixels_at).ok_or_else(cut)?;
    let coding = match (kind & 7, bits) {
        (1, 8 | 16) => Coding::Palette,
        (2, 15 | 16 | 24 | 32) => Coding::Colour,
        (3, 8 | 16) => Coding::Grey,
        _ => return Err(DecodeError::unsupported(format!("TGA of kind {kind} with {bits} bits"))),
    };
    let size = usize::from(bits).div_ceil(8);
    let data = bytes.get(pixels_at..).ok_or_else(cut)?;
    let count = width * height;
    let unpacked;
    let stored = if kind & 8 == 0 {
        data.get(..count * size).ok_or_else(cut)?
    } else {
        unpacked = unpack(data, count * size, size).ok_or_else(cut)?;
        &unpacked
    };
    let mut rgb = Vec::with_capacity(count * 3);
    let mut alpha = Vec::with_capacity(count);
    for pixel in stored.chunks_exact(size) {
        let [r, g, b, a] = match (coding, pixel) {
            (Coding::Palette, pixel) => {
                let index = pixel.iter().rev().fold(0, |index, byte| index << 8 | usize::from(*byte));
                let entry = usize::from(entry_bits).div_ceil(8);
                let at = index.saturating_sub(first) * entry;
                palette.get(at..at + entry).map_or([0, 0, 0, 255], |entry| colour(entry, entry_bits == 16))
            }
            (Coding::Colour, pixel) => colour(pixel, bits == 16 && descriptor & 15 != 0),
            (Coding::Grey, &[grey, alpha]) => [grey, grey, grey, alpha],
            (Coding::Grey, pixel) => [pixel[0], pixel[0], pixel[0], 255],
        };
        rgb.extend([r, g, b]);
        alpha.push(a);
    }
    // The descriptor counts the bits of alpha; many writers count them and leave them at zero.
    let is_counted = descriptor & 15 != 0 || !matches!(coding, Coding::Colour);
    let has_alpha = is_counted && alpha.iter().any(|value| *value != 255) && alpha.iter().any(|value| *value != 0);
    let orientation = match descriptor >> 4 & 3 {
        0 => Orientation::FlipVertical,
        1 => Orientation::Rotate180,
        2 => Orientation::NoTransforms,
        _ => Orientation::FlipHorizontal,
    };
    let raw = Raw {
        width: width as u32,
        height: height as u32,
        rgb,
        alpha: has_alpha.then_some(alpha),
        profile: Metadata::default().profile(),
        orientation,
    };
    Ok(raw.finish())
}

#[derive(Clone, Copy)]
enum Coding {
    Palette,
    Colour,
    Grey,
}

/// Red, green, blue and alpha. Of 16 bits, 5 are of a colour each, and the highest, if it counts, is set where nothing is seen, as
/// ImageMagick, GIMP and Pillow have it.
fn colour(stored: &[u8], has_alpha_bit: bool) -> [u8; 4] {
    match *stored {
        [b, g, r, a] => [r, g, b, a],
        [b, g, r] => [r, g, b, 255],
        [low, high] => {
            let value = u16::from_le_bytes([low, high]);
            let level = |shift: u32| ((value >> shift & 31) * 255 / 31) as u8;
            [level(10), level(5), level(0), if has_alpha_bit && value >> 15 == 1 { 0 } else { 255 }]
        }
        _ => [0, 0, 0, 255],
    }
}

/// Run lengths, of which one may go on into the next row. None when there are too few.
fn unpack(mut data: &[u8], length: usize, size: usize) -> Option<Vec<u8>> {
    let mut pixels = Vec::with_capacity(length.min(data.len().saturating_mul(128)));
    while pixels.len() < length {
        let (&head, rest) = data.split_first()?;
        let count = usize::from(head & 127) + 1;
        if head & 128 == 0 {
            pixels.extend_from_slice(rest.get(..count * size)?);
            data = &rest[count * size..];
        } else {
            let pixel = rest.get(..size)?;
            (0..count).for_each(|_| pixels.extend_from_slice(pixel));
            data = &rest[size..];
        }
    }
    pixels.truncate(length);
    Some(pixels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(kind: u8, bits: u8, descriptor: u8, data: &[u8]) -> Vec<u8> {
        let mut file = vec![0, 0, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, bits, descriptor];
        file.extend(data);
        file
    }

    fn seen(file: &[u8]) -> Vec<u8> {
        decode(file, &Limits::default()).unwrap().pixels
    }

    #[test]
    fn pixels_of_every_depth_are_read() {
        assert_eq!(seen(&file(2, 24, 0x20, &[1, 2, 3, 4, 5, 6])), [3, 2, 1, 6, 5, 4]);
        assert_eq!(seen(&file(2, 24, 0x30, &[1, 2, 3, 4, 5, 6])), [6, 5, 4, 3, 2, 1]);
        assert_eq!(seen(&file(10, 32, 0x20, &[0x81, 1, 2, 3, 0])), [3, 2, 1, 3, 2, 1]);
        assert_eq!(seen(&file(2, 32, 0x28, &[0, 0, 0, 255, 0, 0, 0, 0])), [0, 0, 0, 255, 255, 255]);
        assert_eq!(seen(&file(2, 16, 0x21, &[0, 0x7C, 0, 0x80])), [255, 0, 0, 255, 255, 255]);
        assert_eq!(seen(&file(2, 16, 0x20, &[0, 0x7C, 0, 0x80])), [255, 0, 0, 0, 0, 0]);
        assert_eq!(seen(&file(3, 8, 0x20, &[7, 9])), [7, 7, 7, 9, 9, 9]);
    }

    #[test]
    fn cut_files_are_refused() {
        for file in [file(10, 32, 0x20, &[0, 1, 2, 3, 0, 0, 1, 2, 3, 0]), file(2, 24, 0, &[1, 2, 3, 4, 5, 6])] {
            for end in 0..file.len() {
                assert_eq!(decode(&file[..end], &Limits::default()).unwrap_err().reason().name(), "truncated");
            }
        }
    }
}
