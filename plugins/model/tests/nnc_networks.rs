//! Networks of Neural Network Console's projects learn, on flex and on LibTorch.
#![cfg(test)]

#[allow(dead_code, reason = "of what tests share, this one needs the folder alone")]
mod peer;

use clap::Parser;
use plugin_model::{Batch, DeviceChoice, Start, Task, Trainer, TrainerOptions, device};
use std::path::PathBuf;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: TrainerOptions,
}

/// Projects: Sony's samples where they are at hand, and one in this crate's neighbour with every kind of block.
fn projects() -> Vec<PathBuf> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::var("WAKUTEKA_NNC_PROJECTS")
        .map_or_else(|_| beside.join("../../../shared/data/nnc-projects"), PathBuf::from);
    let all = [folder, beside.join("../nnc/tests/projects")];
    let files = all.iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten());
    let mut files: Vec<PathBuf> =
        files.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "sdcproj")).collect();
    files.sort();
    files
}

/// Images in which a colour tells the class.
fn batch(size_px: u32, images: usize) -> Batch {
    let mut batch = Batch { size_px, weights: vec![1.0; images], ..Batch::default() };
    let mut state = 7_u64;
    for image in 0..images {
        for _ in 0..size_px * size_px {
            for channel in 0..3 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                batch.pixels.push((state >> 58) as u8 + if image % 2 == channel % 2 { 120 } else { 20 });
            }
        }
        batch.targets.push(vec![image as u32 % 2]);
    }
    batch
}

/// The smallest side of at least 32 px at which the network fits.
fn small(network: &str, largest: u32) -> u32 {
    let description = plugin_blocks::Description::parse("net", network).unwrap();
    (32..=largest.max(32)).find(|side| description.graph(*side, 2).is_ok()).unwrap_or(largest)
}

#[test]
fn networks_of_projects_learn() {
    let options =
        Line::parse_from(["x", "--optimizer", "adam", "--learning-rate", "0.0003", "--schedule", "constant"]).options;
    let name = |path: &std::path::Path| path.file_stem().unwrap().to_str().unwrap().to_owned();
    let taken_in = projects().into_iter().map(|path| {
        let project = plugin_nnc::import_project(&name(&path), &std::fs::read_to_string(&path).unwrap()).unwrap();
        (name(&path), project.network, project.size_px)
    });
    // Blocks that none of them has.
    let others = std::fs::read_to_string(peer::fixture("../nnabla/others.yml")).unwrap();
    for (name, network, size_px) in taken_in.chain([("others".to_owned(), others, 32)]) {
        let size_px = small(&network, size_px);
        let description = plugin_blocks::Description::parse(&name, &network).unwrap();
        // Every kind of block is in small networks; the large ones would take flex minutes.
        let large = description.graph(size_px, 2).unwrap().multiply_adds() > 50_000_000;
        for device in device::available()
            .iter()
            .filter(|device| !device.contains("cuda") && **device != "auto" && !(large && **device == "flex"))
        {
            let task = Task {
                architecture: name.clone(),
                definition: Some(network.clone()),
                classes: ["a", "b"].map(String::from).to_vec(),
                labels: plugin_api::Labels::Single,
                size_px,
                epochs: 10,
                freeze_epochs: 0,
                seed: 3,
            };
            let opened = device.parse::<DeviceChoice>().unwrap().open().unwrap();
            let mut trainer = Trainer::new(&task, &options, Start::Scratch, &opened).unwrap();
            let images = batch(size_px, 8);
            let losses: Vec<f64> =
                (0..4).map(|step| trainer.train_step(&images, f64::from(step)).unwrap().loss).collect();
            println!("{name} on {device} at {size_px} px: {losses:.4?}");
            let least = losses[1..].iter().copied().fold(f64::INFINITY, f64::min);
            assert!(losses.iter().all(|loss| loss.is_finite()) && least < losses[0], "{name} on {device}: {losses:?}");
        }
    }
}
