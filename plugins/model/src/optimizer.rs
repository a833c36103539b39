//! Optimizers by name, with PyTorch's conventions where burn's defaults differ.

use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, AdamWConfig, ModuleOptimizer, SgdConfig};
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

    /// A fresh optimizer. `momentum` is used by [`Optimizer::Sgd`] alone.
    pub fn build(self, momentum: f64, weight_decay: f64) -> ModuleOptimizer {
        let decay = (weight_decay > 0.0).then(|| WeightDecayConfig::new(weight_decay as f32));
        match self {
            Self::Sgd => {
                // PyTorch does not dampen; burn's default is 0.1.
                let momentum =
                    (momentum > 0.0).then(|| MomentumConfig::new().with_momentum(momentum).with_dampening(0.0));
                SgdConfig::new().with_momentum(momentum).with_weight_decay(decay).init()
            }
            Self::Adam => AdamConfig::new().with_epsilon(EPSILON).with_weight_decay(decay).init(),
            Self::Adamw => AdamWConfig::new().with_epsilon(EPSILON).with_weight_decay(weight_decay as f32).init(),
        }
    }
}
