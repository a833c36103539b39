//! A run from its first open epoch to its end.

use crate::augmentation::{Augmentation, Examination};
use crate::config::Config;
use crate::data::Data;
use crate::desk::Desk;
use crate::error::TrainError;
use crate::fetch::{Fetch, Wanted};
use crate::figures::{self, Epoch, Sums};
use crate::journal::Score;
use crate::scribe::{Page, Scribe};
use crate::start::Begun;
use plugin_api::edges::Batches;
use plugin_api::runs::{Finished, write_json};
use plugin_api::{Edge as _, Labels, Tag};
use plugin_augment::Withheld;
use plugin_harness::{Message, Node};
use plugin_model::{Batch, PendingStep};
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

/// Why a pass over a split ended before its end.
enum Interruption {
    Stopped,
    Failed { reason: String, hopeless: bool },
}

/// A batch of a pass.
struct Arrived {
    tag: Tag,
    rows: Batches,
    /// Its place in the epoch, from 0.
    index: u64,
    /// How many the epoch has.
    batches: u64,
}

/// A run at work.
pub struct Learning {
    begun: Begun,
    scribe: Scribe,
    /// Steps done.
    steps: u64,
    /// The best epoch, and how good it is.
    best: Option<(u64, Score)>,
    /// When work began, less what was done before.
    clock: Instant,
    /// Epochs done when it began or went on.
    first: u64,
    /// Into how many pieces batches are cut because more does not fit into memory.
    pieces: usize,
    /// When it was last asked whether newer pictures make this run pointless, and of which data set.
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
        let scribe = Scribe::new(begun.journal.clone(), progress);
        let asked = (Instant::now(), String::new());
        Self { begun, scribe, steps, best, clock: Instant::now(), first, pieces: 1, asked }
    }

    /// Works until the run ends.
    ///
    /// # Errors
    /// The harness's, the network's or the file system's; the run can go on after a restart.
    pub fn work(&mut self, config: &Config, node: &mut Node, desk: &mut Desk) -> Result<End, TrainError> {
        if let Some(interruption) = self.decide_augmentation(config, node, desk)? {
            return self.interrupted(&interruption);
        }
        let epochs = self.begun.manifest.epochs;
        node.status().gauge("epochs", epochs as f64);
        for epoch in self.first..epochs {
            let start = Instant::now();
            let train = match self.pass("train", epoch, config, node, desk)? {
                ControlFlow::Continue(sums) => sums,
                ControlFlow::Break(interruption) => return self.interrupted(&interruption),
            };
            let train_seconds = start.elapsed().as_secs_f64();
            let validation = match self.pass("validation", epoch, config, node, desk)? {
                ControlFlow::Continue(sums) => sums,
                ControlFlow::Break(interruption) => return self.interrupted(&interruption),
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
        self.finish(node, desk)
    }

    /// Finds out before the first epoch which augmentations work against the task, and notes it in the manifest.
    fn decide_augmentation(
        &mut self,
        config: &Config,
        node: &mut Node,
        desk: &mut Desk,
    ) -> Result<Option<Interruption>, TrainError> {
        if self.first > 0 || Augmentation::of(&self.begun.manifest).is_some() {
            return Ok(None);
        }
        node.status().state(format!("run {}: looks at the images", self.begun.manifest.id));
        let mut examination = Examination::new(&self.begun.manifest);
        let mut fetch = Fetch::new(self.wanted("train", 0, Withheld::All), Instant::now());
        while !examination.is_complete() {
            match self.next(&mut fetch, config, node, desk)? {
                ControlFlow::Continue(Some(arrived)) => examination.add(&arrived.tag, &arrived.rows)?,
                ControlFlow::Continue(None) => break,
                ControlFlow::Break(interruption) => return Ok(Some(interruption)),
            }
        }
        let found = examination.end().map_err(std::io::Error::from)?;
        let (run, images, accuracy) = (&self.begun.manifest.id, found.decision.images, found.decision.accuracy);
        tracing::info!(run, images, accuracy, withheld = %found.withheld(), "augmentation decided");
        found.note(&mut self.begun.manifest).map_err(std::io::Error::from)?;
        self.begun.journal.write_manifest(&self.begun.manifest)?;
        Ok(None)
    }

    /// What a pass asks for.
    fn wanted(&self, split: &'static str, epoch: u64, withheld: Withheld) -> Wanted {
        let manifest = &self.begun.manifest;
        Wanted {
            run: manifest.id.clone(),
            version: manifest.version,
            epoch,
            seed: manifest.seed,
            split,
            batch_size: manifest.batch_size,
            withheld,
        }
    }

    /// Waits for the next batch of a pass; `None` after the last.
    fn next(
        &mut self,
        fetch: &mut Fetch,
        config: &Config,
        node: &mut Node,
        desk: &mut Desk,
    ) -> Result<ControlFlow<Interruption, Option<Arrived>>, TrainError> {
        while !fetch.complete() {
            if desk.stop {
                return Ok(ControlFlow::Break(Interruption::Stopped));
            }
            if let Some(reason) = self.overtaken(config, node, desk) {
                return Ok(ControlFlow::Break(Interruption::Failed { reason, hopeless: false }));
            }
            if desk.take_lost() {
                fetch.again(Instant::now());
            }
            self.ask(fetch, desk.batches.is_empty(), node)?;
            let Some(message) = desk.batches.pop_front() else {
                desk.pump(node, Duration::from_millis(500))?;
                continue;
            };
            let index = fetch.arrived();
            if !fetch.accept(&message.tag, Instant::now()) {
                continue;
            }
            // The next one travels while this one is worked on.
            self.ask(fetch, false, node)?;
            if let Some(reason) = self.wrong_classes(&message) {
                return Ok(ControlFlow::Break(Interruption::Failed { reason, hopeless: false }));
            }
            let (rows, batches) = (message.read()?, fetch.batches().unwrap_or(1));
            return Ok(ControlFlow::Continue(Some(Arrived { tag: message.tag, rows, index, batches })));
        }
        Ok(ControlFlow::Continue(None))
    }

    /// Goes once over a split: learns from `train`, looks at `validation`.
    fn pass(
        &mut self,
        split: &'static str,
        epoch: u64,
        config: &Config,
        node: &mut Node,
        desk: &mut Desk,
    ) -> Result<ControlFlow<Interruption, Sums>, TrainError> {
        let withheld = Augmentation::of(&self.begun.manifest).unwrap_or_default().withheld();
        let mut fetch = Fetch::new(self.wanted(split, epoch, withheld), Instant::now());
        let hopeless = |reason| Ok(ControlFlow::Break(Interruption::Failed { reason, hopeless: true }));
        let mut sums = Sums::default();
        let mut pending: Option<(PendingStep, f64)> = None;
        loop {
            let Arrived { rows, index, batches, .. } = match self.next(&mut fetch, config, node, desk)? {
                ControlFlow::Continue(Some(arrived)) => arrived,
                ControlFlow::Continue(None) => break,
                ControlFlow::Break(interruption) => return Ok(ControlFlow::Break(interruption)),
            };
            if rows.rows() > 0 {
                let batch = Batch::from_edge(&rows, self.begun.trainer.size_px())?;
                let done = epoch as f64 + index as f64 / batches as f64;
                let step = if split == "train" {
                    let step = self.begun.trainer.begin_step(&batch, done)?;
                    self.tell_pieces(batch.len());
                    step
                } else {
                    self.begun.trainer.begin_look(&batch)?
                };
                // A GPU is at this one while the one before is read.
                if let Some((before, done)) = pending.replace((step, done)) {
                    if let Some(reason) = self.add(before, split, done, &mut sums)? {
                        return hopeless(reason);
                    }
                    self.show(split, epoch, done, &sums, node);
                }
            }
            desk.pump(node, Duration::ZERO)?;
        }
        if let Some((last, done)) = pending {
            if let Some(reason) = self.add(last, split, done, &mut sums)? {
                return hopeless(reason);
            }
            self.show(split, epoch, done, &sums, node);
        }
        Ok(ControlFlow::Continue(sums))
    }

    /// Waits for a step and counts it; why the run is hopeless if it is.
    fn add(&self, step: PendingStep, split: &str, done: f64, sums: &mut Sums) -> Result<Option<String>, TrainError> {
        let step = step.result()?;
        sums.add(&step);
        let rate = self.begun.trainer.learning_rate(done);
        Ok((split == "train" && !step.loss.is_finite()).then(|| {
            let (loss, epoch) = (step.loss, done.floor());
            format!(
                "the loss was {loss} in epoch {epoch} at a learning rate of {rate:.2e}: try a lower --learning-rate"
            )
        }))
    }

    /// Why the run should be given up for a newer one: too many pictures have changed since it began.
    fn overtaken(&mut self, config: &Config, node: &Node, desk: &Desk) -> Option<String> {
        let state = desk.trigger.overtaken(&self.begun.manifest.fingerprint)?;
        let (when, what) = &self.asked;
        if *what == state.fingerprint || when.elapsed() < ASKED_EVERY {
            return None;
        }
        self.asked = (Instant::now(), state.fingerprint.clone());
        let learnt = self.begun.data.as_ref()?;
        let changes = Data::at(node.home().root(), state.version)?.since(learnt);
        let overtaken = config.when.is_overtaken(changes.pictures, learnt.len());
        overtaken.then(|| format!("overtaken by a newer data set: {changes} since it began"))
    }

    /// Says so when memory has run out and batches are cut from now on.
    fn tell_pieces(&mut self, pictures: usize) {
        let pieces = self.begun.trainer.pieces();
        if pieces != self.pieces {
            self.pieces = pieces;
            let (run, pictures) = (&self.begun.manifest.id, pictures.div_ceil(pieces));
            tracing::warn!(
                run,
                pieces,
                pictures,
                "the device ran out of memory: a batch is learnt in pieces, and their gradients summed; a smaller --batch-size \
                 would do without"
            );
        }
    }

    fn ask(&self, fetch: &mut Fetch, idle: bool, node: &mut Node) -> Result<(), TrainError> {
        if let Some(demand) = fetch.demand(idle, Instant::now()) {
            node.send("demand", &Tag::new(self.begun.manifest.id.clone(), fetch.arrived()), demand)?;
        }
        Ok(())
    }

    /// The classes of a batch must be those of the run, or targets would mean something else.
    fn wrong_classes(&self, message: &Message) -> Option<String> {
        let classes: Option<Vec<String>> = serde_json::from_str(message.tag.text("classes")).ok();
        (classes.as_ref() != Some(&self.begun.manifest.classes)).then(|| {
            format!(
                "the batches are of the classes {:?}, not {:?}",
                classes.unwrap_or_default(),
                self.begun.manifest.classes
            )
        })
    }

    fn show(&self, split: &str, epoch: u64, done: f64, sums: &Sums, node: &mut Node) {
        let manifest = &self.begun.manifest;
        let (worked, left) = (done - self.first as f64, manifest.epochs as f64 - done);
        let status = node.status();
        status.gauge("epoch", (epoch + 1) as f64);
        if split == "train" {
            status.gauge("loss", sums.loss());
            if worked > 0.0 {
                status.gauge("seconds_left", (self.clock.elapsed().as_secs_f64() / worked * left).round());
            }
        }
        status.state(format!("run {}: epoch {} of {}, {split}", manifest.id, epoch + 1, manifest.epochs));
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
        let batches = (train.pictures as u64).div_ceil(u64::from(config.batch_size));
        self.steps += batches;
        // Without validation pictures the training loss must do. With several labels a picture counts as right only when all
        // of them are: too coarse to tell epochs apart.
        let score = if validation.pictures > 0 {
            let single = self.begun.manifest.labels == Labels::Single;
            Score { accuracy: single.then(|| validation.weighted_accuracy()), loss: validation.loss() }
        } else {
            Score { accuracy: None, loss: train.loss() }
        };
        if self.best.is_none_or(|(_, best)| score.better_than(&best)) {
            self.best = Some((epoch, score));
        }
        let standing = Instant::now();
        self.scribe.settle()?;
        let checkpoint = self.begun.trainer.checkpoint();
        let checkpoint_seconds = standing.elapsed().as_secs_f64();
        let learning_rate = self.begun.trainer.learning_rate((epoch + 1) as f64 - 1.0 / batches.max(1) as f64);
        let [train_seconds, seconds] = seconds;
        let samples = train.pictures as u64;
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
            &Tag::new(run.clone(), epoch).fin(epoch + 1 == self.begun.manifest.epochs),
            figures::message(run, &rows),
        )?;
        self.scribe.write(Page { epoch, score, checkpoint, rows, steps, samples, seconds })?;
        if validation.pictures > 0 {
            node.status().gauge("accuracy", validation.accuracy());
        }
        Ok(())
    }

    fn finish(&mut self, node: &mut Node, desk: &mut Desk) -> Result<End, TrainError> {
        let Some(progress) = self.scribe.settle()? else {
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
        write_json(&self.begun.journal.folder.0.join("finished.json"), &finished)?;
        tracing::info!(run, best_epoch = progress.best.epoch, seconds = progress.seconds, "finished");
        node.status().gauge("seconds_left", 0.0);
        node.status().add("runs_finished", 1);
        desk.announcer.add(self.begun.journal.folder.clone(), Instant::now());
        Ok(End::Finished)
    }

    fn interrupted(&mut self, interruption: &Interruption) -> Result<End, TrainError> {
        match interruption {
            Interruption::Stopped => Ok(End::Stopped),
            Interruption::Failed { reason, hopeless } => self.abandon(reason, *hopeless),
        }
    }

    fn abandon(&mut self, reason: &str, hopeless: bool) -> Result<End, TrainError> {
        self.scribe.settle()?;
        self.begun.journal.abandon(reason, hopeless)?;
        Ok(End::Abandoned)
    }
}
