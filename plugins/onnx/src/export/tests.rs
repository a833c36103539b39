//! What was written is read again, without any other program.

use super::*;
use plugin_blocks::{Description, shipped};
use prost::Message as _;
use std::collections::{BTreeMap, HashSet};

/// A safetensors file in which each number tells its place.
fn file(graph: &Graph) -> Vec<u8> {
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = graph
        .weights()
        .into_iter()
        .map(|w| {
            let shape: Vec<usize> = w.shape.iter().map(|s| *s as usize).collect();
            let numbers = (0..shape.iter().product()).flat_map(|i: usize| (i as f32).to_le_bytes()).collect();
            (w.name, shape, numbers)
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name.clone(), safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

fn written(graph: &Graph) -> GraphProto {
    let weights = Weights::read(graph, &file(graph)).unwrap();
    let notes = [("classes", "[\"わくわく\"]".to_owned())];
    let model = model(graph, "net", &weights, &notes).unwrap();
    let again = ModelProto::decode(&model.encode_to_vec()[..]).unwrap();
    assert_eq!(again, model);
    let clips = graph.nodes.iter().any(|node| node.op.kind() == "relu6");
    assert_eq!((again.ir_version, again.opset_import[0].version), (6, if clips { 11 } else { 9 }));
    assert_eq!(again.metadata_props[0].value, "[\"わくわく\"]");
    again.graph.unwrap()
}

fn sides(value: &ValueInfoProto) -> Vec<DimensionValue> {
    let tensor = value.kind.as_ref().unwrap().tensor_type.as_ref().unwrap();
    tensor.shape.as_ref().unwrap().dim.iter().map(|d| d.value.clone().unwrap()).collect()
}

#[test]
fn every_shipped_network_is_whole() {
    for name in shipped::names() {
        let graph = shipped::find(name).unwrap().unwrap().graph(64, 5).unwrap();
        let found = written(&graph);
        let side = DimensionValue::DimValue;
        let free = DimensionValue::DimParam("N".to_owned());
        assert_eq!(sides(&found.input[0]), [free.clone(), side(3), side(64), side(64)], "{name}");
        assert_eq!((sides(&found.output[0]), &found.output[0].name[..]), (vec![free, side(5)], "logits"));

        let tensors: BTreeMap<&str, &TensorProto> = found.initializer.iter().map(|t| (&t.name[..], t)).collect();
        assert_eq!(tensors.len(), found.initializer.len(), "{name}: names differ");
        for weight in graph.weights() {
            let tensor = tensors[&weight.name[..]];
            assert_eq!(tensor.dims.iter().map(|s| *s as u64).collect::<Vec<_>>(), weight.shape);
            assert_eq!(tensor.raw_data.len() as u64, 4 * weight.shape.iter().product::<u64>());
            assert_eq!(tensor.raw_data[..4], 0_f32.to_le_bytes());
        }
        let mut known: HashSet<&str> = tensors.keys().copied().chain(["pixels"]).collect();
        for node in &found.node {
            assert!(node.input.iter().all(|i| known.contains(&i[..])), "{name}: {} reads what is there", node.name);
            assert!(node.output.iter().all(|o| known.insert(o)), "{name}: {} is the only one", node.name);
        }
        assert_eq!(found.node.last().unwrap().output, ["logits"]);
    }
}

#[test]
fn blocks_become_operations_with_their_numbers() {
    let text = "blocks: [{convolution: 4, kernel: 3, stride: 2, padding: same, groups: 1, name: a},
        {convolution: 4, kernel: 3, dilation: 2, groups: 4, bias: false, name: b}, {batch-normalization, epsilon: 0.01},
        gelu, relu6, {leaky-relu: 0.3}, {average-pooling: 3, stride: 1, padding: 1}, {dropout: 0.5},
        {concatenation: [[], [{max-pooling: 2, stride: 1, padding: 1}, {convolution: 4, kernel: 2}]]},
        {residual: [tanh]}, {affine: 7}, sigmoid, {affine: classes, name: fc}]";
    let graph = Description::parse("net", text).unwrap().graph(16, 2).unwrap();
    let found = written(&graph);
    let kinds: Vec<&str> = found.node.iter().map(|n| &n.op_type[..]).collect();
    let expected = [
        "Conv",
        "Conv",
        "BatchNormalization",
        "Div",
        "Erf",
        "Add",
        "Mul",
        "Mul",
        "Clip",
        "LeakyRelu",
        "AveragePool",
        "MaxPool",
        "Conv",
        "Concat",
        "Tanh",
        "Add",
        "Flatten",
        "Gemm",
        "Sigmoid",
        "Gemm",
    ];
    assert_eq!(kinds, expected);
    let ints = |node: usize, name: &str| {
        let attribute = found.node[node].attribute.iter().find(|a| a.name == name).unwrap();
        if attribute.kind == INTS { attribute.ints.clone() } else { vec![attribute.i] }
    };
    // Of one zero, the odd one is to the right and below.
    assert_eq!((ints(0, "pads"), ints(0, "strides")), (vec![0, 0, 1, 1], vec![2, 2]));
    assert_eq!((ints(1, "group"), ints(1, "dilations"), ints(1, "pads")), (vec![4], vec![2, 2], vec![0; 4]));
    assert_eq!((ints(10, "count_include_pad"), ints(10, "pads")), (vec![1], vec![1; 4]));
    assert_eq!(found.node[2].attribute[0].f, 0.01);
    assert_eq!(found.node[13].input[0], found.node[10].output[0], "dropout is not there");
    assert_eq!(found.node[1].input.len(), 2, "no bias");
}

#[test]
fn weights_of_another_network_are_refused() {
    let graph = |classes| shipped::find("lenet").unwrap().unwrap().graph(32, classes).unwrap();
    let error = Weights::read(&graph(3), &file(&graph(4))).unwrap_err().to_string();
    assert!(error.contains("fc3.weight") && error.contains("[3, 84]"), "{error}");
    assert!(Weights::read(&graph(3), b"nothing").is_err());
    assert!(model(&graph(3), "net", &Weights::default(), &[]).unwrap_err().to_string().contains("conv1.weight"));
}
