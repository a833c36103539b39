//! Samples out of bytes: predictors undone, bits unpacked.

use super::page::{Number, Page};
use crate::error::DecodeError;

/// The samples of a page, `height × width × samples`.
pub enum Samples {
    /// Whole numbers of up to 8 bits, as they are.
    Bytes(Vec<u8>),
    /// Whole numbers of 9 to 16 bits, as they are.
    Words(Vec<u16>),
    /// Everything else.
    Numbers(Vec<f64>),
}

impl Samples {
    pub fn new(page: &Page, length: usize) -> Self {
        match page.bytes_a_sample() {
            1 => Self::Bytes(vec![0; length]),
            2 => Self::Words(vec![0; length]),
            _ => Self::Numbers(vec![0.0; length]),
        }
    }
}

/// Bytes of a row of a strip or tile.
pub fn row_bytes(page: &Page, pixels: usize) -> usize {
    (pixels * page.samples_in_chunk() * page.bits as usize).div_ceil(8)
}

/// Undoes the predictor of unpacked rows. Source: TIFF 6.0, section 14; Adobe Photoshop TIFF technical note 3.
pub fn undo_predictor(page: &Page, data: &mut [u8], pixels: usize) -> Result<(), DecodeError> {
    let (row, step) = (row_bytes(page, pixels).max(1), page.samples_in_chunk());
    match (page.predictor, page.bits) {
        (0 | 1, _) => {}
        (2, 8) => data.chunks_mut(row).for_each(|row| add::<1>(row, step, page.is_little)),
        (2, 16) => data.chunks_mut(row).for_each(|row| add::<2>(row, step, page.is_little)),
        (2, 32) => data.chunks_mut(row).for_each(|row| add::<4>(row, step, page.is_little)),
        (2, 64) => data.chunks_mut(row).for_each(|row| add::<8>(row, step, page.is_little)),
        (3, 16 | 24 | 32 | 64) if page.number == Number::Float => {
            data.chunks_mut(row).for_each(|row| floats(row, step, page.bits as usize / 8, page.is_little));
        }
        (predictor, bits) => {
            return Err(DecodeError::unsupported(format!("TIFF with predictor {predictor} of {bits} bits")));
        }
    }
    Ok(())
}

/// Each sample is the difference from the one before it.
fn add<const SIZE: usize>(row: &mut [u8], step: usize, is_little: bool) {
    let samples = row.as_chunks_mut::<SIZE>().0;
    for n in step..samples.len() {
        let (before, mut value) = (samples[n - step], samples[n]);
        // Addition with carry, from the least significant byte on.
        let mut carry = 0;
        for place in 0..SIZE {
            let at = if is_little { place } else { SIZE - 1 - place };
            let sum = u16::from(before[at]) + u16::from(value[at]) + carry;
            value[at] = sum as u8;
            carry = sum >> 8;
        }
        samples[n] = value;
    }
}

/// Bytes of the same significance stand together, most significant first, as differences.
fn floats(row: &mut [u8], step: usize, size: usize, is_little: bool) {
    for n in step..row.len() {
        row[n] = row[n].wrapping_add(row[n - step]);
    }
    let count = row.len() / size;
    let planes = row.to_vec();
    for n in 0..count {
        for place in 0..size {
            let at = if is_little { size - 1 - place } else { place };
            row[n * size + at] = planes[place * count + n];
        }
    }
}

/// Where a chunk's pixels go.
#[derive(Clone, Copy)]
pub struct Place {
    /// First pixel of the chunk's first row on the page.
    pub column: usize,
    pub row: usize,
    /// Pixels and rows of it that lie on the page.
    pub columns: usize,
    pub rows: usize,
    /// Pixels in a row of the chunk.
    pub stride: usize,
    /// The plane, for planar pages.
    pub plane: usize,
}

/// Unpacks a chunk's samples into the page's.
pub fn put(page: &Page, data: &[u8], place: Place, samples: &mut Samples) {
    let in_chunk = page.samples_in_chunk();
    let length = row_bytes(page, place.stride).max(1);
    let width = page.width as usize;
    for (n, row) in data.chunks(length).take(place.rows).enumerate() {
        let start = ((place.row + n) * width + place.column) * page.samples + place.plane;
        // In planar pages a row's samples lie `samples` apart, else side by side.
        let (count, step) = if page.is_planar { (place.columns, page.samples) } else { (place.columns * in_chunk, 1) };
        match samples {
            Samples::Bytes(all) => {
                let targets = all[start..].iter_mut().step_by(step).take(count);
                if page.bits == 8 {
                    targets.zip(row).for_each(|(target, value)| *target = *value);
                } else {
                    targets.zip(Bits::new(row, page.bits)).for_each(|(target, value)| *target = value as u8);
                }
            }
            Samples::Words(all) => {
                let targets = all[start..].iter_mut().step_by(step).take(count);
                if page.bits == 16 {
                    let words = row.as_chunks::<2>().0;
                    let word = |bytes: &[u8; 2]| {
                        if page.is_little { u16::from_le_bytes(*bytes) } else { u16::from_be_bytes(*bytes) }
                    };
                    targets.zip(words).for_each(|(target, bytes)| *target = word(bytes));
                } else {
                    targets.zip(Bits::new(row, page.bits)).for_each(|(target, value)| *target = value as u16);
                }
            }
            Samples::Numbers(all) => {
                let targets = all[start..].iter_mut().step_by(step).take(count);
                if page.bits.is_multiple_of(8) {
                    let size = page.bits as usize / 8;
                    targets.zip(row.chunks_exact(size)).for_each(|(target, bytes)| *target = number(page, bytes));
                } else {
                    let number = |value: u64| {
                        if page.number == Number::Signed { signed(value, page.bits) } else { value as f64 }
                    };
                    targets.zip(Bits::new(row, page.bits)).for_each(|(target, value)| *target = number(value));
                }
            }
        }
    }
}

fn signed(value: u64, bits: u32) -> f64 {
    let shift = u64::BITS - bits;
    (((value << shift) as i64) >> shift) as f64
}

/// A number of whole bytes.
fn number(page: &Page, bytes: &[u8]) -> f64 {
    let fold = |value: u64, byte: &u8| (value << 8) | u64::from(*byte);
    let value = if page.is_little { bytes.iter().rev().fold(0, fold) } else { bytes.iter().fold(0, fold) };
    match (page.number, page.bits) {
        (Number::Whole, _) => value as f64,
        (Number::Signed, bits) => signed(value, bits),
        (Number::Float, 16) => half(value as u16),
        // 24 bits: one of sign, 7 of exponent, 16 of fraction.
        (Number::Float, 24) => small_float(value, 7, 16),
        (Number::Float, 32) => f64::from(f32::from_bits(value as u32)),
        (Number::Float, _) => f64::from_bits(value),
    }
}

/// IEEE 754 binary16.
fn half(bits: u16) -> f64 {
    small_float(u64::from(bits), 5, 10)
}

fn small_float(bits: u64, exponent_bits: u32, fraction_bits: u32) -> f64 {
    let fraction = (bits & ((1 << fraction_bits) - 1)) as f64 / f64::from(1_u32 << fraction_bits);
    let exponent = (bits >> fraction_bits & ((1 << exponent_bits) - 1)) as i32;
    let (last, bias) = ((1 << exponent_bits) - 1, (1 << (exponent_bits - 1)) - 1);
    let size = match exponent {
        0 => fraction * 2_f64.powi(1 - bias),
        exponent if exponent == last => return if fraction == 0.0 { f64::INFINITY } else { f64::NAN },
        exponent => (1.0 + fraction) * 2_f64.powi(exponent - bias),
    };
    if bits >> (fraction_bits + exponent_bits) & 1 == 1 { -size } else { size }
}

/// Numbers of 1 to 64 bits, the most significant bit first.
struct Bits<'a> {
    bytes: &'a [u8],
    size: u32,
    at: usize,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8], size: u32) -> Self {
        Self { bytes, size, at: 0 }
    }
}

impl Iterator for Bits<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let end = self.at + self.size as usize;
        if end > self.bytes.len() * 8 {
            return None;
        }
        let mut value = 0;
        while self.at < end {
            let inside = self.at % 8;
            let taken = (8 - inside).min(end - self.at);
            let byte = u64::from(self.bytes[self.at / 8]) >> (8 - inside - taken) & ((1 << taken) - 1);
            value = value << taken | byte;
            self.at += taken;
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_unpacked_from_the_most_significant() {
        let all = |bytes: &[u8], bits| Bits::new(bytes, bits).collect::<Vec<_>>();
        assert_eq!(all(&[0b1010_0001], 1), [1, 0, 1, 0, 0, 0, 0, 1]);
        assert_eq!(all(&[0x12, 0x34, 0x56], 12), [0x123, 0x456]);
        assert_eq!(all(&[0xFF; 8], 64), [u64::MAX]);
        assert_eq!(all(&[0xE4], 2), [3, 2, 1, 0]);
    }

    #[test]
    fn small_floats_are_read() {
        assert_eq!([0x3C00, 0x3800, 0xC000, 0x0001].map(half), [1.0, 0.5, -2.0, 2_f64.powi(-24)]);
        assert!(half(0x7C00).is_infinite() && half(0x7E00).is_nan());
    }

    #[test]
    fn differences_are_added_up_in_both_orders() {
        let mut row = [1, 0, 255, 0, 2, 1];
        add::<2>(&mut row, 1, true);
        assert_eq!(row, [1, 0, 0, 1, 2, 2]);
        let mut row = [0, 1, 0, 255, 1, 2];
        add::<2>(&mut row, 1, false);
        assert_eq!(row, [0, 1, 1, 0, 2, 2]);
    }
}
