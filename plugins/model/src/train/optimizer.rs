//! Optimizers by name, with PyTorch's conventions where burn's defaults differ.

use burn::module::{ParamGroup, ParamId};
use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, AdamWConfig, ModuleOptimizer, Optimizer as Rule, SgdConfig};
use serde::{Deserialize, Serialize};

/// The rule that turns gradients into new weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Optimizer {
    /// Stochastic gradient descent with momentum.
    Sgd,
    /// Kingma and Ba 2014 (arXiv 1412.6980).
    Adam,
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2017, arXiv 1711.05101).
    Adamw,
}

/// Adam's guard against division by zero; burn's default is 1e-5.
pub(crate) const EPSILON: f32 = 1e-8;

impl Optimizer {
    /// A learning rate that works for most networks.
    pub fn usual_learning_rate(self) -> f64 {
        match self {
            Self::Sgd => 0.01,
            Self::Adam | Self::Adamw => 0.001,
        }
    }

    /// A fresh optimizer. `momentum` is used by [`Optimizer::Sgd`] alone. Weights of `spared` are not pulled towards 0.
    pub fn build(self, momentum: f64, weight_decay: f64, spared: Vec<ParamId>) -> ModuleOptimizer {
        let some = |decay: f64| (decay > 0.0).then(|| WeightDecayConfig::new(decay as f32));
        match self {
            Self::Sgd => {
                // PyTorch does not dampen; burn's default is 0.1.
                let momentum =
                    (momentum > 0.0).then(|| MomentumConfig::new().with_momentum(momentum).with_dampening(0.0));
                let rule = SgdConfig::new().with_momentum(momentum);
                grouped(|decay| rule.clone().with_weight_decay(some(decay)).build(), weight_decay, spared)
            }
            Self::Adam => {
                let rule = AdamConfig::new().with_epsilon(EPSILON);
                grouped(|decay| rule.clone().with_weight_decay(some(decay)).build(), weight_decay, spared)
            }
            Self::Adamw => {
                let rule = AdamWConfig::new().with_epsilon(EPSILON);
                grouped(|decay| rule.clone().with_weight_decay(decay as f32).build(), weight_decay, spared)
            }
        }
    }
}

fn grouped<R: Rule>(rule: impl Fn(f64) -> R, weight_decay: f64, spared: Vec<ParamId>) -> ModuleOptimizer {
    ModuleOptimizer::from(rule(weight_decay)).with_group(ParamGroup::from_ids(spared), rule(0.0), None)
}
