//! Who answers for the pictures of the inbox, the champion or a head on embeddings, and by which figures.
//!
//! [`compare`] holds both against each other on pictures that neither has learnt from. `predict` decides by it and says so in
//! `models/.standing.json` ([`Standing`]); `train` reads there whether a few new pictures are worth a run, or are told by the
//! head as well as can be meanwhile.

mod compare;
mod file;

pub use compare::{Answer, Answers, Comparison, compare, of_run};
pub use file::Standing;
