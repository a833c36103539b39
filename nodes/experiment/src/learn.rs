//! Training and evaluating in one process: what the graph does, without the graph.

use crate::config::{Common, Recipe};
use crate::error::ExperimentError;
use crate::photos::Photos;
use plugin_api::Labels;
use plugin_augment::{Decision, Key, Pipeline, Withheld};
use plugin_invariance::Sample as Examined;
use plugin_metric::{Predictions, balanced_accuracy};
use plugin_model::device::Opened;
use plugin_model::input::image_cache::Sample;
use plugin_model::{Batch, DeviceBatch, ImageCache, ModelInput, Perturb, Start, Task, Trainer};
use plugin_training::classifier;
use plugin_training::pass::{Mode, Pass};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

/// One training: what it is trained on, what it is evaluated on, and how.
pub struct TrainingJob<'a> {
    /// All images.
    pub photos: &'a Photos,
    /// Those it is trained on, by place.
    pub train: &'a [usize],
    /// Those it is evaluated on.
    pub test: &'a [usize],
    /// Which of the squares of an image, and its side in pixels.
    pub square: (usize, u32),
    /// What is trained and how.
    pub recipe: &'a Recipe,
    /// Decides weights, order and augmentation.
    pub seed: u64,
    /// How many of the classes take part, the first ones; images of others count as wrong.
    pub classes: usize,
    /// Weights to go on from.
    pub known: Option<Known<'a>>,
    /// Where the weights are written in the end.
    pub keep: Option<&'a Path>,
    /// Where.
    pub device: &'a Opened,
}

/// Weights to go on from.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// The file.
    pub path: &'a Path,
    /// How many of the classes it knows, the first ones.
    pub classes: usize,
    /// What is left of it.
    pub perturb: Perturb,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What the network said of the test images of its classes, by the order of [`TrainingJob::test`].
    pub evaluated: Predictions,
    /// Probabilities of every test image, one for each class that is known.
    pub predictions: Vec<Vec<f32>>,
    /// Accuracy on the test images.
    pub accuracy: f64,
    /// Mean of the classes' recalls.
    pub balanced_accuracy: f64,
    /// Epochs.
    pub epochs: u64,
    /// Seconds of training, without evaluating.
    pub seconds: f64,
    /// Training images a second.
    pub images_per_second: f64,
    /// Seconds of them in which no batch was ready.
    pub waited_seconds: f64,
    /// Into how many micro-batches batches were cut because more did not fit into memory.
    pub micro_batches: usize,
}

/// What all jobs of an experiment share.
pub struct ExperimentContext {
    /// Where they are taken.
    pub device: Opened,
    /// All images.
    pub photos: Photos,
}

impl ExperimentContext {
    /// Opens the device and reads the images, at the sizes for the network and then at `more`, and says what was found.
    ///
    /// # Errors
    /// [`ExperimentError`].
    pub fn open(common: &Common, sizes: &[u32], more: &[u32]) -> Result<Self, ExperimentError> {
        let device = common.device.open()?;
        crate::tell(&format!("device: {}", device.name));
        let images = &common.images;
        let all = [sizes, more].concat();
        let photos = Photos::read(&images.folder(), &all, images.resize_mode, &images.limits)?;
        crate::tell(&photos.summary());
        for size in sizes {
            common.recipe.check(*size, photos.classes.len())?;
        }
        Ok(Self { device, photos })
    }

    /// A job from the beginning, of all classes.
    pub fn job<'a>(
        &'a self,
        [train, test]: [&'a [usize]; 2],
        square: (usize, u32),
        recipe: &'a Recipe,
        seed: u64,
    ) -> TrainingJob<'a> {
        let (photos, device, classes) = (&self.photos, &self.device, self.photos.classes.len());
        TrainingJob { photos, train, test, square, recipe, seed, device, classes, known: None, keep: None }
    }
}

impl TrainingJob<'_> {
    /// Trains for `epochs`, and evaluates.
    ///
    /// # Errors
    /// [`ExperimentError::Model`]; a loss that is not a number is [`ExperimentError::Options`].
    pub fn take(&self, epochs: u64) -> Result<Outcome, ExperimentError> {
        self.take_and_tell(epochs, |_, _| Ok(()))
    }

    /// As [`Self::take`]; `after` is called with each epoch that is over and a way to evaluate, and its time counts.
    ///
    /// # Errors
    /// As [`Self::take`], and what `after` says.
    pub fn take_and_tell(
        &self,
        epochs: u64,
        mut after: impl FnMut(u64, &dyn Fn() -> Result<Predictions, ExperimentError>) -> Result<(), ExperimentError>,
    ) -> Result<Outcome, ExperimentError> {
        let mut trainer = self.trainer(epochs)?;
        self.fit_classifier(&mut trainer)?;
        let pipeline = self.pipeline();
        let images = self.images();
        let (begun, mut waited) = (Instant::now(), Duration::ZERO);
        for epoch in 0..epochs {
            waited += self.epoch(&mut trainer, &images, &pipeline, epoch, None)?.1;
            after(epoch, &|| self.evaluated(&self.predictions(&trainer, &images)?))?;
        }
        let seconds = begun.elapsed().as_secs_f64();
        if let Some(path) = self.keep {
            trainer.save(path)?;
        }
        let predictions = self.predictions(&trainer, &images)?;
        let evaluated = self.evaluated(&predictions)?;
        let correct = evaluated.correct().iter().filter(|is_correct| **is_correct).count();
        Ok(Outcome {
            accuracy: correct as f64 / self.test.len().max(1) as f64,
            balanced_accuracy: balanced_accuracy(&evaluated).unwrap_or_default(),
            evaluated,
            predictions,
            epochs,
            seconds,
            images_per_second: self.train.len() as f64 * epochs as f64 / seconds,
            waited_seconds: waited.as_secs_f64(),
            micro_batches: trainer.micro_batches(),
        })
    }

    /// Room on the device for all images, where they are augmented there.
    fn images(&self) -> RefCell<Option<ImageCache>> {
        let all: BTreeSet<&usize> = self.train.iter().chain(self.test).collect();
        RefCell::new(self.recipe.device_augment.cache(self.square.1, all.len(), self.device))
    }

    /// Probabilities of every test image, one for each class that is known.
    fn predictions(
        &self,
        trainer: &Trainer,
        images: &RefCell<Option<ImageCache>>,
    ) -> Result<Vec<Vec<f32>>, ExperimentError> {
        let mut predictions = Vec::with_capacity(self.test.len());
        for places in self.test.chunks(self.recipe.batch_size as usize) {
            predictions.extend(match &mut *images.borrow_mut() {
                Some(images) => trainer.predict(&self.device_batch(images, places, None)?)?,
                None => trainer.predict(&self.batch(places, None))?,
            });
        }
        Ok(predictions)
    }

    /// Those of the test images whose class is known.
    fn evaluated(&self, predictions: &[Vec<f32>]) -> Result<Predictions, ExperimentError> {
        let mut evaluated = Predictions::new(self.photos.classes[..self.classes].to_vec());
        for (place, row) in self.test.iter().zip(predictions) {
            let truth = self.photos.photos[*place].class as usize;
            if truth < self.classes {
                evaluated.push(truth, row).map_err(|e| ExperimentError::Options(e.to_string()))?;
            }
        }
        Ok(evaluated)
    }

    /// Training images a second, by some steps after others that are not counted.
    ///
    /// # Errors
    /// As [`Self::take`].
    pub fn images_per_second(&self) -> Result<f64, ExperimentError> {
        const STEPS: usize = 12;
        let mut trainer = self.trainer(1)?;
        let pipeline = Pipeline::new(&self.recipe.augment, &Withheld::none());
        let images = self.images();
        self.epoch(&mut trainer, &images, &pipeline, 0, Some(3))?;
        let begun = Instant::now();
        let (trained, _) = self.epoch(&mut trainer, &images, &pipeline, 0, Some(STEPS))?;
        Ok(trained as f64 / begun.elapsed().as_secs_f64())
    }

    fn trainer(&self, epochs: u64) -> Result<Trainer, ExperimentError> {
        let task = Task {
            architecture: self.recipe.model.name().to_owned(),
            definition: Some(self.recipe.model.description().text().to_owned()),
            classes: self.photos.classes[..self.classes].to_vec(),
            labels: Labels::Single,
            size_px: self.square.1,
            epochs,
            freeze_epochs: if self.recipe.weights.is_some() && self.known.is_none() {
                self.recipe.freeze_epochs
            } else {
                0
            },
            seed: self.seed,
        };
        let start = match (&self.known, &self.recipe.weights) {
            (Some(Known { path, classes, perturb }), _) => {
                Start::Model(path, &self.photos.classes[..*classes], *perturb)
            }
            (None, Some(weights)) => Start::Pretrained(&weights.path),
            (None, None) => Start::Scratch,
        };
        Ok(Trainer::new(&task, &self.recipe.trainer, start, self.device)?)
    }

    /// Fits a drawn classifier in closed form to the training images, as `train` does.
    fn fit_classifier(&self, trainer: &mut Trainer) -> Result<(), ExperimentError> {
        if !classifier::is_fitted(self.recipe.first_classifier, trainer) {
            return Ok(());
        }
        let mut features = Vec::new();
        for places in self.train.chunks(self.recipe.batch_size as usize) {
            features.extend(trainer.features(&self.batch(places, None))?);
        }
        let photos = || self.train.iter().map(|place| &self.photos.photos[*place]);
        let labels: Vec<u32> = photos().map(|photo| photo.class).collect();
        let groups: Vec<u32> = photos().map(|photo| photo.group).collect();
        Ok(classifier::fit(trainer, &features, &labels, &groups, self.classes)?)
    }

    /// How images are changed: as `train` decides it from the training images, which is said where something is left out.
    fn pipeline(&self) -> Pipeline {
        let options = &self.recipe.augment;
        let mut sample = Examined::new(self.photos.classes.clone());
        for photo in self.train.iter().map(|place| &self.photos.photos[*place]) {
            let (pixels, group) = (&photo.squares[self.square.0], photo.group.to_string());
            // The squares were made with this size.
            let _ = sample.add(pixels, self.square.1, &[photo.class], &group, &photo.digest);
        }
        let decision = sample.decide(options);
        if let Some(reason) = decision.reason() {
            crate::tell(&reason);
        }
        Pipeline::new(options, &decision.withheld())
    }

    /// Learns from each image once, or from so many batches; how many images it were, and how long none was ready. The
    /// next batches are made while one is trained on.
    fn epoch(
        &self,
        trainer: &mut Trainer,
        images: &RefCell<Option<ImageCache>>,
        pipeline: &Pipeline,
        epoch: u64,
        most: Option<usize>,
    ) -> Result<(usize, Duration), ExperimentError> {
        let mut order = self.train.to_vec();
        order.shuffle(&mut rand_pcg::Pcg64Mcg::seed_from_u64(self.seed.wrapping_mul(1_000_003).wrapping_add(epoch)));
        let training = TrainingEpoch { pipeline, epoch, weights: self.class_weights() };
        let batches: Vec<&[usize]> = order.chunks(self.recipe.batch_size as usize).collect();
        let count = batches.len();
        let taken = &batches[..most.unwrap_or(count).min(count)];
        let mut steps = Steps { trainer, epoch, count, begun: 0, pass: Pass::new(Mode::Train) };
        let mut waited = Duration::ZERO;
        if let Some(images) = &mut *images.borrow_mut() {
            for places in taken {
                let asked = Instant::now();
                let batch = self.device_batch(images, places, Some(&training))?;
                waited += asked.elapsed();
                steps.begin(&batch)?;
            }
            return Ok((steps.end()?, waited));
        }
        let (send, receive) = sync_channel::<Batch>(2);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for places in taken {
                    // A reader that is gone has failed, and says so itself.
                    if send.send(self.batch(places, Some(&training))).is_err() {
                        return;
                    }
                }
            });
            loop {
                let asked = Instant::now();
                let Ok(batch) = receive.recv() else { break };
                waited += asked.elapsed();
                steps.begin(&batch)?;
            }
            Ok((steps.end()?, waited))
        })
    }

    /// Classes weigh the same, as by `dataset --balance classes`.
    fn class_weights(&self) -> Vec<f32> {
        let mut counts = vec![0_usize; self.photos.classes.len()];
        for place in self.train {
            counts[self.photos.photos[*place].class as usize] += 1;
        }
        let even = self.train.len() as f32 / counts.iter().filter(|n| **n > 0).count().max(1) as f32;
        counts.iter().map(|count| even / (*count).max(1) as f32).collect()
    }

    /// Images with their targets on the device, as they are or for training. Those that lie there are not sent again.
    fn device_batch(
        &self,
        images: &mut ImageCache,
        places: &[usize],
        training: Option<&TrainingEpoch<'_>>,
    ) -> Result<DeviceBatch, ExperimentError> {
        let side = self.square.1;
        let sample = |place: &usize| {
            let photo = &self.photos.photos[*place];
            let digest = &photo.digest[..];
            let key = |epoch| Key { seed: self.seed, epoch, digest };
            Sample {
                digest,
                pixels: if images.holds(digest) { &[] } else { &photo.squares[self.square.0] },
                decision: training.map_or(Decision::NONE, |t| t.pipeline.decide(key(t.epoch), side, side)),
                is_original: true,
            }
        };
        let samples: Vec<Sample<'_>> = places.iter().map(sample).collect();
        Ok(images.batch_of(&samples, self.labels(places, training))?)
    }

    /// Targets and weights of images.
    fn labels(&self, places: &[usize], training: Option<&TrainingEpoch<'_>>) -> Batch {
        let photos = || places.iter().map(|place| &self.photos.photos[*place]);
        let weight = |class: u32| training.map_or(1.0, |training| training.weights[class as usize]);
        Batch {
            size_px: self.square.1,
            pixels: Vec::new(),
            targets: photos().map(|photo| vec![photo.class]).collect(),
            weights: photos().map(|photo| weight(photo.class)).collect(),
        }
    }

    /// Images with their targets, as they are or for training.
    fn batch(&self, places: &[usize], training: Option<&TrainingEpoch<'_>>) -> Batch {
        let photos = || places.iter().map(|place| &self.photos.photos[*place]);
        let mut squares: Vec<Vec<u8>> = photos().map(|photo| photo.squares[self.square.0].clone()).collect();
        if let Some(TrainingEpoch { pipeline, epoch, .. }) = training {
            squares.par_iter_mut().zip(places).for_each(|(pixels, place)| {
                let key = Key { seed: self.seed, epoch: *epoch, digest: &self.photos.photos[*place].digest };
                // The squares were made with this size.
                let _ = pipeline.apply(key, self.square.1, self.square.1, pixels);
            });
        }
        Batch { pixels: squares.concat(), ..self.labels(places, training) }
    }
}

/// The steps of an epoch.
struct Steps<'a> {
    trainer: &'a mut Trainer,
    epoch: u64,
    /// Steps of a whole epoch.
    count: usize,
    begun: usize,
    pass: Pass,
}

impl Steps<'_> {
    /// Begins one, and reads the one before.
    fn begin<'b>(&mut self, batch: impl Into<ModelInput<'b>>) -> Result<(), ExperimentError> {
        let done = self.epoch as f64 + self.begun as f64 / self.count as f64;
        self.pass.step(self.trainer, batch, done)?;
        self.begun += 1;
        Ok(())
    }

    /// Reads the last; returns how many images were trained on.
    fn end(mut self) -> Result<usize, ExperimentError> {
        self.pass.finish(self.trainer)?;
        Ok(self.pass.sums().images)
    }
}

/// What an epoch's batches have in common.
struct TrainingEpoch<'a> {
    pipeline: &'a Pipeline,
    epoch: u64,
    /// By class.
    weights: Vec<f32>,
}
