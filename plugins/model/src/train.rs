//! Training: from batches to weights.
//!
//! [`trainer`] makes steps with a learner, which has two forms: `autodiff` with burn's autodiff and optimizers, on any device, and
//! on LibTorch the engine with ATen's.

mod autodiff;
pub mod average;
pub(crate) mod checkpoint;
#[cfg(feature = "libtorch")]
pub mod engine;
mod learner;
pub mod loss;
pub mod mix;
pub mod optimizer;
pub mod options;
pub(crate) mod pending;
pub mod perturb;
pub mod progressive;
pub mod schedule;
pub mod trainer;
pub mod training_state;
