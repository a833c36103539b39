//! From a graph of blocks to ONNX.

use crate::error::OnnxError;
use crate::proto::{
    AttributeProto, Dimension, DimensionValue, FLOAT, FLOAT_TENSOR, GraphProto, INT, INTS, ModelProto, NodeProto,
    OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto, TensorType, TypeProto, ValueInfoProto,
};
use crate::weights::Weights;
use plugin_blocks::{Activation, Dims, Graph, Node, Op, Window};

/// What goes in: `[N, 3, size, size]`, normalised.
pub const INPUT: &str = "pixels";
/// What comes out: `[N, classes]`.
pub const OUTPUT: &str = "logits";
/// Version of ONNX's operators: the lowest in which `Clip` takes its ends and `TopK` its k as inputs, as later ones do.
const OPSET: i64 = 11;
/// Version of ONNX's messages, the one that came with these operators.
const IR_VERSION: i64 = 6;

/// Makes a model. Batch normalisations stay what they are; dropout, which does nothing in use, is left out. `notes` are
/// keys and values to be kept with it.
///
/// # Errors
/// [`OnnxError::Weights`] when a weight is missing.
pub fn model(graph: &Graph, name: &str, weights: &Weights, notes: &[(&str, String)]) -> Result<ModelProto, OnnxError> {
    let mut writer = Writer::new(graph, weights);
    for node in &graph.nodes {
        let value = writer.write(node)?;
        writer.values.push(value);
    }
    let output = rows(OUTPUT, graph.classifier().output.count());
    writer.finish(name, vec![output], notes)
}

/// A value of shape `[N, columns]`.
fn rows(name: &str, columns: u64) -> ValueInfoProto {
    value(name, vec![DimensionValue::DimParam("N".to_owned()), DimensionValue::DimValue(columns as i64)])
}

struct Writer<'a> {
    graph: &'a Graph,
    weights: &'a Weights,
    /// What the value of each node is called.
    values: Vec<String>,
    nodes: Vec<NodeProto>,
    initializers: Vec<TensorProto>,
}

impl<'a> Writer<'a> {
    fn new(graph: &'a Graph, weights: &'a Weights) -> Self {
        Self { graph, weights, values: Vec::new(), nodes: Vec::new(), initializers: Vec::new() }
    }

    /// The model of what was written.
    fn finish(
        self,
        name: &str,
        output: Vec<ValueInfoProto>,
        notes: &[(&str, String)],
    ) -> Result<ModelProto, OnnxError> {
        let Dims::Map([channels, height, width]) = self.graph.nodes[0].output else {
            return Err(OnnxError::Weights("the input is no picture".to_owned()));
        };
        let side = |length: u64| DimensionValue::DimValue(length as i64);
        let batch = DimensionValue::DimParam("N".to_owned());
        let input = vec![value(INPUT, vec![batch, side(channels), side(height), side(width)])];
        let (node, initializer, name) = (self.nodes, self.initializers, name.to_owned());
        let note =
            |(key, value): &(&str, String)| StringStringEntryProto { key: (*key).to_owned(), value: value.clone() };
        Ok(ModelProto {
            ir_version: IR_VERSION,
            producer_name: "wakuteka".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(GraphProto { node, name, initializer, input, output }),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
            metadata_props: notes.iter().map(note).collect(),
        })
    }

    /// Writes what a node does and returns what its value is called.
    fn write(&mut self, node: &Node) -> Result<String, OnnxError> {
        let inputs: Vec<String> = node.inputs.iter().map(|i| self.values[*i].clone()).collect();
        let last = node.name == self.graph.classifier().name;
        let output = if last { OUTPUT.to_owned() } else { node.name.clone() };
        let before = node.inputs.first().map_or(node.output, |i| self.graph.nodes[*i].output);
        let first = inputs.first().cloned().unwrap_or_default();
        let with = |more: Vec<String>| [vec![first.clone()], more].concat();
        match &node.op {
            Op::Input => return Ok(INPUT.to_owned()),
            Op::Dropout { .. } => return Ok(first),
            Op::Convolution(convolution) => {
                let mut attributes = window(&convolution.window, before);
                attributes.push(whole("group", convolution.groups));
                attributes.push(wholes("dilations", &[convolution.window.dilation; 2]));
                let inputs = with(self.weights(node)?);
                self.add("Conv", &output, inputs, attributes);
            }
            Op::BatchNormalization { epsilon, .. } => {
                let inputs = with(self.weights(node)?);
                self.add("BatchNormalization", &output, inputs, vec![real("epsilon", *epsilon)]);
            }
            Op::Affine { .. } => {
                let row = match before {
                    Dims::Row(_) => first.clone(),
                    Dims::Map(_) => self.step("Flatten", &output, "flat", vec![first.clone()], vec![whole("axis", 1)]),
                };
                let inputs = [vec![row], self.weights(node)?].concat();
                self.add("Gemm", &output, inputs, vec![whole("transB", 1)]);
            }
            Op::MaxPooling(pooling) => self.add("MaxPool", &output, inputs, window(pooling, before)),
            Op::AveragePooling(pooling) => {
                let mut attributes = window(pooling, before);
                attributes.push(whole("count_include_pad", 1));
                self.add("AveragePool", &output, inputs, attributes);
            }
            Op::GlobalAveragePooling => {
                let mean = self.step("GlobalAveragePool", &output, "mean", inputs, Vec::new());
                self.add("Flatten", &output, vec![mean], vec![whole("axis", 1)]);
            }
            Op::Flatten => self.add("Flatten", &output, inputs, vec![whole("axis", 1)]),
            Op::Activation(activation) => self.activation(*activation, &output, first),
            Op::Add => self.add("Add", &output, inputs, Vec::new()),
            Op::Concatenation => self.add("Concat", &output, inputs, vec![whole("axis", 1)]),
        }
        Ok(output)
    }

    fn activation(&mut self, activation: Activation, output: &str, x: String) {
        match activation {
            Activation::Relu => self.add("Relu", output, vec![x], Vec::new()),
            Activation::Relu6 => {
                let ends = [("min", 0.0), ("max", 6.0)].map(|(name, v)| self.constant(output, name, v));
                self.add("Clip", output, [vec![x], ends.to_vec()].concat(), Vec::new());
            }
            Activation::LeakyRelu { slope } => self.add("LeakyRelu", output, vec![x], vec![real("alpha", slope)]),
            Activation::Tanh => self.add("Tanh", output, vec![x], Vec::new()),
            Activation::Sigmoid => self.add("Sigmoid", output, vec![x], Vec::new()),
            // x · (1 + erf(x / √2)) / 2; an operator of its own came with version 20.
            Activation::Gelu => {
                let root = self.constant(output, "root", std::f32::consts::SQRT_2);
                let one = self.constant(output, "one", 1.0);
                let half = self.constant(output, "half", 0.5);
                let scaled = self.step("Div", output, "scaled", vec![x.clone(), root], Vec::new());
                let erf = self.step("Erf", output, "erf", vec![scaled], Vec::new());
                let sum = self.step("Add", output, "sum", vec![erf, one], Vec::new());
                let product = self.step("Mul", output, "product", vec![x, sum], Vec::new());
                self.add("Mul", output, vec![product, half], Vec::new());
            }
        }
    }

    /// An operation of several that make up a block: its value is called after the block's.
    fn step(&mut self, kind: &str, block: &str, name: &str, inputs: Vec<String>, how: Vec<AttributeProto>) -> String {
        let output = format!("{block}/{name}");
        self.add(kind, &output, inputs, how);
        output
    }

    fn add(&mut self, kind: &str, output: &str, input: Vec<String>, attribute: Vec<AttributeProto>) {
        let (name, output) = (output.to_owned(), vec![output.to_owned()]);
        self.nodes.push(NodeProto { input, output, name, op_type: kind.to_owned(), attribute });
    }

    /// Writes the weights of a node and returns what they are called.
    fn weights(&mut self, node: &Node) -> Result<Vec<String>, OnnxError> {
        let mut names = Vec::new();
        for weight in node.weights() {
            let raw_data = self.weights.bytes(&weight.name)?;
            let dims = weight.shape.iter().map(|side| *side as i64).collect();
            names.push(weight.name.clone());
            self.initializers.push(TensorProto { dims, data_type: FLOAT_TENSOR, name: weight.name, raw_data });
        }
        Ok(names)
    }

    fn constant(&mut self, block: &str, name: &str, value: f32) -> String {
        self.tensor(&format!("{block}/{name}"), &[], &[value])
    }

    /// Writes 32-bit floats and returns what they are called.
    fn tensor(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let dims = shape.iter().map(|side| *side as i64).collect();
        self.initializers.push(TensorProto { dims, data_type: FLOAT_TENSOR, name: name.to_owned(), raw_data });
        name.to_owned()
    }
}

/// `pads` are before height, before width, after height, after width.
fn window(window: &Window, input: Dims) -> Vec<AttributeProto> {
    let Window { kernel, stride, padding, .. } = *window;
    let sides = if let Dims::Map([_, height, width]) = input { [height, width] } else { [1, 1] };
    let [(top, bottom), (left, right)] = sides.map(|side| padding.before_and_after(side, kernel, stride));
    vec![
        wholes("kernel_shape", &[kernel; 2]),
        wholes("strides", &[stride; 2]),
        wholes("pads", &[top, left, bottom, right]),
    ]
}

fn whole(name: &str, value: u64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), i: value as i64, kind: INT, ..AttributeProto::default() }
}

fn wholes(name: &str, values: &[u64]) -> AttributeProto {
    let ints = values.iter().map(|v| *v as i64).collect();
    AttributeProto { name: name.to_owned(), ints, kind: INTS, ..AttributeProto::default() }
}

fn real(name: &str, value: f64) -> AttributeProto {
    AttributeProto { name: name.to_owned(), f: value as f32, kind: FLOAT, ..AttributeProto::default() }
}

fn value(name: &str, sides: Vec<DimensionValue>) -> ValueInfoProto {
    let dim = sides.into_iter().map(|value| Dimension { value: Some(value) }).collect();
    let tensor_type = TensorType { elem_type: FLOAT_TENSOR, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.to_owned(), kind: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}

pub mod head;
#[cfg(test)]
mod tests;
