//! Pooling, with windows that may reach beyond the map and its padding.
//!
//! Means over fewer pixels than the window has, and sums, are means over all of the window times a factor of each place, which
//! is worked out beforehand.

use crate::network::ops::{multiply, pad, scalar};
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};
use burn::tensor::{Tensor, TensorData};
use plugin_blocks::{Scalar, Window};

/// What the pixels under the window become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reduction {
    /// The largest; the padding never is.
    Maximum,
    /// The mean, the padding counting or not.
    Mean { including_pad: bool },
    /// The sum.
    Sum,
}

/// Pooling of maps of one height and width. Pairs are height and width.
#[derive(Clone, Debug)]
pub(crate) struct Pooling {
    reduction: Reduction,
    kernel: [usize; 2],
    stride: [usize; 2],
    /// Before and after the map.
    around: [(usize, usize); 2],
    factor: Factor,
}

/// What means over whole windows are multiplied by.
#[derive(Clone, Debug, PartialEq)]
enum Factor {
    /// Nothing.
    None,
    /// The same everywhere.
    One(f64),
    /// A number a place, row after row, and the rows and columns.
    Places(Vec<f32>, [usize; 2]),
}

impl Pooling {
    /// Pooling of maps of `sides`.
    pub fn new(window: &Window, reduction: Reduction, sides: [u64; 2]) -> Self {
        let around = window.around(sides);
        let factor = match reduction {
            Reduction::Maximum => Factor::None,
            Reduction::Sum => Factor::One(window.area() as f64),
            Reduction::Mean { including_pad: true } if window.ignore_border => Factor::None,
            Reduction::Mean { including_pad } => {
                let places = window.places(sides).unwrap_or([0, 0]).map(|side| side as usize);
                Factor::Places(window.factors(sides, including_pad), places)
            }
        };
        let side = |pair: [u64; 2]| pair.map(|side| side as usize);
        let around = around.map(|(before, after)| (before as usize, after as usize));
        Self { reduction, kernel: side(window.kernel), stride: side(window.stride), around, factor }
    }

    /// As a window of `plugin_kernels` for maxima; `None` for what it cannot do.
    pub fn maximum(&self) -> Option<plugin_kernels::Window> {
        let Self { reduction, kernel, stride: [stride, across], around, .. } = *self;
        (reduction == Reduction::Maximum && stride == across).then_some(plugin_kernels::Window {
            kernel,
            stride,
            dilation: 1,
            padding: around,
        })
    }

    /// `[images, channels, height, width]` to `[images, channels, rows, columns]`.
    pub fn run(&self, x: Tensor<4>) -> Tensor<4> {
        let Self { reduction, kernel, stride, around, .. } = *self;
        let even = around.iter().all(|(before, after)| before == after && *before <= kernel[0].min(kernel[1]) / 2);
        let padding = if even { around.map(|(before, _)| before) } else { [0; 2] };
        if reduction == Reduction::Maximum {
            let x = if even { x } else { pad(x, around, f32::NEG_INFINITY) };
            return max_pool2d(x, MaxPoolOptions::new(kernel).with_stride(stride).with_padding(padding));
        }
        let x = if even { x } else { pad(x, around, 0.0) };
        let means = avg_pool2d(x, AvgPoolOptions::new(kernel).with_stride(stride).with_padding(padding));
        match &self.factor {
            Factor::None => means,
            Factor::One(factor) => scalar(means, Scalar::Multiply(*factor)),
            Factor::Places(factors, [rows, columns]) => {
                let factors = TensorData::new(factors.clone(), [1, 1, *rows, *columns]);
                let factors = Tensor::<4>::from_data(factors, &means.device()).cast(means.dtype());
                multiply(means, factors)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;
    use plugin_blocks::Padding;

    fn pooled(side: usize, kernel: u64, stride: u64, pixels: u64, reduction: Reduction) -> Vec<f32> {
        let window = Window {
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: Padding::Pixels([pixels; 2]),
            dilation: [1, 1],
            ignore_border: false,
        };
        let pooling = Pooling::new(&window, reduction, [side as u64; 2]);
        let x = Tensor::<4>::ones([1, 1, side, side], &Device::flex());
        let y = pooling.run(x);
        assert_eq!(y.dims()[2..], window.places([side as u64; 2]).unwrap().map(|side| side as usize));
        let row = y.dims()[3];
        y.into_data().try_to_vec::<f32>().unwrap().split_off(row * (row - 1))
    }

    /// Last rows of what nnabla 1.39.0 gives of ones with `ignore_border=False`.
    #[test]
    fn partial_windows_are_nnablas() {
        let mean = Reduction::Mean { including_pad: true };
        for (side, kernel, padding, expected) in [
            (5, 3, 0, vec![1.0, 1.0, 1.0]),
            (5, 3, 1, vec![4.0 / 9.0, 6.0 / 9.0, 4.0 / 9.0]),
            (6, 3, 1, vec![3.0 / 9.0, 0.5, 0.5, 0.25]),
            (7, 3, 1, vec![4.0 / 9.0, 6.0 / 9.0, 6.0 / 9.0, 4.0 / 9.0]),
        ] {
            let found = pooled(side, kernel, 2, padding, mean);
            assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6), "{side} {padding}: {found:?}");
            assert_eq!(found.len(), expected.len());
        }
        let inside = Reduction::Mean { including_pad: false };
        assert!(pooled(6, 3, 2, 1, inside).iter().all(|value| (value - 1.0).abs() < 1e-6));
        let sums = pooled(6, 3, 2, 1, Reduction::Sum);
        assert!(sums.iter().zip([2.0, 3.0, 3.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-5), "{sums:?}");
        assert_eq!(pooled(7, 3, 2, 0, Reduction::Maximum), [1.0; 4]);
    }
}
