//! The same thresholds, confident joint and suspects as cleanlab's: vectors made by `tests/peers/cleanlab_vectors.py`.
#![cfg(test)]

use plugin_label_errors::{REGISTRY, find_by};
use serde_json::Value;

const VECTORS: &str = include_str!("vectors.json");

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

fn whole(value: &Value) -> Vec<u64> {
    list(value).iter().map(|number| number.as_u64().unwrap()).collect()
}

fn matrix(value: &Value) -> Vec<Vec<u64>> {
    list(value).iter().map(whole).collect()
}

#[test]
fn suspects_are_those_of_cleanlab() {
    let cases: Value = serde_json::from_str(VECTORS).unwrap();
    assert_eq!(list(&cases).len(), 8);
    let mut suspected = 0;
    for case in list(&cases) {
        let name = &case["name"];
        let classes = case["classes"].as_u64().unwrap() as usize;
        let given: Vec<u32> = whole(&case["given"]).into_iter().map(|label| label as u32).collect();
        let rows = matrix(&case["probabilities_65536"]);
        let rows: Vec<Vec<f32>> = rows.iter().map(|row| row.iter().map(|p| *p as f32 / 65536.0).collect()).collect();
        for filter in REGISTRY.iter().filter(|filter| filter.name() != "odds") {
            let report = find_by(*filter, &rows, &given, classes).unwrap();
            let mut found: Vec<u64> = report.suspects.iter().map(|suspect| suspect.index as u64).collect();
            assert!(report.suspects.is_sorted_by(|a, b| a.self_confidence <= b.self_confidence));
            found.sort_unstable();
            assert_eq!(found, whole(&case["suspects"][filter.name()]), "{name}, {}", filter.name());
            suspected += found.len();

            assert_eq!(report.joint.confident, matrix(&case["confident"]), "{name}");
            assert_eq!(report.joint.calibrated, matrix(&case["calibrated"]), "{name}");
            for (found, expected) in report.joint.thresholds.iter().zip(list(&case["thresholds"])) {
                // cleanlab writes 2 where a class has no image.
                let found = found.unwrap_or(2.0);
                assert!((found - expected.as_f64().unwrap()).abs() < 1e-8, "{name}: {found} {expected}");
            }
        }
    }
    assert!(suspected > 1_000, "{suspected}");
}
