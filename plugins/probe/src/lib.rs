//! A linear head on frozen embeddings, and its out-of-fold predictions.
//!
//! - [`fit`]: multinomial logistic regression with an L2 penalty, the same as scikit-learn's `LogisticRegression`.
//! - [`ClassMeans`]: a head of class means, which an image joins and leaves by one addition.
//! - [`out_of_fold`]: what heads say of images that they were not trained on.
//! - [`linear`], [`score_of_means`]: a head of either kind with its score on images it was not trained on.
//! - [`assign_folds`]: stratified folds that never split a group.
//!
//! The same input and options give the same numbers, however many threads there are.

mod error;
mod folds;
mod head;
mod head_score;
mod kernel;
mod lbfgs;
mod loss;
mod means;
mod options;
mod out_of_fold;

pub use error::ProbeError;
pub use folds::{assign_folds, numbered};
pub use head::{Head, fit};
pub use head_score::{HeadKind, HeadScore, LabelledEmbedding, Linear, Rows, linear, score_of_means};
pub use means::ClassMeans;
pub use options::ProbeOptions;
pub use out_of_fold::out_of_fold;
