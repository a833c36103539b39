//! `cargo wakuteka runs`: what was trained, from what, why, and what came of it.

use crate::checkout::Checkout;
use crate::columns::{aligned, percent};
use crate::error::Error;
use crate::{cli, say};
use plugin_api::runs::{Evaluation, Finished, MetricRow, RunFolder, RunManifest, RunRequest, Verdict, write_json};
use plugin_api::{Message, Workspace};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Does what was asked for.
///
/// # Errors
/// [`Error::Refused`] when there is no such workspace or run.
pub fn run(checkout: &Checkout, command: &cli::Runs) -> Result<(), Error> {
    let workspace = workspace(checkout, command.workspace())?;
    match command {
        cli::Runs::List(options) => {
            let all = all(&workspace);
            let shown = all.iter().rev().take(options.last.unwrap_or(usize::MAX));
            say::either(&shown.map(Run::json).collect::<Vec<_>>(), &list(&workspace, &all, options.last));
        }
        cli::Runs::Show(options) => {
            let run = match &options.id {
                Some(id) => find(&workspace, id)?,
                None => all(&workspace).pop().ok_or_else(|| Error::Refused(none(&workspace)))?,
            };
            let mut json = run.json();
            json["last_metrics"] = json!(last_metrics(&run.folder.metrics()));
            say::either(&json, &show(&run, &workspace));
        }
        cli::Runs::Compare(options) => {
            let runs: Vec<Run> = options.ids.iter().map(|id| find(&workspace, id)).collect::<Result<_, _>>()?;
            say::either(&runs.iter().map(Run::json).collect::<Vec<_>>(), &compare(&runs));
        }
        cli::Runs::Retrain(options) => {
            let (from, said) = retrain(&workspace, options.from.as_deref())?;
            say::either(&json!({ "asked_for": true, "from": from }), &said);
        }
    }
    Ok(())
}

fn all(workspace: &Workspace) -> Vec<Run> {
    RunFolder::all(&workspace.runs()).into_iter().filter_map(Run::read).collect()
}

fn none(workspace: &Workspace) -> String {
    format!("no run yet in {}", workspace.runs().display())
}

/// Leaves a request for `train`, which takes it up within a second and takes the file away. Gives the run it begins with, and what to
/// tell a person.
fn retrain(workspace: &Workspace, from: Option<&str>) -> Result<(Option<String>, Vec<String>), Error> {
    let from = match from.map(|id| find(workspace, id)).transpose()? {
        Some(run) if run.finished.is_none() => {
            return Err(Error::Refused(format!(
                "run {} has not ended: there are no weights to begin with",
                run.manifest.id
            )));
        }
        found => found.map(|run| run.manifest.id),
    };
    let said = match &from {
        Some(run) => format!("asked for a run that begins with the weights of {run}"),
        None => "asked for a run".to_owned(),
    };
    write_json(&workspace.runs().join(RunRequest::FILE), &RunRequest { from: from.clone() })?;
    let said = vec![
        format!("{said}: `train` starts it when the graph runs and no other run is under way"),
        "The same images, options and start give the same run again; another --seed of `train` gives another."
            .to_owned(),
    ];
    Ok((from, said))
}

/// The workspace asked for, which must be there.
///
/// # Errors
/// [`Error::Refused`] when it is not.
pub fn workspace(checkout: &Checkout, workspace: &cli::WorkspaceArgs) -> Result<Workspace, Error> {
    let folder = workspace.folder(checkout);
    if !folder.join("models").is_dir() {
        let advice = "`cargo wakuteka start` makes it, and --home names another one";
        return Err(Error::Refused(format!("there is no workspace {}: {advice}", folder.display())));
    }
    Ok(Workspace::create(&folder)?)
}

/// The name that is so, or the only one that begins so; `None` when there is none.
///
/// # Errors
/// [`Error::Refused`] when several begin so, with their names.
pub fn complete(id: &str, names: impl Iterator<Item = String>) -> Result<Option<String>, Error> {
    let begins: BTreeSet<String> = names.filter(|name| name.starts_with(id)).collect();
    if begins.contains(id) || begins.len() <= 1 {
        return Ok(begins.into_iter().next());
    }
    let names = begins.into_iter().rev().collect::<Vec<_>>().join(", ");
    Err(Error::Refused(format!("several begin with {id:?}; which of them? {names}")))
}

/// Runs there are.
pub fn ids(workspace: &Workspace) -> impl Iterator<Item = String> {
    RunFolder::all(&workspace.runs()).into_iter().map(|run| run.id())
}

/// Everything known of a run.
struct Run {
    folder: RunFolder,
    manifest: RunManifest,
    finished: Option<Finished>,
    verdict: Option<Verdict>,
    state: String,
}

impl Run {
    /// The run whose weights it began with; a head is fitted on the features of a pretrained network.
    fn began_with(&self) -> String {
        let without = if self.manifest.backbone.is_some() { "pretrained" } else { "scratch" };
        self.manifest.parent.clone().unwrap_or_else(|| without.to_owned())
    }

    fn read(folder: RunFolder) -> Option<Self> {
        let (manifest, finished, verdict) = (folder.manifest()?, folder.finished(), folder.verdict());
        let state = match (&verdict, &finished) {
            (Some(verdict), _) => verdict.decision.to_string(),
            (None, Some(_)) => "not evaluated yet".to_owned(),
            (None, None) if folder.0.join("abandoned.json").is_file() => "abandoned".to_owned(),
            (None, None) => "not finished".to_owned(),
        };
        Some(Self { folder, manifest, finished, verdict, state })
    }

    /// All that is known, as it stands in its files.
    fn json(&self) -> Value {
        json!({
            "run": self.folder.id(), "state": self.state, "manifest": self.manifest, "finished": self.finished,
            "verdict": self.verdict,
        })
    }

    /// What decided the run, by name: what `list` shows when it differs.
    fn options(&self) -> BTreeMap<String, String> {
        let m = &self.manifest;
        let mut all: BTreeMap<String, String> = [
            ("model", m.architecture.clone()),
            ("size", format!("{} px", m.size_px)),
            ("resize_mode", m.resize_mode.to_string()),
            ("labels", m.labels.to_string()),
            ("epochs", m.epochs.to_string()),
            ("batch_size", m.batch_size.to_string()),
            ("seed", m.seed.to_string()),
            ("code", m.code.clone()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        flatten("", &m.options, &mut all);
        // A digest of all the others, and what the reason says already.
        all.retain(|name, _| name != "config" && name.strip_suffix(".why").is_none());
        all
    }

    fn time(&self) -> String {
        self.finished
            .as_ref()
            .map_or_else(|| "–".to_owned(), |f| say::clock(Duration::from_secs_f64(f.seconds.clamp(0.0, 1e7))))
    }

    /// Figures of the verdict, by name.
    fn figures(&self) -> Vec<(String, String)> {
        let Some(v) = &self.verdict else { return Vec::new() };
        let error = |error: Option<f64>| error.map_or_else(|| "–".to_owned(), |e| format!("{e:.4}"));
        let evaluated = |share: f64| percent((v.images > 0).then_some(share));
        let evaluated_on = match v.evaluation {
            Evaluation::HeldOut => "held-out images",
            Evaluation::CrossValidated { .. } => "cross-validated images",
        };
        let mut rows = vec![
            (evaluated_on, say::count(v.images)),
            ("balanced accuracy", evaluated(v.balanced_accuracy)),
            ("accuracy", evaluated(v.accuracy)),
            ("champion before", v.previous.clone().unwrap_or_else(|| "none".to_owned())),
            ("its balanced accuracy", percent(v.champion_balanced_accuracy)),
        ];
        if v.mean_average_precision.is_some() {
            rows.push(("mean average precision", percent(v.mean_average_precision)));
        }
        if let Some(of) = v.calibration {
            rows.push(("temperature", format!("{:.3}", of.temperature)));
            rows.push(("calibration error", error(of.error_before)));
            rows.push(("… with temperature", error(of.error_after)));
        }
        let f1 = v.classes.iter().zip(&v.f1).map(|(class, f1)| (format!("F1 of {class}"), percent(*f1)));
        rows.into_iter().map(|(name, value)| (name.to_owned(), value)).chain(f1).collect()
    }
}

/// Nested options as `schedule.kind`.
fn flatten(name: &str, value: &Value, all: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) if fields.contains_key("code") => {
            // What a node tells, in English.
            let message: Option<Message> = serde_json::from_value(value.clone()).ok();
            all.extend(message.map(|message| (name.to_owned(), message.to_string())));
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                flatten(&if name.is_empty() { key.clone() } else { format!("{name}.{key}") }, field, all);
            }
        }
        Value::Null => {}
        Value::String(text) => drop(all.insert(name.to_owned(), text.clone())),
        other => drop(all.insert(name.to_owned(), other.to_string())),
    }
}

fn find(workspace: &Workspace, id: &str) -> Result<Run, Error> {
    let found = complete(id, ids(workspace))?.map(|name| RunFolder::new(&workspace.runs(), &name)).and_then(Run::read);
    found.ok_or_else(|| {
        let known: Vec<String> = ids(workspace).collect();
        Error::Refused(format!("there is no run {id}; runs there are: {}", known.join(", ")))
    })
}

/// The newest first; below each what it was for, and which options differ from the run before it.
fn list(workspace: &Workspace, all: &[Run], last: Option<usize>) -> Vec<String> {
    if all.is_empty() {
        return vec![none(workspace)];
    }
    let heading = ["RUN", "STATE", "BALANCED", "ACCURACY", "TIME", "DEVICE", "DATA", "FROM"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let mut below = vec![Vec::new()];
    for (at, run) in all.iter().enumerate().rev().take(last.unwrap_or(usize::MAX)) {
        let evaluated = run.verdict.as_ref().filter(|verdict| verdict.images > 0);
        rows.push(vec![
            run.folder.id(),
            run.state.clone(),
            percent(evaluated.map(|v| v.balanced_accuracy)),
            percent(evaluated.map(|v| v.accuracy)),
            run.time(),
            run.manifest.device.clone(),
            run.manifest.version.to_string(),
            run.began_with(),
        ]);
        let mut notes = vec![format!("    {}", run.manifest.reason)];
        if let Some(before) = at.checked_sub(1).map(|before| all[before].options()) {
            let now = run.options();
            let gone = before.keys().filter(|name| !now.contains_key(*name)).map(|name| format!("no {name}"));
            let new = now.iter().filter(|(name, value)| before.get(*name) != Some(value));
            let differ: Vec<String> = new.map(|(name, value)| format!("{name} {value}")).chain(gone).collect();
            if !differ.is_empty() {
                notes.push(format!("    other options than the run before: {}", differ.join(", ")));
            }
        }
        below.push(notes);
    }
    let lines = aligned(&rows, &[2, 3, 4, 6]);
    lines.into_iter().zip(below).flat_map(|(line, notes)| std::iter::once(line).chain(notes)).collect()
}

fn show(run: &Run, workspace: &Workspace) -> Vec<String> {
    let m = &run.manifest;
    let mut rows: Vec<(String, String)> = [
        ("run", run.folder.id()),
        ("state", run.state.clone()),
        ("because", m.reason.to_string()),
        ("from", run.began_with()),
        ("data", format!("version {}, {}", m.version, m.fingerprint)),
        ("device", m.device.clone()),
        ("time", run.time()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    if let Some(verdict) = &run.verdict {
        rows.push(("decision".to_owned(), format!("{}: {}", verdict.decision, verdict.reason)));
    }
    rows.extend(run.figures());
    rows.extend(last_metrics(&run.folder.metrics()));
    rows.extend(run.options());
    if let Some(finished) = &run.finished {
        rows.push(("weights".to_owned(), workspace.root().join(&finished.uri).display().to_string()));
    }
    if let Some(verdict) = run.verdict.as_ref().filter(|verdict| !verdict.report.is_empty()) {
        rows.push(("report".to_owned(), workspace.root().join(&verdict.report).display().to_string()));
    }
    let mut counts = vec![["class", "train", "validation", "test", "left out"].map(str::to_owned).to_vec()];
    for (class, row) in m.classes.iter().zip(&m.counts) {
        counts.push(std::iter::once(class.clone()).chain(row.map(say::count)).collect());
    }
    let facts: Vec<Vec<String>> = rows.into_iter().map(|(name, value)| vec![name, value]).collect();
    let mut lines = aligned(&facts, &[]);
    lines.push(String::new());
    lines.extend(aligned(&counts, &[1, 2, 3, 4]));
    lines
}

/// The last figure of each kind, but for what the node measures of itself.
fn last_metrics(metrics: &[MetricRow]) -> BTreeMap<String, String> {
    let figures = metrics.iter().filter(|row| !row.metric.ends_with("_seconds"));
    let named = figures.map(|row| (format!("last {} {}", row.split, row.metric), format!("{:.4}", row.value)));
    named.collect()
}

/// A column a run; of the options only those that differ.
fn compare(runs: &[Run]) -> Vec<String> {
    let options: Vec<BTreeMap<String, String>> = runs.iter().map(Run::options).collect();
    let column = |f: &dyn Fn(&Run) -> String| runs.iter().map(f).collect::<Vec<String>>();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut row = |name: &str, values: Vec<String>| rows.push([vec![name.to_owned()], values].concat());
    row("", column(&|run| run.folder.id()));
    row("state", column(&|run| run.state.clone()));
    row("from", column(&|run| run.began_with()));
    row("data version", column(&|run| run.manifest.version.to_string()));
    row("time", column(&Run::time));
    row("device", column(&|run| run.manifest.device.clone()));
    let figures: Vec<BTreeMap<String, String>> = runs.iter().map(|run| run.figures().into_iter().collect()).collect();
    let mut names: Vec<String> = Vec::new();
    for (name, _) in runs.iter().flat_map(Run::figures) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let value = |of: &BTreeMap<String, String>, name: &str| of.get(name).cloned().unwrap_or_else(|| "–".to_owned());
    for name in &names {
        row(name, figures.iter().map(|of| value(of, name)).collect());
    }
    let mut names: Vec<&String> = options.iter().flat_map(BTreeMap::keys).collect();
    names.sort();
    names.dedup();
    for name in names {
        let values: Vec<String> = options.iter().map(|of| value(of, name)).collect();
        if values.iter().any(|one| *one != values[0]) {
            row(name, values);
        }
    }
    let mut lines = aligned(&rows, &[]);
    let fingerprints = runs.iter().filter(|run| run.manifest.fingerprint != runs[0].manifest.fingerprint).count();
    if fingerprints > 0 {
        lines.push(
            "They were trained and evaluated on different images: the figures of one say little of another.".to_owned(),
        );
    }
    for run in runs {
        lines.push(format!("{}: {}", run.folder.id(), run.manifest.reason));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::tests_verdict;

    fn put(workspace: &Workspace, id: &str, learning_rate: f64, version: u64, parent: Option<&str>, evaluated: bool) {
        let folder = workspace.runs().join(id);
        std::fs::create_dir(&folder).unwrap();
        let manifest = RunManifest {
            reason: format!("{version} new in きゅんきゅん").into(),
            parent: parent.map(str::to_owned),
            version,
            fingerprint: format!("f{version}"),
            counts: vec![[9, 1, 2, 0], [8, 2, 1, 3]],
            options: json!({"learning_rate": learning_rate, "schedule": {"kind": "cosine"}}),
            ..plugin_api::fixture::manifest(id, &["a", "b"])
        };
        write_json(&folder.join("run.json"), &manifest).unwrap();
        if evaluated {
            let (uri, digest) = (format!("runs/{id}/w"), String::new());
            let finished = Finished { uri, digest, epochs: 4, steps: 8, samples: 99, seconds: 125.0 };
            write_json(&folder.join("finished.json"), &finished).unwrap();
            write_json(&folder.join("verdict.json"), &tests_verdict(id)).unwrap();
        }
    }

    fn workspace() -> (tempfile::TempDir, Workspace) {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        put(&workspace, "20261101-1", 0.1, 3, None, true);
        put(&workspace, "20261102-2", 0.1, 4, Some("20261101-1"), true);
        put(&workspace, "20261103-3", 0.05, 4, Some("20261102-2"), false);
        (folder, workspace)
    }

    #[test]
    fn runs_are_listed_with_reason_and_what_differs() {
        let (_folder, workspace) = workspace();
        let lines = list(&workspace, &all(&workspace), None);
        assert_eq!(lines.len(), 1 + 2 + 2 + 3, "{lines:#?}");
        assert!(lines[1].starts_with("20261103-3  not finished") && lines[1].ends_with("20261102-2"));
        assert!(lines[2].contains("4 new in きゅんきゅん") && lines[3].contains("learning_rate 0.05"));
        assert!(lines[4].contains("promoted") && lines[4].contains("2:05") && lines[4].contains("45.7 %"));
        assert!(lines[6].ends_with("scratch"));
        assert_eq!(list(&workspace, &all(&workspace), Some(1)).len(), 4);
    }

    #[test]
    fn one_is_shown_whole_and_several_side_by_side() {
        let (_folder, workspace) = workspace();
        let text = show(&find(&workspace, "20261102").unwrap(), &workspace).join("\n");
        for part in ["version 4, f4", "schedule.kind", "cosine", "2:05", "left out", "promoted: the first"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let runs: Vec<Run> = ["20261101-1", "20261103-3"].map(|id| find(&workspace, id).unwrap()).into();
        let text = compare(&runs).join("\n");
        assert!(text.contains("learning_rate") && !text.contains("schedule.kind"), "only what differs: {text}");
        assert!(text.contains("different images") && text.contains("not finished"), "{text}");
        let error = find(&workspace, "2026110").err().unwrap().to_string();
        assert!(error.contains("which of them? 20261103-3, 20261102-2, 20261101-1"), "{error}");
        let error = find(&workspace, "2027").err().unwrap().to_string();
        assert!(error.contains("2027") && error.contains("20261103-3"), "{error}");
    }

    #[test]
    fn a_run_is_asked_for_from_one_that_has_ended() {
        let (_folder, workspace) = workspace();
        let request = || plugin_api::runs::read_json::<RunRequest>(&workspace.runs().join(RunRequest::FILE)).ok();
        let error = retrain(&workspace, Some("20261103")).unwrap_err().to_string();
        assert!(error.contains("20261103-3 has not ended") && request().is_none(), "{error}");
        retrain(&workspace, Some("20261101")).unwrap();
        assert_eq!(request().unwrap().from.as_deref(), Some("20261101-1"));
        assert!(retrain(&workspace, None).unwrap().1[1].contains("--seed"));
        retrain(&workspace, None).unwrap();
        assert_eq!(request(), Some(RunRequest::default()));
    }
}
