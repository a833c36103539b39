//! Parameters of a `.nnp` by name: HDF5, nnabla's default, or protobuf.

use crate::error::NncError;
use prost::Message as _;
use std::collections::BTreeMap;

/// Numbers of a shape.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tensor {
    /// Its sides.
    pub shape: Vec<u64>,
    /// Row-major.
    pub values: Vec<f32>,
}

/// The part of nnabla's message that holds parameters.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Parameters {
    #[prost(message, repeated, tag = "200")]
    parameter: Vec<Parameter>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Parameter {
    #[prost(string, tag = "1")]
    variable_name: String,
    #[prost(message, optional, tag = "20")]
    shape: Option<Shape>,
    #[prost(float, repeated, packed = "false", tag = "100")]
    data: Vec<f32>,
    #[prost(bool, tag = "101")]
    need_grad: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Shape {
    #[prost(int64, repeated, tag = "1")]
    dim: Vec<i64>,
}

fn broken(what: &dyn std::fmt::Display) -> NncError {
    NncError::Form(format!("its parameters cannot be read: {what}"))
}

/// Reads protobuf.
///
/// # Errors
/// [`NncError::Form`].
pub fn protobuf(bytes: &[u8]) -> Result<BTreeMap<String, Tensor>, NncError> {
    let read = Parameters::decode(bytes).map_err(|e| broken(&e))?;
    let one = |parameter: Parameter| {
        let dims = parameter.shape.unwrap_or_default().dim;
        let shape = dims.iter().map(|side| (*side).max(0) as u64).collect();
        checked(parameter.variable_name, Tensor { shape, values: parameter.data })
    };
    read.parameter.into_iter().map(one).collect()
}

/// Writes protobuf.
pub fn to_protobuf(tensors: &[(String, Tensor, bool)]) -> Vec<u8> {
    let one = |(name, tensor, trainable): &(String, Tensor, bool)| Parameter {
        variable_name: name.clone(),
        shape: Some(Shape { dim: tensor.shape.iter().map(|side| *side as i64).collect() }),
        data: tensor.values.clone(),
        need_grad: *trainable,
    };
    Parameters { parameter: tensors.iter().map(one).collect() }.encode_to_vec()
}

/// Reads HDF5: a group a part of the name.
///
/// # Errors
/// [`NncError::Form`].
pub fn hdf5(bytes: Vec<u8>) -> Result<BTreeMap<String, Tensor>, NncError> {
    let file = hdf5_pure::File::from_bytes(bytes).map_err(|e| broken(&e))?;
    let mut all = BTreeMap::new();
    group(&file.root(), "", 0, &mut all)?;
    Ok(all)
}

fn group(
    group: &hdf5_pure::Group,
    path: &str,
    depth: usize,
    all: &mut BTreeMap<String, Tensor>,
) -> Result<(), NncError> {
    if depth > 64 {
        return Err(broken(&"groups in groups without end"));
    }
    for name in group.datasets().map_err(|e| broken(&e))? {
        let data = group.dataset(&name).map_err(|e| broken(&e))?;
        let shape = data.shape().map_err(|e| broken(&e))?;
        let values = data.read_f32().map_err(|e| broken(&format!("{path}{name}: {e}")))?;
        let (name, tensor) = checked(format!("{path}{name}"), Tensor { shape, values })?;
        all.insert(name, tensor);
    }
    for name in group.groups().map_err(|e| broken(&e))? {
        let inner = group.group(&name).map_err(|e| broken(&e))?;
        self::group(&inner, &format!("{path}{name}/"), depth + 1, all)?;
    }
    Ok(())
}

fn checked(name: String, tensor: Tensor) -> Result<(String, Tensor), NncError> {
    let count = tensor.shape.iter().try_fold(1_u64, |count, side| count.checked_mul(*side));
    if count != Some(tensor.values.len() as u64) {
        return Err(broken(&format!("{name} of {:?} has {} numbers", tensor.shape, tensor.values.len())));
    }
    Ok((name, tensor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protobuf_there_and_back() {
        let tensor = Tensor { shape: vec![2, 3], values: vec![0.5; 6] };
        let bytes = to_protobuf(&[("a/W".to_owned(), tensor.clone(), true)]);
        assert_eq!(protobuf(&bytes).unwrap(), BTreeMap::from([("a/W".to_owned(), tensor)]));
        let wrong = to_protobuf(&[("a/W".to_owned(), Tensor { shape: vec![7], values: vec![1.0] }, true)]);
        assert!(protobuf(&wrong).unwrap_err().to_string().contains("a/W of [7] has 1 numbers"));
    }

    #[test]
    fn what_is_no_hdf5_is_refused() {
        assert!(hdf5(b"nothing".to_vec()).unwrap_err().to_string().contains("cannot be read"));
    }
}
