//! What is done with each number, and with each channel.

use crate::map::{Map, Window};
use crate::product::Clamp;

fn clamped(value: f32, Clamp { low, high }: Clamp) -> f32 {
    // Unlike `f32::clamp`, vectors of it are two instructions; NaN stays NaN.
    let value = if value < low { low } else { value };
    if value > high { high } else { value }
}

/// `y = clamp(y + other)`.
pub(crate) fn add(y: &mut [f32], other: &[f32], clamp: Clamp) {
    for (y, other) in y.iter_mut().zip(other) {
        *y = clamped(*y + other, clamp);
    }
}

/// `y = clamp(x)`.
pub(crate) fn clamp(x: &[f32], clamp: Clamp, y: &mut [f32]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y = clamped(*x, clamp);
    }
}

/// Writes the pixels of `x`, of `channels` numbers each, into those of `y`, of `width` numbers each, from `start` on.
pub(crate) fn copy_channels(x: &[f32], channels: usize, y: &mut [f32], width: usize, start: usize) {
    for (x, y) in x.chunks_exact(channels).zip(y.chunks_exact_mut(width)) {
        y[start..start + channels].copy_from_slice(x);
    }
}

/// The mean of each channel of a map. Corresponds to `torch.nn.AdaptiveAvgPool2d(1)`.
pub(crate) fn mean(x: &[f32], y: &mut [f32]) {
    let channels = y.len();
    y.fill(0.0);
    for pixel in x.chunks_exact(channels) {
        for (sum, x) in y.iter_mut().zip(pixel) {
            *sum += x;
        }
    }
    let share = 1.0 / (x.len() / channels) as f32;
    for sum in y {
        *sum *= share;
    }
}

/// The largest number of each channel in a window. Corresponds to `torch.nn.MaxPool2d`: zeros around do not count.
pub(crate) fn largest(x: &[f32], map: Map, window: &Window, width: usize, y: &mut [f32]) {
    let channels = map.channels;
    for (place, y) in y.chunks_exact_mut(channels).enumerate() {
        y.fill(f32::NEG_INFINITY);
        let on_map = |place: usize, point: usize, side: usize, length: usize| {
            let at = place * window.stride + point * window.dilation;
            at.checked_sub(window.padding[side].0).filter(|at| *at < length)
        };
        let rows = (0..window.kernel[0]).filter_map(|point| on_map(place / width, point, 0, map.height));
        for row in rows {
            let columns = (0..window.kernel[1]).filter_map(|point| on_map(place % width, point, 1, map.width));
            for column in columns {
                let from = (row * map.width + column) * channels;
                for (y, x) in y.iter_mut().zip(&x[from..from + channels]) {
                    *y = if *y >= *x { *y } else { *x };
                }
            }
        }
    }
}
