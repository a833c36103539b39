//! Weights of a safetensors file.

use crate::error::OnnxError;
use plugin_blocks::{Graph, Weight};
use safetensors::{Dtype, SafeTensors};
use std::collections::BTreeMap;

/// Bytes of tensors of 32 bit numbers, low byte first, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights(BTreeMap<String, Vec<u8>>);

impl Weights {
    /// Reads those of a graph.
    ///
    /// # Errors
    /// [`OnnxError::Weights`] when the bytes are no safetensors file, or a tensor is missing or of another shape or type.
    pub fn read(graph: &Graph, file: &[u8]) -> Result<Self, OnnxError> {
        Self::of(graph.weights(), file)
    }

    /// Reads those of a graph without its classifier, which the file may lack.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_features(graph: &Graph, file: &[u8]) -> Result<Self, OnnxError> {
        let classifier = graph.classifier().weights();
        Self::of(graph.weights().into_iter().filter(|weight| !classifier.contains(weight)).collect(), file)
    }

    fn of(wanted: Vec<Weight>, file: &[u8]) -> Result<Self, OnnxError> {
        let tensors = SafeTensors::deserialize(file).map_err(|e| OnnxError::Weights(e.to_string()))?;
        let one = |Weight { name, shape, .. }: Weight| {
            let tensor = tensors.tensor(&name).map_err(|e| OnnxError::Weights(e.to_string()))?;
            let found: Vec<u64> = tensor.shape().iter().map(|side| *side as u64).collect();
            if tensor.dtype() != Dtype::F32 || found != shape {
                let problem = format!("{name} is {:?} of the shape {found:?}, not F32 of {shape:?}", tensor.dtype());
                return Err(OnnxError::Weights(problem));
            }
            Ok((name, tensor.data().to_vec()))
        };
        wanted.into_iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// The bytes of one.
    ///
    /// # Errors
    /// [`OnnxError::Weights`] when there is none of this name.
    pub fn bytes(&self, name: &str) -> Result<Vec<u8>, OnnxError> {
        self.0.get(name).cloned().ok_or_else(|| OnnxError::Weights(format!("{name} is missing")))
    }
}
