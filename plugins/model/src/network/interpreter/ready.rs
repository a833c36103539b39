//! A network as it is used: what does not change from image to image is worked out once.
//!
//! Batch normalisation goes into the convolution before it, and the activation and the sum behind a convolution are computed
//! with it. On flex the whole network is taken through [`super::channels_last`] where that can; in 32 bits on LibTorch's CPU
//! too if it has depthwise convolutions, which oneDNN is slower with: a little on two idle cores, several times beside
//! other programs, as its threads wait for each other after each layer. Otherwise each convolution on LibTorch's CPU is one
//! kernel of oneDNN, whose weights are laid out beforehand ([`super::packed`]). In bfloat16, convolutions and what lies
//! between them have 16 bits; affine layers 32.

use super::Network;
use super::channels_last::ChannelsLast;
use super::joint::{Joint, Then};
use crate::device::precision::Precision;
use crate::error::ModelError;
use crate::input::batch::Batch;
use crate::network::step::{Layers as _, Step, Work};
use burn::tensor::{DType, Device, Tensor};
use plugin_blocks::{Activation, Dims, Graph};

/// What is computed in one go.
#[derive(Debug)]
pub(super) enum Turn {
    /// A step of the network, by its place.
    AsPlanned(usize),
    /// A convolution and what follows it; it reads these nodes and gives the value of `output`.
    Joint { joint: Box<Joint>, inputs: Vec<usize>, output: usize },
}

/// A network for use alone.
#[derive(Debug)]
pub(crate) struct Ready {
    network: Network,
    turns: Vec<Turn>,
    /// For networks it can translate, on devices it is faster than.
    channels_last: Option<ChannelsLast>,
    precision: Precision,
}

impl Ready {
    /// Makes a network ready. `precision` is one that the device can do.
    pub fn new(network: Network, precision: Precision) -> Self {
        let graph = &network.plan.graph;
        let readers = graph.readers();
        let mut turns: Vec<Turn> = Vec::new();
        for (place, step) in network.plan.steps.iter().enumerate() {
            match &step.work {
                Work::Convolution(convolution) => turns.push(joint(step, network.convolution(*convolution).clone())),
                Work::ConvolutionAndNorm(convolution, norm) => {
                    turns.push(joint(step, network.norm(*norm).within(network.convolution(*convolution))));
                }
                Work::Activation(activation) if joins(&mut turns, step, *activation, &readers) => {}
                Work::Add if adds(&mut turns, step, graph, &readers) => {}
                // Nothing is dropped in use, but its value is read by its own number.
                _ => turns.push(Turn::AsPlanned(place)),
            }
        }
        let channels_last =
            wants_channels_last(&network, &turns, precision).then(|| ChannelsLast::new(&network, &turns)).flatten();
        // Otherwise weights would lie in memory once more for nothing.
        let others = if channels_last.is_some() { &mut [] } else { &mut turns[..] };
        for turn in others {
            if let Turn::Joint { joint, inputs, .. } = turn {
                let side = |side: u64| side as usize;
                if let Dims::Map(dims) = graph.nodes[inputs[0]].output {
                    joint.pack(dims.map(side), precision);
                }
            }
        }
        Self { network, turns, channels_last, precision }
    }

    /// The weights as they were read.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// A batch to what the classifier sees of its images, `[images, features]`.
    ///
    /// # Errors
    /// [`ModelError::EmptyBatch`] when there is no image; [`ModelError::Execution`] when they are of another size.
    pub fn features_of(&self, batch: &Batch, device: &Device) -> Result<Tensor<2>, ModelError> {
        match &self.channels_last {
            Some(channels_last) => channels_last.features_of(batch, device),
            None => Ok(self.features(self.network.input(batch, device)?)),
        }
    }

    /// A batch to logits `[images, classes]`.
    ///
    /// # Errors
    /// As [`Self::features_of`].
    pub fn logits_of(&self, batch: &Batch, device: &Device) -> Result<Tensor<2>, ModelError> {
        Ok(self.network.classifier().forward(self.features_of(batch, device)?))
    }

    /// Normalised images `[images, 3, size, size]` to what the classifier sees of them, `[images, features]`.
    pub fn features(&self, x: Tensor<4>) -> Tensor<2> {
        if let Some(Ok(features)) = self.channels_last.as_ref().map(|steps| steps.features(x.clone())) {
            return features;
        }
        let x = if self.precision == Precision::Bf16 { x.cast(DType::BF16) } else { x };
        let steps = &self.network.plan.steps;
        let parts = |turn: &Turn| match turn {
            Turn::AsPlanned(place) => (steps[*place].inputs.clone(), steps[*place].output),
            Turn::Joint { inputs, output, .. } => (inputs.clone(), *output),
        };
        let run = |turn: &Turn, inputs: Vec<Tensor<4>>| match turn {
            Turn::Joint { joint, .. } => joint.run(inputs),
            Turn::AsPlanned(place) => {
                let step = &steps[*place];
                let exact = matches!(step.work, Work::Affine(_) | Work::Norm(_) | Work::GroupNorm(_) | Work::PRelu(_));
                let inputs = if exact { inputs.into_iter().map(|x| x.cast(DType::F32)).collect() } else { inputs };
                step.run(&self.network, inputs)
            }
        };
        self.network.through(x, &self.turns, parts, run).cast(DType::F32)
    }
}

#[cfg(feature = "libtorch")]
impl Drop for Ready {
    fn drop(&mut self) {
        crate::native::heap::give_back();
    }
}

/// Whether [`ChannelsLast`] is faster than the device with these turns.
fn wants_channels_last(network: &Network, turns: &[Turn], precision: Precision) -> bool {
    let weight = network.classifier().weight.val();
    if weight.device() == Device::flex() {
        return true;
    }
    #[cfg(feature = "libtorch")]
    let on_cpu = crate::native::bridge::to_torch(weight).is_some_and(|weight| weight.device() == tch::Device::Cpu);
    #[cfg(not(feature = "libtorch"))]
    let on_cpu = false;
    let depthwise = |turn: &Turn| matches!(turn, Turn::Joint { joint, .. } if joint.is_depthwise());
    on_cpu && precision == Precision::Fp32 && turns.iter().any(depthwise)
}

fn joint(step: &Step, conv: burn::nn::conv::Conv2d) -> Turn {
    Turn::Joint { joint: Box::new(Joint::new(conv)), inputs: step.inputs.clone(), output: step.output }
}

/// The convolution that gives the value of a node nobody else reads, if nothing has joined it yet but what `with` allows.
fn open(turns: &mut [Turn], node: usize, readers: &[usize], with: &[Then]) -> Option<usize> {
    turns.iter().position(|turn| {
        matches!(turn, Turn::Joint { joint, output, .. }
            if *output == node && readers[node] == 1 && with.contains(&joint.then()))
    })
}

/// Lets an activation be computed with the convolution before it; whether that goes.
fn joins(turns: &mut [Turn], step: &Step, activation: Activation, readers: &[usize]) -> bool {
    let (Activation::Relu | Activation::Relu6) = activation else { return false };
    let Some(place) = open(turns, step.inputs[0], readers, &[Then::Nothing, Then::Sum]) else { return false };
    let Turn::Joint { joint, output, .. } = &mut turns[place] else { return false };
    *output = step.output;
    joint.activate(activation)
}

/// Lets a sum be computed with the last convolution before it; whether that goes.
fn adds(turns: &mut Vec<Turn>, step: &Step, graph: &Graph, readers: &[usize]) -> bool {
    let [first, second] = step.inputs[..] else { return false };
    if graph.nodes[first].output != graph.nodes[second].output {
        return false;
    }
    let found = [(first, second), (second, first)]
        .into_iter()
        .filter_map(|(node, other)| open(turns, node, readers, &[Then::Nothing]).map(|place| (place, other)));
    let Some((place, other)) = found.max() else { return false };
    // The other summand may be computed after the convolution as it stands.
    let Turn::Joint { mut joint, mut inputs, .. } = turns.remove(place) else { return false };
    joint.add();
    inputs.push(other);
    turns.push(Turn::Joint { joint, inputs, output: step.output });
    true
}

#[cfg(test)]
mod tests;
