//! Small data sets from the drawing of their splits to the verdict, with networks that are really trained: every class is
//! named, with figures of its own.

#![cfg(test)]

use clap::Parser as _;
use node_evaluate::{Checkpoint, Evaluator, Gate, OnDevice, Outgoing};
use plugin_api::edges::{BatchHeader, Batches, Demand, empty_lists_of_f32, lists_of_u32};
use plugin_api::runs::{CrossValidation, Evaluation, OutOfFold, RunFolder, RunManifest, Verdict, write_json};
use plugin_api::{Header, Labels, Selection, Split, Subset, Workspace, fixture};
use plugin_decode::Limits;
use plugin_model::device::Opened;
use plugin_model::{Batch, DeviceChoice, Precision, Start, Task, Trainer, TrainerOptions};
use plugin_splits::{Image, Shares, draw, folds, near_copies_held_out};
use std::time::Instant;

const SIDE: u32 = 16;
const FOLDS: u32 = 5;
const EPOCHS: u64 = 6;

/// Defaults of the trainer.
#[derive(clap::Parser)]
struct Options {
    #[command(flatten)]
    trainer: TrainerOptions,
}

/// An image: a colour of its class with some noise.
struct Sample {
    digest: String,
    path: String,
    group: String,
    class: [u32; 1],
    pixels: Vec<u8>,
}

fn sample(number: u32, class: u32, group: &str) -> Sample {
    let noise = |i: u32| (number.wrapping_mul(2_654_435_761).wrapping_add(i.wrapping_mul(40_503)) >> 13) % 60;
    let channel = |i: u32| if i % 3 == class { 150 + noise(i) } else { 20 + noise(i) };
    Sample {
        digest: blake3::hash(&number.to_le_bytes()).to_hex().to_string(),
        path: format!("photos/{}/{number}.png", CLASSES[class as usize]),
        group: group.to_owned(),
        class: [class],
        pixels: (0..SIDE * SIDE * 3).map(|i| channel(i) as u8).collect(),
    }
}

const CLASSES: [&str; 3] = ["apple", "leaf", "sky"];

struct DataSet {
    samples: Vec<Sample>,
    splits: Vec<Split>,
    near_copies: Vec<bool>,
}

impl DataSet {
    fn new(samples: Vec<Sample>) -> Self {
        let images = images(&samples);
        let splits = draw(&images, Shares { validation: 15, test: 15 }).splits;
        let near_copies = near_copies_held_out(&images, &splits);
        drop(images);
        Self { samples, splits, near_copies }
    }

    fn batch(&self, numbers: &[usize]) -> Batch {
        Batch {
            size_px: SIDE,
            pixels: numbers.iter().flat_map(|number| self.samples[*number].pixels.clone()).collect(),
            targets: numbers.iter().map(|number| self.samples[*number].class.to_vec()).collect(),
            weights: vec![1.0; numbers.len()],
        }
    }

    fn trained_on(&self, numbers: &[usize], device: &Opened) -> Trainer {
        let task = Task {
            architecture: "small-cnn".to_owned(),
            definition: None,
            classes: CLASSES.map(str::to_owned).to_vec(),
            labels: Labels::Single,
            size_px: SIDE,
            epochs: EPOCHS,
            freeze_epochs: 0,
            seed: 1,
        };
        let options = Options::parse_from(["train"]).trainer;
        let mut trainer = Trainer::new(&task, &options, Start::Scratch, device).unwrap();
        for epoch in 0..EPOCHS {
            for (at, numbers) in numbers.chunks(8).enumerate() {
                trainer.train_step(&self.batch(numbers), epoch as f64 + at as f64 / 8.0).unwrap();
            }
        }
        trainer
    }

    fn cross_validation(&self, device: &Opened) -> CrossValidation {
        let drawn = folds(&images(&self.samples), FOLDS, 0);
        let mut samples = Vec::new();
        for fold in 0..FOLDS {
            let (test, train): (Vec<usize>, Vec<usize>) =
                (0..self.samples.len()).partition(|number| drawn.of[*number] == fold);
            let said = self.trained_on(&train, device).predict(&self.batch(&test)).unwrap();
            for (number, probabilities) in test.into_iter().zip(said) {
                let Sample { digest, path, class, group, .. } = &self.samples[number];
                samples.push(OutOfFold {
                    digest: digest.clone(),
                    path: path.clone(),
                    fold,
                    targets: class.to_vec(),
                    probabilities,
                    near_copy: train.iter().any(|other| self.samples[*other].group == *group),
                });
            }
        }
        let classes = CLASSES.map(str::to_owned).to_vec();
        CrossValidation { folds: FOLDS, classes, fingerprint: "f".to_owned(), samples, seconds: 0.0 }
    }

    fn numbers(&self, split: Split) -> Vec<usize> {
        (0..self.samples.len()).filter(|number| self.splits[*number] == split).collect()
    }

    /// What `dataset` answers: all of a split in one batch.
    fn answer(&self, demand: &Demand) -> (Header, Batches) {
        let split = Split::parse(demand.split.value(0)).unwrap();
        let numbers = self.numbers(split);
        let of = |text: fn(&Sample) -> &str| -> Vec<&str> { numbers.iter().map(|n| text(&self.samples[*n])).collect() };
        let batch = Batches {
            digest: of(|sample| &sample.digest).into(),
            path: of(|sample| &sample.path).into(),
            group: of(|sample| &sample.group).into(),
            targets: lists_of_u32(numbers.iter().map(|n| &self.samples[*n].class[..])),
            weight: vec![1.0; numbers.len()].into(),
            width: vec![SIDE; numbers.len()].into(),
            height: vec![SIDE; numbers.len()].into(),
            pixels: numbers.iter().map(|n| Some(&self.samples[*n].pixels[..])).collect(),
            decisions: empty_lists_of_f32(numbers.len()),
        };
        let is_near_copy = numbers.iter().map(|number| self.near_copies[*number]);
        let of = BatchHeader {
            version: demand.version.value(0),
            epoch: demand.epoch.value(0),
            seed: demand.seed.value(0),
            split: Selection::Images(Subset::Split(split)),
            batches: 1,
            classes: CLASSES.map(str::to_owned).to_vec(),
            near_copies: (0..).zip(is_near_copy).filter_map(|(at, is)| is.then_some(at)).collect(),
            ..BatchHeader::default()
        };
        (Header::new(demand.run.value(0), 0).fin(true).with(&of), batch)
    }

    /// A run with its cross-validation, as `train` leaves it, and what `evaluate` makes of it.
    fn evaluated(&self) -> Verdict {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let device = DeviceChoice::Flex.open().unwrap();
        let run = RunFolder::new(&workspace.runs(), "one");
        std::fs::create_dir_all(&run.0).unwrap();
        let uri = "runs/one/last.safetensors".to_owned();
        let trainer = self.trained_on(&self.numbers(Split::Train), &device);
        let digest = trainer.save(&workspace.root().join(&uri)).unwrap();
        let count = |class: u32, split: Split| {
            self.numbers(split).into_iter().filter(|number| self.samples[*number].class == [class]).count() as u64
        };
        let counts = (0..3).map(|class| {
            let [train, validation, test] = Split::ALL.map(|split| count(class, split));
            [train, validation, test, 0]
        });
        let (counts, epochs) = (counts.collect(), EPOCHS);
        let manifest = RunManifest { size_px: SIDE, counts, epochs, ..fixture::manifest("one", &CLASSES) };
        write_json(&run.0.join("run.json"), &manifest).unwrap();
        write_json(&run.0.join(CrossValidation::FILE), &self.cross_validation(&device)).unwrap();
        let loader = OnDevice::new(workspace.clone(), device, Precision::Fp32, Limits::default());
        let mut evaluator = Evaluator::new(workspace.clone(), loader, 64, Gate::default());
        evaluator.announced(Checkpoint { run: "one".to_owned(), uri, digest, version: 1 }).unwrap();
        for _ in 0..10 {
            for out in evaluator.proceed(Instant::now()).unwrap() {
                match out {
                    Outgoing::Verdict(verdict) => return *verdict,
                    Outgoing::Demand(demand) => {
                        let (header, batch) = self.answer(&demand);
                        evaluator.add_batch(&header, &batch).unwrap();
                    }
                }
            }
        }
        panic!("no verdict");
    }
}

fn images(samples: &[Sample]) -> Vec<Image<'_>> {
    samples.iter().map(Sample::image).collect()
}

impl Sample {
    fn image(&self) -> Image<'_> {
        Image {
            key: &self.digest,
            classes: &self.class,
            group: &self.group,
            captured_ms: None,
            path: &self.path,
            given: None,
            settled: None,
        }
    }
}

/// Every class is evaluated on all of its images, told one by one, and well above chance.
fn assert_named(verdict: &Verdict, images: [u64; 3]) {
    assert_eq!(
        (verdict.decision.name(), verdict.evaluation),
        ("promoted", Evaluation::CrossValidated { folds: FOLDS })
    );
    assert_eq!(verdict.classes, CLASSES);
    for ((class, result), images) in verdict.classes.iter().zip(&verdict.class_results).zip(images) {
        assert_eq!(result.images, images, "{class}");
        let told = format!("{class} {} of {images}", result.correct);
        assert!(verdict.reason.contains(&told), "{told} in {}", verdict.reason);
    }
    assert!(verdict.accuracy > 0.6 && verdict.accuracy_interval[0] > 0.33, "{}", verdict.reason);
    assert!(!verdict.reason.contains("Not evaluated"), "{}", verdict.reason);
}

#[test]
fn three_classes_of_eight_end_in_a_verdict() {
    let samples = (0..24).map(|n| sample(n, n % 3, &n.to_string())).collect();
    let verdict = DataSet::new(samples).evaluated();
    assert_named(&verdict, [8; 3]);
    assert!(verdict.class_results.iter().all(|result| result.optimistic == 0) && !verdict.reason.contains("ptimistic"));
}

#[test]
fn a_burst_that_is_its_class_is_optimistic() {
    let group = |n: u32| if n % 3 == 2 { "burst".to_owned() } else { n.to_string() };
    let verdict = DataSet::new((0..30).map(|n| sample(n, n % 3, &group(n))).collect()).evaluated();
    assert_named(&verdict, [10; 3]);
    assert_eq!(verdict.class_results.iter().map(|result| result.optimistic).collect::<Vec<_>>(), [0, 0, 10]);
    let told = "Optimistic: near-copies on both sides, for 10 of the 30 images (sky 10 of 10).";
    assert!(verdict.reason.contains(told), "{}", verdict.reason);
}

#[test]
fn a_misfiled_frame_takes_no_class_away() {
    let mut samples: Vec<Sample> = (0..30).map(|n| sample(n, n % 3, &(n / 6 * 3 + n % 3).to_string())).collect();
    // A frame of a burst of apples stands among the leaves.
    samples[1] = Sample { class: [1], group: samples[0].group.clone(), ..sample(99, 0, "") };
    let verdict = DataSet::new(samples).evaluated();
    assert_named(&verdict, [10; 3]);
}
