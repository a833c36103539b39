//! Models of nnabla in, and ours out and in again.
#![cfg(test)]

use plugin_blocks::{Description, shipped};
use plugin_nnc::nnp::{self, Tensor};
use std::collections::BTreeMap;

/// Written by nnabla 1.39.0: convolution, batch normalisation, ReLU, max pooling, affine, softmax; parameters in HDF5.
const NNABLA: &[u8] = include_bytes!("models/nnabla.nnp");

#[test]
fn a_model_of_nnabla_is_read() {
    let model = nnp::read("small", NNABLA).unwrap();
    assert_eq!((model.size_px, model.outputs, model.classes), (16, 4, None));
    let graph = Description::parse("small", &model.network).unwrap().graph(16, 4).unwrap();
    let kinds: Vec<&str> = graph.nodes.iter().map(|node| node.op.kind()).collect();
    assert_eq!(
        kinds,
        ["input", "convolution", "batch-normalization", "relu", "max-pooling", "affine"],
        "{}",
        model.network
    );
    let weights: BTreeMap<String, Tensor> = model.weights.into_iter().collect();
    assert_eq!(weights["conv1.weight"].shape, [8, 3, 3, 3]);
    assert!((weights["conv1.weight"].values[0] + 0.164_676_9).abs() < 1e-6);
    assert_eq!((&weights["bn1.running_var"].shape[..], weights["bn1.running_var"].values[0]), (&[8][..], 1.0));
    // nnabla's first row is the first column here.
    assert_eq!(weights["fc.weight"].shape, [4, 512]);
    assert!((weights["fc.weight"].values[0] + 0.085_810_31).abs() < 1e-6);
}

/// Weights in which each number tells its place.
fn numbered(graph: &plugin_blocks::Graph) -> BTreeMap<String, Tensor> {
    let mut next = 0.0;
    let mut tensor = |shape: Vec<u64>| {
        let count: u64 = shape.iter().product();
        let values = (0..count).map(|_| {
            next += 1.0 / 1024.0;
            next
        });
        Tensor { values: values.collect(), shape }
    };
    graph.weights().into_iter().map(|weight| (weight.name, tensor(weight.shape))).collect()
}

#[test]
fn models_come_back_as_they_went() {
    let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/");
    for name in ["lenet", "cnn-relu", "resnet18", "efficientnet-lite0", "torchvision/everything", "nnabla/others"] {
        let file = std::path::PathBuf::from(format!("{fixtures}{name}.yml"));
        let description = match shipped::find(name).unwrap() {
            Some(shipped) => shipped,
            None => Description::read(&file).unwrap(),
        };
        let graph = description.graph(64, 3).unwrap();
        let weights = numbered(&graph);
        let classes = ["猫", "dog", "bus, red"].map(str::to_owned);
        let export = nnp::Export {
            name,
            graph: &graph,
            input: description.input(),
            weights: &weights,
            classes: &classes,
            temperature: 1.0,
            several: false,
            head: None,
        };
        let back = nnp::read(name, &nnp::write(&export).unwrap()).unwrap();
        assert_eq!((back.size_px, back.outputs, back.classes.as_deref()), (64, 3, Some(&classes[..])), "{name}");
        let again = Description::parse(name, &back.network).unwrap();
        assert!((again.input().mean[0] - description.input().mean[0]).abs() < 1e-2, "{name}: {:?}", again.input());
        let found = again.graph(64, 3).unwrap();
        assert_eq!((found.parameters(), found.multiply_adds()), (graph.parameters(), graph.multiply_adds()), "{name}");
        let gelus = |graph: &plugin_blocks::Graph| graph.nodes.iter().filter(|node| node.op.kind() == "gelu").count();
        assert_eq!(gelus(&found), gelus(&graph), "{name}");
        assert_eq!(back.weights.into_iter().collect::<BTreeMap<_, _>>(), weights, "{name}");
    }
}

#[test]
fn several_classes_an_image_come_of_a_sigmoid() {
    let description = Description::parse("net", "blocks: [{affine: classes, name: fc}]").unwrap();
    let graph = description.graph(2, 2).unwrap();
    let weights = numbered(&graph);
    for several in [false, true] {
        let export = nnp::Export {
            name: "net",
            graph: &graph,
            input: description.input(),
            weights: &weights,
            classes: &[],
            temperature: 2.0,
            several,
            head: None,
        };
        let file = nnp::write(&export).unwrap();
        // Nothing in the zip is compressed.
        let text = String::from_utf8_lossy(&file);
        assert_eq!((text.contains("\"Sigmoid\""), text.contains("\"Softmax\"")), (several, !several));
        let back = nnp::read("net", &file).unwrap();
        assert!(
            back.weights.iter().any(|(name, of)| name == "fc.weight" && of.values[0] == weights[name].values[0] / 2.0)
        );
    }
}

#[test]
fn what_is_no_model_is_refused() {
    let refused = |bytes: &[u8]| nnp::read("x", bytes).unwrap_err().to_string();
    assert!(refused(b"nothing").contains("no .nnp"));
    assert!(refused(&NNABLA[..NNABLA.len() / 2]).contains("no .nnp"));
    let description = Description::parse("net", "blocks: [{affine: classes, name: fc}]").unwrap();
    let graph = description.graph(2, 2).unwrap();
    let weights = BTreeMap::new();
    let export = nnp::Export {
        name: "net",
        graph: &graph,
        input: description.input(),
        weights: &weights,
        classes: &[],
        temperature: 1.0,
        several: false,
        head: None,
    };
    assert!(nnp::write(&export).unwrap_err().to_string().contains("fc.weight is missing"));
}
