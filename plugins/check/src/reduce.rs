//! A grey image whose longer side is at most 64 pixels, as Pillow makes it: bicubic, then ITU-R BT.601 luma.

use crate::error::CheckError;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

/// The longer side of a reduced image.
const SIDE_PX: u32 = 64;
/// A large image is first averaged over whole squares, down to this many times the size wanted: as Pillow's
/// `reducing_gap`, hardly to be told from doing without, and several times faster.
const GAP: u32 = 3;
/// Bytes whose sum fits into 16 bits.
const MOST_ROWS: usize = 257;

/// A grey image, row after row.
pub struct Grey {
    /// Pixels a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// `width × height` of them.
    pub pixels: Vec<u8>,
}

/// Reduces an image of `height × width × 3` bytes.
///
/// # Errors
/// [`CheckError`] when there is no pixel, or another number of bytes.
pub fn reduce(width: u32, height: u32, rgb: &[u8]) -> Result<Grey, CheckError> {
    let ratio = f64::from(width.max(height)) / f64::from(SIDE_PX);
    if ratio <= 1.0 {
        let pixels = rgb.as_chunks::<3>().0.iter().map(|p| (luma(p.map(u32::from)) >> 16) as u8).collect();
        return Ok(Grey { width: width as usize, height: height as usize, pixels });
    }
    let target = |side: u32| ((f64::from(side) / ratio).floor() as u32).max(1);
    let (to_width, to_height) = (target(width), target(height));
    let square = (width.max(height) / (SIDE_PX * GAP)).clamp(1, width.min(height));
    let (columns, rows, grey) = averaged(width as usize, height as usize, rgb, square as usize);
    let failed = || CheckError { width, height, found: rgb.len() };
    let source = TypedImageRef::<U8>::from_buffer(columns as u32, rows as u32, &grey).map_err(|_| failed())?;
    let mut out = TypedImage::<U8>::new(to_width, to_height);
    // The part of the averaged image that the whole squares cover: the last ones may be cut.
    let area = (f64::from(width) / f64::from(square), f64::from(height) / f64::from(square));
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom)).crop(
        0.0,
        0.0,
        area.0.min(columns as f64),
        area.1.min(rows as f64),
    );
    Resizer::new().resize_typed(&source, &mut out, &options).map_err(|_| failed())?;
    Ok(Grey {
        width: to_width as usize,
        height: to_height as usize,
        pixels: out.pixels().iter().map(|p| p.0).collect(),
    })
}

/// Pillow's `convert("L")`, times 65536.
fn luma([r, g, b]: [u32; 3]) -> u32 {
    r * 19595 + g * 38470 + b * 7471 + 0x8000
}

/// Grey means of squares of `side × side` pixels; the last of a row and the last row may be of fewer.
fn averaged(width: usize, height: usize, rgb: &[u8], side: usize) -> (usize, usize, Vec<u8>) {
    let (columns, rows) = (width.div_ceil(side), height.div_ceil(side));
    let mut grey = Vec::with_capacity(columns * rows);
    if side == 1 {
        grey.extend(rgb.as_chunks::<3>().0.iter().map(|p| (luma(p.map(u32::from)) >> 16) as u8));
        return (columns, rows, grey);
    }
    let mut sums = vec![[0u32; 3]; columns];
    let mut below = vec![0u16; width * 3];
    for band in rgb.chunks(width * 3 * side) {
        sums.fill([0; 3]);
        // Rows first, which many bytes at a time can do; then only their sums along the row.
        for rows in band.chunks(width * 3 * MOST_ROWS) {
            below.fill(0);
            for row in rows.chunks_exact(width * 3) {
                for (sum, value) in below.iter_mut().zip(row) {
                    *sum += u16::from(*value);
                }
            }
            for (sum, pixels) in sums.iter_mut().zip(below.chunks(side * 3)) {
                let mut add = [0u32; 3];
                for pixel in pixels.as_chunks::<3>().0 {
                    add = [0, 1, 2].map(|c| add[c] + u32::from(pixel[c]));
                }
                *sum = [0, 1, 2].map(|c| sum[c] + add[c]);
            }
        }
        let tall = band.len() / (width * 3);
        let mean = |sum: &[u32; 3], wide: usize| {
            let [r, g, b] = sum.map(|s| s as f32);
            ((r * 0.299 + g * 0.587 + b * 0.114) / (wide * tall) as f32 + 0.5) as u8
        };
        let whole = width / side;
        grey.extend(sums[..whole].iter().map(|sum| mean(sum, side)));
        grey.extend(sums[whole..].iter().map(|sum| mean(sum, width - whole * side)));
    }
    (columns, rows, grey)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_pillows() {
        let size = |width: u32, height: u32| {
            let grey = reduce(width, height, &vec![90; (width * height * 3) as usize]).unwrap();
            assert_eq!(grey.pixels, vec![90; grey.width * grey.height], "{width} × {height}");
            (grey.width, grey.height)
        };
        assert_eq!(size(40, 64), (40, 64));
        assert_eq!(size(200, 150), (64, 48));
        assert_eq!(size(4000, 3000), (64, 48));
        assert_eq!(size(1001, 777), (64, 49));
        assert_eq!(size(5000, 1), (64, 1));
        assert_eq!(size(1, 700), (1, 64));
        assert_eq!(size(1, 1), (1, 1));
    }

    #[test]
    fn averaging_first_is_hardly_to_be_told_from_doing_without() {
        // A disc and stripes, 1203 × 907.
        let (width, height) = (1203u32, 907u32);
        let mut rgb = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let disc = (f64::from(x) - 500.0).hypot(f64::from(y) - 400.0) < 280.0;
                let stripes = ((x / 40 + y / 25) % 3) as u8 * 70;
                rgb.extend(if disc { [220, stripes, 30] } else { [stripes, 90, 160] });
            }
        }
        let reduced = reduce(width, height, &rgb).unwrap();
        let (columns, rows, grey) = averaged(width as usize, height as usize, &rgb, 1);
        let source = TypedImageRef::<U8>::from_buffer(columns as u32, rows as u32, &grey).unwrap();
        let mut whole = TypedImage::<U8>::new(64, 48);
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom));
        Resizer::new().resize_typed(&source, &mut whole, &options).unwrap();
        let apart: Vec<u8> = reduced.pixels.iter().zip(whole.pixels()).map(|(a, b)| a.abs_diff(b.0)).collect();
        let mean = apart.iter().map(|d| f64::from(*d)).sum::<f64>() / apart.len() as f64;
        assert!(mean < 1.5 && apart.iter().all(|d| *d < 24), "{mean} {:?}", apart.iter().max());
    }
}
