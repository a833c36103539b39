//! Learning, one batch at a time.

use crate::device::Opened;
use crate::error::ModelError;
use crate::input::batch::Batch;
use crate::input::{self, ModelInput, Normalisation};
use crate::network::interpreter::Network;
use crate::network::probabilities::probabilities;
use crate::network::{Architecture, Shape};
use crate::train::average::Average;
use crate::train::checkpoint::Checkpoint;
use crate::train::learner::Learner;
use crate::train::loss::Targets;
use crate::train::mix::MixOptions;
use crate::train::options::TrainerOptions;
use crate::train::pending::{PendingStep, StepResult};
use crate::train::perturb::Perturb;
use crate::train::progressive::Growth;
use crate::train::schedule::LrScheduler;
use crate::train::training_state::TrainingState;
use crate::weights::{self, Loaded, pretrained};
use burn::module::Param;
use burn::tensor::{Device, Tensor, TensorData};
use plugin_api::Labels;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is to be trained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What the architecture is called.
    pub architecture: String,
    /// Its blocks; without them it is found by name.
    pub definition: Option<String>,
    /// Class names, by index.
    pub classes: Vec<String>,
    /// Whether an image has one class or several: decides the loss.
    pub labels: Labels,
    /// Side of the square images, pixels.
    pub size_px: u32,
    /// Epochs the schedule goes over.
    pub epochs: u64,
    /// Epochs at the start in which the classifier alone learns.
    pub freeze_epochs: u64,
    /// Decides the first weights.
    pub seed: u64,
}

/// Where the first weights come from.
#[derive(Clone, Copy, Debug)]
pub enum Start<'a> {
    /// Drawn from the seed.
    Scratch,
    /// From another model of this architecture and size; its classes by index, and what is left of its weights.
    Model(&'a Path, &'a [String], Perturb),
    /// From weights of elsewhere, see [`pretrained`]. The classifier is drawn unless its classes are known to be the same.
    Pretrained(&'a Path),
    /// From weights of another network: those of equal name and shape are taken over, see [`pretrained::inherit`].
    Inherited(&'a Path),
    /// From a checkpoint of the same run.
    Checkpoint(&'a Path),
}

/// A network that learns.
pub struct Trainer {
    learner: Learner,
    average: Option<Average>,
    normalisation: Normalisation,
    growth: Option<Growth>,
    freeze_epochs: u64,
    /// Whether the classifier alone learns now.
    frozen: bool,
    loaded: Option<Loaded>,
    lr_scheduler: LrScheduler,
    label_smoothing: f32,
    mix: MixOptions,
    /// What dropouts draw by.
    dropouts: Arc<AtomicU64>,
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
        let architecture = Architecture::of(&task.architecture, task.definition.as_deref())?;
        let growth = Growth::new(options.progressive, &architecture, shape.classes, task.size_px, task.epochs)?;
        let network = architecture.network(shape, task.seed, &device.device.clone().autodiff())?;
        let mut loaded = None;
        let network = match start {
            Start::Scratch => network,
            Start::Pretrained(path) => {
                let (network, what) = pretrained::load(network, &task.classes, path)?;
                loaded = Some(what);
                network
            }
            Start::Inherited(path) => {
                let (network, what) = pretrained::inherit(network, path)?;
                loaded = Some(what);
                network
            }
            Start::Model(path, classes, perturb) => {
                let (network, _) = weights::start_from(network, &task.classes, path, classes)?;
                if perturb.is_off() {
                    network
                } else {
                    let fresh = architecture.network(shape, perturb.seed, &device.device.clone().autodiff())?;
                    perturb.apply(network, &fresh)
                }
            }
            Start::Checkpoint(path) => weights::load(network, path, None)?,
        };
        let learner = Learner::new(network, options, device)?;
        let dropouts = learner.with_network(Network::draw);
        let average = (options.ema > 0.0).then(|| learner.with_network(|network| Average::new(network, options.ema)));
        Ok(Self {
            learner,
            average,
            normalisation: architecture.input(),
            growth,
            freeze_epochs: task.freeze_epochs,
            frozen: false,
            loaded,
            lr_scheduler: options.lr_scheduler(task.epochs),
            label_smoothing: options.label_smoothing as f32,
            mix: options.mix,
            dropouts,
            seed: task.seed,
            labels: task.labels,
            classes: shape.classes,
            size_px: shape.size_px,
            device: device.device.clone(),
        })
    }

    /// Side of the square images, pixels.
    pub fn size_px(&self) -> u32 {
        self.size_px
    }

    /// What was read of weights from elsewhere, after [`Start::Pretrained`].
    pub fn loaded(&self) -> Option<&Loaded> {
        self.loaded.as_ref()
    }

    /// The learning rate of a step that starts when `done` epochs are over.
    pub fn learning_rate(&self, done: f64) -> f64 {
        self.lr_scheduler.learning_rate(done)
    }

    /// Into how many micro-batches a batch is cut since the device ran out of memory; 1 when it never did.
    pub fn micro_batches(&self) -> usize {
        self.learner.micro_batches()
    }

    /// Learns from a batch, mixed if the options say so; `correct` counts by the labels before mixing. `done`: epochs
    /// over when it starts, 2.5 in the middle of the third.
    ///
    /// # Errors
    /// [`ModelError`] when the batch is empty, a target is not one of the classes, or the device fails. A loss that is
    /// not a number is no error.
    pub fn train_step<'a>(&mut self, batch: impl Into<ModelInput<'a>>, done: f64) -> Result<StepResult, ModelError> {
        self.begin_step(batch, done)?.result()
    }

    /// [`Self::train_step`] without waiting for it: on a GPU the next one can be begun while this one is computed.
    ///
    /// # Errors
    /// As [`Self::train_step`].
    pub fn begin_step<'a>(&mut self, batch: impl Into<ModelInput<'a>>, done: f64) -> Result<PendingStep, ModelError> {
        let (batch, device) = (batch.into(), self.learner.device(&self.device));
        let rows = batch.rows();
        let mix = if self.mix.is_off() { None } else { self.mix.draw(rows.len(), rows.size_px, self.draw(done)) };
        let blend = mix.as_ref().map(|mix| &mix.blend);
        let (labels, smoothing) = (self.labels, self.label_smoothing);
        let targets = Targets::mixed(rows, blend, labels, self.classes, smoothing, &device)?;
        let rate = self.learning_rate(done);
        let mut images = batch.images(&device)?;
        if let Some(mix) = &mix {
            images = mix.apply(images);
        }
        let mut input = input::normalise(images, self.normalisation, &device);
        if let Some(growth) = &self.growth {
            input = growth.shrink(input, done);
        }
        self.freeze(done < self.freeze_epochs as f64);
        self.dropouts.store(self.draw(done), Ordering::Relaxed);
        let (logits, loss) = self.learner.step(input, &targets, rate)?;
        if let Some(average) = &mut self.average {
            self.learner.with_network(|network| average.add(network));
        }
        Ok(self.pending(rows, logits, loss))
    }

    /// Lets the classifier alone learn, or all layers. What the optimizer then knows of the others is old or nothing, so it
    /// begins anew.
    fn freeze(&mut self, frozen: bool) {
        if frozen != self.frozen {
            self.learner.freeze(frozen);
            if !frozen {
                self.learner.forget();
            }
            self.frozen = frozen;
        }
    }

    /// Does something with the network that is evaluated, on the device without autodiff.
    fn with_network<T>(&self, with: impl FnOnce(&Network) -> T) -> T {
        match &self.average {
            Some(average) => self.learner.with_network(|_| with(average.network())),
            None => self.learner.with_network(with),
        }
    }

    /// Decides what is drawn for a step: a function of the place in the run, so a resumed run draws the same.
    fn draw(&self, done: f64) -> u64 {
        let hash = blake3::hash(&[self.seed, done.to_bits()].map(u64::to_le_bytes).concat());
        hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// Loss (without label smoothing) and correct predictions on a batch, without training.
    ///
    /// # Errors
    /// As [`Self::train_step`].
    pub fn validate<'a>(&self, batch: impl Into<ModelInput<'a>>) -> Result<StepResult, ModelError> {
        self.begin_validation(batch)?.result()
    }

    /// [`Self::validate`] without waiting for it.
    ///
    /// # Errors
    /// As [`Self::train_step`].
    pub fn begin_validation<'a>(&self, batch: impl Into<ModelInput<'a>>) -> Result<PendingStep, ModelError> {
        let batch = batch.into();
        let targets = Targets::new(batch.rows(), self.labels, self.classes, 0.0, &self.device)?;
        let logits =
            self.with_network(|network| Ok::<_, ModelError>(network.forward(network.input(batch, &self.device)?)))?;
        let loss = targets.loss(logits.clone());
        Ok(self.pending(batch.rows(), logits, loss))
    }

    /// What the classifier sees of each image, one after the other: [`Self::dimensions`] numbers each.
    ///
    /// # Errors
    /// [`ModelError`] when the batch is empty or the device fails.
    pub fn features<'a>(&self, batch: impl Into<ModelInput<'a>>) -> Result<Vec<f32>, ModelError> {
        let features =
            self.with_network(|network| Ok::<_, ModelError>(network.features(network.input(batch, &self.device)?)))?;
        features.try_into_vec_as::<f32>().map_err(|e| ModelError::Execution(e.to_string()))
    }

    /// Numbers that the classifier sees of an image.
    pub fn dimensions(&self) -> usize {
        self.with_network(|network| network.classifier().weight.dims()[1])
    }

    /// Whether the classifier was drawn although the other layers come from elsewhere.
    pub fn has_drawn_classifier(&self) -> bool {
        self.loaded.as_ref().is_some_and(|loaded| !loaded.kept.is_empty())
    }

    /// Replaces the classifier by `weights` (`[classes, dimensions]`, row-major) and `biases`, before the first step.
    ///
    /// # Errors
    /// [`ModelError::Execution`] when they are of another shape, or the device fails.
    pub fn set_classifier(&mut self, weights: &[f32], biases: &[f32]) -> Result<(), ModelError> {
        let (classes, dimensions) = (self.classes, self.dimensions());
        if (weights.len(), biases.len()) != (classes * dimensions, classes) {
            let (weights, biases) = (weights.len(), biases.len());
            let problem = format!("{weights} weights and {biases} biases are no layer of {dimensions} to {classes}");
            return Err(ModelError::Execution(problem));
        }
        self.learner.replace(|mut network| {
            let layer = network.classifier_mut();
            let device = layer.weight.val().device();
            let weights = TensorData::new(weights.to_vec(), [classes, dimensions]);
            layer.weight = Param::from_data(weights, &device);
            layer.bias = Some(Param::from_data(TensorData::new(biases.to_vec(), [classes]), &device));
            Ok(network)
        })?;
        if let Some(average) = &mut self.average {
            self.learner.with_network(|network| average.restore(network, 0));
        }
        Ok(())
    }

    /// Probabilities of each image, by class index.
    ///
    /// # Errors
    /// [`ModelError`] when the batch is empty or the device fails.
    pub fn predict<'a>(&self, batch: impl Into<ModelInput<'a>>) -> Result<Vec<Vec<f32>>, ModelError> {
        let logits =
            self.with_network(|network| Ok::<_, ModelError>(network.forward(network.input(batch, &self.device)?)))?;
        probabilities(logits, self.labels)
    }

    /// Writes the weights whole or not at all, and returns the BLAKE3 digest of the file.
    ///
    /// # Errors
    /// [`ModelError::File`] or [`ModelError::Weights`].
    pub fn save(&self, path: &Path) -> Result<String, ModelError> {
        self.with_network(|network| weights::save(network, path))
    }

    /// Copies what a checkpoint holds, to be written beside learning.
    pub fn checkpoint(&self) -> Checkpoint {
        let (network, optimizer) = self.learner.training_state();
        let (evaluated, last) = match &self.average {
            // A mean is never changed in place.
            Some(average) => (average.network().clone(), Some((network, average.updates()))),
            None => (network, None),
        };
        Checkpoint { evaluated, last, optimizer, frozen: self.frozen }
    }

    /// Reads what [`Checkpoint::save`] wrote, after a start from the weights of the same moment. After an error, a part of
    /// it may have been taken up: make another trainer.
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
        let training_state = TrainingState::from_bytes(&bytes).map_err(broken)?;
        if self.average.is_some() == training_state.weights.is_empty() {
            return Err(broken("it is of a run with another --ema".to_owned()));
        }
        if let Some(average) = &mut self.average {
            self.learner.with_network(|network| average.restore(network, training_state.updates));
            self.learner.replace(|network| weights::read(network, training_state.weights).map_err(broken))?;
        }
        self.learner.restore_optimizer(&training_state.optimizer).map_err(broken)?;
        self.freeze(training_state.frozen);
        Ok(())
    }

    fn pending(&self, batch: &Batch, logits: Tensor<2>, loss: Tensor<1>) -> PendingStep {
        PendingStep::new(batch, self.labels, logits, loss)
    }
}

#[cfg(test)]
mod tests;
