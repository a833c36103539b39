//! Learning, one batch at a time.

use crate::device::Opened;
use crate::learner::Learner;
use crate::loss::{Targets, right};
use crate::mix::MixOptions;
use crate::network::{Architecture, Shape};
use crate::optimizer::Optimizer;
use crate::precision::Precision;
use crate::schedule::{Course, Schedule};
use crate::weights::Loaded;
use crate::{Batch, ModelError, predictor, pretrained, weights};
use burn::tensor::{Device, Tensor};
use plugin_api::Labels;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::path::Path;

/// How to learn.
#[derive(Clone, Debug, PartialEq, clap::Args, Serialize, Deserialize)]
pub struct TrainerOptions {
    /// The rule that turns gradients into new weights.
    #[arg(long, value_enum, default_value_t = Optimizer::Adamw)]
    pub optimizer: Optimizer,
    /// Greatest learning rate, above 0 and up to 10. Without it: 0.01 for sgd, 0.001 for adam and adamw.
    #[arg(long, value_name = "RATE", value_parser = positive, allow_negative_numbers = true)]
    pub learning_rate: Option<f64>,
    /// How much of the last step goes into the next, 0 to below 1. Of use to sgd alone.
    #[arg(long, default_value_t = 0.9, value_name = "SHARE", value_parser = below_one, allow_negative_numbers = true)]
    pub momentum: f64,
    /// Pull of the weights towards 0, 0 to below 1.
    #[arg(long, default_value_t = 0.0005, value_name = "SHARE", value_parser = below_one, allow_negative_numbers = true)]
    pub weight_decay: f64,
    /// How the learning rate goes.
    #[arg(long, value_enum, default_value_t = Schedule::OneCycle)]
    pub schedule: Schedule,
    /// Epochs in which the learning rate rises from a tenth, 0 to 1000. one-cycle rises by itself and takes no notice.
    #[arg(long, default_value_t = 0.0, value_name = "EPOCHS", value_parser = epochs, allow_negative_numbers = true)]
    pub warm_up_epochs: f64,
    /// Epochs between two steps of the schedule `step`, above 0.
    #[arg(long, default_value_t = 10.0, value_name = "EPOCHS", value_parser = some_epochs, allow_negative_numbers = true)]
    pub step_epochs: f64,
    /// What the schedule `step` multiplies the learning rate by, 0 to below 1.
    #[arg(long, default_value_t = 0.1, value_name = "FACTOR", value_parser = below_one, allow_negative_numbers = true)]
    pub step_factor: f64,
    /// Share of each target that is spread over all classes, 0 to below 1.
    #[arg(long, default_value_t = 0.05, value_name = "SHARE", value_parser = below_one, allow_negative_numbers = true)]
    pub label_smoothing: f64,
    /// How exactly numbers are kept while learning. bf16 needs LibTorch.
    #[arg(long, value_enum, default_value_t = Precision::Fp32)]
    pub precision: Precision,
    /// How much pictures are mixed.
    #[command(flatten)]
    #[serde(default)]
    pub mix: MixOptions,
}

fn number(text: &str, ok: fn(f64) -> bool, accepted: &str) -> Result<f64, String> {
    text.parse().ok().filter(|v| ok(*v)).ok_or_else(|| format!("accepted is a number {accepted}"))
}

fn positive(text: &str) -> Result<f64, String> {
    number(text, |v| v > 0.0 && v <= 10.0, "above 0 and up to 10")
}

fn below_one(text: &str) -> Result<f64, String> {
    number(text, |v| (0.0..1.0).contains(&v), "from 0 to below 1")
}

fn epochs(text: &str) -> Result<f64, String> {
    number(text, |v| (0.0..=1000.0).contains(&v), "from 0 to 1000")
}

fn some_epochs(text: &str) -> Result<f64, String> {
    number(text, |v| v > 0.0 && v <= 1000.0, "above 0 and up to 1000")
}

impl TrainerOptions {
    /// The options as a schedule over `epochs`.
    pub fn course(&self, epochs: u64) -> Course {
        Course {
            schedule: self.schedule,
            learning_rate: self.learning_rate.unwrap_or_else(|| self.optimizer.usual_learning_rate()),
            warm_up_epochs: self.warm_up_epochs,
            step_epochs: self.step_epochs,
            step_factor: self.step_factor,
            epochs: epochs as f64,
        }
    }
}

/// What is to be trained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What the architecture is called.
    pub architecture: String,
    /// Its blocks; without them it is found by name.
    pub definition: Option<String>,
    /// Class names, by index.
    pub classes: Vec<String>,
    /// Whether a picture has one class or several: decides the loss.
    pub labels: Labels,
    /// Side of the square pictures, pixels.
    pub size_px: u32,
    /// Epochs the schedule goes over.
    pub epochs: u64,
    /// Decides the first weights.
    pub seed: u64,
}

/// Where the first weights come from.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// Drawn from the seed.
    Scratch,
    /// From another model of this architecture and size; its classes by index.
    Model(&'a Path, &'a [String]),
    /// From weights of elsewhere, see [`pretrained`]. The classifier is drawn when its classes are others.
    Pretrained(&'a Path),
    /// From a checkpoint of the same run.
    Checkpoint(&'a Path),
}

/// What a step or a look at a batch gave.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct StepResult {
    /// Mean loss, by weight.
    pub loss: f64,
    /// Sum of the pictures' weights.
    pub weight: f64,
    /// Pictures whose likeliest class was right; with several labels, those whose classes were all told and no other.
    pub correct: usize,
    /// Sum of their weights.
    pub correct_weight: f64,
    /// Pictures.
    pub pictures: usize,
}

/// A network that learns.
pub struct Trainer {
    learner: Learner,
    loaded: Option<Loaded>,
    course: Course,
    label_smoothing: f32,
    mix: MixOptions,
    seed: u64,
    labels: Labels,
    classes: usize,
    size_px: u32,
    device: Device,
}

impl Trainer {
    /// Makes ready to learn. The weights are the same on every device for the same task and start.
    ///
    /// # Errors
    /// [`ModelError`] when the architecture is not known or not for this size, or the weights cannot be read.
    pub fn new(task: &Task, options: &TrainerOptions, start: Start<'_>, device: &Opened) -> Result<Self, ModelError> {
        let shape = Shape { classes: task.classes.len(), size_px: task.size_px };
        let network = Architecture::of(&task.architecture, task.definition.as_deref())?.network(
            shape,
            task.seed,
            &device.device.clone().autodiff(),
        )?;
        let mut loaded = None;
        let network = match start {
            Start::Scratch => network,
            Start::Pretrained(path) => {
                let (network, what) = pretrained::load(network, path)?;
                loaded = Some(what);
                network
            }
            Start::Model(path, classes) => weights::start_from(network, &task.classes, path, classes)?.0,
            Start::Checkpoint(path) => weights::load(network, path, None)?,
        };
        Ok(Self {
            learner: Learner::new(network, options, device)?,
            loaded,
            course: options.course(task.epochs),
            label_smoothing: options.label_smoothing as f32,
            mix: options.mix,
            seed: task.seed,
            labels: task.labels,
            classes: shape.classes,
            size_px: shape.size_px,
            device: device.device.clone(),
        })
    }

    /// Side of the square pictures, pixels.
    pub fn size_px(&self) -> u32 {
        self.size_px
    }

    /// What was read of weights from elsewhere, after [`Start::Pretrained`].
    pub fn loaded(&self) -> Option<&Loaded> {
        self.loaded.as_ref()
    }

    /// The learning rate of a step that starts when `done` epochs are over.
    pub fn learning_rate(&self, done: f64) -> f64 {
        self.course.learning_rate(done)
    }

    /// Learns from a batch, mixed if the options say so; hits are counted by what a picture was called before. `done`: epochs over when it starts, 2.5 in the middle of the third.
    ///
    /// # Errors
    /// [`ModelError`] when the batch is empty, a target is not one of the classes, or the device fails. A loss that is
    /// not a number is no error.
    pub fn train_step(&mut self, batch: &Batch, done: f64) -> Result<StepResult, ModelError> {
        let device = self.learner.device(&self.device);
        let mut mixed = Cow::Borrowed(batch);
        let blend = if self.mix.is_off() { None } else { self.mix.mix(mixed.to_mut(), self.draw(done)) };
        let batch = &*mixed;
        let (labels, smoothing) = (self.labels, self.label_smoothing);
        let targets = Targets::mixed(batch, blend.as_ref(), labels, self.classes, smoothing, &device)?;
        let rate = self.learning_rate(done);
        let (logits, loss) = self.learner.step(batch, &targets, rate, &self.device)?;
        self.result(batch, logits, loss)
    }

    /// Decides what is drawn for a step: a function of the place in the run, so a resumed run draws the same.
    fn draw(&self, done: f64) -> u64 {
        let hash = blake3::hash(&[self.seed, done.to_bits()].map(u64::to_le_bytes).concat());
        hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// Loss (without label smoothing) and hits on a batch, learning nothing.
    ///
    /// # Errors
    /// As [`Self::train_step`].
    pub fn validate(&self, batch: &Batch) -> Result<StepResult, ModelError> {
        let targets = Targets::new(batch, self.labels, self.classes, 0.0, &self.device)?;
        let logits =
            self.learner.look(|network| Ok::<_, ModelError>(network.forward(network.input(batch, &self.device)?)))?;
        let loss = targets.loss(logits.clone());
        self.result(batch, logits, loss)
    }

    /// Probabilities of each picture, by class index.
    ///
    /// # Errors
    /// [`ModelError`] when the batch is empty or the device fails.
    pub fn predict(&self, batch: &Batch) -> Result<Vec<Vec<f32>>, ModelError> {
        self.learner.look(|network| predictor::probabilities(network, batch, self.labels, &self.device))
    }

    /// Writes the weights whole or not at all, and returns the BLAKE3 digest of the file.
    ///
    /// # Errors
    /// [`ModelError::File`] or [`ModelError::Weights`].
    pub fn save(&self, path: &Path) -> Result<String, ModelError> {
        self.learner.look(|network| weights::save(network, path))
    }

    /// Writes what the optimizer remembers whole or not at all, and returns the BLAKE3 digest of the file. With it and
    /// the weights of the same moment, learning goes on as if it had never stopped.
    ///
    /// # Errors
    /// [`ModelError::File`] or [`ModelError::Weights`].
    pub fn save_memory(&self, path: &Path) -> Result<String, ModelError> {
        let broken = |problem| ModelError::Weights { path: path.to_owned(), problem };
        let bytes = self.learner.memory(path).map_err(broken)?;
        plugin_api::files::write_atomically(path, &bytes)
            .map_err(|source| ModelError::File { path: path.to_owned(), source })?;
        Ok(blake3::hash(&bytes).to_hex().to_string())
    }

    /// Reads what [`Self::save_memory`] wrote. After an error, the optimizer may know a part of it: make another trainer.
    ///
    /// # Errors
    /// [`ModelError::File`] when there is no such file; [`ModelError::Weights`] when its digest is not `digest`, or it
    /// is of other weights, another rule or another device.
    pub fn load_memory(&mut self, path: &Path, digest: &str) -> Result<(), ModelError> {
        let broken = |problem| ModelError::Weights { path: path.to_owned(), problem };
        let bytes = std::fs::read(path).map_err(|source| ModelError::File { path: path.to_owned(), source })?;
        let found = blake3::hash(&bytes).to_hex();
        if found.as_str() != digest {
            return Err(broken(format!("the file's digest is {found}, not {digest}: it was changed or is broken")));
        }
        self.learner.remember(path, bytes).map_err(broken)
    }

    fn result(&self, batch: &Batch, logits: Tensor<2>, loss: Tensor<1>) -> Result<StepResult, ModelError> {
        let read = |values: Result<Vec<f32>, _>| {
            values.map_err(|e: burn::tensor::TensorReadError| ModelError::Execution(e.to_string()))
        };
        let scores = read(logits.try_into_vec_as::<f32>())?;
        let loss = read(loss.try_into_vec_as::<f32>())?;
        let mut result = StepResult { loss: f64::from(loss[0]), pictures: batch.len(), ..StepResult::default() };
        for (row, (weight, targets)) in scores.chunks_exact(self.classes).zip(batch.weights.iter().zip(&batch.targets))
        {
            let hit = right(row, targets, self.labels);
            result.weight += if targets.is_empty() { 0.0 } else { f64::from(*weight) };
            result.correct += usize::from(hit);
            result.correct_weight += if hit { f64::from(*weight) } else { 0.0 };
        }
        Ok(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DeviceChoice;
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
            seed: 5,
        }
    }

    /// Pictures that are green or red, with a little pattern.
    fn batch(first: usize) -> Batch {
        let mut batch = Batch { size_px: 16, weights: vec![1.0; 8], ..Batch::default() };
        for picture in first..first + 8 {
            for place in 0..256 {
                let noise = (place * 31 + picture * 17) % 97;
                let (red, green) = if picture % 2 == 1 { (200, 40) } else { (40, 200) };
                batch.pixels.extend([red + noise as u8 / 2, green + noise as u8 / 2, noise as u8]);
            }
            batch.targets.push(vec![picture as u32 % 2]);
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
    fn mixed_pictures_teach_too_and_the_place_in_the_run_decides_how_they_are_mixed() {
        for line in ["--mixup 0.4", "--cutmix 1", "--mixup 0.4 --cutmix 1"] {
            let (trainer, losses) = learn("small-cnn", line, 16, Start::Scratch);
            assert_eq!(trainer.validate(&batch(0)).unwrap().correct, 8, "{line}: {losses:?}");
            assert_eq!(losses, learn("small-cnn", line, 16, Start::Scratch).1, "{line}");
            assert_ne!(losses[..2], learn("small-cnn", "", 2, Start::Scratch).1, "{line}");
        }
        let error = options("--cutmix 11").unwrap_err().to_string();
        assert!(error.contains("--cutmix") && error.contains("11") && error.contains("from 0 to 10"), "{error}");
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
    fn pictures_with_both_classes_are_learnt_as_both() {
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
            let digest =
                |name: &str| learn(architecture, "", 4, Start::Scratch).0.save(&folder.path().join(name)).unwrap();
            assert_eq!(digest("a"), digest("b"), "{architecture}");
        }
    }

    #[test]
    fn a_checkpoint_goes_on_where_it_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        for architecture in crate::network::names() {
            let (trainer, _) = learn(architecture, "", 3, Start::Scratch);
            trainer.save(&path).unwrap();
            let (resumed, _) = learn(architecture, "", 0, Start::Checkpoint(&path));
            assert_eq!(trainer.predict(&batch(0)).unwrap(), resumed.predict(&batch(0)).unwrap());
            let classes = task(architecture).classes;
            let (mut copy, _) = learn(architecture, "", 0, Start::Model(&path, &classes));
            assert_eq!(trainer.predict(&batch(0)).unwrap(), copy.predict(&batch(0)).unwrap());
            let before = copy.predict(&batch(0)).unwrap();
            copy.train_step(&batch(0), 3.0).unwrap();
            assert_ne!(before, copy.predict(&batch(0)).unwrap(), "loaded weights learn");
        }
    }

    /// Every device there is, and every rule.
    #[test]
    fn with_its_memory_a_run_ends_as_if_it_had_not_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let (weights, memory) = (folder.path().join("a.safetensors"), folder.path().join("a.memory"));
        let devices = [DeviceChoice::Flex, DeviceChoice::Auto].map(|choice| choice.open().unwrap());
        for (device, rule) in devices.iter().flat_map(|d| ["sgd", "adam", "adamw"].map(|rule| (d, rule))) {
            let options = options(&format!("--optimizer {rule} --learning-rate 0.003")).unwrap();
            let fresh = |start| Trainer::new(&task("small-cnn"), &options, start, device).unwrap();
            let learn = |trainer: &mut Trainer, steps: std::ops::Range<usize>| {
                for step in steps {
                    trainer.train_step(&batch(step * 8), step as f64).unwrap();
                }
            };
            let mut whole = fresh(Start::Scratch);
            learn(&mut whole, 0..3);
            whole.save(&weights).unwrap();
            let digest = whole.save_memory(&memory).unwrap();
            learn(&mut whole, 3..6);
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
    fn options_out_of_range_are_refused_by_name() {
        for line in [
            "--learning-rate 0",
            "--learning-rate nan",
            "--momentum 1",
            "--weight-decay -1",
            "--label-smoothing 1",
            "--step-epochs 0",
            "--optimizer sdg",
            "--schedule linear",
        ] {
            let error = options(line).unwrap_err().to_string();
            let (flag, value) = line.split_once(' ').unwrap();
            assert!(error.contains(flag) && error.contains(value), "{error}");
        }
    }
}
