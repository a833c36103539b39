//! Weights from elsewhere to start from: safetensors, or PyTorch's `.pth` and `.pt` (the zip format and the one before).
//!
//! Names are the network's, as torchvision's ResNets have them, or these after a prefix (`module.`, `state_dict.`). The
//! classifier is read when the file's class names, as far as it says them, are the network's in the same order: as many classes are no
//! sign that they are the same ones.

use crate::error::ModelError;
use crate::network::interpreter::Network;
use crate::weights::{COUNTER, Loaded, apply, complete, open};
use burn::store::{ModuleStore as _, SafetensorsStore};
use burn::tensor::DType;
use plugin_api::runs::{ModelCard, read_json};
use pytorch_reader::PytorchReader;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// A tensor of a file: shape, and numbers of 32 bits one after the other.
struct Tensor {
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

type Tensors = BTreeMap<String, Tensor>;

/// Reads weights into a network whose outputs are `classes`. Says what was read and what was not.
///
/// # Errors
/// [`ModelError::File`] when there is no such file; [`ModelError::Weights`] when it is broken, or a tensor other than
/// the classifier's is missing or of another shape.
pub fn load(network: Network, classes: &[String], path: &Path) -> Result<(Network, Loaded), ModelError> {
    let broken = |problem: String| ModelError::Weights { path: path.to_owned(), problem };
    let old = path.extension().is_some_and(|e| e == "pth" || e == "pt");
    let mut tensors = if old { pytorch(path)? } else { safetensors(path)? };
    let wanted = network.graph().weights();
    strip_prefix(&mut tensors, &wanted[0].name);

    let classifier: Vec<String> = network.graph().classifier().weights().into_iter().map(|w| w.name).collect();
    let same_classes = class_names(path).is_some_and(|names| names == classes);
    let fits = same_classes
        && wanted.iter().filter(|w| classifier.contains(&w.name)).all(|w| {
            let shape: Vec<u64> =
                tensors.get(&w.name).map_or(Vec::new(), |t| t.shape.iter().map(|s| *s as u64).collect());
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

/// The classes of a file, in the order of the classifier's rows: as `export-model` writes them into safetensors, or as the card of a
/// model's folder says them.
fn class_names(path: &Path) -> Option<Vec<String>> {
    in_header(path).or_else(|| {
        let card: ModelCard = read_json(&path.parent()?.join("model.json")).ok()?;
        (path.file_name()? == "model.safetensors").then_some(card.classes)
    })
}

/// What the metadata of a safetensors file says under `classes`.
fn in_header(path: &Path) -> Option<Vec<String>> {
    let mut file = File::open(path).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let length = u64::from_le_bytes(length);
    if path.extension()? != "safetensors" || length > file.metadata().ok()?.len() {
        return None;
    }
    let mut header = vec![0; usize::try_from(length).ok()?];
    file.read_exact(&mut header).ok()?;
    let header: serde_json::Value = serde_json::from_slice(&header).ok()?;
    serde_json::from_str(header["__metadata__"]["classes"].as_str()?).ok()
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
    File::open(path).map_err(|source| ModelError::File { path: path.to_owned(), source })?;
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
    use crate::network::{Architecture, Shape};
    use crate::weights;
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

    fn names(classes: &[&str]) -> Vec<String> {
        classes.iter().map(|name| (*name).to_owned()).collect()
    }

    /// Made by tests/peers/torchvision_vectors.py: the zip format, the one before, and a checkpoint of a parallel
    /// network; all with the same numbers, for 3 classes that they do not name.
    #[test]
    fn pytorchs_formats_hold_the_same() {
        let read = |name: &str| load(network(3, 1), &names(&["a", "b", "c"]), &fixture(name)).unwrap();
        let (zip, loaded) = read("tiny.pth");
        assert_eq!((loaded.read.len(), loaded.kept.len(), loaded.unused.len()), (5, 2, 2), "{loaded:?}");
        for name in ["tiny-old.pth", "tiny-checkpoint.pt"] {
            let (other, loaded) = read(name);
            assert_eq!(first(&zip), first(&other), "{name}");
            assert_eq!(loaded.read.len(), 5);
        }
    }

    #[test]
    fn changed_network_keeps_same_names_and_shapes() {
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
    fn classifier_is_read_only_where_classes_are_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let [path, exported] = ["model.safetensors", "exported.safetensors"].map(|name| folder.path().join(name));
        let trained = network(3, 1);
        weights::save(&trained, &path).unwrap();
        let start = |path: &Path, classes: &[&str]| load(network(3, 9), &names(classes), path).unwrap();
        let (drawn, loaded) = start(&path, &["a", "b", "c"]);
        assert_eq!(first(&drawn).1, first(&network(3, 9)).1, "three classes of an unknown kind are not our three");
        assert_eq!((loaded.read.len(), &loaded.kept[..]), (5, &["fc.weight".to_owned(), "fc.bias".to_owned()][..]));
        assert_eq!(loaded.unused, ["fc.bias", "fc.weight"]);

        let card = serde_json::json!({"architecture": "tiny", "size_px": 16, "resize_mode": "stretch", "classes": ["a", "b", "c"],
            "run": "r", "digest": "", "labels": "single", "temperature": null, "definition": TINY, "backbone": null});
        std::fs::write(folder.path().join("model.json"), card.to_string()).unwrap();
        assert_eq!(first(&start(&path, &["a", "b", "c"]).0), first(&trained));
        for others in [["a", "c", "b"], ["a", "b", "d"]] {
            assert_eq!(start(&path, &others).1.kept.len(), 2, "{others:?}");
        }
        let header = |file: &[u8]| u64::from_le_bytes(*file.first_chunk::<8>().unwrap()) as usize;
        let file = std::fs::read(&path).unwrap();
        let mut text: serde_json::Value = serde_json::from_slice(&file[8..8 + header(&file)]).unwrap();
        text["__metadata__"]["classes"] = "[\"a\",\"b\",\"c\"]".into();
        let text = text.to_string();
        let with_names = [&(text.len() as u64).to_le_bytes(), text.as_bytes(), &file[8 + header(&file)..]].concat();
        std::fs::write(&exported, with_names).unwrap();
        assert_eq!(first(&start(&exported, &["a", "b", "c"]).0), first(&trained));
        assert_eq!(start(&exported, &["x", "y", "z"]).1.kept.len(), 2);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_file_and_reason() {
        let folder = tempfile::tempdir().unwrap();
        let error =
            |network: Network, path: &Path| load(network, &names(&["a", "b", "c"]), path).err().unwrap().to_string();
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
