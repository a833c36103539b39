//! Promotion, rollback and pruning, cut short after every step, and by SIGKILL at any instant.

use crate::by_hand::{Refused, Step as HandStep, promote_by_hand, promote_until as by_hand_until, roll_back};
use crate::models::{model, models};
use crate::promote::{Step, champion, discard, promote, promote_until, restore_link, unfinished, weights};
use crate::prune::prune;
use plugin_api::files::write_atomically;
use plugin_api::runs::{Finished, ModelCard, RunFolder, RunManifest, Verdict, read_json, write_json};
use plugin_api::{Workspace, fixture};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

struct Bench {
    _folder: tempfile::TempDir,
    workspace: Workspace,
}

fn card(run: &str) -> ModelCard {
    ModelCard { digest: digest(run), ..fixture::card(run, &["a", "b"]) }
}

fn digest(run: &str) -> String {
    blake3::hash(format!("weights of {run}").as_bytes()).to_hex().to_string()
}

/// A verdict that promotes `run`.
fn verdict(run: &str, previous: Option<&str>) -> Verdict {
    let json = serde_json::json!({
        "run": run, "decision": "promoted", "reason": "for a test", "champion": run, "previous": previous,
        "classes": ["a", "b"], "pictures": 4, "accuracy": 0.75, "accuracy_interval": [0.3, 0.95],
        "balanced_accuracy": 0.75, "champion_accuracy": null, "champion_balanced_accuracy": null, "p_value": null,
        "confusion": [[1, 1], [0, 2]], "report": "", "judged_ms": 1,
        "calibration": {"temperature": 1.5, "fitted_on": 9, "error_before": 0.1, "error_after": 0.05},
    });
    serde_json::from_value(json).unwrap()
}

fn manifest(run: &str) -> RunManifest {
    fixture::manifest(run, &["a", "b"])
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        Self { _folder: folder, workspace }
    }

    /// Weights of a run, and the card and verdict that go with them.
    fn run(&self, run: &str, previous: Option<&str>) -> (PathBuf, ModelCard, Verdict) {
        let folder = RunFolder::new(&self.workspace.runs(), run).0;
        fs::create_dir_all(&folder).unwrap();
        let checkpoint = folder.join("epoch.safetensors");
        let content = format!("weights of {run}");
        fs::write(&checkpoint, &content).unwrap();
        (checkpoint, card(run), verdict(run, previous))
    }

    /// A run that has finished, with a verdict or without.
    fn finished(&self, run: &str, verdict: Option<Verdict>) {
        let (checkpoint, card, _) = self.run(run, None);
        let folder = checkpoint.parent().unwrap();
        write_json(&folder.join("run.json"), &manifest(run)).unwrap();
        let uri = format!("runs/{run}/epoch.safetensors");
        let finished = Finished { uri, digest: card.digest, epochs: 1, steps: 1, samples: 1, seconds: 1.0 };
        write_json(&folder.join("finished.json"), &finished).unwrap();
        if let Some(verdict) = verdict {
            write_json(&folder.join("verdict.json"), &verdict).unwrap();
        }
    }

    /// Runs that were promoted one after the other by their verdicts.
    fn promoted(&self, runs: &[&str]) {
        let mut previous = None;
        for run in runs {
            self.finished(run, Some(verdict(run, previous)));
            let (checkpoint, card, verdict) = self.run(run, previous);
            promote(&self.workspace, &checkpoint, &card, &verdict).unwrap();
            previous = Some(run);
        }
    }

    fn champion(&self) -> Option<String> {
        champion(&self.workspace)
    }

    /// Names in `models/`, the link left out.
    fn models(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.workspace.models())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .filter(|n| n != "champion" && n != ".lock")
            .collect();
        names.sort();
        names
    }

    /// What a reader of `models/champion` finds.
    fn weights(&self) -> Option<String> {
        fs::read_to_string(weights(&self.workspace.champion())).ok()
    }
}

/// As a zip archive or a synchronised folder brings it.
#[test]
fn a_copied_workspace_without_links_keeps_its_champion() {
    let bench = Bench::new();
    bench.promoted(&["one", "two"]);
    let link = bench.workspace.champion();
    fs::remove_file(&link).unwrap();
    fs::create_dir(&link).unwrap();
    for file in fs::read_dir(bench.workspace.models().join("two")).unwrap().map(|entry| entry.unwrap().path()) {
        fs::copy(&file, link.join(file.file_name().unwrap())).unwrap();
    }
    assert_eq!(bench.champion().as_deref(), Some("two"));
    assert_eq!(models(&bench.workspace).len(), 2, "the copy is no model of its own");
    restore_link(&bench.workspace).unwrap();
    assert_eq!(fs::read_link(&link).unwrap(), Path::new("two"), "a link again");
    assert_eq!(roll_back(&bench.workspace).unwrap(), ("two".to_owned(), "one".to_owned()));
    assert_eq!(bench.models(), ["one", "two"]);
}

#[test]
fn a_promotion_leaves_a_whole_model_and_the_one_before() {
    let bench = Bench::new();
    for (run, previous) in [("one", None), ("two", Some("one"))] {
        let (checkpoint, card, verdict) = bench.run(run, previous);
        promote(&bench.workspace, &checkpoint, &card, &verdict).unwrap();
        assert_eq!(champion(&bench.workspace).as_deref(), Some(run));
        assert_eq!(bench.weights().unwrap(), format!("weights of {run}"));
        assert_eq!(read_json::<ModelCard>(&bench.workspace.champion().join("model.json")).unwrap(), card);
    }
    assert_eq!(bench.models(), ["one", "two"]);
}

#[test]
fn cut_after_any_step_it_is_whole_and_can_be_done_again() {
    for step in [Step::Weights, Step::Folder, Step::Named, Step::Linked] {
        let bench = Bench::new();
        let (checkpoint, card, verdict) = bench.run("one", None);
        promote(&bench.workspace, &checkpoint, &card, &verdict).unwrap();
        let (checkpoint, card, verdict) = bench.run("two", Some("one"));
        promote_until(&bench.workspace, &checkpoint, &card, &verdict, step).unwrap();
        let linked = step == Step::Linked;
        assert_eq!(bench.weights().unwrap(), if linked { "weights of two" } else { "weights of one" }, "{step:?}");
        for _ in 0..2 {
            promote(&bench.workspace, &checkpoint, &card, &verdict).unwrap();
            assert_eq!(bench.weights().unwrap(), "weights of two", "{step:?}");
            assert_eq!(bench.models(), ["one", "two"], "{step:?} leaves nothing behind");
        }
    }
}

#[test]
fn what_was_decided_is_not_evaluated_again() {
    for (step, decided) in [(Step::Weights, false), (Step::Folder, false), (Step::Named, true), (Step::Linked, true)] {
        let bench = Bench::new();
        let (checkpoint, card, first) = bench.run("one", None);
        promote(&bench.workspace, &checkpoint, &card, &first).unwrap();
        let (checkpoint, card, second) = bench.run("two", Some("one"));
        promote_until(&bench.workspace, &checkpoint, &card, &second, step).unwrap();
        assert_eq!(unfinished(&bench.workspace, "two").unwrap(), decided.then_some(second), "{step:?}");
        assert_eq!(champion(&bench.workspace).as_deref(), Some(if decided { "two" } else { "one" }), "{step:?}");
    }
}

#[test]
fn a_decision_against_another_champion_does_not_count() {
    let bench = Bench::new();
    let (checkpoint, card, first) = bench.run("one", None);
    promote(&bench.workspace, &checkpoint, &card, &first).unwrap();
    let (checkpoint, card, second) = bench.run("two", Some("zero"));
    promote_until(&bench.workspace, &checkpoint, &card, &second, Step::Named).unwrap();
    assert_eq!(unfinished(&bench.workspace, "two").unwrap(), None);
    assert_eq!(champion(&bench.workspace).as_deref(), Some("one"));
    discard(&bench.workspace, "two").unwrap();
    assert_eq!(bench.models(), ["one"]);
}

#[test]
fn weights_that_are_not_those_announced_are_refused() {
    let bench = Bench::new();
    let (checkpoint, mut card, verdict) = bench.run("one", None);
    card.digest = blake3::hash(b"others").to_hex().to_string();
    let error = promote(&bench.workspace, &checkpoint, &card, &verdict).unwrap_err().to_string();
    assert!(error.contains("epoch.safetensors") && error.contains(&card.digest), "{error}");
    assert_eq!(champion(&bench.workspace), None);
}

#[test]
fn a_person_promotes_and_goes_back_one_by_one() {
    let bench = Bench::new();
    bench.promoted(&["one", "two", "three"]);
    assert!(matches!(promote_by_hand(&bench.workspace, "three"), Err(Refused::Already(_))));
    // One of the earlier champions, then a run that was refused: each by its own choice.
    assert_eq!(promote_by_hand(&bench.workspace, "one").unwrap().as_deref(), Some("three"));
    bench.finished("four", Some(Verdict { decision: plugin_api::Decision::Refused, ..verdict("four", Some("three")) }));
    assert_eq!(promote_by_hand(&bench.workspace, "four").unwrap().as_deref(), Some("one"));
    assert_eq!(bench.weights().unwrap(), "weights of four");
    let four = model(&bench.workspace, "four").unwrap();
    assert!(four.is_champion && four.card.temperature == Some(1.5) && four.previous() == Some("one"));
    let back =
        |from: &str, to: &str| assert_eq!(roll_back(&bench.workspace).unwrap(), (from.to_owned(), to.to_owned()));
    back("four", "one");
    back("one", "three");
    back("three", "two");
    back("two", "one");
    let error = roll_back(&bench.workspace).unwrap_err().to_string();
    assert!(error.contains("one was the first champion"), "{error}");
    assert_eq!(bench.models(), ["four", "one", "three", "two"], "nothing is lost by going back");
    assert_eq!(
        models(&bench.workspace).iter().filter(|m| m.is_champion).map(|m| m.id.as_str()).collect::<Vec<_>>(),
        ["one"]
    );
}

#[test]
fn impossible_is_refused_with_reason_changing_nothing() {
    let bench = Bench::new();
    assert!(matches!(roll_back(&bench.workspace), Err(Refused::Nobody)));
    bench.promoted(&["one", "two"]);
    bench.finished("judged", Some(verdict("judged", None)));
    bench.finished("unjudged", None);
    bench.finished("gone", Some(verdict("gone", None)));
    fs::remove_file(bench.workspace.runs().join("gone/epoch.safetensors")).unwrap();
    bench.finished("broken", Some(verdict("broken", None)));
    fs::write(bench.workspace.runs().join("broken/epoch.safetensors"), "others").unwrap();
    bench.finished("early", None);
    fs::remove_file(bench.workspace.runs().join("early/finished.json")).unwrap();
    for (id, why) in [
        ("nobody", "models there are: one, two"),
        ("../runs/judged", "neither a model nor a run"),
        ("", "neither a model nor a run"),
        ("unjudged", "not been evaluated"),
        ("gone", "are gone"),
        ("broken", "BLAKE3"),
        ("early", "not finished"),
    ] {
        let error = promote_by_hand(&bench.workspace, id).unwrap_err().to_string();
        assert!(error.contains(why), "{id}: {error}");
        assert_eq!(bench.champion().as_deref(), Some("two"), "{id}");
    }
    // A model whose weights were tampered with, and one that a person has deleted.
    fs::write(weights(&bench.workspace.models().join("one")), "others").unwrap();
    assert!(roll_back(&bench.workspace).unwrap_err().to_string().contains("BLAKE3"));
    fs::remove_dir_all(bench.workspace.models().join("one")).unwrap();
    let error = roll_back(&bench.workspace).unwrap_err().to_string();
    assert!(error.contains("one") && error.contains("not there any more"), "{error}");
    assert_eq!(bench.champion().as_deref(), Some("two"));
}

#[test]
fn by_hand_cut_after_any_step_it_is_whole_and_can_be_done_again() {
    for step in [HandStep::Weights, HandStep::Named, HandStep::Noted, HandStep::Linked] {
        let bench = Bench::new();
        bench.promoted(&["one"]);
        bench.finished("two", Some(verdict("two", Some("one"))));
        by_hand_until(&bench.workspace, "two", step).unwrap();
        let linked = step == HandStep::Linked;
        assert_eq!(bench.weights().unwrap(), if linked { "weights of two" } else { "weights of one" }, "{step:?}");
        assert_eq!(promote_by_hand(&bench.workspace, "two").is_ok(), !linked, "{step:?}");
        assert_eq!(bench.weights().unwrap(), "weights of two", "{step:?}");
        assert_eq!(bench.models(), ["one", "two"], "{step:?} leaves nothing behind");
        assert_eq!(roll_back(&bench.workspace).unwrap().1, "one");
    }
}

/// What the next test runs in a process of its own, to be killed.
#[test]
#[ignore = "it never ends"]
fn promotes_and_goes_back_for_ever() {
    let Some(root) = std::env::var_os("WAKUTEKA_KILLED_HOME") else { return };
    let workspace = Workspace::create(Path::new(&root)).unwrap();
    let runs: Vec<String> = RunFolder::all(&workspace.runs()).iter().map(RunFolder::id).collect();
    // New ones first, so that every step is met.
    let (new, old): (Vec<String>, Vec<String>) = runs.into_iter().partition(|run| model(&workspace, run).is_none());
    for run in new.iter().chain(&old).cycle() {
        if champion(&workspace).as_ref() != Some(run) {
            promote_by_hand(&workspace, run).unwrap();
            roll_back(&workspace).unwrap();
        }
    }
}

#[test]
fn killed_at_any_instant_a_reader_finds_a_whole_champion() {
    let bench = Bench::new();
    bench.promoted(&["one"]);
    for run in 0..400 {
        bench.finished(&format!("run-{run:04}"), Some(verdict(&format!("run-{run:04}"), Some("one"))));
    }
    let (mut seen, mut reads) = (std::collections::BTreeSet::new(), 0);
    for n in 0..40_u64 {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::promotes_and_goes_back_for_ever", "--ignored", "--nocapture"])
            .env("WAKUTEKA_KILLED_HOME", bench.workspace.root())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let end = Instant::now() + Duration::from_millis(60 + n * 7 % 31);
        while Instant::now() < end {
            // Through the link once, as a reader does.
            let folder = bench.workspace.models().join(fs::read_link(bench.workspace.champion()).unwrap());
            let card: ModelCard = read_json(&folder.join("model.json")).unwrap();
            assert_eq!(fs::read_to_string(weights(&folder)).unwrap(), format!("weights of {}", card.run));
            seen.insert(card.run);
            reads += 1;
        }
        assert!(child.try_wait().unwrap().is_none(), "it has ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
        let found = model(&bench.workspace, &bench.champion().unwrap()).expect("the champion is whole");
        assert_eq!(fs::read_to_string(weights(&found.folder)).unwrap(), format!("weights of {}", found.id));
    }
    assert!(seen.len() > 20 && reads > 1000, "{} champions seen in {reads} reads", seen.len());
    // Whatever was left, it goes on.
    promote_by_hand(&bench.workspace, "run-0399").unwrap();
    roll_back(&bench.workspace).unwrap();
}

#[test]
fn old_evaluated_runs_go_but_never_champions() {
    let bench = Bench::new();
    bench.promoted(&["01", "02"]);
    for run in ["03", "04", "05", "06"] {
        bench.finished(run, Some(verdict(run, Some("02"))));
    }
    for run in ["00", "07"] {
        bench.finished(run, None);
    }
    fs::create_dir_all(bench.workspace.runs().join(".cut.old/checkpoints")).unwrap();
    let ids = || RunFolder::all(&bench.workspace.runs()).iter().map(RunFolder::id).collect::<Vec<_>>();
    assert_eq!(prune(&bench.workspace, 10).unwrap(), Vec::<String>::new());
    assert!(!bench.workspace.runs().join(".cut.old").exists(), "what was cut short");
    assert_eq!(prune(&bench.workspace, 2).unwrap(), ["03", "04"]);
    assert_eq!(ids(), ["00", "01", "02", "05", "06", "07"]);
    // A model that cannot be read protects its run all the same.
    write_atomically(&bench.workspace.models().join("01/model.json"), b"{").unwrap();
    assert_eq!(prune(&bench.workspace, 0).unwrap(), ["05", "06"]);
    assert_eq!(ids(), ["00", "01", "02", "07"]);
}
