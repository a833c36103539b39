//! To a GPU without waiting for it.

use super::bridge::{from_torch, from_torch_int, to_torch};
use burn::tensor::{Device, Int, Tensor};
use tch::kind::Element;
use tch::{Kind, TchError};

/// Numbers as floats on the GPU; none when the device is not one of LibTorch's GPUs, or has no room for pinned memory, so that
/// the usual way is to be tried.
pub(crate) fn to_gpu<T: Element, const D: usize>(
    values: &[T],
    shape: &[usize; D],
    device: &Device,
) -> Option<Tensor<D>> {
    let gpu = gpu(device)?;
    pinned(values, shape, gpu).and_then(|there| there.f_to_kind(Kind::Float)).ok().map(from_torch)
}

/// Bytes as they are on the GPU; none as with [`to_gpu`].
pub(crate) fn bytes_to_gpu<const D: usize>(
    values: &[u8],
    shape: &[usize; D],
    device: &Device,
) -> Option<Tensor<D, Int>> {
    pinned(values, shape, gpu(device)?).ok().map(from_torch_int)
}

/// Room for bytes, whatever is in it; none when there is not enough memory. burn-tch has no empty tensor of this type.
pub(crate) fn room(shape: [usize; 2], device: tch::Device) -> Option<Tensor<2, Int>> {
    let shape = shape.map(|side| side as i64);
    tch::Tensor::f_empty(shape, (Kind::Uint8, device)).ok().map(from_torch_int)
}

/// LibTorch's device; none when it is not one of LibTorch's.
pub(crate) fn torch_device(device: &Device) -> Option<tch::Device> {
    to_torch(Tensor::<1>::empty([0], device)).map(|tensor| tensor.device())
}

fn gpu(device: &Device) -> Option<tch::Device> {
    torch_device(device).filter(|device| device.is_cuda())
}

/// The pinned memory is LibTorch's, which gives it to nobody else before the copy is done.
fn pinned<T: Element>(values: &[T], shape: &[usize], gpu: tch::Device) -> Result<tch::Tensor, TchError> {
    let shape: Vec<i64> = shape.iter().map(|side| *side as i64).collect();
    let host = tch::Tensor::f_from_slice(values)?.f_reshape(shape)?.f_pin_memory(gpu)?;
    host.f_to_device_(gpu, host.kind(), true, false)
}
