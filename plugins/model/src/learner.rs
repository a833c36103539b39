//! A network that learns, on whatever there is.

use crate::device::Opened;
use crate::loss::Targets;
use crate::precision::Precision;
use crate::trainer::TrainerOptions;
use crate::{Batch, ModelError, Network};
use burn::module::{Module, ModuleMapper, Param, ParamId};
use burn::optim::{GradientsParams, ModuleOptimizer, OptimizerRecord};
use burn::tensor::{Bytes, Device, Tensor};
use std::path::Path;

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
        Ok(Self::Burn(Box::new(network.map(&mut Numbering(0))), optimizer))
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

    /// What the optimizer remembers, as the content of a file that will be at `path`.
    ///
    /// # Errors
    /// A text.
    pub fn memory(
        &self,
        #[allow(unused, reason = "LibTorch writes to files alone")] path: &Path,
    ) -> Result<Vec<u8>, String> {
        match self {
            Self::Burn(_, optimizer) => optimizer.into_bytes().map(|b| b.to_vec()).map_err(|e| e.to_string()),
            #[cfg(feature = "libtorch")]
            Self::Torch(engine) => engine.memory(path).map_err(|e| e.to_string()),
        }
    }

    /// Remembers what the file says; `bytes` are its content.
    ///
    /// # Errors
    /// A text when it is not of these weights and this rule.
    pub fn remember(
        &mut self,
        #[allow(unused, reason = "LibTorch reads files alone")] path: &Path,
        bytes: Vec<u8>,
    ) -> Result<(), String> {
        match self {
            Self::Burn(_, optimizer) => {
                let record = OptimizerRecord::from_bytes(Bytes::from_bytes_vec(bytes)).map_err(|e| e.to_string())?;
                *optimizer = optimizer.clone().load_record(record);
                Ok(())
            }
            #[cfg(feature = "libtorch")]
            Self::Torch(engine) => {
                drop(bytes);
                engine.remember(path)
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

/// Numbers the parameters in their order: burn's optimizers know them by id, which a new process would draw anew.
struct Numbering(u64);

impl ModuleMapper for Numbering {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (_, value, mapper) = param.consume();
        self.0 += 1;
        Param::from_mapped_value(ParamId::from(self.0), value, mapper)
    }
}
