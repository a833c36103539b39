//! Convolutions in use, as oneDNN is fastest with them: weights laid out beforehand in its own way, and what follows computed
//! in the same kernel. ATen's own convolution lays the weights out anew for each batch.
//!
//! What layout is best depends on how many images come at once: one alone is cut up among threads otherwise than several.
//! Weights that lie wrong are laid out anew for every batch, so each number gets its own when first met.
//!
//! These are the operations that `torch.compile` turns convolutions into on the CPU
//! (`aten/src/ATen/native/mkldnn/Conv.cpp` of PyTorch).

use super::joint::Then;
use crate::native::bridge::{from_torch, to_torch};
use crate::native::{heap, shim};
use crate::network::ops;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor as BurnTensor;
use std::fmt;
use std::sync::{Arc, RwLock};

/// Weights as they lie best for batches of so many images.
struct Layout {
    images: i64,
    weight: Arc<shim::Shared>,
}

/// A convolution whose weights are laid out for oneDNN.
pub(crate) struct Packed {
    /// As ATen has them.
    weight: shim::Shared,
    /// For one image, and for the largest batch so far.
    layouts: [RwLock<Option<Layout>>; 2],
    /// Channels, height and width of the maps, with what is put around.
    map: [i64; 3],
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
    /// A convolution of maps `[channels, height, width]`; none when its weights are not on LibTorch's CPU. From then on this
    /// process keeps memory between batches.
    pub fn new(conv: &Conv2d, [channels, height, width]: [usize; 3], then: Then) -> Option<Self> {
        let weight = to_torch(conv.weight.val()).filter(|weight| weight.device() == tch::Device::Cpu)?.detach();
        heap::keep();
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
                let ((top, bottom), (left, right)) = (ops::same(conv, height, 0), ops::same(conv, width, 1));
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
        let map = [channels as i64, height as i64 + top + bottom, width as i64 + left + right];
        let (weight, bias) = (shim::Shared::new(weight), bias.map(shim::Shared::new));
        Some(Self { weight, layouts: Default::default(), map, bias, window, then, around })
    }

    /// The weights as a batch of so many images wants them; none when oneDNN has no such convolution.
    fn laid_out(&self, images: i64) -> Option<Arc<shim::Shared>> {
        let layout = &self.layouts[usize::from(images > 1)];
        if let Some(found) = layout.read().ok()?.as_ref().filter(|found| found.images >= images) {
            return Some(Arc::clone(&found.weight));
        }
        let [channels, height, width] = self.map;
        let weight = shim::pack(self.weight.get(), &self.window, [images, channels, height, width]).ok()?;
        let weight = Arc::new(shim::Shared::new(weight));
        *layout.write().ok()? = Some(Layout { images, weight: Arc::clone(&weight) });
        Some(weight)
    }

    /// Of maps, and what is added to them if anything is; none when oneDNN refuses.
    pub fn run(&self, x: &BurnTensor<4>, other: Option<&BurnTensor<4>>) -> Option<BurnTensor<4>> {
        let mut x = to_torch(x.clone())?;
        let weight = self.laid_out(x.size()[0])?;
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
        let y = shim::convolution(&x, weight.get(), bias, other.as_ref(), &self.window, limit).ok()?;
        Some(from_torch(y))
    }
}
