//! Networks, their training and their use, on burn.
//!
//! - [`Network`] holds any architecture of [`network::REGISTRY`]; each architecture is one file.
//! - [`Trainer`] learns from [`Batch`]es one step at a time; [`TrainerOptions`] are its command line options.
//! - [`Predictor`] loads weights that a [`plugin_api::runs::ModelCard`] describes and answers with probabilities.
//! - [`Extractor`] answers with the penultimate layer instead, of a trained network or of pretrained weights.
//! - [`DeviceChoice`] is `--device`; all that depends on what a device is called lies in [`device`].
//! - [`weights`] reads and writes safetensors, with the names of the published weights where there are any.

pub mod batch;
pub mod device;
pub mod efficientnet_lite0;
pub mod error;
pub mod extractor;
pub mod init;
pub mod input;
pub mod layers;
mod learner;
pub mod loss;
#[cfg(feature = "libtorch")]
pub mod native;
pub mod network;
pub mod ops;
pub mod optimizer;
pub mod precision;
pub mod predictor;
pub mod resnet18;
pub mod schedule;
pub mod small_cnn;
pub mod trainer;
pub mod weights;

pub use batch::Batch;
pub use device::DeviceChoice;
pub use error::ModelError;
pub use extractor::Extractor;
pub use network::{Architecture, Network, Shape};
pub use precision::Precision;
pub use predictor::Predictor;
pub use trainer::{Start, StepResult, Task, Trainer, TrainerOptions};
