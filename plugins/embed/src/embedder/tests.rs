//! Pretrained weights, champions, and what is said when they are not there.

use super::*;
use plugin_model::{DeviceChoice, PrecisionChoice, Shape, network, weights};
use std::path::{Path, PathBuf};

fn workspace() -> (tempfile::TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(folder.path()).unwrap();
    (folder, workspace)
}

fn options(network: NetworkChoice, weights: &Path) -> EmbedOptions {
    let mode = ResizeMode::Stretch;
    let (weights, precision) = (weights.to_owned(), PrecisionChoice::Auto);
    EmbedOptions { network, weights, device: DeviceChoice::Flex, precision, mode, size_px: 224 }
}

fn make_champion(workspace: &Workspace, architecture: &str, size_px: u32, seed: u64) {
    let folder = workspace.models().join(format!("run{seed}"));
    std::fs::create_dir_all(&folder).unwrap();
    let device = DeviceChoice::Flex.open().unwrap().device;
    let shape = Shape { classes: 3, size_px };
    let network = network::find(architecture).unwrap().network(shape, seed, &device).unwrap();
    let card = ModelCard {
        architecture: architecture.to_owned(),
        size_px,
        resize_mode: ResizeMode::Pad,
        digest: weights::save(&network, &folder.join("model.safetensors")).unwrap(),
        ..plugin_api::fixture::card(&format!("run{seed}"), &["a", "b", "c"])
    };
    plugin_api::runs::write_json(&folder.join("model.json"), &card).unwrap();
    plugin_api::files::point_atomically(&workspace.champion(), Path::new(&card.run)).unwrap();
}

fn image(width: u32, height: u32, seed: usize) -> DecodedImage {
    let pixels = (0..width as usize * height as usize * 3).map(|i| (i * (seed + 3) % 251) as u8).collect();
    DecodedImage { width, height, pixels }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum()
}

#[test]
fn champion_embeddings_have_unit_length_and_order() {
    let (_folder, workspace) = workspace();
    make_champion(&workspace, "resnet18", 32, 1);
    let embedder = Embedder::open(&options(NetworkChoice::Champion, Path::new("")), &workspace).unwrap();
    assert_eq!(embedder.dimensions(), 512);
    assert!(embedder.fingerprint().starts_with("resnet18-32-pad-"), "{}", embedder.fingerprint());
    // More than one batch.
    let images: Vec<DecodedImage> = (0..).take(BATCH + 3).map(|n| image(20 + n as u32, 40, n)).collect();
    let embeddings = embedder.embed(&images).unwrap();
    assert_eq!(embeddings.len(), images.len());
    for (image, embedding) in images.iter().zip(&embeddings) {
        assert!((cosine(embedding, embedding) - 1.0).abs() < 1e-5);
        let alone = embedder.embed(&[embedder.prepare(image.clone()).unwrap()]).unwrap();
        assert!(cosine(&alone[0], embedding) > 0.999_99);
    }
    assert!(embedder.embed(&[]).unwrap().is_empty());
}

#[test]
fn another_champion_is_another_fingerprint() {
    let (_folder, workspace) = workspace();
    let open = || Embedder::open(&options(NetworkChoice::Champion, Path::new("")), &workspace).unwrap();
    make_champion(&workspace, "small-cnn", 16, 1);
    let first = open();
    make_champion(&workspace, "small-cnn", 16, 2);
    assert_ne!(first.fingerprint(), open().fingerprint());
    assert_eq!(first.dimensions(), 32 * 4 * 4);
}

#[test]
fn features_that_are_not_finite_are_no_embedding() {
    assert_eq!(unit_length(vec![3.0, 4.0]), Some(vec![0.6, 0.8]));
    assert_eq!(unit_length(vec![0.0, 0.0]), Some(vec![0.0, 0.0]));
    assert_eq!(unit_length(vec![1.0, f32::NAN]), None);
    assert_eq!(unit_length(vec![f32::INFINITY, 1.0]), None);
}

#[test]
fn none_gives_empty_embeddings() {
    let (_folder, workspace) = workspace();
    let embedder = Embedder::open(&options(NetworkChoice::None, Path::new("nowhere")), &workspace).unwrap();
    assert_eq!((embedder.dimensions(), embedder.fingerprint()), (0, "none"));
    assert_eq!(embedder.embed(&[image(3, 4, 1)]).unwrap(), [Vec::<f32>::new()]);
}

#[test]
fn what_is_not_there_is_named_with_the_way_to_get_it() {
    let (folder, workspace) = workspace();
    let text =
        |network, weights: &Path| Embedder::open(&options(network, weights), &workspace).err().unwrap().to_string();
    let path = folder.path().join("lite0.safetensors");
    let error = text(NetworkChoice::EfficientNetLite0, &path);
    for part in ["--weights", path.to_str().unwrap(), "cargo wakuteka weights efficientnet-lite0"] {
        assert!(error.contains(part), "{error}");
    }
    let error = text(NetworkChoice::Champion, &path);
    assert!(error.contains("--network champion") && error.contains("models/champion"), "{error}");
    std::fs::write(&path, "nonsense").unwrap();
    assert!(text(NetworkChoice::EfficientNetLite0, &path).contains("lite0.safetensors"));
    make_champion(&workspace, "small-cnn", 256, 1);
    let error = text(NetworkChoice::Champion, &path);
    assert!(error.contains("131072 features") && error.contains("32768"), "{error}");
}

/// Two images of one kind are closer than two of different kinds. Needs the weights, which are no part of the checkout.
#[test]
fn imagenets_weights_see_what_is_alike() {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("WAKUTEKA_SHARED").map_or_else(|| checkout.join("../shared"), PathBuf::from);
    let weights = shared.join("data/models/efficientnet_lite0_imagenet.safetensors");
    if !weights.is_file() {
        eprintln!("\n=== SKIPPED: {} is not there ===\n", weights.display());
        return;
    }
    let (_folder, workspace) = workspace();
    let embedder = Embedder::open(&options(NetworkChoice::EfficientNetLite0, &weights), &workspace).unwrap();
    assert_eq!(embedder.dimensions(), 1280);
    let read = |name: &str| {
        let bytes = std::fs::read(checkout.join("tests/fixtures/openclipart8").join(name)).unwrap();
        plugin_decode::decode(&bytes, &plugin_decode::Limits::default()).unwrap()
    };
    let images = ["recreation/0270_black_and_white_bishop_r.jpg", "people/0265_aussie_hat_01.jpg"].map(read);
    let darker = {
        let mut darker = images[0].clone();
        darker.pixels.iter_mut().for_each(|v| *v = (f32::from(*v) * 0.8) as u8);
        darker
    };
    let seen = embedder.embed(&[images[0].clone(), darker, images[1].clone()]).unwrap();
    let (near, far) = (cosine(&seen[0], &seen[1]), cosine(&seen[0], &seen[2]));
    assert!(near > 0.9 && far < near - 0.1, "{near} {far}");
}
