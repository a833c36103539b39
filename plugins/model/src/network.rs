//! Any of the architectures, behind one face, and the list of them.

use crate::ModelError;
use crate::init::Init;
use crate::layers::Linear;
use crate::{resnet18, small_cnn};
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
    /// Draws first weights.
    pub build: fn(&mut Init<'_>, Shape) -> Network,
}

/// Every architecture. A new one is a file, a line here and a variant of [`Network`].
pub const REGISTRY: &[Architecture] = &[small_cnn::ENTRY, resnet18::ENTRY];

/// A network of any architecture.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant)]
pub enum Network {
    /// See [`small_cnn`].
    SmallCnn(small_cnn::SmallCnn),
    /// See [`resnet18`].
    Resnet18(resnet18::Resnet18),
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
        match self {
            Self::SmallCnn(network) => network.forward(x),
            Self::Resnet18(network) => network.forward(x),
        }
    }

    /// The last layer, `fc` in the file of weights: one row a class.
    pub fn classifier_mut(&mut self) -> &mut Linear {
        match self {
            Self::SmallCnn(network) => &mut network.fc,
            Self::Resnet18(network) => &mut network.fc,
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
                assert_eq!(network.forward(Tensor::ones([2, 3, side, side], &device)).dims(), [2, 3]);
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
