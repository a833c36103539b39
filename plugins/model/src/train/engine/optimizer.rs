//! New weights from gradients, by LibTorch's fused kernels: each weight is read and written once a step.

use crate::native::shim::{self, Adam};
use crate::train::optimizer::{EPSILON, Optimizer as Rule};
use tch::{Kind, TchError, Tensor};

/// PyTorch's, and burn's.
const BETAS: (f64, f64) = (0.9, 0.999);

/// A rule and what it remembers. The same rules, with the same conventions, as [`Rule::build`]: what has one dimension is
/// not pulled towards 0.
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

/// Tensors of one call: the same place in each list is of the same weight.
#[derive(Default)]
struct Lists {
    weights: Vec<Tensor>,
    gradients: Vec<Tensor>,
    means: Vec<Tensor>,
    squares: Vec<Tensor>,
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

    /// Forgets all it remembers.
    pub fn forget(&mut self) {
        self.steps = 0;
        for tensor in self.means.iter_mut().chain(&mut self.squares) {
            let _ = tensor.zero_();
        }
    }

    /// Changes weights in place: all, or the last ones. `gradients` go with `weights` by index.
    ///
    /// # Errors
    /// LibTorch's.
    pub fn step(&mut self, weights: &[Tensor], gradients: &[Tensor], rate: f64) -> Result<(), TchError> {
        let before = self.means.len().saturating_sub(weights.len());
        self.steps += 1;
        let _guard = tch::no_grad_guard();
        let (mut pulled, mut spared) = (Lists::default(), Lists::default());
        for (place, (weight, gradient)) in weights.iter().zip(gradients).enumerate() {
            let lists = if weight.dim() > 1 { &mut pulled } else { &mut spared };
            lists.weights.push(weight.shallow_clone());
            lists.gradients.push(laid_out_as(gradient, weight)?);
            lists.means.push(self.means[before + place].shallow_clone());
            lists.squares.extend(self.squares.get(before + place).map(Tensor::shallow_clone));
        }
        self.change(&pulled, rate, self.decay)?;
        self.change(&spared, rate, 0.0)
    }

    fn change(&self, lists: &Lists, rate: f64, decay: f64) -> Result<(), TchError> {
        let Lists { weights, gradients, means, squares } = lists;
        let Some(first) = weights.first() else { return Ok(()) };
        if self.rule == Rule::Sgd {
            return shim::sgd(weights, gradients, means, rate, self.momentum, decay);
        }
        let decoupled = self.rule == Rule::Adamw;
        let how = Adam { rate, betas: BETAS, decay, epsilon: f64::from(EPSILON), decoupled };
        let step = Tensor::f_full([1], self.steps as f64, (Kind::Float, first.device()))?;
        shim::adam(weights, gradients, means, squares, &step, how)
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
