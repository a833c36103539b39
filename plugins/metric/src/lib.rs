//! Figures about a model's predictions, and the report a person reads.
//!
//! A metric is a function of [`Judged`]: pictures, their true class, and the probabilities a model gave. There is one
//! file for each, and [`REGISTRY`] lists them all. [`report`] writes `index.html` and the tables beside it.

mod accuracy;
mod balanced_accuracy;
mod calibration;
mod confusion;
mod judged;
mod log_loss;
mod macro_f1;
mod mcnemar;
mod per_class;
mod registry;
pub mod report;

pub use accuracy::{accuracy, wilson};
pub use balanced_accuracy::balanced_accuracy;
pub use calibration::expected_calibration_error;
pub use confusion::confusion;
pub use judged::{Judged, ShapeError, most_probable};
pub use log_loss::log_loss;
pub use macro_f1::macro_f1;
pub use mcnemar::mcnemar;
pub use per_class::{ClassFigures, per_class};
pub use registry::{Compute, Metric, REGISTRY};
