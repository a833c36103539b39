//! From the host to the device. To a GPU it goes from pinned memory and nobody waits for it, so that the next batch is copied
//! while this one is computed.

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

/// Bytes as numbers on the device, where they become floats: what is moved is a quarter.
pub(crate) fn bytes<const D: usize>(values: &[u8], shape: [usize; D], device: &Device) -> Tensor<D> {
    #[cfg(feature = "libtorch")]
    if let Some(there) = crate::native::upload::to_gpu(values, &shape, device) {
        return there;
    }
    Tensor::<D, Int>::from_data(TensorData::new(values.to_vec(), shape), (device, DType::U8)).float()
}

/// Bytes on the device, as they are.
pub(crate) fn eight_bit<const D: usize>(values: &[u8], shape: [usize; D], device: &Device) -> Tensor<D, Int> {
    #[cfg(feature = "libtorch")]
    if let Some(there) = crate::native::upload::bytes_to_gpu(values, &shape, device) {
        return there;
    }
    Tensor::from_data(TensorData::new(values.to_vec(), shape), (device, DType::U8))
}

/// Room for bytes on the device, whatever is in it; none when there is not enough memory.
pub(crate) fn room(shape: [usize; 2], device: &Device) -> Option<Tensor<2, Int>> {
    #[cfg(feature = "libtorch")]
    if let Some(device) = crate::native::upload::torch_device(device) {
        return crate::native::upload::room(shape, device);
    }
    let zeros = vec![0_u8; shape[0] * shape[1]];
    Some(Tensor::from_data(TensorData::new(zeros, shape), (device, DType::U8)))
}

/// Floats on the device.
pub(crate) fn floats<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    #[cfg(feature = "libtorch")]
    if let Some(there) = crate::native::upload::to_gpu(&values, &shape, device) {
        return there;
    }
    Tensor::from_data(TensorData::new(values, shape), device)
}
