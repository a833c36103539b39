//! End-to-end tests: the real graphs under real dora, one binary for all of them. One file a subject, each linked once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it saw"
)]

mod augmentation;
mod clock;
mod cluster;
mod curate;
mod dashboard;
mod demo;
mod faults;
mod full_disk;
mod graph;
mod head;
mod inspect;
mod jobs;
mod multi;
mod predict;
mod programs;
mod resumes;
mod review;
mod search;
mod start;
mod survives;
mod trials;
mod triggers;
