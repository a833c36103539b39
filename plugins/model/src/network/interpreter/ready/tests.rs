//! What is ready gives what the network gives.

use super::*;
use crate::device;
use crate::device::DeviceChoice;
use crate::network::{Architecture, Shape, find, names};
use burn::tensor::{Device, TensorData};

const SIDE: usize = 48;

fn images(device: &Device) -> Tensor<4> {
    let values: Vec<f32> = (0..3 * 3 * SIDE * SIDE).map(|i| ((i * 37 % 101) as f32 - 50.0) / 25.0).collect();
    Tensor::from_data(TensorData::new(values, [3, 3, SIDE, SIDE]), device)
}

/// A network whose running figures are not those of a fresh one.
fn trained(architecture: &Architecture, device: &Device) -> Network {
    let shape = Shape { classes: 3, size_px: SIDE as u32 };
    let network = architecture.network(shape, 1, device).unwrap();
    for (place, norm) in network.norms.iter().enumerate() {
        let vary = |old: &burn::module::RunningState<Tensor<1>>, from: f32| {
            let channels = old.value_sync().dims()[0];
            let values: Vec<f32> = (0..channels).map(|i| from + ((i * 7 + place) % 11) as f32 / 20.0).collect();
            old.update(Tensor::from_data(TensorData::new(values, [channels]), device));
        };
        vary(&norm.layer.running_mean, -0.25);
        vary(&norm.layer.running_var, 0.75);
    }
    network
}

/// The largest difference, as a share of the largest number.
fn apart(a: Tensor<2>, b: Tensor<2>) -> f32 {
    let read = |t: Tensor<2>| t.into_data().try_to_vec::<f32>().unwrap();
    let (a, b) = (read(a), read(b));
    let most = a.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / most
}

fn logits(ready: &Ready, x: Tensor<4>) -> Tensor<2> {
    ready.network().classifier().forward(ready.features(x))
}

fn devices() -> Vec<device::Opened> {
    let names = device::available();
    names.iter().filter(|n| !n.contains("cuda")).map(|n| n.parse::<DeviceChoice>().unwrap().open().unwrap()).collect()
}

#[test]
fn every_architecture_gives_the_same_on_every_device() {
    for opened in devices() {
        for name in names() {
            let network = trained(&find(name).unwrap(), &opened.device);
            let x = images(&opened.device);
            let ready = Ready::new(network.clone(), Precision::Fp32);
            let found = apart(network.features(x.clone()), ready.features(x.clone()));
            assert!(found < 1e-5, "{name} on {}: {found}", opened.name);
            if opened.is_libtorch() {
                let found = apart(network.features(x.clone()), Ready::new(network, Precision::Bf16).features(x));
                // The processor decides where sums are rounded to 8 bits: 0.053 in Lite2 with AVX2 alone, 0.05 with AVX-512.
                assert!(found > 0.0 && found < 0.1, "{name} in bf16: {found}");
            }
        }
    }
}

/// Sums of one value twice, and of values others read too; activations that cannot join; a convolution
/// whose padding is not the same at each side; a norm without a convolution.
const AWKWARD: &str = "
blocks:
  - {convolution: 8, kernel: 3, stride: 2, padding: same, name: a}
  - residual: [{convolution: 8, kernel: 3, padding: same, name: b}, {batch-normalization, name: c}]
  - relu6
  - residual: [{convolution: 8, kernel: 1, name: d}, relu]
  - residual: []
  - {residual: [{convolution: 6, kernel: 3, padding: same, name: f}], shortcut: [{convolution: 6, kernel: 1, name: g}]}
  - relu
  - concatenation: [[], [{convolution: 2, kernel: 1, name: h}, tanh]]
  - {batch-normalization, name: i}
  - {convolution: 4, kernel: 4, stride: 3, padding: same, name: j}
  - gelu
  - flatten
  - {affine: 6, name: k}
  - {batch-normalization, name: l}
  - relu
  - {affine: classes, name: m}
";

#[test]
fn what_cannot_be_computed_together_is_computed_apart() {
    for opened in devices() {
        let network = trained(&Architecture::of("awkward", Some(AWKWARD)).unwrap(), &opened.device);
        let x = images(&opened.device);
        let ready = Ready::new(network.clone(), Precision::Fp32);
        let found = apart(network.forward(x.clone()), logits(&ready, x.clone()));
        assert!(found < 1e-5, "{}: {found}", opened.name);
        if opened.is_libtorch() {
            let found = apart(network.forward(x.clone()), logits(&Ready::new(network, Precision::Bf16), x));
            assert!(found > 0.0 && found < 0.05, "{found}");
        }
    }
}

/// A ResNet's blocks are two convolutions each, and nothing else is left between them.
#[test]
fn sums_and_activations_join_their_convolutions() {
    let network = trained(&find("resnet18").unwrap(), &Device::flex());
    let ready = Ready::new(network, Precision::Fp32);
    let joints: Vec<&Joint> = ready
        .turns
        .iter()
        .filter_map(|turn| match turn {
            Turn::Joint { joint, .. } => Some(&**joint),
            Turn::AsPlanned(_) => None,
        })
        .collect();
    let count = |then| joints.iter().filter(|joint| joint.then() == then).count();
    assert_eq!((count(Then::SumAndRelu), count(Then::Relu), count(Then::Nothing)), (8, 9, 3));
    // The pooling after the first convolution, and the mean over the last map.
    assert_eq!(ready.turns.len() - joints.len(), 2);
}

/// An image among others is the image alone, to the last bit, in whatever order larger and smaller batches come.
#[test]
fn company_changes_nothing() {
    for opened in devices() {
        let network = trained(&find("efficientnet-lite0").unwrap(), &opened.device);
        let ready = Ready::new(network, Precision::fastest(&opened));
        let x = images(&opened.device);
        let alone = ready.features(x.clone().narrow(0, 1, 1)).into_data();
        for among in [2, 3, 2] {
            let together = ready.features(x.clone().narrow(0, 0, among)).narrow(0, 1, 1);
            assert_eq!(together.into_data(), alone, "one of {among} on {}", opened.name);
        }
    }
}

/// They have kernels for all of their steps, and a batch gives what its tensor gives. LibTorch keeps what it is faster with.
#[test]
fn shipped_networks_keep_channels_last() {
    let device = Device::flex();
    for name in ["efficientnet-lite0", "resnet18", "small-cnn"] {
        let ready = Ready::new(trained(&find(name).unwrap(), &device), Precision::Fp32);
        assert!(ready.channels_last.is_some(), "{name}");
        let pixels = (0..2 * SIDE * SIDE * 3).map(|i| (i * 37 % 251) as u8).collect();
        let batch = Batch { size_px: SIDE as u32, pixels, targets: vec![Vec::new(); 2], weights: vec![1.0; 2] };
        let input = ready.network().input(&batch, &device).unwrap();
        let found = apart(ready.network().features(input), ready.features_of(&batch, &device).unwrap());
        assert!(found < 1e-5, "{name}: {found}");
        assert!(matches!(ready.features_of(&Batch::default(), &device), Err(ModelError::EmptyBatch)));
    }
    #[cfg(feature = "libtorch")]
    for (name, wanted) in [("efficientnet-lite0", true), ("resnet18", false)] {
        let device = DeviceChoice::Libtorch.open().unwrap().device;
        let ready = |precision| Ready::new(trained(&find(name).unwrap(), &device), precision);
        assert_eq!(ready(Precision::Fp32).channels_last.is_some(), wanted, "{name}");
        assert!(ready(Precision::Bf16).channels_last.is_none(), "{name}");
    }
    let awkward = trained(&Architecture::of("awkward", Some(AWKWARD)).unwrap(), &device);
    assert!(Ready::new(awkward, Precision::Fp32).channels_last.is_none());
}
