//! Model cards and run manifests for tests of those who read them: the fields that matter to a test instead of all.

use crate::labels::Labels;
use crate::message::Text;
use crate::resize_mode::ResizeMode;
use crate::runs::{ModelCard, RunManifest};

/// Card of a small-cnn for stretched images of 32 px with one class each, without temperature and backbone; the digest is empty.
pub fn card(run: &str, classes: &[&str]) -> ModelCard {
    ModelCard {
        architecture: "small-cnn".to_owned(),
        definition: None,
        size_px: 32,
        resize_mode: ResizeMode::Stretch,
        classes: classes.iter().map(ToString::to_string).collect(),
        labels: Labels::Single,
        run: run.to_owned(),
        digest: String::new(),
        temperature: None,
        backbone: None,
    }
}

/// Manifest of a first run of four epochs that leads to such a card: of version 1 of the data set, without counts, options or a
/// reason.
pub fn manifest(id: &str, classes: &[&str]) -> RunManifest {
    RunManifest {
        id: id.to_owned(),
        started_ms: 0,
        reason: Text::default(),
        parent: None,
        architecture: "small-cnn".to_owned(),
        definition: None,
        backbone: None,
        size_px: 32,
        resize_mode: ResizeMode::Stretch,
        classes: classes.iter().map(ToString::to_string).collect(),
        labels: Labels::Single,
        version: 1,
        fingerprint: "f".to_owned(),
        counts: Vec::new(),
        epochs: 4,
        batch_size: 8,
        seed: 1,
        device: "flex".to_owned(),
        options: serde_json::Value::Null,
        code: "0".to_owned(),
    }
}
