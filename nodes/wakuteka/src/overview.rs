//! How things stand, in one place: who answers and how well, the next run, what needs a person, and the nodes.

use crate::columns::percent;
use crate::{progress, say};
use plugin_api::runs::{Evaluation, RunFolder, Verdict};
use plugin_api::status::{self, Notice, Status};
use plugin_api::{Decision, Workspace};
use plugin_champion::Model;
use plugin_forecast::Forecasts;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Places that the names of facts take.
const NAMES: usize = 11;

/// The whole.
#[derive(Debug, Serialize)]
pub struct Overview {
    /// The workspace.
    #[serde(rename = "home")]
    pub workspace: PathBuf,
    /// Whether a node is at work in it.
    pub is_running: bool,
    /// The address of the page, while it is there.
    pub page: Option<String>,
    /// The model that answers.
    pub champion: Option<Champion>,
    /// The newest run that was evaluated.
    pub last_run: Option<LastRun>,
    /// What `train` is about to do.
    pub next_run: Option<NextRun>,
    /// What a person can do something about.
    pub needs_you: Vec<Notice>,
    /// What was left alone, with nothing to do about it.
    pub left_alone: Vec<Notice>,
    /// Nodes at work, and those that have not ended by themselves.
    pub nodes: Vec<NodeNow>,
    /// What more images would bring.
    pub forecast: Option<Forecasts>,
}

/// The model that answers, with its figures.
#[derive(Debug, Serialize)]
pub struct Champion {
    /// Its folder in `models/`.
    pub model: String,
    /// The network and its input size.
    pub network: String,
    /// How many classes it knows.
    pub classes: usize,
    /// Whether a person made it champion.
    pub by_hand: bool,
    /// What it was evaluated with; none when it was on no image.
    pub figures: Option<Figures>,
    /// When it became champion, milliseconds since 1970.
    pub since_ms: Option<u64>,
}

/// Figures of an evaluation, each 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Images it was evaluated on.
    pub images: u64,
    /// `held_out` or `cross_validated`.
    pub evaluation: &'static str,
    /// Share of them that is predicted correctly.
    pub accuracy: f64,
    /// Its 95 % interval.
    pub accuracy_interval: [f64; 2],
    /// Mean recall of the classes.
    pub balanced_accuracy: f64,
    /// The largest class: always saying it would be correct so often.
    pub largest_class: Option<LargestClass>,
}

/// The class with the most images.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LargestClass {
    /// Its name.
    pub class: String,
    /// Its share of the images, 0 to 1.
    pub share: f64,
}

/// A run that was evaluated.
#[derive(Debug, Serialize)]
pub struct LastRun {
    /// Its id.
    pub run: String,
    /// Whether it became champion.
    pub decision: Decision,
    /// Why.
    pub reason: String,
    /// When, milliseconds since 1970.
    pub evaluated_ms: u64,
}

/// What `train` is about to do.
#[derive(Debug, Serialize)]
pub struct NextRun {
    /// In its own words.
    pub state: String,
    /// Epoch it is in, and how many there will be, while it trains.
    pub epochs: Option<[u64; 2]>,
    /// Seconds until training is done, as far as is known.
    pub seconds_left: Option<f64>,
}

/// State of a node, from its status file.
#[derive(Debug, Serialize)]
pub struct NodeNow {
    /// Whether its process is there.
    pub is_running: bool,
    /// What it says.
    #[serde(flatten)]
    pub status: Status,
}

impl Figures {
    /// Those of a verdict; `None` when it is on no image.
    pub fn of(verdict: &Verdict) -> Option<Self> {
        let rows = verdict.confusion.iter().map(|row| row.iter().sum::<u64>());
        let largest = rows.enumerate().max_by_key(|(_, images)| *images).and_then(|(class, images)| {
            let share = images as f64 / verdict.images.max(1) as f64;
            Some(LargestClass { class: verdict.classes.get(class)?.clone(), share })
        });
        (verdict.images > 0).then_some(Self {
            images: verdict.images,
            evaluation: match verdict.evaluation {
                Evaluation::HeldOut => "held_out",
                Evaluation::CrossValidated { .. } => "cross_validated",
            },
            accuracy: verdict.accuracy,
            accuracy_interval: verdict.accuracy_interval,
            balanced_accuracy: verdict.balanced_accuracy,
            largest_class: largest,
        })
    }

    /// `81.2 % of 1,945 held-out images correct (95 % interval 78.8 to 82.3); by class 80.6 % on average`, and what that is to be
    /// held against.
    pub fn lines(&self) -> Vec<String> {
        let [low, high] = self.accuracy_interval.map(|end| format!("{:.1}", end * 100.0));
        let (images, kind) = (say::count(self.images), self.evaluation.replace('_', "-"));
        let correct = percent(Some(self.accuracy));
        let balanced = percent(Some(self.balanced_accuracy));
        let mut lines = vec![
            format!("{correct} of {images} {kind} images correct (95 % interval {low} to {high})"),
            format!("balanced accuracy {balanced}: the mean over the classes"),
        ];
        lines.extend(self.largest_class.as_ref().map(|largest| {
            let share = percent(Some(largest.share));
            format!("to compare: always answering '{}', the largest class, would be correct for {share}", largest.class)
        }));
        lines
    }
}

impl Overview {
    /// Reads the files of a workspace, which need not be there.
    pub fn read(folder: &Path) -> Self {
        let all = progress::read(folder);
        let nodes: Vec<NodeNow> = all
            .iter()
            .map(|status| NodeNow { is_running: status.is_alive(), status: status.clone() })
            .filter(|node| node.is_running || node.status.state != "ended")
            .collect();
        let is_running = nodes.iter().any(|node| node.is_running);
        let (needs_you, left_alone) =
            status::notices(&all).into_iter().partition(|notice: &Notice| !notice.advice.is_empty());
        let workspace = Workspace::existing(folder).ok();
        let workspace = workspace.as_ref();
        let verdicts = workspace.map(|workspace| RunFolder::all(&workspace.runs())).unwrap_or_default();
        let last_run = verdicts.iter().rev().find_map(RunFolder::verdict).map(|verdict| LastRun {
            run: verdict.run,
            decision: verdict.decision,
            reason: verdict.reason.to_string(),
            evaluated_ms: verdict.evaluated_ms,
        });
        let champion = workspace.and_then(plugin_champion::champion).zip(workspace);
        let champion = champion
            .and_then(|(id, workspace)| plugin_champion::model(workspace, &id))
            .map(|model| Champion::of(&model));
        Self {
            workspace: folder.to_owned(),
            is_running,
            page: progress::page(&all),
            champion,
            last_run,
            next_run: all.iter().find(|status| status.program() == "train" && status.is_alive()).map(NextRun::of),
            needs_you,
            left_alone,
            nodes,
            forecast: workspace.and_then(Forecasts::read),
        }
    }

    /// For a person. Without the nodes, which [`Self::node_lines`] has.
    pub fn lines(&self, now: SystemTime) -> Vec<String> {
        let now_ms = u64::try_from(now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis()).unwrap_or(u64::MAX);
        let mut lines = Vec::new();
        fact(&mut lines, "workspace", &[self.workspace.display().to_string()]);
        match (&self.page, self.is_running) {
            (Some(page), _) => fact(&mut lines, "page", std::slice::from_ref(page)),
            (None, true) => fact(&mut lines, "page", &["none; the graph is running without it".to_owned()]),
            (None, false) => fact(&mut lines, "graph", &["not running. To start it: cargo wakuteka start".to_owned()]),
        }
        fact(&mut lines, "champion", &self.champion_lines(now_ms));
        if let Some(last) = self.last_run.as_ref().filter(|last| !last.decision.is_promoted()) {
            let ago = say::ago(last.evaluated_ms, now_ms);
            fact(&mut lines, "last run", &[format!("{} {} {ago}: {}", last.run, last.decision, last.reason)]);
        }
        if let Some(next) = &self.next_run {
            fact(&mut lines, "next run", &[next.line()]);
        }
        let needs = if self.needs_you.is_empty() { vec!["nothing".to_owned()] } else { Vec::new() };
        let review = self.nodes.iter().find_map(|node| node.status.counters.get("review")).filter(|n| **n > 0);
        let review = review.map(|n| format!("{} in review/: move them to photos/<class>/, or delete them", images(*n)));
        let mut told: Vec<String> = self.needs_you.iter().map(told).chain(review).collect();
        if told.is_empty() {
            told = needs;
        }
        fact(&mut lines, "needs you", &told);
        lines
    }

    fn champion_lines(&self, now_ms: u64) -> Vec<String> {
        let Some(champion) = &self.champion else {
            let start = if self.is_running { "" } else { ", and start the graph" };
            return vec![format!("none yet. Copy images into photos/<class>/, two classes or more{start}")];
        };
        let Champion { model, network, classes, .. } = champion;
        let since = champion.since_ms.map(|since| format!(", {}", say::ago(since, now_ms))).unwrap_or_default();
        let by_hand = if champion.by_hand { ", promoted by hand" } else { "" };
        let mut lines = vec![format!("{model}: {network}, {classes} classes{by_hand}{since}")];
        match &champion.figures {
            Some(figures) => lines.extend(figures.lines()),
            None => lines.push("not evaluated yet: there are no images it was not trained on".to_owned()),
        }
        lines
    }

    /// Nodes, one or two lines each; those that have stopped are marked.
    pub fn node_lines(&self) -> Vec<String> {
        let lines = |node: &NodeNow| {
            let mark = if node.is_running { "" } else { "   (not running)" };
            progress::lines(&node.status).into_iter().map(move |line| format!("{line}{mark}"))
        };
        self.nodes.iter().flat_map(lines).collect()
    }
}

impl Champion {
    fn of(model: &Model) -> Self {
        let evaluated = model.verdict.as_ref().map(|verdict| verdict.evaluated_ms);
        Self {
            model: model.id.clone(),
            network: format!("{}, {} px", model.card.architecture, model.card.size_px),
            classes: model.card.classes.len(),
            by_hand: model.by_hand.is_some(),
            figures: model.verdict.as_ref().and_then(Figures::of),
            since_ms: model.by_hand.as_ref().map(|by_hand| by_hand.promoted_ms).or(evaluated).filter(|ms| *ms > 0),
        }
    }
}

impl NextRun {
    fn of(status: &Status) -> Self {
        let is_training = progress::is_training(status);
        let gauge = |name: &str| status.gauges.get(name).copied().filter(|value| is_training && value.is_finite());
        let epochs = gauge("epoch").zip(gauge("epochs")).map(|(epoch, epochs)| [epoch as u64, epochs as u64]);
        Self { state: status.state.to_string(), epochs, seconds_left: gauge("seconds_left").filter(|left| *left > 0.0) }
    }

    fn line(&self) -> String {
        let left = self.seconds_left.map(|left| std::time::Duration::from_secs_f64(left.min(1e7)));
        let left = left.map(|left| format!(", {} left", say::clock(left))).unwrap_or_default();
        format!("{}{left}", self.state)
    }
}

fn images(n: u64) -> String {
    format!("{} image{}", say::count(n), if n == 1 { "" } else { "s" })
}

/// How many, and of what: the list below says which, and what to do.
fn told(notice: &Notice) -> String {
    let reason = notice.reason.split(": ").next().unwrap_or_default();
    format!("{} {reason}", say::count(notice.count))
}

/// A name, and what there is to say of it, one below the other.
fn fact(lines: &mut Vec<String>, name: &str, values: &[String]) {
    for (at, value) in values.iter().enumerate() {
        lines.push(format!("{:<NAMES$}{value}", if at == 0 { name } else { "" }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::tests_verdict;
    use plugin_api::runs::{ModelCard, write_json};
    use plugin_api::status::StatusFile;

    fn promote(workspace: &Workspace, verdict: &Verdict) {
        let at = workspace.models().join(&verdict.run);
        std::fs::create_dir(&at).unwrap();
        std::fs::write(at.join("model.safetensors"), "weights").unwrap();
        let card = serde_json::json!({"architecture": "head", "size_px": 224, "resize_mode": "crop",
            "classes": ["animals", "transportation"], "run": verdict.run, "digest": "d", "temperature": null});
        write_json(&at.join("model.json"), &serde_json::from_value::<ModelCard>(card).unwrap()).unwrap();
        write_json(&at.join("verdict.json"), verdict).unwrap();
        plugin_api::files::point_atomically(&workspace.champion(), Path::new(&verdict.run)).unwrap();
    }

    #[test]
    fn champion_figure_and_next_run_lead() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        promote(&workspace, &Verdict { evaluated_ms: 1, ..tests_verdict("20261101-1") });
        let program = std::env::current_exe().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let mut status = StatusFile::new(&workspace.status(), "train").of_program(&program);
        status.state("waiting for more changes: 2 of 291");
        status.write();
        let mut gone = StatusFile::new(&workspace.status(), "hash").of_program("no-such-program");
        gone.state("ended");
        gone.write();
        let overview = Overview::read(folder.path());
        let lines = overview.lines(UNIX_EPOCH + std::time::Duration::from_hours(2)).join("\n");
        for part in [
            "champion   20261101-1: head, 224 px, 2 classes, 1 h ago",
            "51.2 % of 1,412 held-out images correct (95 % interval 46.0 to 56.0)",
            "balanced accuracy 45.7 %",
            "always answering 'transportation'",
            "needs you  nothing",
        ] {
            assert!(lines.contains(part), "{part} in {lines}");
        }
        assert!(overview.is_running && overview.node_lines().len() == 1, "ended nodes are not listed");
        let json = serde_json::to_value(&overview).unwrap();
        assert_eq!(json["champion"]["figures"]["images"], 1412);
        assert_eq!(json["nodes"][0]["state"], "waiting for more changes: 2 of 291");
    }

    #[test]
    fn nothing_there_says_how_to_begin() {
        let overview = Overview::read(Path::new("/no/such/workspace"));
        let lines = overview.lines(SystemTime::now()).join("\n");
        assert!(lines.contains("cargo wakuteka start") && lines.contains("photos/<class>/"), "{lines}");
        assert!(!overview.is_running && overview.champion.is_none());
    }

    #[test]
    fn no_image_is_no_figure() {
        assert_eq!(Figures::of(&Verdict { images: 0, ..tests_verdict("1") }), None);
    }
}
