//! From a network of linked blocks to blocks in blocks.
//!
//! Between a block that several read and the one in which all ways from it meet again are branches: a residual block, a
//! concatenation, a product. Branches are taken apart in the same way. Units become sequences with the unit's name, and what is
//! between RepeatStart and RepeatEnd is written once.

use crate::error::NncError;
use crate::formula::{Arguments, Formula, list};
use crate::layers::{self, Shape, refused};
use crate::order::Order;
use crate::project::{Layer, Network, Project};
use crate::yaml::{Block, name};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Units in units.
const DEEPEST: usize = 16;
/// Times a part may be repeated.
const MOST_TIMES: f64 = 1000.0;
/// Why branches are not taken apart.
const CROSSING: &str = "branches that cross each other read it";

/// Makes blocks of networks.
#[derive(Debug)]
pub struct Builder<'a> {
    project: &'a Project,
    /// What has no counterpart, for a person.
    pub notes: BTreeSet<String>,
    /// Augmentation and other preparation, as it comes.
    pub preparations: Vec<Layer>,
    depth: usize,
    /// Values that were stored, for names that no other has.
    stored: usize,
}

/// One network at work.
struct Scope<'a> {
    network: &'a Network,
    order: Order,
    arguments: Arguments,
    /// Blocks that have been written, so that none is written twice.
    written: Vec<usize>,
}

impl<'a> Builder<'a> {
    /// Of the networks of a project.
    pub fn new(project: &'a Project) -> Self {
        Self { project, notes: BTreeSet::new(), preparations: Vec::new(), depth: 0, stored: 0 }
    }

    /// Blocks of a network from its input up to `end`, and the shape they give.
    ///
    /// # Errors
    /// [`NncError::Block`] for a block without counterpart.
    pub fn network(
        &mut self,
        network: &'a Network,
        end: usize,
        given: Arguments,
        input: Option<Shape>,
    ) -> Result<(Vec<Block>, Shape), NncError> {
        let order = Order::new(network);
        let mut scope = Scope { network, order, arguments: Arguments::new(), written: Vec::new() };
        scope.leave_targets_out();
        if let Some((first, second)) = scope.shared_parameters(end) {
            let problem = format!("it shares its ParameterScope with {}, which has no counterpart", first.name);
            return Err(refused(network, second, &problem));
        }
        if let Some(place) = scope.order.in_a_loop() {
            return Err(refused(
                network,
                &network.layers[place],
                "it reads what comes of itself: the network is recurrent",
            ));
        }
        for layer in network.layers.iter().filter(|layer| layer.kind == "Argument") {
            let value = match given.get(&layer.name) {
                Some(value) => value.clone(),
                None => scope.values(layer, layer.property("Value").unwrap_or_default())?,
            };
            scope.arguments.insert(layer.name.clone(), value);
        }
        let before = scope.order.before(end);
        let inputs: Vec<usize> = before.into_iter().filter(|place| scope.order.reads[*place].is_empty()).collect();
        let start = match inputs[..] {
            [start] if network.layers[start].kind == "Input" => start,
            [] => return Err(NncError::Form(format!("network {} has no input", network.name))),
            _ => {
                let layer = |place: &usize| &network.layers[*place];
                let other = inputs.iter().map(layer).find(|layer| layer.kind != "Input");
                let last = other.or_else(|| inputs.last().map(layer)).unwrap_or(&network.layers[end]);
                let problem = if other.is_some() {
                    "it gives numbers that come from no image"
                } else {
                    "the network has several inputs, and an image is one"
                };
                return Err(refused(network, last, problem));
            }
        };
        let shape = match input {
            Some(shape) => shape,
            None => image(&scope, start)?,
        };
        self.chain(&mut scope, start, end, shape)
    }

    /// Blocks after `start` up to `end`, and the shape they give.
    fn chain(
        &mut self,
        scope: &mut Scope<'a>,
        start: usize,
        end: usize,
        shape: Shape,
    ) -> Result<(Vec<Block>, Shape), NncError> {
        let (mut blocks, mut at, mut shape) = (Vec::new(), start, shape);
        while at != end {
            let meeting = scope
                .order
                .meeting(at, end)
                .ok_or_else(|| refused(scope.network, &scope.network.layers[at], CROSSING))?;
            let inputs = scope.order.reads[meeting].clone();
            if inputs.iter().any(|input| *input != at) {
                let before = (scope.written.len(), self.preparations.len(), self.stored);
                match self.branches(scope, at, meeting, &inputs, &shape) {
                    Ok((block, after)) => {
                        blocks.push(block);
                        shape = after;
                    }
                    Err(NncError::Block { problem, .. }) if problem == CROSSING => {
                        scope.written.truncate(before.0);
                        self.preparations.truncate(before.1);
                        self.stored = before.2;
                        let (more, after) = self.crossing(scope, at, meeting, shape)?;
                        blocks.extend(more);
                        shape = after;
                    }
                    Err(other) => return Err(other),
                }
                at = meeting;
                continue;
            }
            scope.written.push(meeting);
            let layer = &scope.network.layers[meeting];
            if layer.kind == "RepeatStart" {
                let close = scope.repeat_end(meeting, end)?;
                let (more, after) = self.repeat(scope, meeting, close, shape)?;
                blocks.extend(more);
                (at, shape) = (close, after);
                continue;
            }
            let (more, after) = if inputs.len() > 1 {
                let (block, after) = joined(scope, layer, vec![(Vec::new(), shape.clone()); inputs.len()])?;
                (vec![block], after)
            } else {
                self.single(scope, meeting, shape)?
            };
            blocks.extend(more);
            (at, shape) = (meeting, after);
        }
        Ok((shuffles(blocks), shape))
    }

    /// A block that reads one other.
    fn single(&mut self, scope: &Scope<'a>, place: usize, shape: Shape) -> Result<(Vec<Block>, Shape), NncError> {
        let layer = &scope.network.layers[place];
        match layer.kind.as_str() {
            "RepeatEnd" => Err(refused(scope.network, layer, "there is no RepeatStart before it")),
            "Unit" => self.unit(scope, layer, shape).map(|(block, after)| (vec![block], after)),
            _ => {
                let readers = scope.order.read_by[place].iter();
                let context = layers::Context {
                    network: scope.network,
                    layer,
                    arguments: &scope.arguments,
                    next: scope.next_kinds(place),
                    readers: readers.map(|reader| scope.network.layers[*reader].kind.as_str()).collect(),
                };
                let (blocks, after) = context.translate(&shape, &mut self.notes)?;
                if let Some(Block::Preparation { .. }) = blocks.first() {
                    self.preparations.push(scope.resolved(layer));
                }
                Ok((blocks, after))
            }
        }
    }

    /// Branches from `start` to `meeting` that cross: one block after the other, with values stored and taken up again.
    fn crossing(
        &mut self,
        scope: &mut Scope<'a>,
        start: usize,
        meeting: usize,
        shape: Shape,
    ) -> Result<(Vec<Block>, Shape), NncError> {
        let inside = scope.order.between(start, meeting, None);
        // A branch that reads what another one gave is taken apart with it.
        let reads_others =
            |place: &&usize| **place != start && scope.order.reads[**place].iter().any(|input| !inside.contains(input));
        if let Some(place) = inside.iter().find(reads_others) {
            return Err(refused(scope.network, &scope.network.layers[*place], CROSSING));
        }
        let places = scope.order.ranked(inside);
        let mut values = Values { shapes: BTreeMap::from([(start, shape)]), names: BTreeMap::new(), current: start };
        let mut blocks = Vec::new();
        let mut rest: VecDeque<usize> = places.into();
        while let Some(place) = rest.pop_front() {
            let mut value = place;
            if value != start {
                let layer = &scope.network.layers[value];
                let inputs = scope.order.reads[value].clone();
                scope.written.push(value);
                let (more, after) = if let [input] = inputs[..] {
                    blocks.extend(values.taken_up(input).map(Block::Plain));
                    let shape = values.shapes.get(&input).cloned().unwrap_or_default();
                    if layer.kind == "RepeatStart" {
                        let close = scope.repeat_end(value, meeting)?;
                        let repeated = self.repeat(scope, value, close, shape)?;
                        let inside = scope.order.between(value, close, None);
                        rest.retain(|place| !inside.contains(place));
                        value = close;
                        repeated
                    } else {
                        self.single(scope, value, shape)?
                    }
                } else {
                    let branch = |input: &usize| {
                        let shape = values.shapes.get(input).cloned().unwrap_or_default();
                        (values.taken_up(*input).map(Block::Plain).into_iter().collect(), shape)
                    };
                    let (block, after) = joined(scope, layer, inputs.iter().map(branch).collect())?;
                    (vec![block], after)
                };
                blocks.extend(more);
                values.shapes.insert(value, after);
                values.current = value;
            }
            // What only the next block reads needs no name.
            let readers = &scope.order.read_by[value];
            let is_read_at_once = matches!((&readers[..], rest.front()), ([reader], Some(next)) if reader == next);
            if value != meeting && !is_read_at_once {
                self.stored += 1;
                let name = format!("value{}", self.stored);
                blocks.push(Block::Plain(format!("store: {name}")));
                values.names.insert(value, name);
            }
        }
        let after = values.shapes.remove(&meeting).unwrap_or_default();
        Ok((blocks, after))
    }

    /// Branches from `start` that meet in a block of several inputs.
    fn branches(
        &mut self,
        scope: &mut Scope<'a>,
        start: usize,
        meeting: usize,
        inputs: &[usize],
        shape: &Shape,
    ) -> Result<(Block, Shape), NncError> {
        let mut all = Vec::new();
        let mut rest = inputs;
        while let Some((first, more)) = rest.split_first() {
            // Neighbours of a concatenation that have blocks in common are a branch that branches again.
            let along = |count: usize| scope.order.common(start, &rest[..count]);
            let joins = scope.network.layers[meeting].kind == "Concatenate";
            let together =
                (2..=rest.len()).rev().find(|count| joins && *count < inputs.len() && along(*count).is_some());
            if let Some((count, common)) = together.and_then(|count| Some((count, along(count)?))) {
                let (mut blocks, middle) = self.chain(scope, start, common, shape.clone())?;
                let (block, after) = self.branches(scope, common, meeting, &rest[..count], &middle)?;
                blocks.push(block);
                all.push((blocks, after));
                rest = &rest[count..];
                continue;
            }
            all.push(self.chain(scope, start, *first, shape.clone())?);
            rest = more;
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = scope.written.iter().find(|place| !seen.insert(**place)) {
            return Err(refused(scope.network, &scope.network.layers[*twice], CROSSING));
        }
        joined(scope, &scope.network.layers[meeting], all)
    }

    fn repeat(
        &mut self,
        scope: &mut Scope<'a>,
        start: usize,
        close: usize,
        shape: Shape,
    ) -> Result<(Vec<Block>, Shape), NncError> {
        let layer = &scope.network.layers[start];
        let times = scope.number(layer, "Times", &shape)?;
        if !(0.0..=MOST_TIMES).contains(&times) || times.fract() != 0.0 {
            return Err(refused(
                scope.network,
                layer,
                &format!("it is repeated {times} times; accepted are 0 to {MOST_TIMES}"),
            ));
        }
        let [end] = scope.order.reads[close][..] else {
            return Err(refused(scope.network, &scope.network.layers[close], "it reads several blocks"));
        };
        let before = scope.written.len();
        let (mut rounds, mut shape) = (Vec::new(), shape);
        let stored = self.stored;
        for _ in 0..times as usize {
            scope.written.truncate(before);
            self.stored = stored;
            let (blocks, after) = self.chain(scope, start, end, shape)?;
            rounds.push(blocks);
            shape = after;
        }
        scope.written.push(close);
        let title = name(&layer.name);
        Ok(match rounds.first() {
            None => (Vec::new(), shape),
            Some(first) if rounds.iter().all(|round| round == first) => {
                (vec![Block::Repeat(rounds.len() as u64, title, first.clone())], shape)
            }
            Some(_) => {
                let named = |(i, blocks): (usize, Vec<Block>)| Block::Sequence(format!("{title}.{i}"), blocks);
                (rounds.into_iter().enumerate().map(named).collect(), shape)
            }
        })
    }

    fn unit(&mut self, scope: &Scope<'a>, layer: &Layer, shape: Shape) -> Result<(Block, Shape), NncError> {
        let wanted = layer.property("Network").unwrap_or_default();
        let project = self.project;
        let inner = project
            .network(wanted)
            .ok_or_else(|| refused(scope.network, layer, &format!("there is no network {wanted:?}")))?;
        if self.depth >= DEEPEST {
            return Err(refused(scope.network, layer, "it is a unit within itself"));
        }
        let mut given = Arguments::new();
        for argument in inner.layers.iter().filter(|layer| layer.kind == "Argument") {
            if let Some(text) = layer.property(&argument.name) {
                let here = |formula: Formula| formula.value(&shape).map_or(formula, Formula::Number);
                given.insert(argument.name.clone(), scope.values(layer, text)?.into_iter().map(here).collect());
            }
        }
        let order = Order::new(inner);
        let not_read = |place: &usize| order.read_by[*place].is_empty() && !order.reads[*place].is_empty();
        let ends: Vec<usize> = (0..inner.layers.len()).filter(not_read).collect();
        let [end] = ends[..] else {
            return Err(refused(scope.network, layer, &format!("its network has {} outputs, not one", ends.len())));
        };
        self.depth += 1;
        let built = self.network(inner, end, given, Some(shape));
        self.depth -= 1;
        let (blocks, after) = built?;
        Ok((Block::Sequence(name(&layer.name), blocks), after))
    }
}

/// Values of branches that cross.
struct Values {
    shapes: BTreeMap<usize, Shape>,
    /// What those that were stored are called.
    names: BTreeMap<usize, String>,
    /// The one that the last block gave.
    current: usize,
}

impl Values {
    /// The block that takes a value up, where it is not at hand.
    fn taken_up(&self, place: usize) -> Option<String> {
        let name = self.names.get(&place).filter(|_| place != self.current)?;
        Some(format!("from: {name}"))
    }
}

impl<'a> Scope<'a> {
    /// Blocks that mix images with others mix their targets as well, which come to them from elsewhere: here from no block.
    fn leave_targets_out(&mut self) {
        for (place, layer) in self.network.layers.iter().enumerate() {
            if layers::mixes_targets(&layer.kind) {
                let reads = &mut self.order.reads[place];
                let others = reads.split_off(reads.len().min(1));
                for other in others {
                    self.order.read_by[other].retain(|reader| *reader != place);
                }
            }
        }
    }

    /// Two blocks before `end` that learn the same numbers.
    fn shared_parameters(&self, end: usize) -> Option<(&'a Layer, &'a Layer)> {
        let mut seen: BTreeMap<&str, &Layer> = BTreeMap::new();
        for place in self.order.before(end) {
            let layer = &self.network.layers[place];
            let scope = layer.property("ParameterScope").filter(|scope| !scope.is_empty() && !scope.starts_with('*'));
            let Some(scope) = scope.filter(|_| layer.kind != "Unit") else { continue };
            if let Some(first) = seen.insert(scope, layer) {
                return Some((first, layer));
            }
        }
        None
    }

    /// What a setting stands for: numbers, or formulas of the input's sides.
    fn values(&self, layer: &Layer, text: &str) -> Result<Vec<Formula>, NncError> {
        layers::values(layer, text, &self.arguments, 0).map_err(|problem| refused(self.network, layer, &problem))
    }

    fn number(&self, layer: &Layer, property: &str, shape: &Shape) -> Result<f64, NncError> {
        let values = self.values(layer, layer.property(property).unwrap_or_default())?;
        match &values[..] {
            [one] => one.value(shape),
            _ => None,
        }
        .ok_or_else(|| refused(self.network, layer, &format!("{property} is no number")))
    }

    /// A block whose settings have numbers for the names of arguments.
    fn resolved(&self, layer: &Layer) -> Layer {
        let mut layer = layer.clone();
        for text in layer.properties.values_mut() {
            let parts: Vec<String> = list(text)
                .into_iter()
                .map(|part| {
                    let name = part.trim_start_matches('*');
                    let known = self
                        .arguments
                        .get(name)
                        .map(|values| values.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
                    known.unwrap_or_else(|| part.to_owned())
                })
                .collect();
            *text = parts.join(",");
        }
        layer
    }

    /// Kinds of the blocks that follow, as long as one follows the other.
    fn next_kinds(&self, place: usize) -> Vec<&str> {
        let (mut kinds, mut at) = (Vec::new(), place);
        while let [next] = self.order.read_by[at][..] {
            if self.order.reads[next].len() != 1 || kinds.len() > self.network.layers.len() {
                kinds.push("");
                break;
            }
            kinds.push(self.network.layers[next].kind.as_str());
            at = next;
        }
        if self.order.read_by[at].len() > 1 {
            kinds.push("");
        }
        kinds
    }

    /// The RepeatEnd of a RepeatStart.
    fn repeat_end(&self, start: usize, end: usize) -> Result<usize, NncError> {
        let (mut at, mut depth) = (start, 1);
        while let Some(next) = self.order.meeting(at, end).filter(|_| at != end) {
            match self.network.layers[next].kind.as_str() {
                "RepeatStart" => depth += 1,
                "RepeatEnd" => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(next);
            }
            at = next;
        }
        Err(refused(self.network, &self.network.layers[start], "there is no RepeatEnd after it"))
    }
}

/// The shape of images that a network takes.
fn image(scope: &Scope<'_>, start: usize) -> Result<Shape, NncError> {
    let layer = &scope.network.layers[start];
    let size = layer.property("Size").unwrap_or_default();
    let values = scope.values(layer, size)?;
    let sides: Option<Shape> = values.iter().map(|value| layers::whole(value.value(&[])?)).collect();
    match sides.as_deref() {
        Some([1 | 3, height, width]) if *height > 1 && *width > 1 => Ok(sides.unwrap_or_default()),
        _ => Err(refused(scope.network, layer, &format!("its input is {size}, and an image is 1 or 3, height, width"))),
    }
}

/// What branches become.
fn joined(scope: &Scope<'_>, layer: &Layer, branches: Vec<(Vec<Block>, Shape)>) -> Result<(Block, Shape), NncError> {
    let kind = match layer.kind.as_str() {
        "Add2" | "AddN" => "add",
        "Sub2" => "subtract",
        "Mul2" | "MulN" => "multiply",
        "Div2" => "divide",
        "Maximum2" => "maximum",
        "Minimum2" => "minimum",
        "Concatenate" => "concatenation",
        other => {
            let problem = format!("branches meet in {other}, which has no counterpart");
            return Err(refused(scope.network, layer, &problem));
        }
    };
    let mut branches = branches;
    if matches!(layer.kind.as_str(), "AddN" | "MulN") && branches.len() > 2 {
        // Of several, the first two, then that and the next.
        let last = branches.pop().unwrap_or_default();
        let (block, after) = joined(scope, layer, branches)?;
        branches = vec![(vec![block], after), last];
    }
    let (mut blocks, shapes): (Vec<Vec<Block>>, Vec<Shape>) = branches.into_iter().unzip();
    let shown = || shapes.iter().map(|shape| format!("{shape:?}")).collect::<Vec<_>>().join(" and ");
    if kind == "concatenation" {
        if layer.property("Axis").is_some_and(|axis| axis != "0") {
            return Err(refused(scope.network, layer, "it concatenates along another axis than the channels"));
        }
        let Some(mut shape) = shapes.first().cloned().filter(|shape| !shape.is_empty()) else {
            return Err(refused(scope.network, layer, "it has nothing to concatenate"));
        };
        if shapes.iter().any(|other| other.len() != shape.len() || other[1..] != shape[1..]) {
            return Err(refused(scope.network, layer, &format!("its inputs are {}", shown())));
        }
        shape[0] = shapes.iter().map(|other| other[0]).sum();
        return Ok((Block::Branches(kind, blocks), shape));
    }
    let [first, second] = &shapes[..] else {
        return Err(refused(scope.network, layer, &format!("it has {} inputs, not two", shapes.len())));
    };
    let (first, second) = (first.clone(), second.clone());
    let a_channel = |shape: &Shape| shape.iter().skip(1).all(|side| *side == 1);
    let commutes = matches!(kind, "add" | "multiply" | "maximum" | "minimum");
    if first != second && kind == "add" && first.first() == second.first() {
        // A sum of a map and one number a channel: the difference to its negative.
        if a_channel(&first) {
            blocks.swap(0, 1);
        }
        if a_channel(&first) || a_channel(&second) {
            let minus = Block::Scalar { kind: "multiply-scalar", value: -1.0 };
            blocks[1].push(minus);
            return Ok((Block::Branches("subtract", blocks), if a_channel(&first) { second } else { first }));
        }
    }
    if first != second {
        let fits = first.first() == second.first() && kind != "add";
        if fits && a_channel(&first) && commutes {
            blocks.swap(0, 1);
            return Ok((Block::Branches(kind, blocks), second));
        }
        if !(fits && a_channel(&second)) {
            return Err(refused(scope.network, layer, &format!("its inputs are {}", shown())));
        }
    }
    if kind != "add" {
        return Ok((Block::Branches(kind, blocks), first));
    }
    // The longer one is what is added to the shorter.
    let shortcut = blocks.pop().unwrap_or_default();
    let body = blocks.pop().unwrap_or_default();
    let (body, shortcut) = if body.len() < shortcut.len() { (shortcut, body) } else { (body, shortcut) };
    Ok((Block::Residual(body, shortcut), first))
}

/// Reshape, Transpose and Reshape that exchange groups of channels become a channel shuffle.
fn shuffles(blocks: Vec<Block>) -> Vec<Block> {
    let mut shuffled: Vec<Block> = Vec::with_capacity(blocks.len());
    for block in blocks {
        shuffled.push(block);
        let Some([Block::Plain(split), Block::Plain(turn), Block::Plain(merge)]) = shuffled.last_chunk::<3>() else {
            continue;
        };
        let groups = split.strip_prefix(layers::SPLIT_CHANNELS).map(str::to_owned);
        if let (Some(groups), true, true) = (groups, turn == layers::TURN_GROUPS, merge == layers::MERGE_CHANNELS) {
            shuffled.truncate(shuffled.len() - 3);
            shuffled.push(Block::Plain(format!("channel-shuffle: {groups}")));
        }
    }
    shuffled
}
