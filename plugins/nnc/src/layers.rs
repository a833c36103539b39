//! What one block of Neural Network Console is among ours, and the shape it gives.

use crate::error::NncError;
use crate::formula::{Arguments, Formula, list};
use crate::project::{Layer, Network};
use crate::yaml::{Block, name};
use plugin_blocks::{Padding, Window};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Sides of a value without the batch.
pub type Shape = Vec<u64>;

/// Channels taken apart into groups; the groups follow.
pub const SPLIT_CHANNELS: &str = "split channels: ";
/// Groups and channels in a group change places.
pub const TURN_GROUPS: &str = "turn groups";
/// Groups become channels again.
pub const MERGE_CHANNELS: &str = "merge channels";

/// Numbers of a setting: `*Name` is another setting of the block, or an argument of the unit.
///
/// # Errors
/// For a person: what is no number.
pub fn values(layer: &Layer, text: &str, arguments: &Arguments, depth: usize) -> Result<Vec<Formula>, String> {
    let mut all = Vec::new();
    for part in list(text) {
        let bare = part.trim_start_matches('*');
        if let Some(known) = arguments.get(bare) {
            all.extend(known.iter().cloned());
        } else if let (true, Some(other), true) = (part.starts_with('*'), layer.property(bare), depth < 4) {
            all.extend(values(layer, other, arguments, depth + 1)?);
        } else {
            all.push(Formula::parse(part)?.with(arguments)?);
        }
    }
    Ok(all)
}

/// A whole number that sides and counts may be.
pub fn whole(value: f64) -> Option<u64> {
    (value.fract() == 0.0 && (0.0..=16_777_216.0).contains(&value)).then_some(value as u64)
}

/// A block and where it stands.
pub struct Context<'a> {
    /// Network that the layer belongs to.
    pub network: &'a Network,
    /// The block.
    pub layer: &'a Layer,
    /// What names stand for.
    pub arguments: &'a Arguments,
    /// Kinds of the blocks after it.
    pub next: Vec<&'a str>,
    /// Kinds of the blocks that read it.
    pub readers: Vec<&'a str>,
}

/// Height and width of a window as they are written, and as numbers.
struct Pair {
    text: String,
    sides: [u64; 2],
}

impl Context<'_> {
    fn wrong(&self, problem: &str) -> NncError {
        refused(self.network, self.layer, problem)
    }

    fn all(&self, property: &str) -> Result<Vec<Formula>, NncError> {
        let text = self.layer.property(property).unwrap_or_default();
        values(self.layer, text, self.arguments, 0).map_err(|e| self.wrong(&format!("{property}: {e}")))
    }

    fn formula(&self, property: &str) -> Result<Formula, NncError> {
        match &self.all(property)?[..] {
            [one] => Ok(one.clone()),
            several => Err(self.wrong(&format!("{property} has {} numbers, not one", several.len()))),
        }
    }

    fn number(&self, property: &str, input: &Shape) -> Result<f64, NncError> {
        let formula = self.formula(property)?;
        formula.value(input).ok_or_else(|| self.wrong(&format!("{property}: {formula} is not known here")))
    }

    /// A number that may be left out.
    fn or(&self, property: &str, input: &Shape, usual: f64) -> Result<f64, NncError> {
        match self.layer.property(property) {
            None | Some("") => Ok(usual),
            Some(_) => self.number(property, input),
        }
    }

    fn flag(&self, property: &str, usual: bool) -> Result<bool, NncError> {
        Ok(self.or(property, &Shape::new(), f64::from(u8::from(usual)))? != 0.0)
    }

    fn count(&self, property: &str, input: &Shape) -> Result<(Formula, u64), NncError> {
        let formula = self.formula(property)?;
        let value = formula.value(input).and_then(whole).filter(|value| *value > 0);
        value
            .map(|value| (formula.written(input), value))
            .ok_or_else(|| self.wrong(&format!("{property}: {formula} is no count")))
    }

    /// Height and width.
    fn pair(&self, property: &str, input: &Shape) -> Result<Pair, NncError> {
        let formulas = match self.all(property)? {
            one if one.len() == 1 => vec![one[0].clone(), one[0].clone()],
            pair => pair,
        };
        let sides: Option<Vec<u64>> = formulas.iter().map(|formula| whole(formula.value(input)?)).collect();
        let (Some(sides), [height, width]) = (sides, &formulas[..]) else {
            return Err(self.wrong(&format!("{property} is no height and width")));
        };
        let (height, width) = (height.written(input), width.written(input));
        let text = if height == width { height.to_string() } else { format!("[{height}, {width}]") };
        Ok(Pair { text, sides: [sides[0], sides[1]] })
    }

    fn pair_or(&self, property: &str, input: &Shape, usual: u64) -> Result<Pair, NncError> {
        match self.layer.property(property) {
            None | Some("") => Ok(Pair { text: usual.to_string(), sides: [usual; 2] }),
            Some(_) => self.pair(property, input),
        }
    }

    fn map(&self, input: &Shape) -> Result<[u64; 3], NncError> {
        match input[..] {
            [channels, height, width] => Ok([channels, height, width]),
            _ => Err(self.wrong(&format!("its input is {input:?}, not channels, height, width"))),
        }
    }

    fn named(&self) -> String {
        name(&self.layer.name)
    }

    /// The block, or blocks, and the shape they give.
    ///
    /// # Errors
    /// [`NncError::Block`] for a block without counterpart.
    pub fn translate(&self, input: &Shape, notes: &mut BTreeSet<String>) -> Result<(Vec<Block>, Shape), NncError> {
        let plain = |text: &str| Ok((vec![Block::Plain(text.to_owned())], input.clone()));
        match self.layer.kind.as_str() {
            "Convolution" => self.convolution(input, false),
            "DepthwiseConvolution" => self.convolution(input, true),
            "MaxPooling" => self.pooling("max-pooling", input),
            "AveragePooling" => self.pooling("average-pooling", input),
            "SumPooling" => self.pooling("sum-pooling", input),
            "GlobalAveragePooling" => Ok(self.global(input)),
            "Affine" => self.affine(input),
            "BatchNormalization" => self.normalization(input),
            "GroupNormalization" | "InstanceNormalization" | "LayerNormalization" => self.by_groups(input),
            "PReLU" => self.prelu(input),
            "Pad" => self.pad(input),
            "GlobalMaxPooling" => self.reduced("max-pooling", input),
            "Mean" => self.reduction("average-pooling", input),
            "Sum" => self.reduction("sum-pooling", input),
            "Max" => self.reduction("max-pooling", input),
            "TanhShrink" => {
                let tanh = vec![Block::Plain("tanh".to_owned())];
                Ok((vec![Block::Branches("subtract", vec![Vec::new(), tanh])], input.clone()))
            }
            "Broadcast" | "BroadcastTo" => self.broadcast(input),
            "ClipGradByValue" | "ClipGradByNorm" | "TopKGrad" => {
                notes.insert(format!("{} ({}): gradients pass as they are", self.layer.name, self.layer.kind));
                Ok((Vec::new(), input.clone()))
            }
            "Dropout" => {
                let rate = self.or("P", input, 0.5)?;
                if !(0.0..=0.99).contains(&rate) {
                    return Err(self.wrong(&format!("P is {rate}; accepted are 0 to 0.99")));
                }
                plain(&format!("dropout: {rate}"))
            }
            "Softmax" => Ok((vec![Block::Softmax(self.layer.name.clone())], input.clone())),
            "Identity" | "Unlink" | "Sink" => Ok((Vec::new(), input.clone())),
            "Flatten" => Ok((vec![Block::Plain("flatten".to_owned())], vec![input.iter().product()])),
            "Reshape" => self.reshape(input),
            "Transpose" => self.transpose(input),
            "Slice" => self.slice(input),
            "MulScalar" => Ok((vec![self.scalar("multiply-scalar", input)?], input.clone())),
            "AddScalar" => Ok((vec![self.scalar("add-scalar", input)?], input.clone())),
            "PowScalar" => Ok((vec![self.scalar("power-scalar", input)?], input.clone())),
            "MaximumScalar" => Ok((vec![self.scalar("maximum-scalar", input)?], input.clone())),
            "MinimumScalar" => Ok((vec![self.scalar("minimum-scalar", input)?], input.clone())),
            "RSubScalar" => {
                let minus = Block::Scalar { kind: "multiply-scalar", value: -1.0 };
                Ok((vec![minus, self.scalar("add-scalar", input)?], input.clone()))
            }
            "RDivScalar" => {
                let inverse = Block::Scalar { kind: "power-scalar", value: -1.0 };
                Ok((vec![inverse, self.scalar("multiply-scalar", input)?], input.clone()))
            }
            "LeakyReLU" => plain(&format!("leaky-relu: {}", self.or("Alpha", input, 0.1)?)),
            "ELU" => plain(&format!("elu: {}", self.or("Alpha", input, 1.0)?)),
            "CReLU" | "CELU" => {
                let inner = if self.layer.kind == "CReLU" {
                    "relu".to_owned()
                } else {
                    format!("elu: {}", self.or("Alpha", input, 1.0)?)
                };
                let minus = Block::Scalar { kind: "multiply-scalar", value: -1.0 };
                let branches = vec![vec![Block::Plain(inner.clone())], vec![minus, Block::Plain(inner)]];
                let mut shape = input.clone();
                if let Some(channels) = shape.first_mut() {
                    *channels *= 2;
                }
                Ok((vec![Block::Branches("concatenation", branches)], shape))
            }
            kind => match activation(kind) {
                Some(block) => plain(block),
                None => self.preparation(input),
            },
        }
    }

    fn convolution(&self, input: &Shape, depthwise: bool) -> Result<(Vec<Block>, Shape), NncError> {
        self.usual_axes()?;
        if let Some((pad, padded)) = self.apart(input)? {
            let mut inside = self.layer.clone();
            inside.properties.remove("Around");
            let inside = Context { layer: &inside, next: self.next.clone(), readers: self.readers.clone(), ..*self };
            let (blocks, shape) = inside.convolution(&padded, depthwise)?;
            return Ok(([vec![pad], blocks].concat(), shape));
        }
        let [channels, height, width] = self.map(input)?;
        let (text, outputs, groups) = if depthwise {
            let (multiplier, value) = match self.layer.property("Multiplier") {
                None | Some("") => (Formula::Number(1.0), 1),
                Some(_) => self.count("Multiplier", input)?,
            };
            let text = if value == 1 { "inputs".to_owned() } else { format!("inputs * {multiplier}") };
            (text, channels * value, "inputs".to_owned())
        } else {
            let (maps, value) = self.count("OutMaps", input)?;
            let groups = match self.layer.property("Group") {
                None | Some("") => "1".to_owned(),
                Some(_) => self.count("Group", input)?.0.to_string(),
            };
            (maps.to_string(), value, groups)
        };
        let kernel = self.pair("KernelShape", input)?;
        let stride = self.pair_or("Strides", input, 1)?;
        let dilation = self.pair_or("Dilation", input, 1)?;
        let padding = self.padding(input, &kernel, &dilation)?;
        let window = Window {
            kernel: kernel.sides,
            stride: stride.sides,
            padding: if padding.text == "same" { Padding::Same } else { Padding::Pixels(padding.sides) },
            dilation: dilation.sides,
            ignore_border: true,
        };
        if [kernel.sides, stride.sides, dilation.sides].concat().contains(&0) {
            return Err(self.wrong("kernel, stride and dilation must be 1 or more"));
        }
        let [rows, columns] = window.places([height, width]).map_err(|problem| self.wrong(&problem))?;
        let mut block = format!("convolution: {text}, kernel: {}", kernel.text);
        for (key, value, usual) in [
            ("stride", &stride.text, "1"),
            ("padding", &padding.text, "0"),
            ("dilation", &dilation.text, "1"),
            ("groups", &groups, "1"),
        ] {
            if value != usual {
                let _ = write!(block, ", {key}: {value}");
            }
        }
        if !self.flag("WithBias", true)? {
            block.push_str(", bias: false");
        }
        let name = self.named();
        let _ = write!(block, ", name: {name}");
        let pointwise = kernel.sides == [1, 1] && stride.sides == [1, 1] && padding.sides == [0, 0] && groups == "1";
        let outputs_text = Some(outputs as f64);
        Ok((
            vec![Block::Convolution { text: block, name, outputs: outputs_text, pointwise }],
            vec![outputs, rows, columns],
        ))
    }

    /// Zeros at each side: as written, or by BorderMode.
    fn padding(&self, input: &Shape, kernel: &Pair, dilation: &Pair) -> Result<Pair, NncError> {
        if let Some(around) = self.layer.property("Around")
            && let Some(padding) = self.padded(input, kernel, dilation, around)?
        {
            return Ok(padding);
        }
        if self.layer.property("Padding").is_some_and(|text| !text.is_empty() && text != "*ConvolutionPaddingSize") {
            return self.pair("Padding", input);
        }
        let reach: [u64; 2] = std::array::from_fn(|axis| (kernel.sides[axis].saturating_sub(1)) * dilation.sides[axis]);
        let sides = match self.layer.property("BorderMode").unwrap_or("valid") {
            "valid" => [0, 0],
            "same" => reach.map(|reach| reach / 2),
            "full" => reach,
            other => return Err(self.wrong(&format!("BorderMode {other:?} is not known"))),
        };
        let [height, width] = sides;
        let text = if height == width { height.to_string() } else { format!("[{height}, {width}]") };
        Ok(Pair { text, sides })
    }

    /// Padding that a function before the convolution did, above, below, left, right, as the convolution's own; `None` where it
    /// can be none of that.
    fn padded(&self, input: &Shape, kernel: &Pair, dilation: &Pair, around: &str) -> Result<Option<Pair>, NncError> {
        let [_, height, width] = self.map(input)?;
        let own = self.pair_or("Padding", input, 0)?.sides;
        let widths: Vec<u64> = around.split(',').filter_map(|width| width.parse().ok()).collect();
        let [top, bottom, left, right] = widths[..] else { return Err(self.wrong("its padding is not known")) };
        let sides = [(top + own[0], bottom + own[0]), (left + own[1], right + own[1])];
        if sides.iter().all(|(before, after)| before == after) {
            let [height, width] = sides.map(|(before, _)| before);
            let text = if height == width { height.to_string() } else { format!("[{height}, {width}]") };
            return Ok(Some(Pair { text, sides: [height, width] }));
        }
        let stride = self.pair_or("Strides", input, 1)?.sides;
        let window =
            Window { kernel: kernel.sides, stride, padding: Padding::Same, dilation: [1, 1], ignore_border: true };
        if dilation.sides == [1, 1] && window.around([height, width]) == sides {
            return Ok(Some(Pair { text: "same".to_owned(), sides: [0, 0] }));
        }
        Ok(None)
    }

    fn pooling(&self, kind: &str, input: &Shape) -> Result<(Vec<Block>, Shape), NncError> {
        let [channels, height, width] = self.map(input)?;
        self.usual_axes()?;
        let kernel = self.pair_or("KernelShape", input, 2)?;
        let stride = match self.layer.property("Strides") {
            None | Some("") => self.pair_or("KernelShape", input, 2)?,
            Some(_) => self.pair("Strides", input)?,
        };
        let padding = self.pair_or("Padding", input, 0)?;
        let ignore_border = self.flag("IgnoreBorder", true)?;
        let all = kernel.sides == [height, width] && padding.sides == [0, 0];
        if all && kind == "average-pooling" && self.ends_in_a_row() {
            return Ok(self.global(input));
        }
        let whole_map = if height == width { "height" } else { "[height, width]" };
        let kernel_text = if all { whole_map.to_owned() } else { kernel.text.clone() };
        let mut block = format!("{kind}: {kernel_text}");
        if !all && stride.sides != kernel.sides {
            let _ = write!(block, ", stride: {}", stride.text);
        }
        if padding.sides != [0, 0] {
            let _ = write!(block, ", padding: {}", padding.text);
        }
        if !ignore_border && !all {
            block.push_str(", ignore-border: false");
        }
        if kind == "average-pooling" && padding.sides != [0, 0] && !self.flag("IncludingPad", true)? {
            block.push_str(", including-pad: false");
        }
        if [kernel.sides, stride.sides].concat().contains(&0) {
            return Err(self.wrong("kernel and stride must be 1 or more"));
        }
        let window = Window {
            kernel: kernel.sides,
            stride: stride.sides,
            padding: Padding::Pixels(padding.sides),
            dilation: [1, 1],
            ignore_border,
        };
        let [rows, columns] = window.places([height, width]).map_err(|problem| self.wrong(&problem))?;
        Ok((vec![Block::Plain(block)], vec![channels, rows, columns]))
    }

    /// Whether what follows takes numbers in a row.
    fn ends_in_a_row(&self) -> bool {
        let passes = |kind: &&&str| {
            activation(kind).is_some()
                || matches!(
                    **kind,
                    "BatchNormalization" | "Dropout" | "Identity" | "LeakyReLU" | "PReLU" | "ELU" | "RepeatEnd"
                )
        };
        matches!(self.next.iter().find(|kind| !passes(kind)), Some(&("Affine" | "Flatten")))
            || self.next.iter().all(|kind| passes(&kind) || *kind == "Softmax" || kind.contains("CrossEntropy"))
    }

    fn global(&self, input: &Shape) -> (Vec<Block>, Shape) {
        let row = self.ends_in_a_row();
        let square = input.len() == 3 && input[1] == input[2];
        let text = match (row, square) {
            (true, _) => "global-average-pooling",
            (false, true) => "average-pooling: height",
            (false, false) => "average-pooling: [height, width]",
        };
        let channels = input.first().copied().unwrap_or_default();
        (vec![Block::Plain(text.to_owned())], vec![channels, 1, 1])
    }

    fn affine(&self, input: &Shape) -> Result<(Vec<Block>, Shape), NncError> {
        self.usual_axes()?;
        let sides: Option<Vec<u64>> = self.all("OutShape")?.iter().map(|side| whole(side.value(input)?)).collect();
        let outputs: u64 = sides.ok_or_else(|| self.wrong("OutShape is no list of counts"))?.iter().product();
        let bias = self.flag("WithBias", true)?;
        Ok((vec![Block::Affine { name: self.named(), outputs: outputs as f64, bias }], vec![outputs]))
    }

    fn normalization(&self, input: &Shape) -> Result<(Vec<Block>, Shape), NncError> {
        let axes = match self.layer.property("Axes") {
            None | Some("") => Vec::new(),
            Some(_) => self.all("Axes")?,
        };
        if !axes.is_empty() && axes != [Formula::Number(0.0)] {
            return Err(self.wrong("Axes: accepted is 0, the channels"));
        }
        let epsilon = self.or("Epsilon", input, 1e-5)?;
        let decay = self.or("DecayRate", input, 0.9)?;
        if !(epsilon > 0.0 && epsilon <= 1.0 && (0.0..=1.0).contains(&decay)) {
            return Err(self.wrong("accepted are an Epsilon above 0 up to 1 and a DecayRate of 0 to 1"));
        }
        let mut block = "batch-normalization".to_owned();
        if (epsilon - 1e-5).abs() > 1e-12 {
            let _ = write!(block, ", epsilon: {epsilon}");
        }
        let momentum = ((1.0 - decay) * 1e9).round() / 1e9;
        if (momentum - 0.1).abs() > 1e-9 {
            let _ = write!(block, ", momentum: {momentum}");
        }
        let _ = write!(block, ", name: {}", self.named());
        Ok((vec![Block::Plain(block)], input.clone()))
    }

    /// Of each group of channels: all channels one group, or each its own.
    fn by_groups(&self, input: &Shape) -> Result<(Vec<Block>, Shape), NncError> {
        let axis = self.or("ChannelAxis", input, 0.0)?;
        let is_row = input.iter().skip(1).all(|side| *side == 1);
        let groups = match self.layer.kind.as_str() {
            "InstanceNormalization" if axis == 0.0 && !is_row => "inputs".to_owned(),
            "GroupNormalization" if axis == 0.0 => self.count("NumGroups", input)?.0.to_string(),
            "LayerNormalization" if is_row => "1".to_owned(),
            "LayerNormalization" => {
                return Err(self
                    .wrong("of a map it has a factor a pixel, which has no counterpart; of numbers in a row it has"));
            }
            _ => return Err(self.wrong("accepted is the channels' axis, 0, of a map")),
        };
        let epsilon = self.or("Epsilon", input, 1e-5)?;
        let mut block = format!("group-normalization: {groups}");
        if (epsilon - 1e-5).abs() > 1e-12 {
            let _ = write!(block, ", epsilon: {epsilon}");
        }
        let _ = write!(block, ", name: {}", self.named());
        Ok((vec![Block::Plain(block)], input.clone()))
    }

    fn prelu(&self, input: &Shape) -> Result<(Vec<Block>, Shape), NncError> {
        self.usual_axes()?;
        let shared = if self.flag("Shared", false)? { ", shared: true" } else { "" };
        Ok((vec![Block::Plain(format!("prelu, name: {}{shared}", self.named()))], input.clone()))
    }

    /// Pixels of one value around a map.
    fn pad(&self, input: &Shape) -> Result<(Vec<Block>, Shape), NncError> {
        let [channels, height, width] = self.map(input)?;
        let mode = self.layer.property("Mode").unwrap_or_default().to_ascii_lowercase();
        if !matches!(mode.as_str(), "" | "constant") {
            return Err(self.wrong(&format!("Mode {mode:?} has no counterpart; constant has")));
        }
        let widths = self.all("PadWidth")?;
        let widths: Option<Vec<u64>> = widths.iter().map(|width| whole(width.value(input)?)).collect();
        let widths = widths.unwrap_or_default();
        let (outer, inner) = widths.split_at(widths.len().saturating_sub(4));
        let [top, bottom, left, right] = inner else {
            return Err(self.wrong("PadWidth: accepted are pixels above, below, to the left and right"));
        };
        if outer.iter().any(|width| *width > 0) {
            return Err(self.wrong("channels are not padded here"));
        }
        let value = self.or("ConstantValue", input, 0.0)?;
        let more = if value == 0.0 { String::new() } else { format!(", value: {value}") };
        let block = format!("pad: [{top}, {bottom}, {left}, {right}]{more}");
        Ok((vec![Block::Plain(block)], vec![channels, height + top + bottom, width + left + right]))
    }

    /// Padding before a convolution that is none of a convolution: a block of its own, and the map it gives.
    fn apart(&self, input: &Shape) -> Result<Option<(Block, Shape)>, NncError> {
        let Some(around) = self.layer.property("Around") else { return Ok(None) };
        let (kernel, dilation) = (self.pair("KernelShape", input)?, self.pair_or("Dilation", input, 1)?);
        if self.padded(input, &kernel, &dilation, around)?.is_some() {
            return Ok(None);
        }
        let mut layer = self.layer.clone();
        layer.properties.insert("PadWidth".to_owned(), around.to_owned());
        let pad = Context { layer: &layer, next: Vec::new(), readers: Vec::new(), ..*self };
        let (blocks, shape) = pad.pad(input)?;
        Ok(blocks.into_iter().next().map(|block| (block, shape)))
    }

    /// A mean, sum or maximum along axes: of all of a map it is pooling.
    fn reduction(&self, kind: &str, input: &Shape) -> Result<(Vec<Block>, Shape), NncError> {
        let [channels, _, _] = self.map(input)?;
        let axes: Option<Vec<f64>> = self.all("Axes")?.iter().map(|axis| axis.value(input)).collect();
        let mut axes: Vec<f64> =
            axes.unwrap_or_default().into_iter().map(|axis| if axis < 0.0 { axis + 3.0 } else { axis }).collect();
        axes.sort_by(f64::total_cmp);
        if axes != [1.0, 2.0] {
            return Err(self.wrong(&format!("Axes: accepted are 1 and 2, height and width, not {axes:?}")));
        }
        if self.flag("KeepDims", false)? {
            return if kind == "average-pooling" { Ok(self.global(input)) } else { self.reduced(kind, input) };
        }
        if kind == "average-pooling" {
            return Ok((vec![Block::Plain("global-average-pooling".to_owned())], vec![channels]));
        }
        let (mut blocks, _) = self.reduced(kind, input)?;
        blocks.push(Block::Plain("flatten".to_owned()));
        Ok((blocks, vec![channels]))
    }

    /// Pooling over all of a map, of which one pixel is left.
    fn reduced(&self, kind: &str, input: &Shape) -> Result<(Vec<Block>, Shape), NncError> {
        let [channels, height, width] = self.map(input)?;
        let window = if height == width { "height" } else { "[height, width]" };
        Ok((vec![Block::Plain(format!("{kind}: {window}"))], vec![channels, 1, 1]))
    }

    /// One number a channel made as large as a map: arithmetic of two does that by itself.
    fn broadcast(&self, input: &Shape) -> Result<(Vec<Block>, Shape), NncError> {
        const STRETCH: [&str; 8] = ["Add2", "Sub2", "Mul2", "Div2", "Maximum2", "Minimum2", "AddN", "MulN"];
        let by_channel = input.iter().skip(1).all(|side| *side == 1);
        if by_channel && !self.readers.is_empty() && self.readers.iter().all(|kind| STRETCH.contains(kind)) {
            return Ok((Vec::new(), input.clone()));
        }
        Err(self.wrong("accepted is one number a channel that arithmetic of two reads"))
    }

    /// Layers see all but the batch, channels first.
    fn usual_axes(&self) -> Result<(), NncError> {
        if self.or("BaseAxis", &Shape::new(), 0.0)? != 0.0 {
            return Err(self.wrong("BaseAxis: accepted is 0, all but the batch"));
        }
        if self.flag("ChannelLast", false)? {
            return Err(self.wrong("ChannelLast: channels come first here"));
        }
        Ok(())
    }

    fn scalar(&self, kind: &'static str, input: &Shape) -> Result<Block, NncError> {
        let property = if self.layer.properties.contains_key("val") { "val" } else { "Value" };
        Ok(Block::Scalar { kind, value: self.or(property, input, 1.0)? })
    }

    fn reshape(&self, input: &Shape) -> Result<(Vec<Block>, Shape), NncError> {
        let mut sides = self.all("OutShape")?;
        let known: u64 = sides.iter().filter_map(|side| whole(side.value(input)?)).product();
        let count: u64 = input.iter().product();
        for side in &mut sides {
            if side.value(input) == Some(-1.0) && known > 0 {
                *side = Formula::Number((count / known) as f64);
            }
        }
        let shape: Option<Shape> = sides.iter().map(|side| whole(side.value(input)?)).collect();
        let shape = shape.ok_or_else(|| self.wrong("OutShape is no list of sides"))?;
        if shape.iter().product::<u64>() != count {
            return Err(self.wrong(&format!("it makes {shape:?} of {input:?}, which has other numbers")));
        }
        let block = match (&input[..], &shape[..]) {
            (_, [_]) => "flatten".to_owned(),
            ([channels, height, width], [groups, inner, h, w])
                if groups * inner == *channels && (h, w) == (height, width) =>
            {
                format!("{SPLIT_CHANNELS}{}", sides[0].written(input))
            }
            ([a, b, height, width], [channels, h, w]) if a * b == *channels && (h, w) == (height, width) => {
                MERGE_CHANNELS.to_owned()
            }
            (_, [_, _, _]) => {
                let [a, b, c] = std::array::from_fn(|side| sides[side].written(input));
                format!("reshape: [{a}, {b}, {c}]")
            }
            _ => return Err(self.wrong(&format!("it makes {shape:?} of {input:?}, which has no counterpart"))),
        };
        Ok((vec![Block::Plain(block)], shape))
    }

    fn transpose(&self, input: &Shape) -> Result<(Vec<Block>, Shape), NncError> {
        let axes: Option<Vec<u64>> = self.all("Axes")?.iter().map(|axis| whole(axis.value(input)?)).collect();
        let axes: Vec<usize> = axes.unwrap_or_default().into_iter().map(|axis| axis as usize).collect();
        let mut sorted = axes.clone();
        sorted.sort_unstable();
        if sorted != (0..input.len()).collect::<Vec<_>>() {
            return Err(self.wrong(&format!("Axes: {axes:?} are not those of {input:?}")));
        }
        let shape: Shape = axes.iter().map(|axis| input[*axis]).collect();
        let block = match axes[..] {
            [1, 0, 2, 3] => TURN_GROUPS.to_owned(),
            [a, b, c] => format!("transpose: [{a}, {b}, {c}]"),
            _ => return Err(self.wrong(&format!("Axes: {axes:?} have no counterpart"))),
        };
        Ok((vec![Block::Plain(block)], shape))
    }

    fn slice(&self, input: &Shape) -> Result<(Vec<Block>, Shape), NncError> {
        self.map(input)?;
        let three = |property: &str| -> Result<(String, Vec<u64>), NncError> {
            let all = self.all(property)?;
            let sides: Option<Vec<u64>> = all.iter().map(|side| whole(side.value(input)?)).collect();
            let sides = sides.filter(|sides| sides.len() == 3);
            let sides = sides.ok_or_else(|| self.wrong(&format!("{property}: accepted are three counts")))?;
            let written = all.iter().map(|side| side.written(input).to_string());
            Ok((written.collect::<Vec<_>>().join(", "), sides))
        };
        let step = match self.layer.property("Step") {
            None | Some("") => ("1, 1, 1".to_owned(), vec![1; 3]),
            Some(_) => three("Step")?,
        };
        let (start, stop) = (three("Start")?, three("Stop")?);
        let fits = (0..3).all(|axis| start.1[axis] < stop.1[axis] && stop.1[axis] <= input[axis] && step.1[axis] > 0);
        if !fits {
            return Err(self.wrong(&format!("it takes {:?} to {:?} of {input:?}", start.1, stop.1)));
        }
        let shape = (0..3).map(|axis| (stop.1[axis] - start.1[axis]).div_ceil(step.1[axis])).collect();
        let text = format!("slice: [{}], stop: [{}], step: [{}]", start.0, stop.0, step.0);
        Ok((vec![Block::Plain(text)], shape))
    }

    /// Augmentation, which comes before the network; anything else is refused.
    fn preparation(&self, input: &Shape) -> Result<(Vec<Block>, Shape), NncError> {
        let shape = match self.layer.kind.as_str() {
            "ImageAugmentation" | "RandomCrop" => match self.layer.property("Shape") {
                Some("*Input" | "") | None => input.clone(),
                Some(_) => {
                    let sides: Option<Shape> =
                        self.all("Shape")?.iter().map(|side| whole(side.value(input)?)).collect();
                    sides.filter(|sides| !sides.is_empty()).ok_or_else(|| self.wrong("Shape is no list of sides"))?
                }
            },
            "RandomFlip" | "RandomShift" | "RandomErase" | "MixUp" | "CutMix" | "MeanSubtraction" => input.clone(),
            kind => return Err(self.wrong(&unknown(kind))),
        };
        let block = Block::Preparation { name: self.layer.name.clone(), kind: self.layer.kind.clone() };
        Ok((vec![block], shape))
    }
}

/// A block that stands in the way.
pub fn refused(network: &Network, layer: &Layer, problem: &str) -> NncError {
    NncError::Block {
        network: network.name.clone(),
        block: layer.name.clone(),
        kind: layer.kind.clone(),
        problem: problem.to_owned(),
    }
}

/// Whether a block of augmentation mixes the targets of images too, which it reads beside them.
pub fn mixes_targets(kind: &str) -> bool {
    matches!(kind, "MixUp" | "CutMix")
}

/// Functions of each number without settings.
pub fn activation(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "ReLU" => "relu",
        "ReLU6" => "relu6",
        "Tanh" => "tanh",
        "Sigmoid" => "sigmoid",
        "GELU" => "gelu",
        "SELU" => "selu",
        "Swish" => "swish",
        "Mish" => "mish",
        "SoftPlus" | "Softplus" => "softplus",
        "SoftSign" | "Softsign" => "softsign",
        "LogSigmoid" => "log-sigmoid",
        "HardSigmoid" => "hard-sigmoid",
        "HardTanh" => "hard-tanh",
        "HardSwish" => "hard-swish",
        "Abs" => "absolute",
        _ => return None,
    })
}

/// Why a kind of block is refused.
fn unknown(kind: &str) -> String {
    let what = match kind {
        "LSTM" | "GRU" | "RNN" | "LSTMUnit" | "Delay" | "RecurrentInput" | "RecurrentOutput" => {
            "it is for sequences; networks of images have no memory"
        }
        "Deconvolution" | "DepthwiseDeconvolution" | "Unpooling" | "Interpolate" | "ResizeNearest" => {
            "it makes images larger; a classifier tells a class"
        }
        "SquaredError" | "AbsoluteError" | "HuberLoss" | "EpsilonInsensitiveLoss" | "KLMultinomial" => {
            "it is a loss of regression; a classifier has a cross entropy"
        }
        "RandNormal" | "Randn" | "Rand" | "RandUniform" => "it draws numbers at random; a classifier sees images alone",
        "Softmax" | "LogSoftmax" => "it stands in the middle of the network; the loss has one at its end",
        "Parameter" | "WorkingMemory" => "it gives numbers that come from no image",
        "VAT" | "VATNoise" => {
            "it is for images without classes (virtual adversarial training), which have no counterpart"
        }
        "Embed" | "OneHot" => "it is for words; networks of images see pixels",
        kind if kind.starts_with("Binary") || kind.contains("Quantize") || kind.starts_with("INQ") => {
            "networks of few bits have no counterpart"
        }
        _ => "there is no such block here",
    };
    what.to_owned()
}
