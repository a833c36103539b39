//! New weights from gradients, by LibTorch's fused kernels: each weight is read and written once a step.

use super::shim::{self, Adam};
use crate::optimizer::{EPSILON, Optimizer as Rule};
use tch::{Kind, TchError, Tensor};

/// PyTorch's, and burn's.
const BETAS: (f64, f64) = (0.9, 0.999);

/// A rule and what it remembers. The same rules, with the same conventions, as [`Rule::build`].
pub struct Optimizer {
    rule: Rule,
    momentum: f64,
    decay: f64,
    /// Momenta, or running means of the gradients; as the weights in shape and strides.
    pub(super) means: Vec<Tensor>,
    /// Running means of the squares; none for gradient descent.
    pub(super) squares: Vec<Tensor>,
    pub(super) steps: u64,
}

impl Optimizer {
    /// A fresh one for these weights.
    ///
    /// # Errors
    /// LibTorch's.
    pub fn new(rule: Rule, momentum: f64, decay: f64, weights: &[Tensor]) -> Result<Self, TchError> {
        let zeros = || weights.iter().map(Tensor::f_zeros_like).collect::<Result<Vec<_>, _>>();
        let squares = if rule == Rule::Sgd { Vec::new() } else { zeros()? };
        Ok(Self { rule, momentum, decay, means: zeros()?, squares, steps: 0 })
    }

    /// Changes the weights in place. `gradients` go with `weights` by index.
    ///
    /// # Errors
    /// LibTorch's.
    pub fn step(&mut self, weights: &[Tensor], gradients: &[Tensor], rate: f64) -> Result<(), TchError> {
        let gradients: Vec<Tensor> =
            weights.iter().zip(gradients).map(|(w, g)| laid_out_as(g, w)).collect::<Result<_, _>>()?;
        self.steps += 1;
        let _guard = tch::no_grad_guard();
        if self.rule == Rule::Sgd {
            return shim::sgd(weights, &gradients, &self.means, rate, self.momentum, self.decay);
        }
        let how = Adam {
            rate,
            betas: BETAS,
            decay: self.decay,
            epsilon: f64::from(EPSILON),
            decoupled: self.rule == Rule::Adamw,
        };
        let device = weights.first().map_or(tch::Device::Cpu, Tensor::device);
        let step = Tensor::f_full([1], self.steps as f64, (Kind::Float, device))?;
        shim::adam(weights, &gradients, &self.means, &self.squares, &step, how)
    }
}

/// The kernels go through memory: a gradient must lie there as its weight does.
fn laid_out_as(gradient: &Tensor, weight: &Tensor) -> Result<Tensor, TchError> {
    let strides = |t: &Tensor| -> Vec<i64> {
        t.stride().into_iter().zip(t.size()).filter(|(_, size)| *size > 1).map(|(stride, _)| stride).collect()
    };
    if strides(gradient) == strides(weight) {
        return Ok(gradient.shallow_clone());
    }
    let mut copy = weight.detach().f_empty_like()?;
    copy.f_copy_(gradient)?;
    Ok(copy)
}
