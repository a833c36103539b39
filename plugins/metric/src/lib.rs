//! Figures about a model's predictions.
//!
//! A metric is a function of [`Predictions`]: images, their true class, and the probabilities a model gave. There is one
//! file for each, and [`REGISTRY`] lists them all. Where an image may have several classes, a metric is a function of
//! [`MultilabelPredictions`].

mod accuracy;
mod average_precision;
mod balanced_accuracy;
mod bootstrap;
mod calibration;
mod confusion;
mod log_loss;
mod macro_f1;
mod mcnemar;
mod paired;
mod per_class;
mod predictions;
mod registry;
mod tagged;
mod temper;
mod temperature;

pub use accuracy::{accuracy, wilson};
pub use average_precision::{average_precision, mean_average_precision, per_class_multilabel};
pub use balanced_accuracy::balanced_accuracy;
pub use bootstrap::PairedBootstrap;
pub use calibration::{expected_calibration_error, expected_calibration_error_multilabel};
pub use confusion::confusion;
pub use log_loss::log_loss;
pub use macro_f1::macro_f1;
pub use mcnemar::mcnemar;
pub use paired::{ClassPair, Pairs, normal_quantile};
pub use per_class::{ClassFigures, per_class};
pub use predictions::{Predictions, ShapeError, most_probable};
pub use registry::{Compute, Metric, REGISTRY};
pub use tagged::MultilabelPredictions;
pub use temper::{temper, temper_each};
pub use temperature::{fit_temperature, fit_temperature_multilabel};
