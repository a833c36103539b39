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

fn images(device: &Device) -> Tensor<4> {
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
    let loss = network.forward(images(&device.clone().autodiff())).powf_scalar(2.0).sum();
    let gradients = burn::optim::GradientsParams::from_grads(loss.backward(), &network);
    let parameters = network.graph().weights().iter().filter(|w| w.trainable).count();
    assert_eq!(gradients.len(), parameters, "every weight has a gradient");
    let network = network.valid();
    let answer = || network.forward(images(&device)).into_data();
    assert_eq!(answer(), answer());
}

#[test]
fn what_is_computed_is_what_is_written() {
    let device = Device::flex();
    let network = network(EVERYTHING, &device);
    let x = images(&device);
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
    let found = network.forward(images(&device)).into_data();
    found.assert_approx_eq::<f32>(&x.into_data(), Tolerance::absolute(1e-5));
}

/// Blocks with weights of other layouts, padding, and values that are taken up again.
const OTHERS: &str = "
blocks:
  - {convolution: 8, kernel: 3, stride: 4, name: a}
  - {store: first}
  - {group-normalization: 2, epsilon: 0.01, name: b}
  - {prelu, name: c}
  - {pad: [0, 1, 2, 0], value: 3}
  - {max-pooling: 2, stride: 1}
  - {store: second}
  - {from: first}
  - {pad: [0, 0, 0, 1]}
  - {prelu, shared: true, name: d}
  - {multiply: [[], [{from: second}, {average-pooling: [height, width]}]]}
  - {affine: 6, bias: false, name: e}
  - {group-normalization: 1, name: f}
  - {affine: classes, name: g}
";

#[test]
fn other_blocks_are_what_they_say() {
    let device = Device::flex();
    let mut network = network(OTHERS, &device);
    for (place, slopes) in network.slopes.iter_mut().enumerate() {
        let count = slopes.layer.weight.dims()[0];
        let values: Vec<f32> = (0..count).map(|i| 0.1 * (i + place + 1) as f32).collect();
        slopes.layer.weight = Param::from_tensor(Tensor::<1>::from_floats(&values[..], &device));
    }
    for norm in &mut network.group_norms {
        let count = norm.layer.weight.dims()[0];
        let values = |from: f32| (0..count).map(|i| from + 0.2 * i as f32).collect::<Vec<f32>>();
        norm.layer.weight = Param::from_tensor(Tensor::<1>::from_floats(&values(0.5)[..], &device));
        norm.layer.bias = Param::from_tensor(Tensor::<1>::from_floats(&values(-0.3)[..], &device));
    }
    let found = network.forward(images(&device)).try_into_vec_as::<f32>().unwrap();

    // The same number by number, in 64 bits.
    let first = network.convolutions[0].layer.forward(images(&device));
    assert_eq!(first.dims(), [2, 8, 4, 4]);
    let first: Vec<f64> = first.try_into_vec_as::<f32>().unwrap().into_iter().map(f64::from).collect();
    let normalised = |x: &[f64], groups: usize, epsilon: f64| -> Vec<f64> {
        let size = x.len() / groups;
        let channels = if groups == 2 { 8 } else { 6 };
        let one = |(i, value): (usize, &f64)| {
            let group = &x[i / size * size..][..size];
            let mean = group.iter().sum::<f64>() / size as f64;
            let variance = group.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / size as f64;
            let channel = (i * channels / x.len()) as f64;
            (value - mean) / (variance + epsilon).sqrt() * (0.5 + 0.2 * channel) - 0.3 + 0.2 * channel
        };
        x.iter().enumerate().map(one).collect()
    };
    let numbers = |tensor: Tensor<2>| -> Vec<f64> {
        tensor.try_into_vec_as::<f32>().unwrap().into_iter().map(f64::from).collect()
    };
    let (hidden, last) = (numbers(network.affines[0].layer.weight.val()), numbers(network.classifier().weight.val()));
    assert!(network.affines[0].layer.bias.is_none());
    let bias = network.classifier().bias.as_ref().unwrap().val().try_into_vec_as::<f32>().unwrap();
    for image in 0..2 {
        let first = &first[image * 128..][..128];
        let at = |channel: usize, row: usize, column: usize| channel * 16 + row * 4 + column;
        let slopes = |x: f64, slope: f64| if x > 0.0 { x } else { slope * x };
        let normal = normalised(first, 2, 0.01);
        // 8 maps of 5 rows and 6 columns, the last row and the first two columns of 3s.
        let padded = |channel: usize, row: usize, column: usize| {
            if row == 4 || column < 2 {
                return 3.0;
            }
            slopes(normal[at(channel, row, column - 2)], 0.1 * (channel + 1) as f64)
        };
        let mut flat = Vec::new();
        for channel in 0..8 {
            let mut sum = 0.0;
            for row in 0..4 {
                for column in 0..5 {
                    let window = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(y, x)| padded(channel, row + y, column + x));
                    sum += window.into_iter().fold(f64::MIN, f64::max);
                }
            }
            for row in 0..4 {
                for column in 0..5 {
                    let value = if column == 4 { 0.0 } else { first[at(channel, row, column)] };
                    flat.push(slopes(value, 0.2) * sum / 20.0);
                }
            }
        }
        let affine = |x: &[f64], weights: &[f64]| -> Vec<f64> {
            weights.chunks_exact(x.len()).map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum()).collect()
        };
        let expected = affine(&normalised(&affine(&flat, &hidden), 1, 1e-5), &last);
        for (class, value) in expected.iter().enumerate() {
            let expected = value + f64::from(bias[class]);
            let found = f64::from(found[image * 3 + class]);
            assert!((found - expected).abs() < 1e-4, "{image} {class}: {found} {expected}");
        }
    }
    // Both learn, with a gradient of every weight.
    let device = device.autodiff();
    let network = self::network(OTHERS, &device);
    let loss = network.forward(images(&device)).powf_scalar(2.0).sum();
    let gradients = burn::optim::GradientsParams::from_grads(loss.backward(), &network);
    assert_eq!(gradients.len(), network.graph().weights().len());
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
    let shape = Shape { classes: 2, size_px: 32 };
    let shipped = crate::network::names().into_iter().map(|name| find(name).unwrap());
    for architecture in shipped.chain([Architecture::of("others", Some(OTHERS)).unwrap()]) {
        let name = architecture.name();
        let network = architecture.network(shape, 1, &Device::flex()).unwrap();
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
