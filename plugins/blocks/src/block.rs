//! Blocks as they are written: `relu`, `{convolution: 64, kernel: 3, padding: same}`.
//!
//! A block is a word, or a mapping whose first key says what it is and has the block's most important number.

use crate::expression::Number;
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_yaml::Value;
use std::collections::BTreeMap;

/// Blocks, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Blocks(pub Vec<Block>);

/// A layer or a structure of layers in a network description.
#[derive(Clone, Debug, PartialEq)]
pub enum Block {
    /// See [`Convolution`].
    Convolution(Convolution),
    /// See [`MaxPooling`].
    MaxPooling(MaxPooling),
    /// See [`AveragePooling`].
    AveragePooling(AveragePooling),
    /// See [`SumPooling`].
    SumPooling(SumPooling),
    /// See [`Affine`].
    Affine(Affine),
    /// See [`BatchNormalization`].
    BatchNormalization(BatchNormalization),
    /// See [`GroupNormalization`].
    GroupNormalization(GroupNormalization),
    /// See [`PRelu`].
    PRelu(PRelu),
    /// See [`Pad`].
    Pad(Pad),
    /// See [`Store`].
    Store(Store),
    /// See [`FromStored`].
    From(FromStored),
    /// See [`Dropout`].
    Dropout(Dropout),
    /// See [`LeakyRelu`].
    LeakyRelu(LeakyRelu),
    /// See [`Elu`].
    Elu(Elu),
    /// See [`Plain`].
    Plain(&'static str, Plain),
    /// See [`Scalar`].
    Scalar(&'static str, Scalar),
    /// See [`Transpose`].
    Transpose(Transpose),
    /// See [`Reshape`].
    Reshape(Reshape),
    /// See [`ChannelShuffle`].
    ChannelShuffle(ChannelShuffle),
    /// See [`Slice`].
    Slice(Slice),
    /// See [`Elementwise`].
    Elementwise(&'static str, Elementwise),
    /// See [`Residual`].
    Residual(Residual),
    /// See [`Concatenation`].
    Concatenation(Concatenation),
    /// See [`Sequence`].
    Sequence(Sequence),
    /// See [`Repeat`].
    Repeat(Repeat),
    /// See [`Use`].
    Use(Use),
}

/// `{convolution: channels, kernel: 3}`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Convolution {
    /// Channels that come out.
    #[serde(rename = "convolution")]
    pub channels: Number,
    /// Side of the square kernel, pixels; `[height, width]` of another.
    pub kernel: Sides,
    /// Pixels from one place of the kernel to the next.
    #[serde(default = "once")]
    pub stride: Sides,
    /// Zeros around the image.
    #[serde(default)]
    pub padding: Padding,
    /// Groups of channels that do not see each other.
    #[serde(default = "one")]
    pub groups: Number,
    /// Pixels from one point of the kernel to the next.
    #[serde(default = "once")]
    pub dilation: Sides,
    /// Whether a number is added to each channel; of no use before a batch normalisation.
    #[serde(default = "yes")]
    pub bias: bool,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{max-pooling: kernel}`: the largest of `kernel × kernel` pixels.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct MaxPooling {
    /// Side of the square, pixels; `[height, width]` of another window.
    #[serde(rename = "max-pooling")]
    pub kernel: Sides,
    /// As `kernel` when it is not given.
    #[serde(default)]
    pub stride: Option<Sides>,
    /// Pixels around the image that never are the largest.
    #[serde(default = "nowhere")]
    pub padding: Sides,
    /// Whether windows that reach beyond the padding are left out; see [`crate::Window::ignore_border`].
    #[serde(default = "yes")]
    pub ignore_border: bool,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{average-pooling: kernel}`: the mean of `kernel × kernel` pixels.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AveragePooling {
    /// Side of the square, pixels; `[height, width]` of another window.
    #[serde(rename = "average-pooling")]
    pub kernel: Sides,
    /// As `kernel` when it is not given.
    #[serde(default)]
    pub stride: Option<Sides>,
    /// Zeros around the image.
    #[serde(default = "nowhere")]
    pub padding: Sides,
    /// Whether windows that reach beyond the padding are left out; see [`crate::Window::ignore_border`].
    #[serde(default = "yes")]
    pub ignore_border: bool,
    /// Whether the padding counts in the mean, as `count_include_pad` of PyTorch.
    #[serde(default = "yes")]
    pub including_pad: bool,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{sum-pooling: kernel}`: the sum of `kernel × kernel` pixels.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SumPooling {
    /// Side of the square, pixels; `[height, width]` of another window.
    #[serde(rename = "sum-pooling")]
    pub kernel: Sides,
    /// As `kernel` when it is not given.
    #[serde(default)]
    pub stride: Option<Sides>,
    /// Zeros around the image.
    #[serde(default = "nowhere")]
    pub padding: Sides,
    /// Whether windows that reach beyond the padding are left out; see [`crate::Window::ignore_border`].
    #[serde(default = "yes")]
    pub ignore_border: bool,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{affine: outputs}`: every output sees every input. Takes any shape.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Affine {
    /// Numbers that come out; `classes` for the last one.
    #[serde(rename = "affine")]
    pub outputs: Number,
    /// Whether a number is added to each output; the last one, of the classes, always has it.
    #[serde(default = "yes")]
    pub bias: bool,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `batch-normalization`: each channel gets mean 0 and deviation 1, then a trainable factor and summand.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNormalization {
    /// Nothing: its channels are those that come in.
    #[serde(rename = "batch-normalization")]
    pub what: (),
    /// Added to the variance.
    #[serde(default = "usual_epsilon")]
    pub epsilon: f64,
    /// Share of a new batch in the running figures.
    #[serde(default = "usual_momentum")]
    pub momentum: f64,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{group-normalization: groups}`: the numbers of each group of channels of an image get mean 0 and deviation 1, then each channel a
/// trainable factor and summand (Wu and He 2018, arXiv 1803.08494). Corresponds to `torch.nn.GroupNorm`; with `inputs` groups
/// to `torch.nn.InstanceNorm2d(affine=True)`, with one group of numbers in a row to `torch.nn.LayerNorm`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupNormalization {
    /// Groups of channels; they divide the channels.
    #[serde(rename = "group-normalization")]
    pub groups: Number,
    /// Added to the variance.
    #[serde(default = "usual_epsilon")]
    pub epsilon: f64,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `prelu`: `x` above 0, a trainable slope times `x` below (He and others 2015, arXiv 1502.01852). Corresponds to
/// `torch.nn.PReLU`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PRelu {
    /// Nothing: its channels are those that come in.
    #[serde(rename = "prelu")]
    pub what: (),
    /// Whether all channels have one slope.
    #[serde(default)]
    pub shared: bool,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{pad: [above, below, left, right]}`: pixels of one value around a map. Corresponds to `torch.nn.ConstantPad2d`, which has left and
/// right first.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pad {
    /// Pixels above, below, to the left and to the right.
    #[serde(rename = "pad")]
    pub around: [Number; 4],
    /// Their value; 0 when it is not given.
    #[serde(default)]
    pub value: f64,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{store: skip}`: what comes in passes on, and can be taken up later in the file by `{from: skip}`. With the two, branches may
/// cross.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// By which it is taken up; a later block of the same name takes its place.
    #[serde(rename = "store")]
    pub value: Name,
}

/// `{from: skip}`: goes on from what `{store: skip}` kept, in place of what comes in.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FromStored {
    /// By which it was kept.
    #[serde(rename = "from")]
    pub value: Name,
}

/// `{dropout: rate}`: while learning, this share of the numbers is 0.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropout {
    /// The share; a half when it is not given.
    #[serde(rename = "dropout")]
    pub rate: Option<f64>,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{leaky-relu: slope}`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeakyRelu {
    /// What numbers below 0 are multiplied by; 0.1 when it is not given.
    #[serde(rename = "leaky-relu")]
    pub slope: Option<f64>,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{elu: alpha}`: `x` above 0, `alpha · (exp(x) - 1)` below (Clevert and others 2015, arXiv 1511.07289).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elu {
    /// What it goes to far below 0, but for the sign; 1 when it is not given.
    #[serde(rename = "elu")]
    pub alpha: Option<f64>,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// A block that has no numbers of its own: those of [`PLAIN`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plain {
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{multiply-scalar: value}`, and others of [`SCALARS`]: a function of each number and one constant.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scalar {
    /// The constant.
    pub value: f64,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{transpose: [1, 2, 0]}`: the axes of a map (0 channels, 1 height, 2 width) in another order, as `numpy.transpose`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transpose {
    /// Which axis comes first, second and third.
    #[serde(rename = "transpose")]
    pub axes: [usize; 3],
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{reshape: [channels, height, width]}`: the same numbers in the same order as another map.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reshape {
    /// The new sides.
    #[serde(rename = "reshape")]
    pub sides: [Number; 3],
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{channel-shuffle: groups}`: the first channel of each group, then the second of each, and so on (Zhang and others 2017,
/// arXiv 1707.01083). Corresponds to `torch.nn.ChannelShuffle`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelShuffle {
    /// Groups of channels; they divide the channels.
    #[serde(rename = "channel-shuffle")]
    pub groups: Number,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{slice: [0, 20, 20], stop: [3, 300, 300]}`: a part of a map. Triples are channels, height, width.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// The first to be taken.
    #[serde(rename = "slice")]
    pub start: [Number; 3],
    /// The first not to be taken.
    pub stop: [Number; 3],
    /// From one to the next.
    #[serde(default = "steps_of_one")]
    pub step: [Number; 3],
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{multiply: [blocks, blocks]}`, and others of [`ELEMENTWISE`]: two branches, number by number. Where one has a height and
/// width of 1, each of its numbers goes with all of its channel, as in squeeze-and-excitation (arXiv 1709.01507).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elementwise {
    /// Two, which see the same input; an empty one passes it on.
    pub branches: Vec<Blocks>,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{residual: blocks}`: what comes in is added to what the blocks make of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Residual {
    /// What is added to.
    pub residual: Blocks,
    /// What is made of the input before it is added.
    #[serde(default)]
    pub shortcut: Option<Blocks>,
    /// The same, but only when the blocks change the shape; or `no-shortcut`: nothing is added then.
    #[serde(default)]
    pub if_shapes_differ: Option<Otherwise>,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// What to do when a residual block changes the shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Otherwise {
    /// Add nothing.
    NoShortcut,
    /// Add what these make of the input.
    Shortcut(Blocks),
}

/// `{concatenation: [blocks, blocks]}`: the channels of all branches.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concatenation {
    /// Each sees the same input; an empty one passes it on.
    #[serde(rename = "concatenation")]
    pub branches: Vec<Blocks>,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{sequence: blocks, name: stem}`: blocks with a name in common.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sequence {
    /// The blocks.
    pub sequence: Blocks,
    /// What they are called.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{repeat: times, blocks: blocks}`. Numbers that differ the first time go by names.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// How often.
    #[serde(rename = "repeat")]
    pub times: Number,
    /// Blocks that are repeated, first to last.
    pub blocks: Blocks,
    /// What names stand for the first time.
    #[serde(default)]
    pub first: BTreeMap<String, Number>,
    /// What they stand for the other times.
    #[serde(default)]
    pub then: BTreeMap<String, Number>,
    /// What they are called; each time has its number after it.
    #[serde(default)]
    pub name: Option<Name>,
}

/// `{use: basic, channels: 64, repeat: 2, first: {stride: 2}, name: layer1}`: blocks of the file's `definitions`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Use {
    /// The definition.
    #[serde(rename = "use")]
    pub definition: String,
    /// How often; once and without a number in its name when it is not given.
    #[serde(default)]
    pub repeat: Option<Number>,
    /// Other values of parameters, the first time.
    #[serde(default)]
    pub first: BTreeMap<String, Number>,
    /// What it is called.
    #[serde(default)]
    pub name: Option<Name>,
    /// Values of the definition's parameters.
    #[serde(flatten)]
    pub parameters: BTreeMap<String, Number>,
}

/// Height and width.
#[derive(Clone, Debug, PartialEq)]
pub struct Sides(pub Number, pub Number);

impl Sides {
    fn equal(number: Number) -> Self {
        Self(number.clone(), number)
    }
}

/// Zeros around an image.
#[derive(Clone, Debug, PartialEq)]
pub enum Padding {
    /// As many before as after.
    Pixels(Sides),
    /// As many as make the output's size the input's over the stride, rounded up. Of an odd number the odd one goes to
    /// the right and below, as in TensorFlow.
    Same,
}

impl Default for Padding {
    fn default() -> Self {
        Self::Pixels(nowhere())
    }
}

/// Part of the name of a block's weights: letters, digits, `_`, `-`, and `.` between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(pub String);

fn one() -> Number {
    Number::Fixed(1)
}

fn once() -> Sides {
    Sides::equal(one())
}

fn nowhere() -> Sides {
    Sides::equal(Number::Fixed(0))
}

fn steps_of_one() -> [Number; 3] {
    [one(), one(), one()]
}

fn yes() -> bool {
    true
}

fn usual_epsilon() -> f64 {
    1e-5
}

fn usual_momentum() -> f64 {
    0.1
}

/// Blocks without a number, as they are written.
pub const PLAIN: [&str; 18] = [
    "relu",
    "relu6",
    "tanh",
    "sigmoid",
    "gelu",
    "selu",
    "swish",
    "mish",
    "softplus",
    "softsign",
    "log-sigmoid",
    "hard-sigmoid",
    "hard-tanh",
    "hard-swish",
    "absolute",
    "grey",
    "flatten",
    "global-average-pooling",
];

/// Functions of a number and a constant, as they are written.
pub const SCALARS: [&str; 5] = ["multiply-scalar", "add-scalar", "power-scalar", "maximum-scalar", "minimum-scalar"];

/// What two branches may become, as it is written.
pub const ELEMENTWISE: [&str; 6] = ["add", "subtract", "multiply", "divide", "maximum", "minimum"];

/// What a block is kept from structure search by: `search: false`.
pub const SEARCH_MARK: &str = "search";

/// Blocks with fields of their own. `use` comes before `repeat`, which may stand beside it.
const OTHERS: [&str; 23] = [
    "use",
    "convolution",
    "max-pooling",
    "average-pooling",
    "sum-pooling",
    "affine",
    "batch-normalization",
    "group-normalization",
    "dropout",
    "leaky-relu",
    "prelu",
    "elu",
    "pad",
    "transpose",
    "reshape",
    "channel-shuffle",
    "slice",
    "residual",
    "concatenation",
    "sequence",
    "store",
    "from",
    "repeat",
];

/// All that say what a block is.
fn kinds() -> impl Iterator<Item = &'static str> {
    OTHERS.into_iter().chain(PLAIN).chain(SCALARS).chain(ELEMENTWISE)
}

impl Block {
    /// What it is, as it is written.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Convolution(_) => "convolution",
            Self::MaxPooling(_) => "max-pooling",
            Self::AveragePooling(_) => "average-pooling",
            Self::SumPooling(_) => "sum-pooling",
            Self::Affine(_) => "affine",
            Self::BatchNormalization(_) => "batch-normalization",
            Self::GroupNormalization(_) => "group-normalization",
            Self::PRelu(_) => "prelu",
            Self::Pad(_) => "pad",
            Self::Store(_) => "store",
            Self::From(_) => "from",
            Self::Dropout(_) => "dropout",
            Self::LeakyRelu(_) => "leaky-relu",
            Self::Elu(_) => "elu",
            Self::Plain(kind, _) | Self::Scalar(kind, _) | Self::Elementwise(kind, _) => kind,
            Self::Transpose(_) => "transpose",
            Self::Reshape(_) => "reshape",
            Self::ChannelShuffle(_) => "channel-shuffle",
            Self::Slice(_) => "slice",
            Self::Residual(_) => "residual",
            Self::Concatenation(_) => "concatenation",
            Self::Sequence(_) => "sequence",
            Self::Repeat(_) => "repeat",
            Self::Use(_) => "use",
        }
    }

    /// What its author calls it.
    pub fn name(&self) -> Option<&str> {
        let name = match self {
            Self::Convolution(block) => &block.name,
            Self::MaxPooling(block) => &block.name,
            Self::AveragePooling(block) => &block.name,
            Self::SumPooling(block) => &block.name,
            Self::Affine(block) => &block.name,
            Self::BatchNormalization(block) => &block.name,
            Self::GroupNormalization(block) => &block.name,
            Self::PRelu(block) => &block.name,
            Self::Pad(block) => &block.name,
            Self::Store(_) | Self::From(_) => &None,
            Self::Dropout(block) => &block.name,
            Self::LeakyRelu(block) => &block.name,
            Self::Elu(block) => &block.name,
            Self::Plain(_, block) => &block.name,
            Self::Scalar(_, block) => &block.name,
            Self::Transpose(block) => &block.name,
            Self::Reshape(block) => &block.name,
            Self::ChannelShuffle(block) => &block.name,
            Self::Slice(block) => &block.name,
            Self::Elementwise(_, block) => &block.name,
            Self::Residual(block) => &block.name,
            Self::Concatenation(block) => &block.name,
            Self::Sequence(block) => &block.name,
            Self::Repeat(block) => &block.name,
            Self::Use(block) => &block.name,
        };
        name.as_ref().map(|n| n.0.as_str())
    }

    fn read(value: Value) -> Result<Self, String> {
        let mut fields = match value {
            Value::String(kind) => serde_yaml::Mapping::from_iter([(Value::String(kind), Value::Null)]),
            Value::Mapping(fields) => fields,
            _ => return Err(unknown("it")),
        };
        read_search_mark(&mut fields)?;
        let has = |kind: &&str| fields.contains_key(*kind);
        let first = fields.keys().next().and_then(Value::as_str).unwrap_or("it").to_owned();
        let found: Vec<&'static str> = kinds().filter(has).collect();
        let kind = match found[..] {
            [] if first == "softmax" => {
                return Err("softmax: learning has it already; end with an affine block".to_owned());
            }
            [] => return Err(unknown(&first)),
            [kind] | ["use", kind @ "repeat"] => {
                if found[0] == "use" {
                    "use"
                } else {
                    kind
                }
            }
            [a, b, ..] => return Err(format!("it is {a} and {b} at once; one block has one of them")),
        };
        if PLAIN.contains(&kind) {
            match fields.remove(kind) {
                Some(Value::Null) | None => {}
                Some(_) => return Err(format!("{kind}: takes no value; write `{kind}`, or {{{kind}, name: …}}")),
            }
        }
        for (family, inside) in [(&SCALARS[..], "value"), (&ELEMENTWISE[..], "branches")] {
            if family.contains(&kind) {
                let what = fields.remove(kind).unwrap_or_default();
                fields.insert(inside.into(), what);
            }
        }
        let fields = Value::Mapping(fields);
        let read = match kind {
            "convolution" => serde_yaml::from_value(fields).map(Self::Convolution),
            "max-pooling" => serde_yaml::from_value(fields).map(Self::MaxPooling),
            "average-pooling" => serde_yaml::from_value(fields).map(Self::AveragePooling),
            "sum-pooling" => serde_yaml::from_value(fields).map(Self::SumPooling),
            "elu" => serde_yaml::from_value(fields).map(Self::Elu),
            "transpose" => serde_yaml::from_value(fields).map(Self::Transpose),
            "reshape" => serde_yaml::from_value(fields).map(Self::Reshape),
            "channel-shuffle" => serde_yaml::from_value(fields).map(Self::ChannelShuffle),
            "slice" => serde_yaml::from_value(fields).map(Self::Slice),
            "affine" => serde_yaml::from_value(fields).map(Self::Affine),
            "batch-normalization" => serde_yaml::from_value(fields).map(Self::BatchNormalization),
            "group-normalization" => serde_yaml::from_value(fields).map(Self::GroupNormalization),
            "prelu" => serde_yaml::from_value(fields).map(Self::PRelu),
            "pad" => serde_yaml::from_value(fields).map(Self::Pad),
            "store" => serde_yaml::from_value(fields).map(Self::Store),
            "from" => serde_yaml::from_value(fields).map(Self::From),
            "dropout" => serde_yaml::from_value(fields).map(Self::Dropout),
            "leaky-relu" => serde_yaml::from_value(fields).map(Self::LeakyRelu),
            "residual" => serde_yaml::from_value(fields).map(Self::Residual),
            "concatenation" => serde_yaml::from_value(fields).map(Self::Concatenation),
            "sequence" => serde_yaml::from_value(fields).map(Self::Sequence),
            "repeat" => serde_yaml::from_value(fields).map(Self::Repeat),
            "use" => serde_yaml::from_value(fields).map(Self::Use),
            scalar if SCALARS.contains(&scalar) => {
                serde_yaml::from_value(fields).map(|block| Self::Scalar(scalar, block))
            }
            elementwise if ELEMENTWISE.contains(&elementwise) => {
                serde_yaml::from_value(fields).map(|block| Self::Elementwise(elementwise, block))
            }
            plain => serde_yaml::from_value(fields).map(|block| Self::Plain(plain, block)),
        };
        read.map_err(|e| format!("{kind}: {e}"))
    }
}

/// Takes off `search: false`, by which a block is kept from structure search: it makes no other network.
fn read_search_mark(fields: &mut serde_yaml::Mapping) -> Result<(), String> {
    match fields.get(SEARCH_MARK) {
        Some(Value::Bool(_)) => {
            fields.remove(SEARCH_MARK);
            Ok(())
        }
        Some(_) if !fields.contains_key("use") => Err("search: accepted are true and false".to_owned()),
        _ => Ok(()),
    }
}

fn unknown(what: &str) -> String {
    format!("{what} is no block; blocks are: {}", kinds().collect::<Vec<_>>().join(", "))
}

impl<'de> Deserialize<'de> for Blocks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let blocks = Vec::<Value>::deserialize(deserializer)?.into_iter().enumerate();
        let read = |(i, value)| Block::read(value).map_err(|e| format!("block {}: {e}", i + 1));
        blocks.map(read).collect::<Result<_, _>>().map(Self).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Padding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Sides::deserialize(deserializer)? {
            Sides(Number::Name(name), _) if name == "same" => Ok(Self::Same),
            sides => Ok(Self::Pixels(sides)),
        }
    }
}

impl<'de> Deserialize<'de> for Sides {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let both = value.is_sequence();
        if both {
            serde_yaml::from_value(value).map(|[height, width]: [Number; 2]| Self(height, width))
        } else {
            serde_yaml::from_value(value).map(Self::equal)
        }
        .map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Otherwise {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(word) if word == "no-shortcut" => Ok(Self::NoShortcut),
            list @ Value::Sequence(_) => serde_yaml::from_value(list).map(Self::Shortcut).map_err(D::Error::custom),
            _ => Err(D::Error::custom("if-shapes-differ: accepted are `no-shortcut` and a list of blocks")),
        }
    }
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = match Value::deserialize(deserializer)? {
            Value::String(name) => name,
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let good =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        if name.split('.').all(good) {
            return Ok(Self(name));
        }
        Err(D::Error::custom(format!(
            "name {name:?}: accepted are letters a-z, digits, `_` and `-`, and `.` between them"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Block>, String> {
        serde_yaml::from_str::<Blocks>(text).map(|b| b.0).map_err(|e| e.to_string())
    }

    #[test]
    fn short_forms_are_read() {
        let blocks = read("[relu, {batch-normalization, name: bn1}, batch-normalization, dropout, {dropout: 0.2}]");
        let blocks = blocks.unwrap();
        assert_eq!(blocks[0], Block::Plain("relu", Plain::default()));
        assert_eq!((blocks[1].kind(), blocks[1].name()), ("batch-normalization", Some("bn1")));
        let Block::BatchNormalization(plain) = &blocks[2] else { panic!("{blocks:?}") };
        assert_eq!((plain.epsilon, plain.momentum), (1e-5, 0.1));
        let rate = |block: &Block| if let Block::Dropout(d) = block { d.rate } else { panic!("{block:?}") };
        assert_eq!((rate(&blocks[3]), rate(&blocks[4])), (None, Some(0.2)));
        let blocks = read("[{convolution: inputs * 6, kernel: 1, padding: same, bias: false, name: 0}]").unwrap();
        let Block::Convolution(convolution) = &blocks[0] else { panic!("{blocks:?}") };
        assert_eq!((&convolution.padding, blocks[0].name()), (&Padding::Same, Some("0")));
        let blocks = read("[{use: basic, channels: 64, repeat: 2, first: {stride: 2}, name: layer1}]").unwrap();
        let Block::Use(used) = &blocks[0] else { panic!("{blocks:?}") };
        assert_eq!(used.parameters.keys().collect::<Vec<_>>(), ["channels"]);
        let blocks = read("[{relu, search: false}, {use: basic, channels: 4, search: false}]").unwrap();
        assert_eq!(blocks[0], Block::Plain("relu", Plain::default()));
        let Block::Use(used) = &blocks[1] else { panic!("{blocks:?}") };
        assert_eq!(used.parameters.keys().collect::<Vec<_>>(), ["channels"]);
    }

    #[test]
    fn mistakes_are_named_with_their_place_and_what_would_do() {
        for (text, parts) in [
            ("[relu, {convolution: 3, kernel: 3, strid: 2}]", &["block 2: convolution", "`strid`", "`stride`"][..]),
            ("[{convolution: 3}]", &["block 1: convolution", "missing field `kernel`"]),
            ("[{residual: [relu, convolutoin]}]", &["block 1: residual", "block 2: convolutoin", "leaky-relu"]),
            ("[{affine: many people}]", &["affine", "\"many people\" is no number"]),
            ("[{affine: -3}]", &["affine", "-3 is no whole number"]),
            ("[{relu: 3}]", &["relu: takes no value"]),
            ("[{relu, search: 3}]", &["search", "true and false"]),
            ("[{relu, slope: 3}]", &["relu", "`slope`"]),
            ("[{dropout: 0.3, max-pooling: 2}]", &["max-pooling and dropout at once"]),
            ("[softmax]", &["softmax", "affine"]),
            ("[{affine: 3, name: a b}]", &["name \"a b\"", "letters"]),
            ("[{residual: [], if-shapes-differ: never}]", &["no-shortcut"]),
            ("[3]", &["block 1: it is no block"]),
        ] {
            let error = read(text).unwrap_err();
            assert!(parts.iter().all(|part| error.contains(part)), "{text}: {error}");
        }
    }
}
