//! `resnet18`: He et al., Deep Residual Learning for Image Recognition, 2015 (arXiv 1512.03385), as torchvision lays it
//! out. The fields are called as torchvision's, so weights go both ways without renaming.

use crate::init::Init;
use crate::input::IMAGENET;
use crate::layers::{BatchNorm2d, Linear, conv};
use crate::network::{Architecture, Network, Shape};
use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use burn::tensor::module::max_pool2d;
use burn::tensor::ops::MaxPoolOptions;

/// The entry in the registry.
pub const ENTRY: Architecture = Architecture {
    name: "resnet18",
    about: "18 layers with residual connections and batch normalisation, torchvision's layout",
    sizes_px: (16, 1024),
    input: IMAGENET,
    classifier: "fc",
    build: |init, shape| Network::Resnet18(Resnet18::new(init, shape)),
};

/// Two convolutions beside a shortcut.
#[derive(Module, Debug)]
struct BasicBlock {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    conv2: Conv2d,
    bn2: BatchNorm2d,
    downsample: Option<(Conv2d, BatchNorm2d)>,
}

impl BasicBlock {
    fn new(init: &mut Init<'_>, from: usize, to: usize, stride: usize) -> Self {
        Self {
            conv1: conv(init, [from, to], 3, stride, 1, false),
            bn1: BatchNorm2d::new(init, to),
            conv2: conv(init, [to, to], 3, 1, 1, false),
            bn2: BatchNorm2d::new(init, to),
            downsample: (from != to || stride != 1)
                .then(|| (conv(init, [from, to], 1, stride, 0, false), BatchNorm2d::new(init, to))),
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let y = relu(self.bn1.forward(self.conv1.forward(x.clone())));
        let y = self.bn2.forward(self.conv2.forward(y));
        let shortcut = match &self.downsample {
            Some((conv, bn)) => bn.forward(conv.forward(x)),
            None => x,
        };
        relu(y + shortcut)
    }
}

/// ResNet-18.
#[derive(Module, Debug)]
pub struct Resnet18 {
    conv1: Conv2d,
    bn1: BatchNorm2d,
    layer1: Vec<BasicBlock>,
    layer2: Vec<BasicBlock>,
    layer3: Vec<BasicBlock>,
    layer4: Vec<BasicBlock>,
    /// The classifier.
    pub fc: Linear,
}

impl Resnet18 {
    /// Draws first weights.
    pub fn new(init: &mut Init<'_>, shape: Shape) -> Self {
        let layer = |init: &mut Init<'_>, from, to, stride| {
            vec![BasicBlock::new(init, from, to, stride), BasicBlock::new(init, to, to, 1)]
        };
        Self {
            conv1: conv(init, [3, 64], 7, 2, 3, false),
            bn1: BatchNorm2d::new(init, 64),
            layer1: layer(init, 64, 64, 1),
            layer2: layer(init, 64, 128, 2),
            layer3: layer(init, 128, 256, 2),
            layer4: layer(init, 256, 512, 2),
            fc: Linear::new(init, 512, shape.classes),
        }
    }

    /// `[pictures, 3, size, size]` to `[pictures, 512]`.
    pub fn features(&self, x: Tensor<4>) -> Tensor<2> {
        let x = relu(self.bn1.forward(self.conv1.forward(x)));
        let mut x = max_pool2d(x, MaxPoolOptions::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]));
        for block in [&self.layer1, &self.layer2, &self.layer3, &self.layer4].into_iter().flatten() {
            x = block.forward(x);
        }
        // Mean over what is left of height and width.
        x.flatten::<3>(2, 3).mean_dim(2).squeeze_dim(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    /// torchvision.models.resnet18(): 11,689,512 parameters.
    #[test]
    fn it_has_torchvisions_parameters() {
        let device = Device::flex();
        let network = Resnet18::new(&mut Init::new(1, &device), Shape { classes: 1000, size_px: 224 });
        // burn counts the running figures of batch normalisation too: 2 for each of the 4,800 channels.
        assert_eq!(network.num_params() - 2 * 4800, 11_689_512);
    }
}
