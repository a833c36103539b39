//! What decides a run and what a run is made of: shared by the graph (`train`, `evaluate`) and by `experiment`, so that a benchmark
//! measures what ships.
//!
//! - [`trigger`] says when a run starts, [`retrain`] from which weights, [`cross_validation`] whether it is cross-validated.
//! - [`pass`] is one pass over images; [`figures`] sums it up. [`classifier`] is what the last layer begins with.
//! - [`head`] is what a head is fitted to. [`gate`] says whether a candidate becomes champion.
//!
//! Knows neither dora nor the workspace: time, counts and classes are arguments.

pub mod classifier;
pub mod cross_validation;
pub mod figures;
pub mod gate;
pub mod head;
pub mod pass;
pub mod retrain;
pub mod trigger;
pub mod trigger_options;
