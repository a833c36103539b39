//! Networks, their training and their use, on burn.
//!
//! - [`Network`] does what any [`Architecture`] says: a description of blocks, one YAML file each.
//! - [`Trainer`] learns from [`Batch`]es one step at a time; [`TrainerOptions`] are its command line options.
//! - [`Predictor`] loads weights that a [`plugin_api::runs::ModelCard`] describes and answers with probabilities.
//! - [`Extractor`] answers with the penultimate layer instead, of a trained network or of pretrained weights.
//! - [`ImageCache`] keeps the images of a run on the device, and augments them there as `plugin-augment` decides.
//! - [`DeviceChoice`] is `--device`; all that depends on what a device is called lies in [`device`].
//! - [`weights`] reads and writes safetensors, with the names of the published weights where there are any.

mod autodiff;
pub mod average;
pub mod batch;
mod checkpoint;
pub mod device;
mod device_augment;
pub mod error;
pub mod extractor;
pub mod image_cache;
pub mod init;
pub mod input;
pub mod interpreter;
pub mod layers;
mod learner;
pub mod loss;
pub mod mix;
pub mod moment;
#[cfg(feature = "libtorch")]
pub mod native;
pub mod network;
pub mod ops;
pub mod optimizer;
pub mod options;
mod pending;
pub mod perturb;
mod pooling;
pub mod precision;
pub mod predictor;
pub mod pretrained;
pub mod progressive;
pub mod schedule;
mod step;
mod tensors;
pub mod trainer;
mod upload;
pub mod weights;
pub mod weights_file;

pub use batch::Batch;
pub use checkpoint::Checkpoint;
pub use device::DeviceChoice;
pub use error::ModelError;
pub use extractor::Extractor;
pub use image_cache::{DeviceAugmentOptions, DeviceBatch, ImageCache};
pub use input::ModelInput;
pub use interpreter::{Cells, Heat, Network};
pub use network::{Architecture, Shape};
pub use perturb::{Perturb, PerturbOptions};
pub use precision::{Precision, PrecisionChoice};
pub use predictor::Predictor;
pub use trainer::{PendingStep, Start, StepResult, Task, Trainer, TrainerOptions};
pub use weights_file::WeightsFile;
