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

/// Floats on the device.
pub(crate) fn floats<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    #[cfg(feature = "libtorch")]
    if let Some(there) = crate::native::upload::to_gpu(&values, &shape, device) {
        return there;
    }
    Tensor::from_data(TensorData::new(values, shape), device)
}
