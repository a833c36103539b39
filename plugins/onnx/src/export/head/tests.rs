use super::*;
use crate::proto::INT64_TENSOR;
use plugin_blocks::Description;
use plugin_heads::{HeadKind, HeadOptions, Samples};
use std::collections::{BTreeMap, HashSet};

const BLOCKS: &str = "blocks: [{convolution: 4, kernel: 3, name: conv}, global-average-pooling, {dropout: 0.2},
    {affine: classes, name: fc}]";
/// Features of [`BLOCKS`].
const DIMENSIONS: usize = 4;
/// Samples of [`head`].
const SAMPLES: usize = 6;

fn graph() -> Graph {
    Description::parse("net", BLOCKS).unwrap().graph(8, 1).unwrap()
}

/// Weights of [`graph`] without those of its classifier.
fn weights() -> Weights {
    let (weight, bias) = (vec![0; 4 * 4 * 3 * 9], vec![0; 4 * 4]);
    let view = |shape: &[usize], bytes| {
        safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.to_vec(), bytes).unwrap()
    };
    let tensors = [("conv.weight", view(&[4, 3, 3, 3], &weight)), ("conv.bias", view(&[4], &bias))];
    let file = safetensors::serialize(tensors, None).unwrap();
    assert!(Weights::read(&graph(), &file).is_err(), "the classifier is missing");
    Weights::read_features(&graph(), &file).unwrap()
}

fn head(classes: usize, options: HeadOptions) -> Head {
    let features: Vec<f32> = (0..SAMPLES)
        .flat_map(|row| {
            let angle = row as f32;
            [0.6 * angle.cos(), 0.6 * angle.sin(), 0.8 * angle.sin(), 0.8 * angle.cos()]
        })
        .collect();
    let (labels, groups) = ([0, 1, 0, 1, 0, 1], [0, 1, 2, 3, 4, 5]);
    let samples = Samples { features: &features, dimensions: DIMENSIONS, labels: &labels, classes, groups: &groups };
    Head::fit(&samples, &options).unwrap()
}

/// Kinds of the operations, and the shape of each initializer, of a graph whose operations read what is there.
fn written(head: &Head, temperature: Option<f64>) -> (ModelProto, BTreeMap<String, Vec<i64>>) {
    let model = head_model(&graph(), "net", &weights(), head, temperature, &[]).unwrap();
    let graph = model.graph.as_ref().unwrap();
    let shapes: BTreeMap<String, Vec<i64>> =
        graph.initializer.iter().map(|tensor| (tensor.name.clone(), tensor.dims.clone())).collect();
    assert_eq!(shapes.len(), graph.initializer.len(), "names differ");
    for tensor in &graph.initializer {
        let bytes = if tensor.data_type == INT64_TENSOR { 8 } else { 4 };
        assert_eq!(tensor.raw_data.len() as i64, bytes * tensor.dims.iter().product::<i64>(), "{}", tensor.name);
    }
    let mut known: HashSet<&str> = shapes.keys().map(|name| &name[..]).chain(["pixels"]).collect();
    for node in &graph.node {
        assert!(node.input.iter().all(|input| known.contains(&input[..])), "{} reads what is there", node.name);
        assert!(node.output.iter().all(|output| known.insert(output)), "{} is the only one", node.name);
    }
    assert!(graph.output.iter().all(|output| known.contains(&output.name[..])));
    (model, shapes)
}

fn kinds(model: &ModelProto) -> Vec<&str> {
    model.graph.as_ref().unwrap().node.iter().map(|node| &node.op_type[..]).collect()
}

#[test]
fn blends_have_both_parts() {
    let (model, shapes) = written(&head(2, HeadOptions::default()), None);
    // Neighbours are found by TopK, whose k is an input since version 10.
    let neighbours = model.graph.iter().flat_map(|graph| &graph.node).any(|node| node.op_type == "TopK");
    assert_eq!((model.ir_version, model.opset_import[0].version), (6, if neighbours { 11 } else { 9 }));
    let shape = |name: &str| &shapes[name][..];
    assert_eq!(shape("head/ridge.weights"), [2, 4]);
    assert_eq!(shape("head/ridge.intercepts"), [2]);
    assert_eq!(shape("head/neighbours.mean"), [4]);
    assert_eq!(shape("head/neighbours.whitening"), [4, 4]);
    assert_eq!(shape("head/neighbours.samples"), [4, 6]);
    assert_eq!(shape("head/neighbours.labels"), [6, 2]);
    assert!(!shapes.contains_key("head/absent") && !shapes.contains_key("fc.weight"));
    let graph = model.graph.as_ref().unwrap();
    let k = graph.initializer.iter().find(|tensor| tensor.name == "head/neighbours.k").unwrap();
    assert_eq!(k.raw_data, (SAMPLES as i64).to_le_bytes(), "no more than there are");
    let top = graph.node.iter().find(|node| node.op_type == "TopK").unwrap();
    assert_eq!(top.output.len(), 2);
    let count = |kind: &str| kinds(&model).into_iter().filter(|found| *found == kind).count();
    // The embedding, after the power, in the whitened space.
    assert_eq!((count("ReduceL2"), count("Sqrt"), count("LogSoftmax")), (3, 1, 3));
    assert_eq!(graph.node.last().unwrap().output, ["probabilities"]);
}

#[test]
fn single_parts_leave_the_other_out() {
    let of = |kind| head(2, HeadOptions { kind, power: 1.0, ..HeadOptions::default() });
    let (model, shapes) = written(&of(HeadKind::Ridge), None);
    assert!(shapes.contains_key("head/ridge.weights") && !shapes.contains_key("head/neighbours.samples"));
    assert!(!kinds(&model).contains(&"TopK") && !kinds(&model).contains(&"Abs"));
    let (model, shapes) = written(&of(HeadKind::Neighbours), None);
    assert!(!shapes.contains_key("head/ridge.weights") && shapes.contains_key("head/neighbours.samples"));
    assert!(kinds(&model).contains(&"TopK") && !kinds(&model).contains(&"Gemm"));
}

#[test]
fn numbers_of_the_head_are_in_the_graph() {
    let head = head(3, HeadOptions { power: 0.7, ..HeadOptions::default() });
    let (model, _) = written(&head, Some(4.0));
    let graph = model.graph.as_ref().unwrap();
    let numbers = |name: &str| -> Vec<f32> {
        let tensor = graph.initializer.iter().find(|tensor| tensor.name == name).unwrap();
        tensor.raw_data.as_chunks().0.iter().copied().map(f32::from_le_bytes).collect()
    };
    assert_eq!(numbers("head/absent"), [0.0, 0.0, NEVER], "the third class has no samples");
    assert_eq!(numbers("head/power/power"), [0.7]);
    assert_eq!(numbers("probabilities/scale_factor"), [0.25]);
    let parameters = head.parameters();
    assert_eq!(numbers("head/ridge.weights"), parameters.ridge_weights);
    let columns = numbers("head/neighbours.samples");
    assert_eq!(columns[2 * SAMPLES + 5], parameters.rows[5 * DIMENSIONS + 2], "transposed");
    let weights = &parameters.vote_weights;
    assert!(weights[..2].iter().all(|weight| *weight > 1.0), "of few samples: {weights:?}");
    assert_eq!(numbers("head/neighbours.labels")[..6], [weights[0], 0.0, 0.0, 0.0, weights[1], 0.0]);
    assert_eq!(numbers("head/neighbours/share_factor"), [0.65]);
    let gemm = graph.node.iter().find(|node| node.op_type == "Gemm").unwrap();
    let alpha = gemm.attribute.iter().find(|attribute| attribute.name == "alpha").unwrap();
    assert_eq!(alpha.f, (1.0 / parameters.ridge_temperature) as f32);
}

#[test]
fn heads_of_other_backbones_are_refused() {
    let other = Description::parse("net", &BLOCKS.replace("convolution: 4", "convolution: 5")).unwrap();
    let other = other.graph(8, 1).unwrap();
    let refused = |weights: &Weights, graph: &Graph| {
        head_model(graph, "net", weights, &head(2, HeadOptions::default()), None, &[]).unwrap_err().to_string()
    };
    assert!(refused(&weights(), &other).contains("5 features, the head is for 4"));
    assert!(refused(&Weights::default(), &graph()).contains("conv.weight"));
}
