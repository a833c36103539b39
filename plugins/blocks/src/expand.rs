//! From a description to a graph: names are looked up, repetitions written out, shapes worked out.

use crate::block::{self, Block, Blocks, Otherwise};
use crate::description::{Definition, Description, Parameter};
use crate::dims::{Dims, Padding, Window};
use crate::error::BlocksError;
use crate::expression::{LARGEST, Names, Number};
use crate::graph::{Activation, Convolution, Elementwise, Graph, Node, Op, Part, Scalar};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Nodes a network may have.
const MOST_NODES: usize = 10_000;
/// Trainable parameters: 4 GiB of them.
const MOST_PARAMETERS: u64 = 1 << 30;
/// Blocks in blocks.
const DEEPEST: usize = 32;
/// Names that always stand for something.
const RESERVED: [&str; 5] = ["inputs", "height", "width", "classes", "same"];

impl Description {
    /// All numbers, for square images of `size_px` and so many classes.
    ///
    /// # Errors
    /// [`BlocksError::Form`] or [`BlocksError::Block`].
    pub fn graph(&self, size_px: u32, classes: usize) -> Result<Graph, BlocksError> {
        expand(self, size_px, classes)
    }
}

fn expand(description: &Description, size_px: u32, classes: usize) -> Result<Graph, BlocksError> {
    let wrong = |problem| BlocksError::Form { file: description.file().to_owned(), problem };
    let (min, max) = description.sizes_px();
    if !(min..=max).contains(&size_px) {
        return Err(wrong(format!("takes images of {min} to {max} px, not {size_px} px")));
    }
    let classes = u64::try_from(classes).ok().filter(|c| (1..=LARGEST).contains(c));
    let classes = classes.ok_or_else(|| wrong(format!("accepted are 1 to {LARGEST} classes")))?;
    let side = u64::from(size_px);
    let input =
        Node { name: "input".to_owned(), op: Op::Input, inputs: Vec::new(), output: Dims::Map([3, side, side]) };
    let mut expander =
        Expander { description, nodes: vec![input], names: HashSet::new(), stored: HashMap::new(), place: Vec::new() };
    let names = Names::from([("classes".to_owned(), classes)]);
    let (last, tree) = expander.blocks(&description.content.blocks, 0, &names, &mut Scope::default())?;

    let ends_well = matches!(expander.nodes[last].op, Op::Affine { outputs, bias: true, .. } if outputs == classes);
    if !ends_well || last + 1 != expander.nodes.len() {
        return Err(wrong("the last block must be {affine: classes, name: …}: one number a class".to_owned()));
    }
    let graph = Graph { nodes: expander.nodes, tree };
    let readers = graph.readers();
    if let Some(unread) = (0..last).find(|node| readers[*node] == 0) {
        return Err(wrong(format!("nothing reads what {} gives", graph.nodes[unread].name)));
    }
    let parameters = graph.nodes.iter().map(Node::parameters).fold(0, u64::saturating_add);
    if parameters > MOST_PARAMETERS {
        return Err(wrong(format!("{parameters} trainable parameters; accepted are up to {MOST_PARAMETERS}")));
    }
    Ok(graph)
}

struct Expander<'a> {
    description: &'a Description,
    nodes: Vec<Node>,
    names: HashSet<String>,
    /// Nodes whose values `store` blocks kept.
    stored: HashMap<String, usize>,
    /// Where the block at work stands.
    place: Vec<String>,
}

/// What the names in a group of blocks begin with, and what has been counted there.
#[derive(Default)]
struct Scope {
    prefix: String,
    kinds: HashMap<&'static str, usize>,
    items: usize,
}

impl Scope {
    fn inner(&self, name: &str) -> Self {
        Self { prefix: format!("{}{name}.", self.prefix), ..Self::default() }
    }

    /// The name given, or one by kind and number.
    fn name(&mut self, given: Option<&str>, kind: &'static str) -> String {
        let short = match kind {
            "convolution" => "conv",
            "batch-normalization" => "bn",
            "max-pooling" | "average-pooling" | "sum-pooling" | "global-average-pooling" => "pool",
            "concatenation" => "cat",
            other => other,
        };
        let count = self.kinds.entry(short).or_default();
        *count += 1;
        format!("{}{}", self.prefix, given.map_or_else(|| format!("{short}{count}"), str::to_owned))
    }

    /// The next number of a repetition, or the name and a number that starts from 0.
    fn items(&mut self, name: Option<&str>, times: usize) -> Vec<String> {
        if let Some(name) = name {
            return (0..times).map(|i| format!("{name}.{i}")).collect();
        }
        let from = self.items;
        self.items += times;
        (from..self.items).map(|i| i.to_string()).collect()
    }
}

type Expanded = (usize, Vec<Part>);

impl Expander<'_> {
    /// An error of the block at work.
    fn wrong(&self, input: usize, problem: String) -> BlocksError {
        BlocksError::Block {
            file: self.description.file().to_owned(),
            block: self.place.join(" > "),
            input: self.nodes[input].output.to_string(),
            problem,
        }
    }

    fn blocks(
        &mut self,
        blocks: &Blocks,
        mut at: usize,
        names: &Names,
        scope: &mut Scope,
    ) -> Result<Expanded, BlocksError> {
        let mut parts = Vec::new();
        for (i, block) in blocks.0.iter().enumerate() {
            let name = block.name().map(|n| format!(" {n}")).unwrap_or_default();
            self.place.push(format!("block {} ({}{name})", i + 1, block.kind()));
            if self.place.len() > DEEPEST {
                return Err(self.wrong(at, format!("more than {DEEPEST} blocks in blocks: does it use itself?")));
            }
            let mut known = names.clone();
            known.extend(self.sides(at));
            let (after, more) = self.block(block, at, &known, scope)?;
            self.place.pop();
            at = after;
            parts.extend(more);
        }
        Ok((at, parts))
    }

    /// What `inputs`, `height` and `width` stand for.
    fn sides(&self, at: usize) -> Names {
        let sides = match self.nodes[at].output {
            Dims::Map(sides) => sides,
            Dims::Row(numbers) => [numbers, 1, 1],
        };
        ["inputs", "height", "width"].into_iter().map(str::to_owned).zip(sides).collect()
    }

    fn block(&mut self, block: &Block, at: usize, names: &Names, scope: &mut Scope) -> Result<Expanded, BlocksError> {
        match block {
            Block::Residual(residual) => self.residual(residual, at, names, scope),
            Block::Concatenation(block) => {
                let name = block.name.as_ref();
                self.branches(&block.branches, name, at, names, scope, "concatenation")
            }
            Block::Elementwise(kind, block) => {
                if block.branches.len() != 2 {
                    return Err(self.wrong(at, format!("it has {} branches; {kind} takes two", block.branches.len())));
                }
                self.branches(&block.branches, block.name.as_ref(), at, names, scope, kind)
            }
            Block::Sequence(block) => match block.name.as_ref() {
                None => self.blocks(&block.sequence, at, names, scope),
                Some(name) => self.group(&block.sequence, at, names, &name.0, &mut scope.inner(&name.0)),
            },
            Block::Repeat(block) => self.repeat(block, at, names, scope),
            Block::Use(block) => self.used(block, at, names, scope),
            Block::Store(block) => {
                self.stored.insert(block.value.0.clone(), at);
                Ok((at, Vec::new()))
            }
            Block::From(block) => {
                let name = &block.value.0;
                if let Some(&node) = self.stored.get(name) {
                    return Ok((node, vec![Part::From(node)]));
                }
                let mut known: Vec<&str> = self.stored.keys().map(String::as_str).collect();
                known.sort_unstable();
                let known = known.join(", ");
                Err(self.wrong(at, format!("nothing was stored as {name:?} before it; stored are: {known}")))
            }
            simple => {
                let read = |number: &Number| number.value(names);
                let (op, output) = op(simple, self.nodes[at].output, &read).map_err(|e| self.wrong(at, e))?;
                let name = scope.name(simple.name(), op.kind());
                let node = self.push(Node { name, op, inputs: vec![at], output })?;
                Ok((node, vec![Part::One(node)]))
            }
        }
    }

    fn push(&mut self, node: Node) -> Result<usize, BlocksError> {
        let input = node.inputs[0];
        if !self.names.insert(node.name.clone()) {
            return Err(self.wrong(input, format!("there is a block {:?} already; names must differ", node.name)));
        }
        if self.nodes.len() >= MOST_NODES {
            return Err(self.wrong(input, format!("more than {MOST_NODES} blocks")));
        }
        let count = match node.output {
            Dims::Map(sides) => sides.iter().try_fold(1_u64, |product, side| product.checked_mul(*side)),
            Dims::Row(numbers) => Some(numbers),
        };
        if count.is_none_or(|c| c > MOST_PARAMETERS) || node.output.channels() > MOST_PARAMETERS {
            return Err(self.wrong(input, format!("its output, {}, is too large", node.output)));
        }
        self.nodes.push(node);
        Ok(self.nodes.len() - 1)
    }

    fn group(
        &mut self,
        blocks: &Blocks,
        at: usize,
        names: &Names,
        title: &str,
        scope: &mut Scope,
    ) -> Result<Expanded, BlocksError> {
        let (after, parts) = self.blocks(blocks, at, names, scope)?;
        Ok((after, vec![Part::Group { title: title.to_owned(), parts }]))
    }

    fn residual(
        &mut self,
        block: &block::Residual,
        at: usize,
        names: &Names,
        scope: &mut Scope,
    ) -> Result<Expanded, BlocksError> {
        if block.shortcut.is_some() && block.if_shapes_differ.is_some() {
            return Err(self.wrong(at, "it has both shortcut and if-shapes-differ; one is enough".to_owned()));
        }
        let mut inner = block.name.as_ref().map(|name| scope.inner(&name.0));
        let scope = inner.as_mut().unwrap_or(scope);
        let (body, body_parts) = self.blocks(&block.residual, at, names, scope)?;
        let differ = self.nodes[body].output != self.nodes[at].output;
        let shortcut = match (&block.shortcut, &block.if_shapes_differ) {
            (Some(blocks), _) => Some(blocks),
            (None, Some(Otherwise::Shortcut(blocks))) if differ => Some(blocks),
            (None, Some(Otherwise::NoShortcut)) if differ => return Ok((body, body_parts)),
            _ => None,
        };
        let (side, side_parts) = match shortcut {
            Some(blocks) => self.blocks(blocks, at, names, scope)?,
            None => (at, Vec::new()),
        };
        let (ours, theirs) = (self.nodes[body].output, self.nodes[side].output);
        if ours != theirs {
            return Err(self.wrong(
                at,
                format!(
                    "its blocks give {ours} and its shortcut {theirs}, which cannot be added: add `if-shapes-differ: \
                     [{{convolution: {}, kernel: 1, stride: …}}]`, or `if-shapes-differ: no-shortcut`",
                    ours.channels()
                ),
            ));
        }
        let name = scope.name(None, "add");
        let join = self.push(Node { name, op: Op::Add, inputs: vec![body, side], output: ours })?;
        Ok((join, vec![Part::Branches { branches: vec![body_parts, side_parts], join }]))
    }

    /// Branches from one input and what they become: a concatenation, or an operation of two.
    fn branches(
        &mut self,
        blocks: &[Blocks],
        name: Option<&block::Name>,
        at: usize,
        names: &Names,
        scope: &mut Scope,
        kind: &'static str,
    ) -> Result<Expanded, BlocksError> {
        let mut inner = name.map(|name| scope.inner(&name.0));
        let scope = inner.as_mut().unwrap_or(scope);
        let (mut inputs, mut branches) = (Vec::new(), Vec::new());
        for (i, blocks) in blocks.iter().enumerate() {
            self.place.push(format!("branch {}", i + 1));
            let (end, parts) = self.blocks(blocks, at, names, scope)?;
            self.place.pop();
            inputs.push(end);
            branches.push(parts);
        }
        let shapes: Vec<Dims> = inputs.iter().map(|i| self.nodes[*i].output).collect();
        let joined = if kind == "concatenation" { concatenated(&shapes) } else { elementwise(kind, &shapes) };
        let (op, output) = joined.map_err(|problem| self.wrong(at, problem))?;
        let name = scope.name(None, kind);
        let join = self.push(Node { name, op, inputs, output })?;
        Ok((join, vec![Part::Branches { branches, join }]))
    }

    fn repeat(
        &mut self,
        block: &block::Repeat,
        mut at: usize,
        names: &Names,
        scope: &mut Scope,
    ) -> Result<Expanded, BlocksError> {
        let times = self.times(&block.times, at, names)?;
        if block.first.keys().ne(block.then.keys()) {
            let problem = "first and then must give values to the same names".to_owned();
            return Err(self.wrong(at, problem));
        }
        let mut parts = Vec::new();
        for (i, title) in scope.items(block.name.as_ref().map(|n| &n.0[..]), times).iter().enumerate() {
            let given = if i == 0 { &block.first } else { &block.then };
            let mut known = names.clone();
            known.extend(self.values(given, at, names)?);
            let (after, more) = self.group(&block.blocks, at, &known, title, &mut scope.inner(title))?;
            at = after;
            parts.extend(more);
        }
        Ok((at, parts))
    }

    fn used(
        &mut self,
        block: &block::Use,
        mut at: usize,
        names: &Names,
        scope: &mut Scope,
    ) -> Result<Expanded, BlocksError> {
        let description = self.description;
        let definitions = &description.content.definitions;
        let definition: &Definition = definitions.get(&block.definition).ok_or_else(|| {
            let known: Vec<&str> = definitions.keys().map(String::as_str).collect();
            self.wrong(at, format!("{:?} is not defined; defined are: {}", block.definition, known.join(", ")))
        })?;
        let name = block.name.as_ref().map(|n| n.0.as_str());
        let Some(times) = &block.repeat else {
            if !block.first.is_empty() {
                return Err(self.wrong(at, "first goes with repeat".to_owned()));
            }
            let known = self.arguments(definition, block, false, at, names)?;
            return match name {
                Some(name) => self.group(&definition.blocks, at, &known, name, &mut scope.inner(name)),
                None => self.group(&definition.blocks, at, &known, &block.definition, scope),
            };
        };
        let mut parts = Vec::new();
        for (i, title) in scope.items(name, self.times(times, at, names)?).iter().enumerate() {
            let mut here = names.clone();
            here.extend(self.sides(at));
            let known = self.arguments(definition, block, i == 0, at, &here)?;
            let (after, more) = self.group(&definition.blocks, at, &known, title, &mut scope.inner(title))?;
            at = after;
            parts.extend(more);
        }
        Ok((at, parts))
    }

    /// What the names in a definition stand for: its parameters and the classes.
    fn arguments(
        &self,
        definition: &Definition,
        block: &block::Use,
        first: bool,
        at: usize,
        names: &Names,
    ) -> Result<Names, BlocksError> {
        let accepted = || definition.parameters.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let mut given = block.parameters.clone();
        if first {
            given.extend(block.first.clone());
        }
        if let Some(name) = given.keys().chain(block.first.keys()).find(|n| !definition.parameters.contains_key(*n)) {
            let problem = format!("{name:?} is no parameter of {}; accepted are: {}", block.definition, accepted());
            return Err(self.wrong(at, problem));
        }
        for (name, parameter) in &definition.parameters {
            if let (Parameter::Usually(number), false) = (parameter, given.contains_key(name)) {
                given.insert(name.clone(), number.clone());
            }
        }
        if let Some(name) = definition.parameters.keys().find(|n| !given.contains_key(*n)) {
            return Err(self.wrong(at, format!("{} needs a value of {name}", block.definition)));
        }
        let mut known = self.values(&given, at, names)?;
        known.extend(names.get("classes").map(|classes| ("classes".to_owned(), *classes)));
        Ok(known)
    }

    fn values(&self, given: &BTreeMap<String, Number>, at: usize, names: &Names) -> Result<Names, BlocksError> {
        given
            .iter()
            .map(|(name, number)| {
                if RESERVED.contains(&&name[..]) {
                    return Err(self.wrong(at, format!("{name:?} has a meaning already; take another name")));
                }
                let value = number.value(names).map_err(|e| self.wrong(at, format!("{name}: {e}")))?;
                Ok((name.clone(), value))
            })
            .collect()
    }

    fn times(&self, number: &Number, at: usize, names: &Names) -> Result<usize, BlocksError> {
        let times = number.value(names).map_err(|e| self.wrong(at, format!("repeat: {e}")))?;
        usize::try_from(times)
            .ok()
            .filter(|t| *t <= MOST_NODES)
            .ok_or_else(|| self.wrong(at, format!("repeat: {times}; accepted are 0 to {MOST_NODES}")))
    }
}

/// Channels of all shapes, when their sides are the same.
fn concatenated(shapes: &[Dims]) -> Result<(Op, Dims), String> {
    let channels = shapes.iter().map(|s| s.channels()).sum();
    let side = |shape: &Dims| if let Dims::Map([_, height, width]) = shape { Some((*height, *width)) } else { None };
    let Some(first) = shapes.first() else { return Err("it has no branch".to_owned()) };
    if shapes.iter().any(|s| side(s) != side(first)) {
        let shown: Vec<String> = shapes.iter().map(ToString::to_string).collect();
        return Err(format!("its branches give {}: height and width must be the same", shown.join(" and ")));
    }
    let output = match side(first) {
        Some((height, width)) => Dims::Map([channels, height, width]),
        None => Dims::Row(channels),
    };
    Ok((Op::Concatenation, output))
}

/// An operation of two shapes, which are equal, or of which the second has one number a channel.
fn elementwise(kind: &str, shapes: &[Dims]) -> Result<(Op, Dims), String> {
    let op = match kind {
        "subtract" => Op::Elementwise(Elementwise::Subtract),
        "multiply" => Op::Elementwise(Elementwise::Multiply),
        "divide" => Op::Elementwise(Elementwise::Divide),
        "maximum" => Op::Elementwise(Elementwise::Maximum),
        "minimum" => Op::Elementwise(Elementwise::Minimum),
        _ => Op::Add,
    };
    let [first, second] = shapes else { return Err("it takes two branches".to_owned()) };
    let a_channel =
        |small: &Dims, large: &Dims| small.count() == small.channels() && small.channels() == large.channels();
    if first == second || (op != Op::Add && a_channel(second, first)) {
        Ok((op, *first))
    } else {
        Err(format!(
            "its branches give {first} and {second}: they must be equal, or, but for add, the second one number a channel"
        ))
    }
}

/// What the three blocks of pooling have in common.
macro_rules! pool {
    ($block:expr) => {
        Pool {
            kernel: &$block.kernel,
            stride: $block.stride.as_ref(),
            padding: &$block.padding,
            ignore_border: $block.ignore_border,
        }
    };
}

/// What a block without blocks in it does to an input, and the shape that comes out.
fn op(block: &Block, input: Dims, read: &dyn Fn(&Number) -> Result<u64, String>) -> Result<(Op, Dims), String> {
    let positive = |what: &str, number: &Number| match read(number).map_err(|e| format!("{what}: {e}"))? {
        0 => Err(format!("{what} is 0; accepted are 1 and more")),
        value => Ok(value),
    };
    let any = |what: &str, number: &Number| read(number).map_err(|e| format!("{what}: {e}"));
    let share = |what: &str, value: f64, most: f64| {
        if value >= 0.0 && value <= most {
            Ok(value)
        } else {
            Err(format!("{what} is {value}; accepted are 0 to {most}"))
        }
    };
    Ok(match block {
        Block::Convolution(block) => {
            let [channels, height, width] = map(input)?;
            let window = Window {
                kernel: pair("kernel", &block.kernel, &positive)?,
                stride: pair("stride", &block.stride, &positive)?,
                padding: match &block.padding {
                    block::Padding::Same => Padding::Same,
                    block::Padding::Pixels(pixels) => Padding::Pixels(pair("padding", pixels, &any)?),
                },
                dilation: pair("dilation", &block.dilation, &positive)?,
                ignore_border: true,
            };
            if window.padding == Padding::Same && window.dilation != [1, 1] {
                return Err("padding: same goes with dilation 1; give the padding in pixels".to_owned());
            }
            let (to, groups) = (positive("convolution", &block.channels)?, positive("groups", &block.groups)?);
            if channels % groups != 0 || to % groups != 0 {
                return Err(format!("groups: {groups} must divide the channels in ({channels}) and out ({to})"));
            }
            let [height, width] = window.places([height, width])?;
            let output = Dims::Map([to, height, width]);
            (Op::Convolution(Convolution { channels: [channels, to], window, groups, bias: block.bias }), output)
        }
        Block::MaxPooling(block) => {
            let (window, output) = pooling(input, &pool!(block), &positive, &any)?;
            (Op::MaxPooling(window), output)
        }
        Block::AveragePooling(block) => {
            let (window, output) = pooling(input, &pool!(block), &positive, &any)?;
            (Op::AveragePooling { window, including_pad: block.including_pad }, output)
        }
        Block::SumPooling(block) => {
            let (window, output) = pooling(input, &pool!(block), &positive, &any)?;
            (Op::SumPooling(window), output)
        }
        Block::Affine(block) => {
            let outputs = positive("affine", &block.outputs)?;
            (Op::Affine { inputs: input.count(), outputs, bias: block.bias }, Dims::Row(outputs))
        }
        Block::BatchNormalization(block) => {
            if !(block.epsilon > 0.0 && block.epsilon <= 1.0) {
                return Err(format!("epsilon is {}; accepted is above 0 and up to 1", block.epsilon));
            }
            let momentum = share("momentum", block.momentum, 1.0)?;
            (Op::BatchNormalization { channels: input.channels(), epsilon: block.epsilon, momentum }, input)
        }
        Block::GroupNormalization(block) => {
            if !(block.epsilon > 0.0 && block.epsilon <= 1.0) {
                return Err(format!("epsilon is {}; accepted is above 0 and up to 1", block.epsilon));
            }
            let (channels, groups) = (input.channels(), positive("group-normalization", &block.groups)?);
            if channels % groups != 0 {
                return Err(format!("group-normalization: {groups} must divide the channels, {channels}"));
            }
            (Op::GroupNormalization { channels, groups, epsilon: block.epsilon }, input)
        }
        Block::PRelu(block) => (Op::PRelu { slopes: if block.shared { 1 } else { input.channels() } }, input),
        Block::Pad(block) => {
            let [channels, height, width] = map(input)?;
            if !block.value.is_finite() {
                return Err(format!("value is {}; accepted are numbers", block.value));
            }
            let [top, bottom, left, right] = &block.around;
            let around = [(any("pad", top)?, any("pad", bottom)?), (any("pad", left)?, any("pad", right)?)];
            let sides = [height + around[0].0 + around[0].1, width + around[1].0 + around[1].1];
            (Op::Pad { around, value: block.value }, Dims::Map([channels, sides[0], sides[1]]))
        }
        Block::Dropout(block) => (Op::Dropout { rate: share("dropout", block.rate.unwrap_or(0.5), 0.99)? }, input),
        Block::LeakyRelu(block) => {
            let slope = share("leaky-relu", block.slope.unwrap_or(0.1), 1.0)?;
            (Op::Activation(Activation::LeakyRelu { slope }), input)
        }
        Block::Plain("global-average-pooling", _) => {
            let [channels, ..] = map(input)?;
            (Op::GlobalAveragePooling, Dims::Row(channels))
        }
        Block::Plain("flatten", _) => (Op::Flatten, Dims::Row(input.count())),
        Block::Plain("grey", _) => match map(input)? {
            [3, height, width] => (Op::Grey, Dims::Map([1, height, width])),
            [channels, ..] => return Err(format!("it needs the 3 channels of an image, not {channels}")),
        },
        Block::Plain(kind, _) => (Op::Activation(Activation::plain(kind).unwrap_or(Activation::Relu)), input),
        Block::Elu(block) => {
            let alpha = share("elu", block.alpha.unwrap_or(1.0), 100.0)?;
            (Op::Activation(Activation::Elu { alpha }), input)
        }
        Block::Scalar(kind, block) => {
            if !block.value.is_finite() || block.value.abs() > 1e30 {
                return Err(format!("{kind} is {}; accepted are numbers up to 1e30", block.value));
            }
            let scalar = match *kind {
                "multiply-scalar" => Scalar::Multiply,
                "add-scalar" => Scalar::Add,
                "power-scalar" => Scalar::Power,
                "maximum-scalar" => Scalar::Maximum,
                _ => Scalar::Minimum,
            };
            (Op::Scalar(scalar(block.value)), input)
        }
        Block::Transpose(block) => {
            let (sides, axes) = (map(input)?, block.axes);
            let mut sorted = axes;
            sorted.sort_unstable();
            if sorted != [0, 1, 2] {
                return Err(format!("transpose: {axes:?}; accepted are 0, 1 and 2, each once"));
            }
            (Op::Transpose { axes }, Dims::Map(axes.map(|axis| sides[axis])))
        }
        Block::Reshape(block) => {
            let [a, b, c] = &block.sides;
            let sides = [positive("reshape", a)?, positive("reshape", b)?, positive("reshape", c)?];
            let output = Dims::Map(sides);
            if output.count() != input.count() {
                return Err(format!("{output} has {} numbers, its input {}", output.count(), input.count()));
            }
            (Op::Reshape, output)
        }
        Block::ChannelShuffle(block) => {
            let [channels, ..] = map(input)?;
            let groups = positive("channel-shuffle", &block.groups)?;
            if channels % groups != 0 {
                return Err(format!("channel-shuffle: {groups} must divide the channels, {channels}"));
            }
            (Op::ChannelShuffle { groups }, input)
        }
        Block::Slice(block) => {
            let sides = map(input)?;
            let three =
                |what: &str, [a, b, c]: &[Number; 3]| Ok::<_, String>([any(what, a)?, any(what, b)?, any(what, c)?]);
            let (start, stop) = (three("slice", &block.start)?, three("stop", &block.stop)?);
            let [a, b, c] = &block.step;
            let step = [positive("step", a)?, positive("step", b)?, positive("step", c)?];
            if (0..3).any(|axis| start[axis] >= stop[axis] || stop[axis] > sides[axis]) {
                return Err(format!("slice: {start:?} to {stop:?}; accepted are parts of {input}"));
            }
            let output = std::array::from_fn(|axis| (stop[axis] - start[axis]).div_ceil(step[axis]));
            (Op::Slice { start, stop, step }, Dims::Map(output))
        }
        // Those with blocks in them do not come here.
        _ => (Op::Activation(Activation::Relu), input),
    })
}

/// A number that is read, or what is wrong with it.
type Read<'a> = &'a dyn Fn(&str, &Number) -> Result<u64, String>;

/// Height and width.
fn pair(what: &str, sides: &block::Sides, read: Read<'_>) -> Result<[u64; 2], String> {
    Ok([read(what, &sides.0)?, read(what, &sides.1)?])
}

/// What blocks of pooling have in common.
struct Pool<'a> {
    kernel: &'a block::Sides,
    stride: Option<&'a block::Sides>,
    padding: &'a block::Sides,
    ignore_border: bool,
}

fn pooling(input: Dims, pool: &Pool<'_>, positive: Read<'_>, any: Read<'_>) -> Result<(Window, Dims), String> {
    let [channels, height, width] = map(input)?;
    let kernel = pair("kernel", pool.kernel, positive)?;
    let stride = pool.stride.map_or(Ok(kernel), |stride| pair("stride", stride, positive))?;
    let padding = pair("padding", pool.padding, any)?;
    if let Some(axis) = (0..2).find(|axis| padding[*axis] > kernel[*axis] / 2) {
        let (padding, kernel) = (padding[axis], kernel[axis]);
        return Err(format!("padding is {padding}; accepted with a kernel of {kernel} are 0 to {}", kernel / 2));
    }
    let padding = Padding::Pixels(padding);
    let window = Window { kernel, stride, padding, dilation: [1, 1], ignore_border: pool.ignore_border };
    let [height, width] = window.places([height, width])?;
    Ok((window, Dims::Map([channels, height, width])))
}

fn map(input: Dims) -> Result<[u64; 3], String> {
    match input {
        Dims::Map(sides) => Ok(sides),
        Dims::Row(_) => Err("it needs channels × height × width, not numbers in a row: it goes before flatten, \
                             affine and global-average-pooling"
            .to_owned()),
    }
}

#[cfg(test)]
mod tests;
