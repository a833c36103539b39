//! A network of blocks with weights as a `.nnp`.
//!
//! The input `x` is `[N, 3, size, size]`: red, green and blue from 0 to 1, as nnabla and NNC read images. A batch normalisation
//! called `input` takes the mean and divides by the deviation. The output `y` is the probabilities of the classes.

use super::parameters::{Tensor, to_protobuf};
use super::read::transposed;
use super::text::quoted;
use super::{CLASSES, NETWORK, VERSION};
use crate::error::NncError;
use plugin_blocks::graph::LUMINANCE;
use plugin_blocks::{Activation, Dims, Elementwise, Graph, Input, Node, Op, Padding, Scalar, Window};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

/// What a file is made of.
#[derive(Clone, Debug)]
pub struct Export<'a> {
    /// What the network is called.
    pub name: &'a str,
    /// The network.
    pub graph: &'a Graph,
    /// How colours of 0 to 255 are normalised.
    pub input: Input,
    /// Tensors named and laid out as PyTorch's.
    pub weights: &'a BTreeMap<String, Tensor>,
    /// Names of classes in their order.
    pub classes: &'a [String],
    /// What logits are divided by before the softmax.
    pub temperature: f64,
    /// Whether an image may have several classes, each with a probability of its own: a sigmoid in place of the softmax.
    pub several: bool,
    /// What takes the place of the network's last layer, whose weights are not needed then.
    pub head: Option<LinearHead<'a>>,
}

/// A linear layer on the features that a network's last layer reads. Features are scaled to unit length, their magnitudes raised to
/// a power, and scaled to unit length again.
#[derive(Clone, Copy, Debug)]
pub struct LinearHead<'a> {
    /// `[classes, features]`, row-major.
    pub weights: &'a [f32],
    /// `[classes]`.
    pub biases: &'a [f32],
    /// That magnitudes are raised to.
    pub power: f64,
}

/// Rows that are shorter are not scaled to unit length.
const SHORTEST: f64 = 1e-18;

/// Writes a file.
///
/// # Errors
/// [`NncError`] for a missing weight, or a block that nnabla has no function for.
pub fn write(export: &Export<'_>) -> Result<Vec<u8>, NncError> {
    let mut writer = Writer::default();
    let text = writer.network(export)?;
    let mut classes = String::from("index,class\n");
    for (number, class) in export.classes.iter().enumerate() {
        let _ = writeln!(classes, "{number},{}", class.replace(['\n', '\r'], " "));
    }
    let parameters = to_protobuf(&writer.parameters);
    let failed = |e: &dyn std::fmt::Display| NncError::Form(format!("the zip cannot be written: {e}"));
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in [
        (VERSION, "0.1\n".as_bytes()),
        (NETWORK, text.as_bytes()),
        ("parameter.protobuf", &parameters[..]),
        (CLASSES, classes.as_bytes()),
    ] {
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file(name, options).map_err(|e| failed(&e))?;
        zip.write_all(content).map_err(|e| failed(&e))?;
    }
    Ok(zip.finish().map_err(|e| failed(&e))?.into_inner())
}

#[derive(Default)]
struct Writer {
    variables: String,
    functions: String,
    parameters: Vec<(String, Tensor, bool)>,
}

/// What nnabla's value of a node is called and which sides it has, without the batch.
#[derive(Clone)]
struct Value {
    name: String,
    sides: Vec<u64>,
}

impl Writer {
    fn network(&mut self, export: &Export<'_>) -> Result<String, NncError> {
        let graph = export.graph;
        let mut values: Vec<Value> = Vec::new();
        let nodes = if export.head.is_some() { &graph.nodes[..graph.nodes.len() - 1] } else { &graph.nodes[..] };
        for node in nodes {
            let value = if node.op == Op::Input {
                self.input(&export.input, node.output)?
            } else {
                let inputs: Vec<Value> = node.inputs.iter().map(|input| values[*input].clone()).collect();
                self.node(node, inputs, export.weights)?
            };
            values.push(value);
        }
        let mut logits = match &export.head {
            Some(head) => {
                let read = graph.classifier().inputs.first().and_then(|input| values.get(*input)).cloned();
                self.head(read, head)?
            }
            None => values.pop().ok_or_else(|| NncError::Form("the network is empty".to_owned()))?,
        };
        if export.temperature != 1.0 {
            let parameter = format!("mul_scalar_param {{ val: {:?} }}", 1.0 / export.temperature);
            logits = self.function("MulScalar", "temperature", &[&logits.name], &logits.sides, &parameter);
        }
        self.variable("y", "Buffer", true, &logits.sides);
        let (kind, parameter) = if export.several { ("Sigmoid", "") } else { ("Softmax", "softmax_param { axis: 1 }") };
        self.function_into(kind, "probabilities", &[&logits.name], "y", parameter);
        let mut text = format!("network {{\n  name: {}\n  batch_size: 1\n", quoted(export.name));
        text.push_str(&self.variables);
        text.push_str(&self.functions);
        let name = quoted(export.name);
        let _ = write!(
            text,
            "}}\nexecutor {{\n  name: \"runtime\"\n  network_name: {name}\n  data_variable {{ variable_name: \"x\" data_name: \"x\" }}\n  \
             output_variable {{ variable_name: \"y\" data_name: \"y\" }}\n"
        );
        for (name, ..) in &self.parameters {
            let _ = writeln!(text, "  parameter_variable {{ variable_name: {} }}", quoted(name));
        }
        text.push_str("}\n");
        Ok(text)
    }

    /// A head on the features that the last layer would read.
    fn head(&mut self, features: Option<Value>, head: &LinearHead<'_>) -> Result<Value, NncError> {
        let features = features.ok_or_else(|| NncError::Form("the network is empty".to_owned()))?;
        let (dimensions, classes) = (features.sides.iter().product::<u64>(), head.biases.len() as u64);
        if head.weights.len() as u64 != dimensions * classes {
            let problem = format!(
                "the backbone has {dimensions} features, the head {} weights of {classes} classes",
                head.weights.len()
            );
            return Err(NncError::Form(problem));
        }
        let mut x = self.reshape("features", &features, &[dimensions]);
        x = self.unit_length("embedding", &x);
        if head.power != 1.0 {
            let sides = [dimensions];
            let sign = self.function("Sign", "embedding_sign", &[&x.name], &sides, "sign_param { alpha: 0.0 }");
            let size = self.function("Abs", "embedding_size", &[&x.name], &sides, "");
            let raised = self.scalar("PowScalar", "pow_scalar_param", "embedding_raised", &size, head.power);
            x = self.function("Mul2", "embedding_signed", &[&raised.name, &sign.name], &sides, "");
            x = self.unit_length("embedding_power", &x);
        }
        let kernel = transposed(head.weights, classes as usize, dimensions as usize);
        let kernel = self.parameter("head/affine/W", vec![dimensions, classes], kernel, true);
        let bias = self.parameter("head/affine/b", vec![classes], head.biases.to_vec(), true);
        let parameter = "affine_param { base_axis: 1 }";
        Ok(self.function("Affine", "head", &[&x.name, &kernel, &bias], &[classes], parameter))
    }

    /// Rows at unit length; zeros stay zeros.
    fn unit_length(&mut self, name: &str, x: &Value) -> Value {
        let squares = self.scalar("PowScalar", "pow_scalar_param", &format!("{name}_squares"), x, 2.0);
        let parameter = "sum_param { axes: 1 keep_dims: true }";
        let sum = self.function("Sum", &format!("{name}_sum"), &[&squares.name], &[1], parameter);
        let root = self.scalar("PowScalar", "pow_scalar_param", &format!("{name}_root"), &sum, 0.5);
        let length = self.scalar("MaximumScalar", "maximum_scalar_param", &format!("{name}_length"), &root, SHORTEST);
        self.function("Div2", name, &[&x.name, &length.name], &x.sides.clone(), "")
    }

    fn variable(&mut self, name: &str, kind: &str, batch: bool, sides: &[u64]) {
        let batch = if batch { "dim: -1 " } else { "" };
        let sides: Vec<String> = sides.iter().map(|side| format!("dim: {side}")).collect();
        let name = quoted(name);
        let _ = writeln!(
            self.variables,
            "  variable {{ name: {name} type: \"{kind}\" shape {{ {batch}{} }} }}",
            sides.join(" ")
        );
    }

    fn parameter(&mut self, name: &str, shape: Vec<u64>, values: Vec<f32>, trainable: bool) -> String {
        self.variable(name, "Parameter", false, &shape);
        self.parameters.push((name.to_owned(), Tensor { shape, values }, trainable));
        name.to_owned()
    }

    /// Writes a function whose value is called after it.
    fn function(&mut self, kind: &str, name: &str, inputs: &[&str], sides: &[u64], parameter: &str) -> Value {
        let output = format!("{name}_out");
        self.variable(&output, "Buffer", true, sides);
        self.function_into(kind, name, inputs, &output, parameter);
        Value { name: output, sides: sides.to_vec() }
    }

    fn function_into(&mut self, kind: &str, name: &str, inputs: &[&str], output: &str, parameter: &str) {
        let inputs: Vec<String> = inputs.iter().map(|input| format!("input: {}", quoted(input))).collect();
        let _ = writeln!(
            self.functions,
            "  function {{ name: {} type: \"{kind}\" {} output: {} {parameter} }}",
            quoted(name),
            inputs.join(" "),
            quoted(output)
        );
    }

    /// `x`, from 0 to 1, and its normalisation.
    fn input(&mut self, input: &Input, output: Dims) -> Result<Value, NncError> {
        let Dims::Map(sides) = output else { return Err(NncError::Form("the input is no image".to_owned())) };
        self.variable("x", "Buffer", true, &sides);
        let channels = vec![1, 3, 1, 1];
        let of_1 = |values: [f32; 3]| values.map(|value| value / 255.0).to_vec();
        let variance = input.deviation.map(|value| (value / 255.0) * (value / 255.0)).to_vec();
        let own = [
            self.parameter("input/bn/beta", channels.clone(), vec![0.0; 3], false),
            self.parameter("input/bn/gamma", channels.clone(), vec![1.0; 3], false),
            self.parameter("input/bn/mean", channels.clone(), of_1(input.mean), false),
            self.parameter("input/bn/var", channels, variance, false),
        ];
        let inputs: Vec<&str> = ["x"].into_iter().chain(own.iter().map(String::as_str)).collect();
        let parameter = "batch_normalization_param { axes: 1 decay_rate: 0.9 eps: 0 batch_stat: false }";
        Ok(self.function("BatchNormalization", "input", &inputs, &sides, parameter))
    }

    fn node(&mut self, node: &Node, inputs: Vec<Value>, weights: &BTreeMap<String, Tensor>) -> Result<Value, NncError> {
        let Some(first) = inputs.first().cloned() else {
            return Err(NncError::Form(format!("{} reads nothing", node.name)));
        };
        let name = node.name.as_str();
        let sides = match node.output {
            Dims::Map(sides) => sides.to_vec(),
            // A mean over the map stays a map of one pixel, which nnabla's functions take as well.
            Dims::Row(numbers) if first.sides.len() == 3 && !matches!(node.op, Op::Affine { .. } | Op::Flatten) => {
                vec![numbers, 1, 1]
            }
            Dims::Row(numbers) => vec![numbers],
        };
        let scope = match node.op {
            Op::Affine { .. } => "affine",
            Op::BatchNormalization { .. } => "bn",
            Op::GroupNormalization { .. } => "group_normalization",
            Op::PRelu { .. } => "prelu",
            _ => "conv",
        };
        let named = |role: &str| format!("{}/{scope}/{role}", name.replace('.', "/"));
        let weight = |suffix: &str| {
            let name = format!("{name}.{suffix}");
            let tensor = weights.get(&name).cloned();
            tensor.ok_or_else(|| NncError::Form(format!("{name} is missing")))
        };
        Ok(match &node.op {
            Op::Input | Op::Dropout { .. } => first,
            Op::Convolution(convolution) => {
                let (x, pad) = self.padded(name, first, &convolution.window);
                let kernel = weight("weight")?;
                let mut own = vec![self.parameter(&named("W"), kernel.shape, kernel.values, true)];
                if convolution.bias {
                    let bias = weight("bias")?;
                    own.push(self.parameter(&named("b"), bias.shape, bias.values, true));
                }
                let parameter = format!(
                    "convolution_param {{ base_axis: 1 pad {{ {} }} stride {{ {} }} dilation {{ {} }} group: {} }}",
                    dims(&pad),
                    dims(&convolution.window.stride),
                    dims(&convolution.window.dilation),
                    convolution.groups
                );
                let all: Vec<&str> = [x.name.as_str()].into_iter().chain(own.iter().map(String::as_str)).collect();
                self.function("Convolution", name, &all, &sides, &parameter)
            }
            Op::BatchNormalization { channels, epsilon, momentum } => {
                let shape: Vec<u64> = [1, *channels].into_iter().chain(sides.iter().skip(1).map(|_| 1)).collect();
                let mut own = Vec::new();
                for (role, suffix, trainable) in [
                    ("beta", "bias", true),
                    ("gamma", "weight", true),
                    ("mean", "running_mean", false),
                    ("var", "running_var", false),
                ] {
                    own.push(self.parameter(&named(role), shape.clone(), weight(suffix)?.values, trainable));
                }
                let all: Vec<&str> = [first.name.as_str()].into_iter().chain(own.iter().map(String::as_str)).collect();
                let parameter = format!(
                    "batch_normalization_param {{ axes: 1 decay_rate: {:?} eps: {epsilon:?} batch_stat: false }}",
                    1.0 - momentum
                );
                self.function("BatchNormalization", name, &all, &sides, &parameter)
            }
            Op::GroupNormalization { groups, epsilon, .. } => {
                let channels = first.sides[0];
                let shape: Vec<u64> = [1, channels].into_iter().chain(first.sides[1..].iter().map(|_| 1)).collect();
                let beta = self.parameter(&named("beta"), shape.clone(), weight("bias")?.values, true);
                let gamma = self.parameter(&named("gamma"), shape, weight("weight")?.values, true);
                let parameter = format!(
                    "group_normalization_param {{ num_groups: {groups} channel_axis: 1 batch_axis: 0 eps: {epsilon:?} no_scale: false no_bias: false }}"
                );
                self.function("GroupNormalization", name, &[&first.name, &beta, &gamma], &sides, &parameter)
            }
            Op::PRelu { slopes } => {
                let shape = if *slopes == 1 { Vec::new() } else { vec![*slopes] };
                let slope = self.parameter(&named("slope"), shape, weight("weight")?.values, true);
                self.function("PReLU", name, &[&first.name, &slope], &sides, "prelu_param { base_axis: 1 }")
            }
            Op::Pad { around: [(top, bottom), (left, right)], value } => {
                let widths = [top, bottom, left, right].map(|width| format!("pad_width: {width}")).join(" ");
                let parameter = format!("pad_param {{ {widths} mode: \"constant\" constant_value: {value:?} }}");
                self.function("Pad", name, &[&first.name], &sides, &parameter)
            }
            Op::Affine { inputs, outputs, bias } => {
                let kernel = transposed(&weight("weight")?.values, *outputs as usize, *inputs as usize);
                let kernel = self.parameter(&named("W"), vec![*inputs, *outputs], kernel, true);
                let mut all = vec![first.name.clone(), kernel];
                if *bias {
                    all.push(self.parameter(&named("b"), vec![*outputs], weight("bias")?.values, true));
                }
                let all: Vec<&str> = all.iter().map(String::as_str).collect();
                self.function("Affine", name, &all, &sides, "affine_param { base_axis: 1 }")
            }
            Op::MaxPooling(window) => self.pooling("MaxPooling", "max_pooling_param", name, &first, &sides, window, ""),
            Op::AveragePooling { window, including_pad } => {
                let including = format!("including_pad: {including_pad}");
                self.pooling("AveragePooling", "average_pooling_param", name, &first, &sides, window, &including)
            }
            Op::SumPooling(window) => self.pooling("SumPooling", "sum_pooling_param", name, &first, &sides, window, ""),
            Op::GlobalAveragePooling => self.function("GlobalAveragePooling", name, &[&first.name], &sides, ""),
            Op::Flatten | Op::Reshape => self.reshape(name, &first, &sides),
            Op::Activation(activation) => self.activation(*activation, name, &first, &sides),
            Op::Add => self.function("Add2", name, &names(&inputs), &sides, "add2_param { inplace: false }"),
            Op::Elementwise(operation) => {
                let kind = match operation {
                    Elementwise::Subtract => "Sub2",
                    Elementwise::Multiply => "Mul2",
                    Elementwise::Divide => "Div2",
                    Elementwise::Maximum => "Maximum2",
                    Elementwise::Minimum => "Minimum2",
                };
                let mut inputs = inputs;
                if let [first, second] = &mut inputs[..]
                    && first.sides.len() > second.sides.len()
                {
                    let sides: Vec<u64> = second.sides.iter().copied().chain([1, 1]).take(first.sides.len()).collect();
                    *second = self.reshape(&format!("{name}_channels"), second, &sides);
                }
                self.function(kind, name, &names(&inputs), &sides, "")
            }
            Op::Scalar(scalar) => {
                let (kind, parameter, value) = match *scalar {
                    Scalar::Multiply(value) => ("MulScalar", "mul_scalar_param", value),
                    Scalar::Add(value) => ("AddScalar", "add_scalar_param", value),
                    Scalar::Power(value) => ("PowScalar", "pow_scalar_param", value),
                    Scalar::Maximum(value) => ("MaximumScalar", "maximum_scalar_param", value),
                    Scalar::Minimum(value) => ("MinimumScalar", "minimum_scalar_param", value),
                };
                self.scalar(kind, parameter, name, &first, value)
            }
            Op::Concatenation => {
                self.function("Concatenate", name, &names(&inputs), &sides, "concatenate_param { axis: 1 }")
            }
            Op::Transpose { axes } => self.transposed(name, &first, &axes.map(|axis| axis as u64)),
            Op::ChannelShuffle { groups } => {
                let [channels, height, width] = sides[..] else {
                    return Err(NncError::Form(format!("{name} is no map")));
                };
                let apart =
                    self.reshape(&format!("{name}_groups"), &first, &[*groups, channels / groups, height, width]);
                let turned = self.transposed(&format!("{name}_turned"), &apart, &[1, 0, 2, 3]);
                self.reshape(name, &turned, &sides)
            }
            Op::Slice { start, stop, step } => {
                let list = |key: &str, batch: i64, numbers: &[u64; 3]| {
                    let numbers: Vec<String> = numbers.iter().map(|number| format!("{key}: {number}")).collect();
                    format!("{key}: {batch} {}", numbers.join(" "))
                };
                // nnabla takes the largest number for the whole batch.
                let ends = list("stop", i64::from(i32::MAX), stop);
                let parameter =
                    format!("slice_param {{ {} {ends} {} }}", list("start", 0, start), list("step", 1, step));
                self.function("Slice", name, &[&first.name], &sides, &parameter)
            }
            Op::Grey => {
                let shares = self.parameter(&named("W"), vec![1, 3, 1, 1], LUMINANCE.to_vec(), false);
                let parameter = "convolution_param { base_axis: 1 pad { dim: 0 dim: 0 } stride { dim: 1 dim: 1 } dilation { dim: 1 dim: 1 } group: 1 }";
                self.function("Convolution", name, &[&first.name, &shares], &sides, parameter)
            }
        })
    }

    /// What a convolution reads, and the padding it does itself: nnabla's is the same at both sides.
    fn padded(&mut self, name: &str, x: Value, window: &Window) -> (Value, [u64; 2]) {
        let sides = match x.sides[..] {
            [_, height, width] => [height, width],
            _ => [1, 1],
        };
        let around = match window.padding {
            Padding::Pixels(pixels) => return (x, pixels),
            Padding::Same => window.around(sides),
        };
        let [(top, bottom), (left, right)] = around;
        if top == bottom && left == right {
            return (x, [top, left]);
        }
        let widths: Vec<String> =
            [top, bottom, left, right].iter().map(|width| format!("pad_width: {width}")).collect();
        let parameter = format!("pad_param {{ {} mode: \"constant\" constant_value: 0.0 }}", widths.join(" "));
        let padded = [x.sides[0], sides[0] + top + bottom, sides[1] + left + right];
        (self.function("Pad", &format!("{name}_pad"), &[&x.name], &padded, &parameter), [0, 0])
    }

    #[allow(clippy::too_many_arguments, reason = "names of the function, its input, and its window")]
    fn pooling(
        &mut self,
        kind: &str,
        key: &str,
        name: &str,
        x: &Value,
        sides: &[u64],
        window: &Window,
        more: &str,
    ) -> Value {
        let pad = if let Padding::Pixels(pixels) = window.padding { pixels } else { [0, 0] };
        let parameter = format!(
            "{key} {{ kernel {{ {} }} stride {{ {} }} ignore_border: {} pad {{ {} }} {more} }}",
            dims(&window.kernel),
            dims(&window.stride),
            window.ignore_border,
            dims(&pad)
        );
        self.function(kind, name, &[&x.name], sides, &parameter)
    }

    fn reshape(&mut self, name: &str, x: &Value, sides: &[u64]) -> Value {
        let parameter = format!("reshape_param {{ shape {{ dim: -1 {} }} inplace: false }}", dims(sides));
        self.function("Reshape", name, &[&x.name], sides, &parameter)
    }

    fn transposed(&mut self, name: &str, x: &Value, axes: &[u64]) -> Value {
        let sides: Vec<u64> = axes.iter().map(|axis| x.sides[*axis as usize]).collect();
        let axes: Vec<String> = axes.iter().map(|axis| format!("axes: {}", axis + 1)).collect();
        self.function(
            "Transpose",
            name,
            &[&x.name],
            &sides,
            &format!("transpose_param {{ axes: 0 {} }}", axes.join(" ")),
        )
    }

    fn scalar(&mut self, kind: &str, key: &str, name: &str, x: &Value, value: f64) -> Value {
        self.function(kind, name, &[&x.name], &x.sides.clone(), &format!("{key} {{ val: {value:?} }}"))
    }

    fn activation(&mut self, activation: Activation, name: &str, x: &Value, sides: &[u64]) -> Value {
        let (kind, parameter) = match activation {
            Activation::Relu => ("ReLU", "relu_param { inplace: false }".to_owned()),
            Activation::Relu6 => ("ReLU6", String::new()),
            Activation::LeakyRelu { slope } => {
                ("LeakyReLU", format!("leaky_relu_param {{ alpha: {slope:?} inplace: false }}"))
            }
            Activation::Tanh => ("Tanh", String::new()),
            Activation::Sigmoid => ("Sigmoid", String::new()),
            Activation::Elu { alpha } => ("ELU", format!("elu_param {{ alpha: {alpha:?} }}")),
            Activation::Selu => ("SELU", "selu_param { scale: 1.05070098735548 alpha: 1.673263242354377 }".to_owned()),
            Activation::Swish => ("Swish", String::new()),
            Activation::Mish => ("Mish", String::new()),
            Activation::Softplus => ("SoftPlus", "softplus_param { beta: 1.0 }".to_owned()),
            Activation::Softsign => ("SoftSign", String::new()),
            Activation::LogSigmoid => ("LogSigmoid", String::new()),
            Activation::HardSigmoid => ("HardSigmoid", String::new()),
            Activation::HardTanh => ("HardTanh", String::new()),
            Activation::Absolute => ("Abs", String::new()),
            Activation::HardSwish => {
                let sum = self.scalar("AddScalar", "add_scalar_param", &format!("{name}_sum"), x, 3.0);
                let cut = self.function("ReLU6", &format!("{name}_cut"), &[&sum.name], sides, "");
                let share = self.scalar("MulScalar", "mul_scalar_param", &format!("{name}_share"), &cut, 1.0 / 6.0);
                return self.function("Mul2", name, &[&x.name, &share.name], sides, "");
            }
            // nnabla's own GELU is the approximation by a hyperbolic tangent.
            Activation::Gelu => {
                let root = std::f64::consts::FRAC_1_SQRT_2;
                let scaled = self.scalar("MulScalar", "mul_scalar_param", &format!("{name}_scaled"), x, root);
                let erf = self.function("Erf", &format!("{name}_erf"), &[&scaled.name], sides, "");
                let sum = self.scalar("AddScalar", "add_scalar_param", &format!("{name}_sum"), &erf, 1.0);
                let half = self.scalar("MulScalar", "mul_scalar_param", &format!("{name}_half"), &sum, 0.5);
                return self.function("Mul2", name, &[&x.name, &half.name], sides, "");
            }
        };
        self.function(kind, name, &[&x.name], sides, &parameter)
    }
}

fn dims(numbers: &[u64]) -> String {
    numbers.iter().map(|number| format!("dim: {number}")).collect::<Vec<_>>().join(" ")
}

fn names(values: &[Value]) -> Vec<&str> {
    values.iter().map(|value| value.name.as_str()).collect()
}
