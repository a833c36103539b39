//! What comes in from other nodes, and who is told of runs.

pub mod announce;
pub(crate) mod incoming;
pub mod proposal;
