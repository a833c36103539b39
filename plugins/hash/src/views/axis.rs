//! One side of a square, seen whole or in part: what of it goes into the hashes of a view. The hashes look at means and
//! waves of brightness, which are sums over rows and then over columns, so no image of the view is ever made.

use super::{Signature, Square};
use crate::bits;
use crate::thumbnail::SIDE;
use std::array::from_fn;
use std::f64::consts::PI;

/// Fields of a side, and waves.
const FIELDS: usize = 8;
/// Fields of a side whose neighbours are compared.
const NINE: usize = FIELDS + 1;
/// Steps of a grey level in which waves are compared: finer differences are rounding, not image.
const WAVE_STEPS: f32 = 16.0;

/// Sums along one side of a square.
pub struct Axis {
    /// By wave, half a wave after the other, and by pixel: its share in it.
    waves: [[f32; SIDE]; FIELDS],
    /// The same by pixel and by wave.
    waves_by_pixel: [[f32; FIELDS]; SIDE],
    eight: [Field; FIELDS],
    nine: [Field; NINE],
}

/// A stretch of pixels, which lies within the side, and the share of each in its mean.
struct Field {
    start: usize,
    shares: Vec<f32>,
}

/// A square whose columns have been summed: waves and fields by row, one number a column.
pub struct Columns {
    waves: [[f32; SIDE]; FIELDS],
    eight: [[f32; SIDE]; FIELDS],
    nine: [[f32; SIDE]; NINE],
}

impl Axis {
    /// Of a side without the share `before` at its beginning and `after` at its end.
    pub fn new(before: f64, after: f64) -> Self {
        let from = before * SIDE as f64;
        let length = (1.0 - before - after) * SIDE as f64;
        // The integral of a wave over a pixel, of which only the part that is seen counts.
        let wave = |k: usize, pixel: usize| {
            let at = |x: f64| ((x - from) / length).clamp(0.0, 1.0);
            let (start, end) = (at(pixel as f64), at((pixel + 1) as f64));
            let angle = PI * k as f64;
            (if k == 0 { end - start } else { ((angle * end).sin() - (angle * start).sin()) / angle }) as f32
        };
        let field = |index: usize, of: usize| {
            let width = length / of as f64;
            let (start, end) = (from + index as f64 * width, from + (index + 1) as f64 * width);
            let first = (start as usize).min(SIDE - 1);
            let covered = |pixel: usize| end.min((pixel + 1) as f64) - start.max(pixel as f64);
            let last = (end.ceil() as usize).min(SIDE);
            Field { start: first, shares: (first..last).map(|pixel| (covered(pixel) / width) as f32).collect() }
        };
        Self {
            waves: from_fn(|k| from_fn(|pixel| wave(k, pixel))),
            waves_by_pixel: from_fn(|pixel| from_fn(|k| wave(k, pixel))),
            eight: from_fn(|index| field(index, FIELDS)),
            nine: from_fn(|index| field(index, FIELDS + 1)),
        }
    }

    /// Sums a square's columns.
    pub fn down(&self, square: &Square) -> Columns {
        let mut columns =
            Columns { waves: [[0.0; SIDE]; FIELDS], eight: [[0.0; SIDE]; FIELDS], nine: [[0.0; SIDE]; NINE] };
        let rows = square.as_chunks::<SIDE>().0;
        for (sums, shares) in columns.waves.iter_mut().zip(&self.waves) {
            for (row, share) in rows.iter().zip(shares) {
                add(sums, row, *share);
            }
        }
        let fields = self.eight.iter().chain(&self.nine);
        for (sums, field) in columns.eight.iter_mut().chain(&mut columns.nine).zip(fields) {
            for (row, share) in rows[field.start..].iter().zip(&field.shares) {
                add(sums, row, *share);
            }
        }
        columns
    }

    /// Sums the rows of what is left; the hashes of the view.
    pub fn across(&self, columns: &Columns) -> Signature {
        let mut waves = [[0; FIELDS]; FIELDS];
        for (waves, row) in waves.iter_mut().zip(&columns.waves) {
            let mut sums = [0.0; FIELDS];
            for (value, shares) in row.iter().zip(&self.waves_by_pixel) {
                add(&mut sums, shares, *value);
            }
            *waves = sums.map(|sum| whole(sum * WAVE_STEPS));
        }
        let waves = waves.as_flattened();
        let median = median(waves);
        let fields = columns.eight.each_ref().map(|row| self.eight.each_ref().map(|field| field.mean(row)));
        let fields = fields.as_flattened();
        let sum: i32 = fields.iter().sum();
        let beside = columns.eight.each_ref().map(|row| self.nine.each_ref().map(|field| field.mean(row)));
        let below = columns.nine.each_ref().map(|row| self.eight.each_ref().map(|field| field.mean(row)));
        let below = below.as_flattened();
        Signature {
            means: bits(fields.iter().map(|f| f * fields.len() as i32 > sum)),
            across: bits(beside.iter().flat_map(|row| row.windows(2).map(|two| two[1] > two[0]))),
            down: bits(below.iter().zip(&below[FIELDS..]).map(|(upper, lower)| lower > upper)),
            waves: bits(waves.iter().map(|w| w * 2 > median)),
        }
    }
}

impl Field {
    /// The mean of a row's stretch, a whole grey level.
    fn mean(&self, row: &[f32; SIDE]) -> i32 {
        let sum: f32 = row[self.start..].iter().zip(&self.shares).map(|(value, share)| value * share).sum();
        whole(sum)
    }
}

fn add<const N: usize>(sums: &mut [f32; N], values: &[f32; N], by: f32) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += value * by;
    }
}

/// The nearest whole number; that is quicker than `round`, which has no instruction of its own everywhere.
fn whole(value: f32) -> i32 {
    (value + 0.5).floor() as i32
}

/// The two numbers in the middle of an even count, added.
fn median(values: &[i32]) -> i32 {
    let mut sorted = values.to_vec();
    let (below, middle, _) = sorted.select_nth_unstable(values.len() / 2);
    below.iter().max().unwrap_or(middle) + *middle
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A square that grows to the right.
    fn slope() -> Square {
        from_fn(|i| (i % SIDE) as f32 * 3.0)
    }

    #[test]
    fn means_are_those_of_what_is_seen() {
        for (before, after) in [(0.0, 0.0), (0.05, 0.05), (0.08, 0.0), (0.0, 0.08), (0.3, 0.1)] {
            let axis = Axis::new(before, after);
            let row: [f32; SIDE] = from_fn(|x| (x as f32 + 0.5) * 4.0);
            for (fields, count) in [(&axis.eight[..], 8), (&axis.nine[..], 9)] {
                for (index, field) in fields.iter().enumerate() {
                    let middle = before + (index as f64 + 0.5) / f64::from(count) * (1.0 - before - after);
                    let expected = (middle * 256.0) as f32;
                    assert!((field.mean(&row) as f32 - expected).abs() <= 1.0, "{before} {after} {index}");
                    let sum: f32 = field.shares.iter().sum();
                    assert!((sum - 1.0).abs() < 1e-5, "{sum}");
                }
            }
        }
    }

    #[test]
    fn waves_are_cosines_over_what_is_seen() {
        let axis = Axis::new(0.25, 0.25);
        for (k, wave) in axis.waves.iter().enumerate() {
            let sum: f32 = wave.iter().sum();
            assert!((sum - if k == 0 { 1.0 } else { 0.0 }).abs() < 1e-5, "{k}: {sum}");
            assert!(wave[..16].iter().chain(&wave[48..]).all(|share| *share == 0.0));
            // The middle of pixel 16 + i is at (i + 0.5) / 32 of what is seen.
            let at = |i: usize| (PI * k as f64 * (i as f64 + 0.5) / 32.0).cos() / 32.0;
            assert!((0..32).all(|i| (f64::from(wave[16 + i]) - at(i)).abs() < 1e-3), "{k}");
        }
    }

    #[test]
    fn a_slope_grows_across_and_not_down() {
        let axis = Axis::new(0.0, 0.0);
        let signature = axis.across(&axis.down(&slope()));
        assert_eq!((signature.across, signature.down), (u64::MAX, 0));
        assert_eq!(signature.means, 0x0F0F_0F0F_0F0F_0F0F);
    }

    #[test]
    fn the_median_is_of_the_two_in_the_middle() {
        assert_eq!(median(&[4, 1, 9, 3]), 7);
        assert_eq!(median(&[5, 5, 5, 5, 1, 9]), 10);
    }
}
