//! Any of the architectures, behind one face, and the list of them.
//!
//! An architecture is a description of `plugin_blocks`: a file that comes with the program, or one of the user's own.

pub mod init;
pub mod interpreter;
pub mod layers;
pub mod ops;
mod pooling;
pub(crate) mod probabilities;
mod step;
pub(crate) mod tensors;

use crate::error::ModelError;
use crate::input::{self, IMAGENET, ModelInput, Normalisation};
use crate::network::init::Init;
use crate::network::interpreter::Network;
use burn::tensor::{Device, Tensor};
use plugin_api::runs::ModelCard;
use plugin_blocks::{Description, Input, shipped};
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// What the data decide of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Outputs.
    pub classes: usize,
    /// Side of the square input, pixels.
    pub size_px: u32,
}

/// One architecture. Two are equal when they are called the same and the same network comes out.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    name: String,
    description: Arc<Description>,
}

/// Finds an architecture that comes with the program.
///
/// # Errors
/// [`ModelError::Architecture`], naming those there are.
pub fn find(name: &str) -> Result<Architecture, ModelError> {
    let found = shipped::find(name)?;
    let found = found.ok_or_else(|| ModelError::Architecture { name: name.to_owned(), known: names().join(", ") })?;
    Ok(Architecture { name: name.to_owned(), description: Arc::new(found) })
}

/// The names of the architectures that come with the program.
pub fn names() -> Vec<&'static str> {
    shipped::names()
}

impl Architecture {
    /// The architecture of a run or model: by its description, or where there is none, by its name.
    ///
    /// # Errors
    /// [`ModelError::Architecture`] or [`ModelError::Blocks`].
    pub fn of(name: &str, definition: Option<&str>) -> Result<Self, ModelError> {
        let Some(text) = definition else { return find(name) };
        Ok(Self { name: name.to_owned(), description: Arc::new(Description::parse(name, text)?) })
    }

    /// The architecture of a model.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn of_card(card: &ModelCard) -> Result<Self, ModelError> {
        Self::of(&card.architecture, card.definition.as_deref())
    }

    /// Reads a file; the architecture is called as the file is.
    ///
    /// # Errors
    /// [`ModelError::Blocks`].
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, description: Arc::new(Description::read(path)?) })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its blocks.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// How its input is normalised.
    pub fn input(&self) -> Normalisation {
        let Input { mean, deviation } = self.description.input();
        if self.description.input() == Input::default() {
            // The same to the last bit.
            return IMAGENET;
        }
        Normalisation { mean: mean.map(|v| v / 255.0), deviation: deviation.map(|v| v / 255.0) }
    }

    /// A network with first weights drawn from `seed`; the same on every device.
    ///
    /// # Errors
    /// [`ModelError::Size`], [`ModelError::NoClasses`], or [`ModelError::Blocks`] when its blocks do not go together.
    pub fn network(&self, shape: Shape, seed: u64, device: &Device) -> Result<Network, ModelError> {
        let (min, max) = self.description.sizes_px();
        if !(min..=max).contains(&shape.size_px) {
            return Err(ModelError::Size { architecture: self.name.clone(), min, max, size_px: shape.size_px });
        }
        if shape.classes == 0 {
            return Err(ModelError::NoClasses);
        }
        let graph = self.description.graph(shape.size_px, shape.classes)?;
        Ok(Network::new(self.clone(), graph, seed, &mut Init::new(seed, device)))
    }
}

/// A name of those that come with the program, or a file ending in `.yml` or `.yaml`.
impl FromStr for Architecture {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let path = Path::new(text);
        match path.extension().and_then(|e| e.to_str()) {
            Some("yml" | "yaml") => Self::read(path),
            _ => find(text).map_err(|error| match error {
                ModelError::Architecture { name, known } => {
                    ModelError::Architecture { name, known: format!("{known}, and files that end in .yml") }
                }
                other => other,
            }),
        }
    }
}

impl Network {
    /// The batch on `device`, normalised as this network wants it: `[images, 3, size, size]`.
    ///
    /// # Errors
    /// [`ModelError::EmptyBatch`] when there is no image.
    pub fn input<'a>(&self, batch: impl Into<ModelInput<'a>>, device: &Device) -> Result<Tensor<4>, ModelError> {
        input::normalised(batch, self.architecture().input(), device)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_architecture_works_at_both_ends_of_its_sizes() {
        let device = Device::flex();
        for name in names() {
            let architecture = find(name).unwrap();
            let (min, max) = architecture.description().sizes_px();
            for size_px in [min, 33, max.min(256)] {
                let network = architecture.network(Shape { classes: 3, size_px }, 1, &device).unwrap();
                let side = size_px as usize;
                let x = Tensor::ones([2, 3, side, side], &device);
                let features = network.features(x.clone());
                assert_eq!(features.dims(), [2, network.classifier().weight.dims()[1]], "{name}");
                assert_eq!(network.forward(x).dims(), [2, 3]);
                assert_eq!(network.architecture().name(), name);
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let device = Device::flex();
        let error = find("resnet19").err().unwrap().to_string();
        assert!(error.contains("resnet19") && error.contains("lenet, resnet18"), "{error}");
        let small = find("small-cnn").unwrap();
        let error = small.network(Shape { classes: 2, size_px: 8 }, 1, &device).unwrap_err().to_string();
        assert!(error.contains("16 to 512") && error.contains("8 px"), "{error}");
        assert!(small.network(Shape { classes: 0, size_px: 32 }, 1, &device).is_err());
    }

    #[test]
    fn a_file_is_an_architecture_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("mine.yml");
        std::fs::write(&path, "blocks: [{convolution: 4, kernel: 3}, relu, {affine: classes, name: out}]").unwrap();
        let mine: Architecture = path.display().to_string().parse().unwrap();
        assert_eq!(mine.name(), "mine");
        let card = |definition| Architecture::of("mine", definition);
        assert_eq!(card(Some(mine.description().text())).unwrap(), mine);
        assert!(card(None).unwrap_err().to_string().contains("known are"));
        std::fs::write(&path, "blocks: [{convolution: 4, kernel: 99}, {affine: classes}]").unwrap();
        let changed = Architecture::read(&path).unwrap();
        assert_ne!(changed, mine);
        let error = changed.network(Shape { classes: 2, size_px: 32 }, 1, &Device::flex()).unwrap_err().to_string();
        assert!(error.contains("mine.yml: block 1 (convolution)"), "{error}");
        let error = "nowhere.yml".parse::<Architecture>().unwrap_err().to_string();
        assert!(error.contains("nowhere.yml"), "{error}");
    }
}
