//! Smaller images in the first part of a run, so that early epochs, in which little is known, cost less.
//!
//! Progressive resizing as in fastai and MosaicML Composer: <https://docs.mosaicml.com/projects/composer/en/stable/method_cards/progressive_resizing.html>

use crate::error::ModelError;
use crate::network::Architecture;
use burn::tensor::Tensor;
use burn::tensor::module::adaptive_avg_pool2d;

/// Sides are multiples of it, pixels.
const GRAIN_PX: u32 = 16;

/// Share of the run after which images have their whole size.
const GROWN: f64 = 0.7;

/// How the side of the images grows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// Side at the start, pixels.
    first_px: u32,
    /// Side at the end, pixels.
    size_px: u32,
    epochs: f64,
}

impl Growth {
    /// From `share` of `size_px` to all of it over `epochs`. None when `share` is 1: nothing grows.
    ///
    /// # Errors
    /// [`ModelError::Progressive`] when the network has other weights, or is not there, at the first size: one that ends
    /// with `global-average-pooling` has the same at all sizes.
    pub fn new(
        share: f64,
        architecture: &Architecture,
        classes: usize,
        size_px: u32,
        epochs: u64,
    ) -> Result<Option<Self>, ModelError> {
        let first_px = side(share * f64::from(size_px)).min(size_px);
        // Sides in between are rounded; all of an image is all of it, whatever its side.
        if share >= 1.0 || first_px == size_px {
            return Ok(None);
        }
        let description = architecture.description();
        let weights = |px| description.graph(px, classes).map(|graph| graph.weights());
        let fits = description.sizes_px().0 <= first_px
            && matches!((weights(first_px), weights(size_px)), (Ok(a), Ok(b)) if a == b);
        let refused =
            || ModelError::Progressive { share, architecture: architecture.name().to_owned(), first_px, size_px };
        fits.then_some(Some(Self { first_px, size_px, epochs: epochs as f64 })).ok_or_else(refused)
    }

    /// Side of the images of a step that starts when `done` epochs are over, pixels.
    pub fn side_px(&self, done: f64) -> u32 {
        let at = (done / (self.epochs * GROWN)).clamp(0.0, 1.0);
        let [first, last] = [self.first_px, self.size_px].map(f64::from);
        if at >= 1.0 { self.size_px } else { side(first + (last - first) * at).min(self.size_px) }
    }

    /// Images `[images, 3, size, size]` at the side they have then: each pixel is the mean of those it stands for.
    pub fn shrink(&self, x: Tensor<4>, done: f64) -> Tensor<4> {
        let side = self.side_px(done) as usize;
        if x.dims()[2] <= side { x } else { adaptive_avg_pool2d(x, [side; 2]) }
    }
}

/// The nearest multiple of the grain that is not 0.
fn side(px: f64) -> u32 {
    ((px / f64::from(GRAIN_PX)).round() as u32).max(1) * GRAIN_PX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::find;
    use burn::tensor::Device;

    fn growth(share: f64, name: &str, size_px: u32) -> Result<Option<Growth>, ModelError> {
        Growth::new(share, &find(name).unwrap(), 3, size_px, 10)
    }

    #[test]
    fn images_grow_to_their_size_and_stay_there() {
        let growth = growth(0.5, "resnet18", 128).unwrap().unwrap();
        let sides: Vec<u32> = (0..10).map(|epoch| growth.side_px(f64::from(epoch))).collect();
        assert_eq!(sides, [64, 80, 80, 96, 96, 112, 112, 128, 128, 128]);
        let x = Tensor::from_data([[[[1.0, 3.0], [5.0, 7.0]]]], &Device::flex());
        let tiny = Growth { first_px: 1, size_px: 2, epochs: 1.0 };
        assert_eq!(tiny.shrink(x.clone(), 1.0).dims(), [1, 1, 2, 2]);
        let half = adaptive_avg_pool2d(x, [1, 1]).into_scalar::<f32>();
        assert!((half - 4.0).abs() < 1e-6);
    }

    #[test]
    fn a_network_that_is_bound_to_its_size_is_refused_by_name() {
        assert_eq!(growth(1.0, "small-cnn", 64).unwrap(), None);
        let error = growth(0.5, "small-cnn", 64).unwrap_err().to_string();
        assert!(["--progressive 0.5", "small-cnn", "32", "64"].iter().all(|part| error.contains(part)), "{error}");
    }
}
