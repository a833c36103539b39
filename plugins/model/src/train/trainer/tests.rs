use super::*;
use crate::device::DeviceChoice;
use crate::input::image_cache::{ImageCache, Sample};
use clap::Parser as _;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    options: TrainerOptions,
}

fn options(line: &str) -> Result<TrainerOptions, clap::Error> {
    Line::try_parse_from(std::iter::once("x").chain(line.split_whitespace())).map(|l| l.options)
}

fn task(architecture: &str) -> Task {
    let classes = ["green", "red"].map(String::from).to_vec();
    let labels = Labels::Single;
    Task {
        architecture: architecture.to_owned(),
        definition: None,
        classes,
        labels,
        size_px: 16,
        epochs: 10,
        freeze_epochs: 0,
        seed: 5,
    }
}

/// Images that are green or red, with a little pattern.
fn batch(first: usize) -> Batch {
    let mut batch = Batch { size_px: 16, weights: vec![1.0; 8], ..Batch::default() };
    for image in first..first + 8 {
        for place in 0..256 {
            let noise = (place * 31 + image * 17) % 97;
            let (red, green) = if image % 2 == 1 { (200, 40) } else { (40, 200) };
            batch.pixels.extend([red + noise as u8 / 2, green + noise as u8 / 2, noise as u8]);
        }
        batch.targets.push(vec![image as u32 % 2]);
    }
    batch
}

fn learn(architecture: &str, line: &str, steps: usize, start: Start<'_>) -> (Trainer, Vec<f64>) {
    let flex = DeviceChoice::Flex.open().unwrap();
    let mut trainer = Trainer::new(&task(architecture), &options(line).unwrap(), start, &flex).unwrap();
    let losses = (0..steps).map(|s| trainer.train_step(&batch(s * 8), s as f64).unwrap().loss).collect();
    (trainer, losses)
}

#[test]
fn mixing_trains_and_depends_on_the_place_in_the_run() {
    for line in ["--mixup 0.4", "--cutmix 1", "--mixup 0.4 --cutmix 1"] {
        let (trainer, losses) = learn("small-cnn", line, 16, Start::Scratch);
        assert_eq!(trainer.validate(&batch(0)).unwrap().correct, 8, "{line}: {losses:?}");
        assert_eq!(losses, learn("small-cnn", line, 16, Start::Scratch).1, "{line}");
        assert_ne!(losses[..2], learn("small-cnn", "", 2, Start::Scratch).1, "{line}");
    }
    let error = options("--cutmix 11").unwrap_err().to_string();
    assert!(error.contains("--cutmix") && error.contains("11") && error.contains("from 0 to 10"), "{error}");
}

/// Images come once, in the first epoch; then they are augmented on the device.
#[test]
fn images_on_the_device_train_as_those_of_the_node() {
    let options_of_augment = plugin_augment::AugmentOptions {
        flip_probability: 0.5,
        crop_padding_percent: 20,
        rotation_degrees: 10.0,
        brightness: 0.2,
        contrast: 0.2,
        saturation: 0.2,
        ..plugin_augment::AugmentOptions::NONE
    };
    let pipeline = plugin_augment::Pipeline::new(&options_of_augment, &plugin_augment::Withheld::none());
    for name in crate::device::available().iter().filter(|name| *name != "auto" && !name.contains("cuda")) {
        let device = name.parse::<DeviceChoice>().unwrap().open().unwrap();
        let options = options("--mixup 0.3 --ema 0.9").unwrap();
        let trainer = || Trainer::new(&task("small-cnn"), &options, Start::Scratch, &device).unwrap();
        let (mut node, mut there) = (trainer(), trainer());
        let mut cache = ImageCache::new(16, 24, 1 << 20, &device);
        for step in 0..6 {
            let (first, epoch) = (step % 3 * 8, step as u64 / 3);
            let originals = batch(first);
            let mut augmented = originals.clone();
            let digests: Vec<String> = (first..first + 8).map(|image| image.to_string()).collect();
            let key = |row: usize| plugin_augment::Key { seed: 1, epoch, digest: &digests[row] };
            for (row, pixels) in augmented.pixels.chunks_mut(16 * 16 * 3).enumerate() {
                pipeline.apply(key(row), 16, 16, pixels).unwrap();
            }
            let sample = |row: usize| Sample {
                digest: &digests[row],
                pixels: if epoch == 0 { &originals.pixels[row * 768..(row + 1) * 768] } else { &[] },
                decision: pipeline.decide(key(row), 16, 16),
                is_original: true,
            };
            let samples: Vec<_> = (0..8).map(sample).collect();
            let labels = Batch { pixels: Vec::new(), ..originals.clone() };
            let on_the_device = cache.batch_of(&samples, labels).unwrap();
            let done = step as f64 / 3.0;
            let losses = (node.train_step(&augmented, done).unwrap(), there.train_step(&on_the_device, done).unwrap());
            assert_eq!(losses.0, losses.1, "{name} {step}");
            assert_ne!(augmented, originals);
        }
        let batch = batch(40);
        assert_eq!(node.validate(&batch).unwrap(), there.validate(&batch).unwrap(), "{name}");
    }
}

#[test]
fn every_optimizer_learns_green_from_red() {
    for line in ["--optimizer sgd --learning-rate 0.01", "--optimizer adam", "--optimizer adamw"] {
        let (trainer, losses) = learn("small-cnn", line, 8, Start::Scratch);
        assert!(losses[7] < 0.7 * losses[0], "{line}: {losses:?}");
        assert_eq!(trainer.validate(&batch(0)).unwrap().correct, 8, "{line}");
    }
    let (_, losses) = learn("resnet18", "--learning-rate 0.01", 8, Start::Scratch);
    assert!(losses[7] < 0.7 * losses[0], "resnet18: {losses:?}");
}

#[test]
fn images_with_both_classes_are_trained_on_as_both() {
    let flex = DeviceChoice::Flex.open().unwrap();
    let task = Task { labels: Labels::Multi, ..task("small-cnn") };
    let mut trainer = Trainer::new(&task, &options("--label-smoothing 0").unwrap(), Start::Scratch, &flex).unwrap();
    // Red ones are of both classes, green ones of the first alone.
    let both = |first: usize| {
        let mut batch = batch(first);
        for targets in &mut batch.targets {
            *targets = if targets[0] == 1 { vec![0, 1] } else { vec![0] };
        }
        batch
    };
    for step in 0..30 {
        trainer.train_step(&both(step * 8), step as f64 / 3.0).unwrap();
    }
    let result = trainer.validate(&both(0)).unwrap();
    assert_eq!(result.correct, 8, "{:?}", trainer.predict(&both(0)).unwrap());
    let red = &trainer.predict(&both(0)).unwrap()[1];
    assert!(red[0] > 0.5 && red[1] > 0.5, "both at once: {red:?}");
}

#[test]
fn equal_seeds_give_equal_weights_bit_for_bit() {
    let folder = tempfile::tempdir().unwrap();
    for architecture in crate::network::names() {
        let digest = |name: &str| learn(architecture, "", 2, Start::Scratch).0.save(&folder.path().join(name)).unwrap();
        assert_eq!(digest("a"), digest("b"), "{architecture}");
    }
}

#[test]
fn a_checkpoint_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.safetensors");
    for architecture in crate::network::names() {
        let (trainer, _) = learn(architecture, "", 1, Start::Scratch);
        trainer.save(&path).unwrap();
        let (resumed, _) = learn(architecture, "", 0, Start::Checkpoint(&path));
        assert_eq!(trainer.predict(&batch(0)).unwrap(), resumed.predict(&batch(0)).unwrap());
        let classes = task(architecture).classes;
        let (mut copy, _) = learn(architecture, "", 0, Start::Model(&path, &classes, Perturb::NOT));
        assert_eq!(trainer.predict(&batch(0)).unwrap(), copy.predict(&batch(0)).unwrap());
        let perturb = Perturb { shrink: 0.5, noise: 0.1, seed: 3 };
        let (shaken, _) = learn(architecture, "", 0, Start::Model(&path, &classes, perturb));
        assert_ne!(copy.predict(&batch(0)).unwrap(), shaken.predict(&batch(0)).unwrap());
        let before = copy.predict(&batch(0)).unwrap();
        copy.train_step(&batch(0), 3.0).unwrap();
        assert_ne!(before, copy.predict(&batch(0)).unwrap(), "loaded weights learn");
    }
}

/// Bytes of a file of weights that belong to a tensor whose name begins so.
fn tensors(path: &Path, prefix: &str) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(path).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let found = header.as_object().unwrap().iter().filter(|(name, _)| name.starts_with(prefix));
    let at = |v: &serde_json::Value, i: usize| 8 + length + v["data_offsets"][i].as_u64().unwrap() as usize;
    found.map(|(_, tensor)| bytes[at(tensor, 0)..at(tensor, 1)].to_vec()).collect()
}

/// Running figures of norms too: what is frozen is as it was in every bit.
#[test]
fn what_is_frozen_stays_until_its_epochs_are_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for device in [DeviceChoice::Flex, DeviceChoice::Auto].map(|choice| choice.open().unwrap()) {
        let task = Task { freeze_epochs: 2, ..task("resnet18") };
        let mut trainer = Trainer::new(&task, &options("").unwrap(), Start::Scratch, &device).unwrap();
        trainer.save(&path("a")).unwrap();
        trainer.train_step(&batch(0), 0.0).unwrap();
        trainer.train_step(&batch(8), 1.5).unwrap();
        trainer.save(&path("b")).unwrap();
        trainer.train_step(&batch(16), 2.0).unwrap();
        trainer.save(&path("c")).unwrap();
        for prefix in ["conv1", "bn1", "layer"] {
            let [a, b, c] = ["a", "b", "c"].map(|name| tensors(&path(name), prefix));
            assert!(!a.is_empty() && a == b, "{prefix} on {}", device.name);
            assert!(b.iter().zip(&c).all(|(b, c)| b != c), "{prefix} on {}", device.name);
        }
        assert!(tensors(&path("a"), "fc").iter().zip(tensors(&path("b"), "fc")).all(|(a, b)| *a != b));
    }
}

#[test]
fn the_running_mean_is_what_is_evaluated() {
    let (averaged, _) = learn("small-cnn", "--ema 0.99", 6, Start::Scratch);
    let (last, _) = learn("small-cnn", "", 6, Start::Scratch);
    assert_ne!(averaged.predict(&batch(0)).unwrap(), last.predict(&batch(0)).unwrap());
    assert_eq!(averaged.validate(&batch(0)).unwrap().correct, 8, "and it was trained");
}

#[test]
fn growing_images_train_the_same_network() {
    let flex = DeviceChoice::Flex.open().unwrap();
    let task = Task { size_px: 48, ..task("resnet18") };
    let mut trainer = Trainer::new(&task, &options("--progressive 0.4").unwrap(), Start::Scratch, &flex).unwrap();
    let whole = Batch {
        size_px: 48,
        pixels: vec![90; 2 * 48 * 48 * 3],
        targets: vec![vec![0], vec![1]],
        weights: vec![1.0; 2],
    };
    for done in [0.0, 3.0, 9.0] {
        assert!(trainer.train_step(&whole, done).unwrap().loss.is_finite());
    }
    assert_eq!(trainer.predict(&whole).unwrap().len(), 2);
}

/// Every device there is, every rule, and what else there is to remember.
#[test]
fn with_its_memory_a_run_ends_as_if_it_had_not_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (weights, memory) = (folder.path().join("a.safetensors"), folder.path().join("a.memory"));
    let devices = [DeviceChoice::Flex, DeviceChoice::Auto].map(|choice| choice.open().unwrap());
    let ways = [("sgd", 0), ("adam", 0), ("adamw", 0), ("sgd --ema 0.9", 0), ("adamw --ema 0.9", 3), ("adamw", 4)];
    for (device, (rule, freeze_epochs)) in devices.iter().flat_map(|d| ways.map(|way| (d, way))) {
        let options = options(&format!("--learning-rate 0.003 --optimizer {rule}")).unwrap();
        let task = Task { freeze_epochs, ..task("small-cnn") };
        let fresh = |start| Trainer::new(&task, &options, start, device).unwrap();
        let learn = |trainer: &mut Trainer, steps: std::ops::Range<usize>| {
            for step in steps {
                trainer.train_step(&batch(step * 8), step as f64).unwrap();
            }
        };
        let mut whole = fresh(Start::Scratch);
        learn(&mut whole, 0..3);
        // Written after learning has gone on, as it is beside learning.
        let checkpoint = whole.checkpoint();
        let answered = whole.predict(&batch(0)).unwrap();
        learn(&mut whole, 3..6);
        let [_, digest] = std::thread::spawn({
            let (weights, memory) = (weights.clone(), memory.clone());
            move || checkpoint.save(&weights, &memory)
        })
        .join()
        .unwrap()
        .unwrap();
        assert_eq!(fresh(Start::Checkpoint(&weights)).predict(&batch(0)).unwrap(), answered);
        let mut forgetful = fresh(Start::Checkpoint(&weights));
        learn(&mut forgetful, 3..6);
        let mut resumed = fresh(Start::Checkpoint(&weights));
        resumed.load_memory(&memory, &digest).unwrap();
        learn(&mut resumed, 3..6);
        let answer = |trainer: &Trainer| trainer.predict(&batch(0)).unwrap();
        assert_eq!(answer(&whole), answer(&resumed), "{} {rule}", device.name);
        assert_ne!(answer(&whole), answer(&forgetful), "{} {rule}", device.name);
        let error = resumed.load_memory(&memory, "no").unwrap_err().to_string();
        assert!(error.contains("a.memory") && error.contains("changed"), "{error}");
    }
}

#[test]
fn a_resumed_run_drops_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (weights, memory) = (folder.path().join("a.safetensors"), folder.path().join("a.memory"));
    let blocks = "blocks: [{convolution: 4, kernel: 3}, relu, flatten, {dropout: 0.5}, {affine: classes}]";
    let task = Task { definition: Some(blocks.to_owned()), ..task("own") };
    let options = options("--learning-rate 0.003").unwrap();
    for device in [DeviceChoice::Flex, DeviceChoice::Auto].map(|choice| choice.open().unwrap()) {
        let learn = |trainer: &mut Trainer, steps: std::ops::Range<usize>| {
            for step in steps {
                trainer.train_step(&batch(step * 8), step as f64).unwrap();
            }
        };
        let mut whole = Trainer::new(&task, &options, Start::Scratch, &device).unwrap();
        learn(&mut whole, 0..3);
        let [_, digest] = whole.checkpoint().save(&weights, &memory).unwrap();
        learn(&mut whole, 3..6);
        let mut resumed = Trainer::new(&task, &options, Start::Checkpoint(&weights), &device).unwrap();
        resumed.load_memory(&memory, &digest).unwrap();
        learn(&mut resumed, 3..6);
        assert_eq!(whole.predict(&batch(0)).unwrap(), resumed.predict(&batch(0)).unwrap(), "{}", device.name);
    }
}

#[test]
fn options_out_of_range_are_refused_by_name() {
    for line in [
        "--learning-rate 0",
        "--learning-rate nan",
        "--momentum 1",
        "--weight-decay -1",
        "--label-smoothing 1",
        "--step-epochs 0",
        "--ema 1",
        "--clip-norm -1",
        "--progressive 0",
        "--optimizer sdg",
        "--schedule linear",
    ] {
        let error = options(line).unwrap_err().to_string();
        let (flag, value) = line.split_once(' ').unwrap();
        assert!(error.contains(flag) && error.contains(value), "{error}");
    }
}

#[test]
fn a_classifier_that_is_set_answers() {
    let (mut trainer, _) = learn("small-cnn", "--ema 0.9", 2, Start::Scratch);
    let dimensions = trainer.dimensions();
    let features = trainer.features(&batch(0)).unwrap();
    assert_eq!(features.len(), 8 * dimensions);
    let mut weights = vec![0.0; 2 * dimensions];
    weights[3] = 2.0;
    trainer.set_classifier(&weights, &[0.5, -0.5]).unwrap();
    // What is kept of a running mean of weights is set, too.
    let after = trainer.features(&batch(0)).unwrap();
    let predicted = trainer.predict(&batch(0)).unwrap();
    for (row, features) in predicted.iter().zip(after.chunks(dimensions)) {
        let expected = 1.0 / (1.0 + (-(2.0 * features[3] + 1.0)).exp());
        assert!((row[0] - expected).abs() < 1e-5, "{} {expected}", row[0]);
    }
    assert!(trainer.set_classifier(&weights[1..], &[0.5, -0.5]).is_err());
}
