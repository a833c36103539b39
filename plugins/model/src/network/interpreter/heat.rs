//! What a network looked at: Grad-CAM (Selvaraju and others 2017, [arXiv 1610.02391](https://arxiv.org/abs/1610.02391)).
//!
//! The last map of features on the way to the classifier is multiplied, channel by channel, by the mean gradient of a class's
//! logit with respect to it, summed, and cut off below zero. What comes before the map is computed as ever; what comes after
//! it by burn's autodiff on the CPU, with layers as in use: running figures, no dropout. Of a network that ends in a mean over
//! the map and one affine layer this is the class activation map (Zhou and others 2016,
//! [arXiv 1512.04150](https://arxiv.org/abs/1512.04150)) but for a factor.

use super::{Network, Plan};
use crate::error::ModelError;
use crate::network::step::Work;
use burn::module::Module as _;
use burn::tensor::{Device, Tensor};
use plugin_blocks::Dims;
use std::collections::BTreeSet;

/// How much each part of an image speaks for a class.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// Row after row, 0 to 1, the most of an image being 1; all 0 when nothing speaks for the class.
    pub values: Vec<f32>,
}

/// What the classifier sees of each place of an image, where it sees the mean over all places.
#[derive(Clone, Debug, PartialEq)]
pub struct Cells {
    /// Rows.
    pub height: usize,
    /// Columns.
    pub width: usize,
    /// `[height × width, dimensions]`, row after row; their mean is what the classifier sees.
    pub features: Vec<f32>,
}

impl Plan {
    /// The maps whose means, one after the other, are what the classifier reads; `None` where it reads anything else.
    fn averaged_maps(&self) -> Option<Vec<usize>> {
        let mut maps = Vec::new();
        let mut left = vec![*self.graph.classifier().inputs.first()?];
        while let Some(node) = left.pop() {
            let step = self.steps.iter().find(|step| step.output == node)?;
            match step.work {
                Work::GlobalAveragePooling => maps.push(*step.inputs.first()?),
                Work::Concatenation => left.extend(step.inputs.iter().rev()),
                Work::Dropout(_) => left.push(*step.inputs.first()?),
                _ => return None,
            }
        }
        Some(maps)
    }

    /// The last value that is a map of more than one pixel and through which everything goes on the way to the classifier.
    fn last_map(&self) -> Option<usize> {
        let nodes = &self.graph.nodes;
        let mut read: BTreeSet<usize> = nodes.last()?.inputs.iter().copied().collect();
        loop {
            let last = *read.last()?;
            let is_map = matches!(nodes[last].output, Dims::Map([_, height, width]) if height > 1 && width > 1);
            if read.len() == 1 && is_map {
                return Some(last);
            }
            let step = self.steps.iter().find(|step| step.output == last)?;
            read.remove(&last);
            read.extend(&step.inputs);
        }
    }
}

impl Network {
    /// What speaks for `class` in one normalised image `[1, 3, size, size]`.
    pub(crate) fn heat(&self, x: Tensor<4>, class: usize) -> Result<Heat, ModelError> {
        let failed = |what: &dyn std::fmt::Display| ModelError::Execution(what.to_string());
        let map = self.plan.last_map().ok_or_else(|| failed(&"this network has no map of features to show"))?;
        let mut values: Vec<Option<Tensor<4>>> = vec![None; self.plan.graph.nodes.len()];
        values[0] = Some(x);
        self.go_on(&mut values, 0, map)?;
        let seen = values[map].take().ok_or_else(|| failed(&"the map of features was not computed"))?;

        let device = Device::flex().autodiff();
        let [_, channels, height, width] = seen.dims();
        let seen = seen.into_data().convert::<f32>();
        let of = |data: &burn::tensor::TensorData| data.try_to_vec::<f32>().map_err(|e| failed(&e));
        let features = of(&seen)?;
        let tracked = Tensor::<4>::from_data(seen, &device).require_grad();
        values[map] = Some(tracked.clone());
        let network = self.clone().to_device(&device).freeze(true);
        network.go_on(&mut values, map, usize::MAX)?;
        let input = self.plan.graph.nodes.last().and_then(|node| node.inputs.first()).copied().unwrap_or_default();
        let input = values[input].take().ok_or_else(|| failed(&"the classifier has nothing to read"))?;
        let logits = network.classifier().forward(input.flatten(1, 3));
        let gradients = logits.slice([0..1, class..class + 1]).sum().backward();
        let gradient = tracked.grad(&gradients).ok_or_else(|| failed(&"the class does not depend on the image"))?;
        let gradient = of(&gradient.into_data().convert::<f32>())?;

        let pixels = height * width;
        let mut sums = vec![0.0; pixels];
        for channel in 0..channels {
            let part = channel * pixels..(channel + 1) * pixels;
            let weight = gradient[part.clone()].iter().sum::<f32>() / pixels as f32;
            for (sum, feature) in sums.iter_mut().zip(&features[part]) {
                *sum += weight * feature;
            }
        }
        let most = sums.iter().copied().filter(|sum| sum.is_finite()).fold(0.0, f32::max);
        let share = |sum: f32| if most > 0.0 && sum.is_finite() { (sum / most).max(0.0) } else { 0.0 };
        Ok(Heat { height, width, values: sums.into_iter().map(share).collect() })
    }

    /// What the classifier sees of each place of one normalised image `[1, 3, size, size]`.
    ///
    /// # Errors
    /// [`ModelError::Execution`] where it does not see the mean over maps of equal sides, or the device fails.
    pub(crate) fn cells(&self, x: Tensor<4>) -> Result<Cells, ModelError> {
        let failed = |what: &dyn std::fmt::Display| ModelError::Execution(what.to_string());
        let none = "this network has no map of features to show";
        let maps = self.plan.averaged_maps().filter(|maps| !maps.is_empty()).ok_or_else(|| failed(&none))?;
        let mut values: Vec<Option<Tensor<4>>> = vec![None; self.plan.graph.nodes.len()];
        values[0] = Some(x);
        self.go_on(&mut values, 0, maps.iter().copied().max().unwrap_or_default())?;
        let maps: Option<Vec<Tensor<4>>> = maps.iter().map(|map| values[*map].take()).collect();
        let maps = maps.ok_or_else(|| failed(&"the map of features was not computed"))?;
        let [_, _, height, width] = maps[0].dims();
        if maps.iter().any(|map| map.dims()[2..] != [height, width]) {
            return Err(failed(&none));
        }
        let places = Tensor::cat(maps, 1).permute([0, 2, 3, 1]);
        let features = places.into_data().convert::<f32>().try_to_vec::<f32>().map_err(|e| failed(&e))?;
        Ok(Cells { height, width, features })
    }

    /// Computes the values behind `from` up to `to`. Dropout is passed over.
    fn go_on(&self, values: &mut [Option<Tensor<4>>], from: usize, to: usize) -> Result<(), ModelError> {
        let steps = self.plan.steps.iter().filter(|step| step.output > from && step.output <= to);
        for step in steps {
            let inputs: Option<Vec<Tensor<4>>> = step.inputs.iter().map(|node| values[*node].clone()).collect();
            let mut inputs = inputs.ok_or_else(|| ModelError::Execution("a step has nothing to read".to_owned()))?;
            values[step.output] = Some(match step.work {
                Work::Dropout(_) => inputs.swap_remove(0),
                _ => step.run(self, inputs),
            });
        }
        Ok(())
    }
}
