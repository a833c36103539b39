//! What decided the run: enough to repeat it.

use super::format::{count, duration, utc};
use maud::{Markup, html};
use plugin_api::runs::{Finished, RunManifest};
use serde_json::Value;

pub fn section(manifest: &RunManifest, finished: Option<&Finished>) -> Markup {
    html! {
        section {
            h2 { "Configuration" }
            dl.configuration {
                @for (name, value) in rows(manifest, finished) { div { dt { (name) } dd { (value) } } }
            }
        }
    }
}

fn rows(m: &RunManifest, finished: Option<&Finished>) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> = [
        ("Started", utc(m.started_ms)),
        ("Because", m.reason.clone()),
        ("Architecture", m.architecture.clone()),
        ("Weights from", m.parent.clone().unwrap_or_else(|| "scratch".to_owned())),
        ("Input", format!("{0} × {0} px, {1}", m.size_px, m.resize_mode)),
        ("Labels", m.labels.to_string()),
        ("Epochs", count(m.epochs)),
        ("Batch size", m.batch_size.to_string()),
        ("Seed", m.seed.to_string()),
        ("Device", m.device.clone()),
        ("Data", format!("version {}, {}", m.version, m.fingerprint)),
        ("Program", m.code.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    if let Some(f) = finished {
        let rate = if f.seconds > 0.0 { f.samples as f64 / f.seconds } else { 0.0 };
        rows.push(("Trained".to_owned(), format!("{} for {} epochs", duration(f.seconds), count(f.epochs))));
        rows.push(("Speed".to_owned(), format!("{rate:.1} pictures a second, {} in all", count(f.samples))));
        rows.push(("Weights".to_owned(), f.uri.clone()));
        rows.push(("Their BLAKE3".to_owned(), f.digest.clone()));
    }
    flatten("", &m.options, &mut rows);
    rows
}

/// The options, nested ones as `schedule.warmup_steps`.
fn flatten(name: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (key, field) in fields {
                flatten(&if name.is_empty() { key.clone() } else { format!("{name}.{key}") }, field, rows);
            }
        }
        Value::Null => {}
        Value::String(text) => rows.push((name.to_owned(), text.clone())),
        other => rows.push((name.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_options_are_named_by_their_path() {
        let mut rows = Vec::new();
        let options = serde_json::json!({"lr": 0.1, "schedule": {"kind": "cosine"}, "none": null});
        flatten("", &options, &mut rows);
        let names: Vec<&str> = rows.iter().map(|r| r.0.as_str()).collect();
        assert_eq!(names, ["lr", "schedule.kind"]);
        assert_eq!(rows[1].1, "cosine");
    }
}
