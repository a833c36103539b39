//! Heads on EfficientNet-Lite0 as ONNX, and what they say of images in files, for tests/peers/onnx_heads.py to compare.
//!
//! ```text
//! cargo wakuteka weights efficientnet-lite0
//! cargo run -p plugin-inference --example onnx_heads -- FOLDER .wakuteka/weights/efficientnet-lite0.safetensors
//! python tests/peers/onnx_heads.py FOLDER
//! ```
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a check, not a program")]

use clap::Parser;
use node_exchange::config::{ExportModel, Format};
use plugin_api::runs::{ModelCard, write_json};
use plugin_api::{ResizeMode, Workspace, WorkspaceArgs, fixture};
use plugin_decode::{DecodedImage, Limits, decode};
use plugin_heads::{Head, HeadKind, HeadOptions, Samples};
use plugin_inference::{BackboneOptions, Backbones, Image, Model, calibrated};
use plugin_model::{DeviceChoice, Precision};
use std::path::{Path, PathBuf};

/// Images of each class that heads are fitted to.
const FITTED: usize = 6;
/// Further images of each class that they predict.
const PREDICTED: usize = 2;
/// Classes with images; one more has none.
const CLASSES: [&str; 4] = ["animals", "buildings", "food", "transportation"];
/// What decoders must know: Exif, transparency, grey, shapes far from square.
const ODD: [&str; 8] = [
    "alpha.png",
    "palette-transparent.png",
    "orientation-6.png",
    "orientation-6.jpg",
    "grey.jpg",
    "noise-tall.png",
    "noise-wide.png",
    "white.png",
];

#[derive(Parser)]
struct Line {
    folder: PathBuf,
    weights: PathBuf,
}

struct Variant {
    name: &'static str,
    size_px: u32,
    mode: ResizeMode,
    temperature: Option<f64>,
    options: HeadOptions,
}

fn variants() -> [Variant; 4] {
    let with = |kind| HeadOptions { kind, ..HeadOptions::DEFAULT };
    let other = HeadOptions { power: 0.7, k: 3, blend: 0.5, ..HeadOptions::DEFAULT };
    [
        Variant {
            name: "blend",
            size_px: 224,
            mode: ResizeMode::Stretch,
            temperature: None,
            options: HeadOptions::DEFAULT,
        },
        Variant { name: "blend-pad", size_px: 96, mode: ResizeMode::Pad, temperature: Some(1.7), options: other },
        Variant {
            name: "ridge",
            size_px: 96,
            mode: ResizeMode::Crop,
            temperature: None,
            options: with(HeadKind::Ridge),
        },
        Variant {
            name: "neighbours",
            size_px: 96,
            mode: ResizeMode::Stretch,
            temperature: Some(0.6),
            options: with(HeadKind::Neighbours),
        },
    ]
}

#[derive(Parser)]
struct Defaults {
    #[command(flatten)]
    backbone: BackboneOptions,
    #[command(flatten)]
    limits: Limits,
}

fn main() {
    let Line { folder, weights } = Line::parse();
    std::fs::create_dir_all(&folder).unwrap();
    let defaults = Defaults::parse_from(["onnx_heads".as_ref(), "--backbone-weights".as_ref(), weights.as_os_str()]);
    let root = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(root.path()).unwrap();
    let backbone = defaults.backbone.install(&workspace).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").canonicalize().unwrap();
    let (fitted, mut predicted) = images(&fixtures.join("openclipart8"));
    predicted.extend(ODD.map(|name| fixtures.join("odd/good").join(name)));
    let device = DeviceChoice::Flex.open().unwrap();
    let backbones = Backbones::default();
    for Variant { name, size_px, mode, temperature, options } in variants() {
        let classes = [&CLASSES[..], &["none of these"]].concat();
        let card = ModelCard {
            architecture: backbone.architecture.clone(),
            size_px,
            resize_mode: mode,
            temperature,
            backbone: Some(backbone.clone()),
            ..fixture::card(name, &classes)
        };
        let embedder = backbones.open(&workspace, &card, &backbone, &device, Precision::Fp32).unwrap();
        let decoded: Vec<DecodedImage> = fitted.iter().map(|path| read(path, &defaults.limits)).collect();
        let features = embedder.embed(&decoded).unwrap().concat();
        let labels: Vec<u32> = (0..fitted.len()).map(|row| (row / FITTED) as u32).collect();
        let groups: Vec<u32> = (0..fitted.len() as u32).collect();
        let dimensions = embedder.dimensions();
        let samples =
            Samples { features: &features, dimensions, labels: &labels, classes: classes.len(), groups: &groups };
        let model = workspace.models().join(name);
        std::fs::create_dir_all(&model).unwrap();
        let head = Head::fit(&samples, &options).unwrap();
        let card = ModelCard { digest: head.save(&model.join("model.safetensors")).unwrap(), ..card };
        write_json(&model.join("model.json"), &card).unwrap();
        std::fs::remove_file(workspace.champion()).ok();
        std::os::unix::fs::symlink(name, workspace.champion()).unwrap();

        let out = folder.join(name).with_extension("onnx");
        let workspace_args = WorkspaceArgs { root: root.path().to_owned() };
        let export = ExportModel {
            workspace: workspace_args,
            run: None,
            champion: true,
            format: Format::Onnx,
            out: out.clone(),
        };
        println!("{}", node_exchange::model::run(&export).unwrap());
        let model = Model::open(&workspace, &model, &backbones, &device, Precision::Fp32).unwrap();
        let squares: Vec<(String, Vec<u8>)> = predicted
            .iter()
            .map(|path| {
                let digest = blake3::hash(&std::fs::read(path).unwrap()).to_hex().to_string();
                (digest, model.square(&read(path, &defaults.limits)).unwrap())
            })
            .collect();
        let images: Vec<Image<'_>> = squares.iter().map(|(digest, square)| Image { digest, square }).collect();
        let rows = model.predict(&images).unwrap();
        let rows: Vec<Vec<f32>> = rows.iter().map(|row| calibrated(&card, &row.probabilities)).collect();
        let vector = serde_json::json!({ "files": predicted, "probabilities": rows });
        std::fs::write(out.with_extension("json"), vector.to_string()).unwrap();
        let pixels: Vec<u8> = squares.iter().flat_map(|(_, square)| square).copied().collect();
        std::fs::write(out.with_extension("rgb"), pixels).unwrap();
    }
}

/// Images to fit to, class by class, and images to predict.
fn images(folder: &Path) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let (mut fitted, mut predicted) = (Vec::new(), Vec::new());
    for class in CLASSES {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(folder.join(class)).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        fitted.extend_from_slice(&files[..FITTED]);
        predicted.extend_from_slice(&files[files.len() - PREDICTED..]);
    }
    (fitted, predicted)
}

fn read(path: &Path, limits: &Limits) -> DecodedImage {
    decode(&std::fs::read(path).unwrap(), limits).unwrap()
}
