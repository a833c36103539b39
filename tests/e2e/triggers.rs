//! Runs start when they are asked for or enough has changed, say exactly why, and are given up when they are overtaken.

use plugin_api::runs::{RunFolder, RunManifest, RunRequest, write_json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;
use tests::graph::{Failure, Graph};
use tests::{catalog, images};

const MINUTES_3: Duration = Duration::from_mins(3);

/// Quick runs, but for what a test says itself.
fn options<'a>(more: &[(&'a str, &'a str, &'a str)]) -> Vec<(&'a str, &'a str, &'a str)> {
    let mut all = vec![
        ("env", "WAKUTEKA_IMAGE_SIZE", "32"),
        ("train", "--debounce-seconds", "2"),
        ("train", "--cross-validate", "off"),
        ("train", "--device", "flex"),
        ("evaluate", "--device", "flex"),
        ("inspect", "--label-errors", "off"),
    ];
    all.extend_from_slice(more);
    all
}

/// Images of three classes.
fn three_classes() -> Vec<(String, PathBuf)> {
    let mut all = images::first_of_each(images::demo(), 40);
    let mut classes: Vec<String> = all.iter().map(|(class, _)| class.clone()).collect();
    classes.dedup();
    all.retain(|(class, _)| classes[..3].contains(class));
    all
}

/// Runs that were evaluated, oldest first.
fn evaluated(graph: &Graph) -> Vec<RunManifest> {
    let runs = RunFolder::all(&graph.workspace.runs());
    runs.iter().filter(|run| run.verdict().is_some()).filter_map(RunFolder::manifest).collect()
}

#[test]
fn run_starts_when_asked_or_due_and_says_why() -> Result<(), Failure> {
    let root = tempfile::tempdir()?;
    let all = three_classes();
    let photos = root.path().join("home/photos");
    let (first, rest) = (images::first_of_each(all.clone(), 25), images::first_of_each(all.clone(), 40));
    let mut paths = Vec::new();
    for (class, file) in &first {
        paths.push(root.path().join("home").join(images::drop_into(&photos, class, file)?));
    }
    let off = options(&[("train", "--retrain", "off"), ("train", "--epochs", "2")]);
    let mut graph = Graph::start(root.path(), &off)?;
    // Who asks gets a run at once, over what has come so far: here that is to be all of it.
    graph.wait("every image", MINUTES_3, |g| catalog::files(&g.workspace).len() == first.len())?;
    graph.wait("train to wait to be asked", MINUTES_3, |g| g.status("train").state.contains("--retrain off"))?;
    std::thread::sleep(Duration::from_secs(2));
    write_json(&graph.workspace.runs().join(RunRequest::FILE), &RunRequest::default())?;
    graph.wait("the run that was asked for", MINUTES_3, |g| evaluated(g).len() == 1)?;
    let asked = evaluated(&graph).remove(0);
    assert!(asked.reason.starts_with("asked for by hand; first run"), "{}", asked.reason);
    assert!(!graph.workspace.runs().join(RunRequest::FILE).exists());

    // On, but for six changes or more.
    let mut graph = graph.restart(&options(&[("train", "--min-new", "6"), ("train", "--epochs", "2")]))?;
    let class = &first[0].0;
    let more: Vec<_> = rest.iter().filter(|(c, file)| c == class && !first.iter().any(|(_, f)| f == file)).collect();
    for (class, file) in &more[..3] {
        images::drop_into(&photos, class, file)?;
    }
    graph.wait("too few changes", MINUTES_3, |g| g.status("train").state.contains("more changes: 3 of 6"))?;
    assert_eq!(evaluated(&graph).len(), 1);
    // One is relabelled, two are removed: six.
    let other = &first[first.len() - 1].0;
    std::fs::rename(&paths[0], photos.join(other).join("moved.jpg"))?;
    std::fs::remove_file(&paths[1])?;
    std::fs::remove_file(&paths[2])?;
    graph.wait("the run they are worth", MINUTES_3, |g| evaluated(g).len() == 2)?;
    let second = evaluated(&graph).remove(1);
    let wanted = format!("3 new in {class}, 1 relabelled, 2 removed; from the champion");
    assert_eq!(second.reason, wanted);
    assert_eq!(second.options["tier"]["tier"], 2);
    let kept = std::fs::read_to_string(RunFolder::new(&graph.workspace.runs(), &second.id).0.join("data.csv"))?;
    let files = images::of(&photos);
    let pixels = |file: &PathBuf| -> Result<String, Failure> {
        let image = plugin_decode::decode(&std::fs::read(file)?, &plugin_decode::Limits::default())?;
        Ok(plugin_hash::pixel_digest(image.width, image.height, &image.pixels))
    };
    let different = files.iter().map(|(_, file)| pixels(file)).collect::<Result<BTreeSet<String>, Failure>>()?;
    assert_eq!(kept.lines().count(), 1 + different.len());
    assert!(different.iter().all(|digest| kept.contains(digest)));

    // Once more from the first run's weights.
    let request = RunRequest { from: Some(asked.id.clone()) };
    write_json(&graph.workspace.runs().join(RunRequest::FILE), &request)?;
    graph.wait("the run from the first one", MINUTES_3, |g| evaluated(g).len() == 3)?;
    assert_eq!(evaluated(&graph)[2].parent, Some(asked.id));
    graph.end()
}

#[test]
fn a_run_that_is_overtaken_is_given_up_for_a_newer_one() -> Result<(), Failure> {
    let root = tempfile::tempdir()?;
    let all = three_classes();
    let photos = root.path().join("home/photos");
    for (class, file) in images::first_of_each(all.clone(), 12) {
        images::drop_into(&photos, &class, &file)?;
    }
    // Long enough that it cannot end before the others come; the one after it is short.
    let mut graph =
        Graph::start(root.path(), &options(&[("train", "--model", "resnet18"), ("train", "--epochs", "500")]))?;
    graph.wait("a run", MINUTES_3, |g| g.status("train").gauges.contains_key("epoch"))?;
    for (class, file) in &all {
        images::drop_into(&photos, class, file)?;
    }
    let abandoned = |g: &Graph| {
        let runs = RunFolder::all(&g.workspace.runs());
        runs.iter().find_map(|run| std::fs::read_to_string(run.0.join("abandoned.json")).ok())
    };
    graph.wait("the run to be given up", MINUTES_3, |g| abandoned(g).is_some())?;
    let why = abandoned(&graph).unwrap();
    assert!(why.contains("overtaken by a newer data set") && why.contains("new in"), "{why}");
    graph.wait("another run", MINUTES_3, |g| RunFolder::all(&g.workspace.runs()).len() > 1)?;
    graph.end()
}
