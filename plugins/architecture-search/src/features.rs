//! A network as numbers that a Gaussian process can compare: sizes, depth, widths, which kinds of blocks it has and how much.

use plugin_blocks::{Dims, Graph, Node, Op};

/// Names of the features, in order.
pub const NAMES: [&str; 24] = [
    "ln multiply-adds",
    "ln parameters",
    "ln activations",
    "depth in layers with weights",
    "ln (1 + convolutions)",
    "ln (1 + grouped convolutions)",
    "affine blocks",
    "batch normalizations a layer",
    "additions",
    "concatenations",
    "sum of dropout rates",
    "max poolings",
    "average poolings",
    "global average pooling",
    "mean ln channels of convolutions",
    "greatest ln channels of convolutions",
    "mean kernel",
    "ln inputs of the classifier",
    "ln side of the last map",
    "ln receptive field",
    "activations a layer",
    "share of rectifiers among activations",
    "share of saturating activations",
    "ln channels of the last map",
];

/// The features of a network, in the order of [`NAMES`].
pub fn features(graph: &Graph) -> Vec<f64> {
    let nodes = &graph.nodes;
    let count = |wanted: fn(&Op) -> bool| nodes.iter().filter(|node| wanted(&node.op)).count() as f64;
    let ln = |number: u64| (1.0 + number as f64).ln();
    let convolutions: Vec<_> =
        nodes.iter().filter_map(|node| if let Op::Convolution(c) = &node.op { Some(c) } else { None }).collect();
    let widths: Vec<f64> = convolutions.iter().map(|c| ln(c.channels[1])).collect();
    let mean = |values: &[f64]| if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 };
    let kernels: Vec<f64> = convolutions.iter().map(|c| c.window.kernel[0].max(c.window.kernel[1]) as f64).collect();
    let affine = count(|op| matches!(op, Op::Affine { .. }));
    let layers = (convolutions.len() as f64 + affine).max(1.0);
    let kinds: Vec<&str> =
        nodes.iter().filter(|node| matches!(node.op, Op::Activation(_))).map(|node| node.op.kind()).collect();
    let share =
        |of: &[&str]| kinds.iter().filter(|kind| of.contains(kind)).count() as f64 / (kinds.len() as f64).max(1.0);
    let last_map =
        nodes.iter().rev().find_map(|node| if let Dims::Map(sides) = node.output { Some(sides) } else { None });
    let [channels, height, _] = last_map.unwrap_or([1, 1, 1]);
    let rates = nodes.iter().map(|node| if let Op::Dropout { rate } = node.op { rate } else { 0.0 });
    let classifier = match graph.classifier().op {
        Op::Affine { inputs, .. } => inputs,
        _ => 1,
    };
    let (depth, receptive) = depth_and_receptive_field(nodes);
    vec![
        ln(graph.multiply_adds()),
        ln(graph.parameters()),
        ln(nodes.iter().map(|node| node.output.count()).sum()),
        depth,
        ln(convolutions.len() as u64),
        ln(convolutions.iter().filter(|c| c.groups > 1).count() as u64),
        affine,
        count(|op| matches!(op, Op::BatchNormalization { .. })) / layers,
        count(|op| *op == Op::Add),
        count(|op| *op == Op::Concatenation),
        rates.sum(),
        count(|op| matches!(op, Op::MaxPooling(_))),
        count(|op| matches!(op, Op::AveragePooling { .. })),
        count(|op| *op == Op::GlobalAveragePooling),
        mean(&widths),
        widths.iter().copied().fold(0.0, f64::max),
        mean(&kernels),
        ln(classifier),
        ln(height),
        receptive.ln(),
        kinds.len() as f64 / layers,
        share(&["relu", "relu6", "leaky-relu", "prelu", "elu", "gelu", "swish", "selu"]),
        share(&["tanh", "sigmoid"]),
        ln(channels),
    ]
}

/// The most layers with weights on a way to the end, and the side of what a place of the last map sees, pixels.
fn depth_and_receptive_field(nodes: &[Node]) -> (f64, f64) {
    // Depth, receptive field, and pixels from one place to the next.
    let mut known: Vec<(f64, f64, f64)> = Vec::with_capacity(nodes.len());
    let mut widest: f64 = 1.0;
    for node in nodes {
        let before = node.inputs.iter().map(|i| known[*i]);
        let (depth, field, step) =
            before.fold((0.0, 1.0, 1.0), |a: (f64, f64, f64), b| (a.0.max(b.0), a.1.max(b.1), a.2.max(b.2)));
        let window = match &node.op {
            Op::Convolution(c) => Some(c.window),
            Op::MaxPooling(window) | Op::AveragePooling { window, .. } => Some(*window),
            _ => None,
        };
        let (field, step) = window.map_or((field, step), |w| {
            let reach = (w.kernel[0] - 1) * w.dilation[0];
            (field + reach as f64 * step, step * w.stride[0] as f64)
        });
        let is_layer = matches!(node.op, Op::Convolution(_) | Op::Affine { .. });
        known.push((depth + f64::from(u8::from(is_layer)), field, step));
        widest = widest.max(field);
    }
    (known.last().map_or(0.0, |last| last.0), widest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_blocks::shipped;

    #[test]
    fn shipped_networks_have_the_features_that_they_have() {
        let graph = shipped::find("cnn-relu").unwrap().unwrap().graph(64, 8).unwrap();
        let values = features(&graph);
        assert_eq!(values.len(), NAMES.len());
        let of = |name: &str| values[NAMES.iter().position(|n| *n == name).unwrap()];
        assert_eq!((of("depth in layers with weights"), of("max poolings"), of("additions")), (3.0, 2.0, 0.0));
        assert!((of("mean kernel") - 5.0).abs() < 1e-12);
        // 5, then pooling: 6, then 5 of 2 pixels: 14, then pooling of 2 pixels: 16.
        assert!((of("ln receptive field") - 16.0_f64.ln()).abs() < 1e-12);
        for name in shipped::names() {
            let graph = shipped::find(name).unwrap().unwrap().graph(64, 8).unwrap();
            assert!(features(&graph).iter().all(|v| v.is_finite()), "{name}");
        }
    }
}
