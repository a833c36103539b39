//! One step of a network: what an operation of a graph does to tensors.
//!
//! All of them are `[images, channels, height, width]`; numbers in a row are channels of one pixel.

use crate::network::layers::{BatchNorm2d, GroupNorm, Linear, Slope, learns};
use crate::network::ops::{self, add, convolution, global_average_pool, multiply, relu, relu6};
use crate::network::pooling::Pooling;
use burn::nn::conv::Conv2d;
use burn::tensor::{Tensor, TensorData};
use plugin_blocks::{Activation, Elementwise, Scalar};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A step, and the nodes of the graph it reads and gives the value of.
#[derive(Debug)]
pub(crate) struct Step {
    pub work: Work,
    pub inputs: Vec<usize>,
    pub output: usize,
    /// Whether the first value it reads may be written over.
    pub in_place: bool,
}

/// What is done. Numbers are those of layers.
#[derive(Debug)]
pub(crate) enum Work {
    Convolution(usize),
    ConvolutionAndNorm(usize, usize),
    Norm(usize),
    GroupNorm(usize),
    PRelu(usize),
    Affine(usize),
    /// Pixels above and below, left and right, and their value.
    Pad([(usize, usize); 2], f32),
    Pooling(Pooling),
    GlobalAveragePooling,
    Activation(Activation),
    Scalar(Scalar),
    Dropout(Dropout),
    Flatten,
    Add,
    Elementwise(Elementwise),
    Concatenation,
    Transpose([usize; 3]),
    /// To channels, height, width.
    Reshape([usize; 3]),
    ChannelShuffle(usize),
    /// First, end and step of channels, height and width.
    Slice([[usize; 3]; 3]),
    Grey,
}

/// Who has the layers with weights.
pub(crate) trait Layers {
    fn convolution(&self, index: usize) -> &Conv2d;
    fn norm(&self, index: usize) -> &BatchNorm2d;
    fn group_norm(&self, index: usize) -> &GroupNorm;
    fn slope(&self, index: usize) -> &Slope;
    fn affine(&self, index: usize) -> &Linear;
}

impl Step {
    /// The value of a node from those it reads, of which there is at least one.
    pub fn run(&self, layers: &impl Layers, mut inputs: Vec<Tensor<4>>) -> Tensor<4> {
        let in_place = self.in_place;
        match &self.work {
            Work::Concatenation => Tensor::cat(inputs, 1),
            Work::Activation(Activation::Relu) => relu(inputs.swap_remove(0), in_place),
            Work::Activation(Activation::Relu6) => relu6(inputs.swap_remove(0), in_place),
            Work::Elementwise(operation) => match (inputs.pop(), inputs.pop()) {
                (Some(second), Some(first)) => ops::elementwise(first, second, *operation),
                _ => nothing(),
            },
            Work::Add => inputs.into_iter().reduce(|x, y| add(x, y, in_place)).unwrap_or_else(nothing),
            work => work.run(layers, inputs.swap_remove(0)),
        }
    }
}

/// A sum of no values does not happen.
fn nothing() -> Tensor<4> {
    Tensor::empty([1, 1, 1, 1], &burn::tensor::Device::flex())
}

impl Work {
    /// Of one value.
    fn run(&self, layers: &impl Layers, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Convolution(index) => convolution(layers.convolution(*index), x),
            Self::ConvolutionAndNorm(convolution, norm) => {
                layers.norm(*norm).after(layers.convolution(*convolution), x)
            }
            Self::Norm(index) => layers.norm(*index).forward(x),
            Self::GroupNorm(index) => layers.group_norm(*index).forward(x),
            Self::PRelu(index) => layers.slope(*index).forward(x),
            Self::Pad(around, value) => ops::pad(x, *around, *value),
            Self::Affine(index) => row(layers.affine(*index).forward(x.flatten(1, 3))),
            Self::Pooling(pooling) => pooling.run(x),
            Self::GlobalAveragePooling => row(global_average_pool(x)),
            Self::Activation(activation) => activate(x, *activation),
            Self::Scalar(function) => ops::scalar(x, *function),
            Self::Transpose(axes) => {
                let [a, b, c] = axes.map(|axis| axis as isize + 1);
                x.permute([0, a, b, c])
            }
            Self::Reshape([channels, height, width]) => {
                let images = x.dims()[0];
                x.reshape([images, *channels, *height, *width])
            }
            Self::ChannelShuffle(groups) => ops::channel_shuffle(x, *groups),
            Self::Slice([start, stop, step]) => {
                let along = |axis: usize| burn::tensor::Slice {
                    start: start[axis] as isize,
                    end: Some(stop[axis] as isize),
                    step: step[axis] as isize,
                };
                x.slice([burn::tensor::Slice::full(), along(0), along(1), along(2)])
            }
            Self::Grey => ops::grey(x),
            Self::Dropout(dropout) => dropout.run(x),
            Self::Flatten => row(x.flatten(1, 3)),
            Self::Add | Self::Elementwise(_) | Self::Concatenation => x,
        }
    }
}

/// A function of each number.
fn activate(x: Tensor<4>, activation: Activation) -> Tensor<4> {
    match activation {
        Activation::Relu => relu(x, false),
        Activation::Relu6 => relu6(x, false),
        Activation::LeakyRelu { slope } => ops::leaky_relu(x, slope),
        Activation::Tanh => ops::tanh(x),
        Activation::Sigmoid => ops::sigmoid(x),
        Activation::Gelu => ops::gelu(x),
        Activation::Elu { alpha } => ops::elu(x, alpha),
        Activation::Selu => ops::selu(x),
        Activation::Swish => ops::swish(x),
        Activation::Mish => ops::mish(x),
        Activation::Softplus => ops::softplus(x),
        Activation::Softsign => ops::softsign(x),
        Activation::LogSigmoid => ops::log_sigmoid(x),
        Activation::HardSigmoid => ops::hard_sigmoid(x),
        Activation::HardTanh => ops::hard_tanh(x),
        Activation::HardSwish => ops::hard_swish(x),
        Activation::Absolute => ops::absolute(x),
    }
}

/// `[images, numbers]` as channels of one pixel.
fn row(x: Tensor<2>) -> Tensor<4> {
    let [images, numbers] = x.dims();
    x.reshape([images, numbers, 1, 1])
}

/// Sets a share of the numbers to 0 while learning (Srivastava et al. 2014). Drawn on the host, so that a run is the
/// same on every device.
#[derive(Debug)]
pub(crate) struct Dropout {
    rate: f64,
    place: u64,
    draw: Arc<AtomicU64>,
    /// The draw of the last call, and how many came before with the same one: pieces of a batch draw one after the other.
    last: AtomicU64,
    calls: AtomicU64,
}

impl Dropout {
    /// `draw`: what the trainer sets anew for each step, shared by all dropouts of a network.
    pub fn new(rate: f64, place: u64, draw: Arc<AtomicU64>) -> Self {
        let last = AtomicU64::new(draw.load(Ordering::Relaxed));
        Self { rate, place, draw, last, calls: AtomicU64::new(0) }
    }

    fn run(&self, x: Tensor<4>) -> Tensor<4> {
        if !learns(&x) || self.rate == 0.0 {
            return x;
        }
        let draw = self.draw.load(Ordering::Relaxed);
        if self.last.swap(draw, Ordering::Relaxed) != draw {
            self.calls.store(0, Ordering::Relaxed);
        }
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        let seed = blake3::hash(&[draw, self.place, call].map(u64::to_le_bytes).concat());
        let mut first = [0; 16];
        first.copy_from_slice(&seed.as_bytes()[..16]);
        let mut rng = Pcg64Mcg::from_seed(first);
        let (kept, shape) = ((1.0 / (1.0 - self.rate)) as f32, x.dims());
        let draw = |_| if rng.random::<f64>() < self.rate { 0.0 } else { kept };
        let mask: Vec<f32> = (0..shape.iter().product()).map(draw).collect();
        let mask = Tensor::from_data(TensorData::new(mask, shape), &x.device());
        multiply(x, mask)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn dropout_drops_its_share_while_learning_and_keeps_the_mean() {
        let dropped = |device: &Device, calls: usize| {
            let dropout = Dropout::new(0.3, 1, Arc::new(AtomicU64::new(7)));
            let x = || Tensor::<4>::ones([4, 100, 10, 10], device);
            (0..calls).map(|_| dropout.run(x()).into_data().try_to_vec::<f32>().unwrap()).collect::<Vec<_>>()
        };
        let runs = dropped(&Device::flex().autodiff(), 2);
        let zeros = runs[0].iter().filter(|v| **v == 0.0).count() as f32 / 40_000.0;
        let mean = runs[0].iter().sum::<f32>() / 40_000.0;
        assert!((zeros - 0.3).abs() < 0.01 && (mean - 1.0).abs() < 0.02, "{zeros} {mean}");
        assert_ne!(runs[0], runs[1], "another draw each time");
        assert_eq!(runs, dropped(&Device::flex().autodiff(), 2), "the seed decides");
        let draw = Arc::new(AtomicU64::new(3));
        let dropout = Dropout::new(0.3, 1, draw.clone());
        let next = |to: u64| {
            draw.store(to, Ordering::Relaxed);
            dropout.run(Tensor::<4>::ones([1, 10, 4, 4], &Device::flex().autodiff())).into_data()
        };
        let (first, second) = (next(3), next(4));
        assert_ne!(first, second, "each step draws its own");
        assert_eq!(first, next(3), "whatever was drawn before");
        assert!(dropped(&Device::flex(), 1)[0].iter().all(|v| *v == 1.0), "nothing is dropped in use");
    }
}
