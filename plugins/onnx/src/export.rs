//! From a graph of blocks to ONNX.

use crate::error::OnnxError;
use crate::proto::{
    AttributeProto, Dimension, DimensionValue, FLOAT, FLOAT_TENSOR, GraphProto, INT, INT64_TENSOR, INTS, ModelProto,
    NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto, TensorShapeProto, TensorType, TypeProto,
    ValueInfoProto,
};
use crate::weights::Weights;
use plugin_blocks::graph::LUMINANCE;
use plugin_blocks::{Activation, Dims, Elementwise, Graph, Node, Op, Scalar, Window};

/// What goes in: `[N, 3, size, size]`, normalised.
pub const INPUT: &str = "pixels";
/// What comes out: `[N, classes]`.
pub const OUTPUT: &str = "logits";
/// The lowest version of ONNX's operators that is written: in it, `BatchNormalization`, `Where` and `Erf` are what they are now.
const LOWEST_OPSET: i64 = 9;
/// Operators that came, or took inputs instead of attributes, later, and when.
const LATER: [(&str, i64); 4] = [("Slice", 10), ("Clip", 11), ("TopK", 11), ("Pad", 11)];
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
            return Err(OnnxError::Weights("the input is no image".to_owned()));
        };
        let side = |length: u64| DimensionValue::DimValue(length as i64);
        let batch = DimensionValue::DimParam("N".to_owned());
        let input = vec![value(INPUT, vec![batch, side(channels), side(height), side(width)])];
        let opset = opset(&self.nodes);
        let (node, initializer, name) = (self.nodes, self.initializers, name.to_owned());
        let note =
            |(key, value): &(&str, String)| StringStringEntryProto { key: (*key).to_owned(), value: value.clone() };
        Ok(ModelProto {
            ir_version: IR_VERSION,
            producer_name: "wakuteka".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(GraphProto { node, name, initializer, input, output }),
            opset_import: vec![OperatorSetIdProto { domain: String::new(), version: opset }],
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
                attributes.push(wholes("dilations", &convolution.window.dilation));
                let inputs = with(self.weights(node)?);
                self.add("Conv", &output, inputs, attributes);
            }
            Op::BatchNormalization { epsilon, .. } => {
                let inputs = with(self.weights(node)?);
                self.add("BatchNormalization", &output, inputs, vec![real("epsilon", *epsilon)]);
            }
            Op::GroupNormalization { groups, epsilon, .. } => {
                let own = self.weights(node)?;
                self.group_normalization(&output, first, own, before, *groups, *epsilon);
            }
            Op::PRelu { slopes } => {
                let slope = self.weights(node)?.swap_remove(0);
                // Slopes are by channel: beside a map they need its axes.
                let slope = match before {
                    Dims::Map(_) => self.reshaped_constant(&output, slope, &[*slopes, 1, 1]),
                    Dims::Row(_) => slope,
                };
                self.add("PRelu", &output, vec![first, slope], Vec::new());
            }
            Op::Pad { around: [(top, bottom), (left, right)], value } => {
                let ends = self.integers(
                    &format!("{output}/pads"),
                    &[0, 0, *top, *left, 0, 0, *bottom, *right].map(|side| side as i64),
                );
                let value = self.constant(&output, "value", *value as f32);
                self.add("Pad", &output, with(vec![ends, value]), Vec::new());
            }
            Op::Affine { bias: false, outputs, .. } => {
                let row = match before {
                    Dims::Row(_) => first.clone(),
                    Dims::Map(_) => self.step("Flatten", &output, "flat", vec![first.clone()], vec![whole("axis", 1)]),
                };
                // Before version 11, the third input had to be there.
                let nothing =
                    self.tensor(&format!("{output}/zeros"), &[*outputs as usize], &vec![0.0; *outputs as usize]);
                let inputs = [vec![row], self.weights(node)?, vec![nothing]].concat();
                self.add("Gemm", &output, inputs, vec![whole("transB", 1)]);
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
            Op::AveragePooling { window: pooling, including_pad } if pooling.ignore_border => {
                let mut attributes = window(pooling, before);
                attributes.push(whole("count_include_pad", u64::from(*including_pad)));
                self.add("AveragePool", &output, inputs, attributes);
            }
            Op::AveragePooling { window, including_pad } => {
                self.partial(&output, inputs, window, before, Some(*including_pad));
            }
            Op::SumPooling(window) => self.partial(&output, inputs, window, before, None),
            Op::GlobalAveragePooling => {
                let mean = self.step("GlobalAveragePool", &output, "mean", inputs, Vec::new());
                self.add("Flatten", &output, vec![mean], vec![whole("axis", 1)]);
            }
            Op::Flatten => self.add("Flatten", &output, inputs, vec![whole("axis", 1)]),
            Op::Activation(activation) => self.activation(*activation, &output, first),
            Op::Add => self.add("Add", &output, inputs, Vec::new()),
            Op::Elementwise(operation) => {
                let kind = match operation {
                    Elementwise::Subtract => "Sub",
                    Elementwise::Multiply => "Mul",
                    Elementwise::Divide => "Div",
                    Elementwise::Maximum => "Max",
                    Elementwise::Minimum => "Min",
                };
                let inputs = self.with_equal_ranks(node, inputs, &output);
                self.add(kind, &output, inputs, Vec::new());
            }
            Op::Scalar(scalar) => {
                let (kind, value) = match *scalar {
                    Scalar::Multiply(value) => ("Mul", value),
                    Scalar::Add(value) => ("Add", value),
                    Scalar::Power(value) => ("Pow", value),
                    Scalar::Maximum(value) => ("Max", value),
                    Scalar::Minimum(value) => ("Min", value),
                };
                let constant = self.constant(&output, "constant", value as f32);
                self.add(kind, &output, vec![first, constant], Vec::new());
            }
            Op::Transpose { axes } => {
                let [a, b, c] = axes.map(|axis| axis as u64 + 1);
                self.add("Transpose", &output, inputs, vec![wholes("perm", &[0, a, b, c])]);
            }
            Op::Reshape => self.reshaped(&output, first, &sides(node.output)),
            Op::ChannelShuffle { groups } => {
                let [channels, height, width] = sides(node.output);
                let apart = format!("{output}/groups");
                self.reshaped(&apart, first, &[*groups, channels / groups, height, width]);
                let how = vec![wholes("perm", &[0, 2, 1, 3, 4])];
                let turned = self.step("Transpose", &output, "shuffled", vec![apart], how);
                self.reshaped(&output, turned, &[channels, height, width]);
            }
            Op::Slice { start, stop, step } => {
                let whole = |numbers: &[u64; 3]| numbers.map(|number| number as i64);
                let ends =
                    [("starts", whole(start)), ("ends", whole(stop)), ("axes", [1, 2, 3]), ("steps", whole(step))];
                let ends = ends.map(|(name, numbers)| self.integers(&format!("{output}/{name}"), &numbers));
                self.add("Slice", &output, with(ends.to_vec()), Vec::new());
            }
            Op::Grey => {
                let shares = self.tensor(&format!("{output}/shares"), &[1, 3, 1, 1], &LUMINANCE);
                self.add("Conv", &output, with(vec![shares]), vec![wholes("kernel_shape", &[1, 1])]);
            }
            Op::Concatenation => self.add("Concat", &output, inputs, vec![whole("axis", 1)]),
        }
        Ok(output)
    }

    /// Means or sums with a divisor of their own: zeros around, means of all of the window, and a factor a place.
    fn partial(
        &mut self,
        output: &str,
        inputs: Vec<String>,
        pooling: &Window,
        input: Dims,
        including_pad: Option<bool>,
    ) {
        let [_, height, width] = sides(input);
        let places = pooling.places([height, width]).unwrap_or([1, 1]);
        let attributes = [window(pooling, input), vec![whole("count_include_pad", 1)]].concat();
        let means = self.step("AveragePool", output, "means", inputs, attributes);
        let factors: Vec<f32> = match including_pad {
            None => vec![pooling.area() as f32; (places[0] * places[1]) as usize],
            Some(including_pad) => pooling.factors([height, width], including_pad),
        };
        let factors =
            self.tensor(&format!("{output}/factors"), &[1, 1, places[0] as usize, places[1] as usize], &factors);
        self.add("Mul", output, vec![means, factors], Vec::new());
    }

    /// Group normalisation, for which there was no operator before version 18: groups as channels of an instance normalisation.
    fn group_normalization(
        &mut self,
        output: &str,
        x: String,
        own: Vec<String>,
        input: Dims,
        groups: u64,
        epsilon: f64,
    ) {
        let [channels, height, width] = sides(input);
        let apart = format!("{output}/groups");
        self.reshaped(&apart, x, &[groups, channels / groups * height * width]);
        let ones = self.tensor(&format!("{output}/ones"), &[groups as usize], &vec![1.0; groups as usize]);
        let zeros = self.tensor(&format!("{output}/zeros"), &[groups as usize], &vec![0.0; groups as usize]);
        let how = vec![real("epsilon", epsilon)];
        let normal = self.step("InstanceNormalization", output, "normal", vec![apart, ones, zeros], how);
        let whole = format!("{output}/whole");
        let shape: Vec<u64> = match input {
            Dims::Map(sides) => sides.to_vec(),
            Dims::Row(numbers) => vec![numbers],
        };
        self.reshaped(&whole, normal, &shape);
        let own: Vec<String> = match input {
            Dims::Map(_) => own.into_iter().map(|own| self.reshaped_constant(output, own, &[channels, 1, 1])).collect(),
            Dims::Row(_) => own,
        };
        let scaled = self.step("Mul", output, "scaled", vec![whole, own[0].clone()], Vec::new());
        self.add("Add", output, vec![scaled, own[1].clone()], Vec::new());
    }

    /// Gives a weight other sides.
    fn reshaped_constant(&mut self, output: &str, weight: String, sides: &[u64]) -> String {
        let wanted: Vec<i64> = sides.iter().map(|side| *side as i64).collect();
        let name = weight.rsplit('.').next().unwrap_or_default().to_owned();
        let wanted = self.integers(&format!("{output}/{name}_sides"), &wanted);
        self.step("Reshape", output, &format!("{name}_by_channel"), vec![weight, wanted], Vec::new())
    }

    /// Gives a value other sides; the images of a batch stay what they are.
    fn reshaped(&mut self, output: &str, x: String, sides: &[u64]) {
        let sides: Vec<i64> = std::iter::once(0).chain(sides.iter().map(|side| *side as i64)).collect();
        let sides = self.integers(&format!("{output}/sides"), &sides);
        self.add("Reshape", output, vec![x, sides], Vec::new());
    }

    /// The values of an operation of two; numbers in a row become channels of one pixel beside a map.
    fn with_equal_ranks(&mut self, node: &Node, mut inputs: Vec<String>, output: &str) -> Vec<String> {
        let shapes: Vec<Dims> = node.inputs.iter().map(|i| self.graph.nodes[*i].output).collect();
        if let [Dims::Map(_), Dims::Row(numbers)] = shapes[..]
            && let Some(second) = inputs.pop()
        {
            let reshaped = format!("{output}/channels");
            self.reshaped(&reshaped, second, &[numbers, 1, 1]);
            inputs.push(reshaped);
        }
        inputs
    }

    /// Writes 64-bit integers and returns what they are called.
    fn integers(&mut self, name: &str, values: &[i64]) -> String {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let dims = vec![values.len() as i64];
        self.initializers.push(TensorProto { dims, data_type: INT64_TENSOR, name: name.to_owned(), raw_data });
        name.to_owned()
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
            Activation::Elu { alpha } => self.add("Elu", output, vec![x], vec![real("alpha", alpha)]),
            Activation::Selu => self.add("Selu", output, vec![x], Vec::new()),
            Activation::Swish => {
                let sigmoid = self.step("Sigmoid", output, "sigmoid", vec![x.clone()], Vec::new());
                self.add("Mul", output, vec![x, sigmoid], Vec::new());
            }
            Activation::Mish => {
                let softplus = self.step("Softplus", output, "softplus", vec![x.clone()], Vec::new());
                let tanh = self.step("Tanh", output, "tanh", vec![softplus], Vec::new());
                self.add("Mul", output, vec![x, tanh], Vec::new());
            }
            Activation::Softplus => self.add("Softplus", output, vec![x], Vec::new()),
            Activation::Softsign => self.add("Softsign", output, vec![x], Vec::new()),
            Activation::LogSigmoid => {
                let negative = self.step("Neg", output, "negative", vec![x], Vec::new());
                let softplus = self.step("Softplus", output, "softplus", vec![negative], Vec::new());
                self.add("Neg", output, vec![softplus], Vec::new());
            }
            Activation::HardSigmoid => {
                self.add("HardSigmoid", output, vec![x], vec![real("alpha", 0.2), real("beta", 0.5)]);
            }
            Activation::HardTanh => {
                let ends = [("min", -1.0), ("max", 1.0)].map(|(name, v)| self.constant(output, name, v));
                self.add("Clip", output, [vec![x], ends.to_vec()].concat(), Vec::new());
            }
            Activation::HardSwish => {
                let how = vec![real("alpha", 1.0 / 6.0), real("beta", 0.5)];
                let share = self.step("HardSigmoid", output, "share", vec![x.clone()], how);
                self.add("Mul", output, vec![x, share], Vec::new());
            }
            Activation::Absolute => self.add("Abs", output, vec![x], Vec::new()),
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

/// The lowest version of ONNX's operators that has all of these as they are written.
fn opset(nodes: &[NodeProto]) -> i64 {
    let since = |node: &NodeProto| LATER.iter().find(|(kind, _)| *kind == node.op_type).map(|(_, version)| *version);
    nodes.iter().filter_map(since).fold(LOWEST_OPSET, i64::max)
}

/// `pads` are before height, before width, after height, after width.
fn window(window: &Window, input: Dims) -> Vec<AttributeProto> {
    let [_, height, width] = sides(input);
    let [(top, bottom), (left, right)] = window.around([height, width]);
    vec![
        wholes("kernel_shape", &window.kernel),
        wholes("strides", &window.stride),
        wholes("pads", &[top, left, bottom, right]),
    ]
}

/// Channels, height and width; numbers in a row are channels of one pixel.
fn sides(dims: Dims) -> [u64; 3] {
    match dims {
        Dims::Map(sides) => sides,
        Dims::Row(numbers) => [numbers, 1, 1],
    }
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
