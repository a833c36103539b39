//! A network with all its numbers: what is computed, in which order, and from what.

use crate::dims::{Dims, Window};

/// A network with all its numbers, for pictures of one size and so many classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// In an order in which each comes after those it reads. The first is [`Op::Input`], the last the classifier.
    pub nodes: Vec<Node>,
    /// The same as it was written: blocks in blocks.
    pub tree: Vec<Part>,
}

/// One step of the computation.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is called, and what the names of its weights begin with.
    pub name: String,
    /// What it does.
    pub op: Op,
    /// The nodes it reads.
    pub inputs: Vec<usize>,
    /// What it gives for a picture.
    pub output: Dims,
}

/// What a node does.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Gives the picture.
    Input,
    /// Convolves.
    Convolution(Convolution),
    /// Normalises each channel.
    BatchNormalization {
        /// Channels.
        channels: u64,
        /// Added to the variance.
        epsilon: f64,
        /// Share of a new batch in the running figures.
        momentum: f64,
    },
    /// `outputs` sums of all inputs and a bias each.
    Affine {
        /// Numbers that come in.
        inputs: u64,
        /// Numbers that come out.
        outputs: u64,
    },
    /// The largest in the window.
    MaxPooling(Window),
    /// The mean of the window, with the zeros around.
    AveragePooling(Window),
    /// The mean of each channel.
    GlobalAveragePooling,
    /// A function of each number.
    Activation(Activation),
    /// While learning, sets this share to 0 and makes up for it in the rest.
    Dropout {
        /// The share.
        rate: f64,
    },
    /// Puts all numbers in a row.
    Flatten,
    /// The sum of two equal shapes.
    Add,
    /// The channels of all inputs.
    Concatenation,
}

/// A convolution.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolution {
    /// Channels in and out.
    pub channels: [u64; 2],
    /// What goes over the map.
    pub window: Window,
    /// Groups of channels that do not see each other.
    pub groups: u64,
    /// Whether a number is added to each channel.
    pub bias: bool,
}

/// A function of one number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// `max(x, 0)`.
    Relu,
    /// `min(max(x, 0), 6)`.
    Relu6,
    /// `x` above 0, `slope · x` below.
    LeakyRelu {
        /// The slope below 0.
        slope: f64,
    },
    /// The hyperbolic tangent.
    Tanh,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// `x · Φ(x)`, Φ the normal distribution (Hendrycks and Gimpel 2016, arXiv 1606.08415), not approximated.
    Gelu,
}

/// Blocks as they were written, for the drawing and the table.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// A node.
    One(usize),
    /// Blocks that have a name, or are one of several times.
    Group {
        /// What a person calls it.
        title: String,
        /// The blocks.
        parts: Vec<Part>,
    },
    /// Blocks side by side, and the node in which they meet.
    Branches {
        /// The blocks of each; an empty one is the input itself.
        branches: Vec<Vec<Part>>,
        /// The node in which they meet.
        join: usize,
    },
}

/// A tensor that is learnt or kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weight {
    /// Its name in files of weights.
    pub name: String,
    /// Its shape.
    pub shape: Vec<u64>,
    /// Whether it is learnt; running figures of batch normalisation are not.
    pub learnt: bool,
}

impl Op {
    /// What it is, as it is written in a description; `input` and `add` are not.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Convolution(_) => "convolution",
            Self::BatchNormalization { .. } => "batch-normalization",
            Self::Affine { .. } => "affine",
            Self::MaxPooling(_) => "max-pooling",
            Self::AveragePooling(_) => "average-pooling",
            Self::GlobalAveragePooling => "global-average-pooling",
            Self::Activation(Activation::Relu) => "relu",
            Self::Activation(Activation::Relu6) => "relu6",
            Self::Activation(Activation::LeakyRelu { .. }) => "leaky-relu",
            Self::Activation(Activation::Tanh) => "tanh",
            Self::Activation(Activation::Sigmoid) => "sigmoid",
            Self::Activation(Activation::Gelu) => "gelu",
            Self::Dropout { .. } => "dropout",
            Self::Flatten => "flatten",
            Self::Add => "add",
            Self::Concatenation => "concatenation",
        }
    }
}

impl Node {
    /// Its weights, named and laid out as PyTorch's.
    pub fn weights(&self) -> Vec<Weight> {
        let weight = |name: &str, shape: &[u64], learnt| Weight {
            name: format!("{}.{name}", self.name),
            shape: shape.to_vec(),
            learnt,
        };
        match &self.op {
            Op::Convolution(convolution) => {
                let [from, to] = convolution.channels;
                let kernel = convolution.window.kernel;
                let mut weights = vec![weight("weight", &[to, from / convolution.groups, kernel, kernel], true)];
                if convolution.bias {
                    weights.push(weight("bias", &[to], true));
                }
                weights
            }
            Op::BatchNormalization { channels, .. } => [("weight", true), ("bias", true)]
                .into_iter()
                .chain([("running_mean", false), ("running_var", false)])
                .map(|(name, learnt)| weight(name, &[*channels], learnt))
                .collect(),
            Op::Affine { inputs, outputs } => {
                vec![weight("weight", &[*outputs, *inputs], true), weight("bias", &[*outputs], true)]
            }
            _ => Vec::new(),
        }
    }

    /// Numbers that are learnt.
    pub fn parameters(&self) -> u64 {
        self.weights().iter().filter(|w| w.learnt).map(|w| w.shape.iter().product::<u64>()).sum()
    }

    /// Multiplications and additions for a picture, of convolutions and affine blocks, where nearly all of them are.
    pub fn multiply_adds(&self) -> u64 {
        match &self.op {
            Op::Convolution(c) => {
                let window = u128::from(c.channels[0] / c.groups) * u128::from(c.window.kernel.pow(2));
                u64::try_from(u128::from(self.output.count()) * window).unwrap_or(u64::MAX)
            }
            Op::Affine { inputs, outputs } => inputs.saturating_mul(*outputs),
            _ => 0,
        }
    }
}

impl Graph {
    /// All numbers that are learnt.
    pub fn parameters(&self) -> u64 {
        self.nodes.iter().map(Node::parameters).sum()
    }

    /// Multiplications and additions for a picture.
    pub fn multiply_adds(&self) -> u64 {
        self.nodes.iter().map(Node::multiply_adds).fold(0, u64::saturating_add)
    }

    /// All weights, in the order of the nodes.
    pub fn weights(&self) -> Vec<Weight> {
        self.nodes.iter().flat_map(Node::weights).collect()
    }

    /// The last node: an affine block whose outputs are the classes.
    pub fn classifier(&self) -> &Node {
        &self.nodes[self.nodes.len() - 1]
    }

    /// For each node, how many read it.
    pub fn readers(&self) -> Vec<usize> {
        let mut readers = vec![0; self.nodes.len()];
        for input in self.nodes.iter().flat_map(|n| &n.inputs) {
            readers[*input] += 1;
        }
        readers
    }
}
