//! Batch normalisation by LibTorch's own kernel.

use super::bridge::{from_torch, to_torch};
use crate::layers::BatchNorm2d;
use burn::tensor::Tensor;

/// Normalises `[pictures, channels, height, width]` with the batch's own figures and blends them into the running
/// ones, in one kernel. None when not on LibTorch.
pub fn batch_norm(layer: &BatchNorm2d, x: &Tensor<4>) -> Option<Tensor<4>> {
    let (mean, var) = (to_torch(layer.running_mean.value_sync())?, to_torch(layer.running_var.value_sync())?);
    let (weight, bias) = (to_torch(layer.weight.val())?, to_torch(layer.bias.val())?);
    let x = to_torch(x.clone())?;
    let y = x.batch_norm(Some(weight), Some(bias), Some(mean), Some(var), true, layer.momentum, layer.epsilon, true);
    Some(from_torch(y))
}
