//! End-to-end tests: the real graphs under real dora, one binary for all of them. One file a subject, each linked once.
#![cfg(test)]

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
