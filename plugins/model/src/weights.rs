//! Weights on disk: safetensors with PyTorch's names and layout.
//! Format: <https://github.com/huggingface/safetensors#format>

pub mod file;
pub mod pretrained;

use crate::error::ModelError;
use crate::network::interpreter::Network;
use burn::module::{Module, Param};
use burn::store::{ApplyResult, ModuleSnapshot as _, ModuleStore as _, SafetensorsStore, bridge};
use burn::tensor::{DType, Tensor, TensorData};
use std::collections::HashMap;
use std::path::Path;

/// PyTorch counts batches here; nothing uses the count.
pub(crate) const COUNTER: &str = ".num_batches_tracked";

/// Writes the weights whole or not at all, and returns the BLAKE3 digest of the file.
///
/// # Errors
/// [`ModelError::File`] or [`ModelError::Weights`].
pub fn save(network: &Network, path: &Path) -> Result<String, ModelError> {
    let bytes = bytes(network).map_err(|problem| ModelError::Weights { path: path.to_owned(), problem })?;
    plugin_api::files::write_atomically(path, &bytes)
        .map_err(|source| ModelError::File { path: path.to_owned(), source })?;
    Ok(blake3::hash(&bytes).to_hex().to_string())
}

/// The weights as they are written.
pub(crate) fn bytes(network: &Network) -> Result<Vec<u8>, String> {
    // The copy for inference: it holds the running figures of the last step too.
    let network = network.valid();
    // One entry, because the store writes them in no certain order and equal weights should give equal files.
    let mut store =
        SafetensorsStore::from_bytes(None).clear_metadata().metadata("format", "pt").skip_enum_variants(true);
    network.save_into(&mut store).and_then(|()| store.get_bytes()).map_err(|e| e.to_string())
}

/// Reads weights into a network of the same architecture and classes.
///
/// # Errors
/// [`ModelError::File`] when there is no such file; [`ModelError::Weights`] when it is broken, when its digest is not
/// `digest`, or when a tensor is missing, left over or of another shape.
pub fn load(network: Network, path: &Path, digest: Option<&str>) -> Result<Network, ModelError> {
    let broken = |problem: String| ModelError::Weights { path: path.to_owned(), problem };
    let mut store = open(path, digest)?;
    let (network, result) = apply(network, &mut store).map_err(broken)?;
    complete(&result).map_err(broken)?;
    Ok(network)
}

/// Reads weights into a network that may have other classes. Rows of the classifier go by class name; rows of classes
/// the file does not know stay as they are. Returns the classes that were known.
///
/// # Errors
/// As [`load`].
pub fn start_from(
    network: Network,
    classes: &[String],
    path: &Path,
    old_classes: &[String],
) -> Result<(Network, Vec<String>), ModelError> {
    let broken = |problem: String| ModelError::Weights { path: path.to_owned(), problem };
    let classifier_name = network.classifier_name().to_owned();
    let (mut network, mut store, _) = all_but_classifier(network, path, None)?;

    let old_rows: HashMap<&str, usize> = old_classes.iter().enumerate().map(|(row, name)| (&name[..], row)).collect();
    let pairs: Vec<(usize, usize)> =
        classes.iter().enumerate().filter_map(|(new, name)| Some((new, *old_rows.get(&name[..])?))).collect();
    let classifier = network.classifier_mut();
    let mut rows = |name: &str| tensor(&mut store, &format!("{classifier_name}.{name}"), old_classes.len());
    classifier.weight = copy_rows(&classifier.weight, &rows("weight").map_err(broken)?, &pairs).map_err(broken)?;
    if let Some(bias) = &mut classifier.bias {
        *bias = copy_rows(bias, &rows("bias").map_err(broken)?, &pairs).map_err(broken)?;
    }
    Ok((network, pairs.iter().map(|&(new, _)| classes[new].clone()).collect()))
}

/// What came of reading weights into a network that has a classifier of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Tensors that were read.
    pub read: Vec<String>,
    /// Tensors of the network that are as they were: the classifier's.
    pub kept: Vec<String>,
    /// Tensors of the file that were not used: the classifier's, and counters.
    pub unused: Vec<String>,
}

impl std::fmt::Display for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { read, kept, unused } = self;
        let counters = unused.iter().filter(|name| name.ends_with(COUNTER)).count();
        let left: Vec<&str> = unused.iter().map(|n| &n[..]).filter(|n| !n.ends_with(COUNTER)).collect();
        let all = |names: String| if names.is_empty() { "none".to_owned() } else { names };
        write!(f, "{} tensors read, all but {}; ", read.len(), all(kept.join(", ")))?;
        write!(f, "of the file, {} and {counters} counters not used", all(left.join(", ")))
    }
}

/// Reads all weights but those of the classifier, which stay as they were drawn: for features alone, or for other
/// classes than the file's. Says what was read and what was not.
///
/// # Errors
/// As [`load`].
pub fn load_features(network: Network, path: &Path, digest: Option<&str>) -> Result<(Network, Loaded), ModelError> {
    let (network, _, loaded) = all_but_classifier(network, path, digest)?;
    Ok((network, loaded))
}

/// The network, the file still open, and what was read.
fn all_but_classifier(
    network: Network,
    path: &Path,
    digest: Option<&str>,
) -> Result<(Network, SafetensorsStore, Loaded), ModelError> {
    let broken = |problem: String| ModelError::Weights { path: path.to_owned(), problem };
    let classifier = network.graph().classifier().weights();
    let wanted = network.graph().weights().into_iter().filter(|w| !classifier.contains(w)).map(|w| w.name);
    let mut store = open(path, digest)?.with_full_paths(wanted);
    let (network, mut result) = apply(network, &mut store).map_err(broken)?;
    // A file of features alone has none.
    result.missing.retain(|(name, _)| classifier.iter().all(|weight| weight.name != *name));
    complete(&result).map_err(broken)?;
    let in_file = store.get_all_tensors().map_err(|e| broken(e.to_string()))?.keys();
    let mut unused: Vec<String> = in_file.filter(|name| !result.applied.contains(name)).cloned().collect();
    unused.sort();
    let loaded = Loaded { read: result.applied, kept: result.skipped, unused };
    Ok((network, store, loaded))
}

/// Reads what [`bytes`] made.
///
/// # Errors
/// A text.
pub(crate) fn read(network: Network, bytes: Vec<u8>) -> Result<Network, String> {
    let (network, result) = apply(network, &mut store(bytes)?)?;
    complete(&result)?;
    Ok(network)
}

pub(crate) fn open(path: &Path, digest: Option<&str>) -> Result<SafetensorsStore, ModelError> {
    let bytes = std::fs::read(path).map_err(|source| ModelError::File { path: path.to_owned(), source })?;
    let broken = |problem: String| ModelError::Weights { path: path.to_owned(), problem };
    if let Some(digest) = digest {
        let found = blake3::hash(&bytes).to_hex();
        if found.as_str() != digest {
            return Err(broken(format!("the file's digest is {found}, not {digest}: it was changed or is broken")));
        }
    }
    store(bytes).map_err(broken)
}

fn store(bytes: Vec<u8>) -> Result<SafetensorsStore, String> {
    let mut store =
        SafetensorsStore::from_bytes(Some(bytes)).skip_enum_variants(true).allow_partial(true).validate(false);
    let tensors = store.get_all_tensors().map_err(|e| e.to_string())?;
    match tensors.iter().find(|(name, tensor)| tensor.dtype != DType::F32 && !name.ends_with(COUNTER)) {
        Some((name, tensor)) => Err(format!("{name} is {:?}; only F32 is read", tensor.dtype)),
        None => Ok(store),
    }
}

pub(crate) fn apply(mut network: Network, store: &mut SafetensorsStore) -> Result<(Network, ApplyResult), String> {
    let result = network.load_from(store).map_err(|e| e.to_string())?;
    Ok((network, result))
}

/// Refuses a result with anything missing, left over or wrong.
pub(crate) fn complete(result: &ApplyResult) -> Result<(), String> {
    let missing: Vec<&str> = result.missing.iter().map(|(name, _)| &name[..]).collect();
    let unused: Vec<&str> = result.unused.iter().map(|n| &n[..]).filter(|n| !n.ends_with(COUNTER)).collect();
    let errors: Vec<String> = result.errors.iter().map(ToString::to_string).collect();
    let mut problems = Vec::new();
    for (what, names) in [("missing", missing), ("not of this network", unused)] {
        if !names.is_empty() {
            problems.push(format!("{} tensors {what}: {}", names.len(), short(&names)));
        }
    }
    if !errors.is_empty() {
        problems.push(short(&errors.iter().map(|e| &e[..]).collect::<Vec<_>>()));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
}

fn short(names: &[&str]) -> String {
    const SHOWN: usize = 5;
    let more = if names.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", names[..names.len().min(SHOWN)].join(", "))
}

fn tensor(store: &mut SafetensorsStore, name: &str, rows: usize) -> Result<TensorData, String> {
    let packed = store.get_tensor(name).map_err(|e| e.to_string())?.ok_or_else(|| format!("{name} is missing"))?;
    let data = bridge::to_data(packed).map_err(|e| e.to_string())?;
    match data.shape().first() {
        Some(&found) if found == rows => Ok(data),
        _ => Err(format!("{name} has the shape {:?}; the first should be the {rows} classes", data.shape())),
    }
}

/// Replaces rows of a parameter: `pairs` are (row here, row in `old`).
fn copy_rows<const D: usize>(
    param: &Param<Tensor<D>>,
    old: &TensorData,
    pairs: &[(usize, usize)],
) -> Result<Param<Tensor<D>>, String> {
    let tensor = param.val();
    let shape = tensor.dims();
    let width: usize = shape[1..].iter().product();
    if old.shape().num_elements() != old.shape()[0] * width {
        return Err(format!("the classifier has the shape {:?}, not {shape:?} but for the classes", old.shape()));
    }
    let old = old.try_to_vec::<f32>().map_err(|e| e.to_string())?;
    let device = tensor.device();
    let mut values = tensor.into_data().try_into_vec::<f32>().map_err(|e| e.to_string())?;
    for &(to, from) in pairs {
        values[to * width..(to + 1) * width].copy_from_slice(&old[from * width..(from + 1) * width]);
    }
    Ok(Param::from_data(TensorData::new(values, shape), &device))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Shape, find, names as architectures};
    use burn::tensor::Device;

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(ToString::to_string).collect()
    }

    fn answer(network: &Network) -> Vec<f32> {
        let x = Tensor::<4>::ones([1, 3, 32, 32], &Device::flex());
        network.valid().forward(x).into_data().try_to_vec::<f32>().unwrap()
    }

    #[test]
    fn every_architecture_survives_the_round_trip() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let (device, shape) = (Device::flex(), Shape { classes: 3, size_px: 32 });
        for name in architectures() {
            let architecture = find(name).unwrap();
            let saved = architecture.network(shape, 1, &device).unwrap();
            let digest = save(&saved, &path).unwrap();
            assert_eq!(digest, save(&saved, &path).unwrap(), "equal weights, equal files");
            let other = architecture.network(shape, 2, &device).unwrap();
            assert_ne!(answer(&saved), answer(&other));
            let loaded = load(other, &path, Some(&digest)).unwrap();
            assert_eq!(answer(&saved), answer(&loaded), "{name}");
        }
    }

    #[test]
    fn resnet18_has_torchvisions_names() {
        let network = find("resnet18").unwrap().network(Shape { classes: 3, size_px: 32 }, 1, &Device::flex()).unwrap();
        let mut store = SafetensorsStore::from_bytes(Some(bytes(&network).unwrap()));
        let tensors = store.get_all_tensors().unwrap();
        // torchvision's has 122 with the 20 counters.
        assert_eq!(tensors.len(), 102);
        for (name, shape) in [
            ("conv1.weight", vec![64, 3, 7, 7]),
            ("bn1.running_var", vec![64]),
            ("layer1.0.conv1.weight", vec![64, 64, 3, 3]),
            ("layer2.0.downsample.0.weight", vec![128, 64, 1, 1]),
            ("layer2.0.downsample.1.running_mean", vec![128]),
            ("layer4.1.bn2.bias", vec![512]),
            ("fc.weight", vec![3, 512]),
            ("fc.bias", vec![3]),
        ] {
            assert_eq!(tensors[name].shape.to_vec(), shape, "{name}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let device = Device::flex();
        let network =
            |name: &str, classes| find(name).unwrap().network(Shape { classes, size_px: 32 }, 1, &device).unwrap();
        let digest = save(&network("small-cnn", 3), &path).unwrap();
        let text = |result: Result<Network, ModelError>| result.err().unwrap().to_string();
        let error = text(load(network("small-cnn", 4), &path, None));
        assert!(error.contains("fc.weight") && error.contains("a.safetensors"), "{error}");
        let error = text(load(network("resnet18", 3), &path, None));
        assert!(error.contains("missing") && error.contains("not of this network"), "{error}");
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(text(load(network("small-cnn", 3), &path, Some(&digest))).contains("digest"));
        std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        assert!(load(network("small-cnn", 3), &path, None).is_err());
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(load(network("small-cnn", 3), &path, None), Err(ModelError::File { .. })));
    }

    #[test]
    fn known_classes_keep_rows_and_new_ones_first_weights() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let device = Device::flex();
        let small = find("small-cnn").unwrap();
        let old = small.network(Shape { classes: 3, size_px: 32 }, 1, &device).unwrap();
        save(&old, &path).unwrap();
        let fresh = small.network(Shape { classes: 3, size_px: 32 }, 2, &device).unwrap();
        let first = answer(&small.network(Shape { classes: 3, size_px: 32 }, 2, &device).unwrap());
        let (network, known) = start_from(fresh, &names(&["b", "c", "d"]), &path, &names(&["a", "b", "c"])).unwrap();
        assert_eq!(known, ["b", "c"]);
        let (was, is) = (answer(&old), answer(&network));
        assert_eq!((is[0], is[1]), (was[1], was[2]));
        assert!(is[2] != was[0] && is[2] != first[2], "new row on old features");
        let other = small.network(Shape { classes: 3, size_px: 64 }, 2, &device).unwrap();
        assert!(start_from(other, &names(&["a", "b", "c"]), &path, &names(&["a", "b", "c"])).is_err());
    }
}
