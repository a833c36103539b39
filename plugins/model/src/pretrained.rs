//! Weights from elsewhere to start from: safetensors, or PyTorch's `.pth` and `.pt` (the zip format and the one before).
//!
//! Names are the network's, as torchvision's ResNets have them, or these after a prefix (`module.`, `state_dict.`). The
//! classifier is read when its shape is the network's, which with other classes it is not.

use crate::weights::{COUNTER, Loaded, apply, complete, open};
use crate::{ModelError, Network};
use burn::store::{ModuleStore as _, SafetensorsStore};
use burn::tensor::DType;
use pytorch_reader::PytorchReader;
use std::collections::BTreeMap;
use std::path::Path;

/// A tensor of a file: shape, and numbers of 32 bits one after the other.
struct Tensor {
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

type Tensors = BTreeMap<String, Tensor>;

/// Reads weights into a network. Says what was read and what was not.
///
/// # Errors
/// [`ModelError::File`] when there is no such file; [`ModelError::Weights`] when it is broken, or a tensor other than
/// the classifier's is missing or of another shape.
pub fn load(network: Network, path: &Path) -> Result<(Network, Loaded), ModelError> {
    let broken = |problem: String| ModelError::Weights { path: path.to_owned(), problem };
    let old = path.extension().is_some_and(|e| e == "pth" || e == "pt");
    let mut tensors = if old { pytorch(path)? } else { safetensors(path)? };
    let wanted = network.graph().weights();
    strip_prefix(&mut tensors, &wanted[0].name);

    let classifier: Vec<String> = network.graph().classifier().weights().into_iter().map(|w| w.name).collect();
    let fits = wanted.iter().filter(|w| classifier.contains(&w.name)).all(|w| {
        let shape: Vec<u64> = tensors.get(&w.name).map_or(Vec::new(), |t| t.shape.iter().map(|s| *s as u64).collect());
        shape == w.shape
    });
    let names = wanted.into_iter().map(|w| w.name);
    let (read, kept): (Vec<String>, Vec<String>) = names.partition(|name| fits || !classifier.contains(name));
    let unused: Vec<String> = tensors.keys().filter(|name| !read.contains(name)).cloned().collect();
    tensors.retain(|name, _| read.contains(name));
    let mut store = SafetensorsStore::from_bytes(Some(to_bytes(&tensors)))
        .skip_enum_variants(true)
        .allow_partial(true)
        .validate(false);
    let (network, mut result) = apply(network, &mut store).map_err(broken)?;
    result.missing.retain(|(name, _)| !kept.contains(name));
    complete(&result).map_err(broken)?;
    Ok((network, Loaded { read, kept, unused }))
}

/// Takes over the weights of another network that have the name and shape of this one's, and says which.
///
/// # Errors
/// [`ModelError::File`] when there is no such file; [`ModelError::Weights`] when it is broken.
pub fn inherit(network: Network, path: &Path) -> Result<(Network, Loaded), ModelError> {
    let broken = |problem: String| ModelError::Weights { path: path.to_owned(), problem };
    let mut tensors = safetensors(path)?;
    let wanted: BTreeMap<String, Vec<u64>> = network.graph().weights().into_iter().map(|w| (w.name, w.shape)).collect();
    let shape = |tensor: &Tensor| tensor.shape.iter().map(|s| *s as u64).collect::<Vec<_>>();
    let all: Vec<String> = tensors.keys().cloned().collect();
    tensors.retain(|name, tensor| wanted.get(name).is_some_and(|wanted| *wanted == shape(tensor)));
    let read: Vec<String> = tensors.keys().cloned().collect();
    let kept = wanted.into_keys().filter(|name| !tensors.contains_key(name)).collect();
    let unused = all.into_iter().filter(|name| !tensors.contains_key(name)).collect();
    let mut store = SafetensorsStore::from_bytes(Some(to_bytes(&tensors)))
        .skip_enum_variants(true)
        .allow_partial(true)
        .validate(false);
    let (network, _) = apply(network, &mut store).map_err(broken)?;
    Ok((network, Loaded { read, kept, unused }))
}

fn safetensors(path: &Path) -> Result<Tensors, ModelError> {
    let broken = |problem: String| ModelError::Weights { path: path.to_owned(), problem };
    let mut store = open(path, None)?;
    let mut tensors = Tensors::new();
    for (name, tensor) in store.get_all_tensors().map_err(|e| broken(e.to_string()))? {
        if tensor.dtype == DType::F32 {
            let bytes = tensor.to_bytes().map_err(|e| broken(format!("{name}: {e:?}")))?;
            tensors.insert(name.clone(), Tensor { shape: tensor.shape.to_vec(), bytes: bytes.to_vec() });
        }
    }
    Ok(tensors)
}

fn pytorch(path: &Path) -> Result<Tensors, ModelError> {
    let broken = |problem: String| ModelError::Weights { path: path.to_owned(), problem };
    std::fs::File::open(path).map_err(|source| ModelError::File { path: path.to_owned(), source })?;
    let reader = PytorchReader::new(path).map_err(|e| broken(e.to_string()))?;
    let mut tensors = Tensors::new();
    for (name, tensor) in reader.into_tensors() {
        if name.ends_with(COUNTER) {
            continue;
        }
        if tensor.dtype() != pytorch_reader::DType::F32 {
            return Err(broken(format!("{name} is {:?}; only F32 is read", tensor.dtype())));
        }
        let bytes = tensor.read().map_err(|e| broken(e.to_string()))?;
        tensors.insert(name, Tensor { shape: tensor.shape().to_vec(), bytes });
    }
    Ok(tensors)
}

/// Takes off what stands before the network's names, `module.` of a parallel one or `state_dict.` of a checkpoint.
fn strip_prefix(tensors: &mut Tensors, first: &str) {
    let longer =
        |name: &&String| name.strip_suffix(first).is_some_and(|prefix| prefix.is_empty() || prefix.ends_with('.'));
    let Some(prefix) = tensors.keys().filter(longer).min_by_key(|name| name.len()) else { return };
    let prefix = prefix[..prefix.len() - first.len()].to_owned();
    let stripped = |(name, tensor): (String, Tensor)| match name.strip_prefix(&prefix) {
        Some(rest) => (rest.to_owned(), tensor),
        None => (name, tensor),
    };
    *tensors = std::mem::take(tensors).into_iter().map(stripped).collect();
}

/// As safetensors: <https://github.com/huggingface/safetensors#format>
fn to_bytes(tensors: &Tensors) -> Vec<u8> {
    let mut entries = Vec::new();
    let mut data = Vec::new();
    for (name, Tensor { shape, bytes }) in tensors {
        let offsets = [data.len(), data.len() + bytes.len()];
        // Names are the network's own, which have no quotes.
        entries.push(format!("\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape:?},\"data_offsets\":{offsets:?}}}"));
        data.extend_from_slice(bytes);
    }
    let header = format!("{{{}}}", entries.join(","));
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.into_bytes());
    file.extend(data);
    file
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Architecture, Shape, weights};
    use burn::tensor::Device;

    const TINY: &str = "blocks: [{convolution: 2, kernel: 3, stride: 8, bias: false, name: conv1},
        {batch-normalization, name: bn1}, {affine: classes, name: fc}]";

    fn network(classes: usize, seed: u64) -> Network {
        let shape = Shape { classes, size_px: 16 };
        Architecture::of("tiny", Some(TINY)).unwrap().network(shape, seed, &Device::flex()).unwrap()
    }

    fn fixture(name: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/torchvision").join(name)
    }

    /// Convolution and classifier, first number each.
    fn first(network: &Network) -> (Vec<u8>, f32) {
        let bytes = weights::bytes(network).unwrap();
        let classifier = network.classifier().weight.val().into_data().try_to_vec::<f32>().unwrap();
        (bytes, classifier[0])
    }

    /// Made by tests/peers/torchvision_vectors.py: the zip format, the one before, and a checkpoint of a parallel
    /// network; all with the same numbers, for 3 classes.
    #[test]
    fn pytorchs_formats_hold_the_same() {
        let read = |name: &str, classes| load(network(classes, 1), &fixture(name)).unwrap();
        let (zip, loaded) = read("tiny.pth", 3);
        assert_eq!((loaded.read.len(), loaded.kept.len(), loaded.unused.len()), (7, 0, 0), "{loaded:?}");
        for name in ["tiny-old.pth", "tiny-checkpoint.pt"] {
            let (other, loaded) = read(name, 3);
            assert_eq!(first(&zip), first(&other), "{name}");
            assert_eq!(loaded.read.len(), 7);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        weights::save(&zip, &path).unwrap();
        assert_eq!(first(&load(network(3, 9), &path).unwrap().0), first(&zip));
    }

    #[test]
    fn a_changed_network_takes_over_what_has_the_same_name_and_shape() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let parent = network(3, 9);
        weights::save(&parent, &path).unwrap();
        let changed = TINY
            .replace("convolution: 2", "convolution: 4")
            .replace("bn1},", "bn1}, {convolution: 2, kernel: 1, name: conv2},");
        let shape = Shape { classes: 3, size_px: 16 };
        let child = Architecture::of("child", Some(&changed)).unwrap().network(shape, 1, &Device::flex()).unwrap();
        let (child, loaded) = inherit(child, &path).unwrap();
        assert_eq!(loaded.read, ["fc.bias", "fc.weight"]);
        assert_eq!((loaded.kept.len(), loaded.unused.len()), (7, 5), "{loaded:?}");
        assert_eq!(first(&child).1, first(&parent).1);
        assert!(inherit(network(3, 1), &folder.path().join("nowhere.safetensors")).is_err());
    }

    #[test]
    fn a_classifier_of_other_classes_stays_as_it_was_drawn() {
        let drawn = first(&network(5, 1)).1;
        let (network, loaded) = load(network(5, 1), &fixture("tiny.pth")).unwrap();
        assert_eq!(first(&network).1, drawn);
        assert_eq!((loaded.read.len(), &loaded.kept[..]), (5, &["fc.weight".to_owned(), "fc.bias".to_owned()][..]));
        assert_eq!(loaded.unused, ["fc.bias", "fc.weight"]);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_file_and_reason() {
        let folder = tempfile::tempdir().unwrap();
        let error = |network: Network, path: &Path| load(network, path).err().unwrap().to_string();
        let resnet = crate::network::find("resnet18").unwrap();
        let resnet = resnet.network(Shape { classes: 2, size_px: 32 }, 1, &Device::flex()).unwrap();
        let found = error(resnet, &fixture("tiny.pth"));
        assert!(found.contains("tiny.pth") && found.contains("missing: ") && found.contains("layer1.0"), "{found}");
        assert!(error(network(3, 1), &folder.path().join("no.pth")).contains("no.pth"));
        let path = folder.path().join("cut.pth");
        let whole = std::fs::read(fixture("tiny.pth")).unwrap();
        for length in [0, 10, whole.len() / 2, whole.len() - 30] {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(error(network(3, 1), &path).contains("cut.pth"));
        }
    }
}
