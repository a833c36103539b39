//! Runs: how they begin, what they leave on disk, and what they train.

pub mod augmentation;
mod checkpoint_writer;
pub mod data;
pub mod follow_up;
pub mod head;
pub(crate) mod learn;
pub mod recover;
pub mod run_dir;
pub mod searching;
pub mod start;
