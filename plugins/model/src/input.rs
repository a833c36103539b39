//! From 8 bit pictures on the host to what networks take.

use crate::{Batch, ModelError};
use burn::tensor::{DType, Device, Int, Tensor, TensorData};

/// Mean of ImageNet's pictures by channel, of 1. <https://docs.pytorch.org/vision/stable/models.html>
pub const MEAN: [f32; 3] = [0.485, 0.456, 0.406];
/// Their standard deviation.
pub const DEVIATION: [f32; 3] = [0.229, 0.224, 0.225];

/// Moves the bytes to the device and normalises there: `[pictures, 3, size, size]`.
///
/// # Errors
/// [`ModelError::EmptyBatch`] when there is no picture.
pub fn normalised(batch: &Batch, device: &Device) -> Result<Tensor<4>, ModelError> {
    if batch.is_empty() {
        return Err(ModelError::EmptyBatch);
    }
    let side = batch.size_px as usize;
    let data = TensorData::new(batch.pixels.clone(), [batch.len(), side, side, 3]);
    let x = Tensor::<4, Int>::from_data(data, (device, DType::U8)).float().permute([0, 3, 1, 2]);
    let by_channel = |f: fn(f32, f32) -> f32| {
        let values: Vec<f32> = MEAN.iter().zip(DEVIATION).map(|(&mean, deviation)| f(mean, deviation)).collect();
        Tensor::<4>::from_data(TensorData::new(values, [1, 3, 1, 1]), device)
    };
    Ok(x * by_channel(|_, deviation| 1.0 / (255.0 * deviation)) - by_channel(|mean, deviation| mean / deviation))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_come_first_and_are_normalised() {
        let batch = Batch {
            size_px: 1,
            pixels: vec![255, 0, 128, 0, 255, 0],
            targets: vec![vec![0], vec![0]],
            weights: vec![1.0; 2],
        };
        let x = normalised(&batch, &Device::flex()).unwrap();
        assert_eq!(x.dims(), [2, 3, 1, 1]);
        let values = x.into_data().try_to_vec::<f32>().unwrap();
        let expected = [
            (1.0 - 0.485) / 0.229,
            (0.0 - 0.456) / 0.224,
            (128.0 / 255.0 - 0.406) / 0.225,
            -0.485 / 0.229,
            (1.0 - 0.456) / 0.224,
            -0.406 / 0.225,
        ];
        for (value, expected) in values.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-5, "{values:?}");
        }
    }

    #[test]
    fn no_picture_is_an_error() {
        assert!(matches!(normalised(&Batch::default(), &Device::flex()), Err(ModelError::EmptyBatch)));
    }
}
