//! `small-cnn`: a convolution, max pooling and ReLU, twice, then one fully connected layer. No batch normalisation.
//!
//! The network a beginner draws first in a block editor; it trains in seconds on a CPU.

use crate::init::Init;
use crate::input::IMAGENET;
use crate::layers::{Linear, conv};
use crate::network::{Architecture, Network, Shape};
use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;

/// The entry in the registry.
pub const ENTRY: Architecture = Architecture {
    name: "small-cnn",
    about: "two convolutions with max pooling and ReLU, then a fully connected layer",
    sizes_px: (16, 512),
    input: IMAGENET,
    classifier: "fc",
    build: |init, shape| Network::SmallCnn(SmallCnn::new(init, shape)),
};

const FIRST: usize = 16;
const SECOND: usize = 32;
const KERNEL: usize = 5;

/// Convolution (16 of 5 × 5), max pooling, ReLU, convolution (32 of 5 × 5), max pooling, ReLU, fully connected.
#[derive(Module, Debug)]
pub struct SmallCnn {
    conv1: Conv2d,
    conv2: Conv2d,
    /// The classifier.
    pub fc: Linear,
}

impl SmallCnn {
    /// Draws first weights.
    pub fn new(init: &mut Init<'_>, shape: Shape) -> Self {
        let side = shape.size_px as usize / 2 / 2;
        Self {
            conv1: conv(init, [3, FIRST], KERNEL, 1, KERNEL / 2, true),
            conv2: conv(init, [FIRST, SECOND], KERNEL, 1, KERNEL / 2, true),
            fc: Linear::new(init, SECOND * side * side, shape.classes),
        }
    }

    /// `[pictures, 3, size, size]` to `[pictures, 32 · ⌊size / 4⌋²]`.
    pub fn features(&self, x: Tensor<4>) -> Tensor<2> {
        let halve = |x| relu(max_pool2d(x, MaxPoolOptions::new([2, 2])));
        let x = halve(self.conv1.forward(x));
        let x = halve(self.conv2.forward(x));
        x.flatten(1, 3)
    }
}
