use super::*;
use crate::candidate::tests::ByFirstByte;
use crate::classifier::{Classifier, ClassifierError};
use plugin_api::edges::{BatchHeader, empty_lists_of_f32, lists_of_u32};
use plugin_api::runs::{ClassResult, CrossValidation, Evaluation, ModelCard, OutOfFold};
use plugin_api::{Selection, fixture};
use plugin_champion::champion;
use std::fs;
use std::path::Path;
use std::time::Duration;

const CLASSES: [&str; 2] = ["bus", "きゅんきゅん"];
const SIDE: u32 = 16;

/// Weights are names of classes by the first byte of an image: `bus,きゅんきゅん` is right on all of them.
struct Names;

impl Loader for Names {
    fn load(&self, weights: &Path, card: ModelCard) -> Result<Box<dyn Classifier>, ClassifierError> {
        let text = fs::read_to_string(weights).map_err(|e| ClassifierError::Unusable(e.to_string()))?;
        if text == "broken" {
            return Err(ClassifierError::Unusable("a tensor is missing".to_owned()));
        }
        Ok(Box::new(ByFirstByte { card, names: text.split(',').map(str::to_owned).collect() }))
    }
}

struct Bench {
    _folder: tempfile::TempDir,
    workspace: Workspace,
    /// The held-out images: class indices.
    held_out: Vec<u32>,
    /// The validation images, likewise.
    validation: Vec<u32>,
}

impl Bench {
    fn new(held_out: &[u32]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        Self { _folder: folder, workspace, held_out: held_out.to_vec(), validation: Vec::new() }
    }

    /// A run that has ended with these weights.
    fn run(&self, id: &str, weights: &str) -> Checkpoint {
        let folder = RunFolder::new(&self.workspace.runs(), id);
        fs::create_dir_all(&folder.0).unwrap();
        let manifest = RunManifest {
            architecture: "by-first-byte".to_owned(),
            size_px: SIDE,
            resize_mode: plugin_api::ResizeMode::Crop,
            version: 3,
            counts: vec![[10, self.validation.len() as u64 / 2, 5, 0]; 2],
            epochs: 1,
            ..fixture::manifest(id, &CLASSES)
        };
        write_json(&folder.0.join("run.json"), &manifest).unwrap();
        fs::write(folder.0.join("last.safetensors"), weights).unwrap();
        Checkpoint {
            run: id.to_owned(),
            uri: format!("runs/{id}/last.safetensors"),
            digest: blake3::hash(weights.as_bytes()).to_hex().to_string(),
            version: 3,
        }
    }

    fn evaluator(&self) -> Evaluator<Names> {
        Evaluator::new(self.workspace.clone(), Names, 2, Gate::default())
    }

    /// What `dataset` answers to a request.
    fn answers(&self, demand: &Demand) -> Vec<(Header, Batches)> {
        let size = demand.batch_size.value(0) as usize;
        let of = if demand.split.value(0) == "test" { &self.held_out } else { &self.validation };
        let batches: Vec<&[u32]> = of.chunks(size).collect();
        let first = demand.first.value(0) as usize;
        (first..(first + demand.count.value(0) as usize).min(batches.len().max(1)))
            .map(|i| {
                let rows = batches.get(i).copied().unwrap_or_default();
                let name = |r: usize| format!("photos/{}/{i}-{r}.jpg", CLASSES[rows[r] as usize]);
                let paths: Vec<String> = (0..rows.len()).map(name).collect();
                let pixels: Vec<Vec<u8>> =
                    rows.iter().map(|&class| vec![class as u8; (SIDE * SIDE * 3) as usize]).collect();
                let batch = Batches {
                    digest: paths.clone().into(),
                    group: paths.clone().into(),
                    path: paths.into(),
                    targets: lists_of_u32(rows.iter().map(std::slice::from_ref)),
                    weight: vec![1.0; rows.len()].into(),
                    width: vec![SIDE; rows.len()].into(),
                    height: vec![SIDE; rows.len()].into(),
                    pixels: pixels.iter().map(|p| Some(p.as_slice())).collect(),
                    decisions: empty_lists_of_f32(rows.len()),
                };
                let of = BatchHeader {
                    version: demand.version.value(0),
                    seed: demand.seed.value(0),
                    split: Selection::parse(demand.split.value(0)).unwrap(),
                    batches: batches.len() as u64,
                    classes: CLASSES.map(str::to_owned).to_vec(),
                    ..BatchHeader::default()
                };
                (Header::new(demand.run.value(0), i as u64).fin(i + 1 >= batches.len()).with(&of), batch)
            })
            .collect()
    }

    /// Announces a run and plays `dataset` until there is a verdict.
    fn evaluate(&self, evaluator: &mut Evaluator<Names>, checkpoint: &Checkpoint) -> Verdict {
        if let Some(Outgoing::Verdict(verdict)) = evaluator.announced(checkpoint.clone()).unwrap() {
            return *verdict;
        }
        for _ in 0..100 {
            for out in evaluator.proceed(Instant::now()).unwrap() {
                match out {
                    Outgoing::Verdict(verdict) => return *verdict,
                    Outgoing::Demand(demand) => {
                        for (header, batch) in self.answers(&demand) {
                            evaluator.add_batch(&header, &batch).unwrap();
                        }
                    }
                }
            }
        }
        panic!("no verdict");
    }
}

const GOOD: &str = "bus,きゅんきゅん";
const HALF: &str = "bus,bus";
const BAD: &str = "きゅんきゅん,bus";

#[test]
fn runs_are_evaluated_promoted_and_refused() {
    let bench = Bench::new(&[0, 0, 0, 1, 1, 0, 1, 1, 0, 1, 0]);
    let mut evaluator = bench.evaluator();
    let first = bench.evaluate(&mut evaluator, &bench.run("one", HALF));
    assert_eq!((first.decision.name(), first.images, first.balanced_accuracy), ("promoted", 11, 0.5));
    assert_eq!(first.confusion, [[6, 0], [5, 0]]);
    assert_eq!((first.previous, first.champion.as_deref()), (None, Some("one")));

    let worse = bench.evaluate(&mut evaluator, &bench.run("two", BAD));
    assert_eq!((worse.decision.name(), worse.champion.as_deref()), ("refused", Some("one")));
    assert!(!bench.workspace.models().join("two").exists());

    let better = bench.evaluate(&mut evaluator, &bench.run("three", GOOD));
    assert_eq!((better.decision.name(), better.accuracy), ("promoted", 1.0));
    assert_eq!(better.champion_balanced_accuracy, Some(0.5));
    assert_eq!(better.p_value, Some(0.0625), "five images that only the challenger got right: 2 / 2⁵");
    assert_eq!(champion(&bench.workspace).as_deref(), Some("three"));
    assert!(bench.workspace.models().join("one/model.safetensors").is_file(), "the one before stays");
}

#[test]
fn temperature_is_of_validation_and_goes_with_model() {
    let mut bench = Bench::new(&[0, 1, 1, 0, 0]);
    // Always right on the test images, and on three of four validation images: those decide.
    bench.validation = (0..60).map(|i| u32::from(i % 4 == 0)).collect();
    let verdict = bench.evaluate(&mut bench.evaluator(), &bench.run("one", HALF));
    let calibration = verdict.calibration.unwrap();
    assert_eq!((verdict.images, calibration.fitted_on), (5, 60));
    // It says 0.9 to 0.1 and is right three times in four: ln 9 / T = ln 3 makes T = 2, but for what is taken for granted.
    assert!((1.7..2.05).contains(&calibration.temperature), "{}", calibration.temperature);
    // Three of the five are right at 0.9, and afterwards at about 0.75.
    assert!((calibration.error_before.unwrap() - 0.3).abs() < 1e-6, "{calibration:?}");
    assert!(calibration.error_after.unwrap() < 0.2, "{calibration:?}");
    let card: ModelCard = read_json(&bench.workspace.champion().join("model.json")).unwrap();
    assert_eq!(card.temperature, Some(calibration.temperature));
    let page = fs::read_to_string(bench.workspace.root().join(&verdict.report)).unwrap();
    assert!(page.contains("fitted on 60"));

    // Too few to go by.
    bench.validation.truncate(10);
    let verdict = bench.evaluate(&mut bench.evaluator(), &bench.run("two", GOOD));
    assert_eq!((verdict.decision.name(), verdict.calibration), ("promoted", None));
    let card: ModelCard = read_json(&bench.workspace.champion().join("model.json")).unwrap();
    assert_eq!(card.temperature, None);
}

#[test]
fn everything_is_written_down_and_told_again_the_same() {
    let bench = Bench::new(&[0, 1, 1]);
    let checkpoint = bench.run("one", HALF);
    let verdict = bench.evaluate(&mut bench.evaluator(), &checkpoint);
    let folder = RunFolder::new(&bench.workspace.runs(), "one");
    assert_eq!(folder.verdict(), Some(verdict.clone()));
    let page = fs::read_to_string(bench.workspace.root().join(&verdict.report)).unwrap();
    assert!(page.contains("Promoted") && page.contains("きゅんきゅん → <strong>bus</strong>"));
    let table = fs::read_to_string(folder.0.join("report/predictions.csv")).unwrap();
    assert_eq!(table.lines().count(), 4);
    assert!(table.contains("photos/きゅんきゅん/0-1.jpg") && table.contains("p_きゅんきゅん"));
    assert_eq!(bench.evaluate(&mut bench.evaluator(), &checkpoint), verdict);
}

#[test]
fn kill_before_the_verdict_compares_no_run_to_itself() {
    let bench = Bench::new(&[0, 1, 1]);
    bench.evaluate(&mut bench.evaluator(), &bench.run("one", HALF));
    let checkpoint = bench.run("two", GOOD);
    let verdict = bench.evaluate(&mut bench.evaluator(), &checkpoint);
    fs::remove_file(RunFolder::new(&bench.workspace.runs(), "two").0.join("verdict.json")).unwrap();
    let again = bench.evaluate(&mut bench.evaluator(), &checkpoint);
    assert_eq!(again, verdict);
    assert_eq!(again.previous.as_deref(), Some("one"));
    assert_eq!(RunFolder::new(&bench.workspace.runs(), "two").verdict(), Some(verdict));
}

/// Images are relabelled and removed between two runs: the champion's earlier figures are not used, it is evaluated again on
/// what the challenger is evaluated on.
#[test]
fn a_test_set_that_changed_is_the_same_for_both() {
    let mut bench = Bench::new(&[0, 0, 0, 0, 1, 1]);
    let mut evaluator = bench.evaluator();
    let first = bench.evaluate(&mut evaluator, &bench.run("one", HALF));
    assert_eq!((first.balanced_accuracy, first.accuracy), (0.5, 4.0 / 6.0));
    bench.held_out = vec![0, 1, 1, 1, 1];
    let second = bench.evaluate(&mut evaluator, &bench.run("two", HALF));
    assert_eq!((second.accuracy, second.champion_accuracy), (0.2, Some(0.2)));
    assert_eq!((second.images, second.decision.name()), (5, "promoted"));
}

#[test]
fn champion_made_by_hand_is_what_a_run_is_compared_to() {
    let bench = Bench::new(&[0, 1, 1, 0, 1, 0, 1, 1]);
    let mut evaluator = bench.evaluator();
    bench.evaluate(&mut evaluator, &bench.run("one", GOOD));
    assert_eq!(bench.evaluate(&mut evaluator, &bench.run("two", BAD)).decision.name(), "refused");
    let checkpoint = bench.run("three", HALF);
    evaluator.announced(checkpoint.clone()).unwrap();
    let Some(Outgoing::Demand(demand)) = evaluator.proceed(Instant::now()).unwrap().pop() else { panic!("no demand") };
    for (header, batch) in bench.answers(&demand) {
        evaluator.add_batch(&header, &batch).unwrap();
    }
    // All images have come; against "one" it would be refused. Now another is champion.
    let bad = bench.workspace.models().join("two");
    fs::create_dir(&bad).unwrap();
    fs::write(bad.join("model.safetensors"), BAD).unwrap();
    let card: ModelCard = read_json(&bench.workspace.champion().join("model.json")).unwrap();
    write_json(&bad.join("model.json"), &ModelCard { run: "two".to_owned(), ..card }).unwrap();
    plugin_api::files::point_atomically(&bench.workspace.champion(), Path::new("two")).unwrap();
    let verdict = bench.evaluate(&mut evaluator, &checkpoint);
    assert_eq!((verdict.decision.name(), verdict.previous.as_deref()), ("promoted", Some("two")), "{}", verdict.reason);
    assert_eq!(verdict.champion_balanced_accuracy, Some(0.0));
}

#[test]
fn killed_amid_the_images_another_process_begins_anew() {
    let bench = Bench::new(&[0, 0, 0, 1, 1, 0, 1]);
    let checkpoint = bench.run("one", GOOD);
    let mut killed = bench.evaluator();
    assert!(killed.announced(checkpoint.clone()).unwrap().is_none());
    let Some(Outgoing::Demand(demand)) = killed.proceed(Instant::now()).unwrap().pop() else { panic!("no demand") };
    let (header, batch) = bench.answers(&demand).swap_remove(0);
    killed.add_batch(&header, &batch).unwrap();
    drop(killed);
    let verdict = bench.evaluate(&mut bench.evaluator(), &checkpoint);
    assert_eq!((verdict.images, verdict.accuracy), (7, 1.0));
}

#[test]
fn lost_and_repeated_batches_change_nothing() {
    let bench = Bench::new(&[0, 0, 0, 1, 1, 0, 1]);
    let mut evaluator = bench.evaluator();
    let checkpoint = bench.run("one", GOOD);
    evaluator.announced(checkpoint.clone()).unwrap();
    assert!(evaluator.announced(checkpoint).unwrap().is_none(), "it is being evaluated already");
    let now = Instant::now();
    let Some(Outgoing::Demand(demand)) = evaluator.proceed(now).unwrap().pop() else { panic!("no demand") };
    let answers = bench.answers(&demand);
    // The second of four batches is lost; the first comes twice.
    for i in [0, 0, 2, 3] {
        evaluator.add_batch(&answers[i].0, &answers[i].1).unwrap();
    }
    let later = Instant::now() + Duration::from_secs(11);
    let Some(Outgoing::Demand(again)) = evaluator.proceed(later).unwrap().pop() else { panic!("no demand") };
    assert_eq!((again.first.value(0), again.count.value(0)), (1, 3));
    for (header, batch) in bench.answers(&again) {
        evaluator.add_batch(&header, &batch).unwrap();
    }
    let Some(Outgoing::Verdict(verdict)) = evaluator.proceed(later).unwrap().pop() else { panic!("no verdict") };
    assert_eq!(verdict.images, 7);
}

#[test]
fn without_held_out_images_only_the_first_is_promoted() {
    let bench = Bench::new(&[]);
    let mut evaluator = bench.evaluator();
    let first = bench.evaluate(&mut evaluator, &bench.run("one", GOOD));
    assert_eq!((first.decision.name(), first.images), ("promoted", 0));
    let second = bench.evaluate(&mut evaluator, &bench.run("two", GOOD));
    assert_eq!(second.decision.name(), "refused");
    assert!(second.reason.contains("No image is held out"), "{}", second.reason);
    assert_eq!(RunFolder::new(&bench.workspace.runs(), "two").verdict(), Some(second), "figures survive the file");
}

#[test]
fn weights_that_cannot_be_used_lose_without_asking_for_images() {
    let bench = Bench::new(&[0, 1]);
    let mut evaluator = bench.evaluator();
    let broken = bench.run("one", "broken");
    evaluator.announced(broken).unwrap();
    let out = evaluator.proceed(Instant::now()).unwrap();
    assert!(
        matches!(&out[..], [Outgoing::Verdict(v)] if v.decision.name() == "refused" && v.reason.contains("tensor"))
    );
    assert_eq!(champion(&bench.workspace), None);
}

#[test]
fn a_champion_that_cannot_be_used_is_replaced_and_named() {
    let bench = Bench::new(&[0, 1]);
    let mut evaluator = bench.evaluator();
    bench.evaluate(&mut evaluator, &bench.run("one", GOOD));
    fs::write(bench.workspace.models().join("one/model.safetensors"), "broken").unwrap();
    let verdict = bench.evaluate(&mut evaluator, &bench.run("two", BAD));
    assert_eq!((verdict.decision.name(), verdict.previous.as_deref()), ("promoted", Some("one")));
    assert!(verdict.reason.contains("one") && verdict.reason.contains("tensor"), "{}", verdict.reason);
}

#[test]
fn runs_without_folder_are_ignored_and_without_manifest_refused() {
    let bench = Bench::new(&[0, 1]);
    let mut evaluator = bench.evaluator();
    let gone = Checkpoint { run: "gone".to_owned(), uri: String::new(), digest: String::new(), version: 1 };
    assert!(evaluator.announced(gone).unwrap().is_none());
    assert!(evaluator.proceed(Instant::now()).unwrap().is_empty());
    let checkpoint = bench.run("one", GOOD);
    fs::write(bench.workspace.runs().join("one/run.json"), "{").unwrap();
    let verdict = bench.evaluate(&mut evaluator, &checkpoint);
    assert!(verdict.decision.name() == "refused" && verdict.reason.contains("run.json"), "{}", verdict.reason);
}

#[test]
fn a_champion_of_other_labels_is_not_compared_and_gives_way() {
    let bench = Bench::new(&[0, 1, 1, 0, 1]);
    let mut evaluator = bench.evaluator();
    bench.evaluate(&mut evaluator, &bench.run("one", GOOD));
    let several = |id: &str, weights: &str| {
        let checkpoint = bench.run(id, weights);
        let folder = RunFolder::new(&bench.workspace.runs(), id);
        let manifest = RunManifest { labels: plugin_api::Labels::Multi, ..folder.manifest().unwrap() };
        write_json(&folder.0.join("run.json"), &manifest).unwrap();
        checkpoint
    };
    let first = bench.evaluate(&mut evaluator, &several("two", HALF));
    assert_eq!((first.decision.name(), first.previous.as_deref()), ("promoted", Some("one")));
    assert!(first.reason.contains("cannot be compared"), "{}", first.reason);
    assert!(first.champion_mean_average_precision.is_none() && first.confusion.is_empty());
    assert!(first.mean_average_precision.unwrap() < 1.0 && first.f1.len() == 2);

    let second = bench.evaluate(&mut evaluator, &several("three", GOOD));
    assert_eq!((second.decision.name(), second.mean_average_precision), ("promoted", Some(1.0)));
    assert_eq!(second.champion_mean_average_precision, first.mean_average_precision);
    let page = fs::read_to_string(bench.workspace.root().join(&second.report)).unwrap();
    assert!(page.contains("Mean average precision"));
    let worse = bench.evaluate(&mut evaluator, &several("four", BAD));
    assert_eq!((worse.decision.name(), worse.champion.as_deref()), ("refused", Some("three")));
}

/// Writes a cross-validation of a run: an image of each class for each number, by its name in `answers`, `(truth, said)`.
fn cross_validate(bench: &Bench, id: &str, answers: &[(&str, u32, usize)]) {
    let sample = |(at, &(digest, truth, said)): (usize, &(&str, u32, usize))| OutOfFold {
        digest: digest.to_owned(),
        path: digest.to_owned(),
        fold: at as u32 % 5,
        targets: vec![truth],
        probabilities: [0, 1].map(|class| if class == said { 0.9 } else { 0.1 }).to_vec(),
        near_copy: false,
    };
    let of = CrossValidation {
        folds: 5,
        classes: CLASSES.map(str::to_owned).to_vec(),
        fingerprint: "f".to_owned(),
        samples: answers.iter().enumerate().map(sample).collect(),
        seconds: 1.0,
    };
    write_json(&RunFolder::new(&bench.workspace.runs(), id).0.join(CrossValidation::FILE), &of).unwrap();
}

/// The name of the only held-out image.
const HELD_OUT: &str = "photos/bus/0-0.jpg";

#[test]
fn few_held_out_images_are_evaluated_by_folds() {
    let bench = Bench::new(&[0]);
    let mut evaluator = bench.evaluator();
    let checkpoint = bench.run("one", GOOD);
    let answers = [(HELD_OUT, 0, 0), ("b", 0, 0), ("c", 0, 1), ("d", 1, 1), ("e", 1, 1)];
    cross_validate(&bench, "one", &answers);
    let first = bench.evaluate(&mut evaluator, &checkpoint);
    assert_eq!((first.decision.name(), first.images, first.accuracy), ("promoted", 5, 0.8));
    assert_eq!(first.evaluation, Evaluation::CrossValidated { folds: 5 });
    let results = [(3, 2), (2, 2)].map(|(images, correct)| ClassResult { images, correct, optimistic: 0 });
    assert_eq!(first.class_results, results);
    for part in ["over 5 images in 5 folds", "Recall by class: bus 2 of 3, きゅんきゅん 2 of 2."] {
        assert!(first.reason.contains(part), "{}", first.reason);
    }
    let page = fs::read_to_string(bench.workspace.root().join(&first.report)).unwrap();
    assert!(page.contains("cross-validated over 5\u{a0}images in 5 folds"));
    let table = RunFolder::new(&bench.workspace.runs(), "one").0.join("report/predictions.csv");
    assert_eq!(fs::read_to_string(table).unwrap().lines().count(), 6);

    // The champion's own answers for what it had, and for a new image what it says of the test split.
    let checkpoint = bench.run("two", BAD);
    cross_validate(&bench, "two", &[(HELD_OUT, 0, 1), ("b", 0, 0), ("c", 0, 1), ("d", 1, 0), ("e", 1, 1), ("f", 1, 0)]);
    let second = bench.evaluate(&mut evaluator, &checkpoint);
    assert_eq!((second.decision.name(), second.images), ("refused", 6));
    assert!(second.reason.contains("5 of 6 images: 5 by its own cross-validation."), "{}", second.reason);
    assert_eq!(second.champion_accuracy, Some(0.8));
}

#[test]
fn champions_without_folds_answer_for_held_out_images() {
    let bench = Bench::new(&[0]);
    let mut evaluator = bench.evaluator();
    bench.evaluate(&mut evaluator, &bench.run("one", GOOD));
    let checkpoint = bench.run("two", GOOD);
    cross_validate(&bench, "two", &[(HELD_OUT, 0, 1), ("b", 0, 0), ("c", 1, 1), ("d", 1, 1)]);
    let compared = bench.evaluate(&mut evaluator, &checkpoint);
    assert_eq!(compared.decision.name(), "refused", "the champion is right on the one image");
    assert!(compared.reason.contains("1 of 4 images: 1 held out from it."), "{}", compared.reason);

    let bench = Bench::new(&[]);
    let mut evaluator = bench.evaluator();
    bench.evaluate(&mut evaluator, &bench.run("one", GOOD));
    for (id, said, decision) in [("two", 0, "refused"), ("three", 1, "promoted")] {
        let checkpoint = bench.run(id, GOOD);
        cross_validate(&bench, id, &[("a", 0, 0), ("b", 0, 0), ("c", 1, said), ("d", 1, said)]);
        let verdict = bench.evaluate(&mut evaluator, &checkpoint);
        assert_eq!((verdict.decision.name(), verdict.images), (decision, 4));
        assert!(verdict.reason.contains("cannot be compared"), "{}", verdict.reason);
    }
}

#[test]
fn folds_of_other_data_do_not_count() {
    let bench = Bench::new(&[0, 1]);
    let checkpoint = bench.run("one", GOOD);
    cross_validate(&bench, "one", &[("a", 0, 1), ("b", 0, 1)]);
    let folder = RunFolder::new(&bench.workspace.runs(), "one");
    let manifest = RunManifest { fingerprint: "other".to_owned(), ..folder.manifest().unwrap() };
    write_json(&folder.0.join("run.json"), &manifest).unwrap();
    let verdict = bench.evaluate(&mut bench.evaluator(), &checkpoint);
    assert_eq!((verdict.evaluation, verdict.images), (Evaluation::HeldOut, 2));
}

#[test]
fn near_copies_of_trained_images_are_optimistic() {
    let bench = Bench::new(&[0, 1, 1]);
    let mut evaluator = bench.evaluator();
    evaluator.announced(bench.run("one", GOOD)).unwrap();
    let Some(Outgoing::Demand(demand)) = evaluator.proceed(Instant::now()).unwrap().pop() else { panic!("no demand") };
    for (header, batch) in bench.answers(&demand) {
        let of = BatchHeader { near_copies: vec![0], ..header.get().unwrap() };
        evaluator.add_batch(&header.with(&of), &batch).unwrap();
    }
    let Some(Outgoing::Verdict(verdict)) = evaluator.proceed(Instant::now()).unwrap().pop() else {
        panic!("no verdict")
    };
    // The first of each batch of two.
    assert_eq!(verdict.class_results.iter().map(|result| result.optimistic).collect::<Vec<_>>(), [1, 1]);
    let part = "Optimistic: near-copies on both sides, for 2 of the 3 images (bus 1 of 1, きゅんきゅん 1 of 2).";
    assert!(verdict.reason.contains(part), "{}", verdict.reason);
    let page = fs::read_to_string(bench.workspace.root().join(&verdict.report)).unwrap();
    assert!(page.contains("optimistic: near-copies on both sides"));
}

#[test]
fn classes_without_held_out_images_are_named() {
    let bench = Bench::new(&[0, 0]);
    let verdict = bench.evaluate(&mut bench.evaluator(), &bench.run("one", GOOD));
    assert!(verdict.reason.contains("Not evaluated, 0 held-out images: きゅんきゅん."), "{}", verdict.reason);
    let page = fs::read_to_string(bench.workspace.root().join(&verdict.report)).unwrap();
    assert!(page.contains("Mean recall over 1 of 2 classes"));
}

#[test]
fn promotion_by_hand_makes_no_champion_at_the_gate() {
    let bench = Bench::new(&[0, 1, 0, 1]);
    let mut evaluator = bench.evaluator();
    evaluator.promotion = Promotion::ByHand;
    let verdict = bench.evaluate(&mut evaluator, &bench.run("one", GOOD));
    assert!(verdict.decision.name() == "refused" && verdict.reason.contains("passes the gate"), "{}", verdict.reason);
    assert_eq!(champion(&bench.workspace), None);
    evaluator.promotion = Promotion::Gate;
    bench.evaluate(&mut evaluator, &bench.run("two", HALF));
    assert_eq!(champion(&bench.workspace).as_deref(), Some("two"));
    evaluator.promotion = Promotion::ByHand;
    let verdict = bench.evaluate(&mut evaluator, &bench.run("three", "きゅんきゅん,bus"));
    assert!(!verdict.reason.contains("passes the gate"), "{}", verdict.reason);
}
