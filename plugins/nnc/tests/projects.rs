//! Projects of Neural Network Console become networks with the parameters of their definition.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use plugin_blocks::Description;
use plugin_nnc::{Imported, import_project};
use std::path::PathBuf;

/// Sony's sample projects, where they are at hand.
fn samples() -> Vec<PathBuf> {
    let folder = std::env::var("WAKUTEKA_NNC_PROJECTS").map_or_else(
        |_| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/nnc-projects")),
        PathBuf::from,
    );
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|e| e == "sdcproj")).collect();
    files.sort();
    files
}

fn imported(path: &std::path::Path) -> Imported {
    let name = path.file_stem().unwrap().to_str().unwrap();
    import_project(name, &std::fs::read_to_string(path).unwrap()).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn samples_have_the_parameters_of_their_definition() {
    for path in samples() {
        let found = imported(&path);
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        println!(
            "{name}: {} px, {} classes, {} parameters\n{}\n{:#?}",
            found.size_px,
            found.classes,
            found.parameters,
            found.options.yaml(),
            found.notes
        );
        if std::env::var("SHOW").is_ok_and(|show| name.contains(&show)) {
            println!("{}", found.network);
        }
        let graph = Description::parse(&name, &found.network).unwrap().graph(found.size_px, found.classes).unwrap();
        assert_eq!(graph.parameters(), found.parameters);
    }
}

fn project(folder: &str, name: &str) -> String {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder).join(name).with_extension("sdcproj");
    std::fs::read_to_string(path).unwrap()
}

/// Numbers that are learnt, counted layer by layer from the projects by another program; those of ResNet-18, ResNet-50, VGG-11 and
/// GoogLeNet are the published ones too.
#[test]
fn samples_are_the_networks_they_are_called() {
    let known = [
        ("resnet-110", 1_751_002),
        ("GoogLeNet", 6_998_552),
        ("alexnet", 60_667_176),
        ("resnet-18", 11_689_512),
        ("resnet-50", 25_557_032),
        ("senet-154", 98_209_624),
        ("shufflenet", 2_384_944),
        ("vgg-11", 132_863_336),
        ("LeNet", 78_810),
        // One output there, two here.
        ("02_binary_cnn", 4925 + 11),
        ("12_residual_learning", 275_018),
        ("classification_digits", 106_431),
    ];
    for path in samples() {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let expected = known.iter().find(|(end, _)| name.ends_with(end)).map(|(_, count)| *count);
        assert_eq!(Some(imported(&path).parameters), expected, "{name}");
    }
}

#[test]
fn every_kind_of_block_finds_its_counterpart() {
    let found = import_project("everything", &project("projects", "everything")).unwrap();
    assert_eq!((found.size_px, found.classes), (24, 7));
    println!("{}\n{}\n{:#?}", found.network, found.options.yaml(), found.notes);
    for part in [
        // 4 x - 2 of colours from 0 to 1.
        "input: {mean: 127.5, deviation: 63.75}",
        "channel-shuffle: 4",
        "kernel: [3, 1], padding: [1, 0]",
        "max-pooling: 3, stride: 2, ignore-border: false",
        "average-pooling: height",
        "convolution: inputs / 4",
        "momentum: 0.3",
        "sum-pooling: [1, 3]",
        "groups: inputs",
        "{affine: classes, name: Last}",
    ] {
        assert!(found.network.contains(part), "{part} in\n{}", found.network);
    }
    let graph = Description::parse("net", &found.network).unwrap().graph(24, 7).unwrap();
    // Each time of what grows has a name of its own.
    for name in ["Start.1.Tall", "Grow.0.Dense", "Grow.1.Dense"] {
        assert!(graph.nodes.iter().any(|node| node.name == name), "{name}");
    }
    let train = found.options.of("train");
    for option in [
        "--model everything.yml",
        "--epochs 12",
        "--batch-size 40",
        "--optimizer sgd",
        "--learning-rate 0.05",
        "--momentum 0.8",
        "--weight-decay 0.0002",
        "--schedule step --step-epochs 4 --step-factor 0.1",
    ] {
        assert!(train.contains(option), "{option} in {train}");
    }
    let augment = found.options.of("augment");
    for option in ["--flip on", "--rotation-degrees 5.73", "--crop-padding-percent 8 --crop-padding-fill reflect"] {
        assert!(augment.contains(option), "{option} in {augment}");
    }
    assert_eq!(
        found.options.of("search"),
        "--method gaussian-process --objective error --model everything.yml --size 24"
    );
    assert!(found.notes.iter().any(|note| note.contains("UpdateInterval=2")), "{:?}", found.notes);
    assert_eq!(found.data_sets, [("Training".to_owned(), "train.csv".to_owned())]);
}

#[test]
fn what_is_no_classifier_is_refused_with_the_block_that_tells() {
    for (name, parts) in [
        ("autoencoder", ["Compare", "the image itself"]),
        ("regression", ["Distance (SquaredError)", "regression"]),
        ("recurrent", ["Memory (LSTM)", "sequences"]),
        ("vector", ["Sensors (Input)", "its input is 13"]),
        ("two_inputs", ["Second (Input)", "several inputs"]),
        ("generator", ["Training against Other", "generators"]),
        ("binary_weights", ["Bits (BinaryConnectAffine)", "few bits"]),
        ("segmentation", ["Up (Deconvolution)", "larger"]),
        ("no_loss", ["Only (Affine)", "cross entropy"]),
    ] {
        let error = import_project(name, &project("refused", name)).unwrap_err().to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{name}: {error}");
    }
}
