use super::*;
use clap::Parser as _;
use plugin_api::runs::{Evaluation, Finished, RunManifest, Verdict, write_json};
use std::fs;

fn data() -> DatasetState {
    let classes = ["a", "b", "c"].map(str::to_owned).to_vec();
    let counts = vec![[9, 3, 3, 0]; 3];
    DatasetState { version: 2, fingerprint: "f".to_owned(), classes, counts, ..DatasetState::default() }
}

struct Bench {
    folder: tempfile::TempDir,
    line: String,
}

impl Bench {
    fn new(line: &str) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), line: format!("--debounce-seconds 0 --size 32 --epochs 4 {line}") }
    }

    fn workspace(&self) -> Workspace {
        Workspace::create(self.folder.path()).unwrap()
    }

    /// A node that has just been started.
    fn controller(&self) -> SearchController {
        let config = Config::parse_from(std::iter::once("search").chain(self.line.split_whitespace()));
        let mut controller = SearchController::new(config, self.workspace());
        controller.snapshot(data(), Instant::now());
        controller
    }

    fn proposals(controller: &mut SearchController) -> Vec<Proposed> {
        controller.look_again();
        let out = controller.proceed(Instant::now()).unwrap();
        let proposal = |out| if let Outgoing::Proposal(proposed) = out { Some(proposed) } else { None };
        out.into_iter().filter_map(proposal).collect()
    }

    fn run(&self, proposed: &Proposed) -> RunFolder {
        let folder = RunFolder::new(&self.workspace().runs(), &proposed.run);
        fs::create_dir_all(&folder.0).unwrap();
        let manifest = RunManifest {
            architecture: "attempt".to_owned(),
            definition: Some(proposed.definition.clone()),
            version: 2,
            counts: data().counts,
            ..plugin_api::fixture::manifest(&proposed.run, &["a", "b", "c"])
        };
        write_json(&folder.0.join("run.json"), &manifest).unwrap();
        folder
    }

    /// Epochs of a run as `train` writes them.
    fn epochs(folder: &RunFolder, from: u64, errors: &[f64]) {
        for (epoch, error) in (from..).zip(errors) {
            let row = |split: &str, metric: &str, value: f64| MetricRow {
                split: split.to_owned(),
                metric: metric.to_owned(),
                epoch,
                step: epoch + 1,
                value,
            };
            let rows = [
                row("train", "loss", 1.0),
                row("validation", "weighted_accuracy", 1.0 - error),
                row("train", "epoch_seconds", 2.0),
            ];
            folder.append_metrics(&rows).unwrap();
        }
    }

    fn finish(folder: &RunFolder) {
        let finished =
            Finished { uri: "w".to_owned(), digest: "d".to_owned(), epochs: 4, steps: 4, samples: 9, seconds: 8.0 };
        write_json(&folder.0.join("finished.json"), &finished).unwrap();
    }

    fn evaluate(folder: &RunFolder) {
        let verdict = Verdict {
            run: folder.id(),
            decision: plugin_api::Decision::Refused,
            reason: "It passes the gate.".into(),
            champion: None,
            previous: None,
            classes: data().classes,
            labels: plugin_api::Labels::Single,
            images: 9,
            accuracy: 0.6,
            accuracy_interval: [0.3, 0.8],
            balanced_accuracy: 0.6,
            champion_accuracy: None,
            champion_balanced_accuracy: None,
            mean_average_precision: None,
            champion_mean_average_precision: None,
            p_value: None,
            lower_bound: None,
            f1: Vec::new(),
            confusion: Vec::new(),
            calibration: None,
            evaluation: Evaluation::default(),
            class_results: Vec::new(),
            report: String::new(),
            evaluated_ms: 0,
        };
        write_json(&folder.0.join("verdict.json"), &verdict).unwrap();
    }
}

#[test]
fn a_search_goes_on_after_every_kill_and_ends() {
    let bench = Bench::new("--attempts 8");
    let mut seen = Vec::new();
    for number in 0..8_u64 {
        // A new process for every attempt, and another one in the middle of it.
        let proposed = Bench::proposals(&mut bench.controller());
        assert_eq!(proposed.len(), 1, "attempt {number}");
        assert_eq!(Bench::proposals(&mut bench.controller()), proposed, "proposed again, under the same run's name");
        let proposed = &proposed[0];
        assert_eq!(proposed.attempt, number);
        assert!(seen.last().is_none_or(|last| *last < proposed.run), "runs sort by time");
        seen.push(proposed.run.clone());
        let folder = bench.run(proposed);
        Bench::epochs(&folder, 0, &[0.6, 0.5]);
        let _ = Bench::proposals(&mut bench.controller());
        Bench::epochs(&folder, 2, &[0.4 - 0.01 * number as f64, 0.45]);
        Bench::finish(&folder);
        Bench::evaluate(&folder);
    }
    let mut last = bench.controller();
    assert!(Bench::proposals(&mut last).is_empty());
    let search = last.search().unwrap();
    assert_eq!(search.attempts.len(), 8);
    assert!(search.finished.as_ref().unwrap().contains("8 attempts"), "{:?}", search.finished);
    for attempt in &search.attempts {
        assert_eq!((attempt.curve.len(), attempt.outcome, attempt.seconds), (4, Outcome::Trained, 8.0));
        assert_eq!(attempt.test.as_ref().unwrap().accuracy, 0.6);
    }
    assert!((search.best().unwrap().error().unwrap() - 0.33).abs() < 1e-9);
    last.write_report().unwrap();
    let id = &search_id(&bench);
    for file in ["report/index.html", "summary.json", "networks/0007.yml", "networks/0007.svg"] {
        assert!(bench.folder.path().join("search").join(id).join(file).is_file(), "{file}");
    }
    // The same search, and more of it.
    let more = Bench { line: bench.line.replace("--attempts 8", "--attempts 9"), ..bench };
    assert_eq!(Bench::proposals(&mut more.controller())[0].attempt, 8);
    assert_eq!(&search_id(&more), id);
    // Other settings are another search.
    let other = Bench { line: format!("{} --seed 2", more.line), ..more };
    assert_eq!(Bench::proposals(&mut other.controller())[0].attempt, 0);
}

fn search_id(bench: &Bench) -> String {
    let folders = searches(&bench.workspace().root().join(FOLDER));
    assert_eq!(folders.len(), 1);
    folders[0].file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn what_fails_is_an_attempt_with_its_reason() {
    let bench = Bench::new("--attempts 30");
    let mut controller = bench.controller();
    for number in 0..MOST_FAILURES as u64 {
        let proposed = Bench::proposals(&mut controller);
        assert_eq!(proposed[0].attempt, number);
        let folder = bench.run(&proposed[0]);
        let why = serde_json::json!({ "reason": format!("no memory {number}"), "hopeless": true });
        write_json(&folder.0.join("abandoned.json"), &why).unwrap();
    }
    assert!(Bench::proposals(&mut controller).is_empty());
    let search = controller.search().unwrap();
    assert_eq!(search.attempts[3].reason.as_deref(), Some("no memory 3"));
    assert!(search.finished.as_ref().unwrap().contains("no memory 9"), "{:?}", search.finished);
}

#[test]
fn train_ending_thrice_without_an_epoch_fails() {
    let bench = Bench::new("");
    let mut controller = bench.controller();
    let first = Bench::proposals(&mut controller).remove(0);
    let folder = bench.run(&first);
    for _ in 0..2 {
        controller.restarted("train").unwrap();
    }
    Bench::epochs(&folder, 0, &[0.6]);
    assert_eq!(Bench::proposals(&mut controller), std::slice::from_ref(&first), "told again");
    for _ in 0..3 {
        controller.restarted("train-2").unwrap();
        controller.restarted("evaluate").unwrap();
    }
    assert_eq!(controller.search().unwrap().attempts[0].interruptions, 0, "an epoch, and the others are others");
    for _ in 0..3 {
        controller.restarted("train").unwrap();
    }
    let next = Bench::proposals(&mut controller);
    assert_eq!(next[0].attempt, 1);
    let reason = controller.search().unwrap().attempts[0].reason.clone().unwrap();
    assert!(reason.contains("memory"), "{reason}");
}

#[test]
fn hopeless_attempts_are_stopped_until_they_have_ended() {
    let bench = Bench::new("--halving 2 --objective error --attempts 12");
    let mut controller = bench.controller();
    for number in 0..5 {
        let proposed = Bench::proposals(&mut controller).remove(0);
        let folder = bench.run(&proposed);
        if number < 4 {
            Bench::epochs(&folder, 0, &[0.5, 0.4, 0.3, 0.3]);
            Bench::finish(&folder);
            continue;
        }
        Bench::epochs(&folder, 0, &[0.6, 0.6]);
        controller.look_again();
        let out = controller.proceed(Instant::now()).unwrap();
        let Some(Outgoing::Stop { run, reason }) = out.last() else { panic!("{out:?}") };
        assert!(*run == proposed.run && reason.contains("after 2 epochs"), "{reason}");
        // `train` was started again and has forgotten.
        controller.restarted("train").unwrap();
        let out = controller.proceed(Instant::now()).unwrap();
        assert_eq!(out.len(), 2, "{out:?}");
        // It came one epoch further before it received that.
        Bench::epochs(&folder, 2, &[0.1]);
        Bench::finish(&folder);
    }
    assert_eq!(Bench::proposals(&mut controller)[0].attempt, 5);
    let attempt = &controller.search().unwrap().attempts[4];
    assert_eq!((attempt.outcome, attempt.curve.len()), (Outcome::Stopped, 2));
    let estimate = controller.search().unwrap().estimate(attempt).unwrap();
    assert!((estimate - 0.5).abs() < 1e-9, "as much is gained as by the others: {estimate}");
}

#[test]
fn several_are_trained_side_by_side_after_the_first() {
    let bench = Bench::new("--parallel 3");
    let mut controller = bench.controller();
    let first = Bench::proposals(&mut controller);
    assert_eq!(first.len(), 1);
    let folder = bench.run(&first[0]);
    Bench::epochs(&folder, 0, &[0.5]);
    Bench::finish(&folder);
    let three = Bench::proposals(&mut controller);
    assert_eq!(three.iter().map(|p| p.worker).collect::<Vec<_>>(), [0, 1, 2]);
    let runs: std::collections::BTreeSet<&String> = three.iter().map(|p| &p.run).collect();
    assert_eq!(runs.len(), 3);
    assert_eq!((worker_of("train"), worker_of("train-3"), worker_of("dataset")), (Some(0), Some(2), None));
}

#[test]
fn bounds_end_a_search() {
    let bench = Bench::new("--stop-error 0.3 --stop-multiply-adds 100000000 --attempts 0");
    let mut controller = bench.controller();
    let first = Bench::proposals(&mut controller).remove(0);
    let folder = bench.run(&first);
    Bench::epochs(&folder, 0, &[0.5, 0.29, 0.4, 0.4]);
    Bench::finish(&folder);
    assert!(Bench::proposals(&mut controller).is_empty());
    assert!(controller.told().to_string().contains("29.0 %"), "{}", controller.told());
}

#[test]
fn lines_on_their_way_are_not_an_epoch_yet() {
    let row = |split: &str, metric: &str| MetricRow {
        split: split.to_owned(),
        metric: metric.to_owned(),
        epoch: 0,
        step: 1,
        value: 0.25,
    };
    let (loss, right, seconds) =
        (row("train", "loss"), row("validation", "weighted_accuracy"), row("train", "epoch_seconds"));
    assert!(epochs(0, 0, &[loss.clone(), right.clone()]).is_empty());
    let error = |rows: &[MetricRow]| {
        let events = epochs(0, 0, rows);
        if let [Event::Epoch { error, .. }] = events[..] { error } else { panic!("{events:?}") }
    };
    assert_eq!(error(&[loss.clone(), right, seconds.clone()]), 0.75);
    assert_eq!(error(&[loss, seconds]), 0.25, "without validation images");
}
