//! Depthwise convolutions: each channel has a window of its own.

use crate::product::Clamp;
use crate::simd::{Kernel, Level, Simd};

/// Pixels of a row that are computed together, so that a weight is loaded once for all of them.
const PIXELS: usize = 8;
/// Vectors of channels that are computed together where pixels cannot be.
const VECTORS: usize = 4;

/// One row of what a depthwise convolution gives.
pub(crate) struct Row<'a> {
    /// The map, `[height, width, channels]`.
    pub x: &'a [f32],
    /// `[height, width]`.
    pub map: [usize; 2],
    /// `[kernel, kernel, channels]`.
    pub weights: &'a [f32],
    /// By channel.
    pub bias: &'a [f32],
    /// `[height, width]`.
    pub kernel: [usize; 2],
    pub stride: usize,
    pub dilation: usize,
    /// Zeros above and to the left.
    pub padding: [usize; 2],
    /// Which row of what comes out.
    pub place: usize,
    pub clamp: Clamp,
}

/// Computes a row, `y: [width, channels]`.
pub(crate) fn row(level: Level, row: &Row<'_>, y: &mut [f32]) {
    let channels = row.bias.len();
    assert!(row.x.len() == row.map[0] * row.map[1] * channels, "a map is height × width × channels");
    assert!(row.weights.len() == row.kernel[0] * row.kernel[1] * channels, "a window is height × width × channels");
    assert!(y.len().is_multiple_of(channels), "a row is width × channels");
    level.run(Work { row, width: y.len() / channels, y: y.as_mut_ptr() });
}

struct Work<'a> {
    row: &'a Row<'a>,
    width: usize,
    y: *mut f32,
}

impl Row<'_> {
    /// Places of the window along a side that lie on the map, when it is put at `place`.
    #[inline(always)]
    fn inside(&self, place: usize, side: usize) -> std::ops::Range<usize> {
        let start = place * self.stride;
        let padding = self.padding[side];
        let first = padding.saturating_sub(start).div_ceil(self.dilation);
        let end = (self.map[side] + padding).saturating_sub(start).div_ceil(self.dilation).min(self.kernel[side]);
        first.min(end)..end
    }
}

impl Kernel for Work<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let Self { row, width, y } = self;
        let whole = |place: &usize| row.inside(*place, 1).len() == row.kernel[1];
        let first = (0..width).find(whole).unwrap_or(width);
        let end = (first..width).find(|place| !whole(place)).unwrap_or(width);
        // SAFETY: `row` has seen to it that all is as large as it must be; `inside` keeps to the map.
        unsafe {
            for place in (0..first).chain(end..width) {
                row.one::<S>(place, y);
            }
            let mut place = first;
            while place + PIXELS <= end {
                match row.kernel[1] {
                    3 => row.several::<S, PIXELS, 3>(place, y),
                    5 => row.several::<S, PIXELS, 5>(place, y),
                    _ => row.several::<S, PIXELS, 0>(place, y),
                }
                place += PIXELS;
            }
            while place + PIXELS / 2 <= end {
                row.several::<S, { PIXELS / 2 }, 0>(place, y);
                place += PIXELS / 2;
            }
            for place in place..end {
                row.one::<S>(place, y);
            }
        }
    }
}

impl Row<'_> {
    /// `P` pixels whose windows lie on the map from the left to the right. `K`: columns of the window, 0 for any number.
    #[inline(always)]
    unsafe fn several<S: Simd, const P: usize, const K: usize>(&self, place: usize, y: *mut f32) {
        let channels = self.bias.len();
        let rows = self.inside(self.place, 0);
        // Of a window's first row and column on the map.
        let top = self.place * self.stride + rows.start * self.dilation - self.padding[0];
        let left = place * self.stride - self.padding[1];
        let step = self.stride * channels;
        let columns = if K == 0 { self.kernel[1] } else { K };
        let mut channel = 0;
        // SAFETY: the caller's.
        unsafe {
            let (low, high) = (S::splat(self.clamp.low), S::splat(self.clamp.high));
            while channel + S::LANES <= channels {
                let mut sums = [S::load(self.bias.as_ptr().add(channel)); P];
                for (down, row) in rows.clone().enumerate() {
                    let line = ((top + down * self.dilation) * self.map[1] + left) * channels + channel;
                    let weights = row * self.kernel[1] * channels + channel;
                    for column in 0..columns {
                        let weight = S::load(self.weights.as_ptr().add(weights + column * channels));
                        let x = self.x.as_ptr().add(line + column * self.dilation * channels);
                        for (pixel, sum) in sums.iter_mut().enumerate() {
                            *sum = S::load(x.add(pixel * step)).multiply_add(weight, *sum);
                        }
                    }
                }
                for (pixel, sum) in sums.into_iter().enumerate() {
                    sum.clamp(low, high).store(y.add((place + pixel) * channels + channel));
                }
                channel += S::LANES;
            }
            for pixel in place..place + P {
                self.rest(pixel, channel, y);
            }
        }
    }

    /// One pixel.
    #[inline(always)]
    unsafe fn one<S: Simd>(&self, place: usize, y: *mut f32) {
        let channels = self.bias.len();
        let mut channel = 0;
        // SAFETY: the caller's.
        unsafe {
            while channel + VECTORS * S::LANES <= channels {
                self.vectors::<S, VECTORS>(place, channel, y);
                channel += VECTORS * S::LANES;
            }
            while channel + S::LANES <= channels {
                self.vectors::<S, 1>(place, channel, y);
                channel += S::LANES;
            }
            self.rest(place, channel, y);
        }
    }

    #[inline(always)]
    unsafe fn vectors<S: Simd, const V: usize>(&self, place: usize, channel: usize, y: *mut f32) {
        let channels = self.bias.len();
        let (rows, columns) = (self.inside(self.place, 0), self.inside(place, 1));
        // SAFETY: the caller's.
        unsafe {
            let mut sums: [S; V] = std::array::from_fn(|v| S::load(self.bias.as_ptr().add(channel + v * S::LANES)));
            for row in rows {
                let line = (self.place * self.stride + row * self.dilation - self.padding[0]) * self.map[1];
                for column in columns.clone() {
                    let x = line + place * self.stride + column * self.dilation - self.padding[1];
                    let x = self.x.as_ptr().add(x * channels + channel);
                    let weight = self.weights.as_ptr().add((row * self.kernel[1] + column) * channels + channel);
                    for (v, sum) in sums.iter_mut().enumerate() {
                        let weight = S::load(weight.add(v * S::LANES));
                        *sum = S::load(x.add(v * S::LANES)).multiply_add(weight, *sum);
                    }
                }
            }
            let (low, high) = (S::splat(self.clamp.low), S::splat(self.clamp.high));
            let y = y.add(place * channels + channel);
            for (v, sum) in sums.into_iter().enumerate() {
                sum.clamp(low, high).store(y.add(v * S::LANES));
            }
        }
    }

    /// Channels that fill no vector.
    #[inline(always)]
    unsafe fn rest(&self, place: usize, from: usize, y: *mut f32) {
        let channels = self.bias.len();
        if from < channels {
            // SAFETY: the caller's.
            unsafe { self.scalars(place, from, y) }
        }
    }

    #[inline(never)]
    unsafe fn scalars(&self, place: usize, from: usize, y: *mut f32) {
        let channels = self.bias.len();
        for channel in from..channels {
            // SAFETY: the caller's; four lanes of which one is looked at would read beyond the end.
            unsafe { self.scalar(place, channel, y) }
        }
    }

    unsafe fn scalar(&self, place: usize, channel: usize, y: *mut f32) {
        let channels = self.bias.len();
        let mut sum = self.bias[channel];
        for row in self.inside(self.place, 0) {
            let line = (self.place * self.stride + row * self.dilation - self.padding[0]) * self.map[1];
            for column in self.inside(place, 1) {
                let x = line + place * self.stride + column * self.dilation - self.padding[1];
                let weight = self.weights[(row * self.kernel[1] + column) * channels + channel];
                sum += self.x[x * channels + channel] * weight;
            }
        }
        let sum = if sum < self.clamp.low { self.clamp.low } else { sum };
        let sum = if sum > self.clamp.high { self.clamp.high } else { sum };
        // SAFETY: a pixel of this row.
        unsafe { y.add(place * channels + channel).write(sum) }
    }
}
