//! Convolutions in use, as oneDNN is fastest with them: weights laid out once in its own way, and what follows computed in
//! the same kernel. ATen's own convolution lays the weights out anew for each batch.
//!
//! These are the operations that `torch.compile` turns convolutions into on the CPU
//! (`aten/src/ATen/native/mkldnn/Conv.cpp` of PyTorch).

use super::bridge::{from_torch, to_torch};
use super::shim;
use crate::interpreter::Then;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor as BurnTensor;
use std::fmt;

/// A convolution whose weights are laid out for oneDNN.
pub(crate) struct Packed {
    weight: shim::Shared,
    bias: Option<shim::Shared>,
    window: shim::Window,
    then: Then,
    /// Zeros that are put around first, where one side wants more than the other: left, right, top, bottom.
    around: Option<[i64; 4]>,
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packed").field("window", &self.window).field("then", &self.then).finish_non_exhaustive()
    }
}

impl Packed {
    /// Lays out weights for maps `[channels, height, width]`; none when they are not on LibTorch's CPU, or oneDNN has no such
    /// convolution.
    pub fn new(conv: &Conv2d, [channels, height, width]: [usize; 3], then: Then) -> Option<Self> {
        let weight = to_torch(conv.weight.val()).filter(|weight| weight.device() == tch::Device::Cpu)?.detach();
        let bias = conv.bias.as_ref().and_then(|bias| to_torch(bias.val())).map(|bias| bias.detach());
        let (mut padding, mut around) = ([0; 2], None);
        match &conv.padding {
            PaddingConfig2d::Valid => {}
            PaddingConfig2d::Explicit(top, left, bottom, right) if (top, left) == (bottom, right) => {
                padding = [*top as i64, *left as i64];
            }
            PaddingConfig2d::Explicit(top, left, bottom, right) => {
                around = Some([*left, *right, *top, *bottom].map(|n| n as i64));
            }
            PaddingConfig2d::Same => {
                let ((top, bottom), (left, right)) =
                    (crate::ops::same(conv, height, 0), crate::ops::same(conv, width, 1));
                if (top, left) == (bottom, right) {
                    padding = [top as i64, left as i64];
                } else {
                    around = Some([left, right, top, bottom].map(|n| n as i64));
                }
            }
        }
        let window = shim::Window {
            padding,
            stride: conv.stride.map(|n| n as i64),
            dilation: conv.dilation.map(|n| n as i64),
            groups: conv.groups as i64,
        };
        let [left, right, top, bottom] = around.unwrap_or_default();
        let input = [1, channels as i64, height as i64 + top + bottom, width as i64 + left + right];
        let weight = shim::pack(&weight, &window, input).ok()?;
        let (weight, bias) = (shim::Shared::new(weight), bias.map(shim::Shared::new));
        Some(Self { weight, bias, window, then, around })
    }

    /// Of maps, and what is added to them if anything is; none when oneDNN refuses.
    pub fn run(&self, x: &BurnTensor<4>, other: Option<&BurnTensor<4>>) -> Option<BurnTensor<4>> {
        let mut x = to_torch(x.clone())?;
        if let Some(around) = self.around {
            x = x.f_constant_pad_nd(around).ok()?;
        }
        let other = other.map(|other| to_torch(other.clone()));
        let other = if let Some(other) = other { Some(other?) } else { None };
        let limit = match self.then {
            Then::Nothing | Then::Sum => shim::Limit::None,
            Then::Relu | Then::SumAndRelu => shim::Limit::Below,
            Then::Relu6 | Then::SumAndRelu6 => shim::Limit::BelowAndSix,
        };
        let bias = self.bias.as_ref().map(shim::Shared::get);
        let y = shim::convolution(&x, self.weight.get(), bias, other.as_ref(), &self.window, limit).ok()?;
        Some(from_torch(y))
    }
}
