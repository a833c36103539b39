//! Names, shapes and mistakes.

use super::*;

fn graph(text: &str) -> Result<Graph, String> {
    Description::parse("net.yml", text).and_then(|d| d.graph(32, 5)).map_err(|e| e.to_string())
}

fn line(graph: &Graph) -> Vec<String> {
    graph.nodes[1..].iter().map(|n| format!("{} {}", n.name, n.output)).collect()
}

#[test]
fn shapes_work_themselves_out_and_names_are_given() {
    let graph = graph(
        "blocks: [{convolution: 8, kernel: 5, padding: same, stride: 2}, batch-normalization, relu, {max-pooling: 2},
          {convolution: inputs * 2, kernel: 3, groups: inputs}, {average-pooling: 3, stride: 1, padding: 1},
          {dropout: 0.2}, flatten, {affine: 10}, tanh, {affine: classes}]",
    );
    let expected = [
        "conv1 8 × 16 × 16",
        "bn1 8 × 16 × 16",
        "relu1 8 × 16 × 16",
        "pool1 8 × 8 × 8",
        "conv2 16 × 6 × 6",
        "pool2 16 × 6 × 6",
        "dropout1 16 × 6 × 6",
        "flatten1 576",
        "affine1 10",
        "tanh1 10",
        "affine2 5",
    ];
    let graph = graph.unwrap();
    assert_eq!(line(&graph), expected);
    let convolution = 8 * 3 * 25 + 8;
    assert_eq!(graph.nodes[1].parameters(), convolution);
    assert_eq!(graph.nodes[1].multiply_adds(), 16 * 16 * 8 * 3 * 25);
    assert_eq!(graph.parameters(), convolution + 16 + 16 * 9 + 16 + 5770 + 55);
    assert_eq!(graph.classifier().name, "affine2");
}

#[test]
fn named_blocks_are_used_with_parameters_and_repeated() {
    let graph = graph(
        "
         definitions:
           basic:
             parameters: {channels: required, stride: 1}
             blocks:
               - residual: [{convolution: channels, kernel: 3, stride: stride, padding: 1, name: conv1}, relu]
                 if-shapes-differ: [{convolution: channels, kernel: 1, stride: stride, name: down.0}]
         blocks:
           - {use: basic, channels: 3, repeat: 2, name: layer1}
           - {use: basic, channels: 3 * 4, repeat: 2, first: {stride: 2}, name: layer2}
           - {use: basic, channels: inputs, name: last}
           - {sequence: [{repeat: 1, blocks: [relu]}, {repeat: 2, blocks: [tanh]}], name: blocks}
           - {affine: classes, name: fc}",
    )
    .unwrap();
    let convolutions: Vec<&str> =
        graph.nodes.iter().filter(|n| n.op.kind() == "convolution").map(|n| &n.name[..]).collect();
    let expected =
        ["layer1.0.conv1", "layer1.1.conv1", "layer2.0.conv1", "layer2.0.down.0", "layer2.1.conv1", "last.conv1"];
    assert_eq!(convolutions, expected);
    let names: Vec<&str> = graph.nodes.iter().map(|n| &n.name[..]).collect();
    assert_eq!(names[names.len() - 4..], ["blocks.0.relu1", "blocks.1.tanh1", "blocks.2.tanh1", "fc"]);
    let weights: Vec<String> = graph.weights().into_iter().map(|w| w.name).collect();
    assert!(weights.contains(&"layer2.0.down.0.weight".to_owned()) && weights.contains(&"fc.bias".to_owned()));
    assert!(matches!(&graph.tree[0], Part::Group { title, .. } if title == "layer1.0"));
}

#[test]
fn first_repeat_may_differ_and_shortcuts_be_left_out() {
    let graph = graph(
        "blocks:
           - repeat: 2
             first: {step: 2}
             then: {step: 1}
             blocks:
               - residual: [{convolution: inputs, kernel: 3, stride: step, padding: same}]
                 if-shapes-differ: no-shortcut
           - {concatenation: [[], [{convolution: 1, kernel: 1}], [{max-pooling: 3, stride: 1, padding: 1}]], name: mixed}
           - {affine: classes}",
    )
    .unwrap();
    let expected = [
        "0.conv1 3 × 16 × 16",
        "1.conv1 3 × 16 × 16",
        "1.add1 3 × 16 × 16",
        "mixed.conv1 1 × 16 × 16",
        "mixed.pool1 3 × 16 × 16",
        "mixed.cat1 7 × 16 × 16",
        "affine1 5",
    ];
    assert_eq!(line(&graph), expected);
    assert_eq!(graph.nodes[6].inputs, [3, 4, 5]);
    assert_eq!(graph.readers()[3], 3);
}

#[test]
fn an_error_names_file_place_input_and_what_fits() {
    for (text, parts) in [
        (
            "blocks: [relu, {residual: [relu, {convolution: 4, kernel: 40, name: big}]}, {affine: classes}]",
            &[
                "net.yml: block 2 (residual) > block 2 (convolution big): ",
                "40 px",
                "up to 32",
                "(its input is 3 × 32 × 32)",
            ][..],
        ),
        (
            "blocks: [{affine: 9}, {max-pooling: 2}, {affine: classes}]",
            &["block 2 (max-pooling)", "goes before", "is 9"],
        ),
        (
            "blocks: [{residual: [{convolution: 9, kernel: 1}]}, {affine: classes}]",
            &["9 × 32 × 32", "3 × 32 × 32", "if-shapes-differ"],
        ),
        (
            "blocks: [{concatenation: [[], [{max-pooling: 2}]]}, {affine: classes}]",
            &["3 × 16 × 16", "must be the same"],
        ),
        ("blocks: [{convolution: 4, kernel: 1, groups: 2}, {affine: classes}]", &["groups: 2 must divide", "(3)"]),
        ("blocks: [{max-pooling: 3, padding: 2}, {affine: classes}]", &["padding is 2", "0 to 1"]),
        ("blocks: [{dropout: 1}, {affine: classes}]", &["dropout is 1", "0 to 0.99"]),
        (
            "blocks: [{convolution: chanels, kernel: 1}, {affine: classes}]",
            &["chanels", "known are: classes, height, inputs, width"],
        ),
        ("blocks: [{convolution: 0, kernel: 1}, {affine: classes}]", &["convolution is 0"]),
        ("blocks: [{use: basic}, {affine: classes}]", &["\"basic\" is not defined"]),
        ("blocks: [{relu, name: a}, {relu, name: a}, {affine: classes}]", &["block \"a\" already"]),
        ("blocks: [relu]", &["the last block must be {affine: classes"]),
        ("blocks: [{affine: 4}]", &["the last block must be"]),
        ("blocks: [{affine: 65536}, {affine: 65536}, {affine: classes}]", &["trainable parameters"]),
        ("blocks: [{repeat: 65536, blocks: [relu]}, {affine: classes}]", &["repeat: 65536"]),
        ("blocks: [{repeat: 2, first: {a: 1}, blocks: [relu]}, {affine: classes}]", &["first and then"]),
        (
            "blocks: [{repeat: 2, first: {inputs: 1}, then: {inputs: 1}, blocks: []}, {affine: classes}]",
            &["another name"],
        ),
        ("sizes: [64, 128]\nblocks: [{affine: classes}]", &["64 to 128 px, not 32 px"]),
    ] {
        let error = graph(text).unwrap_err();
        assert!(parts.iter().all(|part| error.contains(part)), "{text}: {error}");
    }
}

#[test]
fn definitions_are_checked_too() {
    let with = |last: &str| {
        let text = format!(
            "
             definitions:
               a: {{parameters: {{channels: required, stride: 1}}, blocks: [{{convolution: channels, kernel: 1, stride: stride}}]}}
               b: {{blocks: [{{use: b}}]}}
             blocks: [{last}, {{affine: classes}}]"
        );
        graph(&text).unwrap_err()
    };
    assert!(with("{use: a}").contains("needs a value of channels"));
    assert!(with("{use: a, chanels: 3}").contains("accepted are: channels, stride"));
    assert!(with("{use: a, channels: 3, first: {stride: 2}}").contains("first goes with repeat"));
    assert!(with("{use: a, channels: 3, repeat: 2, first: {strid: 2}}").contains("\"strid\" is no parameter"));
    assert!(with("{use: b}").contains("does it use itself?"));
}

#[test]
fn stored_values_are_taken_up_again() {
    let crossing = graph(
        "blocks: [{convolution: 4, kernel: 1, name: a}, {store: a}, tanh, {store: b}, {from: a}, {prelu, name: c},
          {add: [[], [{from: b}]]}, {store: d}, {concatenation: [[{from: a}], [], [{from: b}]]}, {affine: 7, bias: false},
          {group-normalization: 1}, {affine: classes}]",
    )
    .unwrap();
    let inputs: Vec<(&str, &[usize])> = crossing.nodes.iter().map(|node| (node.op.kind(), &node.inputs[..])).collect();
    let expected: [(&str, &[usize]); 9] = [
        ("input", &[]),
        ("convolution", &[0]),
        ("tanh", &[1]),
        ("prelu", &[1]),
        ("add", &[3, 2]),
        ("concatenation", &[1, 4, 2]),
        ("affine", &[5]),
        ("group-normalization", &[6]),
        ("affine", &[7]),
    ];
    assert_eq!(inputs, expected);
    assert_eq!(crossing.parameters(), 16 + 4 + 12 * 1024 * 7 + 14 + 40);
    let svg = crate::drawing::svg(&crossing, "crossing");
    assert_eq!(svg.matches("from a").count(), 2, "taken up by c and by the concatenation");
    for (text, parts) in [
        ("blocks: [relu, {from: a}, {affine: classes}]", ["block 2 (from)", "nothing was stored as \"a\""]),
        ("blocks: [{store: a}, relu, {from: a}, {affine: classes}]", ["nothing reads what relu1 gives", "net.yml"]),
        ("blocks: [{affine: classes, bias: false}]", ["the last block must be", "classes"]),
        ("blocks: [{group-normalization: 2}, {affine: classes}]", ["group-normalization: 2 must divide", "3"]),
        ("blocks: [{pad: [1, 1, 1]}, {affine: classes}]", ["pad", "4"]),
        ("blocks: [flatten, {pad: [1, 1, 1, 1]}, {affine: classes}]", ["block 2 (pad)", "channels × height × width"]),
    ] {
        let error = graph(text).unwrap_err();
        assert!(parts.iter().all(|part| error.contains(part)), "{text}: {error}");
    }
}
