//! Cross entropy by LibTorch's own kernels.

use super::torch;
use crate::error::ModelError;
use crate::train::loss::Targets;
use plugin_api::Labels;
use tch::{Reduction, Tensor};

/// What [`Targets::loss`] says, recorded by ATen: one number.
pub fn loss(logits: &Tensor, targets: &Targets) -> Result<Tensor, ModelError> {
    let (share, weight) = (torch(targets.share.clone())?, torch(targets.weight.clone())?);
    let none = Option::<&Tensor>::None;
    let each =
        match targets.labels {
            Labels::Single => logits.f_cross_entropy_loss(&share, none, Reduction::None, -100, 0.0)?.f_unsqueeze(1)?,
            Labels::Multi => logits
                .f_binary_cross_entropy_with_logits(&share, none, none, Reduction::None)?
                .f_mean_dim(1, true, tch::Kind::Float)?,
        };
    Ok(each.f_mul(&weight)?.f_sum(tch::Kind::Float)?.f_div_scalar(f64::from(targets.total()))?)
}
