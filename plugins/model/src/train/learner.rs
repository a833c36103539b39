//! A network that learns, on whatever there is.

use crate::device::Opened;
use crate::error::ModelError;
use crate::network::interpreter::Network;
use crate::train::autodiff::Autodiff;
use crate::train::checkpoint::PendingOptimizerState;
use crate::train::loss::Targets;
use crate::train::options::TrainerOptions;
use burn::tensor::{Device, Tensor};

/// A network and the rule that changes it.
pub enum Learner {
    /// With burn's autodiff and optimizers: any device.
    Burn(Box<Autodiff>),
    /// With LibTorch's.
    #[cfg(feature = "libtorch")]
    Torch(Box<crate::train::engine::Engine>),
}

/// The same of both.
macro_rules! either {
    ($self:expr, $learner:ident => $body:expr) => {
        match $self {
            Learner::Burn($learner) => $body,
            #[cfg(feature = "libtorch")]
            Learner::Torch($learner) => $body,
        }
    };
}

impl Learner {
    /// Takes over a network on a device with burn's autodiff.
    ///
    /// # Errors
    /// [`ModelError::Precision`] when the device cannot do it.
    pub fn new(network: Network, options: &TrainerOptions, device: &Opened) -> Result<Self, ModelError> {
        options.precision.check(device)?;
        options.precision.set_up(device);
        #[cfg(feature = "libtorch")]
        if device.is_libtorch() {
            return Ok(Self::Torch(Box::new(crate::train::engine::Engine::new(network, options)?)));
        }
        Ok(Self::Burn(Box::new(Autodiff::new(network, options))))
    }

    /// The device on which it learns.
    pub fn device(&self, plain: &Device) -> Device {
        match self {
            Self::Burn(_) => plain.clone().autodiff(),
            #[cfg(feature = "libtorch")]
            Self::Torch(_) => plain.clone(),
        }
    }

    /// Learns from images `[images, 3, size, size]`, normalised; logits and loss before the step. Both arguments lie on
    /// [`Self::device`].
    ///
    /// # Errors
    /// [`ModelError`] when the device fails.
    pub fn step(
        &mut self,
        input: Tensor<4>,
        targets: &Targets,
        rate: f64,
    ) -> Result<(Tensor<2>, Tensor<1>), ModelError> {
        match self {
            Self::Burn(learner) => Ok(learner.step(input, targets, rate)),
            #[cfg(feature = "libtorch")]
            Self::Torch(engine) => engine.step(&input, targets, rate),
        }
    }

    /// Lets all layers learn, or the classifier alone.
    pub fn freeze(&mut self, frozen: bool) {
        either!(self, learner => learner.freeze(frozen));
    }

    /// Into how many micro-batches a batch is cut because more would not fit into memory.
    pub fn micro_batches(&self) -> usize {
        match self {
            Self::Burn(_) => 1,
            #[cfg(feature = "libtorch")]
            Self::Torch(engine) => engine.micro_batches(),
        }
    }

    /// Forgets the state of the optimizer.
    pub fn forget(&mut self) {
        either!(self, learner => learner.forget());
    }

    /// The network and the state of the optimizer, as they are now: later steps change neither.
    pub fn training_state(&self) -> (Network, PendingOptimizerState) {
        either!(self, learner => learner.training_state())
    }

    /// Restores the state that [`Self::training_state`] gave.
    ///
    /// # Errors
    /// A text when it is not of these weights and this rule.
    pub fn restore_optimizer(&mut self, bytes: &[u8]) -> Result<(), String> {
        either!(self, learner => learner.restore_optimizer(bytes))
    }

    /// Replaces the weights.
    ///
    /// # Errors
    /// What `with` says, or the device.
    pub fn replace(&mut self, with: impl FnOnce(Network) -> Result<Network, ModelError>) -> Result<(), ModelError> {
        either!(self, learner => learner.replace(with))
    }

    /// Does something with the network as it is now, on the device without autodiff.
    pub fn with_network<T>(&self, with: impl FnOnce(&Network) -> T) -> T {
        match self {
            Self::Burn(learner) => with(&learner.network()),
            #[cfg(feature = "libtorch")]
            Self::Torch(engine) => engine.with_network(with),
        }
    }
}
