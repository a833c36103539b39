//! A network that learns on LibTorch.

use super::autocast::Autocast;
use super::bridge::{from_torch, to_torch};
use super::memory;
use super::mode::Learning;
use super::optimizer::Optimizer;
use crate::loss::Targets;
use crate::precision::Precision;
use crate::trainer::TrainerOptions;
use crate::{ModelError, Network};
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;
use std::path::Path;
use tch::TchError;

/// A network whose weights want gradients from ATen, and the rule that changes them.
pub struct Engine {
    network: Network,
    /// The weights that learn: the same tensors as in the network.
    leaves: Vec<tch::Tensor>,
    optimizer: Optimizer,
    precision: Precision,
}

impl Engine {
    /// Takes over a network on LibTorch with burn's autodiff.
    ///
    /// # Errors
    /// [`ModelError::Execution`] when it is on another device.
    pub fn new(network: Network, options: &TrainerOptions) -> Result<Self, ModelError> {
        let mut taking = Taking::default();
        let network = network.map(&mut taking);
        if let Some(problem) = taking.problem {
            return Err(ModelError::Execution(problem));
        }
        let leaves = taking.leaves;
        let optimizer = Optimizer::new(options.optimizer, options.momentum, options.weight_decay, &leaves)?;
        Ok(Self { network, leaves, optimizer, precision: options.precision })
    }

    /// Learns from a batch on the device without burn's autodiff; logits and loss before the step.
    ///
    /// # Errors
    /// [`ModelError::Execution`] when LibTorch fails.
    pub fn step(
        &mut self,
        input: Tensor<4>,
        targets: &Targets,
        rate: f64,
    ) -> Result<(Tensor<2>, Tensor<1>), ModelError> {
        let logits = {
            let _learning = Learning::begin();
            let _autocast = match (self.precision, self.leaves.first()) {
                (Precision::Bf16, Some(leaf)) => Some(Autocast::begin(leaf.device())?),
                _ => None,
            };
            self.network.forward(input)
        };
        let logits = torch(logits)?.f_to_kind(tch::Kind::Float)?;
        let loss = super::loss::loss(&logits, targets)?;
        let gradients = tch::Tensor::f_run_backward(&[&loss], &self.leaves, false, false)?;
        self.optimizer.step(&self.leaves, &gradients, rate)?;
        Ok((from_torch(logits.f_detach()?), from_torch(loss.f_detach()?)))
    }

    /// What the optimizer remembers, as the content of a file that will be at `path`.
    ///
    /// # Errors
    /// LibTorch's, or the file system's.
    pub fn memory(&self, path: &Path) -> Result<Vec<u8>, ModelError> {
        memory::to_bytes(&self.optimizer, path)
    }

    /// Remembers what the file says.
    ///
    /// # Errors
    /// A text when it is not of these weights and this rule.
    pub fn remember(&mut self, path: &Path) -> Result<(), String> {
        memory::read(&mut self.optimizer, path)
    }

    /// Does something with the network as it is, recording nothing.
    pub fn look<T>(&self, with: impl FnOnce(&Network) -> T) -> T {
        tch::no_grad(|| with(&self.network))
    }
}

pub(super) fn torch<const D: usize>(tensor: Tensor<D>) -> Result<tch::Tensor, ModelError> {
    to_torch(tensor).ok_or_else(|| ModelError::Execution("a tensor is not on LibTorch".to_owned()))
}

impl From<TchError> for ModelError {
    fn from(error: TchError) -> Self {
        // After the first line comes where in C++ it happened.
        Self::Execution(error.to_string().lines().next().unwrap_or_default().to_owned())
    }
}

/// Makes each parameter that learns a leaf of ATen's tape.
#[derive(Default)]
struct Taking {
    leaves: Vec<tch::Tensor>,
    problem: Option<String>,
}

impl ModuleMapper for Taking {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        // The running figures of batch normalisation come by here too.
        let learns = tensor.is_require_grad();
        let plain = tensor.without_autodiff();
        let value = match to_torch(plain.clone()) {
            Some(torch) if learns => match leaf(&torch) {
                Ok(leaf) => {
                    self.leaves.push(leaf.shallow_clone());
                    from_torch(leaf)
                }
                Err(error) => {
                    self.problem = Some(error.to_string());
                    plain
                }
            },
            Some(_) => plain,
            None => {
                self.problem = Some("weights are not on LibTorch".to_owned());
                plain
            }
        };
        Param::from_mapped_value(id, value, mapper)
    }
}

/// A copy that wants gradients. The weights of a convolution lie with their channels last, as the pictures do: that
/// is what LibTorch's convolutions on the CPU are fastest with.
fn leaf(tensor: &tch::Tensor) -> Result<tch::Tensor, TchError> {
    let tensor = tensor.f_detach()?;
    let mut copy = if tensor.dim() == 4 {
        tensor.f_permute([0, 2, 3, 1])?.f_contiguous()?.f_permute([0, 3, 1, 2])?.f_empty_like()?
    } else {
        tensor.f_empty_like()?
    };
    copy.f_copy_(&tensor)?;
    copy.f_set_requires_grad(true)
}
