//! Scores and flags as CleanVision has them: vectors made by `tests/peers/cleanvision_vectors.py` from the images of
//! `tests/fixtures/openclipart8`.
#![cfg(test)]

use plugin_check::{Facts, REGISTRY, Set, scores};
use serde_json::Value;
use std::path::Path;

const VECTORS: &str = include_str!("vectors.json");

/// Largest distance of a score, and the mean of all: decoders round differently, and larger images are sampled.
const BOUNDS: &[(&str, f64, f64)] = &[
    ("dark", 0.003, 0.0001),
    ("bright", 0.006, 0.001),
    ("blur", 0.025, 0.003),
    ("information", 0.008, 0.0015),
    ("odd_size", 1e-5, 1e-5),
    ("odd_aspect", 1e-5, 1e-5),
];

/// Means of squares, rounded down, edges repeated.
fn boxed(width: usize, height: usize, rgb: &[u8], radius: isize) -> Vec<u8> {
    let at = |x: isize, y: isize, c: usize| {
        let (x, y) = (x.clamp(0, width as isize - 1) as usize, y.clamp(0, height as isize - 1) as usize);
        u32::from(rgb[(y * width + x) * 3 + c])
    };
    let side = 2 * radius + 1;
    let mut out = Vec::with_capacity(rgb.len());
    for (y, x) in (0..height as isize).flat_map(|y| (0..width as isize).map(move |x| (y, x))) {
        for c in 0..3 {
            let sum: u32 = (0..side * side).map(|i| at(x + i % side - radius, y + i / side - radius, c)).sum();
            out.push((sum / (side * side) as u32) as u8);
        }
    }
    out
}

/// The same edits as in the script.
fn edited(edit: &str, width: usize, height: usize, rgb: Vec<u8>) -> (usize, Vec<u8>) {
    let all = |f: fn(u8) -> u8| rgb.iter().map(|v| f(*v)).collect();
    let pixels = match edit {
        "" => rgb,
        "dark" => all(|v| v / 4),
        "washed" => all(|v| 240 + v / 17),
        "blurred" => boxed(width, height, &rgb, 9),
        "fog" => {
            let slope = |i: usize| (i / 3 % width * 130 / width) as u8;
            boxed(width, height, &rgb, 9).iter().enumerate().map(|(i, v)| v / 8 + slope(i)).collect()
        }
        "posterized" => all(|v| v / 128 * 128),
        "strip" => {
            let rows = (height / 4).max(1);
            return (rows, rgb[..rows * width * 3].to_vec());
        }
        other => unreachable!("{other}"),
    };
    (height, pixels)
}

#[test]
fn scores_and_flags_are_those_of_cleanvision() {
    let cases: Value = serde_json::from_str(VECTORS).unwrap();
    let cases = cases.as_array().unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/openclipart8");
    assert!(cases.iter().filter(|c| c["edit"] == "").count() >= 200);
    let mut facts = Vec::new();
    for case in cases {
        let bytes = std::fs::read(folder.join(case["file"].as_str().unwrap())).unwrap();
        let image = plugin_decode::decode(&bytes, &plugin_decode::Limits::default()).unwrap();
        let (width, height) = (image.width, image.height);
        let edit = case["edit"].as_str().unwrap();
        let (height, rgb) = edited(edit, width as usize, height as usize, image.pixels);
        let height = height as u32;
        facts.push(Facts { width, height, scores: scores(width, height, &rgb).unwrap() });
    }
    let set = Set::of(facts.iter().map(|f| (f.width, f.height)));
    for (check, (name, most, mean)) in REGISTRY.iter().zip(sorted()) {
        assert_eq!(check.name, name);
        let (mut sum, mut largest, mut both, mut ours, mut theirs) = (0.0, 0.0f64, 0, 0, 0);
        for (case, facts) in cases.iter().zip(&facts) {
            let expected = case["scores"][name].as_f64().unwrap();
            let score = f64::from((check.score)(facts, &set));
            let apart = (score - expected).abs();
            sum += apart;
            largest = largest.max(apart);
            let flagged = case["flags"].as_array().unwrap().iter().any(|f| f == name);
            match (check.flags(facts, &set), flagged) {
                (true, true) => both += 1,
                (true, false) => ours += 1,
                (false, true) => theirs += 1,
                (false, false) => {}
            }
            // Where the two disagree, the score is within reach of the limit.
            assert!(
                check.flags(facts, &set) == flagged || (expected - f64::from(check.threshold)).abs() <= most,
                "{} {}: {name} {score} against {expected}",
                case["file"],
                case["edit"]
            );
        }
        let average = sum / cases.len() as f64;
        eprintln!(
            "{name}: {both} flagged by both, {ours} only here, {theirs} only there; scores {largest:.4} apart at most, \
             {average:.5} on average"
        );
        assert!(largest <= most && average <= mean, "{name}: {largest} {average}");
        assert!(both >= 10 && ours + theirs <= 2, "{name}: {both} {ours} {theirs}");
    }
}

/// The bounds in the order of the checks.
fn sorted() -> impl Iterator<Item = (&'static str, f64, f64)> {
    REGISTRY.iter().map(|check| *BOUNDS.iter().find(|(name, ..)| *name == check.name).unwrap())
}
