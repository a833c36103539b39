//! `cargo wakuteka models`: the champion and those before it, and changing that by hand.

use crate::checkout::Checkout;
use crate::columns::{aligned, percent};
use crate::error::Error;
use crate::{cli, runs, say};
use plugin_api::Workspace;
use plugin_champion::Model;
use serde_json::{Value, json};

/// Does what was asked for.
///
/// # Errors
/// [`Error::Refused`] when it cannot be done, which then changes nothing; any of the file system.
pub fn run(checkout: &Checkout, command: &cli::Models) -> Result<(), Error> {
    let workspace = runs::workspace(checkout, command.workspace())?;
    match command {
        cli::Models::List(_) => {
            let models = plugin_champion::models(&workspace);
            say::either(&models.iter().rev().map(json).collect::<Vec<_>>(), &list(&workspace, &models));
        }
        cli::Models::Show(options) => {
            let model = find(&workspace, options.id.as_deref())?;
            say::either(&json(&model), &show(&model, &workspace));
        }
        cli::Models::Promote(options) => {
            let id = named(&workspace, &options.id)?;
            let before = plugin_champion::promote_by_hand(&workspace, &id)?;
            let told = before
                .as_ref()
                .map_or_else(|| "there was none before".to_owned(), |before| format!("before: {before}"));
            say::either(&json!({ "champion": id, "previous": before }), &[format!("{id} is champion; {told}")]);
        }
        cli::Models::Rollback(_) => {
            let (was, is) = plugin_champion::roll_back(&workspace)?;
            let told = format!("{is} is champion again; {was} stays in {}", workspace.models().display());
            say::either(&json!({ "champion": is, "previous": was }), &[told]);
        }
    }
    Ok(())
}

/// All that is known of a model, as it stands in its files.
fn json(model: &Model) -> Value {
    json!({
        "model": model.id, "is_champion": model.is_champion, "folder": model.folder, "card": model.card,
        "verdict": model.verdict, "by_hand": model.by_hand,
    })
}

fn list(workspace: &Workspace, models: &[Model]) -> Vec<String> {
    if models.is_empty() {
        return vec![format!("no model yet in {}", workspace.models().display())];
    }
    let heading = ["", "MODEL", "BALANCED", "ACCURACY", "IMAGES", "CLASSES", "NETWORK", "AFTER", ""];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for model in models.iter().rev() {
        let verdict = model.verdict.as_ref();
        let evaluated = verdict.filter(|verdict| verdict.images > 0);
        rows.push(vec![
            if model.is_champion { "*" } else { "" }.to_owned(),
            model.id.clone(),
            percent(evaluated.map(|v| v.balanced_accuracy)),
            percent(evaluated.map(|v| v.accuracy)),
            verdict.map_or_else(|| "–".to_owned(), |v| say::count(v.images)),
            model.card.classes.len().to_string(),
            format!("{} {} px", model.card.architecture, model.card.size_px),
            model.previous().unwrap_or("–").to_owned(),
            if model.by_hand.is_some() { "by hand" } else { "" }.to_owned(),
        ]);
    }
    let mut lines = aligned(&rows, &[2, 3, 4, 5]);
    if !models.iter().any(|model| model.is_champion) {
        lines.push("none of them is champion".to_owned());
    }
    lines
}

/// The model of this name, or whose name alone begins so; the champion when none is named.
fn find(workspace: &Workspace, id: Option<&str>) -> Result<Model, Error> {
    let models = plugin_champion::models(workspace);
    let known = || models.iter().map(|model| model.id.as_str()).collect::<Vec<_>>().join(", ");
    let found = match id {
        None => models.iter().find(|model| model.is_champion).cloned(),
        Some(id) => plugin_champion::model(workspace, &named(workspace, id)?),
    };
    found.ok_or_else(|| {
        Error::Refused(match id {
            None => format!("there is no champion; models there are: {}", known()),
            Some(id) => format!("there is no model {id}; models there are: {}", known()),
        })
    })
}

/// The name that alone begins so among models and runs; else as it was given.
fn named(workspace: &Workspace, id: &str) -> Result<String, Error> {
    let models = plugin_champion::models(workspace).into_iter().map(|model| model.id);
    Ok(runs::complete(id, models.chain(runs::ids(workspace)))?.unwrap_or_else(|| id.to_owned()))
}

fn show(model: &Model, workspace: &Workspace) -> Vec<String> {
    let card = &model.card;
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut fact = |name: &str, value: String| rows.push(vec![name.to_owned(), value]);
    fact("model", format!("{}{}", model.id, if model.is_champion { " (champion)" } else { "" }));
    fact("folder", model.folder.display().to_string());
    fact("network", format!("{}, {} px, {}", card.architecture, card.size_px, card.resize_mode));
    fact("classes", card.classes.join(", "));
    fact("labels", card.labels.to_string());
    fact("weights", card.digest.clone());
    fact("temperature", card.temperature.map_or_else(|| "none: not calibrated".to_owned(), |t| format!("{t:.3}")));
    fact("champion before", model.previous().unwrap_or("none").to_owned());
    let Some(verdict) = &model.verdict else { return aligned(&rows, &[]) };
    let by = if model.by_hand.is_some() { "by hand; its verdict: " } else { "" };
    fact("decision", format!("{by}{}: {}", verdict.decision, verdict.reason));
    let evaluated = |share: f64| percent((verdict.images > 0).then_some(share));
    fact("balanced accuracy", evaluated(verdict.balanced_accuracy));
    let on = if verdict.images > 0 {
        format!(" of {} images", say::count(verdict.images))
    } else {
        ": on no image yet".to_owned()
    };
    fact("accuracy", format!("{}{on}", evaluated(verdict.accuracy)));
    if let Some(precision) = verdict.mean_average_precision {
        fact("mean average precision", percent(Some(precision)));
    }
    if let Some(of) = verdict.calibration {
        let error = |error: Option<f64>| error.map_or_else(|| "–".to_owned(), |e| format!("{e:.4}"));
        fact(
            "calibration error",
            format!("{}, with the temperature {}", error(of.error_before), error(of.error_after)),
        );
    }
    fact("report", workspace.root().join(&verdict.report).display().to_string());
    let mut lines = aligned(&rows, &[]);
    let mut classes = vec![["class", "recall", "F1", "images"].map(str::to_owned).to_vec()];
    for (at, class) in verdict.classes.iter().enumerate() {
        let row = verdict.confusion.get(at);
        let images = row.map(|row| row.iter().sum::<u64>());
        let recall = row.zip(images.filter(|n| *n > 0)).map(|(row, n)| row[at] as f64 / n as f64);
        let f1 = verdict.f1.get(at).copied().flatten();
        let images = images.map_or_else(|| "–".to_owned(), say::count);
        classes.push(vec![class.clone(), percent(recall), percent(f1), images]);
    }
    lines.push(String::new());
    lines.extend(aligned(&classes, &[1, 2, 3]));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::tests_verdict;
    use plugin_api::runs::{ModelCard, Verdict, write_json};
    use std::path::Path;

    fn workspace_with(models: &[(&str, Option<&str>)]) -> (tempfile::TempDir, Workspace) {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        for (id, previous) in models {
            let at = workspace.models().join(id);
            std::fs::create_dir(&at).unwrap();
            std::fs::write(at.join("model.safetensors"), "weights").unwrap();
            let card = serde_json::json!({"architecture": "small-cnn", "size_px": 64, "resize_mode": "crop",
                "classes": ["animals", "transportation"], "run": id, "digest": "d", "temperature": 1.25});
            write_json(&at.join("model.json"), &serde_json::from_value::<ModelCard>(card).unwrap()).unwrap();
            let verdict = Verdict { previous: previous.map(str::to_owned), ..tests_verdict(id) };
            write_json(&at.join("verdict.json"), &verdict).unwrap();
            plugin_api::files::point_atomically(&workspace.champion(), Path::new(id)).unwrap();
        }
        (folder, workspace)
    }

    #[test]
    fn the_champion_is_marked_and_figures_are_shown() {
        let (_folder, workspace) = workspace_with(&[("20261101-1", None), ("20261102-2", Some("20261101-1"))]);
        let lines = list(&workspace, &plugin_champion::models(&workspace));
        assert!(lines[1].starts_with("*  20261102-2") && lines[2].starts_with("   20261101-1"), "{lines:#?}");
        assert!(lines[1].contains("45.7 %") && lines[1].contains("1,412") && lines[1].ends_with("20261101-1"));
        let text = show(&find(&workspace, None).unwrap(), &workspace).join("\n");
        for part in ["20261102-2 (champion)", "1.250", "small-cnn, 64 px, crop", "the first model", "80.0 %", "147"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(find(&workspace, Some("20261101")).unwrap().id, "20261101-1", "the beginning is enough");
        let error = find(&workspace, Some("2026110")).unwrap_err().to_string();
        assert!(error.contains("which of them? 20261102-2, 20261101-1"), "{error}");
        assert_eq!(json(&find(&workspace, None).unwrap())["card"]["size_px"], 64);
    }

    #[test]
    fn without_models_that_is_said() {
        let (_folder, workspace) = workspace_with(&[]);
        assert!(list(&workspace, &plugin_champion::models(&workspace))[0].contains("no model yet"));
        assert!(find(&workspace, None).unwrap_err().to_string().contains("no champion"));
    }
}
