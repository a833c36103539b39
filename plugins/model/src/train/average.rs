//! The running mean of the weights, which often does better than the weights of the last step.
//!
//! Polyak and Juditsky 1992; with a decay that rises at first, as TensorFlow's `ExponentialMovingAverage` has it, so that
//! the first weights are soon forgotten. The running figures of batch normalisation are averaged alike.

use crate::network::interpreter::Network;
use crate::network::tensors;
use burn::module::{Module, ModuleMapper, Param};
use burn::tensor::Tensor;
use burn::tensor::kind::BridgeTensor;

/// A network whose weights are the running mean of another's.
pub struct Average {
    network: Network,
    decay: f64,
    updates: u64,
}

impl Average {
    /// Begins with these weights, on a device without autodiff.
    pub fn new(network: &Network, decay: f64) -> Self {
        Self { network: copy(network), decay, updates: 0 }
    }

    /// Goes on with these weights, after so many updates.
    pub fn restore(&mut self, network: &Network, updates: u64) {
        self.network = copy(network);
        self.updates = updates;
    }

    /// Takes the weights as they are now in.
    pub fn add(&mut self, network: &Network) {
        let n = self.updates as f64;
        let keep = self.decay.min((1.0 + n) / (10.0 + n));
        self.updates += 1;
        let new = tensors::of(network).into_iter();
        self.network = self.network.clone().map(&mut Blending { new, share: 1.0 - keep });
    }

    /// The network of the mean.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// How often [`Self::add`] was called.
    pub fn updates(&self) -> u64 {
        self.updates
    }
}

/// The same weights in memory of their own.
pub fn copy(network: &Network) -> Network {
    network.clone().map(&mut Copy)
}

/// New memory for each tensor.
struct Copy;

impl ModuleMapper for Copy {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, tensor, mapper) = param.consume();
        Param::from_mapped_value(id, tensor.mul_scalar(1.0), mapper)
    }
}

struct Blending {
    new: std::vec::IntoIter<BridgeTensor>,
    share: f64,
}

impl ModuleMapper for Blending {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let (id, old, mapper) = param.consume();
        // Both networks are visited in the same order.
        let blended = match self.new.next().map(Tensor::<D>::from_bridge) {
            Some(new) => old.clone() + (new - old).mul_scalar(self.share),
            None => old,
        };
        Param::from_mapped_value(id, blended, mapper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Shape, find};
    use burn::tensor::Device;

    fn network(seed: u64) -> Network {
        find("resnet18").unwrap().network(Shape { classes: 2, size_px: 32 }, seed, &Device::flex()).unwrap()
    }

    fn weight(network: &Network) -> f64 {
        f64::from(network.classifier().weight.val().into_data().try_to_vec::<f32>().unwrap()[0])
    }

    #[test]
    fn it_is_the_running_mean_with_a_decay_that_rises() {
        let (first, second) = (network(1), network(2));
        let (a, b) = (weight(&first), weight(&second));
        let mut average = Average::new(&first, 0.15);
        average.add(&second);
        let once = 0.1 * a + 0.9 * b;
        assert!((weight(average.network()) - once).abs() < 1e-6, "the first step keeps a tenth");
        average.add(&second);
        let twice = 0.15 * once + 0.85 * b;
        assert!((weight(average.network()) - twice).abs() < 1e-6, "the second would keep 2/11, and 0.15 is less");
        assert_eq!(average.updates(), 2);
    }
}
