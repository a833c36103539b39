//! QOI. Source: The Quite OK Image Format Specification, version 1.0. Files without the eight bytes of the end, which Pillow reads
//! and the crate qoi refuses, are whole.

use crate::error::DecodeError;
use crate::finish::Raw;
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::{DecodedImage, guard};

const NAME: &str = "QOI";

/// Decodes a QOI file.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<DecodedImage, DecodeError> {
    let cut = || DecodeError::truncated(NAME, "it ends before the image does");
    let number = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let (width, height) = (number(4).ok_or_else(cut)?, number(8).ok_or_else(cut)?);
    let channels = *bytes.get(12).ok_or_else(cut)?;
    let pixels = limits.check_pixels(NAME, width, height)?;
    let _turn = guard::turn(pixels);
    let count = pixels as usize;
    let mut data = bytes.get(14..).ok_or_else(cut)?;
    let mut seen = [[0_u8; 4]; 64];
    let mut pixel = [0, 0, 0, 255_u8];
    let (mut rgb, mut alpha) = (Vec::new(), Vec::new());
    while alpha.len() < count {
        let (&tag, rest) = data.split_first().ok_or_else(cut)?;
        data = rest;
        let mut run = 1;
        match tag {
            0xFE => {
                let (colour, rest) = data.split_first_chunk::<3>().ok_or_else(cut)?;
                pixel[..3].copy_from_slice(colour);
                data = rest;
            }
            0xFF => {
                let (colour, rest) = data.split_first_chunk::<4>().ok_or_else(cut)?;
                pixel = *colour;
                data = rest;
            }
            0x00..=0x3F => pixel = seen[usize::from(tag)],
            0x40..=0x7F => {
                for (n, value) in pixel[..3].iter_mut().enumerate() {
                    *value = value.wrapping_add(tag >> (4 - 2 * n) & 3).wrapping_sub(2);
                }
            }
            0x80..=0xBF => {
                let (&others, rest) = data.split_first().ok_or_else(cut)?;
                data = rest;
                let green = (tag & 63).wrapping_sub(32);
                let change = [
                    (others >> 4).wrapping_sub(8).wrapping_add(green),
                    green,
                    (others & 15).wrapping_sub(8).wrapping_add(green),
                ];
                for (value, change) in pixel[..3].iter_mut().zip(change) {
                    *value = value.wrapping_add(change);
                }
            }
            0xC0..=0xFD => run = usize::from(tag & 63) + 1,
        }
        let [r, g, b, a] = pixel;
        let hash = [(r, 3), (g, 5), (b, 7), (a, 11)].iter().map(|(value, by)| usize::from(*value) * by).sum::<usize>();
        seen[hash % 64] = pixel;
        for _ in 0..run.min(count - alpha.len()) {
            rgb.extend([r, g, b]);
            alpha.push(a);
        }
    }
    let alpha = (channels == 4 && alpha.iter().any(|value| *value != 255)).then_some(alpha);
    let metadata = Metadata::default();
    Ok(Raw { width, height, rgb, alpha, profile: metadata.profile(), orientation: metadata.orientation() }.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_read() {
        let mut file = b"qoif\0\0\0\x07\0\0\0\x01\x03\0".to_vec();
        // A colour; one more of each; by brightness; twice the same; the first of them again; with alpha.
        file.extend([0xFE, 10, 20, 30, 0x7F, 0xA1, 0x88, 0xC1]);
        let first = ((10 * 3 + 20 * 5 + 30 * 7 + 255 * 11) % 64_u32) as u8;
        file.extend([first, 0xFF, 1, 2, 3, 255]);
        let expected = [10, 20, 30, 11, 21, 31, 12, 22, 32, 12, 22, 32, 12, 22, 32, 10, 20, 30, 1, 2, 3];
        assert_eq!(decode(&file, &Limits::default()).unwrap().pixels, expected);
        for end in 4..file.len() {
            assert_eq!(decode(&file[..end], &Limits::default()).unwrap_err().reason().name(), "truncated");
        }
    }
}
