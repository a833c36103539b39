//! BMP headers that the image crate does not read, rewritten into such as it does.
//!
//! Source: OS/2 2.x Presentation Manager bitmap headers (16 to 64 bytes); Microsoft, "Bitmap Header Types". Jason Summers'
//! BMP Suite has all of them.

use std::borrow::Cow;

/// Bytes of the file's own header, before the bitmap's.
const FILE_HEADER: usize = 14;
/// Bytes of the header that everybody reads.
const COMMON: usize = 40;

/// A BMP file as the image crate reads it.
pub struct Normal<'a> {
    /// The file, rewritten or as it was.
    pub file: Cow<'a, [u8]>,
    /// Rows come out in reverse order.
    pub is_upside_down: bool,
}

/// Rewrites what needs it: OS/2 2.x headers, run lengths from the top down, and a number of planes that is not 1.
pub fn normal(bytes: &[u8]) -> Normal<'_> {
    let mut file = Cow::Borrowed(bytes);
    let mut is_upside_down = false;
    let u32_at =
        |file: &[u8], at: usize| file.get(at..).and_then(|rest| rest.first_chunk()).map(|b| u32::from_le_bytes(*b));
    let size = u32_at(bytes, FILE_HEADER).unwrap_or(0) as usize;
    if (16..=64).contains(&size) && !matches!(size, 40 | 52 | 56) && bytes.len() > FILE_HEADER + size {
        // Fields that are left out are 0; the palette follows the header, and the pixels lie where the file header says.
        let mut header = bytes[FILE_HEADER..FILE_HEADER + size.min(COMMON)].to_vec();
        header.resize(COMMON, 0);
        header[..4].copy_from_slice(&(COMMON as u32).to_le_bytes());
        let pixels = u32_at(bytes, 10).unwrap_or(0) as usize;
        let moved = (pixels + COMMON).saturating_sub(size) as u32;
        let mut rewritten = bytes[..FILE_HEADER].to_vec();
        rewritten[10..14].copy_from_slice(&moved.to_le_bytes());
        rewritten.extend(header);
        rewritten.extend_from_slice(&bytes[FILE_HEADER + size..]);
        file = Cow::Owned(rewritten);
    }
    if u32_at(&file, FILE_HEADER).is_some_and(|size| size >= 40) && file.len() >= FILE_HEADER + COMMON {
        let compression = u32_at(&file, 30);
        let height = u32_at(&file, 22).map_or(0, u32::cast_signed);
        if matches!(compression, Some(1 | 2)) && height < 0 {
            file.to_mut()[22..26].copy_from_slice(&height.unsigned_abs().to_le_bytes());
            is_upside_down = true;
        }
        if file[26..28] != [1, 0] {
            file.to_mut()[26..28].copy_from_slice(&[1, 0]);
        }
    }
    Normal { file, is_upside_down }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(size: u32, height: i32, compression: u32) -> Vec<u8> {
        let mut file = b"BM".to_vec();
        file.extend([0; 8]);
        file.extend((14 + size).to_le_bytes());
        file.extend(size.to_le_bytes());
        file.extend(5_i32.to_le_bytes());
        file.extend(height.to_le_bytes());
        file.extend([1, 0, 8, 0]);
        file.extend(compression.to_le_bytes());
        file.resize(14 + size as usize, 0);
        file.extend([7; 8]);
        file
    }

    #[test]
    fn headers_of_os2_become_common_ones() {
        for size in [16, 20, 64] {
            let file = header(size, 5, 0);
            let normal = normal(&file);
            assert_eq!((normal.file[14], normal.file[10], normal.file.len()), (40, 54, 62), "{size}");
            assert_eq!(normal.file[54..], [7; 8]);
        }
        assert!(matches!(normal(&header(40, 5, 0)).file, Cow::Borrowed(_)));
    }

    #[test]
    fn run_lengths_from_the_top_are_turned_over() {
        let file = header(40, -5, 1);
        let normal = normal(&file);
        assert!(normal.is_upside_down && normal.file[22..26] == [5, 0, 0, 0]);
        for end in 0..file.len() {
            let _ = super::normal(&file[..end]);
        }
    }
}
