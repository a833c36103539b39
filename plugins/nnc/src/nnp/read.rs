//! A `.nnp` as a network of blocks with weights.

use super::parameters::{self, Tensor};
use super::text::Message;
use super::unroll::{self, Step, Unrolled};
use super::{CLASSES, functions};
use crate::error::NncError;
use crate::import::{Given, from_network};
use crate::project::{Layer, Link, Network, Project};
use crate::yaml;
use plugin_blocks::{Description, Graph, Input, Op};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

/// A network with weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// The network as YAML.
    pub network: String,
    /// Side of its images, pixels.
    pub size_px: u32,
    /// Number of outputs of the network.
    pub outputs: usize,
    /// Names of classes in their order, where the file tells them.
    pub classes: Option<Vec<String>>,
    /// Tensors named and laid out as PyTorch's.
    pub weights: Vec<(String, Tensor)>,
    /// What has no counterpart, for a person.
    pub notes: Vec<String>,
}

impl Model {
    /// The weights as a safetensors file.
    ///
    /// # Errors
    /// [`NncError::Form`] when they are too many for one.
    pub fn safetensors(&self) -> Result<Vec<u8>, NncError> {
        let wrong = |e: safetensors::SafeTensorError| NncError::Form(e.to_string());
        let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = self
            .weights
            .iter()
            .map(|(name, tensor)| {
                let shape = tensor.shape.iter().map(|side| *side as usize).collect();
                (name.clone(), shape, tensor.values.iter().flat_map(|value| value.to_le_bytes()).collect())
            })
            .collect();
        let views: Vec<_> = bytes
            .iter()
            .map(|(name, shape, data)| {
                let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), data);
                view.map(|view| (name.as_str(), view))
            })
            .collect::<Result<_, _>>()
            .map_err(wrong)?;
        safetensors::serialize(views, None).map_err(wrong)
    }
}

/// Bytes that a part of the file may have: the largest networks have a few hundred million numbers.
const LARGEST: u64 = 4 << 30;

/// Reads a file. `name` is what the network is called.
///
/// # Errors
/// [`NncError`] for what is no `.nnp`, a function without counterpart, or weights that do not fit.
pub fn read(name: &str, bytes: &[u8]) -> Result<Model, NncError> {
    let files = Files::open(bytes)?;
    let (found, project) = network(name, &Message::parse(&files.network)?, &files.parameters)?;
    let source = format!("{name}.nnp, a model of nnabla");
    let given = Given { source, normalized: found.normalized, colours: found.colours };
    let imported = from_network(name, &project, &found.end, &given)?;
    let graph = Description::parse(name, &imported.network)?.graph(imported.size_px, imported.outputs)?;
    let weights = weights(&graph, &found.of_layers, &files.parameters, imported.scale as f32)?;
    let classes = files.classes.filter(|classes| classes.len() == imported.outputs);
    Ok(Model {
        network: imported.network,
        size_px: imported.size_px,
        outputs: imported.outputs,
        classes,
        weights,
        notes: imported.notes.into_iter().collect(),
    })
}

/// What is in the zip.
struct Files {
    network: String,
    parameters: BTreeMap<String, Tensor>,
    classes: Option<Vec<String>>,
}

impl Files {
    fn open(bytes: &[u8]) -> Result<Self, NncError> {
        let broken = |what: &dyn std::fmt::Display| NncError::Form(format!("it is no .nnp: {what}"));
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| broken(&e))?;
        let mut network: Option<String> = None;
        let mut tensors: BTreeMap<String, Tensor> = BTreeMap::new();
        let mut classes = None;
        for at in 0..zip.len() {
            let mut file = zip.by_index(at).map_err(|e| broken(&e))?;
            let name = file.name().map_err(|e| broken(&e))?.into_owned();
            let mut content = Vec::new();
            let read = file.by_ref().take(LARGEST).read_to_end(&mut content).map_err(|e| broken(&e))?;
            if read as u64 == LARGEST {
                return Err(broken(&format!("{name} has more than {LARGEST} bytes")));
            }
            match name.rsplit_once('.').map_or("", |(_, end)| end) {
                "nntxt" | "prototxt" => {
                    let text = String::from_utf8(content).map_err(|_| broken(&format!("{name} is not UTF-8")))?;
                    network.get_or_insert_with(String::new).push_str(&(text + "\n"));
                }
                "h5" => tensors.extend(parameters::hdf5(content)?),
                "protobuf" => tensors.extend(parameters::protobuf(&content)?),
                _ if name == CLASSES => classes = String::from_utf8(content).ok().map(|text| class_names(&text)),
                _ => {}
            }
        }
        let network = network.ok_or_else(|| broken(&"there is no network.nntxt in it"))?;
        Ok(Self { network, parameters: tensors, classes })
    }
}

/// Names of `index,class` lines in their order.
fn class_names(text: &str) -> Vec<String> {
    let name = |line: &str| line.split_once(',').map(|(_, name)| name.trim().to_owned());
    text.lines().skip(1).filter_map(name).collect()
}

/// The network of an executor, and what of the file belongs to it.
struct Found {
    /// The block that gives the output.
    end: String,
    /// Whether colours go from 0 to 1.
    normalized: bool,
    /// How colours of 0 to 255 are normalised, where a batch normalisation without epsilon does that before all else.
    colours: Option<Input>,
    /// Names of parameters by block and by what they are: `W`, `b`, `beta`.
    of_layers: BTreeMap<String, BTreeMap<&'static str, String>>,
}

/// What parameters of a function are, in its order of inputs.
fn roles(kind: &str) -> &'static [&'static str] {
    match kind {
        "Convolution" | "DepthwiseConvolution" | "Affine" => &["W", "b"],
        "BatchNormalization" => &["beta", "gamma", "mean", "var"],
        "GroupNormalization" | "InstanceNormalization" | "LayerNormalization" => &["beta", "gamma"],
        "PReLU" => &["slope"],
        _ => &[],
    }
}

fn network(name: &str, file: &Message, parameters: &BTreeMap<String, Tensor>) -> Result<(Found, Project), NncError> {
    let executor = file.inner("executor").next();
    let wanted = executor.map(|executor| executor.word("network_name")).unwrap_or_default();
    let networks: Vec<&Message> = file.inner("network").collect();
    let named = networks.iter().find(|network| network.word("name") == wanted);
    let network = named.or(networks.last()).ok_or_else(|| NncError::Form("it holds no network".to_owned()))?;
    let Unrolled { steps, shapes } = unroll::unrolled(network)?;
    let mut built = Network { name: network.word("name").to_owned(), ..Network::default() };
    let (mut given_by, mut of_layers, mut names) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    let mut used: BTreeMap<String, String> = BTreeMap::new();
    let mut colours = None;
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    let normalized = executor.is_none_or(|executor| executor.word("no_image_normalization") != "true");
    let mut around: BTreeMap<String, (String, String)> = BTreeMap::new();
    let read_by = readers(&steps);
    for Step { function, name: called, kind, inputs, outputs } in &steps {
        let (data, own): (Vec<&str>, Vec<&str>) =
            inputs.iter().map(String::as_str).partition(|input| !parameters.contains_key(*input));
        let mut layer = Layer { id: built.layers.len().to_string(), kind: kind.clone(), ..Layer::default() };
        layer.name = layer_name(called, own.first().copied(), &mut names);
        layer.properties = functions::properties(kind, function);
        let output = outputs.first().map(String::as_str).unwrap_or_default();
        let convolved = read_by.get(output).is_some_and(|kinds| kinds.iter().all(|kind| kind.ends_with("Convolution")));
        if kind == "Pad" && convolved {
            let widths = function.ending("_param").map(|pad| pad.numbers("pad_width")).unwrap_or_default();
            let constant =
                function.ending("_param").is_none_or(|pad| matches!(pad.word("constant_value"), "" | "0" | "0.0"));
            if widths.len() >= 4
                && constant
                && let Some(input) = data.first()
            {
                let last: Vec<String> = widths[widths.len() - 4..].iter().map(ToString::to_string).collect();
                if widths[..widths.len() - 4].iter().all(|width| *width == 0) {
                    let input = renamed.get(*input).cloned().unwrap_or_else(|| (*input).to_owned());
                    around.insert(output.to_owned(), (input, last.join(",")));
                    continue;
                }
            }
        }
        if kind == "BatchNormalization"
            && built.layers.is_empty()
            && colours.is_none()
            && let (Some(input), Some(found)) = (data.first(), normalization(&layer, &own, parameters, normalized))
        {
            colours = Some(found);
            renamed.insert(output.to_owned(), (*input).to_owned());
            names.remove(&layer.name);
            continue;
        }
        match kind.as_str() {
            "Convolution" | "DepthwiseConvolution" | "Affine" => {
                settings_of_weights(&mut layer, kind, &own, parameters);
            }
            "PReLU" => {
                let slopes = own.first().and_then(|slope| parameters.get(*slope)).map_or(0, |slope| slope.values.len());
                layer.properties.insert("Shared".to_owned(), if slopes == 1 { "True" } else { "False" }.to_owned());
            }
            "Reshape" => {
                if let Some(shape) = shapes.get(output) {
                    let sides: Vec<String> = shape.iter().skip(1).map(ToString::to_string).collect();
                    layer.properties.insert("OutShape".to_owned(), sides.join(","));
                }
            }
            _ => {}
        }
        let roles = roles(kind);
        if own.len() > roles.len() {
            let problem = format!("it computes with the parameter {}, which has no counterpart", own[roles.len()]);
            return Err(crate::layers::refused(&built, &layer, &problem));
        }
        for (role, parameter) in roles.iter().zip(&own) {
            // A normalisation may have one of the two alone.
            let told = parameter.rsplit('/').next().and_then(|end| roles.iter().find(|role| **role == end));
            let role = told.unwrap_or(role);
            if let Some(other) = used.insert((*parameter).to_owned(), layer.name.clone()) {
                let problem = format!("it shares the parameter {parameter} with {other}, which has no counterpart");
                return Err(crate::layers::refused(&built, &layer, &problem));
            }
            of_layers.entry(layer.name.clone()).or_insert_with(BTreeMap::new).insert(*role, (*parameter).to_owned());
        }
        for (pin, input) in data.iter().enumerate() {
            let mut from = renamed.get(*input).cloned().unwrap_or_else(|| (*input).to_owned());
            if let Some((before, widths)) = around.get(*input) {
                layer.properties.insert("Around".to_owned(), widths.clone());
                from.clone_from(before);
            }
            let from = if let Some(id) = given_by.get(&from) {
                String::clone(id)
            } else {
                let shape = shapes.get(from.as_str()).cloned().unwrap_or_default();
                let size: Vec<String> = shape.iter().skip(1).map(ToString::to_string).collect();
                let id = format!("input {from}");
                let properties = BTreeMap::from([("Size".to_owned(), size.join(","))]);
                built.layers.push(Layer { id: id.clone(), kind: "Input".to_owned(), name: from.clone(), properties });
                given_by.insert(from, id.clone());
                layer.id = built.layers.len().to_string();
                id
            };
            built.links.push(Link { from, to: String::new(), pin });
        }
        for link in built.links.iter_mut().filter(|link| link.to.is_empty()) {
            link.to.clone_from(&layer.id);
        }
        for output in outputs {
            given_by.insert(output.clone(), layer.id.clone());
        }
        built.layers.push(layer);
    }
    let output = executor.and_then(|executor| executor.inner("output_variable").next());
    let output = output.map(|output| output.word("variable_name").to_owned());
    let end = match output {
        Some(output) => given_by.get(&output).cloned(),
        None => built.layers.last().map(|layer| layer.id.clone()),
    };
    exact_gelu(&mut built);
    let end = end.ok_or_else(|| NncError::Form(format!("{name}: its executor names an output that nothing gives")))?;
    let project = Project { networks: vec![built], ..Project::default() };
    Ok((Found { end, normalized, colours, of_layers }, project))
}

/// Kinds of the functions that read each value.
fn readers<'a>(steps: &'a [Step<'a>]) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut readers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for step in steps {
        for input in &step.inputs {
            readers.entry(input).or_default().push(&step.kind);
        }
    }
    readers
}

/// `x · (1 + erf(x / √2)) / 2`, which nnabla has no function for, becomes a GELU.
fn exact_gelu(network: &mut Network) {
    let order = crate::order::Order::new(network);
    let scalar = |place: usize, kind: &str, value: f64| {
        let layer = &network.layers[place];
        let found = layer.property("Value").and_then(|value| value.parse::<f64>().ok());
        layer.kind == kind && found.is_some_and(|found| (found - value).abs() < 1e-6)
    };
    let alone = |place: usize| match order.reads[place][..] {
        [input] if order.read_by[place].len() == 1 => Some(input),
        _ => None,
    };
    // The factor of x: what it was made of, and the functions in between.
    let made_of = |factor: usize| {
        let sum = alone(factor).filter(|_| scalar(factor, "MulScalar", 0.5))?;
        let erf = alone(sum).filter(|_| scalar(sum, "AddScalar", 1.0))?;
        let scaled = alone(erf).filter(|_| network.layers[erf].kind == "Erf")?;
        let x = alone(scaled).filter(|_| scalar(scaled, "MulScalar", std::f64::consts::FRAC_1_SQRT_2))?;
        Some((x, [scaled, erf, sum, factor]))
    };
    let mut found: Vec<(usize, [usize; 4])> = Vec::new();
    for place in (0..network.layers.len()).filter(|place| network.layers[*place].kind == "Mul2") {
        let [first, second] = order.reads[place][..] else { continue };
        for (x, factor) in [(first, second), (second, first)] {
            if let Some((of, between)) = made_of(factor)
                && of == x
            {
                found.push((place, between));
            }
        }
    }
    for (place, between) in found {
        let gone = between.map(|place| network.layers[place].id.clone());
        network.links.retain(|link| !gone.contains(&link.from) && !gone.contains(&link.to));
        "GELU".clone_into(&mut network.layers[place].kind);
    }
}

/// How colours of 0 to 255 are normalised by a batch normalisation that does nothing else.
fn normalization(
    layer: &Layer,
    own: &[&str],
    parameters: &BTreeMap<String, Tensor>,
    normalized: bool,
) -> Option<Input> {
    let epsilon: f64 = layer.property("Epsilon")?.parse().ok()?;
    let three = |name: &&str| <[f32; 3]>::try_from(parameters.get(*name)?.values.as_slice()).ok();
    let [beta, gamma, mean, variance] = own else { return None };
    let (beta, gamma, mean, variance) = (three(beta)?, three(gamma)?, three(mean)?, three(variance)?);
    let scale = if normalized { 255.0 } else { 1.0 };
    let input = Input { mean: mean.map(|v| v * scale), deviation: variance.map(|v| v.sqrt() * scale) };
    (epsilon == 0.0 && beta == [0.0; 3] && gamma == [1.0; 3]).then_some(input)
}

/// What NNC writes as settings and nnabla tells by the weights.
fn settings_of_weights(layer: &mut Layer, kind: &str, own: &[&str], parameters: &BTreeMap<String, Tensor>) {
    let shape =
        own.first().and_then(|name| parameters.get(*name)).map(|tensor| tensor.shape.clone()).unwrap_or_default();
    let mut set = |key: &str, value: String| {
        layer.properties.insert(key.to_owned(), value);
    };
    set("WithBias", if own.len() > 1 { "True" } else { "False" }.to_owned());
    match (kind, &shape[..]) {
        ("Convolution", [maps, _, height, width]) => {
            set("OutMaps", maps.to_string());
            set("KernelShape", format!("{height},{width}"));
        }
        ("DepthwiseConvolution", [_, height, width]) => set("KernelShape", format!("{height},{width}")),
        ("Affine", [_, outputs @ ..]) => {
            set("OutShape", outputs.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
        }
        _ => {}
    }
}

/// Scopes that nnabla's parametric functions add to a name.
const SCOPES: [&str; 8] = [
    "conv",
    "affine",
    "bn",
    "depthwise_conv",
    "prelu",
    "group_normalization",
    "instance_normalization",
    "layer_normalization",
];

/// A name for a block, after its parameters where it has some.
fn layer_name(function: &str, parameter: Option<&str>, names: &mut BTreeSet<String>) -> String {
    let own = parameter.map(|parameter| {
        let mut parts: Vec<&str> = parameter.split('/').collect();
        parts.pop();
        if parts.len() > 1 && parts.last().is_some_and(|last| SCOPES.contains(last)) {
            parts.pop();
        }
        parts.join(".")
    });
    let wanted = yaml::name(&own.filter(|own| !own.is_empty()).unwrap_or_else(|| function.replace('/', ".")));
    let mut name = wanted.clone();
    let mut number = 2;
    while !names.insert(name.clone()) {
        name = format!("{wanted}_{number}");
        number += 1;
    }
    name
}

/// Weights of a graph, by the names of its blocks.
fn weights(
    graph: &Graph,
    of_layers: &BTreeMap<String, BTreeMap<&'static str, String>>,
    parameters: &BTreeMap<String, Tensor>,
    scale: f32,
) -> Result<Vec<(String, Tensor)>, NncError> {
    let mut all = Vec::new();
    for node in &graph.nodes {
        let last = node.name == graph.classifier().name;
        for weight in node.weights() {
            let role = match (&node.op, weight.name.rsplit('.').next().unwrap_or_default()) {
                (Op::BatchNormalization { .. } | Op::GroupNormalization { .. }, "weight") => "gamma",
                (Op::BatchNormalization { .. } | Op::GroupNormalization { .. }, "bias") => "beta",
                (Op::PRelu { .. }, _) => "slope",
                (_, "running_mean") => "mean",
                (_, "running_var") => "var",
                (_, "weight") => "W",
                _ => "b",
            };
            let found = of_layers.get(&node.name).and_then(|roles| parameters.get(roles.get(role)?));
            let count: u64 = weight.shape.iter().product();
            let mut values = match found {
                Some(tensor) if tensor.values.len() as u64 == count => tensor.values.clone(),
                Some(tensor) => {
                    let problem = format!(
                        "{} is {:?} in the file and {:?} in the network",
                        weight.name, tensor.shape, weight.shape
                    );
                    return Err(NncError::Blocks(problem));
                }
                // A layer without bias has one of 0.
                None if role == "b" || role == "beta" => vec![0.0; count as usize],
                None if role == "gamma" => vec![1.0; count as usize],
                None => return Err(NncError::Blocks(format!("the file has no parameter for {}", weight.name))),
            };
            if let (Op::Affine { inputs, outputs, .. }, "W") = (&node.op, role)
                && found.is_some_and(|tensor| tensor.shape.len() > 1)
            {
                values = transposed(&values, *inputs as usize, *outputs as usize);
            }
            if last {
                for value in &mut values {
                    *value *= scale;
                }
            }
            all.push((weight.name, Tensor { shape: weight.shape, values }));
        }
    }
    Ok(all)
}

/// `[rows, columns]` as `[columns, rows]`.
pub(super) fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}
