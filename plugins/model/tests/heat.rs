//! Where a network says it looked is where the thing is: a patch planted in noise.
#![cfg(test)]

use clap::Parser as _;
use plugin_api::runs::ModelCard;
use plugin_api::{Labels, fixture};
use plugin_model::network::{Architecture, Shape};
use plugin_model::{Batch, DeviceChoice, Network, Precision, Predictor, Start, Task, Trainer, TrainerOptions, weights};
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64Mcg;

const SIZE: usize = 32;
const PATCH: usize = 8;

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    options: TrainerOptions,
}

/// Grey noise; half of the images have a red patch somewhere, the other half a green one. Also where: left and top.
fn images(count: usize, seed: u64) -> (Batch, Vec<(usize, usize)>) {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let mut batch = Batch { size_px: SIZE as u32, weights: vec![1.0; count], ..Batch::default() };
    let mut places = Vec::new();
    for image in 0..count {
        let (left, top) = (random.random_range(0..=SIZE - PATCH), random.random_range(0..=SIZE - PATCH));
        for y in 0..SIZE {
            for x in 0..SIZE {
                let noise = random.random_range(60..190_u8);
                let inside = (left..left + PATCH).contains(&x) && (top..top + PATCH).contains(&y);
                batch.pixels.extend(match (inside, image % 2) {
                    (false, _) => [noise; 3],
                    (true, 0) => [230, noise / 4, noise / 4],
                    (true, _) => [noise / 4, 230, noise / 4],
                });
            }
        }
        batch.targets.push(vec![(image % 2) as u32]);
        places.push((left, top));
    }
    (batch, places)
}

fn one(batch: &Batch, image: usize) -> Batch {
    let bytes = SIZE * SIZE * 3;
    Batch {
        size_px: batch.size_px,
        pixels: batch.pixels[image * bytes..(image + 1) * bytes].to_vec(),
        targets: vec![batch.targets[image].clone()],
        weights: vec![1.0],
    }
}

/// A network that was trained to tell red from green, from its files.
fn trained(name: &str, blocks: Option<&str>, folder: &std::path::Path) -> Predictor {
    let flex = DeviceChoice::Flex.open().unwrap();
    let classes = ["red", "green"].map(str::to_owned).to_vec();
    let task = Task {
        architecture: name.to_owned(),
        definition: blocks.map(str::to_owned),
        classes: classes.clone(),
        labels: Labels::Single,
        size_px: SIZE as u32,
        epochs: 40,
        freeze_epochs: 0,
        seed: 3,
    };
    let options = Line::try_parse_from(["x", "--learning-rate", "0.003"]).unwrap().options;
    let mut trainer = Trainer::new(&task, &options, Start::Scratch, &flex).unwrap();
    for step in 0..40 {
        trainer.train_step(&images(32, 100 + step).0, step as f64).unwrap();
    }
    let path = folder.join(format!("{name}.safetensors"));
    let digest = trainer.save(&path).unwrap();
    let card = ModelCard {
        architecture: name.to_owned(),
        definition: blocks.map(str::to_owned),
        size_px: SIZE as u32,
        classes,
        digest,
        ..fixture::card("one", &[])
    };
    Predictor::load(&path, card, &flex, Precision::Fp32).unwrap()
}

const MEAN: &str = "blocks:
  - {convolution: 8, kernel: 3, padding: 1, bias: false, name: conv1}
  - {batch-normalization, name: norm1}
  - relu
  - {max-pooling: 2}
  - {convolution: 16, kernel: 3, padding: 1, name: conv2}
  - relu
  - global-average-pooling
  - {dropout: 0.2}
  - {affine: classes, name: fc}";

#[test]
fn the_heat_is_where_the_patch_is() {
    let folder = tempfile::tempdir().unwrap();
    for (name, blocks, least) in [("mean", Some(MEAN), 38), ("small-cnn", None, 34)] {
        let predictor = trained(name, blocks, folder.path());
        let (batch, places) = images(40, 7);
        let right = predictor
            .predict(&batch)
            .unwrap()
            .iter()
            .zip(&batch.targets)
            .filter(|(p, t)| (p[1] > p[0]) == (t[0] == 1))
            .count();
        assert!(right >= 38, "{name} was not trained: {right} of 40");
        let mut near_the_patch = 0;
        for (image, (left, top)) in places.iter().enumerate() {
            let class = batch.targets[image][0] as usize;
            let heat = predictor.heat(&one(&batch, image), class).unwrap();
            assert_eq!(heat.values.len(), heat.width * heat.height);
            assert!(heat.width > 1 && heat.values.iter().all(|value| (0.0..=1.0).contains(value)));
            let hottest = (0..heat.values.len()).max_by(|a, b| heat.values[*a].total_cmp(&heat.values[*b])).unwrap();
            let cell = SIZE / heat.width;
            let middle = |at: usize| at * cell + cell / 2;
            let near = |at: usize, from: usize| (from.saturating_sub(cell)..from + PATCH + cell).contains(&at);
            near_the_patch +=
                usize::from(near(middle(hottest % heat.width), *left) && near(middle(hottest / heat.width), *top));
        }
        assert!(near_the_patch >= least, "{name}: {near_the_patch} of 40 within a cell of the patch");
    }
}

/// By Selvaraju and others, section 3.1: with a mean over the map and one affine layer, a channel's weight is that of the
/// layer over the number of pixels.
#[test]
fn of_a_mean_and_one_layer_it_is_the_class_activation_map() {
    let folder = tempfile::tempdir().unwrap();
    let predictor = trained("mean", Some(MEAN), folder.path());
    let (batch, _) = images(2, 11);
    let image = one(&batch, 1);
    let heat = predictor.heat(&image, 1).unwrap();
    // The map itself: the same network, cut off before its mean, with the weights of the file.
    let cut = MEAN.replace("  - global-average-pooling\n", "").replace("  - {dropout: 0.2}\n", "");
    let flex = DeviceChoice::Flex.open().unwrap();
    let architecture = Architecture::of("cut", Some(&cut)).unwrap();
    let network: Network = architecture.network(Shape { classes: 1, size_px: SIZE as u32 }, 0, &flex.device).unwrap();
    let path = folder.path().join("mean.safetensors");
    let (network, _) = weights::load_features(network, &path, None).unwrap();
    let map = network.features(network.input(&image, &flex.device).unwrap()).into_data().try_to_vec::<f32>().unwrap();
    let whole = Architecture::of("mean", Some(MEAN)).unwrap();
    let whole = whole.network(Shape { classes: 2, size_px: SIZE as u32 }, 0, &flex.device).unwrap();
    let whole = weights::load(whole, &path, None).unwrap();
    let rows = whole.classifier().weight.val().into_data().try_to_vec::<f32>().unwrap();
    let pixels = heat.values.len();
    let mut sums: Vec<f32> = vec![0.0; pixels];
    for channel in 0..16 {
        for pixel in 0..pixels {
            sums[pixel] += rows[16 + channel] * map[channel * pixels + pixel];
        }
    }
    let most = sums.iter().copied().fold(0.0, f32::max);
    for (ours, sum) in heat.values.iter().zip(sums) {
        assert!((ours - (sum / most).max(0.0)).abs() < 1e-4, "{ours} is not {}", sum / most);
    }
}

#[test]
fn every_network_that_comes_with_the_program_can_be_asked() {
    let folder = tempfile::tempdir().unwrap();
    let flex = DeviceChoice::Flex.open().unwrap();
    for name in plugin_model::network::names() {
        let architecture = plugin_model::network::find(name).unwrap();
        let network = architecture.network(Shape { classes: 3, size_px: 64 }, 1, &flex.device).unwrap();
        let path = folder.path().join("m.safetensors");
        let digest = weights::save(&network, &path).unwrap();
        let architecture = name.to_owned();
        let card = ModelCard { architecture, size_px: 64, digest, ..fixture::card("one", &["a", "b", "c"]) };
        let predictor = Predictor::load(&path, card, &flex, Precision::Fp32).unwrap();
        let pixels: Vec<u8> = (0..64 * 64 * 3).map(|i| (i * 7 % 251) as u8).collect();
        let batch = Batch { size_px: 64, pixels, targets: vec![vec![]], weights: vec![1.0] };
        let heat = predictor.heat(&batch, 2).unwrap();
        assert!(heat.width > 1 && heat.values.iter().all(|value| value.is_finite()), "{name}");
        assert!(predictor.heat(&batch, 3).is_err());
    }
}
