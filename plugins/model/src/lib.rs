//! Networks, their training and their use, on burn.
//!
//! - [`Network`] does what any [`Architecture`] says: a description of blocks, one YAML file each.
//! - [`Trainer`] learns from [`Batch`]es one step at a time; [`TrainerOptions`] are its command line options.
//! - [`Predictor`] loads weights that a [`plugin_api::runs::ModelCard`] describes and answers with probabilities.
//! - [`Extractor`] answers with the penultimate layer instead, of a trained network or of pretrained weights.
//! - [`ImageCache`] keeps the images of a run on the device, and augments them there as `plugin-augment` decides.
//! - [`DeviceChoice`] is `--device`; all that depends on what a device is called lies in [`device`].
//! - [`weights`] reads and writes safetensors, with the names of the published weights where there are any.
//!
//! Modules use those before them alone: [`error`], `native` (LibTorch), [`device`], [`input`], [`network`], [`weights`], and then
//! [`infer`] and [`train`], neither of which knows the other.

pub mod device;
pub mod error;
pub mod infer;
pub mod input;
#[cfg(feature = "libtorch")]
pub mod native;
pub mod network;
pub mod train;
pub mod weights;

pub use device::DeviceChoice;
pub use device::precision::{Precision, PrecisionChoice};
pub use error::ModelError;
pub use infer::extractor::Extractor;
pub use infer::predictor::Predictor;
pub use input::ModelInput;
pub use input::batch::Batch;
pub use input::image_cache::{DeviceAugmentOptions, DeviceBatch, ImageCache};
pub use network::interpreter::{Cells, Heat, Network};
pub use network::{Architecture, Shape};
pub use train::checkpoint::Checkpoint;
pub use train::options::TrainerOptions;
pub use train::pending::{PendingStep, StepResult};
pub use train::perturb::{Perturb, PerturbOptions};
pub use train::trainer::{Start, Task, Trainer};
pub use weights::file::WeightsFile;
