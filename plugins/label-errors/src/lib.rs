//! Wrong labels, found by confident learning from out-of-fold predictions: Northcutt, Jiang, Chuang, "Confident
//! Learning: Estimating Uncertainty in Dataset Labels", JAIR 70, 2021, <https://arxiv.org/abs/1911.00068>.
//!
//! [`find`] goes by the odds of the predictions against the label instead, which are right more often ([`Odds`]). The figures of
//! the other filters are those of Python's cleanlab 2.7 on the same predictions; where it differs from the paper, it is
//! followed, and the text says so.

mod error;
mod filters;
mod joint;
mod report;
mod round;

pub use error::LabelErrorsError;
pub use filters::{Both, Filter, Odds, REGISTRY, filter};
pub use joint::Joint;
pub use report::{MIN_CLASS_IMAGES, Report, Suspect, find, find_by};
