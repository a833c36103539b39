//! The interpreter against layers by hand.

use super::*;
use crate::network::{Shape, find};
use burn::module::Param;
use burn::tensor::Tolerance;
use burn::tensor::activation::{gelu, leaky_relu, relu, sigmoid, tanh};
use burn::tensor::module::{avg_pool2d, max_pool2d};
use burn::tensor::ops::{AvgPoolOptions, MaxPoolOptions};

fn network(text: &str, device: &Device) -> Network {
    let architecture = Architecture::of("test", Some(text)).unwrap();
    architecture.network(Shape { classes: 3, size_px: 16 }, 1, device).unwrap()
}

fn pictures(device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..2 * 3 * 16 * 16).map(|i| ((i * 37 % 101) as f32 - 50.0) / 25.0).collect();
    Tensor::from_data(burn::tensor::TensorData::new(values, [2, 3, 16, 16]), device)
}

/// Every block, and values that are read more than once.
const EVERYTHING: &str = "
blocks:
  - {convolution: 8, kernel: 3, padding: 2, dilation: 2, name: a}
  - {batch-normalization, name: b}
  - {leaky-relu: 0.2}
  - residual: [{convolution: 8, kernel: 3, padding: same, groups: 4, bias: false, name: c}, {batch-normalization, name: d}, gelu]
  - concatenation: [[], [{average-pooling: 3, stride: 1, padding: 1}], [{convolution: 2, kernel: 1, name: e}, sigmoid]]
  - {max-pooling: 3, stride: 2, padding: 1}
  - {residual: [tanh], shortcut: [relu6]}
  - flatten
  - {dropout: 0.5}
  - {affine: 6, name: f}
  - {batch-normalization, name: g}
  - relu
  - {affine: classes, name: h}
";

#[test]
fn every_block_learns_and_answers_the_same_on_a_second_look() {
    let device = Device::flex();
    let network = network(EVERYTHING, &device.clone().autodiff());
    let loss = network.forward(pictures(&device.clone().autodiff())).powf_scalar(2.0).sum();
    let gradients = burn::optim::GradientsParams::from_grads(loss.backward(), &network);
    let parameters = network.graph().weights().iter().filter(|w| w.learnt).count();
    assert_eq!(gradients.len(), parameters, "every weight has a gradient");
    let network = network.valid();
    let answer = || network.forward(pictures(&device)).into_data();
    assert_eq!(answer(), answer());
}

#[test]
fn what_is_computed_is_what_is_written() {
    let device = Device::flex();
    let network = network(EVERYTHING, &device);
    let x = pictures(&device);
    let layer = |name: &str| network.convolutions.iter().find(|l| l.name == name).unwrap().layer.clone();
    let norm = |name: &str| network.norms.iter().find(|l| l.name == name).unwrap().layer.clone();
    let x = leaky_relu(norm("b").forward(layer("a").forward(x)), 0.2);
    let x = gelu(norm("d").forward(layer("c").forward(x.clone()))) + x;
    let mean = avg_pool2d(x.clone(), AvgPoolOptions::new([3, 3]).with_stride([1, 1]).with_padding([1, 1]));
    let x = Tensor::cat(vec![x.clone(), mean, sigmoid(layer("e").forward(x))], 1);
    let x = max_pool2d(x, MaxPoolOptions::new([3, 3]).with_stride([2, 2]).with_padding([1, 1]));
    let x = tanh(x.clone()) + x.clamp(0.0, 6.0);
    assert_eq!(x.dims(), [2, 18, 8, 8]);
    let x = network.affines[0].layer.forward(x.flatten(1, 3)).reshape([2, 6, 1, 1]);
    let x = network.classifier().forward(relu(norm("g").forward(x)).flatten(1, 3));
    let found = network.forward(pictures(&device)).into_data();
    found.assert_approx_eq::<f32>(&x.into_data(), Tolerance::absolute(1e-5));
}

#[test]
fn weights_are_called_as_the_graph_says() {
    struct Names(Vec<String>, Vec<String>);
    impl ModuleVisitor for Names {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.0.push(name.to_owned());
        }
        fn exit_module(&mut self, _: &str, _: &str) {
            self.0.pop();
        }
        fn visit_float<const D: usize>(&mut self, _: &Param<Tensor<D>>) {
            self.1.push(self.0.join("."));
        }
    }
    for name in crate::network::names() {
        let network = find(name).unwrap().network(Shape { classes: 2, size_px: 32 }, 1, &Device::flex()).unwrap();
        let mut names = Names(Vec::new(), Vec::new());
        network.visit(&mut names);
        let expected = network.graph().weights();
        let mut expected: Vec<String> = expected.into_iter().map(|w| w.name).collect();
        names.1.sort();
        expected.sort();
        assert_eq!(names.1, expected, "{name}");
    }
}

/// The first number of the first layer and of the last.
const DRAWN: [(&str, f32, f32); 3] = [
    ("small-cnn", -0.107_001_57, 0.020_374_108),
    ("resnet18", -0.038_214_847, 0.037_285_447),
    ("efficientnet-lite0", -0.126_102_57, -0.026_286_623),
];

/// What networks of seed 7 began with when they were written by hand in Rust, before there were files of blocks.
#[test]
fn equal_seeds_still_draw_what_they_drew() {
    for (name, weight, expected) in DRAWN {
        let network = find(name).unwrap().network(Shape { classes: 3, size_px: 32 }, 7, &Device::flex()).unwrap();
        let values = network.classifier().weight.val().into_data().try_to_vec::<f32>().unwrap();
        let first = network.convolutions[0].layer.weight.val().into_data().try_to_vec::<f32>().unwrap();
        assert_eq!((first[0], values[0]), (weight, expected), "{name}");
    }
}
