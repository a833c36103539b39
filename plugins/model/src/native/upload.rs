//! To a GPU without waiting for it.

use super::bridge::{from_torch, to_torch};
use burn::tensor::{Device, Tensor};
use tch::kind::Element;
use tch::{Kind, TchError};

/// Numbers as floats on the GPU; none when the device is not one of LibTorch's GPUs, or has no room for pinned memory, so that
/// the usual way is to be tried.
pub(crate) fn to_gpu<T: Element, const D: usize>(
    values: &[T],
    shape: &[usize; D],
    device: &Device,
) -> Option<Tensor<D>> {
    let gpu = to_torch(Tensor::<1>::empty([0], device))?.device();
    if !gpu.is_cuda() {
        return None;
    }
    pinned(values, &shape.map(|side| side as i64), gpu).ok().map(from_torch)
}

/// The pinned memory is LibTorch's, which gives it to nobody else before the copy is done.
fn pinned<T: Element>(values: &[T], shape: &[i64], gpu: tch::Device) -> Result<tch::Tensor, TchError> {
    let host = tch::Tensor::f_from_slice(values)?.f_reshape(shape)?.f_pin_memory(gpu)?;
    host.f_to_device_(gpu, host.kind(), true, false)?.f_to_kind(Kind::Float)
}
