//! Classifier heads on frozen embeddings, fitted in closed form.
//!
//! A head is a ridge regression on one-hot targets, k nearest neighbours in a whitened space, or a blend of both; see
//! [`HeadKind`]. Both parts come from Gram matrices of the embeddings, so that a fit is a few matrix products and one Cholesky
//! factor each: well under a second for thousands of images. Class balance, shrinkage and whitening follow RanPAC
//! (McDonnell and others, NeurIPS 2023, <https://arxiv.org/abs/2307.02251>) and linear discriminant analysis.
//!
//! Each part is calibrated by a temperature on predictions for samples that it was not fitted to (leave one group out: in
//! closed form for the ridge part, by leaving out neighbours for the other) before the two are combined.
//!
//! The same samples and options give the same numbers, bit for bit, whatever the number of threads.

mod any;
mod calibration;
mod error;
mod file;
mod folds;
mod head;
mod learning_curve;
mod linear;
mod matrix;
mod multi;
mod neighbours;
mod novelty;
mod options;
mod out_of_fold;
mod parameters;
mod ridge;
mod samples;

pub use any::AnyHead;
pub use calibration::fit_temperature;
pub use error::HeadError;
pub use folds::{FoldError, assign_folds, numbered, try_assign_folds};
pub use head::{ABSENT, Head};
pub use learning_curve::{Forecast, LearningCurve, learning_curves};
pub use linear::{FirstClassifier, LinearClassifier, SHRINKAGE};
pub use multi::{MultiHead, MultiSamples};
pub use novelty::novelty_threshold;
pub use options::{HeadKind, HeadOptions};
pub use out_of_fold::{OutOfFold, cross_validate, cross_validate_repeatedly, out_of_fold};
pub use parameters::Parameters;
pub use samples::{Samples, Selection};

#[cfg(test)]
mod tests;
