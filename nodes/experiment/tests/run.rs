//! Every experiment, on a few real images.
#![cfg(test)]

use clap::Parser;
use node_experiment::{Cli, run};
use plugin_model::{DeviceChoice, Shape, network, weights};
use std::path::Path;

/// What an experiment says, and what it writes.
fn experiment(line: &str) -> (String, String, String) {
    written(line, line.split(' ').next().unwrap())
}

/// The same, of files of another name.
fn written(line: &str, name: &str) -> (String, String, String) {
    let (photos, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/openclipart8");
    let mut classes: Vec<_> = std::fs::read_dir(source).unwrap().map(|e| e.unwrap().path()).collect();
    classes.retain(|class| class.is_dir());
    classes.sort();
    for class in &classes[..3] {
        let to = photos.path().join(class.file_name().unwrap());
        std::fs::create_dir(&to).unwrap();
        for file in std::fs::read_dir(class).unwrap().take(12).map(|e| e.unwrap().path()) {
            std::fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
        }
    }
    let folder = photos.path().display().to_string();
    let to = out.path().display().to_string();
    let rest = ["--out", &to[..], "--device", "flex", "--batch-size", "8", &folder];
    let words = std::iter::once("experiment").chain(line.split(' ')).chain(rest);
    let said = run(Cli::try_parse_from(words).unwrap()).unwrap();
    let read = |ending: &str| std::fs::read_to_string(out.path().join(format!("{name}.{ending}"))).unwrap();
    (said, read("csv"), read("html"))
}

#[test]
fn folds_evaluate_every_image_once() {
    let (said, csv, html) = experiment("folds --folds 3 --size 16 --epochs 1");
    assert_eq!(csv.lines().count(), 4, "{csv}");
    let evaluated: usize = csv.lines().skip(1).map(|l| l.split(',').nth(3).unwrap().parse::<usize>().unwrap()).sum();
    assert!(said.contains(&format!("of {evaluated} correct")), "{said}");
    assert!(html.contains("groups of near-copies"));
}

#[test]
fn sizes_are_drawn_against_their_cost() {
    let (said, csv, html) = experiment("sizes --sizes 16,32 --budget-seconds 1 --seeds 2");
    assert_eq!(csv.lines().count(), 3, "{said}");
    assert_eq!(html.matches("<circle").count(), 2);
    assert!(csv.contains("yes"), "one of them is best for its cost: {csv}");
}

#[test]
fn recipes_are_compared_seed_by_seed() {
    let (said, csv, _) =
        experiment("recipes --size 16 --epochs 1 --seeds 2 --recipe plain: --recipe sgd:--optimizer=sgd");
    assert_eq!(csv.lines().count(), 3, "{said}");
    assert!(csv.contains("\nplain,") && csv.contains("\nsgd,"), "{csv}");
}

#[test]
fn increments_are_trained_by_every_strategy() {
    for order in ["mixed", "by-class"] {
        let name = if order == "mixed" { "increments" } else { "increments-by-class" };
        let line = format!("increments --size 16 --epochs 2 --increments 3 --full-every 2 --order {order}");
        let (said, csv, html) = written(&line, name);
        assert_eq!(csv.lines().count(), 4, "{said}");
        assert!(
            csv.trim_start_matches('\u{feff}')
                .starts_with("images,tiers,seconds,warm start,seconds,from scratch,seconds"),
            "{csv}"
        );
        assert_eq!(html.matches("<polyline").count(), 3);
    }
}

#[test]
fn head_is_fitted_to_every_increment() {
    let folder = tempfile::tempdir().unwrap();
    let weights = folder.path().join("weights.safetensors");
    let device = DeviceChoice::Flex.open().unwrap().device;
    let backbone = network::find("efficientnet-lite0").unwrap();
    let backbone = backbone.network(Shape { classes: 2, size_px: 32 }, 1, &device).unwrap();
    weights::save(&backbone, &weights).unwrap();
    let of_backbone = format!("--strategy head --backbone-weights {} --backbone-size 32", weights.display());
    let (said, csv, _) = experiment(&format!("folds --folds 2 --seeds 2 {of_backbone}"));
    assert_eq!(csv.lines().count(), 5, "two seeds of two folds: {csv}");
    assert!(said.contains("calibration error") && said.contains("Blend head on efficientnet-lite0 at 32 px"), "{said}");
    for order in ["mixed", "by-class"] {
        let name = if order == "mixed" { "increments" } else { "increments-by-class" };
        let with = format!("--head-weights {} --head-size 32", weights.display());
        // `head-alone` is what it was called before.
        let (said, csv, _) =
            written(&format!("increments --ways head-alone {with} --increments 3 --order {order}"), name);
        assert!(csv.trim_start_matches('\u{feff}').starts_with("images,head,seconds"), "{said}");
        assert_eq!(csv.lines().count(), 4, "{csv}");
    }
}

#[test]
fn once_says_where_the_time_went() {
    let (said, csv, _) = experiment("once --size 16 --epochs 2 --evaluate-every 1 --training-images 40");
    assert!(csv.contains("\"training images, judged\",\"40, "), "{csv}");
    for what in ["images a second", "share of the time without a batch", "memory at most"] {
        assert!(said.contains(what), "{said}");
    }
}
