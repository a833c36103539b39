use super::*;
use crate::conclude::tests::verdict;
use crate::contender::tests::card;
use plugin_api::runs::RunFolder;

struct Bench {
    _folder: tempfile::TempDir,
    home: Home,
}

impl Bench {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::create(folder.path()).unwrap();
        Self { _folder: folder, home }
    }

    /// Weights of a run, and the card and verdict that go with them.
    fn run(&self, run: &str, previous: Option<&str>) -> (PathBuf, ModelCard, Verdict) {
        let folder = RunFolder::new(&self.home.runs(), run).0;
        fs::create_dir_all(&folder).unwrap();
        let checkpoint = folder.join("epoch.safetensors");
        let content = format!("weights of {run}");
        fs::write(&checkpoint, &content).unwrap();
        let mut card = card(run, 16, &["a", "b"]);
        card.digest = blake3::hash(content.as_bytes()).to_hex().to_string();
        (checkpoint, card, verdict(run, previous))
    }

    /// Names in `models/`, the link left out.
    fn models(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.home.models())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .filter(|n| n != "champion")
            .collect();
        names.sort();
        names
    }

    /// What a reader of `models/champion` finds.
    fn weights(&self) -> Option<String> {
        fs::read_to_string(weights(&self.home.champion())).ok()
    }
}

#[test]
fn a_promotion_leaves_a_whole_model_and_the_one_before() {
    let bench = Bench::new();
    for (run, previous) in [("one", None), ("two", Some("one"))] {
        let (checkpoint, card, verdict) = bench.run(run, previous);
        promote(&bench.home, &checkpoint, &card, &verdict).unwrap();
        assert_eq!(champion(&bench.home).as_deref(), Some(run));
        assert_eq!(bench.weights().unwrap(), format!("weights of {run}"));
        assert_eq!(read_json::<ModelCard>(&bench.home.champion().join("model.json")).unwrap(), card);
    }
    assert_eq!(bench.models(), ["one", "two"]);
}

#[test]
fn cut_after_any_step_it_is_whole_and_can_be_done_again() {
    for step in [Step::Weights, Step::Folder, Step::Named, Step::Linked] {
        let bench = Bench::new();
        let (checkpoint, card, verdict) = bench.run("one", None);
        promote(&bench.home, &checkpoint, &card, &verdict).unwrap();
        let (checkpoint, card, verdict) = bench.run("two", Some("one"));
        promote_until(&bench.home, &checkpoint, &card, &verdict, step).unwrap();
        let linked = step == Step::Linked;
        assert_eq!(bench.weights().unwrap(), if linked { "weights of two" } else { "weights of one" }, "{step:?}");
        for _ in 0..2 {
            promote(&bench.home, &checkpoint, &card, &verdict).unwrap();
            assert_eq!(bench.weights().unwrap(), "weights of two", "{step:?}");
            assert_eq!(bench.models(), ["one", "two"], "{step:?} leaves nothing behind");
        }
    }
}

#[test]
fn what_was_decided_is_finished_not_judged_again() {
    for (step, decided) in [(Step::Weights, false), (Step::Folder, false), (Step::Named, true), (Step::Linked, true)] {
        let bench = Bench::new();
        let (checkpoint, card, first) = bench.run("one", None);
        promote(&bench.home, &checkpoint, &card, &first).unwrap();
        let (checkpoint, card, second) = bench.run("two", Some("one"));
        promote_until(&bench.home, &checkpoint, &card, &second, step).unwrap();
        assert_eq!(unfinished(&bench.home, "two").unwrap(), decided.then_some(second), "{step:?}");
        assert_eq!(champion(&bench.home).as_deref(), Some(if decided { "two" } else { "one" }), "{step:?}");
    }
}

#[test]
fn a_decision_against_another_champion_does_not_count() {
    let bench = Bench::new();
    let (checkpoint, card, first) = bench.run("one", None);
    promote(&bench.home, &checkpoint, &card, &first).unwrap();
    let (checkpoint, card, second) = bench.run("two", Some("zero"));
    promote_until(&bench.home, &checkpoint, &card, &second, Step::Named).unwrap();
    assert_eq!(unfinished(&bench.home, "two").unwrap(), None);
    assert_eq!(champion(&bench.home).as_deref(), Some("one"));
    discard(&bench.home, "two").unwrap();
    assert_eq!(bench.models(), ["one"]);
}

#[test]
fn weights_that_are_not_those_announced_are_refused() {
    let bench = Bench::new();
    let (checkpoint, mut card, verdict) = bench.run("one", None);
    card.digest = blake3::hash(b"others").to_hex().to_string();
    let error = promote(&bench.home, &checkpoint, &card, &verdict).unwrap_err().to_string();
    assert!(error.contains("epoch.safetensors") && error.contains(&card.digest), "{error}");
    assert_eq!(champion(&bench.home), None);
}
