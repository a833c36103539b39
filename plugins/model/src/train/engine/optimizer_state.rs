//! What an optimizer remembers, as a safetensors file: `mean.N` and `square.N` by the order of the weights, and `steps`.
//! Format: <https://github.com/huggingface/safetensors#format>

use super::optimizer::Optimizer;
use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use tch::{Device, Kind, TchError, Tensor};

const STEPS: &str = "steps";

/// The state of an optimizer at one moment, a copy.
pub struct OptimizerState {
    steps: u64,
    means: Vec<Tensor>,
    squares: Vec<Tensor>,
}

impl OptimizerState {
    /// Copies it, on the device.
    ///
    /// # Errors
    /// A text when LibTorch fails.
    pub fn of(optimizer: &Optimizer) -> Result<Self, String> {
        let copies = |list: &[Tensor]| list.iter().map(copy).collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string());
        Ok(Self { steps: optimizer.steps, means: copies(&optimizer.means)?, squares: copies(&optimizer.squares)? })
    }

    /// The content of the file.
    ///
    /// # Errors
    /// A text when LibTorch fails.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let mut all = vec![(STEPS.to_owned(), Vec::new(), self.steps.to_le_bytes().to_vec())];
        for (what, list) in [("mean", &self.means), ("square", &self.squares)] {
            for (place, tensor) in list.iter().enumerate() {
                let (shape, bytes) = bytes_of(tensor).map_err(|e| e.to_string())?;
                all.push((format!("{what}.{place}"), shape, bytes));
            }
        }
        let views = all.iter().map(|(name, shape, bytes)| {
            let kind = if name == STEPS { Dtype::U64 } else { Dtype::F32 };
            TensorView::new(kind, shape.clone(), bytes).map(|view| (&name[..], view))
        });
        let views = views.collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
        serialize(views, None).map_err(|e| e.to_string())
    }
}

/// As it lies in memory, strides and all.
fn copy(tensor: &Tensor) -> Result<Tensor, TchError> {
    let mut copy = tensor.f_empty_like()?;
    copy.f_copy_(tensor)?;
    Ok(copy)
}

/// Reads what [`OptimizerState::to_bytes`] made.
///
/// # Errors
/// A text when it is of other weights. The optimizer may have been read in part.
pub fn read(optimizer: &mut Optimizer, bytes: &[u8]) -> Result<(), String> {
    let file = SafeTensors::deserialize(bytes).map_err(|e| e.to_string())?;
    let mut wanted = 0;
    for (name, from) in file.iter() {
        if name == STEPS {
            let steps = from.data().first_chunk().ok_or("it has no number of steps")?;
            optimizer.steps = u64::from_le_bytes(*steps);
            continue;
        }
        let (what, place) = name.split_once('.').unwrap_or_default();
        let list = if what == "mean" { &mut optimizer.means } else { &mut optimizer.squares };
        let to = place.parse().ok().and_then(|place: usize| list.get_mut(place));
        let shape: Vec<i64> = from.shape().iter().map(|side| *side as i64).collect();
        let to = to.filter(|to| to.size() == shape && from.dtype() == Dtype::F32);
        let to = to.ok_or_else(|| format!("{name} is of other weights"))?;
        Tensor::f_from_data_size(from.data(), &shape, Kind::Float)
            .and_then(|from| to.f_copy_(&from))
            .map_err(|e| e.to_string())?;
        wanted += 1;
    }
    let all = optimizer.means.len() + optimizer.squares.len();
    if wanted == all { Ok(()) } else { Err(format!("it has {wanted} tensors, not {all}")) }
}

/// Shape, and the numbers in the order of their indices.
fn bytes_of(tensor: &Tensor) -> Result<(Vec<usize>, Vec<u8>), TchError> {
    let tensor = tensor.f_to_device(Device::Cpu)?.f_contiguous()?;
    let mut bytes = vec![0; tensor.numel() * size_of::<f32>()];
    tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
    Ok((tensor.size().iter().map(|side| *side as usize).collect(), bytes))
}
