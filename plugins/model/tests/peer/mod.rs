//! Numbers that tests/peers/torchvision_vectors.py makes as well, so that weights need not be kept.

use plugin_blocks::{Graph, Weight};
use std::path::{Path, PathBuf};

/// A file of the vectors.
pub fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/torchvision").join(name)
}

/// From -1 to 1: splitmix64 of the name's FNV-1a hash and the place.
pub fn numbers(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let fnv = |state: u64, byte: u8| (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let mut state = name.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
    (0..count).map(move |_| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        (z >> 40) as f64 / f64::from(1 << 23) - 1.0
    })
}

fn values(weight: &Weight) -> Vec<f32> {
    let count: u64 = weight.shape.iter().product();
    let (scale, shift) = match (&weight.shape[..], weight.name.rsplit('.').next()) {
        (_, Some("running_var")) => (0.5, 1.0),
        ([_], Some("weight")) => (0.2, 1.0),
        ([_], _) => (0.1, 0.0),
        (shape, _) => ((3.0 / (count / shape[0]) as f64).sqrt(), 0.0),
    };
    numbers(&weight.name, count as usize).map(|v| (shift + scale * v) as f32).collect()
}

/// A safetensors file of all weights of a graph.
pub fn write_weights(graph: &Graph, path: &Path) {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for weight in graph.weights() {
        let start = data.len();
        data.extend(values(&weight).iter().flat_map(|v| v.to_le_bytes()));
        let entry = serde_json::json!({"dtype": "F32", "shape": weight.shape, "data_offsets": [start, data.len()]});
        header.insert(weight.name, entry);
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(data);
    std::fs::write(path, file).unwrap();
}
