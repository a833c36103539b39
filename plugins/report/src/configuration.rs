//! What decided the run: enough to repeat it.

use super::Words;
use super::format::{count, utc};
use maud::{Markup, html};
use plugin_api::runs::{Finished, RunManifest};
use plugin_api::{Language, Message};
use serde_json::Value;

pub fn section(manifest: &RunManifest, finished: Option<&Finished>, w: Words) -> Markup {
    html! {
        section {
            h2 { (w.t("configuration")) }
            dl.configuration {
                @for (name, value) in rows(manifest, finished, w) { div { dt { (name) } dd { (value) } } }
            }
        }
    }
}

fn rows(m: &RunManifest, finished: Option<&Finished>, w: Words) -> Vec<(String, String)> {
    let mut rows: Vec<(String, String)> = [
        ("started", utc(m.started_ms)),
        ("because", m.reason.render(w.language())),
        ("architecture", m.architecture.clone()),
        ("weights_from", m.parent.clone().unwrap_or_else(|| w.t("scratch"))),
        ("input", format!("{0} × {0} px, {1}", m.size_px, m.resize_mode)),
        ("labels", m.labels.to_string()),
        ("epochs", count(m.epochs)),
        ("batch_size", m.batch_size.to_string()),
        ("seed", m.seed.to_string()),
        ("device", m.device.clone()),
        ("data", w.with("version", [("version", m.version.into()), ("digest", (&m.fingerprint).into())])),
        ("program", m.code.clone()),
    ]
    .map(|(name, value)| (w.t(name), value))
    .to_vec();
    if let Some(f) = finished {
        let rate = if f.seconds > 0.0 { f.samples as f64 / f.seconds } else { 0.0 };
        let trained = [("time", w.duration(f.seconds).into()), ("epochs", f.epochs.into())];
        rows.push((w.t("trained"), w.with("trained_for", trained)));
        rows.push((w.t("speed"), w.with("images_per_second", [("rate", rate.into()), ("n", f.samples.into())])));
        rows.push((w.t("weights"), f.uri.clone()));
        rows.push((w.t("weights_digest"), f.digest.clone()));
    }
    flatten("", &m.options, w.language(), &mut rows);
    rows
}

/// The options, nested ones as `schedule.warmup_steps`.
fn flatten(name: &str, value: &Value, language: Language, rows: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) if fields.contains_key("code") => {
            // What a node tells.
            let message: Option<Message> = serde_json::from_value(value.clone()).ok();
            rows.extend(message.map(|message| (name.to_owned(), message.render(language))));
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                flatten(&if name.is_empty() { key.clone() } else { format!("{name}.{key}") }, field, language, rows);
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
        flatten("", &options, Language::En, &mut rows);
        let names: Vec<&str> = rows.iter().map(|r| r.0.as_str()).collect();
        assert_eq!(names, ["lr", "schedule.kind"]);
        assert_eq!(rows[1].1, "cosine");
    }
}
