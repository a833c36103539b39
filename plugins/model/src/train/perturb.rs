//! Shrink and perturb: a warm start that generalises as a fresh one does.
//!
//! Ash and Adams 2020, "On Warm-Starting Neural Network Training", arXiv 1910.08475: weights that have fitted the old images
//! are pulled towards 0 and given some noise, of the kind that first weights are, before they learn old and new together.

use crate::network::interpreter::Network;
use crate::network::tensors;
use crate::train::options::number;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;
use burn::tensor::kind::BridgeTensor;

/// How much is left of weights that training goes on from, as options.
#[derive(Clone, Copy, Debug, PartialEq, clap::Args)]
pub struct PerturbOptions {
    /// What the champion's weights are multiplied by before a run learns on from them, above 0 to 1 (shrink and perturb).
    #[arg(long, default_value_t = 0.6, value_parser = shrink, value_name = "SHARE")]
    pub shrink: f64,

    /// Share of fresh weights that is added to them, 0 to 1.
    #[arg(long, default_value_t = 0.1, value_parser = noise, value_name = "SHARE")]
    pub noise: f64,
}

impl PerturbOptions {
    /// With fresh weights drawn from a seed.
    pub fn with_seed(&self, seed: u64) -> Perturb {
        Perturb { shrink: self.shrink, noise: self.noise, seed }
    }
}

fn shrink(text: &str) -> Result<f64, String> {
    number(text, |v| v > 0.0 && v <= 1.0, "above 0 and up to 1")
}

fn noise(text: &str) -> Result<f64, String> {
    number(text, |v| (0.0..=1.0).contains(&v), "from 0 to 1")
}

/// What is left of weights that training goes on from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Perturb {
    /// What the weights are multiplied by, above 0 to 1.
    pub shrink: f64,
    /// What fresh weights are multiplied by before they are added, 0 to 1.
    pub noise: f64,
    /// Decides the fresh weights.
    pub seed: u64,
}

impl Perturb {
    /// The weights as they are.
    pub const NOT: Self = Self { shrink: 1.0, noise: 0.0, seed: 0 };

    /// Whether the weights stay as they are.
    pub fn is_off(&self) -> bool {
        self.shrink == 1.0 && self.noise == 0.0
    }

    /// Changes what learns of a network; `fresh` has the same layers. The running figures of norms stay.
    pub fn apply(&self, network: Network, fresh: &Network) -> Network {
        network.map(&mut Changing { fresh: tensors::of(fresh).into_iter(), how: *self })
    }
}

struct Changing {
    fresh: std::vec::IntoIter<BridgeTensor>,
    how: Perturb,
}

impl ModuleMapper for Changing {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, old, mapper) = param.consume();
        let learns = old.is_require_grad();
        // Both networks are visited in the same order.
        let value = match self.fresh.next().map(Tensor::<D>::from_bridge) {
            Some(fresh) if learns => {
                let mixed = old.detach().mul_scalar(self.how.shrink) + fresh.mul_scalar(self.how.noise);
                mixed.detach().require_grad()
            }
            _ => old,
        };
        Param::from_mapped_value(id, value, mapper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Shape, find};
    use burn::tensor::Device;

    #[test]
    fn what_learns_is_shrunk_and_gets_noise_and_the_rest_stays() {
        let device = Device::flex().autodiff();
        let network =
            |seed| find("resnet18").unwrap().network(Shape { classes: 2, size_px: 32 }, seed, &device).unwrap();
        let values = |network: &Network| {
            let classifier = network.classifier().weight.val().into_data().try_to_vec::<f32>().unwrap()[0];
            (tensors::of(network).len(), classifier)
        };
        let (old, fresh) = (network(1), network(2));
        let how = Perturb { shrink: 0.6, noise: 0.1, seed: 2 };
        let changed = how.apply(old.clone(), &fresh);
        let ((count, a), (_, b), (same, c)) = (values(&old), values(&fresh), values(&changed));
        assert!((0.6 * a + 0.1 * b - c).abs() < 1e-6 && count == same, "{a} {b} {c}");
        assert!(changed.classifier().weight.val().is_require_grad(), "it learns on");
        assert!(Perturb::NOT.is_off() && !how.is_off());
    }
}
