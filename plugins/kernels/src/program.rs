//! A network as a list of steps over maps of one image.

use crate::aligned::Aligned;
use crate::convolution::{Convolution, KernelError};
use crate::map::{Map, Window};
use crate::pointwise;
use crate::product::Clamp;
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// What a step does with the values it reads.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Of the first value; a second is added before the clamp.
    Convolution(Box<Convolution>),
    /// The largest number of each channel in a window.
    MaxPooling(Window),
    /// The mean of each channel.
    Mean,
    /// The first value, plus the second if there is one, cut off.
    Clamp(Clamp),
    /// The channels of all values, which are of one height and width.
    Concatenation,
}

#[derive(Clone, Debug)]
struct Step {
    operation: Operation,
    inputs: Vec<usize>,
    output: usize,
}

/// A network for images of one size. Values are numbered: 0 is the image, then one a step.
#[derive(Debug)]
pub struct Program {
    steps: Vec<Step>,
    maps: Vec<Map>,
    /// In which buffer each value lies, once [`Program::finish`] is called.
    buffers: Vec<usize>,
    /// Buffers nobody uses at the moment, a set for each image that was computed at once.
    free: Mutex<Vec<Vec<Aligned>>>,
}

impl Program {
    /// A network of no steps.
    pub fn new(image: Map) -> Self {
        Self { steps: Vec::new(), maps: vec![image], buffers: Vec::new(), free: Mutex::default() }
    }

    /// The shape of a value.
    pub fn map(&self, value: usize) -> Option<Map> {
        self.maps.get(value).copied()
    }

    /// Adds a step and returns the number of its value.
    ///
    /// # Errors
    /// [`KernelError::Shape`] when the values are not there or not of the shapes the operation takes.
    pub fn push(&mut self, operation: Operation, inputs: &[usize]) -> Result<usize, KernelError> {
        let wrong = || KernelError::Shape(format!("values {inputs:?} are not what a step takes"));
        let maps: Option<Vec<Map>> = inputs.iter().map(|value| self.map(*value)).collect();
        let maps = maps.ok_or_else(wrong)?;
        let first = *maps.first().ok_or_else(wrong)?;
        let (output, summands) = match &operation {
            Operation::Convolution(convolution) if convolution.input == first => (convolution.output, 1),
            Operation::Convolution(_) => return Err(wrong()),
            Operation::MaxPooling(window) => {
                let [height, width] = window.over(first).ok_or_else(wrong)?;
                (Map { height, width, ..first }, 0)
            }
            Operation::Mean => (Map { height: 1, width: 1, ..first }, 0),
            Operation::Clamp(_) => (first, 1),
            Operation::Concatenation => {
                let channels = maps.iter().map(|map| map.channels).sum();
                (Map { channels, ..first }, maps.len() - 1)
            }
        };
        let fits = |map: &Map| match &operation {
            Operation::Concatenation => (map.height, map.width) == (first.height, first.width),
            _ => *map == output,
        };
        if maps.len() > 1 + summands || !maps[1..].iter().all(fits) {
            return Err(wrong());
        }
        self.steps.push(Step { operation, inputs: inputs.to_vec(), output: self.maps.len() });
        self.maps.push(output);
        self.buffers.clear();
        Ok(self.maps.len() - 1)
    }

    /// Numbers the network gives for an image: those of the last value.
    pub fn outputs(&self) -> usize {
        self.maps[self.maps.len() - 1].len()
    }

    /// Lets values share memory: a buffer is used again when its value has been read for the last time.
    #[must_use]
    pub fn finish(mut self) -> Self {
        let last = |value: usize| self.steps.iter().rposition(|step| step.inputs.contains(&value));
        let mut taken: Vec<Option<usize>> = Vec::new();
        let mut buffers = vec![usize::MAX; self.maps.len()];
        for (place, step) in self.steps.iter().enumerate() {
            let free = taken.iter().position(|until| until.is_none_or(|until| until < place));
            let buffer = free.unwrap_or_else(|| {
                taken.push(None);
                taken.len() - 1
            });
            taken[buffer] = Some(last(step.output).unwrap_or(usize::MAX));
            buffers[step.output] = buffer;
        }
        self.buffers = buffers;
        self
    }

    /// Images `[images, height, width, channels]`, one after the other, to what the last step gives of each. Images and
    /// parts of them are shared among rayon's threads; what comes out of an image does not depend on the others.
    ///
    /// # Errors
    /// [`KernelError::Shape`] when the numbers are not those of whole images.
    pub fn run(&self, images: &[f32]) -> Result<Vec<f32>, KernelError> {
        let (image, outputs) = (self.maps[0].len(), self.outputs());
        if image == 0 || !images.len().is_multiple_of(image) {
            return Err(KernelError::Shape(format!("{} numbers are not images of {image} each", images.len())));
        }
        let mut all = vec![0.0; images.len() / image * outputs];
        images.par_chunks_exact(image).zip(all.par_chunks_exact_mut(outputs)).for_each(|(image, y)| {
            let mut buffers = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
            self.one(image, &mut buffers, y);
            self.free.lock().unwrap_or_else(PoisonError::into_inner).push(buffers);
        });
        Ok(all)
    }

    fn one(&self, image: &[f32], buffers: &mut Vec<Aligned>, y: &mut [f32]) {
        let count = self.buffers.iter().filter(|buffer| **buffer != usize::MAX).max().map_or(0, |most| most + 1);
        buffers.resize_with(count, Aligned::default);
        for step in &self.steps {
            let (buffer, map) = (self.buffers[step.output], self.maps[step.output]);
            let mut output = std::mem::take(&mut buffers[buffer]);
            output.grow(map.len());
            let value = |place: usize| {
                let value = step.inputs.get(place)?;
                Some(if *value == 0 { image } else { &buffers[self.buffers[*value]][..self.maps[*value].len()] })
            };
            let (x, other) = (value(0).unwrap_or(image), value(1));
            let into = &mut output[..map.len()];
            match &step.operation {
                Operation::Convolution(convolution) => convolution.run(x, other, into),
                Operation::MaxPooling(window) => {
                    pointwise::largest(x, self.maps[step.inputs[0]], window, map.width, into);
                }
                Operation::Mean => pointwise::mean(x, into),
                Operation::Concatenation => {
                    let mut start = 0;
                    for (place, input) in step.inputs.iter().enumerate() {
                        let channels = self.maps[*input].channels;
                        let x = value(place).unwrap_or_default();
                        pointwise::copy_channels(x, channels, into, map.channels, start);
                        start += channels;
                    }
                }
                Operation::Clamp(limits) => match other {
                    Some(other) => {
                        into.copy_from_slice(x);
                        pointwise::add(into, other, *limits);
                    }
                    None => pointwise::clamp(x, *limits, into),
                },
            }
            buffers[buffer] = output;
        }
        match self.steps.last() {
            Some(step) => y.copy_from_slice(&buffers[self.buffers[step.output]][..y.len()]),
            None => y.copy_from_slice(image),
        }
    }
}

#[cfg(test)]
mod tests;
