//! From burn's tensors to LibTorch's and back. Nothing is copied.
#![allow(deprecated, reason = "burn-tch leaves burn after 0.22, which is pinned")]

use burn::tensor::{Int, Tensor};
use burn_tch::{LibTorch, TchTensor};

/// The LibTorch tensor in a burn tensor, sharing its memory and its place in ATen's tape; none on another device or
/// with burn's autodiff.
pub fn to_torch<const D: usize>(tensor: Tensor<D>) -> Option<tch::Tensor> {
    tensor.try_into_primitive::<LibTorch>().ok().map(|primitive| primitive.tensor)
}

/// A burn tensor around a LibTorch tensor of `D` dimensions.
pub fn from_torch<const D: usize>(tensor: tch::Tensor) -> Tensor<D> {
    Tensor::from_primitive::<LibTorch>(TchTensor::new(tensor))
}

/// As [`from_torch`], of whole numbers.
pub fn from_torch_int<const D: usize>(tensor: tch::Tensor) -> Tensor<D, Int> {
    Tensor::from_primitive::<LibTorch>(TchTensor::new(tensor))
}

/// As [`to_torch`], of whole numbers.
#[cfg(test)]
pub(crate) fn to_torch_int<const D: usize>(tensor: Tensor<D, Int>) -> Option<tch::Tensor> {
    tensor.try_into_primitive::<LibTorch>().ok().map(|primitive| primitive.tensor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceChoice;
    use burn::tensor::Device;

    #[test]
    fn there_and_back_shares_memory() {
        let device = DeviceChoice::Libtorch.open().unwrap().device;
        let there = Tensor::<2>::from_data([[1.0, 2.0], [3.0, 4.0]], &device);
        let mut torch = to_torch(there.clone()).unwrap();
        let _ = torch.fill_(7.0);
        assert_eq!(there.into_data().try_to_vec::<f32>().unwrap(), [7.0; 4]);
        assert_eq!(from_torch::<2>(torch).dims(), [2, 2]);
    }

    #[test]
    fn other_devices_have_no_torch_tensor() {
        assert!(to_torch(Tensor::<1>::zeros([1], &Device::flex())).is_none());
        let device = DeviceChoice::Libtorch.open().unwrap().device.autodiff();
        assert!(to_torch(Tensor::<1>::zeros([1], &device)).is_none());
    }
}
