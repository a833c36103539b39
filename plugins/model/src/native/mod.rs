//! Learning on LibTorch as PyTorch does it: ATen's own autograd and kernels instead of burn's.
//!
//! The network's weights are burn parameters as everywhere else, but on the device without burn's autodiff, and the
//! LibTorch tensors in them want gradients. So every layer's forward pass is recorded by ATen, whose backward pass
//! has one kernel where burn's is composed of many. Within a [`Learning`] span layers behave as in training.
//!
//! - [`bridge`] goes from burn's tensors to LibTorch's and back.
//! - [`engine`] takes a network, and makes steps with it.
//! - `pass` goes through it and back, in pieces where memory is short.
//! - `memory` keeps what the optimizer remembers.
//! - [`optimizer`] turns gradients into new weights, with LibTorch's fused kernels.
//! - `upload` moves batches to a GPU.
//! - [`heap`] keeps memory between steps.
//! - [`autocast`] is mixed precision.
//! - [`packed`] is for use alone: convolutions as oneDNN is fastest with.
//! - [`shim`] reaches what `tch` leaves out.

pub mod autocast;
pub mod bridge;
pub mod engine;
pub mod heap;
mod loss;
mod memory;
pub mod mode;
pub mod norm;
pub mod optimizer;
pub mod packed;
mod pass;
pub(crate) mod upload;

pub mod shim;

pub use engine::Engine;
pub use mode::Learning;

use bridge::{from_torch, to_torch};
use burn::tensor::Tensor;

/// `op` of the LibTorch tensor, recorded by ATen; none when nothing is learnt here, or not on LibTorch.
pub fn recorded<const D: usize>(x: &Tensor<D>, op: impl FnOnce(&tch::Tensor) -> tch::Tensor) -> Option<Tensor<D>> {
    mode::learning().then(|| to_torch(x.clone())).flatten().map(|x| from_torch(op(&x)))
}
