//! LibTorch beside burn: what layers, devices and training reach of it. Knows nothing of networks.
//!
//! Within a [`Learning`](mode::Learning) span layers behave as in training, and ATen records what they do.
//!
//! - [`bridge`] goes from burn's tensors to LibTorch's and back.
//! - `upload` moves batches to a GPU.
//! - [`heap`] keeps memory between steps.
//! - [`autocast`] is mixed precision.
//! - [`shim`] reaches what `tch` leaves out.

pub mod autocast;
pub mod bridge;
pub mod heap;
pub mod mode;
pub mod shim;
pub(crate) mod upload;

use crate::error::ModelError;
use bridge::{from_torch, to_torch};
use burn::tensor::Tensor;
use tch::TchError;

impl From<TchError> for ModelError {
    fn from(error: TchError) -> Self {
        // After the first line comes where in C++ it happened.
        Self::Execution(error.to_string().lines().next().unwrap_or_default().to_owned())
    }
}

/// `op` of the LibTorch tensor, recorded by ATen; none when nothing is trained here, or not on LibTorch.
pub fn recorded<const D: usize>(x: &Tensor<D>, op: impl FnOnce(&tch::Tensor) -> tch::Tensor) -> Option<Tensor<D>> {
    mode::learning().then(|| to_torch(x.clone())).flatten().map(|x| from_torch(op(&x)))
}
