//! Where memory is short, a batch is cut into pieces, and learning goes on.
//!
//! The test starts itself again under a limit of address space that a whole batch does not fit into.
#![cfg(all(feature = "libtorch", target_os = "linux"))]
#![cfg(test)]

use clap::Parser;
use plugin_model::{Batch, DeviceChoice, Start, Task, Trainer, TrainerOptions};
use std::process::Command;

const SIZE: usize = 128;
const CHILD: &str = "WAKUTEKA_TEST_SHORT_MEMORY";

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: TrainerOptions,
}

fn trainer(model: &str) -> Trainer {
    let task = Task {
        architecture: model.to_owned(),
        definition: None,
        classes: ["a", "b"].map(String::from).to_vec(),
        labels: plugin_api::Labels::Single,
        size_px: SIZE as u32,
        epochs: 1,
        freeze_epochs: 0,
        seed: 1,
    };
    let device = DeviceChoice::Libtorch.open().unwrap();
    Trainer::new(&task, &Line::parse_from(["x"]).options, Start::Scratch, &device).unwrap()
}

fn batch(images: usize) -> Batch {
    Batch {
        size_px: SIZE as u32,
        pixels: (0..images * SIZE * SIZE * 3).map(|i| (i % 251) as u8).collect(),
        targets: (0..images).map(|i| vec![i as u32 % 2]).collect(),
        weights: vec![1.0; images],
    }
}

/// In the child: what it has now and some more is all it gets.
fn limit(more: u64) {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split(' ').next().unwrap().parse().unwrap();
    let most = pages * rustix::param::page_size() as u64 + more;
    setrlimit(Resource::As, Rlimit { current: Some(most), maximum: Some(most) }).unwrap();
}

/// In the child: says how it went.
#[test]
fn child() {
    let Some(more) = std::env::var_os(CHILD) else { return };
    let mut trainer = trainer("resnet18");
    // Some threads and buffers come with the first step.
    trainer.train_step(&batch(2), 0.0).unwrap();
    limit(more.into_string().unwrap().parse::<u64>().unwrap() << 20);
    let (first, second) = (trainer.train_step(&batch(32), 0.0).unwrap(), trainer.train_step(&batch(32), 0.1).unwrap());
    println!("pieces {} losses {} {} images {}", trainer.micro_batches(), first.loss, second.loss, first.images);
}

/// Pieces, loss and images in a child with so many MiB more than it has after a small step; none when it died: within
/// LibTorch, oneDNN does not look whether it was given memory.
fn with(more_mib: u32) -> Option<[f64; 3]> {
    let mut again = Command::new(std::env::current_exe().unwrap());
    let done = again.args(["--exact", "child", "--nocapture"]).env(CHILD, more_mib.to_string()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let words: Vec<&str> = said.lines().find(|l| l.contains("pieces "))?.split_whitespace().collect();
    let number = |name: &str| words[words.iter().position(|w| *w == name).unwrap() + 1].parse().unwrap();
    Some(["pieces", "losses", "images"].map(number))
}

#[test]
fn a_batch_that_does_not_fit_is_cut_and_trained_on() {
    assert_eq!(with(4000).unwrap()[0], 1.0);
    // A step of the whole batch takes a little less than the first of these. Close together: what fits differs from run to run, and with
    // some the child dies.
    let cut = (150..=500).rev().step_by(10).filter_map(with).find(|[pieces, ..]| *pieces > 1.0);
    let [_, loss, images] = cut.unwrap();
    assert!(loss.is_finite() && images == 32.0, "{loss} {images}");
}

#[test]
fn a_batch_that_fits_stays_whole() {
    let mut whole = trainer("small-cnn");
    whole.train_step(&batch(64), 0.0).unwrap();
    assert_eq!(whole.micro_batches(), 1);
}
