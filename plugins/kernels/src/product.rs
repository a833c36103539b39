//! Matrix products with what follows them: `y = clamp(x · w + bias + other)`.
//!
//! The weights are laid out once, in panels as wide as two vectors (Goto and van de Geijn 2008, "Anatomy of
//! High-Performance Matrix Multiplication"); `x` is read where it lies. A tile of `y` stays in registers from the first
//! product to the clamp.

use crate::aligned::Aligned;
use crate::simd::{Kernel, Level, Simd};

/// Limits of what a layer gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clamp {
    /// Smallest value.
    pub low: f32,
    /// Largest value.
    pub high: f32,
}

impl Clamp {
    /// No limits.
    pub const NONE: Self = Self { low: f32::NEG_INFINITY, high: f32::INFINITY };
    /// Corresponds to `torch.nn.ReLU`.
    pub const RELU: Self = Self { low: 0.0, high: f32::INFINITY };
    /// Corresponds to `torch.nn.ReLU6`.
    pub const RELU6: Self = Self { low: 0.0, high: 6.0 };
}

/// Vectors in a row of a tile.
const WIDE: usize = 2;
/// Rows of `x` that are taken through all panels before the next: they stay in the second level cache.
const BLOCK: usize = 48;

/// A matrix `[inputs, outputs]` laid out for [`multiply`], with a bias.
#[derive(Clone, Debug)]
pub(crate) struct Panels {
    level: Level,
    pub inputs: usize,
    pub outputs: usize,
    /// Panels one after the other, each `[inputs, width]`; the last may be one vector wide. Zeros beyond `outputs`.
    values: Aligned,
    /// Zeros beyond `outputs`.
    bias: Aligned,
}

impl Panels {
    /// Lays out `weight(input, output)`.
    pub fn new(level: Level, inputs: usize, bias: &[f32], weight: impl Fn(usize, usize) -> f32) -> Self {
        let (lanes, outputs) = (level.lanes(), bias.len());
        let mut values = Vec::with_capacity(inputs * outputs.next_multiple_of(lanes));
        let mut first = 0;
        while first < outputs {
            let width = width(lanes, outputs - first);
            for input in 0..inputs {
                values.extend((first..first + width).map(|o| if o < outputs { weight(input, o) } else { 0.0 }));
            }
            first += width;
        }
        let zeros = std::iter::repeat_n(0.0, first - outputs);
        let bias = bias.iter().copied().chain(zeros).collect();
        Self { level, inputs, outputs, values: values.into_iter().collect(), bias }
    }
}

/// Width of the panel that begins where so many outputs are left.
const fn width(lanes: usize, left: usize) -> usize {
    if left > lanes { WIDE * lanes } else { lanes }
}

/// Rows of a matrix: each begins `stride` floats after the one before.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub values: &'a [f32],
    pub stride: usize,
}

/// `rows` rows of `y`, each `stride` floats after the one before, from as many of `x`. `other`, laid out as `y`, is added.
pub(crate) fn multiply(
    rows: usize,
    x: Rows<'_>,
    panels: &Panels,
    other: Option<&[f32]>,
    clamp: Clamp,
    y: &mut [f32],
    stride: usize,
) {
    if rows == 0 {
        return;
    }
    let least = (rows - 1) * stride + panels.outputs;
    assert!(x.values.len() >= (rows - 1) * x.stride + panels.inputs && y.len() >= least, "rows beyond the end");
    assert!(other.is_none_or(|other| other.len() >= least), "other rows beyond the end");
    panels.level.run(Product { rows, x, panels, other, clamp, y, stride });
}

struct Product<'a> {
    rows: usize,
    x: Rows<'a>,
    panels: &'a Panels,
    other: Option<&'a [f32]>,
    clamp: Clamp,
    y: &'a mut [f32],
    stride: usize,
}

impl Kernel for Product<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self) {
        let mut first = 0;
        while first < self.rows {
            let rows = BLOCK.min(self.rows - first);
            let (mut output, mut panel) = (0, 0);
            while output < self.panels.outputs {
                let left = self.panels.outputs - output;
                let width = width(S::LANES, left);
                let mut at = Tile {
                    inputs: self.panels.inputs,
                    x: self.x.values[first * self.x.stride..].as_ptr(),
                    x_stride: self.x.stride,
                    panel: self.panels.values[panel..].as_ptr(),
                    bias: self.panels.bias[output..].as_ptr(),
                    other: self.other.map_or(std::ptr::null(), |o| o[first * self.stride + output..].as_ptr()),
                    y: self.y[first * self.stride + output..].as_mut_ptr(),
                    stride: self.stride,
                    columns: left.min(width),
                    clamp: self.clamp,
                };
                // SAFETY: `multiply` has seen to it that all rows are there, `Panels::new` that whole panels are; the
                // instructions are this function's.
                unsafe { if width == S::LANES { at.rows::<S, 1>(rows) } else { at.rows::<S, WIDE>(rows) } }
                panel += self.panels.inputs * width;
                output += width;
            }
            first += rows;
        }
    }
}

/// Where a tile of `y` and what it is made of begin.
struct Tile {
    inputs: usize,
    x: *const f32,
    x_stride: usize,
    panel: *const f32,
    bias: *const f32,
    /// Null: nothing is added.
    other: *const f32,
    y: *mut f32,
    stride: usize,
    columns: usize,
    clamp: Clamp,
}

impl Tile {
    #[inline(always)]
    unsafe fn rows<S: Simd, const V: usize>(&mut self, rows: usize) {
        let mut left = rows;
        // SAFETY: the caller's.
        unsafe {
            match S::ROWS {
                12 => self.many::<S, 12, V>(&mut left),
                6 => self.many::<S, 6, V>(&mut left),
                _ => {}
            }
            self.many::<S, 4, V>(&mut left);
            self.many::<S, 1, V>(&mut left);
        }
    }

    #[inline(always)]
    unsafe fn many<S: Simd, const M: usize, const V: usize>(&mut self, left: &mut usize) {
        while *left >= M {
            // SAFETY: the caller's; so many rows are left.
            unsafe {
                self.tile::<S, M, V>();
                self.x = self.x.add(M * self.x_stride);
                self.y = self.y.wrapping_add(M * self.stride);
                if !self.other.is_null() {
                    self.other = self.other.wrapping_add(M * self.stride);
                }
            }
            *left -= M;
        }
    }

    #[inline(always)]
    unsafe fn tile<S: Simd, const M: usize, const V: usize>(&self) {
        // SAFETY: `M` rows of `x`, `y` and `other` are there, and a whole panel and its bias.
        unsafe {
            let bias: [S; V] = std::array::from_fn(|v| S::load(self.bias.add(v * S::LANES)));
            let mut sums = [bias; M];
            let mut panel = self.panel;
            for input in 0..self.inputs {
                let weights: [S; V] = std::array::from_fn(|v| S::load(panel.add(v * S::LANES)));
                for (row, sums) in sums.iter_mut().enumerate() {
                    let x = S::splat(*self.x.add(row * self.x_stride + input));
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        *sum = x.multiply_add(weight, *sum);
                    }
                }
                panel = panel.add(V * S::LANES);
            }
            let (low, high) = (S::splat(self.clamp.low), S::splat(self.clamp.high));
            if self.columns == V * S::LANES {
                for (row, sums) in sums.into_iter().enumerate() {
                    for (v, mut sum) in sums.into_iter().enumerate() {
                        let at = row * self.stride + v * S::LANES;
                        if !self.other.is_null() {
                            sum = sum.add(S::load(self.other.add(at)));
                        }
                        sum.clamp(low, high).store(self.y.add(at));
                    }
                }
            } else {
                // The last panel is wider than what is left of the row.
                let mut whole = [0.0_f32; 32];
                for (row, sums) in sums.into_iter().enumerate() {
                    for (v, mut sum) in sums.into_iter().enumerate() {
                        if !self.other.is_null() {
                            let mut other = [0.0_f32; 16];
                            let there = self.columns.saturating_sub(v * S::LANES).min(S::LANES);
                            let from = self.other.wrapping_add(row * self.stride + v * S::LANES);
                            std::ptr::copy_nonoverlapping(from, other.as_mut_ptr(), there);
                            sum = sum.add(S::load(other.as_ptr()));
                        }
                        sum.clamp(low, high).store(whole.as_mut_ptr().add(v * S::LANES));
                    }
                    std::ptr::copy_nonoverlapping(whole.as_ptr(), self.y.add(row * self.stride), self.columns);
                }
            }
        }
    }
}
