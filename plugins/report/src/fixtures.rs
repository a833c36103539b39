//! What the tests of several sections show.

use plugin_api::runs::RunManifest;
use plugin_metric::{MultilabelPredictions, Predictions};

/// Its classes.
pub const CLASSES: [&str; 6] = ["いらいら", "うきうき", "きゅんきゅん", "しょんぼり", "どきどき", "わくわく"];

/// A run of six classes.
pub fn manifest() -> RunManifest {
    RunManifest {
        id: "20261123-224530-3f2a".to_owned(),
        started_ms: 1_795_473_930_000,
        reason: "12 images were added to きゅんきゅん".into(),
        parent: Some("20261122-101500-77ab".to_owned()),
        architecture: "resnet18".to_owned(),
        definition: None,
        backbone: None,
        size_px: 128,
        resize_mode: plugin_api::ResizeMode::Crop,
        classes: CLASSES.map(str::to_owned).to_vec(),
        labels: plugin_api::Labels::Single,
        version: 41,
        fingerprint: "9f2c51d07be84c1a".to_owned(),
        counts: vec![
            [412, 51, 52, 0],
            [388, 49, 50, 3],
            [301, 40, 41, 3],
            [96, 12, 13, 0],
            [405, 52, 50, 0],
            [1398, 173, 171, 12],
        ],
        epochs: 30,
        batch_size: 32,
        seed: 7,
        device: "libtorch".to_owned(),
        options: serde_json::json!({"optimizer": "sgd", "learning_rate": 0.05, "schedule": {"kind": "cosine",
            "warmup_epochs": 2}, "weight_decay": 5e-4}),
        code: "0.1.0".to_owned(),
    }
}

/// Ten images of three classes, two of them wrong.
pub fn ten() -> Predictions {
    let truth = [0, 0, 0, 0, 1, 1, 1, 2, 2, 2];
    let rows = [
        [0.7, 0.2, 0.1],
        [0.6, 0.3, 0.1],
        [0.2, 0.5, 0.3],
        [0.9, 0.05, 0.05],
        [0.1, 0.8, 0.1],
        [0.45, 0.35, 0.2],
        [0.2, 0.6, 0.2],
        [0.1, 0.1, 0.8],
        [0.3, 0.3, 0.4],
        [0.15, 0.55, 0.3],
    ];
    let mut predictions = Predictions::new(["きゅんきゅん", "bus", "cat"].map(str::to_owned).to_vec());
    for (t, row) in truth.iter().zip(&rows) {
        predictions.push(*t, row).unwrap();
    }
    predictions
}

/// Images of three classes with several labels each; each row is truth and probabilities.
pub fn some(rows: &[([u8; 3], [f32; 3])]) -> MultilabelPredictions {
    let mut tagged = MultilabelPredictions::new(["きゅんきゅん", "bus", "cat"].map(str::to_owned).to_vec());
    for (truth, probabilities) in rows {
        let truth: Vec<usize> = (0..3).filter(|&c| truth[c] == 1).collect();
        tagged.push(&truth, probabilities).unwrap();
    }
    tagged
}
