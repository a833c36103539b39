//! A project's network that learns, as blocks, with what goes with it.

use crate::build::Builder;
use crate::error::NncError;
use crate::formula::Arguments;
use crate::layers::refused;
use crate::order::Order;
use crate::project::{Layer, Network, Project};
use crate::settings::{self, Options};
use crate::yaml::{self, Block};
use plugin_blocks::Description;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// What comes of a project.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The network as YAML.
    pub network: String,
    /// Options of the nodes of the pipeline.
    pub options: Options,
    /// Side of the images it is made for, pixels.
    pub size_px: u32,
    /// Classes it tells apart in the project.
    pub classes: usize,
    /// Trainable parameters, for those classes.
    pub parameters: u64,
    /// Where the project's data sets are: name and URI.
    pub data_sets: Vec<(String, String)>,
    /// What has no counterpart, or another one, for a person.
    pub notes: Vec<String>,
}

/// Losses of a classifier.
const CLASSIFIERS: [&str; 4] =
    ["SoftmaxCrossEntropy", "CategoricalCrossEntropy", "BinaryCrossEntropy", "SigmoidCrossEntropy"];
/// Losses of anything else.
const OTHERS: [&str; 7] = [
    "SquaredError",
    "AbsoluteError",
    "HuberLoss",
    "EpsilonInsensitiveLoss",
    "KLMultinomial",
    "Tweedie",
    "BinaryConnectLoss",
];

/// Takes in a project. `name` is what the network is called, after the file.
///
/// # Errors
/// [`NncError`]: what is no project, or a block that has no counterpart or tells that the network is no image classifier.
pub fn project(name: &str, text: &str) -> Result<Imported, NncError> {
    let project = Project::parse(text)?;
    if let (Some(first), Some(second)) =
        (project.value("Optimizer_0", "Optimizer_NetworkName"), project.value("Optimizer_1", "Optimizer_NetworkName"))
        && first != second
    {
        return Err(NncError::Form(format!(
            "it trains {first} against {second}, as generators of images do: a classifier is one network"
        )));
    }
    let network = trained(&project)?;
    let end = Loss::find(network)?;
    let given = Given {
        source: format!("{name}.sdcproj, a project of Neural Network Console: network {}", network.name),
        normalized: settings::image_normalization(&project),
        colours: None,
    };
    let made = made(name, &project, network, &end, &given)?;
    let mut notes = made.notes;
    notes.extend(end.notes.iter().cloned());
    let facts = settings::Facts {
        name,
        size_px: made.size_px,
        several: end.several && made.outputs > 1,
        preparations: &made.preparations,
    };
    let options = settings::read(&project, &facts, &mut notes);
    let classes = if made.outputs == 1 { 2 } else { made.outputs };
    let graph = Description::parse(name, &made.network)?.graph(made.size_px, classes)?;
    Ok(Imported {
        network: made.network,
        options,
        size_px: facts.size_px,
        classes,
        parameters: graph.parameters(),
        data_sets: settings::data_sets(&project),
        notes: notes.into_iter().collect(),
    })
}

/// What is known of a network besides its blocks.
#[derive(Clone, Debug)]
pub struct Given {
    /// What it is made of, for a person.
    pub source: String,
    /// Whether colours go from 0 to 1, not to 255.
    pub normalized: bool,
    /// How colours of 0 to 255 are normalised, where that is no arithmetic of the network.
    pub colours: Option<plugin_blocks::Input>,
}

/// A network as blocks.
#[derive(Clone, Debug)]
pub struct Made {
    /// As YAML.
    pub network: String,
    /// Side of its images, pixels.
    pub size_px: u32,
    /// Number of outputs of the last layer.
    pub outputs: usize,
    /// What has no counterpart.
    pub notes: BTreeSet<String>,
    /// What the last layer's outputs are multiplied by.
    pub scale: f64,
    preparations: Vec<Layer>,
}

/// Makes blocks of a network up to the block of this id.
///
/// # Errors
/// [`NncError::Block`] for a block that has no counterpart.
pub fn from_network(name: &str, project: &Project, end: &str, given: &Given) -> Result<Made, NncError> {
    let network = project.networks.first().ok_or_else(|| NncError::Form("it holds no network".to_owned()))?;
    let reads = network.place(end).ok_or_else(|| NncError::Form("its output is given by no block".to_owned()))?;
    let loss = Loss { reads, several: network.layers[reads].kind == "Sigmoid", notes: Vec::new() };
    made(name, project, network, &loss, given)
}

fn made(name: &str, project: &Project, network: &Network, end: &Loss, given: &Given) -> Result<Made, NncError> {
    let mut builder = Builder::new(project);
    let (mut blocks, _) = builder.network(network, end.reads, Arguments::new(), None)?;
    let mut notes = std::mem::take(&mut builder.notes);
    let mut colours = Colours { factor: if given.normalized { 1.0 / 255.0 } else { 1.0 }, summand: 0.0 };
    if given.colours.is_none() {
        lead(&mut blocks, &mut colours, &mut notes);
    }
    unwrap(&mut blocks);
    if let Some((block, kind)) = preparation(&blocks) {
        let problem = "it stands in the middle of the network; images are changed before it".to_owned();
        return Err(NncError::Block { network: network.name.clone(), block, kind, problem });
    }
    let mut scale = 1.0;
    let outputs = classifier(&mut blocks, network, end, &mut notes, &mut scale)?;
    if let Some(block) = softmax(&blocks) {
        let problem = "it stands in the middle of the network; the loss has one at its end".to_owned();
        return Err(NncError::Block { network: network.name.clone(), block, kind: "Softmax".to_owned(), problem });
    }
    let input = input(network, end)?;
    let shape = builder.preparations.iter().rev().find_map(settings::shape);
    let side = shape.map_or(input[1].max(input[2]), |(height, width)| height.max(width));
    let size_px = u32::try_from(side).unwrap_or(u32::MAX);
    let network = written(project, given, input[0] == 1, &colours, &blocks);
    let classes = if outputs == 1 { 2 } else { outputs };
    Description::parse(name, &network)?.graph(size_px, classes)?;
    Ok(Made { network, size_px, outputs, notes, scale, preparations: builder.preparations })
}

/// The network that the optimizer trains.
fn trained(project: &Project) -> Result<&Network, NncError> {
    let named = project.value("Optimizer_0", "Optimizer_NetworkName").and_then(|name| project.network(name));
    named.or_else(|| project.networks.first()).ok_or_else(|| NncError::Form("it holds no network".to_owned()))
}

/// The loss of a classifier.
struct Loss {
    /// The block whose output it compares with the truth.
    reads: usize,
    /// Whether each output has a loss of its own: one output for two classes, or several classes an image.
    several: bool,
    notes: Vec<String>,
}

impl Loss {
    fn find(network: &Network) -> Result<Self, NncError> {
        let order = Order::new(network);
        if let Some(layer) = network.layers.iter().find(|layer| OTHERS.contains(&layer.kind.as_str())) {
            return Err(refused(network, layer, "it is a loss of regression; a classifier has a cross entropy"));
        }
        let is_loss = |place: &usize| CLASSIFIERS.contains(&network.layers[*place].kind.as_str());
        let losses: Vec<usize> = (0..network.layers.len()).filter(is_loss).collect();
        let weighted = |place: usize| !order.read_by[place].is_empty();
        let Some(main) = losses.iter().copied().max_by_key(|place| (!weighted(*place), order.depth(*place))) else {
            let last = (0..network.layers.len()).max_by_key(|place| order.depth(*place));
            let problem = "the network ends without a cross entropy, so that it is no classifier";
            let unnamed = Layer::default();
            return Err(refused(network, last.map_or(&unnamed, |last| &network.layers[last]), problem));
        };
        let layer = &network.layers[main];
        // The second one is a target that was mixed.
        let ([reads] | [reads, _]) = order.reads[main][..] else {
            return Err(refused(network, layer, &format!("it reads {} blocks, not one", order.reads[main].len())));
        };
        let before = order.before(main);
        let is_image = |layer: &&Layer| {
            let sides = layer.property("Size").map_or(0, |size| size.split(',').count());
            layer.kind == "Input" && sides == 3
        };
        let images = before.iter().map(|place| &network.layers[*place]).filter(is_image);
        let images: Vec<&str> = images.filter_map(|layer| layer.property("Dataset")).collect();
        if layer.property("T.Dataset").is_some_and(|target| images.contains(&target)) {
            return Err(refused(
                network,
                layer,
                "its target is the image itself, as of an autoencoder; a classifier's is a class",
            ));
        }
        let mut notes = Vec::new();
        for other in losses.iter().filter(|place| **place != main) {
            notes.push(format!(
                "{}: one of several losses; the network here has one, {}, and no auxiliary classifiers",
                network.layers[*other].name, layer.name
            ));
        }
        let several = matches!(layer.kind.as_str(), "BinaryCrossEntropy" | "SigmoidCrossEntropy");
        Ok(Self { reads, several, notes })
    }
}

/// What is done to colours of 0 to 255 before the first block: times a factor, plus a summand.
struct Colours {
    factor: f64,
    summand: f64,
}

/// Takes off what comes before the network: preparation, and arithmetic that normalises colours.
fn lead(blocks: &mut Vec<Block>, colours: &mut Colours, notes: &mut BTreeSet<String>) {
    loop {
        match blocks.first_mut() {
            Some(Block::Preparation { .. }) => {}
            Some(Block::Scalar { kind: "multiply-scalar", value }) if *value > 0.0 => {
                colours.factor *= *value;
                colours.summand *= *value;
            }
            Some(Block::Scalar { kind: "add-scalar", value }) => colours.summand += *value,
            Some(Block::Plain(text)) if text.starts_with("slice: ") => {
                notes.insert(format!("{text}: images are resized and not cut; see `--mode crop` of resize"));
            }
            Some(Block::Sequence(_, inner)) => {
                lead(inner, colours, notes);
                if !inner.is_empty() {
                    return;
                }
            }
            _ => return,
        }
        blocks.remove(0);
    }
}

/// A unit that is all there is needs no name.
fn unwrap(blocks: &mut Vec<Block>) {
    while let [Block::Sequence(_, inner)] = &mut blocks[..] {
        *blocks = std::mem::take(inner);
    }
}

/// Preparation that is left in the network.
fn preparation(blocks: &[Block]) -> Option<(String, String)> {
    blocks.iter().find_map(|block| match block {
        Block::Preparation { name, kind } => Some((name.clone(), kind.clone())),
        Block::Sequence(_, inner) | Block::Repeat(_, _, inner) => preparation(inner),
        Block::Residual(body, shortcut) => preparation(body).or_else(|| preparation(shortcut)),
        Block::Branches(_, branches) => branches.iter().find_map(|branch| preparation(branch)),
        _ => None,
    })
}

/// A softmax that is left in the network.
fn softmax(blocks: &[Block]) -> Option<String> {
    blocks.iter().find_map(|block| match block {
        Block::Softmax(name) => Some(name.clone()),
        Block::Sequence(_, inner) | Block::Repeat(_, _, inner) => softmax(inner),
        Block::Residual(body, shortcut) => softmax(body).or_else(|| softmax(shortcut)),
        Block::Branches(_, branches) => branches.iter().find_map(|branch| softmax(branch)),
        _ => None,
    })
}

/// Makes the last layer the one that tells classes, and returns its outputs.
fn classifier(
    blocks: &mut Vec<Block>,
    network: &Network,
    loss: &Loss,
    notes: &mut BTreeSet<String>,
    scale: &mut f64,
) -> Result<usize, NncError> {
    let is_pool =
        |text: &str| text.starts_with("global-average-pooling") || text.starts_with("average-pooling: height");
    let at_end = match blocks.last_mut() {
        Some(Block::Sequence(_, inner)) => {
            let outputs = classifier(inner, network, loss, notes, scale)?;
            if inner.is_empty() {
                blocks.pop();
            }
            return Ok(outputs);
        }
        Some(Block::Softmax(_)) => {
            blocks.pop();
            return classifier(blocks, network, loss, notes, scale);
        }
        // As a temperature before a softmax.
        Some(Block::Scalar { kind: "multiply-scalar", value }) if *value > 0.0 => {
            *scale *= *value;
            blocks.pop();
            return classifier(blocks, network, loss, notes, scale);
        }
        Some(Block::Plain(text)) if text == "sigmoid" && loss.several => {
            blocks.pop();
            return classifier(blocks, network, loss, notes, scale);
        }
        Some(Block::Affine { name, outputs, bias }) => {
            let outputs = *outputs as usize;
            if !*bias {
                notes.insert(format!("{name} has no bias (WithBias=False); the last layer has one here"));
            }
            if outputs == 1 {
                notes.insert(format!(
                    "{name} has one output for two classes; here it has one a class and a softmax, which tells the same apart"
                ));
            }
            let text = format!("affine: classes, name: {name}");
            if let Some(last) = blocks.last_mut() {
                *last = Block::Plain(text);
            }
            return Ok(outputs);
        }
        _ => blocks.len(),
    };
    // A convolution of one pixel and a mean over the map, in place of an affine layer.
    let mut tail = at_end;
    let mut rectified = false;
    let mut pooled = false;
    while let Some(Block::Plain(text)) = tail.checked_sub(1).and_then(|last| blocks.get(last)) {
        match text.as_str() {
            "relu" => rectified = true,
            "flatten" => {}
            text if is_pool(text) => pooled = true,
            text if text.starts_with("dropout") => {}
            _ => break,
        }
        tail -= 1;
    }
    match tail.checked_sub(1).and_then(|last| blocks.get(last)).cloned() {
        Some(Block::Convolution { name, outputs: Some(outputs), pointwise: true, .. }) if pooled => {
            blocks.truncate(tail - 1);
            blocks.push(Block::Plain("global-average-pooling".to_owned()));
            blocks.push(Block::Plain(format!("affine: classes, name: {name}")));
            let without = if rectified { ", without the ReLU between" } else { "" };
            notes.insert(format!(
                "{name}, a convolution of one pixel whose outputs are averaged, is the mean and an affine layer here{without}: as many weights"
            ));
            Ok(outputs as usize)
        }
        _ => {
            let layer = &network.layers[loss.reads];
            Err(refused(
                network,
                layer,
                "the network ends with it; a classifier ends with an Affine of one output a class",
            ))
        }
    }
}

/// Channels, height and width of the network's images.
fn input(network: &Network, end: &Loss) -> Result<[u64; 3], NncError> {
    let images = |size: &str| size.split(',').count() == 3;
    let before = Order::new(network).before(end.reads);
    let mut inputs = before.into_iter().map(|place| &network.layers[place]).filter(|layer| layer.kind == "Input");
    let layer = inputs.find(|layer| layer.property("Size").is_some_and(images));
    let size = layer.and_then(|layer| layer.property("Size")).unwrap_or_default();
    let sides: Vec<u64> = size.split(',').filter_map(|side| side.trim().parse().ok()).collect();
    sides.try_into().map_err(|_| NncError::Form(format!("network {}: its input is {size:?}", network.name)))
}

/// The file of the network.
fn written(project: &Project, given: &Given, grey: bool, colours: &Colours, blocks: &[Block]) -> String {
    let mut text = format!("# Made of {}.\n", given.source);
    let about = project.value("Description", "Text").unwrap_or_default().replace("\\n", "\n");
    let about: String = about.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).collect();
    if !about.is_empty() {
        let _ = writeln!(text, "about: \"{}\"", about.replace('\\', "\\\\").replace('"', "\\\""));
    }
    let (mean, deviation) = (-colours.summand / colours.factor, 1.0 / colours.factor);
    let round = |value: f64| (value * 1e6).round() / 1e6 + 0.0;
    let fits = (0.0..=255.0).contains(&round(mean)) && (1e-3..=255.0).contains(&round(deviation));
    let mut all = Vec::new();
    if let Some(input) = given.colours {
        let three = |[a, b, c]: [f32; 3]| format!("[{a}, {b}, {c}]");
        let _ = writeln!(text, "input: {{mean: {}, deviation: {}}}", three(input.mean), three(input.deviation));
    } else if fits {
        let _ = writeln!(text, "input: {{mean: {}, deviation: {}}}", round(mean), round(deviation));
    } else {
        text.push_str("input: {mean: 0, deviation: 255}\n");
        all.push(Block::Scalar { kind: "multiply-scalar", value: colours.factor * 255.0 });
        all.push(Block::Scalar { kind: "add-scalar", value: colours.summand });
    }
    if grey {
        all.insert(0, Block::Plain("grey".to_owned()));
    }
    all.extend(blocks.iter().cloned());
    text.push_str("blocks:\n");
    text.push_str(&yaml::blocks(&all, 2));
    text
}
