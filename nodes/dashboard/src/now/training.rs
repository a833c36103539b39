//! The newest run with its curves, and the newest verdict.

use crate::localized::LocalizedText;
use plugin_api::Workspace;
use plugin_api::runs::{MetricRow, RunFolder, RunManifest};
use plugin_api::status;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;

/// Figures that are drawn.
const DRAWN: [&str; 3] = ["loss", "accuracy", "learning_rate"];

/// A run as it goes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunNow {
    /// Its id.
    pub id: String,
    /// Why it was started.
    pub reason: LocalizedText,
    /// `training`, `judging`, `judged`, `abandoned` or `stopped`.
    pub state: &'static str,
    /// The network.
    pub architecture: String,
    /// Side of its images, pixels.
    pub size_px: u32,
    /// The model it began with.
    pub parent: Option<String>,
    /// Whether it is a head on a pretrained network.
    pub is_head: bool,
    /// Epoch it is in, from 1; 0 before the first.
    pub epoch: u64,
    /// Epochs it will have.
    pub epochs: u64,
    /// Seconds until it is done, as `train` sees it.
    pub seconds_left: Option<f64>,
    /// Mean loss of the epoch so far.
    pub loss: Option<f64>,
    /// Values by `<split> <metric>`, each with its epoch, from 1.
    pub curves: Curves,
}

/// Points by name.
pub type Curves = BTreeMap<String, Vec<(u64, f64)>>;

/// A verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VerdictNow {
    /// The run.
    pub run: String,
    /// Whether it became champion.
    pub decision: plugin_api::Decision,
    /// Why.
    pub reason: LocalizedText,
    /// Held-out images.
    #[serde(rename = "pictures")]
    pub images: u64,
    /// Accuracy.
    pub accuracy: f64,
    /// Mean recall.
    pub balanced_accuracy: f64,
    /// The same of the champion before.
    pub champion_balanced_accuracy: Option<f64>,
    /// When, milliseconds since 1970.
    #[serde(rename = "judged_ms")]
    pub evaluated_ms: u64,
    /// Whether there is a report to read.
    pub has_report: bool,
    /// The champion at this moment.
    pub champion: Option<String>,
}

/// What was read of the newest run; its figures are read again only when there are more.
#[derive(Debug, Default)]
pub struct Training {
    manifest: Option<RunManifest>,
    read: (String, u64),
    curves: Curves,
}

impl Training {
    /// The newest run.
    pub fn run(&mut self, workspace: &Workspace) -> Option<RunNow> {
        let folder = RunFolder::all(&workspace.runs()).pop()?;
        let id = folder.id();
        if self.manifest.as_ref().is_none_or(|m| m.id != id) {
            self.manifest = folder.manifest();
        }
        let manifest = self.manifest.clone()?;
        let bytes = fs::metadata(folder.0.join("metrics.jsonl")).map_or(0, |meta| meta.len());
        if self.read != (id.clone(), bytes) {
            self.curves = curves(&folder.metrics());
            self.read = (id.clone(), bytes);
        }
        let train = status::read_all(&workspace.status()).remove("train");
        let train = train.filter(|train| train.is_alive() && train.state.contains(&id));
        let has = |file: &str| folder.0.join(file).is_file();
        let state = match (has("verdict.json"), has("finished.json"), has("abandoned.json")) {
            (true, ..) => "judged",
            (_, true, _) => "judging",
            (.., true) => "abandoned",
            _ if train.is_some() => "training",
            _ => "stopped",
        };
        let gauge = |name: &str| {
            let gauges = &train.as_ref().filter(|_| state == "training")?.gauges;
            gauges.get(name).copied().filter(|value| value.is_finite())
        };
        let done = self.curves.values().filter_map(|points| points.last()).map(|(epoch, _)| *epoch).max();
        Some(RunNow {
            state,
            epoch: gauge("epoch").map_or(done.unwrap_or_default(), |epoch| epoch as u64),
            epochs: manifest.epochs,
            seconds_left: gauge("seconds_left"),
            loss: gauge("loss"),
            curves: self.curves.clone(),
            id,
            reason: (&manifest.reason).into(),
            architecture: manifest.architecture,
            size_px: manifest.size_px,
            parent: manifest.parent,
            is_head: manifest.backbone.is_some(),
        })
    }

    /// The newest verdict; none before the first.
    pub fn verdict(&self, workspace: &Workspace) -> Option<VerdictNow> {
        let verdict = RunFolder::all(&workspace.runs()).iter().rev().find_map(RunFolder::verdict)?;
        Some(VerdictNow {
            has_report: !verdict.report.is_empty() && workspace.root().join(&verdict.report).is_file(),
            champion: plugin_champion::champion(workspace),
            run: verdict.run,
            decision: verdict.decision,
            reason: (&verdict.reason).into(),
            images: verdict.images,
            accuracy: verdict.accuracy,
            balanced_accuracy: verdict.balanced_accuracy,
            champion_balanced_accuracy: verdict.champion_balanced_accuracy,
            evaluated_ms: verdict.evaluated_ms,
        })
    }
}

/// Figures by `<split> <metric>`. An epoch that was done twice, after a kill, counts as it was done last.
pub fn curves(rows: &[MetricRow]) -> Curves {
    let mut points: BTreeMap<String, BTreeMap<u64, f64>> = BTreeMap::new();
    for row in rows.iter().filter(|row| DRAWN.contains(&row.metric.as_str())) {
        points.entry(format!("{} {}", row.split, row.metric)).or_default().insert(row.epoch + 1, row.value);
    }
    points.into_iter().map(|(name, points)| (name, points.into_iter().collect())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::runs::write_json;

    fn row(split: &str, metric: &str, epoch: u64, value: f64) -> MetricRow {
        MetricRow { split: split.to_owned(), metric: metric.to_owned(), epoch, step: 0, value }
    }

    #[test]
    fn a_run_is_told_with_its_curves_as_they_grow() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let mut training = Training::default();
        assert_eq!(training.run(&workspace), None);
        let run = RunFolder::new(&workspace.runs(), "20261101-1");
        fs::create_dir(&run.0).unwrap();
        write_json(&run.0.join("run.json"), &plugin_api::fixture::manifest("20261101-1", &["a"])).unwrap();
        let now = training.run(&workspace).unwrap();
        assert_eq!((now.state, now.epoch, now.epochs, now.curves.len()), ("stopped", 0, 4, 0));
        run.append_metrics(&[row("train", "loss", 0, 2.0), row("train", "epoch_seconds", 0, 9.0)]).unwrap();
        run.append_metrics(&[row("train", "loss", 1, 1.5), row("validation", "accuracy", 1, 0.5)]).unwrap();
        run.append_metrics(&[row("train", "loss", 1, 1.0)]).unwrap();
        let now = training.run(&workspace).unwrap();
        assert_eq!(now.curves["train loss"], [(1, 2.0), (2, 1.0)]);
        assert_eq!((now.curves["validation accuracy"].len(), now.curves.len(), now.epoch), (1, 2, 2));
        fs::write(run.0.join("finished.json"), "{}").unwrap();
        assert_eq!(training.run(&workspace).unwrap().state, "judging");
        assert_eq!(training.verdict(&workspace), None);
    }
}
