//! Wrong labels, found by confident learning from out-of-fold predictions: Northcutt, Jiang, Chuang, "Confident
//! Learning: Estimating Uncertainty in Dataset Labels", JAIR 70, 2021, <https://arxiv.org/abs/1911.00068>.
//!
//! The figures are those of Python's cleanlab 2.7 on the same predictions; where it differs from the paper, it is
//! followed, and the text says so.

mod error;
mod filters;
mod joint;
mod report;
mod round;

pub use error::LabelErrorsError;
pub use filters::{Both, Filter, REGISTRY, filter};
pub use joint::Joint;
pub use report::{Report, Suspect, find, find_by};
