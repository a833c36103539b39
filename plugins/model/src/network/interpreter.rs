//! A network that does what a graph of blocks says.

use crate::network::Architecture;
use crate::network::init::Init;
use crate::network::layers::{BatchNorm2d, GroupNorm, Linear, Slope};
use crate::network::pooling::{Pooling, Reduction};
use crate::network::step::{Dropout, Layers, Step, Work};
use burn::module::{Devices, Module, ModuleMapper, ModuleVisitor, Param};
use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor};
use plugin_blocks::graph::Convolution;
use plugin_blocks::{Dims, Graph, Op, Padding, Window};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

mod channels_last;
mod heat;
mod joint;
#[cfg(feature = "libtorch")]
mod packed;
mod ready;

pub use heat::{Cells, Heat};
pub(crate) use ready::Ready;

/// A layer and what the names of its weights begin with.
#[derive(Clone, Debug)]
struct Named<M> {
    name: String,
    layer: M,
}

/// A network of any architecture, with weights.
#[derive(Clone, Debug)]
pub struct Network {
    convolutions: Vec<Named<Conv2d>>,
    norms: Vec<Named<BatchNorm2d>>,
    group_norms: Vec<Named<GroupNorm>>,
    slopes: Vec<Named<Slope>>,
    affines: Vec<Named<Linear>>,
    classifier: Named<Linear>,
    plan: Arc<Plan>,
}

/// What is done, apart from the weights.
#[derive(Debug)]
struct Plan {
    architecture: Architecture,
    graph: Graph,
    steps: Vec<Step>,
    /// What dropouts draw by.
    draw: Arc<AtomicU64>,
}

impl Network {
    /// Draws first weights, in the order of the graph.
    pub(crate) fn new(architecture: Architecture, graph: Graph, seed: u64, init: &mut Init<'_>) -> Self {
        let (mut convolutions, mut norms, mut affines) = (Vec::new(), Vec::new(), Vec::new());
        let (mut group_norms, mut slopes) = (Vec::new(), Vec::new());
        let readers = graph.readers();
        let mut steps: Vec<Step> = Vec::new();
        let draw = Arc::new(AtomicU64::new(seed));
        // A convolution that only a batch normalisation reads is computed with it.
        let mut alone: Vec<Option<usize>> = vec![None; graph.nodes.len()];
        for (i, node) in graph.nodes.iter().enumerate().skip(1) {
            let name = node.name.clone();
            let mut inputs = node.inputs.clone();
            let work = match &node.op {
                Op::Convolution(op) => {
                    convolutions.push(Named { name, layer: convolution(op, init) });
                    alone[i] = (readers[i] == 1).then_some(convolutions.len() - 1);
                    Work::Convolution(convolutions.len() - 1)
                }
                Op::BatchNormalization { channels, epsilon, momentum } => {
                    norms.push(Named { name, layer: BatchNorm2d::new(init, *channels as usize, *epsilon, *momentum) });
                    match alone[inputs[0]] {
                        Some(convolution) => {
                            let before = inputs[0];
                            inputs.clone_from(&graph.nodes[before].inputs);
                            steps.retain(|step| step.output != before);
                            Work::ConvolutionAndNorm(convolution, norms.len() - 1)
                        }
                        None => Work::Norm(norms.len() - 1),
                    }
                }
                Op::GroupNormalization { channels, groups, epsilon } => {
                    let layer = GroupNorm::new(init, *channels as usize, *groups as usize, *epsilon);
                    group_norms.push(Named { name, layer });
                    Work::GroupNorm(group_norms.len() - 1)
                }
                Op::PRelu { slopes: count } => {
                    slopes.push(Named { name, layer: Slope::new(init, *count as usize) });
                    Work::PRelu(slopes.len() - 1)
                }
                Op::Pad { around, value } => {
                    let side = |(before, after): (u64, u64)| (before as usize, after as usize);
                    Work::Pad(around.map(side), *value as f32)
                }
                Op::Affine { inputs, outputs, bias } => {
                    affines.push(Named { name, layer: Linear::new(init, *inputs as usize, *outputs as usize, *bias) });
                    Work::Affine(affines.len() - 1)
                }
                Op::MaxPooling(window) => pooling(&graph, inputs[0], window, Reduction::Maximum),
                Op::AveragePooling { window, including_pad } => {
                    pooling(&graph, inputs[0], window, Reduction::Mean { including_pad: *including_pad })
                }
                Op::SumPooling(window) => pooling(&graph, inputs[0], window, Reduction::Sum),
                Op::GlobalAveragePooling => Work::GlobalAveragePooling,
                Op::Activation(activation) => Work::Activation(*activation),
                Op::Dropout { rate } => Work::Dropout(Dropout::new(*rate, i as u64, draw.clone())),
                Op::Flatten => Work::Flatten,
                Op::Add => Work::Add,
                Op::Elementwise(operation) => Work::Elementwise(*operation),
                Op::Scalar(function) => Work::Scalar(*function),
                Op::Transpose { axes } => Work::Transpose(*axes),
                Op::Reshape => match node.output {
                    Dims::Map(sides) => Work::Reshape(sides.map(|side| side as usize)),
                    Dims::Row(_) => Work::Flatten,
                },
                Op::ChannelShuffle { groups } => Work::ChannelShuffle(*groups as usize),
                Op::Slice { start, stop, step } => {
                    Work::Slice([*start, *stop, *step].map(|three| three.map(|side| side as usize)))
                }
                Op::Grey => Work::Grey,
                Op::Concatenation => Work::Concatenation,
                Op::Input => continue,
            };
            // What batch normalisation, convolutions and sums give, no backward pass reads again; so when nobody else does
            // either, the next step may write over it.
            let free = |input: usize| {
                let op = &graph.nodes[input].op;
                readers[input] == 1
                    && matches!(op, Op::BatchNormalization { .. } | Op::Convolution(_) | Op::Affine { .. } | Op::Add)
            };
            if matches!(work, Work::Add)
                && let Some(place) = inputs.iter().position(|input| free(*input))
            {
                inputs.swap(0, place);
            }
            let in_place = free(inputs[0]);
            steps.push(Step { work, inputs, output: i, in_place });
        }
        // A graph ends with an affine block, which `expand` has seen to.
        steps.pop();
        let classifier =
            affines.pop().unwrap_or_else(|| Named { name: String::new(), layer: Linear::new(init, 1, 1, true) });
        let plan = Arc::new(Plan { architecture, graph, steps, draw });
        Self { convolutions, norms, group_norms, slopes, affines, classifier, plan }
    }

    /// Normalised images `[images, 3, size, size]` to logits `[images, classes]`. On a device with autodiff
    /// layers behave as in training.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<2> {
        self.classifier().forward(self.features(x))
    }

    /// Normalised images `[images, 3, size, size]` to what the classifier sees of them, `[images, features]`.
    pub fn features(&self, x: Tensor<4>) -> Tensor<2> {
        self.through(
            x,
            &self.plan.steps,
            |step| (step.inputs.clone(), step.output),
            |step, inputs| step.run(self, inputs),
        )
    }

    /// Takes `x` through so many turns, `parts` being the nodes a turn reads and the one whose value it gives.
    fn through<T>(
        &self,
        x: Tensor<4>,
        turns: &[T],
        parts: impl Fn(&T) -> (Vec<usize>, usize),
        run: impl Fn(&T, Vec<Tensor<4>>) -> Tensor<4>,
    ) -> Tensor<2> {
        let nodes = &self.plan.graph.nodes;
        let classifier = nodes.len() - 1;
        let mut readers = vec![0_usize; nodes.len()];
        for input in turns.iter().flat_map(|turn| parts(turn).0).chain(nodes[classifier].inputs.iter().copied()) {
            readers[input] += 1;
        }
        // A value is given away when it is read for the last time, so that its memory can be used again.
        let nothing = Tensor::<4>::empty([1, 1, 1, 1], &x.device());
        let mut values = vec![nothing.clone(); nodes.len()];
        values[0] = x;
        let mut read = |values: &mut Vec<Tensor<4>>, node: usize| {
            readers[node] -= 1;
            if readers[node] == 0 {
                std::mem::replace(&mut values[node], nothing.clone())
            } else {
                values[node].clone()
            }
        };
        for turn in turns {
            let (inputs, output) = parts(turn);
            let inputs = inputs.into_iter().map(|node| read(&mut values, node)).collect();
            values[output] = run(turn, inputs);
        }
        read(&mut values, nodes[classifier].inputs[0]).flatten(1, 3)
    }

    /// What it was built by.
    pub fn architecture(&self) -> &Architecture {
        &self.plan.architecture
    }

    /// Its blocks, with all their numbers.
    pub fn graph(&self) -> &Graph {
        &self.plan.graph
    }

    /// Lets all layers learn, or the classifier alone, whose weights are the last in any order of them. Of use where
    /// burn's autodiff records; LibTorch's tensors are told themselves.
    pub(crate) fn freeze(mut self, frozen: bool) -> Self {
        fn set<const D: usize>(param: &mut Param<Tensor<D>>, frozen: bool) {
            *param = param.clone().set_require_grad(!frozen);
        }
        for Conv2d { weight, bias, .. } in self.convolutions.iter_mut().map(|c| &mut c.layer) {
            set(weight, frozen);
            if let Some(bias) = bias {
                set(bias, frozen);
            }
        }
        for BatchNorm2d { weight, bias, .. } in self.norms.iter_mut().map(|n| &mut n.layer) {
            set(weight, frozen);
            set(bias, frozen);
        }
        for GroupNorm { weight, bias, .. } in self.group_norms.iter_mut().map(|n| &mut n.layer) {
            set(weight, frozen);
            set(bias, frozen);
        }
        for Slope { weight } in self.slopes.iter_mut().map(|s| &mut s.layer) {
            set(weight, frozen);
        }
        for Linear { weight, bias } in self.affines.iter_mut().map(|a| &mut a.layer) {
            set(weight, frozen);
            if let Some(bias) = bias {
                set(bias, frozen);
            }
        }
        self
    }

    /// What its dropouts draw by: a number that is set anew for each step, so that a resumed run draws the same.
    pub(crate) fn draw(&self) -> Arc<AtomicU64> {
        self.plan.draw.clone()
    }

    /// The last layer: one row a class.
    pub fn classifier(&self) -> &Linear {
        &self.classifier.layer
    }

    /// The last layer: one row a class.
    pub fn classifier_mut(&mut self) -> &mut Linear {
        &mut self.classifier.layer
    }

    /// What the last layer is called in a file of weights.
    pub fn classifier_name(&self) -> &str {
        &self.classifier.name
    }
}

impl Layers for Network {
    fn convolution(&self, index: usize) -> &Conv2d {
        &self.convolutions[index].layer
    }

    fn norm(&self, index: usize) -> &BatchNorm2d {
        &self.norms[index].layer
    }

    fn group_norm(&self, index: usize) -> &GroupNorm {
        &self.group_norms[index].layer
    }

    fn slope(&self, index: usize) -> &Slope {
        &self.slopes[index].layer
    }

    fn affine(&self, index: usize) -> &Linear {
        &self.affines[index].layer
    }
}

/// Pooling of the map that a node gives.
fn pooling(graph: &Graph, input: usize, window: &Window, reduction: Reduction) -> Work {
    let sides = match graph.nodes[input].output {
        Dims::Map([_, height, width]) => [height, width],
        Dims::Row(_) => [1, 1],
    };
    Work::Pooling(Pooling::new(window, reduction, sides))
}

/// First weights as torchvision's networks have them: normal, `sqrt(2 / (out / groups · kernel²))`; no bias.
fn convolution(op: &Convolution, init: &mut Init<'_>) -> Conv2d {
    let [from, to] = op.channels.map(|c| c as usize);
    let pair = |sides: [u64; 2]| sides.map(|side| side as usize);
    let (groups, kernel) = (op.groups as usize, pair(op.window.kernel));
    let [height, width] = kernel;
    let deviation = (2.0 / (to / groups * height * width) as f64).sqrt();
    Conv2d {
        weight: init.normal([to, from / groups, height, width], deviation),
        bias: op.bias.then(|| init.constant([to], 0.0)),
        stride: pair(op.window.stride),
        kernel_size: kernel,
        dilation: pair(op.window.dilation),
        groups,
        padding: match op.window.padding {
            Padding::Same => PaddingConfig2d::Same,
            Padding::Pixels(pixels) => {
                let [height, width] = pair(pixels);
                PaddingConfig2d::Explicit(height, width, height, width)
            }
        },
    }
}

/// Applies `f` to every layer.
fn each<M: Module>(layers: Vec<Named<M>>, f: &mut impl FnMut(&str, M) -> M) -> Vec<Named<M>> {
    layers.into_iter().map(|Named { name, layer }| one(Named { name, layer }, f)).collect()
}

fn one<M: Module>(Named { name, layer }: Named<M>, f: &mut impl FnMut(&str, M) -> M) -> Named<M> {
    let layer = f(&name, layer);
    Named { name, layer }
}

fn visit<'a, M: Module + 'a, V: ModuleVisitor>(layers: impl IntoIterator<Item = &'a Named<M>>, visitor: &mut V) {
    for Named { name, layer } in layers {
        visitor.enter_module(name, "Vec");
        layer.visit(visitor);
        visitor.exit_module(name, "Vec");
    }
}

fn map<M: Module, P: ModuleMapper>(name: &str, layer: M, mapper: &mut P) -> M {
    mapper.enter_module(name, "Vec");
    let layer = layer.map(mapper);
    mapper.exit_module(name, "Vec");
    layer
}

/// By hand, as layers are called by their blocks and not by fields.
macro_rules! each_layer {
    ($network:expr, |$name:pat_param, $layer:ident| $body:expr) => {{
        let Network { convolutions, norms, group_norms, slopes, affines, classifier, plan } = $network;
        Network {
            convolutions: each(convolutions, &mut |$name, $layer| $body),
            norms: each(norms, &mut |$name, $layer| $body),
            group_norms: each(group_norms, &mut |$name, $layer| $body),
            slopes: each(slopes, &mut |$name, $layer| $body),
            affines: each(affines, &mut |$name, $layer| $body),
            classifier: one(classifier, &mut |$name, $layer| $body),
            plan,
        }
    }};
}

impl Module for Network {
    fn collect_devices(&self, devices: Devices) -> Devices {
        let devices = self.convolutions.iter().fold(devices, |d, m| m.layer.collect_devices(d));
        let devices = self.norms.iter().fold(devices, |d, m| m.layer.collect_devices(d));
        let devices = self.group_norms.iter().fold(devices, |d, m| m.layer.collect_devices(d));
        let devices = self.slopes.iter().fold(devices, |d, m| m.layer.collect_devices(d));
        self.affines.iter().chain([&self.classifier]).fold(devices, |d, m| m.layer.collect_devices(d))
    }

    fn fork(self, device: &Device) -> Self {
        each_layer!(self, |_, layer| layer.fork(device))
    }

    fn to_device(self, device: &Device) -> Self {
        each_layer!(self, |_, layer| layer.to_device(device))
    }

    fn train(self) -> Self {
        each_layer!(self, |_, layer| layer.train())
    }

    fn valid(&self) -> Self {
        each_layer!(self.clone(), |_, layer| layer.valid())
    }

    fn materialize(self) -> Self {
        each_layer!(self, |_, layer| layer.materialize())
    }

    fn visit<V: ModuleVisitor>(&self, visitor: &mut V) {
        visit(&self.convolutions, visitor);
        visit(&self.norms, visitor);
        visit(&self.group_norms, visitor);
        visit(&self.slopes, visitor);
        visit(self.affines.iter().chain([&self.classifier]), visitor);
    }

    fn map<P: ModuleMapper>(self, mapper: &mut P) -> Self {
        each_layer!(self, |name, layer| map(name, layer, mapper))
    }
}

#[cfg(test)]
mod tests;
