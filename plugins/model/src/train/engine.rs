//! Learning on LibTorch as PyTorch does it: ATen's own autograd and kernels instead of burn's.
//!
//! The network's weights are burn parameters as everywhere else, but on the device without burn's autodiff, and the
//! LibTorch tensors in them want gradients. So every layer's forward pass is recorded by ATen, whose backward pass
//! has one kernel where burn's is composed of many.
//!
//! - `pass` goes through a network and back, in micro-batches where memory is short.
//! - [`optimizer`] turns gradients into new weights, with LibTorch's fused kernels.
//! - `optimizer_state` keeps the state of the optimizer.

mod loss;
pub mod optimizer;
mod optimizer_state;
mod pass;

use crate::device::precision::Precision;
use crate::error::ModelError;
use crate::native::bridge::{from_torch, to_torch};
use crate::native::heap;
use crate::network::interpreter::Network;
use crate::train::average;
use crate::train::checkpoint::PendingOptimizerState;
use crate::train::loss::Targets;
use crate::train::options::TrainerOptions;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::Tensor;
use optimizer::Optimizer;
use optimizer_state::OptimizerState;
use pass::{Pass, out_of_memory};
use tch::TchError;

/// A network whose weights want gradients from ATen, and the rule that changes them.
pub struct Engine {
    network: Network,
    /// The weights that learn: the same tensors as in the network. The classifier's are the last.
    leaves: Vec<tch::Tensor>,
    /// How many of the first leaves are frozen.
    frozen: usize,
    optimizer: Optimizer,
    precision: Precision,
    clip_norm: f64,
    /// Into how many micro-batches a batch is cut, because more would not fit into memory.
    micro_batches: usize,
}

/// The classifier's weight and bias.
const CLASSIFIER: usize = 2;

impl Engine {
    /// Takes over a network on LibTorch with burn's autodiff.
    ///
    /// # Errors
    /// [`ModelError::Execution`] when it is on another device.
    pub fn new(network: Network, options: &TrainerOptions) -> Result<Self, ModelError> {
        heap::keep();
        let mut taking = Taking::default();
        let network = network.map(&mut taking);
        if let Some(problem) = taking.problem {
            return Err(ModelError::Execution(problem));
        }
        let leaves = taking.leaves;
        let optimizer = Optimizer::new(options.optimizer, options.momentum, options.weight_decay, &leaves)?;
        let TrainerOptions { precision, clip_norm, .. } = *options;
        Ok(Self { network, leaves, frozen: 0, optimizer, precision, clip_norm, micro_batches: 1 })
    }

    /// Lets all layers learn, or the classifier alone.
    pub fn freeze(&mut self, frozen: bool) {
        self.frozen = if frozen { self.leaves.len().saturating_sub(CLASSIFIER) } else { 0 };
        for (place, leaf) in self.leaves.iter_mut().enumerate() {
            let _ = leaf.set_requires_grad(place >= self.frozen);
        }
    }

    /// Forgets the state of the optimizer.
    pub fn forget(&mut self) {
        self.optimizer.forget();
    }

    /// Learns from a batch on the device without burn's autodiff; logits and loss before the step. When memory runs out,
    /// the batch is cut in halves whose gradients are summed, and stays cut.
    ///
    /// # Errors
    /// [`ModelError::Execution`] when LibTorch fails, or one image is too much.
    pub fn step(
        &mut self,
        input: &Tensor<4>,
        targets: &Targets,
        rate: f64,
    ) -> Result<(Tensor<2>, Tensor<1>), ModelError> {
        let leaves = &self.leaves[self.frozen..];
        let Pass { logits, loss, gradients } = loop {
            match Pass::new(&self.network, leaves, self.precision, input, targets, self.micro_batches) {
                Err(error) if out_of_memory(&error) && self.micro_batches < input.dims()[0] => self.micro_batches *= 2,
                done => break done?,
            }
        };
        if self.clip_norm > 0.0 {
            clip(&gradients, self.clip_norm)?;
        }
        self.optimizer.step(leaves, &gradients, rate)?;
        Ok((from_torch(logits), from_torch(loss)))
    }

    /// Into how many micro-batches a batch is cut, because more would not fit into memory.
    pub fn micro_batches(&self) -> usize {
        self.micro_batches
    }

    /// Copies of the network and of the state of the optimizer: both are changed in place.
    pub fn training_state(&self) -> (Network, PendingOptimizerState) {
        let network = self.with_network(average::copy);
        let optimizer_state = OptimizerState::of(&self.optimizer);
        (network, Box::new(move || optimizer_state?.to_bytes()))
    }

    /// Restores the state that [`Self::training_state`] gave.
    ///
    /// # Errors
    /// A text when it is not of these weights and this rule.
    pub fn restore_optimizer(&mut self, bytes: &[u8]) -> Result<(), String> {
        optimizer_state::read(&mut self.optimizer, bytes)
    }

    /// Replaces the weights.
    ///
    /// # Errors
    /// What `with` says, or LibTorch.
    pub fn replace(&mut self, with: impl FnOnce(Network) -> Result<Network, ModelError>) -> Result<(), ModelError> {
        let _guard = tch::no_grad_guard();
        let (mut here, mut new) = (All::default(), All::default());
        self.network.visit(&mut here);
        with(self.network.clone())?.visit(&mut new);
        for (to, from) in here.0.iter_mut().zip(&new.0) {
            to.f_copy_(from)?;
        }
        Ok(())
    }

    /// Does something with the network as it is, recording nothing.
    pub fn with_network<T>(&self, with: impl FnOnce(&Network) -> T) -> T {
        tch::no_grad(|| with(&self.network))
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Nothing of a step is left here; the weights themselves go after this.
        heap::give_back();
    }
}

fn torch<const D: usize>(tensor: Tensor<D>) -> Result<tch::Tensor, ModelError> {
    to_torch(tensor).ok_or_else(|| ModelError::Execution("a tensor is not on LibTorch".to_owned()))
}

/// Scales all gradients alike so that their norm, taken together, is at most `most`, as PyTorch's `clip_grad_norm_`.
fn clip(gradients: &[tch::Tensor], most: f64) -> Result<(), TchError> {
    let norms = gradients.iter().map(tch::Tensor::f_norm).collect::<Result<Vec<_>, _>>()?;
    let factor = most / (tch::Tensor::f_stack(&norms, 0)?.f_norm()?.f_double_value(&[])? + 1e-6);
    if factor < 1.0 {
        for gradient in gradients {
            let _ = gradient.shallow_clone().f_mul_scalar_(factor)?;
        }
    }
    Ok(())
}

/// Every tensor of a network.
#[derive(Default)]
struct All(Vec<tch::Tensor>);

impl ModuleVisitor for All {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.extend(to_torch(param.val()));
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

/// A copy that wants gradients. The weights of a convolution lie with their channels last, as the images do: that
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
