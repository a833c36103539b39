//! Convolutions of maps `[height, width, channels]`.

use crate::aligned::Aligned;
use crate::depthwise::{self, Row};
use crate::map::{Map, Window};
use crate::product::{Clamp, Panels, Rows, multiply};
use crate::simd::Level;
use rayon::prelude::*;

/// Products of a task at least, so that handing it to another thread is worth it.
const TASK: usize = 1 << 20;
/// Floats of windows that are laid side by side at a time.
const GATHERED: usize = 1 << 16;

/// A convolution with its weights laid out, and what follows it.
#[derive(Clone, Debug)]
pub struct Convolution {
    pub(crate) input: Map,
    pub(crate) output: Map,
    level: Level,
    window: Window,
    clamp: Clamp,
    weights: Weights,
}

#[derive(Clone, Debug)]
enum Weights {
    /// Each pixel by itself.
    Pixel(Panels),
    /// `[height, width, channels]`.
    Depthwise { weights: Aligned, bias: Aligned },
    /// By groups.
    Gathered(Vec<Panels>),
}

/// Why something cannot be computed here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KernelError {
    /// Sizes do not fit each other.
    #[error("{0}")]
    Shape(String),
}

impl Convolution {
    /// Corresponds to `torch.nn.Conv2d` followed by a clamp: `weight: [outputs, inputs / groups, height, width]`,
    /// `bias: [outputs]`.
    ///
    /// # Errors
    /// [`KernelError::Shape`] when the numbers of weights are not those of the window, or it is larger than the map.
    pub fn new(
        input: Map,
        window: Window,
        groups: usize,
        weight: &[f32],
        bias: &[f32],
        clamp: Clamp,
    ) -> Result<Self, KernelError> {
        Self::with_level(Level::detect(), input, window, groups, weight, bias, clamp)
    }

    pub(crate) fn with_level(
        level: Level,
        input: Map,
        window: Window,
        groups: usize,
        weight: &[f32],
        bias: &[f32],
        clamp: Clamp,
    ) -> Result<Self, KernelError> {
        let wrong = || KernelError::Shape(format!("{window:?} in {groups} groups does not go over {input:?}"));
        let outputs = bias.len();
        let [kernel_height, kernel_width] = window.kernel;
        let divides = |n: usize| groups > 0 && n > 0 && n.is_multiple_of(groups);
        if !divides(input.channels) || !divides(outputs) || window.stride * window.dilation * kernel_height == 0 {
            return Err(wrong());
        }
        let (from, to) = (input.channels / groups, outputs / groups);
        let area = kernel_height * kernel_width;
        if weight.len() != outputs * from * area || area == 0 {
            return Err(wrong());
        }
        let [height, width] = window.over(input).ok_or_else(wrong)?;
        let weights = if from == 1 && to == 1 && groups > 1 {
            let weights = (0..area).flat_map(|at| (0..outputs).map(move |o| weight[o * area + at])).collect();
            Weights::Depthwise { weights, bias: bias.iter().copied().collect() }
        } else {
            let panels = |group: usize| {
                let first = group * to;
                Panels::new(level, area * from, &bias[first..first + to], |input, output| {
                    weight[((first + output) * from + input % from) * area + input / from]
                })
            };
            if groups == 1 && window.is_pixel() {
                Weights::Pixel(panels(0))
            } else {
                Weights::Gathered((0..groups).map(panels).collect())
            }
        };
        let output = Map { height, width, channels: outputs };
        Ok(Self { input, output, level, window, clamp, weights })
    }

    /// Of one map `x`, to which `other` is added before the clamp. Tasks go to rayon's threads.
    ///
    /// # Panics
    /// When the slices are not of the sizes of the maps.
    pub fn run(&self, x: &[f32], other: Option<&[f32]>, y: &mut [f32]) {
        assert!(x.len() == self.input.len() && y.len() == self.output.len(), "maps of other sizes");
        assert!(other.is_none_or(|other| other.len() == self.output.len()), "a summand of another size");
        let Map { width, channels, .. } = self.output;
        match &self.weights {
            Weights::Pixel(panels) => {
                let pixels = task(panels.inputs * channels, 48);
                y.par_chunks_mut(pixels * channels).enumerate().for_each(|(at, y)| {
                    let first = at * pixels;
                    let x = Rows { values: &x[first * panels.inputs..], stride: panels.inputs };
                    let other = other.map(|other| &other[first * channels..]);
                    multiply(y.len() / channels, x, panels, other, self.clamp, y, channels);
                });
            }
            Weights::Depthwise { weights, bias } => {
                let window = &self.window;
                let rows = task(width * weights.len() * 4, 1);
                y.par_chunks_mut(rows * width * channels).enumerate().for_each(|(at, y)| {
                    for (row, y) in y.chunks_exact_mut(width * channels).enumerate() {
                        let row = Row {
                            x,
                            map: [self.input.height, self.input.width],
                            weights,
                            bias,
                            kernel: window.kernel,
                            stride: window.stride,
                            dilation: window.dilation,
                            padding: window.padding.map(|(before, _)| before),
                            place: at * rows + row,
                            clamp: if other.is_some() { Clamp::NONE } else { self.clamp },
                        };
                        depthwise::row(self.level, &row, y);
                    }
                    if let Some(other) = other {
                        let first = at * rows * width * channels;
                        crate::pointwise::add(y, &other[first..], self.clamp);
                    }
                });
            }
            Weights::Gathered(groups) => {
                let inputs = groups[0].inputs;
                let most = (GATHERED / inputs).max(12).next_multiple_of(12);
                let pixels = task(inputs * channels, 12).min(most);
                y.par_chunks_mut(pixels * channels).enumerate().for_each(|(at, y)| {
                    let (first, count) = (at * pixels, y.len() / channels);
                    let mut windows = Aligned::zeros(count * inputs);
                    for (group, panels) in groups.iter().enumerate() {
                        self.gather(x, group, groups.len(), first, &mut windows);
                        let x = Rows { values: &windows, stride: inputs };
                        let column = group * panels.outputs;
                        let other = other.map(|other| &other[first * channels + column..]);
                        multiply(count, x, panels, other, self.clamp, &mut y[column..], channels);
                    }
                });
            }
        }
    }

    /// Lays the windows of a group's channels side by side: a row `[height, width, channels]` a pixel.
    fn gather(&self, x: &[f32], group: usize, groups: usize, first: usize, windows: &mut [f32]) {
        let Window { kernel: [height, width], stride, dilation, padding } = self.window;
        let channels = self.input.channels / groups;
        for (at, window) in windows.chunks_exact_mut(height * width * channels).enumerate() {
            let place = first + at;
            let (row, column) = (place / self.output.width * stride, place % self.output.width * stride);
            let on_map = |place: usize, point: usize, side: usize, length: usize| {
                (place + point * dilation).checked_sub(padding[side].0).filter(|at| *at < length)
            };
            let at_once = groups == 1 && dilation == 1;
            let inside = column >= padding[1].0 && column + width <= self.input.width + padding[1].0;
            for (point, line) in window.chunks_exact_mut(width * channels).enumerate() {
                let Some(row) = on_map(row, point, 0, self.input.height) else {
                    line.fill(0.0);
                    continue;
                };
                let row = &x[row * self.input.width * self.input.channels..][..self.input.width * self.input.channels];
                if at_once && inside {
                    line.copy_from_slice(&row[(column - padding[1].0) * channels..][..width * channels]);
                    continue;
                }
                for (point, numbers) in line.chunks_exact_mut(channels).enumerate() {
                    match on_map(column, point, 1, self.input.width) {
                        Some(column) => {
                            let from = column * self.input.channels + group * channels;
                            numbers.copy_from_slice(&row[from..from + channels]);
                        }
                        None => numbers.fill(0.0),
                    }
                }
            }
        }
    }
}

/// How many pieces of so many products make a task, a multiple of `of`.
fn task(products: usize, of: usize) -> usize {
    TASK.div_ceil(products.max(1)).next_multiple_of(of)
}

#[cfg(test)]
pub(crate) mod tests;
