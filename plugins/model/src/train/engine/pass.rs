//! Once through the network and back: what a batch says of the weights.

use super::torch;
use crate::device::precision::Precision;
use crate::error::ModelError;
use crate::native::autocast::Autocast;
use crate::native::mode::Learning;
use crate::network::interpreter::Network;
use crate::train::loss::Targets;
use burn::tensor::Tensor as BurnTensor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tch::{Kind, Tensor};

/// What a batch says.
pub struct Pass {
    /// `[images, classes]`.
    pub logits: Tensor,
    /// One number.
    pub loss: Tensor,
    /// By the order of the weights.
    pub gradients: Vec<Tensor>,
}

impl Pass {
    /// Goes over a batch in so many micro-batches. What comes of it is the same but for batch normalisation, which sees a piece at
    /// a time.
    ///
    /// # Errors
    /// [`ModelError::Execution`] when LibTorch fails.
    pub fn new(
        network: &Network,
        weights: &[Tensor],
        precision: Precision,
        input: &BurnTensor<4>,
        targets: &Targets,
        micro_batches: usize,
    ) -> Result<Self, ModelError> {
        let images = input.dims()[0];
        let rows = images.div_ceil(micro_batches.max(1));
        let mut whole: Option<Self> = None;
        let mut logits = Vec::new();
        for first in (0..images).step_by(rows) {
            let rows = first..(first + rows).min(images);
            let piece = if rows.len() == images {
                once(network, weights, precision, input.clone(), targets)?
            } else {
                let input = input.clone().slice([rows.clone()]);
                once(network, weights, precision, input, &targets.rows(rows))?
            };
            logits.push(piece.logits.shallow_clone());
            match &mut whole {
                None => whole = Some(piece),
                Some(whole) => {
                    let _ = whole.loss.f_add_(&piece.loss)?;
                    for (sum, gradient) in whole.gradients.iter_mut().zip(&piece.gradients) {
                        let _ = sum.f_add_(gradient)?;
                    }
                }
            }
        }
        let whole = whole.ok_or(ModelError::EmptyBatch)?;
        if logits.len() == 1 {
            return Ok(whole);
        }
        Ok(Self { logits: Tensor::f_cat(&logits, 0)?, ..whole })
    }
}

fn once(
    network: &Network,
    weights: &[Tensor],
    precision: Precision,
    input: BurnTensor<4>,
    targets: &Targets,
) -> Result<Pass, ModelError> {
    let forward = || {
        let _learning = Learning::begin();
        let _autocast = match (precision, weights.first()) {
            (Precision::Bf16, Some(weight)) => Some(Autocast::begin(weight.device())?),
            _ => None,
        };
        Ok::<_, ModelError>(network.forward(input))
    };
    // burn's operations end in a panic where LibTorch says it failed.
    let logits = catch_unwind(AssertUnwindSafe(forward)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
        ModelError::Execution(text.unwrap_or("a panic without a text").to_owned())
    })??;
    let logits = torch(logits)?.f_to_kind(Kind::Float)?;
    let loss = super::loss::loss(&logits, targets)?;
    let gradients = Tensor::f_run_backward(&[&loss], weights, false, false)?;
    Ok(Pass { logits: logits.f_detach()?, loss: loss.f_detach()?, gradients })
}

/// Whether the device has no room left, in the words of LibTorch's allocators and of oneDNN.
pub fn out_of_memory(error: &ModelError) -> bool {
    let ModelError::Execution(text) = error else { return false };
    ["out of memory", "can't allocate memory", "not enough memory", "could not create a memory", "bad_alloc"]
        .iter()
        .any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::DeviceChoice;
    use crate::input::batch::Batch;
    use crate::native::bridge::to_torch;
    use crate::network::{Shape, find};
    use burn::module::{Module, ModuleVisitor, Param};
    use plugin_api::Labels;

    #[derive(Default)]
    struct Leaves(Vec<Tensor>);

    impl ModuleVisitor for Leaves {
        fn visit_float<const D: usize>(&mut self, param: &Param<BurnTensor<D>>) {
            self.0.extend(to_torch(param.val()).map(|t| t.set_requires_grad(true)));
        }
    }

    /// There is no batch normalisation in it, so micro-batches sum to the whole; also when the last one is smaller.
    #[test]
    fn pieces_say_what_the_whole_says() {
        let device = DeviceChoice::Libtorch.open().unwrap().device;
        let network = find("small-cnn").unwrap().network(Shape { classes: 3, size_px: 32 }, 1, &device).unwrap();
        let mut leaves = Leaves::default();
        network.visit(&mut leaves);
        let batch = Batch {
            size_px: 32,
            pixels: (0..10 * 32 * 32 * 3).map(|i| (i * 37 % 251) as u8).collect(),
            targets: (0..10).map(|i| vec![i % 3]).collect(),
            weights: (0..10).map(|i| 0.5 + i as f32 / 10.0).collect(),
        };
        let targets = Targets::new(&batch, Labels::Single, 3, 0.05, &device).unwrap();
        let input = tch::no_grad(|| network.input(&batch, &device)).unwrap();
        let pass =
            |micro_batches| Pass::new(&network, &leaves.0, Precision::Fp32, &input, &targets, micro_batches).unwrap();
        let (whole, cut) = (pass(1), pass(4));
        assert_eq!(cut.logits.size(), [10, 3]);
        let near = |a: &Tensor, b: &Tensor| a.allclose(b, 1e-4, 1e-6, false);
        assert!(near(&whole.logits, &cut.logits) && near(&whole.loss, &cut.loss));
        assert!(whole.gradients.iter().zip(&cut.gradients).all(|(a, b)| near(a, b)));
    }
}
