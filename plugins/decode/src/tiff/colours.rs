//! Samples as colours.

use super::corrupt;
use super::page::{Alpha, Number, Page, Photometric};
use super::samples::{Place, Samples};
use crate::error::DecodeError;
use crate::raster::tripled;
use crate::{colour, depth, ground};

/// Codes of `Compression` whose decoder turns YCbCr into RGB.
const JPEG: [u64; 2] = [6, 7];

/// RGB and alpha of a page.
pub fn of(page: &Page, samples: &Samples) -> Result<(Vec<u8>, Option<Vec<u8>>), DecodeError> {
    let colours = page.photometric.samples();
    if page.samples < colours {
        return Err(corrupt(format!("{} samples a pixel, but its colours have {colours}", page.samples)));
    }
    let levels = if page.photometric == Photometric::Palette { Vec::new() } else { levels(page, samples) };
    let mut rgb = match page.photometric {
        Photometric::BlackIsZero => tripled(&levels),
        Photometric::WhiteIsZero => levels.iter().flat_map(|level| [255 - level; 3]).collect(),
        Photometric::Rgb => levels,
        Photometric::Palette => palette(page, &indices(page, samples))?,
        Photometric::Cmyk => colour::cmyk_to_srgb(&levels, page.icc()),
        Photometric::YCbCr if JPEG.contains(&page.compression) || (page.subsampling != (1, 1) && !page.is_planar) => {
            levels
        }
        Photometric::YCbCr => {
            levels.as_chunks::<3>().0.iter().flat_map(|&[y, cb, cr]| ycbcr(page, y, cb, cr)).collect()
        }
        Photometric::Lab { is_icc } => {
            levels.as_chunks::<3>().0.iter().flat_map(|&[l, a, b]| lab(l, a, b, is_icc)).collect()
        }
    };
    let alpha = (page.alpha != Alpha::None).then(|| alpha(page, samples));
    if let (Alpha::Associated, Some(alpha)) = (page.alpha, &alpha) {
        for (pixel, &alpha) in rgb.as_chunks_mut::<3>().0.iter_mut().zip(alpha) {
            *pixel = pixel.map(|value| ground::divided(value, alpha));
        }
    }
    Ok((rgb, alpha))
}

/// Some samples of each pixel.
fn some<T: Copy>(all: &[T], in_pixel: usize, from: usize, count: usize) -> Vec<T> {
    if count == in_pixel {
        return all.to_vec();
    }
    all.chunks_exact(in_pixel).flat_map(|pixel| pixel[from..from + count].iter().copied()).collect()
}

/// Whole numbers of so many bits, over their range.
fn spread(value: u8, bits: u32) -> u8 {
    let full = (1_u32 << bits) - 1;
    ((u32::from(value) * 255 + full / 2) / full).min(255) as u8
}

/// The colours' samples as 8 bits.
fn levels(page: &Page, samples: &Samples) -> Vec<u8> {
    let count = page.photometric.samples();
    match samples {
        Samples::Bytes(all) if page.bits == 8 => some(all, page.samples, 0, count),
        Samples::Bytes(all) => {
            some(all, page.samples, 0, count).iter().map(|value| spread(*value, page.bits)).collect()
        }
        Samples::Words(all) if page.bits == 16 => depth::narrow(&some(all, page.samples, 0, count)),
        Samples::Words(all) => depth::narrow_within(&some(all, page.samples, 0, count), full(page.bits)),
        Samples::Numbers(all) => {
            let all = some(all, page.samples, 0, count);
            if page.number == Number::Whole { depth::narrow_whole(&all) } else { depth::narrow_float(&all) }
        }
    }
}

const fn full(bits: u32) -> u16 {
    (((1_u32) << bits) - 1) as u16
}

/// The first extra sample as 8 bits.
fn alpha(page: &Page, samples: &Samples) -> Vec<u8> {
    let at = page.photometric.samples();
    match samples {
        Samples::Bytes(all) => some(all, page.samples, at, 1).iter().map(|value| spread(*value, page.bits)).collect(),
        Samples::Words(all) => depth::narrow_within(&some(all, page.samples, at, 1), full(page.bits)),
        Samples::Numbers(all) => {
            let range = if page.number == Number::Float { 1.0 } else { 2_f64.powi(page.bits as i32) - 1.0 };
            some(all, page.samples, at, 1)
                .iter()
                .map(|value| (value / range * 255.0).clamp(0.0, 255.0).round() as u8)
                .collect()
        }
    }
}

/// Palette indices, as they are.
fn indices(page: &Page, samples: &Samples) -> Vec<u16> {
    // Of 16 bits in a palette of 256 colours, the least significant ones are no colour.
    let entries = page.palette.len() as u64 / 3;
    let shift = if entries < 1 << page.bits.min(16) { page.bits.saturating_sub(8) } else { 0 };
    match samples {
        Samples::Bytes(all) => some(all, page.samples, 0, 1).iter().map(|value| u16::from(*value)).collect(),
        Samples::Words(all) => some(all, page.samples, 0, 1).iter().map(|value| value >> shift).collect(),
        Samples::Numbers(all) => {
            some(all, page.samples, 0, 1).iter().map(|value| value.clamp(0.0, 65_535.0) as u16).collect()
        }
    }
}

/// Colours of a palette: all reds, all greens, all blues, 16 bits each. Some writers use 8 of them.
fn palette(page: &Page, indices: &[u16]) -> Result<Vec<u8>, DecodeError> {
    let entries = page.palette.len() / 3;
    if entries == 0 {
        return Err(corrupt("its palette is missing"));
    }
    let is_8_bit = page.palette.iter().all(|value| *value < 256);
    let level = |value: u64| if is_8_bit { value as u8 } else { (value.min(65_535) >> 8) as u8 };
    let colour = |index: &u16| {
        let at = usize::from(*index).min(entries - 1);
        [0, 1, 2].map(|channel| level(page.palette[channel * entries + at]))
    };
    Ok(indices.iter().flat_map(colour).collect())
}

/// YCbCr by the page's own weights and references (TIFF 6.0, section 21).
pub fn ycbcr(page: &Page, y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let [black_y, white_y, black_cb, white_cb, black_cr, white_cr] = page.reference;
    let scaled = |code: u8, black: f64, white: f64, range: f64| {
        let span = white - black;
        if span == 0.0 { 0.0 } else { (f64::from(code) - black) * range / span }
    };
    let y = scaled(y, black_y, white_y, 255.0);
    let (cb, cr) = (scaled(cb, black_cb, white_cb, 127.0), scaled(cr, black_cr, white_cr, 127.0));
    let [red, green, blue] = page.luma;
    let r = cr * (2.0 - 2.0 * red) + y;
    let b = cb * (2.0 - 2.0 * blue) + y;
    let g = if green == 0.0 { y } else { (y - blue * b - red * r) / green };
    [r, g, b].map(|value| value.round().clamp(0.0, 255.0) as u8)
}

/// CIE L*a*b* (D50) as sRGB.
fn lab(l: u8, a: u8, b: u8, is_icc: bool) -> [u8; 3] {
    let l = f64::from(l) / 255.0 * 100.0;
    let offset = |value: u8| if is_icc { f64::from(value) - 128.0 } else { f64::from(value.cast_signed()) };
    let (a, b) = (offset(a), offset(b));
    let fy = (l + 16.0) / 116.0;
    let light = |f: f64| if f > 6.0 / 29.0 { f.powi(3) } else { 3.0 * (6.0_f64 / 29.0).powi(2) * (f - 4.0 / 29.0) };
    let (x, y, z) = (0.964_22 * light(fy + a / 500.0), light(fy), 0.825_21 * light(fy - b / 200.0));
    // From XYZ of D50 to linear sRGB, Bradford adaptation included.
    [
        3.133_856_1 * x - 1.616_866_7 * y - 0.490_614_6 * z,
        -0.978_768_4 * x + 1.916_141_5 * y + 0.033_454_0 * z,
        0.071_945_3 * x - 0.228_991_4 * y + 1.405_242_7 * z,
    ]
    .map(colour::encoded)
}

/// Bytes of a strip or tile of subsampled YCbCr: units of `across × down` luma samples and two of chroma.
pub fn subsampled_bytes(page: &Page, width: usize, rows: usize) -> usize {
    let (across, down) = (page.subsampling.0 as usize, page.subsampling.1 as usize);
    width.div_ceil(across) * rows.div_ceil(down) * (across * down + 2)
}

/// Unpacks subsampled YCbCr as RGB.
pub fn put_subsampled(page: &Page, data: &[u8], place: Place, samples: &mut Samples) -> Result<(), DecodeError> {
    let (Samples::Bytes(all), 8, 3) = (samples, page.bits, page.samples) else {
        return Err(DecodeError::unsupported("TIFF with subsampled chroma of more than 8 bits or with alpha"));
    };
    let (across, down) = (page.subsampling.0 as usize, page.subsampling.1 as usize);
    let units = place.stride.div_ceil(across);
    for (n, unit) in data.chunks_exact(across * down + 2).enumerate() {
        let (cb, cr) = (unit[across * down], unit[across * down + 1]);
        for (inside, &y) in unit[..across * down].iter().enumerate() {
            let (column, row) = (n % units * across + inside % across, n / units * down + inside / across);
            if column < place.columns && row < place.rows {
                let at = ((place.row + row) * page.width as usize + place.column + column) * 3;
                all[at..at + 3].copy_from_slice(&ycbcr(page, y, cb, cr));
            }
        }
    }
    Ok(())
}
