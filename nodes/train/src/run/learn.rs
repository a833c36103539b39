//! A run from its first open epoch to its end.

mod cross_validation;

use crate::config::Config;
use crate::error::TrainError;
use crate::io::incoming::Incoming;
use crate::run::augmentation::{Augmentation, Examination};
use crate::run::checkpoint_writer::{CheckpointWriter, EpochRecord};
use crate::run::data::Data;
use crate::run::run_dir::Score;
use crate::run::start::Begun;
use plugin_api::edges::Batches;
use plugin_api::runs::{Finished, write_json};
use plugin_api::{Edge as _, Fold, Header, Labels, Selection, Split, Subset};
use plugin_augment::Withheld;
use plugin_harness::{Node, Pull, Wanted};
use plugin_heads::numbered;
use plugin_model::device::Opened;
use plugin_model::{Batch, ImageCache};
use plugin_training::classifier::{self, ClassifierError};
use plugin_training::cross_validation::keeps_last_epoch;
use plugin_training::figures::{self, Epoch, Sums};
use plugin_training::pass::{Mode, Pass, PassError};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// All epochs are done.
    Finished,
    /// It will not go on.
    Abandoned,
    /// The dataflow ends; it can go on later.
    Stopped,
}

/// Why a pass over images did not come to its end.
enum Interruption {
    /// The dataflow ends.
    Stopped,
    /// The run is to end with the weights it has.
    Enough,
    /// The run cannot go on.
    Failed { reason: String, hopeless: bool },
}

/// Whether a pass goes on after a batch; `Break(None)` when there is enough.
type Handled = ControlFlow<Option<Interruption>>;

/// How a pass over images ended.
enum PassEnd {
    Done(Sums),
    Interrupted(Interruption),
}

/// What a loss that is not finite means for a run; any other error ends the node.
fn interruption(error: PassError) -> Result<Interruption, TrainError> {
    match error {
        PassError::Model(error) => Err(error.into()),
        diverged @ PassError::Diverged { .. } => {
            Ok(Interruption::Failed { reason: diverged.to_string(), hopeless: true })
        }
    }
}

/// A run at work.
pub struct Learning {
    begun: Begun,
    checkpoint_writer: CheckpointWriter,
    /// Steps done.
    steps: u64,
    /// The best epoch, and how good it is.
    best: Option<(u64, Score)>,
    /// When work began, less what was done before.
    clock: Instant,
    /// Epochs done when it began or went on.
    first: u64,
    /// Into how many micro-batches batches are cut because more does not fit into memory.
    micro_batches: usize,
    /// The fold that is trained, after the last epoch.
    fold: Option<Fold>,
    /// The last epoch is the one that is kept: too few validation images to choose by.
    keeps_last: bool,
    /// Images on the device, where they are augmented there.
    images: Option<ImageCache>,
    /// When it was last asked whether newer images make this run pointless, and of which data set.
    asked: (Instant, String),
}

/// How often that is asked.
const ASKED_EVERY: Duration = Duration::from_secs(2);

impl Learning {
    /// Ready to work.
    pub fn new(begun: Begun) -> Self {
        let progress = begun.progress.clone();
        let first = progress.as_ref().map_or(0, |p| p.epochs);
        let steps = progress.as_ref().map_or(0, |p| p.steps);
        let best = progress.as_ref().map(|p| (p.best.epoch, p.best.score));
        let checkpoint_writer = CheckpointWriter::new(begun.run_dir.clone(), progress);
        let asked = (Instant::now(), String::new());
        let keeps_last = keeps_last_epoch(&begun.manifest.classes, &begun.manifest.counts).is_some();
        Self {
            begun,
            checkpoint_writer,
            steps,
            best,
            clock: Instant::now(),
            first,
            micro_batches: 1,
            fold: None,
            keeps_last,
            images: None,
            asked,
        }
    }

    /// Works until the run ends.
    ///
    /// # Errors
    /// The harness's, the network's or the file system's; the run can go on after a restart.
    pub fn work(
        &mut self,
        config: &Config,
        device: &Opened,
        node: &mut Node,
        incoming: &mut Incoming,
    ) -> Result<End, TrainError> {
        self.images = self.images_on_device(config, device);
        if let Some(interruption) = self.decide_augmentation(config, node, incoming)? {
            return self.interrupt(interruption, node, incoming);
        }
        if self.first == 0
            && let Some(interruption) = self.fit_classifier(Subset::Split(Split::Train), config, node, incoming)?
        {
            return self.interrupt(interruption, node, incoming);
        }
        // A run that ended early and was cross-validated when it was cut short has no epoch to do.
        let is_over = cross_validation::has_begun(&self.begun.run_dir.folder);
        let epochs = if is_over { self.first } else { self.begun.manifest.epochs };
        node.status().gauge("epochs", epochs as f64);
        for epoch in self.first..epochs {
            let start = Instant::now();
            let train = match self.pass(Subset::Split(Split::Train), epoch, config, node, incoming)? {
                PassEnd::Done(sums) => sums,
                PassEnd::Interrupted(interruption) => return self.interrupt(interruption, node, incoming),
            };
            let train_seconds = start.elapsed().as_secs_f64();
            let validation = match self.pass(Subset::Split(Split::Validation), epoch, config, node, incoming)? {
                PassEnd::Done(sums) => sums,
                PassEnd::Interrupted(interruption) => return self.interrupt(interruption, node, incoming),
            };
            self.end_epoch(epoch, train, validation, [train_seconds, start.elapsed().as_secs_f64()], config, node)?;
            if let Some((best_epoch, _)) = self.best
                && config.patience > 0
                && epoch >= best_epoch + config.patience
            {
                let run = &self.begun.manifest.id;
                tracing::info!(run, epoch, best_epoch, "ends early: no better for --patience epochs");
                break;
            }
        }
        if let Some(interruption) = self.cross_validate(config, device, node, incoming)? {
            return self.interrupt(interruption, node, incoming);
        }
        self.finish(node, incoming)
    }

    /// Room for the images of all splits on the device, where they are augmented there.
    fn images_on_device(&self, config: &Config, device: &Opened) -> Option<ImageCache> {
        let manifest = &self.begun.manifest;
        let images: u64 = manifest.counts.iter().map(|[train, validation, test, _]| train + validation + test).sum();
        let cache = config.device_augment.cache(manifest.size_px, images as usize, device)?;
        tracing::info!(
            run = manifest.id,
            device = device.name,
            bytes = cache.bytes(),
            "images are augmented on the device"
        );
        Some(cache)
    }

    /// Finds out before the first epoch which augmentations work against the task, and notes it in the manifest.
    fn decide_augmentation(
        &mut self,
        config: &Config,
        node: &mut Node,
        incoming: &mut Incoming,
    ) -> Result<Option<Interruption>, TrainError> {
        if self.first > 0 || Augmentation::of(&self.begun.manifest).is_some() {
            return Ok(None);
        }
        node.status().state(plugin_api::Message::run_examines(&self.begun.manifest.id));
        let mut examination = Examination::new(&self.begun.manifest.classes, &self.begun.manifest.counts);
        let wanted = self.wanted(Subset::Split(Split::Train), 0, Withheld::All);
        let interruption = self.each_batch(wanted, config, node, incoming, |_, header, rows, _, _| {
            examination.add(header, rows)?;
            Ok(if examination.is_complete() { ControlFlow::Break(None) } else { ControlFlow::Continue(()) })
        })?;
        if interruption.is_some() {
            return Ok(interruption);
        }
        let found = examination.end().map_err(std::io::Error::from)?;
        let (run, images, accuracy) = (&self.begun.manifest.id, found.decision.images, found.decision.accuracy);
        tracing::info!(run, images, accuracy, withheld = %found.withheld(), "augmentation decided");
        found.note(&mut self.begun.manifest).map_err(std::io::Error::from)?;
        self.begun.run_dir.write_manifest(&self.begun.manifest)?;
        Ok(None)
    }

    /// Fits a drawn classifier in closed form to the features of the images that are trained on.
    fn fit_classifier(
        &mut self,
        subset: Subset,
        config: &Config,
        node: &mut Node,
        incoming: &mut Incoming,
    ) -> Result<Option<Interruption>, TrainError> {
        let is_single = self.begun.manifest.labels == Labels::Single;
        if !is_single || !classifier::is_fitted(config.first_classifier, &self.begun.trainer) {
            return Ok(None);
        }
        let (mut features, mut labels, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        let wanted = self.wanted(subset, 0, Withheld::All);
        let interruption = self.each_batch(wanted, config, node, incoming, |this, _, rows, _, _| {
            let batch = Batch::from_edge(rows, this.begun.trainer.size_px())?;
            features.extend(this.begun.trainer.features(&batch)?);
            labels.extend(batch.targets.iter().filter_map(|targets| targets.first().copied()));
            groups.extend((0..rows.rows()).map(|row| rows.group.value(row).to_owned()));
            let is_enough = labels.len() >= classifier::MAX_IMAGES;
            Ok(if is_enough { ControlFlow::Break(None) } else { ControlFlow::Continue(()) })
        })?;
        if interruption.is_some() {
            return Ok(interruption);
        }
        let groups = numbered(groups.iter().map(String::as_str));
        let classes = self.begun.manifest.classes.len();
        let run = &self.begun.manifest.id;
        match classifier::fit(&mut self.begun.trainer, &features, &labels, &groups, classes) {
            Ok(()) => tracing::info!(run, images = labels.len(), "the classifier begins as a ridge regression"),
            Err(ClassifierError::Head(error)) => tracing::warn!(run, %error, "the classifier begins at random"),
            Err(ClassifierError::Model(error)) => return Err(error.into()),
        }
        Ok(None)
    }

    /// What a pass asks for.
    fn wanted(&self, subset: Subset, epoch: u64, withheld: Withheld) -> Wanted {
        let manifest = &self.begun.manifest;
        let images = self.images.as_ref().filter(|_| withheld != Withheld::All);
        Wanted {
            session: manifest.id.clone(),
            version: manifest.version,
            epoch,
            seed: manifest.seed,
            decisions: images.is_some() && subset.is_trained_on(),
            held_below: images.map_or("", |images| images.held_below(&subset.to_string())).to_owned(),
            split: Selection::Images(subset),
            batch_size: manifest.batch_size,
            withheld: withheld.to_string(),
        }
    }

    /// The augmentations that are left out of this run.
    fn withheld(&self) -> Withheld {
        Augmentation::of(&self.begun.manifest).unwrap_or_default().withheld()
    }

    fn interrupt(
        &mut self,
        interruption: Interruption,
        node: &mut Node,
        incoming: &mut Incoming,
    ) -> Result<End, TrainError> {
        match interruption {
            Interruption::Stopped => Ok(End::Stopped),
            Interruption::Enough => self.finish(node, incoming),
            Interruption::Failed { reason, hopeless } => self.abandon(&reason, hopeless),
        }
    }

    /// Goes once over images: learns from those that are trained on, looks at others.
    fn pass(
        &mut self,
        subset: Subset,
        epoch: u64,
        config: &Config,
        node: &mut Node,
        incoming: &mut Incoming,
    ) -> Result<PassEnd, TrainError> {
        let trained_on = subset.is_trained_on();
        let mut pass = Pass::new(if trained_on { Mode::Train } else { Mode::Validate });
        let wanted = self.wanted(subset, epoch, self.withheld());
        let interrupted = self.each_batch(wanted, config, node, incoming, |this, _, rows, done, node| {
            let trainer = &mut this.begun.trainer;
            let read = if let Some(images) = &mut this.images {
                let batch = images.batch(rows, trained_on)?;
                pass.step(trainer, &batch, done)
            } else {
                let batch = Batch::from_edge(rows, trainer.size_px())?;
                pass.step(trainer, &batch, done)
            };
            if trained_on {
                this.tell_pieces(rows.rows());
            }
            match read {
                Ok(Some(done)) => this.show(trained_on, epoch, done, pass.sums(), node),
                Ok(None) => {}
                Err(error) => return Ok(ControlFlow::Break(Some(interruption(error)?))),
            }
            Ok(ControlFlow::Continue(()))
        })?;
        if let Some(interruption) = interrupted {
            return Ok(PassEnd::Interrupted(interruption));
        }
        if let Some(images) = &mut self.images {
            images.complete(&subset.to_string());
            node.status().gauge("images_on_device", images.len() as f64);
        }
        match pass.finish(&self.begun.trainer) {
            Ok(Some(done)) => self.show(trained_on, epoch, done, pass.sums(), node),
            Ok(None) => {}
            Err(error) => return Ok(PassEnd::Interrupted(interruption(error)?)),
        }
        Ok(PassEnd::Done(*pass.sums()))
    }

    /// Asks for the batches of an epoch and hands on those with images, in order, with their header and the epochs over when they
    /// start, until `work` has enough (`Break(None)`) or an interruption.
    fn each_batch(
        &mut self,
        wanted: Wanted,
        config: &Config,
        node: &mut Node,
        incoming: &mut Incoming,
        mut work: impl FnMut(&mut Self, &Header, &Batches, f64, &mut Node) -> Result<Handled, TrainError>,
    ) -> Result<Option<Interruption>, TrainError> {
        let epoch = wanted.epoch;
        let mut pull = Pull::new(wanted, Instant::now());
        while !pull.is_complete() {
            if incoming.stop {
                return Ok(Some(Interruption::Stopped));
            }
            if self.best.is_some()
                && let Some(reason) = incoming.stops.get(&self.begun.manifest.id)
            {
                tracing::info!(run = self.begun.manifest.id, reason, "is stopped");
                return Ok(Some(Interruption::Enough));
            }
            if let Some(reason) = self.overtaken(config, node, incoming) {
                return Ok(Some(Interruption::Failed { reason, hopeless: false }));
            }
            let index = pull.arrived();
            let Some((of, message)) = incoming.next_of(&mut pull, node)? else { continue };
            if let Some(reason) = self.wrong_classes(&of.classes) {
                return Ok(Some(Interruption::Failed { reason, hopeless: false }));
            }
            let rows: Batches = message.read()?;
            if rows.rows() > 0 {
                let done = epoch as f64 + index as f64 / pull.total().unwrap_or(1) as f64;
                if let ControlFlow::Break(interruption) = work(self, &message.header, &rows, done, node)? {
                    return Ok(interruption);
                }
            }
            incoming.pump(node, Duration::ZERO)?;
        }
        Ok(None)
    }

    /// Why the run should be given up for a newer one: too many images have changed since it began.
    fn overtaken(&mut self, config: &Config, node: &Node, incoming: &Incoming) -> Option<String> {
        let state = incoming.trigger.overtaken(&self.begun.manifest.fingerprint)?;
        let (when, what) = &self.asked;
        if *what == state.fingerprint || when.elapsed() < ASKED_EVERY {
            return None;
        }
        self.asked = (Instant::now(), state.fingerprint.clone());
        let trained_on = self.begun.data.as_ref()?;
        let changes = Data::at(node.workspace(), state.version)?.since(trained_on);
        let overtaken = config.trigger.is_overtaken(changes.images, trained_on.len());
        overtaken.then(|| format!("overtaken by a newer data set: {} since it began", changes.message()))
    }

    /// Says so when memory has run out and batches are cut from now on.
    fn tell_pieces(&mut self, images: usize) {
        let micro_batches = self.begun.trainer.micro_batches();
        if micro_batches != self.micro_batches {
            self.micro_batches = micro_batches;
            let (run, images) = (&self.begun.manifest.id, images.div_ceil(micro_batches));
            tracing::warn!(
                run,
                micro_batches,
                images,
                "the device ran out of memory: a batch is trained on in pieces, whose gradients are summed; a smaller --batch-size \
                 would do without"
            );
        }
    }

    /// The classes of a batch must be those of the run, or targets would mean something else.
    fn wrong_classes(&self, classes: &[String]) -> Option<String> {
        let own = &self.begun.manifest.classes;
        (classes != own).then(|| format!("the batches are of the classes {classes:?}, not {own:?}"))
    }

    fn show(&self, trained_on: bool, epoch: u64, done: f64, sums: &Sums, node: &mut Node) {
        let manifest = &self.begun.manifest;
        let status = node.status();
        if let Some(fold) = self.fold {
            let run = &manifest.id;
            status.state(plugin_api::Message::run_fold(run, fold.index + 1, fold.of, epoch + 1, manifest.epochs));
            return status.tick();
        }
        let (worked, left) = (done - self.first as f64, manifest.epochs as f64 - done);
        status.gauge("epoch", (epoch + 1) as f64);
        if trained_on {
            status.gauge("loss", sums.loss());
            if worked > 0.0 {
                status.gauge("seconds_left", (self.clock.elapsed().as_secs_f64() / worked * left).round());
            }
        }
        let (run, epochs) = (&manifest.id, manifest.epochs);
        status.state(if trained_on {
            plugin_api::Message::run_epoch_train(run, epoch + 1, epochs)
        } else {
            plugin_api::Message::run_epoch_validation(run, epoch + 1, epochs)
        });
        status.tick();
    }

    /// Tells figures, and has them, the weights and the progress written.
    fn end_epoch(
        &mut self,
        epoch: u64,
        train: Sums,
        validation: Sums,
        seconds: [f64; 2],
        config: &Config,
        node: &mut Node,
    ) -> Result<(), TrainError> {
        let batches = (train.images as u64).div_ceil(u64::from(config.batch_size));
        self.steps += batches;
        // Without validation images the training loss must do. With several labels an image counts as right only when all
        // of them are: too coarse to tell epochs apart.
        let score = if validation.images > 0 {
            let single = self.begun.manifest.labels == Labels::Single;
            Score { accuracy: single.then(|| validation.weighted_accuracy()), loss: validation.loss() }
        } else {
            Score { accuracy: None, loss: train.loss() }
        };
        let keep = self.keeps_last;
        if self.best.is_none_or(|(_, best)| keep || score.better_than(&best)) {
            self.best = Some((epoch, score));
        }
        let standing = Instant::now();
        self.checkpoint_writer.settle()?;
        let checkpoint = self.begun.trainer.checkpoint();
        let checkpoint_seconds = standing.elapsed().as_secs_f64();
        let learning_rate = self.begun.trainer.learning_rate((epoch + 1) as f64 - 1.0 / batches.max(1) as f64);
        let [train_seconds, seconds] = seconds;
        let samples = train.images as u64;
        let (steps, step) = (self.steps, self.steps);
        let rows =
            Epoch { epoch, step, train, validation, learning_rate, train_seconds, seconds, checkpoint_seconds }.rows();
        let run = &self.begun.manifest.id;
        tracing::info!(
            run,
            epoch,
            train_loss = train.loss(),
            loss = validation.loss(),
            accuracy = validation.accuracy(),
            seconds,
            checkpoint_seconds,
            "epoch over"
        );
        node.send(
            "metrics",
            &Header::new(run.clone(), epoch).fin(epoch + 1 == self.begun.manifest.epochs),
            figures::message(run, &rows),
        )?;
        self.checkpoint_writer.write(EpochRecord { epoch, score, keep, checkpoint, rows, steps, samples, seconds })?;
        if validation.images > 0 {
            node.status().gauge("accuracy", validation.accuracy());
        }
        Ok(())
    }

    fn finish(&mut self, node: &mut Node, incoming: &mut Incoming) -> Result<End, TrainError> {
        let Some(progress) = self.checkpoint_writer.settle()? else {
            return self.abandon("it had no epoch to do", true);
        };
        let run = &self.begun.manifest.id;
        let finished = Finished {
            uri: format!("runs/{run}/checkpoints/{}", progress.best.file),
            digest: progress.best.digest.clone(),
            epochs: progress.epochs,
            steps: progress.steps,
            samples: progress.samples,
            seconds: progress.seconds,
        };
        write_json(&self.begun.run_dir.folder.0.join("finished.json"), &finished)?;
        tracing::info!(run, best_epoch = progress.best.epoch, seconds = progress.seconds, "finished");
        node.status().gauge("seconds_left", 0.0);
        node.status().add("runs_finished", 1);
        incoming.announcer.add(self.begun.run_dir.folder.clone(), Instant::now());
        Ok(End::Finished)
    }

    fn abandon(&mut self, reason: &str, hopeless: bool) -> Result<End, TrainError> {
        self.checkpoint_writer.settle()?;
        self.begun.run_dir.abandon(reason, hopeless)?;
        Ok(End::Abandoned)
    }
}
