//! BMP, the same without its file header (DIB), and the bitmaps of icons and cursors.
//!
//! An own reader, as files of 30 years differ in what the image crate holds to be the same: headers of OS/2, run lengths that are
//! damaged or go from the top down, icons whose mask is missing. Sources: Microsoft, "Bitmap Header Types" and "Bitmap
//! Compression"; OS/2 2.x Presentation Manager bitmap headers (16 to 64 bytes); Microsoft, "Icons" (1995). Jason Summers' BMP Suite
//! has them all.

use crate::error::DecodeError;
use crate::finish::Raw;
use crate::limits::Limits;
use crate::metadata::Metadata;
use crate::{DecodedImage, guard};

/// Bytes of the file's own header, before the bitmap's.
const FILE_HEADER: usize = 14;
const RGB: u32 = 0;
const RLE_8: u32 = 1;
const RLE_4: u32 = 2;
const BIT_FIELDS: u32 = 3;
const JPEG: u32 = 4;
const PNG: u32 = 5;
const ALPHA_BIT_FIELDS: u32 = 6;

/// Decodes a BMP file, or one that begins with the bitmap's header.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<DecodedImage, DecodeError> {
    let header_at = if bytes.starts_with(b"BM") { FILE_HEADER } else { 0 };
    let named = (header_at > 0).then(|| le32(bytes, 10)).flatten().map(|at| at as usize);
    let bitmap = Bitmap::of("BMP", bytes, header_at)?;
    // A place within the palette is right only where the file has no room for the pixels behind it.
    let size = bitmap.stride().saturating_mul(bitmap.height as usize);
    let is_behind = |at: usize| at >= bitmap.data_at || bytes.len().saturating_sub(bitmap.data_at) + 4 < size;
    let pixels_at = named.filter(|at| *at >= bitmap.palette_at && *at < bytes.len() && is_behind(*at));
    let pixels_at = pixels_at.unwrap_or(bitmap.data_at);
    if matches!(bitmap.compression, JPEG | PNG) {
        // Those alone: a bitmap in a bitmap in a bitmap would go as deep as the file is long.
        let inner = &bytes[pixels_at..];
        if inner.starts_with(b"\xFF\xD8") || inner.starts_with(b"\x89PNG") {
            return crate::decode(inner, limits);
        }
        return Err(DecodeError::corrupt("BMP", "it says that it holds a JPEG or PNG, and holds none"));
    }
    Ok(bitmap.raw(bytes, pixels_at, limits)?.finish())
}

/// Decodes the largest image of an icon or a cursor that can be decoded.
pub fn icon(bytes: &[u8], limits: &Limits) -> Result<DecodedImage, DecodeError> {
    let count = bytes.get(4..).and_then(|rest| rest.first_chunk()).map_or(0, |pair| u16::from_le_bytes(*pair));
    let mut entries: Vec<&[u8; 16]> =
        bytes.get(6..).map_or(&[][..], |rest| rest.as_chunks().0).iter().take(usize::from(count)).collect();
    // A side of 0 is one of 256; of two of the same size the one with more bits counts.
    let side = |value: u8| if value == 0 { 256_u32 } else { u32::from(value) };
    entries.sort_by_key(|entry| std::cmp::Reverse((side(entry[0]) * side(entry[1]), entry[6])));
    let mut refused = DecodeError::truncated("ICO", "it ends before its first image");
    for entry in entries {
        let number = |at: usize| le32(entry, at).map_or(0, |number| number as usize);
        let Some(image) = bytes.get(number(12)..) else { continue };
        let decoded = if image.starts_with(b"\x89PNG") {
            let image = image.get(..number(8)).unwrap_or(image);
            super::decode(image, image::ImageFormat::Png, "ICO", limits)
        } else {
            icon_bitmap(image, side(entry[1]), limits)
        };
        match decoded {
            Ok(decoded) => return Ok(decoded),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// A bitmap of which the upper half of the rows are a mask: 1 bit a pixel, 0 where the image is seen.
fn icon_bitmap(bytes: &[u8], named_height: u32, limits: &Limits) -> Result<DecodedImage, DecodeError> {
    let mut bitmap = Bitmap::of("ICO", bytes, 0)?;
    let has_mask = bitmap.height != named_height || bitmap.height == 2 * bitmap.width;
    if has_mask && bitmap.height > 1 {
        bitmap.height /= 2;
    }
    let at = bitmap.data_at;
    let mut raw = bitmap.raw(bytes, at, limits)?;
    if raw.alpha.is_none() && has_mask {
        let stride = bitmap.width.div_ceil(32) as usize * 4;
        let mask_at = at + bitmap.stride() * bitmap.height as usize;
        let rows = bytes.get(mask_at..).unwrap_or(&[]).chunks_exact(stride).take(bitmap.height as usize);
        if bitmap.compression == RGB && rows.len() == bitmap.height as usize {
            let width = bitmap.width as usize;
            let is_hidden = |row: &[u8], x: usize| row[x / 8] >> (7 - x % 8) & 1 == 1;
            let alpha: Vec<u8> =
                rows.rev().flat_map(|row| (0..width).map(move |x| if is_hidden(row, x) { 0 } else { 255 })).collect();
            raw.alpha = alpha.iter().any(|alpha| *alpha != 255).then_some(alpha);
        }
    }
    Ok(raw.finish())
}

/// What a bitmap's header says.
struct Bitmap {
    format: &'static str,
    width: u32,
    height: u32,
    is_top_down: bool,
    bits: u16,
    compression: u32,
    /// Of 16 and 32 bits: red, green, blue, alpha.
    masks: [u32; 4],
    palette: Vec<[u8; 3]>,
    palette_at: usize,
    /// Where the pixels are, unless the file names another place.
    data_at: usize,
}

impl Bitmap {
    /// Reads the header, which begins at `at`, with masks and palette.
    fn of(format: &'static str, bytes: &[u8], at: usize) -> Result<Self, DecodeError> {
        let cut = || DecodeError::truncated(format, "it ends inside its header");
        let size = le32(bytes, at).ok_or_else(cut)? as usize;
        let header = bytes.get(at..at.saturating_add(size)).ok_or_else(cut)?;
        let u16_at = |at: usize| header.get(at..at + 2).map_or(0, |pair| u16::from_le_bytes([pair[0], pair[1]]));
        let u32_at = |at: usize| le32(header, at).unwrap_or(0);
        let is_core = size == 12;
        if !is_core && size < 16 {
            return Err(DecodeError::corrupt(format, format!("a header of {size} bytes")));
        }
        let is_os2 = size <= 64 && !matches!(size, 12 | 40 | 52 | 56);
        let (width, height, bits) = if is_core {
            (i32::from(u16_at(4)), i32::from(u16_at(6)), u16_at(10))
        } else {
            (u32_at(4).cast_signed(), u32_at(8).cast_signed(), u16_at(14))
        };
        let compression = u32_at(16);
        let known = match compression {
            _ if is_core => matches!(bits, 1 | 2 | 4 | 8 | 24 | 32),
            RGB => matches!(bits, 1 | 2 | 4 | 8 | 16 | 24 | 32),
            RLE_8 => bits == 8,
            RLE_4 => bits == 4,
            BIT_FIELDS | ALPHA_BIT_FIELDS => !is_os2 && matches!(bits, 16 | 32),
            JPEG | PNG => !is_os2,
            _ => false,
        };
        if !known {
            return Err(DecodeError::unsupported(format!("{format} with {bits} bits and packing {compression}")));
        }
        let mut palette_at = at + size;
        let mut masks = if bits == 16 { [0x7C00, 0x3E0, 0x1F, 0] } else { [0xFF_0000, 0xFF00, 0xFF, 0xFF00_0000] };
        if matches!(compression, BIT_FIELDS | ALPHA_BIT_FIELDS) {
            let count = if size >= 56 || compression == ALPHA_BIT_FIELDS { 4 } else { 3 };
            masks = [0; 4];
            for (n, mask) in masks.iter_mut().enumerate().take(count) {
                *mask = le32(bytes, at + 40 + n * 4).ok_or_else(cut)?;
            }
            palette_at = palette_at.max(at + 40 + count * 4);
        }
        let entry = if is_core { 3 } else { 4 };
        let named = u32_at(32) as usize;
        let all = if bits <= 8 { 1 << bits } else { 0 };
        // In a file of more than 8 bits a palette is advice only.
        let entries = if named == 0 { all } else { named.min(256) };
        let palette = bytes.get(palette_at..).unwrap_or(&[]).chunks_exact(entry).take(entries.min(all));
        let palette = palette.map(|entry| [entry[2], entry[1], entry[0]]).collect();
        Ok(Self {
            format,
            width: width.unsigned_abs(),
            height: height.unsigned_abs(),
            is_top_down: height < 0,
            bits,
            compression: if is_core { RGB } else { compression },
            masks,
            palette,
            palette_at,
            data_at: palette_at + entries * entry,
        })
    }

    /// Bytes of a row.
    const fn stride(&self) -> usize {
        (self.width as usize * self.bits as usize).div_ceil(32) * 4
    }

    /// The pixels that begin at `at`.
    fn raw(&self, bytes: &[u8], at: usize, limits: &Limits) -> Result<Raw, DecodeError> {
        let pixels = limits.check_pixels(self.format, self.width, self.height)?;
        let _turn = guard::turn(pixels);
        let data = bytes.get(at..).unwrap_or(&[]);
        let (width, height) = (self.width as usize, self.height as usize);
        let rows = match self.compression {
            RLE_8 | RLE_4 => self.unpacked(data)?,
            _ => Vec::new(),
        };
        let (data, stride, bits) =
            if rows.is_empty() { (data, self.stride(), self.bits) } else { (&rows[..], width, 8) };
        // The last row may lack its padding.
        let needed = stride * (height - 1) + (width * usize::from(bits)).div_ceil(8);
        if data.len() < needed {
            return Err(DecodeError::truncated(self.format, format!("{} of {needed} bytes of pixels", data.len())));
        }
        let mut rgb = Vec::with_capacity(width * height * 3);
        let mut alpha = Vec::new();
        for y in 0..height {
            let from = if self.is_top_down { y } else { height - 1 - y } * stride;
            let row = &data[from..data.len().min(from + stride)];
            match bits {
                24 => rgb.extend(row.as_chunks::<3>().0[..width].iter().flat_map(|[b, g, r]| [*r, *g, *b])),
                16 => {
                    let values = row.as_chunks().0[..width].iter().map(|pair| u32::from(u16::from_le_bytes(*pair)));
                    self.fields(values, &mut rgb, &mut alpha);
                }
                32 => {
                    let values = row.as_chunks().0[..width].iter().map(|four| u32::from_le_bytes(*four));
                    self.fields(values, &mut rgb, &mut alpha);
                }
                _ => {
                    let bits = usize::from(bits);
                    let mask = (1_u16 << bits) - 1;
                    rgb.extend((0..width).flat_map(|x| {
                        let value = u16::from(row[x * bits / 8]) >> (8 - bits - x * bits % 8) & mask;
                        self.palette.get(usize::from(value)).copied().unwrap_or_default()
                    }));
                }
            }
        }
        // Many writers leave the fourth byte at zero.
        let is_used = alpha.iter().any(|value| *value != 0) && alpha.iter().any(|value| *value != 255);
        let has_alpha = is_used && (self.format == "ICO" || matches!(self.compression, BIT_FIELDS | ALPHA_BIT_FIELDS));
        let metadata = Metadata::default();
        Ok(Raw {
            width: self.width,
            height: self.height,
            rgb,
            alpha: has_alpha.then_some(alpha),
            profile: metadata.profile(),
            orientation: metadata.orientation(),
        })
    }

    /// Pixels of 16 or 32 bits, by their masks.
    fn fields(&self, values: impl Iterator<Item = u32>, rgb: &mut Vec<u8>, alpha: &mut Vec<u8>) {
        let channel = |value: u32, mask: u32| {
            let Some(largest) = mask.checked_shr(mask.trailing_zeros()).filter(|largest| *largest > 0) else {
                return 0;
            };
            let value = (value & mask) >> mask.trailing_zeros();
            ((u64::from(value) * 255 + u64::from(largest) / 2) / u64::from(largest)) as u8
        };
        let [r, g, b, a] = self.masks;
        for value in values {
            rgb.extend([channel(value, r), channel(value, g), channel(value, b)]);
            if a != 0 {
                alpha.push(channel(value, a));
            }
        }
    }

    /// Palette entries of run lengths, a byte a pixel, in the order of the file's rows; what is left out has the first. Runs that
    /// leave the image are cut.
    fn unpacked(&self, data: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let (width, height) = (self.width as usize, self.height as usize);
        let mut pixels = vec![0; width * height];
        let (mut x, mut y) = (0_usize, 0_usize);
        let mut put = |x: usize, y: usize, value: u8| {
            if x < width && y < height {
                pixels[y * width + x] = value;
            }
        };
        let halves = self.compression == RLE_4;
        let value_at = |bytes: &[u8], n: usize| match (halves, n % 2) {
            (false, _) => bytes[n],
            (true, 0) => bytes[n / 2] >> 4,
            (true, _) => bytes[n / 2] & 15,
        };
        let mut rest = data;
        while y < height {
            let Some((&[count, value], after)) = rest.split_first_chunk() else {
                // Some writers leave the mark of the end out.
                if y + 1 == height && x >= width {
                    break;
                }
                return Err(DecodeError::truncated(self.format, "its run lengths end before the image does"));
            };
            rest = after;
            match (count, value) {
                (0, 0) => (x, y) = (0, y + 1),
                (0, 1) => break,
                (0, 2) => {
                    let Some((&[right, up], after)) = rest.split_first_chunk() else { continue };
                    rest = after;
                    (x, y) = (x + usize::from(right), y + usize::from(up));
                }
                (0, literal) => {
                    let literal = usize::from(literal);
                    let length = if halves { literal.div_ceil(2) } else { literal };
                    let Some(bytes) = rest.get(..length) else {
                        return Err(DecodeError::truncated(self.format, "its run lengths end before the image does"));
                    };
                    (0..literal).for_each(|n| put(x + n, y, value_at(bytes, n)));
                    x += literal;
                    rest = rest.get(length.next_multiple_of(2)..).unwrap_or(&[]);
                }
                (count, value) => {
                    let count = usize::from(count);
                    (0..count).for_each(|n| put(x + n, y, value_at(&[value; 256], n)));
                    x += count;
                }
            }
        }
        Ok(pixels)
    }
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bitmap of 4 × 2 pixels with a palette of red, green and blue.
    fn bitmap(size: u32, height: i32, bits: u8, compression: u8, data: &[u8]) -> Vec<u8> {
        let mut file = b"BM\0\0\0\0\0\0\0\0".to_vec();
        file.extend((14 + size + 12).to_le_bytes());
        file.extend(size.to_le_bytes());
        file.extend(4_i32.to_le_bytes());
        file.extend(height.to_le_bytes());
        file.extend([1, 0, bits, 0, compression, 0, 0, 0]);
        file.resize(14 + size as usize, 0);
        if size >= 36 {
            file[46] = 3;
        }
        file.extend([0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0]);
        file.extend(data);
        file
    }

    /// The pixels as letters.
    fn seen(file: &[u8]) -> String {
        let image = decode(file, &Limits::default()).unwrap();
        let name = |pixel: &[u8; 3]| match pixel {
            [255, 0, 0] => 'r',
            [0, 255, 0] => 'g',
            [0, 0, 255] => 'b',
            _ => '?',
        };
        image.pixels.as_chunks().0.iter().map(name).collect()
    }

    #[test]
    fn only_a_jpeg_or_png_may_be_inside() {
        let inner = bitmap(40, 2, 8, 0, &[0; 8]);
        let error = decode(&bitmap(40, 2, 8, JPEG as u8, &inner), &Limits::default()).unwrap_err();
        assert_eq!(error.reason().name(), "corrupt", "{error}");
    }

    #[test]
    fn headers_of_every_length_are_read() {
        for size in [40, 52, 56, 64, 108, 124] {
            assert_eq!(seen(&bitmap(size, 2, 8, 0, &[0, 1, 2, 0, 1, 1, 1, 1])), "ggggrgbr", "{size}");
        }
        assert_eq!(seen(&bitmap(40, -2, 8, 0, &[0, 1, 2, 0, 1, 1, 1, 1])), "rgbrgggg");
        assert_eq!(seen(&bitmap(40, 2, 8, 0, &[0, 1, 2, 0, 1, 1, 1, 1])[14..]), "ggggrgbr");
    }

    #[test]
    fn run_lengths_are_read_from_both_ends_and_cut_at_the_edge() {
        let runs = [3, 1, 1, 2, 0, 0, 0, 3, 2, 1, 0, 0, 9, 1, 0, 1];
        assert_eq!(seen(&bitmap(40, 2, 8, 1, &runs)), "bgrggggb");
        assert_eq!(seen(&bitmap(40, -2, 8, 1, &runs)), "gggbbgrg");
        assert_eq!(seen(&bitmap(40, 2, 4, 2, &[4, 0x12, 0, 0, 0, 2, 1, 0, 3, 0x20, 0, 1])), "rbrbgbgb");
        let cut = decode(&bitmap(40, 2, 8, 1, &runs[..6]), &Limits::default()).unwrap_err();
        assert_eq!(cut.reason().name(), "truncated");
    }

    #[test]
    fn an_icon_is_seen_where_its_mask_says() {
        let mut icon = b"\0\0\x01\0\x01\0\x04\x02\0\0\x01\0\x08\0\0\0\0\0\x16\0\0\0".to_vec();
        let image = &bitmap(40, 4, 8, 0, &[0, 1, 2, 0, 1, 1, 1, 1])[14..];
        icon.extend(image);
        // Without the mask, everything is seen.
        assert_eq!(super::icon(&icon, &Limits::default()).unwrap().height, 2);
        icon.extend([0b1000_0000, 0, 0, 0, 0, 0, 0, 0]);
        let decoded = super::icon(&icon, &Limits::default()).unwrap();
        assert_eq!(decoded.pixels[12..], [255, 255, 255, 0, 255, 0, 0, 0, 255, 255, 0, 0]);
        for end in 0..icon.len() {
            let _ = super::icon(&icon[..end], &Limits::default());
        }
    }
}
