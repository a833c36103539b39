//! A network with all its numbers: what is computed, in which order, and from what.

use crate::dims::{Dims, Window};

/// A network with all its numbers, for images of one size and so many classes.
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
    /// What it gives for an image.
    pub output: Dims,
}

/// What a node does.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Gives the image.
    Input,
    /// Convolves.
    Convolution(Convolution),
    /// Normalises each channel.
    BatchNormalization {
        /// Number of channels.
        channels: u64,
        /// Added to the variance.
        epsilon: f64,
        /// Share of a new batch in the running figures.
        momentum: f64,
    },
    /// Normalises the numbers of each group of channels of an image.
    GroupNormalization {
        /// Number of channels.
        channels: u64,
        /// Groups they are in.
        groups: u64,
        /// Added to the variance.
        epsilon: f64,
    },
    /// `x` above 0, a trainable slope times `x` below.
    PRelu {
        /// Slopes: as many as channels, or one for all.
        slopes: u64,
    },
    /// Pixels of one value around a map.
    Pad {
        /// Above and below, left and right.
        around: [(u64, u64); 2],
        /// What they are.
        value: f64,
    },
    /// `outputs` sums of all inputs and, with a bias, a number each.
    Affine {
        /// Numbers that come in.
        inputs: u64,
        /// Numbers that come out.
        outputs: u64,
        /// Whether a number is added to each output.
        bias: bool,
    },
    /// The largest in the window.
    MaxPooling(Window),
    /// The mean of the window.
    AveragePooling {
        /// What goes over the map.
        window: Window,
        /// Whether the zeros around count.
        including_pad: bool,
    },
    /// The sum of the window.
    SumPooling(Window),
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
    /// Two inputs, number by number; the second may have one number a channel.
    Elementwise(Elementwise),
    /// A function of each number and a constant.
    Scalar(Scalar),
    /// The axes of a map in another order.
    Transpose {
        /// Which of channels (0), height (1) and width (2) comes first, second and third.
        axes: [usize; 3],
    },
    /// The same numbers in the same order as another map.
    Reshape,
    /// The first channel of each group, then the second of each, and so on.
    ChannelShuffle {
        /// Groups of channels.
        groups: u64,
    },
    /// A part of a map. Triples are channels, height, width.
    Slice {
        /// The first to be taken.
        start: [u64; 3],
        /// The first not to be taken.
        stop: [u64; 3],
        /// From one to the next.
        step: [u64; 3],
    },
    /// Brightness of an image with [`LUMINANCE`].
    Grey,
    /// The channels of all inputs.
    Concatenation,
}

/// Shares of red, green and blue in a grey value (ITU-R BT.601, as PIL's `L`).
pub const LUMINANCE: [f32; 3] = [0.299, 0.587, 0.114];

/// What two numbers become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elementwise {
    /// `x - y`.
    Subtract,
    /// `x · y`.
    Multiply,
    /// `x / y`.
    Divide,
    /// The larger.
    Maximum,
    /// The smaller.
    Minimum,
}

/// A function of a number and a constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// `x · c`.
    Multiply(f64),
    /// `x + c`.
    Add(f64),
    /// `x` to the power of `c`.
    Power(f64),
    /// The larger.
    Maximum(f64),
    /// The smaller.
    Minimum(f64),
}

/// A two-dimensional convolution, as `torch.nn.Conv2d`.
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
    /// `x` above 0, `alpha · (exp(x) - 1)` below.
    Elu {
        /// What it goes to far below 0, but for the sign.
        alpha: f64,
    },
    /// Klambauer and others 2017, arXiv 1706.02515.
    Selu,
    /// `x · sigmoid(x)` (Ramachandran and others 2017, arXiv 1710.05941).
    Swish,
    /// `x · tanh(log(1 + exp(x)))` (Misra 2019, arXiv 1908.08681).
    Mish,
    /// `log(1 + exp(x))`.
    Softplus,
    /// `x / (1 + |x|)`.
    Softsign,
    /// `log(sigmoid(x))`.
    LogSigmoid,
    /// `0.2 · x + 0.5` within 0 and 1, as nnabla has it; PyTorch's slope is 1/6.
    HardSigmoid,
    /// `x` within -1 and 1.
    HardTanh,
    /// `x · min(max(x + 3, 0), 6) / 6` (Howard and others 2019, arXiv 1905.02244).
    HardSwish,
    /// `|x|`.
    Absolute,
}

impl Activation {
    /// As it is written in a description.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Relu => "relu",
            Self::Relu6 => "relu6",
            Self::LeakyRelu { .. } => "leaky-relu",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Gelu => "gelu",
            Self::Elu { .. } => "elu",
            Self::Selu => "selu",
            Self::Swish => "swish",
            Self::Mish => "mish",
            Self::Softplus => "softplus",
            Self::Softsign => "softsign",
            Self::LogSigmoid => "log-sigmoid",
            Self::HardSigmoid => "hard-sigmoid",
            Self::HardTanh => "hard-tanh",
            Self::HardSwish => "hard-swish",
            Self::Absolute => "absolute",
        }
    }

    /// The one without a number of its own that is written so.
    pub fn plain(kind: &str) -> Option<Self> {
        const ALL: [Activation; 15] = [
            Activation::Relu,
            Activation::Relu6,
            Activation::Tanh,
            Activation::Sigmoid,
            Activation::Gelu,
            Activation::Selu,
            Activation::Swish,
            Activation::Mish,
            Activation::Softplus,
            Activation::Softsign,
            Activation::LogSigmoid,
            Activation::HardSigmoid,
            Activation::HardTanh,
            Activation::HardSwish,
            Activation::Absolute,
        ];
        ALL.into_iter().find(|activation| activation.kind() == kind)
    }
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
    /// Goes on from the value of an earlier node.
    From(usize),
    /// Blocks side by side, and the node in which they meet.
    Branches {
        /// The blocks of each; an empty one is the input itself.
        branches: Vec<Vec<Part>>,
        /// The node in which they meet.
        join: usize,
    },
}

/// A trainable tensor, or one that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weight {
    /// Its name in files of weights.
    pub name: String,
    /// Shape, outermost dimension first.
    pub shape: Vec<u64>,
    /// Whether it is trainable; running figures of batch normalisation are not.
    pub trainable: bool,
}

impl Op {
    /// What it is, as it is written in a description; `input` and `add` are not.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Convolution(_) => "convolution",
            Self::BatchNormalization { .. } => "batch-normalization",
            Self::GroupNormalization { .. } => "group-normalization",
            Self::PRelu { .. } => "prelu",
            Self::Pad { .. } => "pad",
            Self::Affine { .. } => "affine",
            Self::MaxPooling(_) => "max-pooling",
            Self::AveragePooling { .. } => "average-pooling",
            Self::SumPooling(_) => "sum-pooling",
            Self::GlobalAveragePooling => "global-average-pooling",
            Self::Activation(activation) => activation.kind(),
            Self::Dropout { .. } => "dropout",
            Self::Flatten => "flatten",
            Self::Add => "add",
            Self::Elementwise(Elementwise::Subtract) => "subtract",
            Self::Elementwise(Elementwise::Multiply) => "multiply",
            Self::Elementwise(Elementwise::Divide) => "divide",
            Self::Elementwise(Elementwise::Maximum) => "maximum",
            Self::Elementwise(Elementwise::Minimum) => "minimum",
            Self::Scalar(Scalar::Multiply(_)) => "multiply-scalar",
            Self::Scalar(Scalar::Add(_)) => "add-scalar",
            Self::Scalar(Scalar::Power(_)) => "power-scalar",
            Self::Scalar(Scalar::Maximum(_)) => "maximum-scalar",
            Self::Scalar(Scalar::Minimum(_)) => "minimum-scalar",
            Self::Transpose { .. } => "transpose",
            Self::Reshape => "reshape",
            Self::ChannelShuffle { .. } => "channel-shuffle",
            Self::Slice { .. } => "slice",
            Self::Grey => "grey",
            Self::Concatenation => "concatenation",
        }
    }
}

impl Node {
    /// Its weights, named and laid out as PyTorch's.
    pub fn weights(&self) -> Vec<Weight> {
        let weight = |name: &str, shape: &[u64], trainable| Weight {
            name: format!("{}.{name}", self.name),
            shape: shape.to_vec(),
            trainable,
        };
        match &self.op {
            Op::Convolution(convolution) => {
                let [from, to] = convolution.channels;
                let [height, width] = convolution.window.kernel;
                let mut weights = vec![weight("weight", &[to, from / convolution.groups, height, width], true)];
                if convolution.bias {
                    weights.push(weight("bias", &[to], true));
                }
                weights
            }
            Op::BatchNormalization { channels, .. } => [("weight", true), ("bias", true)]
                .into_iter()
                .chain([("running_mean", false), ("running_var", false)])
                .map(|(name, trainable)| weight(name, &[*channels], trainable))
                .collect(),
            Op::GroupNormalization { channels, .. } => {
                vec![weight("weight", &[*channels], true), weight("bias", &[*channels], true)]
            }
            Op::PRelu { slopes } => vec![weight("weight", &[*slopes], true)],
            Op::Affine { inputs, outputs, bias } => {
                let mut weights = vec![weight("weight", &[*outputs, *inputs], true)];
                if *bias {
                    weights.push(weight("bias", &[*outputs], true));
                }
                weights
            }
            _ => Vec::new(),
        }
    }

    /// Trainable parameters.
    pub fn parameters(&self) -> u64 {
        self.weights().iter().filter(|w| w.trainable).map(|w| w.shape.iter().product::<u64>()).sum()
    }

    /// Multiplications and additions for an image, of convolutions and affine blocks, where nearly all of them are.
    pub fn multiply_adds(&self) -> u64 {
        match &self.op {
            Op::Convolution(c) => {
                let window = u128::from(c.channels[0] / c.groups) * u128::from(c.window.area());
                u64::try_from(u128::from(self.output.count()) * window).unwrap_or(u64::MAX)
            }
            Op::Affine { inputs, outputs, .. } => inputs.saturating_mul(*outputs),
            _ => 0,
        }
    }
}

impl Graph {
    /// All trainable parameters.
    pub fn parameters(&self) -> u64 {
        self.nodes.iter().map(Node::parameters).sum()
    }

    /// Multiplications and additions for an image.
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
