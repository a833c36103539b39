//! Projects of Neural Network Console become networks with the parameters of their definition.
#![cfg(test)]

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

/// Trainable parameters, counted layer by layer from the projects by another program; those of ResNet-18, ResNet-50, VGG-11 and
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

/// A block of a project that is made here: its kind, its name, settings `key=value` and the blocks that it reads.
type Made<'a> = (&'a str, &'a str, &'a [&'a str], &'a [&'a str]);

/// A project of one network, which ends with an affine layer of 4 outputs and a cross entropy after the last of `layers`.
fn made(layers: &[Made<'_>]) -> String {
    let last = layers.last().unwrap().1;
    let around: [Made<'_>; 3] = [
        ("Input", "x", &["Size=3,16,16", "Dataset=x"], &[]),
        ("Affine", "fc", &["OutShape=4", "WithBias=True"], &[last]),
        ("SoftmaxCrossEntropy", "loss", &["T.Dataset=y"], &["fc"]),
    ];
    let all: Vec<&Made<'_>> = around[..1].iter().chain(layers).chain(&around[1..]).collect();
    let mut text = vec!["[Network_Global]\n".to_owned()];
    let mut links = 0;
    for (place, (kind, name, settings, reads)) in all.iter().enumerate() {
        text.push(format!("[Layer_{place}]\nID={name}\nType={kind}\nProperty_0_Name=Name\nProperty_0_Value={name}\n"));
        for (number, setting) in settings.iter().enumerate() {
            let (key, value) = setting.split_once('=').unwrap();
            text.push(format!("Property_{0}_Name={key}\nProperty_{0}_Value={value}\n", number + 1));
        }
        for (pin, from) in reads.iter().enumerate() {
            text.push(format!("[Link_{links}]\nSourceLayerID={from}\nDestLayerID={name}\nDestPinIndex={pin}\n"));
            links += 1;
        }
    }
    text.concat()
}

/// The kinds of the nodes that a project's network has, and its parameters.
fn nodes(layers: &[Made<'_>]) -> (Vec<String>, Imported) {
    let found = import_project("made", &made(layers)).unwrap();
    let graph = Description::parse("made", &found.network).unwrap().graph(16, 4).unwrap();
    let read = |node: &plugin_blocks::Node| {
        let inputs: Vec<&str> = node.inputs.iter().map(|input| &graph.nodes[*input].name[..]).collect();
        format!("{} of {}", node.op.kind(), inputs.join(", "))
    };
    (graph.nodes[1..].iter().map(read).collect(), found)
}

const CONVOLUTION: [&str; 2] = ["OutMaps=3", "KernelShape=1,1"];

#[test]
fn branches_may_cross() {
    // As in a cell of NASNet: b reads what a reads, and both of their sums read each other's parts.
    let (found, _) = nodes(&[
        ("Convolution", "stem", &CONVOLUTION, &["x"]),
        ("Convolution", "a", &CONVOLUTION, &["stem"]),
        ("Tanh", "b", &[], &["stem"]),
        ("Add2", "sum", &[], &["a", "b"]),
        ("Mul2", "product", &[], &["sum", "a"]),
        ("Concatenate", "all", &["Axis=0"], &["product", "sum", "b"]),
    ]);
    let expected = [
        "convolution of input",
        "tanh of stem",
        "convolution of stem",
        "add of tanh1, a",
        "multiply of add1, a",
        "concatenation of multiply1, add1, tanh1",
        "affine of cat1",
    ];
    let sorted = |mut all: Vec<String>| {
        all.sort();
        all
    };
    assert_eq!(sorted(found), sorted(expected.map(str::to_owned).to_vec()));
}

#[test]
fn repetitions_may_stand_in_branches_that_cross() {
    let (found, imported) = nodes(&[
        ("Convolution", "stem", &CONVOLUTION, &["x"]),
        ("RepeatStart", "again", &["Times=2"], &["stem"]),
        ("Convolution", "a", &CONVOLUTION, &["again"]),
        ("Tanh", "b", &[], &["a"]),
        ("Sigmoid", "c", &[], &["again"]),
        ("Add2", "d", &[], &["b", "c"]),
        ("Mul2", "e", &[], &["d", "a"]),
        ("Mul2", "f", &[], &["e", "c"]),
        ("RepeatEnd", "done", &[], &["f"]),
        ("ReLU", "r", &[], &["stem"]),
        ("Add2", "g", &[], &["done", "r"]),
        ("Mul2", "h", &[], &["g", "done"]),
        ("Sub2", "i", &[], &["h", "r"]),
    ]);
    let count = |kind: &str| found.iter().filter(|node| node.starts_with(kind)).count();
    assert_eq!(
        (count("convolution"), count("tanh"), count("relu"), count("multiply")),
        (3, 2, 1, 5),
        "{}",
        imported.network
    );
    assert_eq!(imported.network.matches("repeat: 2").count(), 1, "{}", imported.network);
    assert_eq!(imported.parameters, 3 * (9 + 3) + 3 * 256 * 4 + 4);
}

#[test]
fn less_usual_layers_have_the_parameters_of_their_definition() {
    let (found, imported) = nodes(&[
        ("Pad", "edge", &["PadWidth=0,1,2,3"], &["x"]),
        ("Convolution", "stem", &["OutMaps=2*int(4*1.2)", "KernelShape=3", "WithBias=False"], &["edge"]),
        ("GroupNormalization", "groups", &["NumGroups=2", "Epsilon=0.001"], &["stem"]),
        ("PReLU", "slopes", &["BaseAxis=0"], &["groups"]),
        ("InstanceNormalization", "instances", &[], &["slopes"]),
        ("TanhShrink", "shrink", &[], &["instances"]),
        ("Mean", "squeeze", &["Axes=1,2", "KeepDims=True"], &["shrink"]),
        ("Convolution", "excite", &["OutMaps=Input[0]", "KernelShape=1,1"], &["squeeze"]),
        ("Broadcast", "wide", &["Shape=8,15,19"], &["excite"]),
        ("Mul2", "scaled", &[], &["shrink", "wide"]),
        ("ReLU", "a", &[], &["scaled"]),
        ("Swish", "b", &[], &["scaled"]),
        ("AddN", "sum", &[], &["a", "b", "scaled"]),
        ("Add2", "shifted", &[], &["excite", "sum"]),
        ("Max", "largest", &["Axes=-2,-1"], &["shifted"]),
        ("Affine", "hidden", &["OutShape=5", "WithBias=False"], &["largest"]),
        ("LayerNormalization", "layer", &[], &["hidden"]),
    ]);
    let expected = 8 * 3 * 9 + 16 + 8 + 16 + (64 + 8) + 8 * 5 + 10 + 4 * 5 + 4;
    assert_eq!(imported.parameters, expected, "{found:#?}\n{}", imported.network);
    assert!(found.iter().filter(|node| node.starts_with("group-normalization")).count() == 3);
    for part in ["pad: [0, 1, 2, 3]", "group-normalization: 2, epsilon: 0.001, name: groups", "affine: 5, bias: false"]
    {
        assert!(imported.network.contains(part), "{part} in\n{}", imported.network);
    }
}

#[test]
fn targets_that_are_mixed_with_images_are_left_out() {
    let text = made(&[("MixUp", "mix", &["Alpha=0.3"], &["x", "y"]), ("ReLU", "relu", &[], &["mix"])]);
    let target = "[Layer_9]\nID=y\nType=Input\nProperty_0_Name=Name\nProperty_0_Value=y\nProperty_1_Name=Size\nProperty_1_Value=4\n\
                  [Link_8]\nSourceLayerID=mix\nDestLayerID=loss\nDestPinIndex=1\n";
    let found = import_project("mixed", &(text + target)).unwrap();
    assert_eq!((found.size_px, found.classes), (16, 4));
    assert!(found.options.of("train").contains("--mixup 0.3"), "{}", found.options.of("train"));
}

#[test]
fn layers_that_nothing_here_computes_are_refused_by_name() {
    for (layer, parts) in [
        (("Softmax", "attention", &[][..]), ["attention (Softmax)", "middle"]),
        (("LogSoftmax", "attention", &[]), ["attention (LogSoftmax)", "middle"]),
        (("LayerNormalization", "layer", &[]), ["layer (LayerNormalization)", "a factor a pixel"]),
        (("Pad", "mirror", &["PadWidth=1,1,1,1", "Mode=reflect"]), ["mirror (Pad)", "reflect"]),
        (("Mean", "rows", &["Axes=2"]), ["rows (Mean)", "height and width"]),
        (("Affine", "rows", &["OutShape=3", "BaseAxis=1"]), ["rows (Affine)", "BaseAxis"]),
        (
            ("Convolution", "last", &["OutMaps=3", "KernelShape=1,1", "ChannelLast=True"]),
            ["last (Convolution)", "ChannelLast"],
        ),
        (("Broadcast", "wide", &["Shape=3,16,16"]), ["wide (Broadcast)", "one number a channel"]),
        (("VATNoise", "noise", &[]), ["noise (VATNoise)", "without classes"]),
        (("Interpolate", "up", &[]), ["up (Interpolate)", "larger"]),
        (("Erf", "e", &[]), ["e (Erf)", "no such block"]),
    ] {
        let (kind, name, settings) = layer;
        let error =
            import_project("made", &made(&[(kind, name, settings, &["x"]), ("ReLU", "r", &[], &[name])])).unwrap_err();
        let error = error.to_string();
        assert!(parts.iter().all(|part| error.contains(part)), "{kind}: {error}");
    }
    let shared = ["OutMaps=3", "KernelShape=1,1", "ParameterScope=both"];
    let error =
        import_project("made", &made(&[("Convolution", "a", &shared, &["x"]), ("Convolution", "b", &shared, &["a"])]));
    assert!(error.unwrap_err().to_string().contains("b (Convolution): it shares its ParameterScope with a"));
    let parameter = [("Parameter", "p", &["Size=3,16,16"][..], &[][..]), ("Add2", "sum", &[], &["x", "p"])];
    let error = import_project("made", &made(&parameter)).unwrap_err().to_string();
    assert!(error.contains("p (Parameter): it gives numbers that come from no image"), "{error}");
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

/// nnabla's AdamW and SgdW take the decay away without the learning rate.
#[test]
fn decoupled_weight_decay_is_as_strong_as_there() {
    let text = project("projects", "everything");
    for (solver, decay) in [("Momentum", "0.0002"), ("AdamW", "0.004"), ("SgdW", "0.0008")] {
        let text = text.replace("SolverName=Momentum", &format!("SolverName={solver}"));
        let found = import_project("everything", &text).unwrap();
        let train = found.options.of("train");
        assert!(train.contains(&format!("--weight-decay {decay} ")), "{solver}: {train}");
        assert_eq!(
            found.notes.iter().any(|note| note.contains("WeightDecay")),
            solver != "Momentum",
            "{:?}",
            found.notes
        );
    }
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
