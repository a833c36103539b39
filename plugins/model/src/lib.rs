//! Networks, their training and their use, on burn.
//!
//! - [`Network`] holds any architecture of [`network::REGISTRY`]; each architecture is one file.
//! - [`Trainer`] learns from [`Batch`]es one step at a time; [`TrainerOptions`] are its command line options.
//! - [`Predictor`] loads weights that a [`plugin_api::runs::ModelCard`] describes and answers with probabilities.
//! - [`DeviceChoice`] is `--device`; all that depends on what a device is called lies in [`device`].
//! - [`weights`] reads and writes safetensors, with torchvision's names where torchvision has the architecture.

pub mod batch;
pub mod device;
pub mod error;
pub mod init;
pub mod input;
pub mod layers;
pub mod loss;
pub mod network;
pub mod optimizer;
pub mod predictor;
pub mod resnet18;
pub mod schedule;
pub mod small_cnn;
pub mod trainer;
pub mod weights;

pub use batch::Batch;
pub use device::DeviceChoice;
pub use error::ModelError;
pub use network::{Architecture, Network, Shape};
pub use predictor::Predictor;
pub use trainer::{Start, StepResult, Task, Trainer, TrainerOptions};
