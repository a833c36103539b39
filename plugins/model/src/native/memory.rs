//! What an optimizer remembers, on disk: a safetensors file with `mean.N` and `square.N` by the order of the weights, and
//! `steps`. Format: <https://github.com/huggingface/safetensors#format>

use super::optimizer::Optimizer;
use crate::ModelError;
use std::path::Path;
use tch::{TchError, Tensor};

const STEPS: &str = "steps";

/// The content of the file.
///
/// # Errors
/// LibTorch's, or the file system's: tch writes to files alone, so one beside `path` lives for a moment.
pub fn to_bytes(optimizer: &Optimizer, path: &Path) -> Result<Vec<u8>, ModelError> {
    let mut tensors = vec![(STEPS.to_owned(), Tensor::f_from_slice(&[optimizer.steps as i64])?)];
    for (what, list) in [("mean", &optimizer.means), ("square", &optimizer.squares)] {
        for (place, tensor) in list.iter().enumerate() {
            tensors.push((format!("{what}.{place}"), tensor.f_to_device(tch::Device::Cpu)?.f_contiguous()?));
        }
    }
    let beside = path.with_extension("making");
    let file = |source| ModelError::File { path: beside.clone(), source };
    let bytes = Tensor::write_safetensors(&tensors, &beside)
        .map_err(ModelError::from)
        .and_then(|()| std::fs::read(&beside).map_err(file));
    let _ = std::fs::remove_file(&beside);
    bytes
}

/// Reads what [`to_bytes`] made.
///
/// # Errors
/// LibTorch's; a text when it is of other weights. The optimizer may have been read in part.
pub fn read(optimizer: &mut Optimizer, path: &Path) -> Result<(), String> {
    let text = |error: TchError| error.to_string();
    let mut wanted = 0;
    for (name, from) in Tensor::read_safetensors(path).map_err(text)? {
        if name == STEPS {
            optimizer.steps = from.f_int64_value(&[0]).map_err(text)? as u64;
            continue;
        }
        let (what, place) = name.split_once('.').unwrap_or_default();
        let list = if what == "mean" { &mut optimizer.means } else { &mut optimizer.squares };
        let to = place.parse().ok().and_then(|place: usize| list.get_mut(place));
        let to = to.filter(|to| to.size() == from.size()).ok_or_else(|| format!("{name} is of other weights"))?;
        to.f_copy_(&from).map_err(text)?;
        wanted += 1;
    }
    let all = optimizer.means.len() + optimizer.squares.len();
    if wanted == all { Ok(()) } else { Err(format!("it has {wanted} tensors, not {all}")) }
}
