//! What a person wants to know first: who answers and how well, when the next run begins, and what waits for a decision. Codes and
//! figures; the page has the words.

use crate::decide::{Decider, QUEUES, Queue};
use crate::localized::LocalizedText;
use crate::look::Library;
use plugin_api::Workspace;
use plugin_api::runs::{Evaluation, Pause};
use plugin_api::status::{self, Status, Wait};
use serde::Serialize;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Questions are counted anew after so long, even if nothing seems to have changed: a person moves files by hand, too.
const AGAIN: Duration = Duration::from_secs(20);

/// And not before so many times as long as it took.
const SHARE: u32 = 10;

/// The whole of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Overview {
    /// Folder of the workspace.
    pub workspace: String,
    /// The model that answers; `None` before the first.
    pub champion: Option<ChampionNow>,
    /// Why `predict` cannot use the champion; `None` where it can.
    pub champion_problem: Option<LocalizedText>,
    /// The next run, or the one under way.
    pub next: NextRun,
    /// Whether `inspect` has written a report of the data set.
    pub has_report: bool,
    /// What waits for a person, the most important first; nothing that does not wait is named.
    pub needs: Vec<Need>,
}

/// The champion and how well it answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChampionNow {
    /// Its run.
    pub id: String,
    /// `head` on a pretrained network, or a whole `network`.
    pub kind: &'static str,
    /// What the network is called.
    pub architecture: String,
    /// The classes that it knows.
    pub classes: Vec<String>,
    /// Images that the figures below were found on; 0 where nothing was.
    pub images: u64,
    /// Share of them that it predicted correctly, 0 to 1.
    pub accuracy: Option<f64>,
    /// The 95 % interval of that.
    pub interval: Option<[f64; 2]>,
    /// Mean recall of the classes, 0 to 1.
    pub balanced_accuracy: Option<f64>,
    /// Folds of a cross-validation; `None` where the images were held out.
    pub folds: Option<u32>,
}

/// The next run, or the one under way.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NextRun {
    /// `stopped`: no `train` is there. `asked`, `training`, `embedding`, `judging`, or one of [`Wait::CODES`].
    pub code: String,
    /// As in [`Wait`]; of `training` the epoch, of `embedding` the images.
    pub have: u64,
    /// As in [`Wait`]; of `training` and `embedding` how many there will be.
    pub want: u64,
    /// As in [`Wait`]; of `training` when it ends, as far as `train` can tell.
    pub until_ms: Option<u64>,
    /// What `train` says of itself.
    pub state: LocalizedText,
    /// Whether no run starts by itself.
    pub is_paused: bool,
    /// Whether somebody has asked for a run that has not begun.
    pub is_asked: bool,
}

/// Something that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Need {
    /// A queue, or the kind of a notice.
    pub code: String,
    /// How many.
    pub count: u64,
    /// Whether it is a notice: files left alone or refused.
    pub is_notice: bool,
}

/// When the counts of the queues must be made anew.
type Stamp = (u64, Vec<Option<SystemTime>>);

/// Questions as they were counted.
struct Counted {
    stamp: Stamp,
    at: Instant,
    took: Duration,
    needs: Vec<Need>,
}

/// Reads it again and again.
pub struct OverviewReader {
    workspace: Workspace,
    library: Arc<Library>,
    decider: Arc<Decider>,
    counted: Option<Counted>,
}

impl OverviewReader {
    /// Nothing read yet.
    pub fn new(workspace: Workspace, library: Arc<Library>, decider: Arc<Decider>) -> Self {
        Self { workspace, library, decider, counted: None }
    }

    /// As it is now.
    pub fn read(&mut self) -> Overview {
        let all = status::read_in_order(&self.workspace.status());
        let running = |node: &str| all.iter().find(|status| status.node == node && status.is_alive());
        let mut needs = self.queues();
        // Equal pixels in several classes are the first of the conflicts.
        let notices = status::notices(&all).into_iter();
        let notices = notices.filter(|notice| !notice.advice.is_empty() && notice.kind != "same_pixels");
        needs.extend(notices.map(|notice| Need { code: notice.kind, count: notice.count, is_notice: true }));
        Overview {
            workspace: self.workspace.root().to_string_lossy().into_owned(),
            champion: champion(&self.workspace),
            champion_problem: running("predict").and_then(champion_problem),
            has_report: self.workspace.dataset().join("report.html").is_file(),
            next: next_run(&self.workspace, running("train"), running("evaluate")),
            needs,
        }
    }

    /// Questions of each queue. Counted when something changed, and for a tenth of the time at most.
    fn queues(&mut self) -> Vec<Need> {
        let Ok(available) = self.library.available() else { return Vec::new() };
        if !available.is_whole() {
            return Vec::new();
        }
        let stamp = (available.generation, self.times());
        if let Some(counted) = &self.counted {
            let is_same = counted.stamp == stamp && counted.at.elapsed() < AGAIN;
            if is_same || counted.at.elapsed() < counted.took * SHARE {
                return counted.needs.clone();
            }
        }
        let at = Instant::now();
        let count = |name: &&'static str| {
            let count = Queue::of(name, &self.workspace, &available.view, &self.decider)?.total as u64;
            (count > 0).then(|| Need { code: (*name).to_owned(), count, is_notice: false })
        };
        let needs: Vec<Need> = QUEUES.iter().filter_map(count).collect();
        self.counted = Some(Counted { stamp, at, took: at.elapsed(), needs: needs.clone() });
        needs
    }

    /// Modification times of what the queues are read from, besides the catalog view.
    fn times(&self) -> Vec<Option<SystemTime>> {
        let time = |path: PathBuf| fs::metadata(path).and_then(|meta| meta.modified()).ok();
        let candidates = self.workspace.candidates();
        let classes = fs::read_dir(&candidates).into_iter().flatten().flatten().map(|entry| entry.path());
        let files = ["dashboard/journal.jsonl", "dataset/decisions.jsonl", "candidates", "review", "review/review.csv"];
        files.iter().map(|file| self.workspace.root().join(file)).chain(classes).map(time).collect()
    }
}

/// The champion, by its card and the verdict that is kept beside it.
pub fn champion(workspace: &Workspace) -> Option<ChampionNow> {
    let id = plugin_champion::champion(workspace)?;
    let model = plugin_champion::model(workspace, &id)?;
    let verdict = model.verdict.filter(|verdict| verdict.images > 0);
    let folds = verdict.as_ref().and_then(|verdict| match verdict.evaluation {
        Evaluation::HeldOut => None,
        Evaluation::CrossValidated { folds } => Some(folds),
    });
    Some(ChampionNow {
        id,
        kind: if model.card.backbone.is_some() { "head" } else { "network" },
        architecture: model.card.architecture,
        classes: model.card.classes,
        images: verdict.as_ref().map_or(0, |verdict| verdict.images),
        accuracy: verdict.as_ref().map(|verdict| verdict.accuracy),
        interval: verdict.as_ref().map(|verdict| verdict.accuracy_interval),
        balanced_accuracy: verdict.as_ref().map(|verdict| verdict.balanced_accuracy),
        folds,
    })
}

fn champion_problem(predict: &Status) -> Option<LocalizedText> {
    predict.state.has("predict_unusable").then(|| (&predict.state).into())
}

fn next_run(workspace: &Workspace, train: Option<&Status>, evaluate: Option<&Status>) -> NextRun {
    let is_paused = workspace.runs().join(Pause::FILE).exists();
    let is_asked = workspace.runs().join(plugin_api::runs::RunRequest::FILE).exists();
    let state = train.map(|train| (&train.state).into()).unwrap_or_default();
    let same = NextRun { state, is_paused, is_asked, ..NextRun::default() };
    let of = |code: &str| NextRun { code: code.to_owned(), ..same.clone() };
    let Some(train) = train else { return of("stopped") };
    let gauge = |name: &str| train.gauges.get(name).copied().filter(|value| value.is_finite());
    let is_evaluating = evaluate.is_some_and(|evaluate| evaluate.state.starts_with("evaluating"));
    match &train.wait {
        Some(wait) if wait.code == "verdict" || is_evaluating => of("judging"),
        Some(_) if is_asked => of("asked"),
        Some(Wait { code, have, want, until_ms }) => {
            NextRun { have: *have, want: *want, until_ms: *until_ms, ..of(code) }
        }
        None if train.state.starts_with("run ") => {
            let left_ms = gauge("seconds_left").map(|seconds| (seconds * 1000.0) as u64);
            let number = |name: &str| gauge(name).unwrap_or_default() as u64;
            let until_ms = left_ms.filter(|ms| *ms > 0).map(|ms| train.updated_ms + ms);
            NextRun { have: number("epoch"), want: number("epochs"), until_ms, ..of("training") }
        }
        None => NextRun { have: gauge("images_to_embed").unwrap_or_default() as u64, ..of("embedding") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::runs::{RunRequest, write_json};
    use plugin_api::status::StatusFile;

    #[test]
    fn the_next_run_is_told_by_code_and_figures() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let (library, decider) = (Arc::new(Library::new(workspace.clone())), Arc::new(Decider::new(workspace.clone())));
        let mut reader = OverviewReader::new(workspace.clone(), library, decider);
        let first = reader.read();
        assert_eq!((first.champion, first.next.code.as_str(), first.needs.len()), (None, "stopped", 0));
        let program = std::env::current_exe().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let mut train = StatusFile::new(&workspace.status(), "train").of_program(&program);
        train.wait(Some(Wait { until_ms: Some(9), ..Wait::number("changes", 2, 291) }));
        train.write();
        let next = reader.read().next;
        assert_eq!((next.code.as_str(), next.have, next.want, next.until_ms), ("changes", 2, 291, Some(9)));
        write_json(&workspace.runs().join(Pause::FILE), &Pause { since_ms: 1 }).unwrap();
        write_json(&workspace.runs().join(RunRequest::FILE), &RunRequest::default()).unwrap();
        let next = reader.read().next;
        assert!(next.is_paused && next.is_asked && next.code == "asked", "{next:?}");
        train.wait(None);
        train.state("run 20261101-1: epoch 2 of 4, train");
        train.gauge("epoch", 2.0);
        train.gauge("epochs", 4.0);
        train.write();
        let next = reader.read().next;
        assert_eq!((next.code.as_str(), next.have, next.want), ("training", 2, 4));
        let file = workspace.candidates().join("cat/1.jpg");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "x").unwrap();
        // The last count may have taken long on a busy machine.
        let counted = reader.counted.as_ref().unwrap();
        std::thread::sleep((counted.took * SHARE).saturating_sub(counted.at.elapsed()));
        let needs = reader.read().needs;
        assert_eq!(needs, [Need { code: "candidates".to_owned(), count: 1, is_notice: false }]);
    }
}
