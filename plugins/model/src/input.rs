//! From 8 bit images on the host or the device to what networks take.

mod augment;
pub mod batch;
pub mod image_cache;

use crate::device::upload;
use crate::error::ModelError;
use crate::input::batch::Batch;
use crate::input::image_cache::DeviceBatch;
use burn::tensor::{Device, Tensor};

/// What is taken from the numbers of an image, by channel, and what they are divided by. White is 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normalisation {
    /// Taken from them.
    pub mean: [f32; 3],
    /// Then they are divided by it.
    pub deviation: [f32; 3],
}

/// Mean and standard deviation of ImageNet's images. <https://docs.pytorch.org/vision/stable/models.html>
pub const IMAGENET: Normalisation = Normalisation { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };

/// A batch, wherever its images lie.
#[derive(Clone, Copy, Debug)]
pub enum ModelInput<'a> {
    /// On the host.
    Host(&'a Batch),
    /// On the device, see [`ImageCache`](crate::input::image_cache::ImageCache).
    Device(&'a DeviceBatch),
}

impl<'a> From<&'a Batch> for ModelInput<'a> {
    fn from(batch: &'a Batch) -> Self {
        Self::Host(batch)
    }
}

impl<'a> From<&'a DeviceBatch> for ModelInput<'a> {
    fn from(batch: &'a DeviceBatch) -> Self {
        Self::Device(batch)
    }
}

impl<'a> ModelInput<'a> {
    /// Targets and weights.
    pub(crate) fn rows(self) -> &'a Batch {
        match self {
            Self::Host(batch) => batch,
            Self::Device(batch) => &batch.rows,
        }
    }

    /// Images on the device, `[images, size, size, 3]`, from 0 to 255.
    ///
    /// # Errors
    /// [`ModelError::EmptyBatch`] when there is no image.
    pub(crate) fn images(self, device: &Device) -> Result<Tensor<4>, ModelError> {
        if self.rows().is_empty() {
            return Err(ModelError::EmptyBatch);
        }
        Ok(match self {
            Self::Host(batch) => {
                let side = batch.size_px as usize;
                upload::bytes(&batch.pixels, [batch.len(), side, side, 3], device)
            }
            Self::Device(batch) if device.is_autodiff() => batch.images.clone().autodiff(),
            Self::Device(batch) => batch.images.clone(),
        })
    }
}

/// Moves the bytes to the device, if they are not there, and normalises them: `[images, 3, size, size]`.
///
/// # Errors
/// [`ModelError::EmptyBatch`] when there is no image.
pub fn normalised<'a>(
    batch: impl Into<ModelInput<'a>>,
    how: Normalisation,
    device: &Device,
) -> Result<Tensor<4>, ModelError> {
    Ok(normalise(batch.into().images(device)?, how, device))
}

/// From `[images, size, size, 3]`, 0 to 255, to `[images, 3, size, size]`.
pub(crate) fn normalise(images: Tensor<4>, how: Normalisation, device: &Device) -> Tensor<4> {
    let x = images.permute([0, 3, 1, 2]);
    let by_channel = |f: fn(f32, f32) -> f32| {
        let values: Vec<f32> =
            how.mean.iter().zip(how.deviation).map(|(&mean, deviation)| f(mean, deviation)).collect();
        upload::floats(values, [1, 3, 1, 1], device)
    };
    x * by_channel(|_, deviation| 1.0 / (255.0 * deviation)) - by_channel(|mean, deviation| mean / deviation)
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
        let x = normalised(&batch, IMAGENET, &Device::flex()).unwrap();
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
    fn no_image_is_an_error() {
        assert!(matches!(normalised(&Batch::default(), IMAGENET, &Device::flex()), Err(ModelError::EmptyBatch)));
    }
}
