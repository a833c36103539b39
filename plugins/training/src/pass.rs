//! One pass over images, in training or in validation.
//!
//! A step is read after the next one has been begun: a GPU works at it while the next batch is made.

use crate::figures::Sums;
use plugin_model::{ModelError, ModelInput, PendingStep, Trainer};

/// Why a pass cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The network or its device failed.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The training loss is not finite: more steps would not bring it back.
    #[error(
        "the loss was {loss} in epoch {epoch} at a learning rate of {learning_rate:.2e}: try a lower --learning-rate"
    )]
    Diverged {
        /// The loss.
        loss: f64,
        /// The epoch, from 0.
        epoch: u64,
        /// Learning rate of the step.
        learning_rate: f64,
    },
}

/// What is done with the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are trained on.
    Train,
    /// Only loss and accuracy are measured.
    Validate,
}

/// A pass that is going on.
pub struct Pass {
    mode: Mode,
    sums: Sums,
    /// The step that has been begun and not been read, and the epochs that were done before it.
    pending: Option<(PendingStep, f64)>,
}

impl Pass {
    /// No step yet.
    pub fn new(mode: Mode) -> Self {
        Self { mode, sums: Sums::default(), pending: None }
    }

    /// Begins a step on a batch, and reads the one before. `done`: epochs that were done before it, with a fraction.
    ///
    /// Returns what `done` was for the step that was read; `None` at the first.
    ///
    /// # Errors
    /// [`PassError`]; of the step before for a loss that is not finite.
    pub fn step<'b>(
        &mut self,
        trainer: &mut Trainer,
        batch: impl Into<ModelInput<'b>>,
        done: f64,
    ) -> Result<Option<f64>, PassError> {
        let step = match self.mode {
            Mode::Train => trainer.begin_step(batch, done)?,
            Mode::Validate => trainer.begin_validation(batch)?,
        };
        let before = self.pending.replace((step, done));
        before.map(|before| self.read(before, trainer)).transpose()
    }

    /// Reads the last step; returns its `done`, and `None` when there was no step.
    ///
    /// # Errors
    /// [`PassError`].
    pub fn finish(&mut self, trainer: &Trainer) -> Result<Option<f64>, PassError> {
        let last = self.pending.take();
        last.map(|last| self.read(last, trainer)).transpose()
    }

    /// Sums over the steps that have been read.
    pub fn sums(&self) -> &Sums {
        &self.sums
    }

    fn read(&mut self, (step, done): (PendingStep, f64), trainer: &Trainer) -> Result<f64, PassError> {
        let step = step.result()?;
        self.sums.add(&step);
        if self.mode == Mode::Train && !step.loss.is_finite() {
            let learning_rate = trainer.learning_rate(done);
            return Err(PassError::Diverged { loss: step.loss, epoch: done as u64, learning_rate });
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use plugin_model::{Batch, DeviceChoice, Start, Task, TrainerOptions};

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        trainer: TrainerOptions,
    }

    fn trainer() -> Trainer {
        let task = Task {
            architecture: "small-cnn".to_owned(),
            definition: None,
            classes: vec!["a".to_owned(), "b".to_owned()],
            labels: plugin_api::Labels::Single,
            size_px: 16,
            epochs: 2,
            freeze_epochs: 0,
            seed: 1,
        };
        let options = Line::parse_from(["x"]).trainer;
        Trainer::new(&task, &options, Start::Scratch, &DeviceChoice::Flex.open().unwrap()).unwrap()
    }

    fn batch(images: usize) -> Batch {
        let pixels = (0..images).flat_map(|i| vec![if i % 2 == 0 { 20 } else { 230 }; 16 * 16 * 3]).collect();
        let targets = (0..images).map(|i| vec![(i % 2) as u32]).collect();
        Batch { size_px: 16, pixels, targets, weights: vec![1.0; images] }
    }

    #[test]
    fn steps_are_read_one_later_and_all_are_counted() {
        let mut trainer = trainer();
        let batch = batch(4);
        let mut pass = Pass::new(Mode::Train);
        assert_eq!(pass.step(&mut trainer, &batch, 0.0).unwrap(), None);
        assert_eq!(pass.sums().images, 0);
        assert_eq!(pass.step(&mut trainer, &batch, 0.5).unwrap(), Some(0.0));
        assert_eq!(pass.sums().images, 4);
        assert_eq!((pass.finish(&trainer).unwrap(), pass.finish(&trainer).unwrap()), (Some(0.5), None));
        assert_eq!(pass.sums().images, 8);
        // Validation changes nothing: twice the same.
        let mut losses = [0.0; 2];
        for loss in &mut losses {
            let mut pass = Pass::new(Mode::Validate);
            pass.step(&mut trainer, &batch, 1.0).unwrap();
            pass.finish(&trainer).unwrap();
            *loss = pass.sums().loss();
        }
        assert!(losses[0] == losses[1] && losses[0].is_finite());
    }

    #[test]
    fn a_loss_that_is_not_finite_names_the_rate() {
        let mut trainer = trainer();
        let batch = Batch { weights: vec![f32::NAN; 4], ..batch(4) };
        let mut pass = Pass::new(Mode::Train);
        assert_eq!(pass.step(&mut trainer, &batch, 0.25).unwrap(), None, "it is not read yet");
        let error = pass.finish(&trainer).unwrap_err();
        assert!(matches!(error, PassError::Diverged { epoch: 0, .. }), "{error}");
        assert!(error.to_string().contains("--learning-rate"), "{error}");
    }
}
