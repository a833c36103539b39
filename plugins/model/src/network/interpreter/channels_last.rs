//! A network in use as steps of `plugin_kernels`, which keep the channels of a pixel beside each other.
//!
//! burn's own CPU code is several times slower with the convolutions of small networks, depthwise ones above all. What has
//! no kernel there (other activations, affine layers before the last) leaves the whole network to burn.

use super::joint::{Joint, Then};
use super::ready::Turn;
use super::{Network, Plan};
use crate::error::ModelError;
use crate::input::Normalisation;
use crate::input::batch::Batch;
use crate::network::step::Work;
use burn::nn::PaddingConfig2d;
use burn::nn::conv::Conv2d;
use burn::tensor::{Device, Tensor, TensorData};
use plugin_blocks::{Activation, Dims};
use plugin_kernels::{Clamp, Convolution, Map, Operation, Program, Window};

/// A network without its classifier.
#[derive(Debug)]
pub(super) struct ChannelsLast {
    program: Program,
    normalisation: Normalisation,
    /// The map that is flattened at the end.
    last: Map,
}

impl ChannelsLast {
    /// Translates; `None` when a part of the network has no kernel.
    pub fn new(network: &Network, turns: &[Turn]) -> Option<Self> {
        let Plan { graph, steps, architecture, .. } = &*network.plan;
        let Dims::Map([channels, height, width]) = graph.nodes[0].output else { return None };
        let [channels, height, width] = [channels, height, width].map(|side| side as usize);
        let mut program = Program::new(Map { height, width, channels });
        // Which value of the program each node of the graph is.
        let mut values: Vec<Option<usize>> = vec![None; graph.nodes.len()];
        values[0] = Some(0);
        let (mut last, mut flat) = (0, false);
        for turn in turns {
            let (inputs, output) = match turn {
                Turn::Joint { inputs, output, .. } => (inputs, *output),
                Turn::AsPlanned(place) => (&steps[*place].inputs, steps[*place].output),
            };
            let inputs: Option<Vec<usize>> = inputs.iter().map(|node| values[*node]).collect();
            let inputs = inputs?;
            let map = program.map(*inputs.first()?)?;
            let operation = match turn {
                _ if flat => return None,
                Turn::Joint { joint, .. } => Operation::Convolution(Box::new(convolution(joint, map)?)),
                Turn::AsPlanned(place) => match &steps[*place].work {
                    Work::Pooling(pooling) => Operation::MaxPooling(pooling.maximum()?),
                    Work::GlobalAveragePooling => Operation::Mean,
                    Work::Activation(Activation::Relu) => Operation::Clamp(Clamp::RELU),
                    Work::Activation(Activation::Relu6) => Operation::Clamp(Clamp::RELU6),
                    Work::Add => Operation::Clamp(Clamp::NONE),
                    Work::Concatenation => Operation::Concatenation,
                    Work::Dropout(_) | Work::Flatten => {
                        flat |= matches!(steps[*place].work, Work::Flatten);
                        values[output] = Some(inputs[0]);
                        continue;
                    }
                    _ => return None,
                },
            };
            last = program.push(operation, &inputs).ok()?;
            values[output] = Some(last);
        }
        // What the classifier reads is what was computed last.
        let read = values[*graph.classifier().inputs.first()?]?;
        let last = (read == last).then(|| program.map(last)).flatten()?;
        Some(Self { program: program.finish(), normalisation: architecture.input(), last })
    }

    /// Features `[images, features]` of a batch.
    pub fn features_of(&self, batch: &Batch, device: &Device) -> Result<Tensor<2>, ModelError> {
        if batch.is_empty() {
            return Err(ModelError::EmptyBatch);
        }
        let Normalisation { mean, deviation } = self.normalisation;
        let values = |channel: usize| {
            std::array::from_fn(|v| {
                v as f32 * (1.0 / (255.0 * deviation[channel])) - mean[channel] / deviation[channel]
            })
        };
        let values: [[f32; 256]; 3] = std::array::from_fn(values);
        let pixel =
            |pixel: &[u8]| std::array::from_fn::<f32, 3, _>(|channel| values[channel][usize::from(pixel[channel])]);
        let pixels: Vec<f32> = batch.pixels.chunks_exact(3).flat_map(pixel).collect();
        self.run(&pixels, device)
    }

    /// Features `[images, features]` of normalised images `[images, channels, height, width]`.
    pub fn features(&self, x: Tensor<4>) -> Result<Tensor<2>, ModelError> {
        let device = x.device();
        let pixels =
            x.permute([0, 2, 3, 1]).try_into_vec_as::<f32>().map_err(|e| ModelError::Execution(e.to_string()))?;
        self.run(&pixels, &device)
    }

    fn run(&self, pixels: &[f32], device: &Device) -> Result<Tensor<2>, ModelError> {
        let mut features = self.program.run(pixels).map_err(|e| ModelError::Execution(e.to_string()))?;
        let Map { height, width, channels } = self.last;
        let area = height * width;
        if area > 1 {
            // The classifier's weights go by channel first.
            let by_channel = |image: &[f32]| {
                let image = image.to_vec();
                (0..channels * area).map(move |at| image[at % area * channels + at / area])
            };
            features = features.chunks_exact(self.last.len()).flat_map(by_channel).collect();
        }
        let images = features.len() / self.last.len();
        Ok(Tensor::from_data(TensorData::new(features, [images, self.last.len()]), device))
    }
}

fn convolution(joint: &Joint, map: Map) -> Option<Convolution> {
    let conv = joint.conv();
    let weight = conv.weight.val().try_into_vec_as::<f32>().ok()?;
    let bias = match &conv.bias {
        Some(bias) => bias.val().try_into_vec_as::<f32>().ok()?,
        None => vec![0.0; conv.weight.dims()[0]],
    };
    let clamp = match joint.then() {
        Then::Nothing | Then::Sum => Clamp::NONE,
        Then::Relu | Then::SumAndRelu => Clamp::RELU,
        Then::Relu6 | Then::SumAndRelu6 => Clamp::RELU6,
    };
    Convolution::new(map, window(conv, map)?, conv.groups, &weight, &bias, clamp).ok()
}

fn window(conv: &Conv2d, map: Map) -> Option<Window> {
    let padding = match &conv.padding {
        PaddingConfig2d::Valid => [(0, 0); 2],
        PaddingConfig2d::Explicit(top, left, bottom, right) => [(*top, *bottom), (*left, *right)],
        PaddingConfig2d::Same => {
            [crate::network::ops::same(conv, map.height, 0), crate::network::ops::same(conv, map.width, 1)]
        }
    };
    let ([stride, across], [dilation, apart]) = (conv.stride, conv.dilation);
    (stride == across && dilation == apart).then_some(Window { kernel: conv.kernel_size, stride, dilation, padding })
}
