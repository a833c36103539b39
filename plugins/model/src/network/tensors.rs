//! Every tensor of a network, in its order: weights, and the running figures of norms.

use crate::network::interpreter::Network;
use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::Tensor;
use burn::tensor::kind::BridgeTensor;

/// All of them, without their place in a tape.
pub(crate) fn of(network: &Network) -> Vec<BridgeTensor> {
    let mut all = Collecting(Vec::new());
    network.visit(&mut all);
    all.0
}

struct Collecting(Vec<BridgeTensor>);

impl ModuleVisitor for Collecting {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        self.0.push(param.val().detach().into_bridge());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Shape, find};
    use burn::tensor::Device;

    #[test]
    fn the_running_figures_of_norms_are_among_them() {
        let shape = Shape { classes: 2, size_px: 32 };
        let network = find("resnet18").unwrap().network(shape, 1, &Device::flex()).unwrap();
        // 20 convolutions, 20 norms of four, one affine layer of two.
        assert_eq!(of(&network).len(), 20 + 80 + 2);
    }
}
