//! Runs beside each other: what came of them, and what they cost.

mod pair;

pub use pair::Pair;

use crate::localized::LocalizedText;
use plugin_api::Workspace;
use plugin_api::experiments::{SizePoint, Sizes};
use plugin_api::runs::{RunFolder, RunManifest, read_json};
use plugin_blocks::{Description, shipped};
use serde::Serialize;
use std::collections::{BTreeSet, HashMap};

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its id.
    pub id: String,
    /// Why it was started.
    pub reason: LocalizedText,
    /// `promoted`, `refused`, `judging`, `abandoned` or `unfinished`.
    pub state: String,
    /// When, milliseconds since 1970.
    pub started_ms: u64,
    /// The network.
    pub architecture: String,
    /// Side of its images, pixels.
    pub size_px: u32,
    /// The model it began with.
    pub parent: Option<String>,
    /// Whether it is a head on a pretrained network.
    pub is_head: bool,
    /// Where it was computed.
    pub device: String,
    /// Version of the data set it was trained on.
    pub version: u64,
    /// Epochs done, or to do.
    pub epochs: u64,
    /// Seconds of training.
    pub seconds: Option<f64>,
    /// Multiply-adds for one image.
    pub multiply_adds: Option<u64>,
    /// Trainable parameters.
    pub parameters: Option<u64>,
    /// Held-out images.
    #[serde(rename = "pictures")]
    pub images: Option<u64>,
    /// Accuracy.
    pub accuracy: Option<f64>,
    /// Mean recall.
    pub balanced_accuracy: Option<f64>,
    /// Why it was promoted or refused.
    pub verdict: Option<LocalizedText>,
    /// It is champion.
    pub is_champion: bool,
    /// It can be made champion.
    pub can_promote: bool,
    /// It has a report.
    pub has_report: bool,
    /// No other run of the table is as right for less work, by multiply-adds; nor for less time, by seconds.
    pub front: [bool; 2],
}

/// The table, and what can be done.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// Runs, newest first.
    pub runs: Vec<Row>,
    /// The champion.
    pub champion: Option<String>,
    /// The one before, to which a rollback leads.
    pub previous: Option<String>,
    /// Pages of experiments, by name.
    pub experiments: Vec<String>,
    /// The last comparison of input sizes.
    pub sizes: Option<Compared>,
}

/// Input sizes beside each other.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Compared {
    /// What the experiment has written.
    #[serde(flatten)]
    pub sizes: Sizes,
    /// Of each point, whether no other is as right for less work.
    pub front: Vec<bool>,
}

impl Compared {
    /// Reads it; none when there is none, or none that can be read.
    fn read(workspace: &Workspace) -> Option<Self> {
        let file = Sizes::file(&workspace.root().join("experiments"));
        if !file.exists() {
            return None;
        }
        let sizes: Sizes = read_json(&file).inspect_err(|error| tracing::warn!(%error, "no sizes")).ok()?;
        let point = |point: &SizePoint| Some((point.multiply_adds as f64, point.accuracy));
        let front = front(&sizes.points.iter().map(point).collect::<Vec<_>>());
        Some(Self { sizes, front })
    }
}

impl Table {
    /// Reads all runs.
    pub fn read(workspace: &Workspace) -> Self {
        let champion = plugin_champion::champion(workspace);
        let models = plugin_champion::models(workspace);
        let now = models.iter().find(|model| model.is_champion);
        let previous = now.and_then(|model| model.previous()).map(str::to_owned);
        let mut costs = HashMap::new();
        let folders = RunFolder::all(&workspace.runs());
        let mut runs: Vec<Row> = folders.iter().rev().filter_map(|run| row(run, workspace, &mut costs)).collect();
        for run in &mut runs {
            run.is_champion = champion.as_ref() == Some(&run.id);
            run.can_promote = !run.is_champion && (run.can_promote || models.iter().any(|model| model.id == run.id));
        }
        mark_fronts(&mut runs);
        let previous = previous.filter(|id| models.iter().any(|model| model.id == *id));
        Self { runs, champion, previous, experiments: experiments(workspace), sizes: Compared::read(workspace) }
    }
}

/// Names of the folders and files of experiments that have a page.
fn experiments(workspace: &Workspace) -> Vec<String> {
    let entries = std::fs::read_dir(workspace.root().join("experiments")).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let pages: BTreeSet<String> = names
        .filter_map(|name| name.strip_suffix(".html").filter(|n| crate::safe::is_name(n)).map(str::to_owned))
        .collect();
    pages.into_iter().collect()
}

/// Multiply-adds and parameters by network, size and classes.
type Costs = HashMap<(String, Option<String>, u32, usize), Option<(u64, u64)>>;

fn row(run: &RunFolder, workspace: &Workspace, costs: &mut Costs) -> Option<Row> {
    let (manifest, finished, verdict) = (run.manifest()?, run.finished(), run.verdict());
    let key = (manifest.architecture.clone(), manifest.definition.clone(), manifest.size_px, manifest.classes.len());
    let cost = *costs.entry(key).or_insert_with(|| cost(&manifest));
    let state = match (&verdict, &finished) {
        (Some(verdict), _) => verdict.decision.to_string(),
        (None, Some(_)) => "judging".to_owned(),
        (None, None) if run.0.join("abandoned.json").is_file() => "abandoned".to_owned(),
        (None, None) => "unfinished".to_owned(),
    };
    let evaluated = verdict.as_ref().filter(|verdict| verdict.images > 0);
    let weights = finished.as_ref().is_some_and(|finished| workspace.root().join(&finished.uri).is_file());
    Some(Row {
        id: run.id(),
        state,
        epochs: finished.as_ref().map_or(manifest.epochs, |finished| finished.epochs),
        seconds: finished.as_ref().map(|finished| finished.seconds),
        multiply_adds: cost.map(|(work, _)| work),
        parameters: cost.map(|(_, numbers)| numbers),
        images: verdict.as_ref().map(|verdict| verdict.images),
        accuracy: evaluated.map(|verdict| verdict.accuracy),
        balanced_accuracy: evaluated.map(|verdict| verdict.balanced_accuracy),
        can_promote: weights && verdict.is_some(),
        has_report: run.0.join("report/index.html").is_file(),
        verdict: verdict.map(|verdict| (&verdict.reason).into()),
        is_champion: false,
        front: [false; 2],
        reason: (&manifest.reason).into(),
        started_ms: manifest.started_ms,
        architecture: manifest.architecture,
        size_px: manifest.size_px,
        parent: manifest.parent,
        is_head: manifest.backbone.is_some(),
        device: manifest.device,
        version: manifest.version,
    })
}

/// By its layer table; none when its blocks are not known.
fn cost(run: &RunManifest) -> Option<(u64, u64)> {
    let description = match &run.definition {
        Some(text) => Description::parse(&run.architecture, text).ok()?,
        None => shipped::find(&run.architecture).ok()??,
    };
    let graph = description.graph(run.size_px, run.classes.len()).ok()?;
    Some((graph.multiply_adds(), graph.parameters()))
}

/// Of each point, cost and how right it is, whether it is on the Pareto front: none is better without costing more, or costs less
/// without being worse.
fn front(points: &[Option<(f64, f64)>]) -> Vec<bool> {
    let beaten = |cost: f64, right: f64| {
        points.iter().flatten().any(|(c, r)| *c <= cost && *r >= right && (*c < cost || *r > right))
    };
    points.iter().map(|point| point.is_some_and(|(cost, right)| !beaten(cost, right))).collect()
}

fn mark_fronts(runs: &mut [Row]) {
    let costs: [fn(&Row) -> Option<f64>; 2] = [|run| run.multiply_adds.map(|n| n as f64), |run| run.seconds];
    for (at, cost) in costs.into_iter().enumerate() {
        let points: Vec<Option<(f64, f64)>> = runs.iter().map(|run| cost(run).zip(run.balanced_accuracy)).collect();
        for (run, is_on) in runs.iter_mut().zip(front(&points)) {
            run.front[at] = is_on;
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use plugin_api::fixture;
    use plugin_api::runs::{Finished, Verdict, write_json};

    /// A run with its time of training and its figures.
    pub(crate) fn put(workspace: &Workspace, id: &str, size_px: u32, seconds: f64, right: f64) {
        let folder = workspace.runs().join(id);
        std::fs::create_dir_all(folder.join("report")).unwrap();
        let manifest = fixture::manifest(id, &["a", "b"]);
        let manifest = RunManifest { reason: "3 new in きゅん".into(), size_px, version: 3, ..manifest };
        write_json(&folder.join("run.json"), &manifest).unwrap();
        std::fs::write(folder.join("w"), id).unwrap();
        let digest = blake3::hash(id.as_bytes()).to_hex().to_string();
        let finished = Finished { uri: format!("runs/{id}/w"), digest, epochs: 4, steps: 8, samples: 9, seconds };
        write_json(&folder.join("finished.json"), &finished).unwrap();
        let verdict = serde_json::json!({
            "run": id, "decision": "refused", "reason": "x", "champion": null, "previous": null, "classes": ["a", "b"],
            "pictures": 50, "accuracy": right, "accuracy_interval": [0.0, 1.0], "balanced_accuracy": right,
            "champion_accuracy": null, "champion_balanced_accuracy": null, "p_value": null, "confusion": [[1, 0], [0, 1]],
            "report": format!("runs/{id}/report/index.html"), "judged_ms": 2,
        });
        let verdict: Verdict = serde_json::from_value(verdict).unwrap();
        write_json(&folder.join("verdict.json"), &verdict).unwrap();
        std::fs::write(folder.join("report/index.html"), "<p>report</p>").unwrap();
    }

    #[test]
    fn runs_have_their_cost_and_the_front_is_marked() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        for (id, size, seconds, right) in [
            ("1", 32, 10.0, 0.5),
            ("2", 64, 40.0, 0.7),
            ("3", 64, 50.0, 0.7),
            ("4", 32, 5.0, 0.4),
            ("5", 128, 60.0, 0.6),
        ] {
            put(&workspace, id, size, seconds, right);
        }
        let table = Table::read(&workspace);
        let told: Vec<(&str, [bool; 2])> = table.runs.iter().map(|run| (run.id.as_str(), run.front)).collect();
        assert_eq!(
            told,
            [
                ("5", [false, false]),
                ("4", [false, true]),
                ("3", [true, false]),
                ("2", [true, true]),
                ("1", [true, true])
            ]
        );
        // A quarter of the pixels: a quarter of the work of the convolutions.
        let work =
            |id: &str| table.runs.iter().find(|run| run.id == id).and_then(|run| run.multiply_adds).unwrap() as f64;
        assert!((work("2") / work("1") - 4.0).abs() < 0.1, "{} {}", work("2"), work("1"));
        assert!(table.runs[0].can_promote && table.runs[0].has_report && table.champion.is_none());
    }

    #[test]
    fn input_sizes_have_their_front() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let point = |size_px: u32, multiply_adds, accuracy| SizePoint {
            size_px,
            multiply_adds,
            epochs: 3,
            seconds: 60.0,
            images_per_second: 100.0,
            accuracy,
            deviation: None,
            balanced_accuracy: accuracy,
        };
        let points = vec![point(32, 10, 0.4), point(64, 40, 0.5), point(128, 160, 0.45)];
        let sizes = Sizes {
            network: "lenet".to_owned(),
            budget_seconds: 60,
            training_images: 9,
            test_images: 3,
            seeds: 1,
            points,
        };
        assert!(Table::read(&workspace).sizes.is_none());
        std::fs::create_dir(workspace.root().join("experiments")).unwrap();
        write_json(&Sizes::file(&workspace.root().join("experiments")), &sizes).unwrap();
        assert_eq!(Table::read(&workspace).sizes.unwrap().front, [true, true, false]);
        std::fs::write(Sizes::file(&workspace.root().join("experiments")), "{}").unwrap();
        assert!(Table::read(&workspace).sizes.is_none());
    }

    #[test]
    fn the_champion_and_the_one_before_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        put(&workspace, "1", 32, 1.0, 0.5);
        put(&workspace, "2", 32, 1.0, 0.6);
        plugin_champion::promote_by_hand(&workspace, "1").unwrap();
        plugin_champion::promote_by_hand(&workspace, "2").unwrap();
        let table = Table::read(&workspace);
        assert_eq!((table.champion.as_deref(), table.previous.as_deref()), (Some("2"), Some("1")));
        assert!(table.runs[0].is_champion && !table.runs[0].can_promote && table.runs[1].can_promote);
    }
}
