//! A network that learns, on whatever there is.

use crate::device::Opened;
use crate::loss::Targets;
use crate::precision::Precision;
use crate::trainer::TrainerOptions;
use crate::{Batch, ModelError, Network};
use burn::module::Module;
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{Device, Tensor};

/// A network and the rule that changes it.
pub enum Learner {
    /// With burn's autodiff and optimizers: any device.
    Burn(Box<Network>, ModuleOptimizer),
    /// With LibTorch's.
    #[cfg(feature = "libtorch")]
    Torch(Box<crate::native::Engine>),
}

impl Learner {
    /// Takes over a network on a device with burn's autodiff.
    ///
    /// # Errors
    /// [`ModelError::Precision`] when the device cannot do it.
    pub fn new(network: Network, options: &TrainerOptions, device: &Opened) -> Result<Self, ModelError> {
        #[cfg(feature = "libtorch")]
        if device.is_libtorch() {
            return Ok(Self::Torch(Box::new(crate::native::Engine::new(network, options)?)));
        }
        if options.precision != Precision::Fp32 {
            return Err(ModelError::Precision { device: device.name.clone() });
        }
        let optimizer = options.optimizer.build(options.momentum, options.weight_decay);
        Ok(Self::Burn(Box::new(network), optimizer))
    }

    /// The device on which it learns.
    pub fn device(&self, plain: &Device) -> Device {
        match self {
            Self::Burn(..) => plain.clone().autodiff(),
            #[cfg(feature = "libtorch")]
            Self::Torch(_) => plain.clone(),
        }
    }

    /// Learns from a batch; logits and loss before the step. `targets` lie on [`Self::device`].
    ///
    /// # Errors
    /// [`ModelError`] when the batch is empty, or the device fails.
    pub fn step(
        &mut self,
        batch: &Batch,
        targets: &Targets,
        rate: f64,
        plain: &Device,
    ) -> Result<(Tensor<2>, Tensor<1>), ModelError> {
        let device = self.device(plain);
        match self {
            Self::Burn(network, optimizer) => {
                let logits = network.forward(network.input(batch, &device)?);
                let loss = targets.loss(logits.clone());
                let gradients = GradientsParams::from_grads(loss.backward(), &**network);
                **network = optimizer.step(rate, (**network).clone(), gradients);
                Ok((logits, loss))
            }
            #[cfg(feature = "libtorch")]
            Self::Torch(engine) => {
                let input = engine.look(|network| network.input(batch, &device))?;
                engine.step(input, targets, rate)
            }
        }
    }

    /// Does something with the network as it is now, on the device without autodiff.
    pub fn look<T>(&self, with: impl FnOnce(&Network) -> T) -> T {
        match self {
            Self::Burn(network, _) => with(&network.valid()),
            #[cfg(feature = "libtorch")]
            Self::Torch(engine) => engine.look(with),
        }
    }
}
