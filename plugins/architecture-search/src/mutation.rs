//! Changes of a network: blocks are inserted, removed, replaced, widened, narrowed, branched. A change is kept when the network
//! that comes out fits: all its shapes can be worked out, it ends in the classes, and it is within the limits.

use crate::document::{Document, Place, block, is_free, kind};
use plugin_blocks::{Description, Graph};
use rand::{Rng, RngExt as _};
use serde_yaml::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::OnceLock;

/// What a proposal must keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Side of the square images, pixels.
    pub size_px: u32,
    /// Number of classes of the last layer.
    pub classes: usize,
    /// Multiply-adds of an image at most.
    pub multiply_adds: u64,
    /// Parameters at most.
    pub parameters: u64,
    /// Blocks at most, written out.
    pub blocks: usize,
}

/// A network that fits, and how it was made.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// Its file.
    pub document: Document,
    /// With all its numbers.
    pub graph: Graph,
    /// What was changed, for a person.
    pub change: String,
}

/// A change: alters the document and says what it did; `None` where it finds nothing to change.
type Operation = fn(&mut Document, &mut dyn Rng) -> Option<String>;

/// All changes.
pub const OPERATIONS: &[(&str, Operation)] = &[
    ("insert an activation", insert_activation),
    ("insert a pooling", insert_pooling),
    ("insert a dropout", insert_dropout),
    ("insert a batch normalization", insert_batch_normalization),
    ("insert a convolution", insert_convolution),
    ("insert a depthwise convolution", insert_depthwise),
    ("insert an affine block", insert_affine),
    ("insert a residual block", insert_residual),
    ("remove a block", remove),
    ("replace an activation", replace_activation),
    ("replace a pooling", replace_pooling),
    ("make a convolution depthwise separable", separate),
    ("widen", widen),
    ("narrow", narrow),
    ("change a kernel", change_kernel),
    ("change a stride", change_stride),
    ("branch", branch),
    ("bridge with a residual connection", bridge),
    ("change how often blocks are repeated", change_repeat),
    ("repeat blocks", repeat_blocks),
];

/// Neural Network Console's activations, as blocks are written here; those that this program has are used.
const CONSOLE_ACTIVATIONS: [&str; 22] = [
    "relu",
    "relu6",
    "leaky-relu",
    "prelu",
    "crelu",
    "elu",
    "celu",
    "selu",
    "gelu",
    "swish",
    "hard-swish",
    "mish",
    "tanh",
    "hard-tanh",
    "sigmoid",
    "hard-sigmoid",
    "log-sigmoid",
    "softplus",
    "softsign",
    "sinc",
    "tanh-shrink",
    "soft-shrink",
];

/// The activations that a block can be.
pub fn activations() -> &'static [&'static str] {
    static KNOWN: OnceLock<Vec<&'static str>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let is_known = |name: &&str| {
            let text = format!("blocks: [{name}, {{affine: classes, name: fc}}]");
            Description::parse("activation", &text).is_ok_and(|d| d.graph(8, 2).is_ok())
        };
        CONSOLE_ACTIVATIONS.into_iter().filter(is_known).collect()
    })
}

/// Tries a change so often before another is drawn.
const TRIES: usize = 200;

/// One to three changes of a parent that give another network that fits; `None` when none is found, as where nothing may be
/// changed. The same generator gives the same proposal.
pub fn propose(parent: &Document, limits: &Limits, rng: &mut dyn Rng) -> Option<Proposal> {
    let before = parent.graph(limits.size_px, limits.classes).ok()?;
    for _ in 0..TRIES {
        let wanted = [1, 1, 1, 2, 2, 3][rng.random_range(0..6)];
        let (mut document, mut graph, mut changes) = (parent.clone(), before.clone(), Vec::new());
        for _ in 0..wanted {
            let (_, operation) = OPERATIONS[rng.random_range(0..OPERATIONS.len())];
            let mut changed = document.clone();
            let Some(change) = operation(&mut changed, rng) else { continue };
            // Changes in between may be too large, what comes out may not.
            let Ok(next) = changed.graph(limits.size_px, limits.classes) else { continue };
            if is_same(&graph, &next) {
                continue;
            }
            (document, graph) = (changed, next);
            changes.push(change);
        }
        if changes.is_empty() || is_same(&before, &graph) || !fits(&graph, limits) {
            continue;
        }
        return Some(Proposal { document, graph, change: changes.join("; ") });
    }
    None
}

/// Whether a network is within the limits.
pub fn fits(graph: &Graph, limits: &Limits) -> bool {
    graph.multiply_adds() <= limits.multiply_adds
        && graph.parameters() <= limits.parameters
        && graph.nodes.len() <= limits.blocks
        // Something of every image must reach the classifier, and nothing may be a single number in between.
        && graph.nodes.iter().skip(1).all(|node| node.output.count() >= 2 || node.output.count() == limits.classes as u64)
}

/// Whether two networks compute the same, whatever their blocks are called.
pub fn is_same(a: &Graph, b: &Graph) -> bool {
    a.nodes.len() == b.nodes.len() && a.nodes.iter().zip(&b.nodes).all(|(a, b)| a.op == b.op && a.inputs == b.inputs)
}

/// A network as a text that is the same for those that compute the same.
pub fn signature(graph: &Graph) -> String {
    let mut text = String::new();
    for node in &graph.nodes {
        let _ = write!(text, "{:?}{:?}", node.op, node.inputs);
    }
    text
}

fn pick<'a, T>(items: &'a [T], rng: &mut dyn Rng) -> Option<&'a T> {
    if items.is_empty() { None } else { items.get(rng.random_range(0..items.len())) }
}

/// A place for a new block: a list and an index. Not behind the last block of the network, which is the classifier.
fn gap(document: &Document, rng: &mut dyn Rng) -> Option<(Place, usize)> {
    let lists = document.lists();
    let place = pick(&lists, rng)?.clone();
    let length = document.list(&place).len();
    let end = if place.len() == 1 { length } else { length + 1 };
    (end > 0).then(|| (place, rng.random_range(0..end)))
}

/// All blocks that may be changed and of which `wanted` holds, the classifier left out.
fn sites(document: &Document, wanted: impl Fn(&Value) -> bool) -> Vec<(Place, usize)> {
    let mut found = Vec::new();
    for place in document.lists() {
        let list = document.list(&place);
        for (i, of) in list.iter().enumerate() {
            let is_classifier = kind(of) == "affine" && of.get("affine").and_then(Value::as_str) == Some("classes");
            if is_free(of) && !is_classifier && wanted(of) {
                found.push((place.clone(), i));
            }
        }
    }
    found
}

fn insert(document: &mut Document, rng: &mut dyn Rng, blocks: Vec<Value>) -> Option<String> {
    let (place, at) = gap(document, rng)?;
    let behind = at.checked_sub(1).and_then(|i| document.list(&place).get(i)).map(told);
    let what = blocks.iter().map(told).collect::<Vec<_>>().join(", ");
    document.list_mut(&place)?.splice(at..at, blocks);
    Some(match behind {
        Some(behind) => format!("{what} inserted after {behind}"),
        None => format!("{what} inserted first"),
    })
}

/// A block in a few words: `convolution 5 × 5 of 16 (conv1)`.
fn told(of: &Value) -> String {
    let number = |key: &str| match of.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let what = kind(of);
    let mut text = match what {
        "convolution" => {
            let kernel = number("kernel");
            let depthwise = if number("groups") == "inputs" { "depthwise " } else { "" };
            format!("{depthwise}convolution {kernel} × {kernel} of {}", number(what))
        }
        "affine" | "max-pooling" | "average-pooling" | "dropout" => format!("{what} {}", number(what)),
        _ => what.to_owned(),
    };
    if let Some(name) = of.get("name").and_then(Value::as_str) {
        let _ = write!(text, " ({name})");
    }
    text
}

fn is_activation(of: &Value) -> bool {
    activations().contains(&kind(of))
}

fn an_activation(rng: &mut dyn Rng) -> Value {
    pick(activations(), rng).copied().unwrap_or("relu").into()
}

fn insert_activation(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let activation = an_activation(rng);
    insert(document, rng, vec![activation])
}

fn insert_pooling(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let pooling = match rng.random_range(0..4) {
        0 => block("average-pooling", 2, &[]),
        1 => block("max-pooling", 3, &[("stride", 2.into()), ("padding", 1.into())]),
        2 => "global-average-pooling".into(),
        _ => block("max-pooling", 2, &[]),
    };
    insert(document, rng, vec![pooling])
}

fn insert_dropout(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let rate = [0.1, 0.2, 0.3, 0.5][rng.random_range(0..4)];
    insert(document, rng, vec![block("dropout", rate, &[])])
}

fn insert_batch_normalization(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let named = block("batch-normalization", Value::Null, &[("name", document.fresh_name("bn").into())]);
    insert(document, rng, vec![named])
}

fn odd_kernel(rng: &mut dyn Rng) -> u64 {
    [1, 3, 3, 3, 5, 7][rng.random_range(0..6)]
}

/// A convolution that keeps height and width.
fn a_convolution(document: &Document, channels: Value, kernel: u64, bias: bool) -> Value {
    let mut fields = vec![("kernel", kernel.into())];
    if kernel > 1 {
        fields.push(("padding", (kernel / 2).into()));
    }
    if !bias {
        fields.push(("bias", false.into()));
    }
    fields.push(("name", document.fresh_name("conv").into()));
    block("convolution", channels, &fields)
}

fn insert_convolution(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let channels: Value = match rng.random_range(0..6) {
        0 => 16.into(),
        1 => 32.into(),
        2 => 64.into(),
        3 => "inputs * 2".into(),
        _ => "inputs".into(),
    };
    let is_normalised = rng.random_bool(0.5);
    let kernel = odd_kernel(rng);
    let mut blocks = vec![a_convolution(document, channels, kernel, !is_normalised)];
    if is_normalised {
        blocks.push(block("batch-normalization", Value::Null, &[("name", document.fresh_name("bn").into())]));
    }
    blocks.push(an_activation(rng));
    insert(document, rng, blocks)
}

fn depthwise(document: &Document, kernel: u64, stride: &Value) -> Value {
    let mut fields = vec![("kernel", kernel.into()), ("padding", (kernel / 2).into())];
    if *stride != Value::Null {
        fields.push(("stride", stride.clone()));
    }
    fields.extend([
        ("groups", "inputs".into()),
        ("bias", false.into()),
        ("name", document.fresh_name("depthwise").into()),
    ]);
    block("convolution", "inputs", &fields)
}

fn insert_depthwise(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let kernel = [3, 3, 5][rng.random_range(0..3)];
    let of = depthwise(document, kernel, &Value::Null);
    insert(document, rng, vec![of])
}

fn insert_affine(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let outputs = [32, 64, 128, 256][rng.random_range(0..4)];
    let affine = block("affine", outputs, &[("name", document.fresh_name("fc").into())]);
    let activation = an_activation(rng);
    // Nearly everywhere else nothing with height and width may follow.
    let place = document.lists().into_iter().find(|place| place.len() == 1)?;
    let end = document.list(&place).len().checked_sub(1)?;
    let what = told(&affine);
    document.list_mut(&place)?.splice(end..end, [affine, activation]);
    Some(format!("{what} inserted before the last block"))
}

fn insert_residual(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let kernel = [3, 3, 5][rng.random_range(0..3)];
    let activation = an_activation(rng);
    let mut taken = BTreeSet::new();
    let mut body: Value = vec![
        a_convolution(document, "inputs".into(), kernel, false),
        block("batch-normalization", Value::Null, &[("name", "bn1".into())]),
        activation.clone(),
        a_convolution(document, "inputs".into(), kernel, false),
        block("batch-normalization", Value::Null, &[("name", "bn2".into())]),
    ]
    .into();
    document.rename(&mut body, &mut taken);
    insert(document, rng, vec![block("residual", body, &[]), activation])
}

fn remove(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let found = sites(document, |_| true);
    let (place, at) = pick(&found, rng)?.clone();
    let of = document.list(&place)[at].clone();
    let text = told(&of);
    let rest: Vec<Value> = match kind(&of) {
        "residual" => of["residual"].as_sequence().cloned().unwrap_or_default(),
        "concatenation" => {
            let branches = of["concatenation"].as_sequence().cloned().unwrap_or_default();
            pick(&branches, rng).and_then(Value::as_sequence).cloned().unwrap_or_default()
        }
        _ => Vec::new(),
    };
    let what = match kind(&of) {
        "residual" => format!("the residual connection of {text} removed"),
        "concatenation" => format!("all branches but one of {text} removed"),
        _ => format!("{text} removed"),
    };
    document.list_mut(&place)?.splice(at..=at, rest);
    Some(what)
}

fn replace_activation(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let found = sites(document, is_activation);
    let (place, at) = pick(&found, rng)?.clone();
    let old = kind(&document.list(&place)[at]).to_owned();
    let others: Vec<&str> = activations().iter().copied().filter(|name| *name != old).collect();
    let new = *pick(&others, rng)?;
    document.list_mut(&place)?[at] = new.into();
    Some(format!("{old} replaced by {new}"))
}

fn replace_pooling(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let found = sites(document, |of| ["max-pooling", "average-pooling"].contains(&kind(of)));
    let (place, at) = pick(&found, rng)?.clone();
    let of = document.list(&place)[at].clone();
    let (old, new) = if kind(&of) == "max-pooling" {
        ("max-pooling", "average-pooling")
    } else {
        ("average-pooling", "max-pooling")
    };
    let fields: Vec<(&str, Value)> = ["stride", "padding", "name"]
        .into_iter()
        .filter_map(|key| of.get(key).map(|value| (key, value.clone())))
        .collect();
    document.list_mut(&place)?[at] = block(new, of[old].clone(), &fields);
    Some(format!("{} replaced by {new}", told(&of)))
}

fn convolutions(document: &Document) -> Vec<(Place, usize)> {
    sites(document, |of| kind(of) == "convolution")
}

fn separate(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let found = sites(document, |of| {
        kind(of) == "convolution"
            && of.get("groups").is_none()
            && of["kernel"].as_u64().is_some_and(|k| k > 1 && k % 2 == 1)
    });
    let (place, at) = pick(&found, rng)?.clone();
    let of = document.list(&place)[at].clone();
    let kernel = of["kernel"].as_u64()?;
    let first = depthwise(document, kernel, of.get("stride").unwrap_or(&Value::Null));
    let mut second = a_convolution(document, of["convolution"].clone(), 1, of.get("bias") != Some(&false.into()));
    if let Some(name) = of.get("name") {
        // Another shape, so another name: it takes no weights over.
        second["name"] = document.fresh_name(&format!("{}_", name.as_str().unwrap_or("conv"))).into();
    }
    document.list_mut(&place)?.splice(at..=at, [first, second]);
    Some(format!("{} made depthwise separable", told(&of)))
}

/// The key under which a block has its width.
fn width_key(of: &Value) -> Option<&'static str> {
    match kind(of) {
        "convolution" if of.get("groups").is_none() => Some("convolution"),
        "affine" => Some("affine"),
        "use" if of.get("channels").is_some() => Some("channels"),
        _ => None,
    }
}

fn scale_width(document: &mut Document, rng: &mut dyn Rng, factors: &[f64], word: &str) -> Option<String> {
    let found = sites(document, |of| width_key(of).is_some());
    let (place, at) = pick(&found, rng)?.clone();
    let of = &mut document.list_mut(&place)?[at];
    let key = width_key(of)?;
    let before = told(of);
    let factor = *pick(factors, rng)?;
    let new: Value = match &of[key] {
        Value::Number(number) => {
            let old = number.as_u64()?;
            // Vector units take channels by fours.
            let new = ((old as f64 * factor / 4.0).round() as u64 * 4).max(4);
            if new == old {
                return None;
            }
            new.into()
        }
        Value::String(text) if text.len() < 60 => {
            let (operator, by) = if factor > 1.0 { ('*', 2) } else { ('/', 2) };
            format!("({text}) {operator} {by}").into()
        }
        _ => return None,
    };
    of[key] = new;
    let after = told(of);
    Some(format!("{before} {word}: {after}"))
}

fn widen(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    scale_width(document, rng, &[1.5, 2.0], "widened")
}

fn narrow(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    scale_width(document, rng, &[0.5, 0.75], "narrowed")
}

fn change_kernel(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let found = convolutions(document);
    let (place, at) = pick(&found, rng)?.clone();
    let kernel = odd_kernel(rng);
    let of = &mut document.list_mut(&place)?[at];
    let before = told(of);
    if of["kernel"].as_u64() == Some(kernel) || of.get("dilation").is_some() {
        return None;
    }
    of["kernel"] = kernel.into();
    of["padding"] = (kernel / 2).into();
    Some(format!("kernel of {before} made {kernel} × {kernel}"))
}

fn change_stride(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let found = sites(document, |of| ["convolution", "max-pooling", "average-pooling"].contains(&kind(of)));
    let (place, at) = pick(&found, rng)?.clone();
    let of = &mut document.list_mut(&place)?[at];
    let before = told(of);
    let usual = if kind(of) == "convolution" { Some(1) } else { of[kind(of)].as_u64() };
    let old = of.get("stride").map_or(usual, Value::as_u64)?;
    let new = if old == 1 { 2 } else { old - 1 };
    of["stride"] = new.into();
    Some(format!("stride of {before} made {new}"))
}

/// One to three blocks one after the other that begin with a convolution: in which list, from where, how many.
fn stretch(document: &Document, rng: &mut dyn Rng) -> Option<(Place, usize, usize)> {
    let found = convolutions(document);
    let (place, at) = pick(&found, rng)?.clone();
    let list = document.list(&place);
    let simple = |of: &Value| is_free(of) && (kind(of) == "batch-normalization" || is_activation(of));
    let most = 1 + list[at + 1..].iter().take(2).take_while(|of| simple(of)).count();
    Some((place, at, rng.random_range(1..=most)))
}

/// Beside a convolution a second one of another kernel, each of half the channels: an inception block.
fn branch(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let (place, at, count) = stretch(document, rng)?;
    let first = document.list(&place)[at..at + count].to_vec();
    let text = told(&first[0]);
    let old = first[0]["kernel"].as_u64()?;
    let kernels: Vec<u64> = [1, 3, 5].into_iter().filter(|kernel| *kernel != old).collect();
    let kernel = *pick(&kernels, rng)?;
    let mut branches = [first.clone(), first];
    for (i, of) in branches.iter_mut().enumerate() {
        if let Some(channels) = of[0]["convolution"].as_u64() {
            of[0]["convolution"] = (channels / 2).max(2).into();
        }
        if i == 1 {
            of[0]["kernel"] = kernel.into();
            of[0]["padding"] = (kernel / 2).into();
        } else if old % 2 == 1 {
            of[0]["padding"] = (old / 2).into();
        }
    }
    let mut second = Value::from(branches[1].clone());
    document.rename(&mut second, &mut BTreeSet::new());
    let both: Value = vec![Value::from(branches[0].clone()), second].into();
    document.list_mut(&place)?.splice(at..at + count, [block("concatenation", both, &[])]);
    Some(format!("{text} branched: beside it a kernel of {kernel} × {kernel}, each of half the channels"))
}

/// A shortcut around one to three blocks, by a convolution of 1 × 1 where shapes differ.
fn bridge(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let (place, at, count) = stretch(document, rng)?;
    let body = document.list(&place)[at..at + count].to_vec();
    let text = told(&body[0]);
    let mut fields = Vec::new();
    if let Some(stride) = body[0].get("stride") {
        fields.push(("stride", stride.clone()));
    }
    fields.push(("bias", false.into()));
    fields.push(("name", document.fresh_name("shortcut").into()));
    let mut shortcut = block("convolution", body[0]["convolution"].clone(), &[("kernel", 1.into())]);
    for (key, value) in fields {
        shortcut[key] = value;
    }
    let residual = block("residual", Value::from(body), &[("if-shapes-differ", vec![shortcut].into())]);
    document.list_mut(&place)?.splice(at..at + count, [residual]);
    Some(format!("{text} bridged with a residual connection"))
}

fn change_repeat(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let found = sites(document, |of| of.get("repeat").is_some_and(Value::is_u64));
    let (place, at) = pick(&found, rng)?.clone();
    let of = &mut document.list_mut(&place)?[at];
    let old = of["repeat"].as_u64()?;
    let new = if old > 1 && rng.random_bool(0.5) { old - 1 } else { old + 1 };
    of["repeat"] = new.into();
    let name = of.get("name").and_then(Value::as_str).unwrap_or("blocks");
    Some(format!("{name} repeated {new} times instead of {old}"))
}

fn repeat_blocks(document: &mut Document, rng: &mut dyn Rng) -> Option<String> {
    let (place, at, count) = stretch(document, rng)?;
    let body = document.list(&place)[at..at + count].to_vec();
    let text = told(&body[0]);
    let name = document.fresh_name("blocks");
    let repeated = block("repeat", 2, &[("blocks", body.into()), ("name", name.into())]);
    document.list_mut(&place)?.splice(at..at + count, [repeated]);
    Some(format!("{text} repeated twice"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_blocks::shipped;
    use rand::SeedableRng as _;
    use rand_pcg::Pcg64Mcg;
    use std::collections::BTreeMap;

    const LIMITS: Limits =
        Limits { size_px: 64, classes: 8, multiply_adds: 200_000_000, parameters: 40_000_000, blocks: 400 };

    fn start(name: &str) -> Document {
        Document::new(&shipped::find(name).unwrap().unwrap()).unwrap()
    }

    /// Lineages of 12 from each of four networks, 25 seeds: 1,200 proposals, each from the one before.
    #[test]
    fn every_proposal_fits_and_differs_from_its_parent() {
        for name in ["cnn-relu", "lenet", "resnet18", "efficientnet-lite0"] {
            let limits = Limits { multiply_adds: u64::MAX, ..LIMITS };
            for seed in 0..25 {
                let mut rng = Pcg64Mcg::seed_from_u64(seed);
                let mut parent = start(name);
                for step in 0..12 {
                    let proposal = propose(&parent, &limits, &mut rng).unwrap();
                    let text = proposal.document.to_text();
                    let graph = Description::parse("proposal", &text).unwrap().graph(64, 8).unwrap_or_else(|error| {
                        panic!("{name}, seed {seed}, step {step}: {error}\n{text}");
                    });
                    assert_eq!(graph, proposal.graph);
                    assert!(!is_same(&graph, &parent.graph(64, 8).unwrap()), "{text}");
                    assert!(!proposal.change.is_empty());
                    parent = proposal.document;
                }
            }
        }
    }

    #[test]
    fn every_operation_is_met_and_gives_networks_that_fit() {
        let mut met = BTreeMap::new();
        let mut grown = start("cnn-relu");
        for seed in 0..60 {
            for (name, operation) in OPERATIONS {
                let mut rng = Pcg64Mcg::seed_from_u64(seed);
                let mut document = grown.clone();
                if operation(&mut document, &mut rng).is_some()
                    && document.graph(64, 8).is_ok_and(|g| fits(&g, &LIMITS))
                {
                    *met.entry(*name).or_insert(0) += 1;
                }
            }
            if seed == 20 {
                let mut rng = Pcg64Mcg::seed_from_u64(1);
                while change_repeat(&mut grown.clone(), &mut rng).is_none() {
                    repeat_blocks(&mut grown, &mut rng);
                }
            }
        }
        for (name, _) in OPERATIONS {
            assert!(met.get(name).is_some_and(|count| *count >= 5), "{name}: {met:?}");
        }
    }

    #[test]
    fn marked_blocks_and_the_classifier_stay() {
        let text = "blocks: [{convolution: 12, kernel: 3, padding: 1, name: stem, search: false}, relu, {convolution: 8, kernel: \
                    3, name: free}, {sequence: [{max-pooling: 4}, tanh], search: false}, {affine: classes, name: fc}]";
        let mut rng = Pcg64Mcg::seed_from_u64(3);
        let mut parent = Document::new(&Description::parse("a", text).unwrap()).unwrap();
        for _ in 0..150 {
            let Some(proposal) = propose(&parent, &LIMITS, &mut rng) else { continue };
            let text = proposal.document.to_text();
            assert!(text.contains("- {convolution: 12, kernel: 3, padding: 1, name: stem, search: false}"), "{text}");
            assert!(text.contains("- {sequence: [{max-pooling: 4}, tanh], search: false}"), "{text}");
            assert!(text.trim_end().ends_with("- {affine: classes, name: fc}"), "{text}");
            if proposal.graph.nodes.len() < 40 {
                parent = proposal.document;
            }
        }
        let fixed = "blocks: [{relu, search: false}, {affine: classes, name: fc, search: false}]";
        let fixed = Document::new(&Description::parse("a", fixed).unwrap()).unwrap();
        assert!(sites(&fixed, |_| true).is_empty());
    }

    #[test]
    fn the_same_seed_gives_the_same_proposal_and_limits_are_kept() {
        let parent = start("cnn-relu");
        let at_most = parent.graph(64, 8).unwrap().multiply_adds();
        let limits = Limits { multiply_adds: at_most, ..LIMITS };
        for seed in 0..40 {
            let draw = || propose(&parent, &limits, &mut Pcg64Mcg::seed_from_u64(seed)).unwrap();
            let (one, two) = (draw(), draw());
            assert_eq!((one.document.to_text(), &one.change), (two.document.to_text(), &two.change));
            assert!(one.graph.multiply_adds() <= at_most);
        }
    }

    #[test]
    fn activations_are_those_of_the_program() {
        assert!(activations().len() >= 6 && activations().contains(&"gelu"), "{:?}", activations());
    }
}
