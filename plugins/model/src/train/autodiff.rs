//! A network that learns with burn's autodiff and optimizers: on any device.

use crate::network::interpreter::Network;
use crate::train::checkpoint::PendingOptimizerState;
use crate::train::loss::Targets;
use crate::train::options::TrainerOptions;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param, ParamId};
use burn::optim::{GradientsParams, ModuleOptimizer, OptimizerRecord};
use burn::tensor::{Bytes, Tensor};

/// A network and the rule that changes it.
pub struct Autodiff {
    network: Network,
    optimizer: ModuleOptimizer,
    options: TrainerOptions,
    /// Weights that are not pulled towards 0.
    spared: Vec<ParamId>,
}

impl Autodiff {
    /// Takes over a network on a device with burn's autodiff.
    pub fn new(network: Network, options: &TrainerOptions) -> Self {
        let mut numbering = Numbering::default();
        let network = network.map(&mut numbering);
        let spared = numbering.vectors;
        Self { network, optimizer: fresh(options, &spared), options: options.clone(), spared }
    }

    /// Lets all layers learn, or the classifier alone.
    pub fn freeze(&mut self, frozen: bool) {
        self.network = self.network.clone().freeze(frozen);
    }

    /// Forgets the state of the optimizer.
    pub fn forget(&mut self) {
        self.optimizer = fresh(&self.options, &self.spared);
    }

    /// Learns from a batch on the device with autodiff; logits and loss before the step.
    pub fn step(&mut self, input: Tensor<4>, targets: &Targets, rate: f64) -> (Tensor<2>, Tensor<1>) {
        let logits = self.network.forward(input);
        let loss = targets.loss(logits.clone());
        let mut gradients = GradientsParams::from_grads(loss.backward(), &self.network);
        if self.options.clip_norm > 0.0 {
            gradients = clip(gradients, &self.network, self.options.clip_norm as f32);
        }
        self.network = self.optimizer.step(rate, self.network.clone(), gradients);
        (logits, loss)
    }

    /// The network and the state of the optimizer. burn changes no tensor that somebody else holds.
    pub fn training_state(&self) -> (Network, PendingOptimizerState) {
        let optimizer = self.optimizer.clone();
        let bytes = move || optimizer.into_bytes().map(|b| b.to_vec()).map_err(|e| e.to_string());
        (self.network(), Box::new(bytes))
    }

    /// Restores the state that [`Self::training_state`] gave.
    ///
    /// # Errors
    /// A text when it is not of these weights and this rule.
    pub fn restore_optimizer(&mut self, bytes: &[u8]) -> Result<(), String> {
        let record = OptimizerRecord::from_bytes(Bytes::from_bytes_vec(bytes.to_vec())).map_err(|e| e.to_string())?;
        self.optimizer = self.optimizer.clone().load_record(record);
        Ok(())
    }

    /// The network as it is now, on the device without autodiff.
    pub fn network(&self) -> Network {
        self.network.valid()
    }

    /// Replaces the weights.
    ///
    /// # Errors
    /// What `with` says.
    pub fn replace<E>(&mut self, with: impl FnOnce(Network) -> Result<Network, E>) -> Result<(), E> {
        self.network = with(self.network.clone())?;
        Ok(())
    }
}

fn fresh(options: &TrainerOptions, spared: &[ParamId]) -> ModuleOptimizer {
    options.optimizer.build(options.momentum, options.weight_decay, spared.to_vec())
}

/// Scales all gradients alike so that their norm, taken together, is at most `most` (Pascanu et al. 2013, arXiv
/// 1211.5063; as PyTorch's `clip_grad_norm_`).
fn clip(gradients: GradientsParams, network: &Network, most: f32) -> GradientsParams {
    let mut norm = Norm { gradients, squares: 0.0 };
    network.visit(&mut norm);
    let factor = most / (norm.squares.sqrt() as f32 + 1e-6);
    if factor >= 1.0 {
        return norm.gradients;
    }
    let mut scaling = Scaling { gradients: norm.gradients, factor };
    network.visit(&mut scaling);
    scaling.gradients
}

struct Norm {
    gradients: GradientsParams,
    squares: f64,
}

impl ModuleVisitor for Norm {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.get::<D>(param.id) {
            self.squares += f64::from(gradient.square().sum().into_scalar::<f32>());
        }
    }
}

struct Scaling {
    gradients: GradientsParams,
    factor: f32,
}

impl ModuleVisitor for Scaling {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(gradient) = self.gradients.remove::<D>(param.id) {
            self.gradients.register(param.id, gradient.mul_scalar(self.factor));
        }
    }
}

/// Numbers the parameters in their order: burn's optimizers know them by id, which a new process would draw anew.
#[derive(Default)]
struct Numbering {
    last: u64,
    /// Those with one dimension: biases, and all that norms have.
    vectors: Vec<ParamId>,
}

impl ModuleMapper for Numbering {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (_, value, mapper) = param.consume();
        self.last += 1;
        let id = ParamId::from(self.last);
        if D == 1 {
            self.vectors.push(id);
        }
        Param::from_mapped_value(id, value, mapper)
    }
}
