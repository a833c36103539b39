//! What one directory says of its image.

use super::{NAME, corrupt};
use crate::colour::Profile;
use crate::error::DecodeError;
use crate::metadata::ifd::Directory;
use crate::metadata::orientation;
use image::metadata::Orientation;

pub const NEW_SUBFILE_TYPE: u16 = 254;
const WIDTH: u16 = 256;
const HEIGHT: u16 = 257;
const BITS: u16 = 258;
const COMPRESSION: u16 = 259;
const PHOTOMETRIC: u16 = 262;
const FILL_ORDER: u16 = 266;
const STRIP_OFFSETS: u16 = 273;
const SAMPLES: u16 = 277;
const ROWS_PER_STRIP: u16 = 278;
const STRIP_BYTES: u16 = 279;
const PLANAR: u16 = 284;
const T4_OPTIONS: u16 = 292;
const PREDICTOR: u16 = 317;
const COLOUR_MAP: u16 = 320;
const TILE_WIDTH: u16 = 322;
const TILE_HEIGHT: u16 = 323;
const TILE_OFFSETS: u16 = 324;
const TILE_BYTES: u16 = 325;
const INK_SET: u16 = 332;
const EXTRA_SAMPLES: u16 = 338;
const SAMPLE_FORMAT: u16 = 339;
const JPEG_TABLES: u16 = 347;
const JPEG_FILE: u16 = 513;
const JPEG_FILE_BYTES: u16 = 514;
const JPEG_QUANTISATION: u16 = 519;
const JPEG_DC_CODES: u16 = 520;
const JPEG_AC_CODES: u16 = 521;
const YCBCR_WEIGHTS: u16 = 529;
const YCBCR_SUBSAMPLING: u16 = 530;
const REFERENCE_BLACK_WHITE: u16 = 532;
const XMP: u16 = 700;
const ICC: u16 = 34_675;

/// Samples a pixel that are accepted.
const MAX_SAMPLES: u64 = 64;
/// Strips or tiles that are accepted.
const MAX_CHUNKS: usize = 1 << 22;

/// How colours are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Photometric {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    Palette,
    Cmyk,
    YCbCr,
    /// CIE L*a*b*: 8 bits of lightness, signed a and b (8), or the encoding of ICC (9).
    Lab {
        is_icc: bool,
    },
}

/// What the numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    Whole,
    Signed,
    Float,
}

/// What the first sample beyond the colours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Alpha {
    /// None, or not transparency.
    None,
    /// Colours are as they are.
    Straight,
    /// Colours were multiplied by it.
    Associated,
}

/// One image.
pub struct Page<'a> {
    pub width: u32,
    pub height: u32,
    /// Bits a sample, the same for all samples.
    pub bits: u32,
    pub number: Number,
    /// Samples a pixel, extra ones included.
    pub samples: usize,
    pub alpha: Alpha,
    pub photometric: Photometric,
    pub compression: u64,
    pub is_planar: bool,
    pub predictor: u64,
    pub is_little: bool,
    /// Bits of a byte in reverse order.
    pub is_reversed: bool,
    /// Strips are tiles as wide as the image.
    pub chunk_width: u32,
    pub chunk_height: u32,
    pub is_tiled: bool,
    /// Where each strip or tile lies, and how long it is.
    pub chunks: Vec<(u64, u64)>,
    pub palette: Vec<u64>,
    /// Luma samples a chroma sample, across and down.
    pub subsampling: (u32, u32),
    /// Shares of red, green and blue in luma.
    pub luma: [f64; 3],
    /// Black and white of each component.
    pub reference: [f64; 6],
    pub jpeg_tables: &'a [u8],
    /// Offset and length of a whole JPEG file (old-style JPEG).
    pub jpeg_file: Option<(u64, u64)>,
    /// Old-style JPEG: where each component's tables lie, of quantisation, of DC and of AC codes.
    pub jpeg_parts: [Vec<u64>; 3],
    /// Group 3: bit 0 two-dimensional, bit 1 uncompressed mode, bit 2 fill bits.
    pub fax_options: u64,
    pub orientation: Orientation,
    icc: Option<&'a [u8]>,
}

impl<'a> Page<'a> {
    pub fn read(directory: &Directory<'a>, is_little: bool) -> Result<Self, DecodeError> {
        let number = |tag, otherwise| directory.number(tag).unwrap_or(otherwise);
        let side = |tag| u32::try_from(number(tag, 0)).map_err(|_| corrupt("it is too wide or too high"));
        let (width, height) = (side(WIDTH)?, side(HEIGHT)?);
        if width == 0 || height == 0 {
            return Err(corrupt(format!("it has no pixels ({width} × {height})")));
        }
        // Where it is left out, there are as many as depths.
        let depths = directory.numbers(BITS).map_or(1, |depths| depths.len() as u64);
        let is_old_jpeg = number(COMPRESSION, 1) == 6 && number(PHOTOMETRIC, 0) == 6;
        let samples = number(SAMPLES, if is_old_jpeg { 3 } else { depths });
        if samples == 0 || samples > MAX_SAMPLES {
            return Err(DecodeError::unsupported(format!("TIFF with {samples} samples a pixel")));
        }
        let samples = samples as usize;
        let bits = same(directory, BITS, samples, 1)?;
        let format = same(directory, SAMPLE_FORMAT, samples, 1)?;
        let number_kind = match format {
            1 | 4 => Number::Whole,
            2 => Number::Signed,
            3 => Number::Float,
            _ => return Err(DecodeError::unsupported("TIFF of complex numbers")),
        };
        if !matches!((number_kind, bits), (Number::Float, 16 | 24 | 32 | 64) | (Number::Whole | Number::Signed, 1..=64))
        {
            return Err(DecodeError::unsupported(format!("TIFF with {bits} bits a sample")));
        }
        let compression = number(COMPRESSION, 1);
        let photometric = match number(PHOTOMETRIC, u64::MAX) {
            0 => Photometric::WhiteIsZero,
            1 | 4 | 32_803 => Photometric::BlackIsZero,
            2 => Photometric::Rgb,
            3 => Photometric::Palette,
            5 => Photometric::Cmyk,
            6 => Photometric::YCbCr,
            8 => Photometric::Lab { is_icc: false },
            9 => Photometric::Lab { is_icc: true },
            // Some scanners leave it out; fax is white on black by nature.
            u64::MAX if (2..=4).contains(&compression) => Photometric::WhiteIsZero,
            u64::MAX if samples >= 3 => Photometric::Rgb,
            u64::MAX => Photometric::BlackIsZero,
            other => return Err(DecodeError::unsupported(format!("TIFF of photometric kind {other}"))),
        };
        if photometric == Photometric::Cmyk && (number(INK_SET, 1) != 1 || samples < 4) {
            return Err(DecodeError::unsupported("TIFF of other inks than CMYK"));
        }
        let extra = samples.saturating_sub(photometric.samples());
        let mut extras = directory.numbers(EXTRA_SAMPLES).into_iter().flatten();
        let alpha = match (extra, extras.next()) {
            (0, _) => Alpha::None,
            (_, Some(1)) => Alpha::Associated,
            (_, Some(2)) => Alpha::Straight,
            // RGB and grey with one more sample that nobody named is taken for transparency, as Pillow does.
            (1, None) if photometric != Photometric::Cmyk => Alpha::Straight,
            _ => Alpha::None,
        };
        let is_tiled = directory.has(TILE_WIDTH) && directory.has(TILE_HEIGHT);
        let (chunk_width, chunk_height) = if is_tiled {
            (side(TILE_WIDTH)?, side(TILE_HEIGHT)?)
        } else {
            (width, u32::try_from(number(ROWS_PER_STRIP, u64::from(height))).unwrap_or(u32::MAX).min(height))
        };
        if chunk_width == 0 || chunk_height == 0 {
            return Err(corrupt("its tiles or strips have no pixels"));
        }
        // Before TIFF 6, tiles were where strips are.
        let tag = |of_tiles, of_strips| if is_tiled && directory.has(of_tiles) { of_tiles } else { of_strips };
        let (offsets, lengths) = (tag(TILE_OFFSETS, STRIP_OFFSETS), tag(TILE_BYTES, STRIP_BYTES));
        let offsets = directory.numbers(offsets).ok_or_else(|| corrupt("it does not say where its pixels are"));
        let mut lengths = directory.numbers(lengths).into_iter().flatten();
        let jpeg_file = directory.number(JPEG_FILE).map(|at| (at, number(JPEG_FILE_BYTES, u64::MAX)));
        let chunks = match offsets {
            Ok(offsets) if offsets.len() <= MAX_CHUNKS => {
                offsets.map(|offset| (offset, lengths.next().unwrap_or(u64::MAX))).collect()
            }
            Ok(_) => return Err(corrupt("it has too many strips or tiles")),
            Err(_) if compression == 6 && jpeg_file.is_some() => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut subsampling = directory.numbers(YCBCR_SUBSAMPLING).into_iter().flatten();
        let mut factor = || subsampling.next().unwrap_or(2) as u32;
        let subsampling = if photometric == Photometric::YCbCr { (factor(), factor()) } else { (1, 1) };
        if !matches!(subsampling, (1 | 2 | 4, 1 | 2 | 4)) {
            return Err(corrupt("its chroma has an impossible size"));
        }
        let luma = directory.fractions(YCBCR_WEIGHTS).and_then(|all| all.try_into().ok());
        let reference = directory.fractions(REFERENCE_BLACK_WHITE).and_then(|all| all.try_into().ok());
        let exif = directory
            .short_or_long(orientation::TAG)
            .and_then(|value| Orientation::from_exif(u8::try_from(value).ok()?));
        Ok(Self {
            width,
            height,
            bits: bits as u32,
            number: number_kind,
            samples,
            alpha,
            photometric,
            compression,
            is_planar: number(PLANAR, 1) == 2 && samples > 1,
            predictor: number(PREDICTOR, 1),
            is_little,
            is_reversed: number(FILL_ORDER, 1) == 2,
            chunk_width,
            chunk_height,
            is_tiled,
            chunks,
            palette: directory.numbers(COLOUR_MAP).into_iter().flatten().take(3 << 16).collect(),
            subsampling,
            luma: luma.unwrap_or([0.299, 0.587, 0.114]),
            reference: reference.unwrap_or([0.0, 255.0, 128.0, 255.0, 128.0, 255.0]),
            jpeg_tables: directory.bytes(JPEG_TABLES).unwrap_or(&[]),
            jpeg_file,
            jpeg_parts: [JPEG_QUANTISATION, JPEG_DC_CODES, JPEG_AC_CODES]
                .map(|tag| directory.numbers(tag).into_iter().flatten().take(4).collect()),
            fax_options: number(T4_OPTIONS, 0),
            orientation: exif.unwrap_or_else(|| orientation::of(None, directory.bytes(XMP))),
            icc: directory.bytes(ICC),
        })
    }

    pub fn icc(&self) -> Option<&[u8]> {
        self.icc
    }

    pub fn profile(&self) -> Profile {
        self.icc.map_or(Profile::Srgb, |icc| Profile::Icc(icc.to_vec()))
    }

    /// Whether the profile is of the pixels as they come out: inks and Lab are turned into sRGB on the way.
    pub fn goes_by_profile(&self) -> bool {
        !matches!(self.photometric, Photometric::Cmyk | Photometric::Lab { .. })
    }

    /// Bytes of a sample in memory.
    pub fn bytes_a_sample(&self) -> u64 {
        match (self.number, self.bits) {
            (Number::Whole, 1..=8) => 1,
            (Number::Whole, 9..=16) => 2,
            _ => 8,
        }
    }

    /// Samples a pixel of one strip or tile.
    pub fn samples_in_chunk(&self) -> usize {
        if self.is_planar { 1 } else { self.samples }
    }

    /// Samples that are colours or transparency: planes beyond them are passed over.
    pub fn planes_of_use(&self) -> usize {
        if self.is_planar { self.photometric.samples() + usize::from(self.alpha != Alpha::None) } else { 1 }
    }

    /// Strips or tiles in a row, and rows of them.
    pub fn grid(&self) -> (usize, usize) {
        (self.width.div_ceil(self.chunk_width) as usize, self.height.div_ceil(self.chunk_height) as usize)
    }
}

impl Photometric {
    /// Samples of colour.
    pub const fn samples(self) -> usize {
        match self {
            Self::WhiteIsZero | Self::BlackIsZero | Self::Palette => 1,
            Self::Rgb | Self::YCbCr | Self::Lab { .. } => 3,
            Self::Cmyk => 4,
        }
    }
}

/// A field that has one value for each sample, all the same.
fn same(directory: &Directory, tag: u16, samples: usize, otherwise: u64) -> Result<u64, DecodeError> {
    let Some(mut values) = directory.numbers(tag) else { return Ok(otherwise) };
    let first = values.next().unwrap_or(otherwise);
    if values.take(samples.saturating_sub(1)).any(|value| value != first) {
        return Err(DecodeError::unsupported(format!("{NAME} whose samples have different depths")));
    }
    Ok(first)
}
