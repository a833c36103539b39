//! The head says what scikit-learn's says: vectors made by `tests/peers/probe_vectors.py`.
#![cfg(test)]

use plugin_probe::{ProbeOptions, fit};
use serde_json::Value;

const VECTORS: &str = include_str!("vectors.json");
const TOLERANCE: f64 = 1e-3;

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn narrow(list: &Value) -> Vec<f32> {
    numbers(list).into_iter().map(|number| number as f32).collect()
}

#[test]
fn probabilities_are_those_of_scikit_learn() {
    let cases: Value = serde_json::from_str(VECTORS).unwrap();
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let features: Vec<Vec<f32>> = case["features"].as_array().unwrap().iter().map(narrow).collect();
        let targets: Vec<u32> = numbers(&case["targets"]).into_iter().map(|class| class as u32).collect();
        let classes = case["classes"].as_u64().unwrap() as usize;
        let options = ProbeOptions { c: case["c"].as_f64().unwrap(), ..ProbeOptions::default() };
        let head = fit(&features, &targets, &narrow(&case["weights"]), classes, &options).unwrap();
        assert!(head.converged(), "{}", case["name"]);

        let mut furthest = 0.0_f64;
        for (row, expected) in features.iter().zip(case["probabilities"].as_array().unwrap()) {
            let expected = numbers(expected);
            let found = head.probabilities(row);
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                furthest = furthest.max((f64::from(*found) - expected).abs());
            }
        }
        println!("{}: {} steps, largest difference {furthest:.1e}", case["name"], head.iterations());
        assert!(furthest < TOLERANCE, "{}: {furthest}", case["name"]);
    }
}
