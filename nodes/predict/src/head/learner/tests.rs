//! The thread over files on disk, with eyes drawn at random.

use super::*;
use clap::Parser;
use plugin_catalog::fixture;
use plugin_model::{DeviceChoice, Shape, network, weights};
use std::path::Path;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    embed: EmbedOptions,
    #[command(flatten)]
    limits: Limits,
}

/// A workspace with pictures of two classes in `photos/`, and their digests by path.
fn workspace() -> (tempfile::TempDir, Home, Vec<(String, String)>) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::create(folder.path()).unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/openclipart8");
    let mut pictures = Vec::new();
    for class in ["food", "people"] {
        std::fs::create_dir(home.photos().join(class)).unwrap();
        let mut files: Vec<_> = std::fs::read_dir(fixtures.join(class)).unwrap().map(|e| e.unwrap().path()).collect();
        files.sort();
        for file in files.iter().step_by(20).take(8) {
            let path = format!("photos/{class}/{}", file.file_name().unwrap().to_string_lossy());
            std::fs::copy(file, home.root().join(&path)).unwrap();
            pictures.push((path, blake3::hash(&std::fs::read(file).unwrap()).to_hex().to_string()));
        }
    }
    (folder, home, pictures)
}

fn learner(home: &Home, line: &str) -> Learner {
    let device = DeviceChoice::Flex.open().unwrap();
    let eyes = network::find("efficientnet-lite0").unwrap();
    let file = home.root().join("eyes.safetensors");
    weights::save(&eyes.network(Shape { classes: 2, size_px: 32 }, 1, &device.device).unwrap(), &file).unwrap();
    let at = file.display().to_string();
    let words = ["x", "--device", "flex", "--embed-size", "32", "--weights", &at].into_iter().chain(line.split(' '));
    let Line { embed, limits } = Line::parse_from(words.filter(|word| !word.is_empty()));
    Learner::start(embed, limits, home.clone()).unwrap()
}

/// Waits until the head is as wanted.
fn wait(learner: &Learner, met: impl Fn(&Latest) -> bool) -> Latest {
    let begun = Instant::now();
    loop {
        let latest = learner.latest();
        if met(&latest) {
            return latest;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "{}", latest.state);
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn is_over(latest: &Latest, version: u64, pictures: usize) -> bool {
    let name = |head: &Arc<Head>| head.card.run.clone();
    latest
        .head
        .as_ref()
        .map(name)
        .is_some_and(|run| run.starts_with(&format!("head-{version}-")) && run.ends_with(&format!("-{pictures}")))
}

#[test]
fn pictures_come_and_go_and_broken_ones_are_passed_over() {
    let (_folder, home, pictures) = workspace();
    let of = |class: &str| {
        let folder = format!("photos/{class}/");
        let files = pictures.iter().filter(|(path, _)| path.starts_with(&folder));
        files.map(|(path, digest)| (&path[..], &digest[..])).collect::<Vec<_>>()
    };
    fixture::add_plain(&home, &of("food")).unwrap();
    fixture::add_plain(&home, &of("people")).unwrap();
    fixture::remove(&home, &of("people").iter().map(|(path, _)| *path).collect::<Vec<_>>()).unwrap();
    // A file that is not what it was.
    std::fs::copy(home.root().join(&pictures[0].0), home.photos().join("food/changed.jpg")).unwrap();
    fixture::add_plain(&home, &[("photos/food/changed.jpg", "no such digest")]).unwrap();
    let learner = learner(&home, "");
    let single = |version| Job { version, single: true };
    assert!(!learner.latest().settled, "nothing was taken up yet");
    learner.give(single(1));
    wait(&learner, |latest| latest.settled && latest.state.contains("fewer than two classes"));
    learner.give(single(2));
    let latest = wait(&learner, |latest| is_over(latest, 2, 16) && latest.state.is_empty());
    let head = latest.head.unwrap();
    assert_eq!(
        (head.card.classes.clone(), head.card.labels),
        (vec!["food".to_owned(), "people".to_owned()], plugin_api::Labels::Single)
    );
    let eyes = latest.eyes.unwrap();
    let cache = Cache::open(&home, eyes.fingerprint(), eyes.dimensions()).unwrap();
    let probabilities = head.probabilities(cache.get(&pictures[0].1).unwrap());
    assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-3 && probabilities.len() == 2);
    // A class goes, and the head with it.
    learner.give(single(3));
    wait(&learner, |latest| latest.head.is_none());
    // A version in which nothing has changed brings none back.
    learner.give(single(4));
    learner.give(single(5));
    std::thread::sleep(Duration::from_millis(500));
    assert!(learner.latest().head.is_none());
    // What has several labels has no head.
    learner.give(single(2));
    wait(&learner, |latest| latest.head.is_some());
    learner.give(Job { version: 4, single: false });
    wait(&learner, |latest| latest.head.is_none());
}

#[test]
fn without_weights_or_with_none_wanted_there_is_no_head_and_it_is_said_why() {
    let (_folder, home, pictures) = workspace();
    fixture::add_plain(&home, &[(&pictures[0].0, &pictures[0].1)]).unwrap();
    let learner = learner(&home, "");
    std::fs::remove_file(home.root().join("eyes.safetensors")).unwrap();
    learner.give(Job { version: 1, single: true });
    let latest = wait(&learner, |latest| !latest.state.is_empty());
    assert!(latest.state.contains("cargo wakuteka weights") && latest.head.is_none(), "{}", latest.state);
}
