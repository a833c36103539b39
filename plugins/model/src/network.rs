//! Any of the architectures, behind one face, and the list of them.

use crate::init::Init;
use crate::input::{self, Normalisation};
use crate::layers::Linear;
use crate::{Batch, ModelError, efficientnet_lite0, resnet18, small_cnn};
use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// What the data decide of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Outputs.
    pub classes: usize,
    /// Side of the square input, pixels.
    pub size_px: u32,
}

/// One architecture.
pub struct Architecture {
    /// What `--model` calls it.
    pub name: &'static str,
    /// One line for a person.
    pub about: &'static str,
    /// Smallest and largest side of its input, pixels.
    pub sizes_px: (u32, u32),
    /// How its input is normalised.
    pub input: Normalisation,
    /// What its last layer is called in the file of weights.
    pub classifier: &'static str,
    /// Draws first weights.
    pub build: fn(&mut Init<'_>, Shape) -> Network,
}

/// Every architecture. A new one is a file, a line here and a variant of [`Network`].
pub const REGISTRY: &[Architecture] = &[small_cnn::ENTRY, resnet18::ENTRY, efficientnet_lite0::ENTRY];

/// A network of any architecture.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)]
pub enum Network {
    /// See [`small_cnn`].
    SmallCnn(small_cnn::SmallCnn),
    /// See [`resnet18`].
    Resnet18(resnet18::Resnet18),
    /// See [`efficientnet_lite0`].
    EfficientNetLite0(efficientnet_lite0::EfficientNetLite0),
}

/// Finds an architecture by name.
///
/// # Errors
/// [`ModelError::Architecture`], naming those there are.
pub fn find(name: &str) -> Result<&'static Architecture, ModelError> {
    REGISTRY
        .iter()
        .find(|a| a.name == name)
        .ok_or_else(|| ModelError::Architecture { name: name.to_owned(), known: names().join(", ") })
}

/// The names of all architectures.
pub fn names() -> Vec<&'static str> {
    REGISTRY.iter().map(|a| a.name).collect()
}

impl Architecture {
    /// A network with first weights drawn from `seed`; the same on every device.
    ///
    /// # Errors
    /// [`ModelError::Size`] or [`ModelError::NoClasses`].
    pub fn network(&self, shape: Shape, seed: u64, device: &Device) -> Result<Network, ModelError> {
        let (min, max) = self.sizes_px;
        if !(min..=max).contains(&shape.size_px) {
            return Err(ModelError::Size { architecture: self.name, min, max, size_px: shape.size_px });
        }
        if shape.classes == 0 {
            return Err(ModelError::NoClasses);
        }
        Ok((self.build)(&mut Init::new(seed, device), shape))
    }
}

impl Network {
    /// Normalised pictures `[pictures, 3, size, size]` to logits `[pictures, classes]`. On a device with autodiff
    /// layers behave as in training.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        self.classifier().forward(self.features(x))
    }

    /// Normalised pictures `[pictures, 3, size, size]` to what the classifier sees of them, `[pictures, features]`.
    pub fn features(&self, x: Tensor<4>) -> Tensor<2> {
        match self {
            Self::SmallCnn(network) => network.features(x),
            Self::Resnet18(network) => network.features(x),
            Self::EfficientNetLite0(network) => network.features(x),
        }
    }

    /// The batch on `device`, normalised as this network wants it: `[pictures, 3, size, size]`.
    ///
    /// # Errors
    /// [`ModelError::EmptyBatch`] when there is no picture.
    pub fn input(&self, batch: &Batch, device: &Device) -> Result<Tensor<4>, ModelError> {
        input::normalised(batch, self.architecture().input, device)
    }

    /// The entry it was built by.
    pub fn architecture(&self) -> &'static Architecture {
        match self {
            Self::SmallCnn(_) => &small_cnn::ENTRY,
            Self::Resnet18(_) => &resnet18::ENTRY,
            Self::EfficientNetLite0(_) => &efficientnet_lite0::ENTRY,
        }
    }

    /// The last layer: one row a class.
    pub fn classifier(&self) -> &Linear {
        match self {
            Self::SmallCnn(network) => &network.fc,
            Self::Resnet18(network) => &network.fc,
            Self::EfficientNetLite0(network) => &network._fc,
        }
    }

    /// The last layer: one row a class.
    pub fn classifier_mut(&mut self) -> &mut Linear {
        match self {
            Self::SmallCnn(network) => &mut network.fc,
            Self::Resnet18(network) => &mut network.fc,
            Self::EfficientNetLite0(network) => &mut network._fc,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_architecture_works_at_both_ends_of_its_sizes() {
        let device = Device::flex();
        for architecture in REGISTRY {
            let (min, max) = architecture.sizes_px;
            for size_px in [min, 33, max.min(256)] {
                let network = architecture.network(Shape { classes: 3, size_px }, 1, &device).unwrap();
                let side = size_px as usize;
                let x = Tensor::ones([2, 3, side, side], &device);
                let features = network.features(x.clone());
                assert_eq!(features.dims(), [2, network.classifier().weight.dims()[1]], "{}", architecture.name);
                assert_eq!(network.forward(x).dims(), [2, 3]);
                assert_eq!(network.architecture().name, architecture.name);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let device = Device::flex();
        let error = find("resnet19").err().unwrap().to_string();
        assert!(error.contains("resnet19") && error.contains("small-cnn, resnet18"), "{error}");
        let small = find("small-cnn").unwrap();
        let error = small.network(Shape { classes: 2, size_px: 8 }, 1, &device).unwrap_err().to_string();
        assert!(error.contains("16 to 512") && error.contains("8 px"), "{error}");
        assert!(small.network(Shape { classes: 0, size_px: 32 }, 1, &device).is_err());
    }
}
