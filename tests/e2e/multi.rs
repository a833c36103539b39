//! Images that stand in several class folders: trained on with all of their classes, or kept out.

use plugin_api::Labels;
use plugin_api::runs::{RunFolder, RunManifest, Verdict};
use std::time::Duration;
use tests::graph::{Failure, Graph};
use tests::images;

/// Small and quick: what is tested is the way, not the accuracy.
const QUICK: &[(&str, &str, &str)] = &[
    ("env", "WAKUTEKA_IMAGE_SIZE", "32"),
    ("train", "--model", "small-cnn"),
    ("train", "--epochs", "2"),
    ("train", "--cross-validate", "off"),
    ("train", "--batch-size", "16"),
    ("train", "--debounce-seconds", "3"),
    ("train", "--device", "flex"),
    ("evaluate", "--device", "flex"),
    ("watch", "--rescan-seconds", "5"),
];

const MINUTES_3: Duration = Duration::from_mins(3);

fn latest(graph: &Graph, labels: Labels) -> Option<(RunManifest, Verdict)> {
    let evaluated = RunFolder::all(&graph.workspace.runs())
        .into_iter()
        .rev()
        .find_map(|run| Some((run.manifest()?, run.verdict()?)));
    evaluated.filter(|(manifest, _)| manifest.labels == labels)
}

#[test]
fn two_class_images_are_kept_out_unless_multi_label() -> Result<(), Failure> {
    let root = tempfile::tempdir()?;
    let photos = root.path().join("home/photos");
    let all = images::first_of_each(images::demo(), 24);
    assert!(all.len() > 100, "the demo's images are missing: {}", all.len());
    let mut twice = 0;
    for (at, (class, file)) in all.iter().enumerate() {
        images::drop_into(&photos, class, file)?;
        // Every third one stands in a second class, the same file.
        if at % 3 == 0 && class != "both" {
            images::drop_into(&photos, "both", file)?;
            twice += 1;
        }
    }

    // As it stands, such images are mistakes.
    let mut graph = Graph::start(root.path(), QUICK)?;
    graph.wait("a verdict of one label an image", MINUTES_3, |g| latest(g, Labels::Single).is_some())?;
    let (manifest, verdict) = latest(&graph, Labels::Single).ok_or("no verdict")?;
    let both = manifest.classes.iter().position(|c| c == "both").ok_or("no class")?;
    let [train, validation, test, conflicts] = manifest.counts[both];
    assert_eq!(train + validation + test, 0, "all of its images stand in another class too");
    assert!(conflicts * 10 >= twice * 9, "{conflicts} of {twice}");
    assert!(verdict.mean_average_precision.is_none() && !verdict.confusion.is_empty());

    // With several labels they are trained on as both. The champion of the other kind gives way.
    let several: Vec<_> = QUICK.iter().copied().chain([("dataset", "--labels", "multi")]).collect();
    let mut graph = graph.restart(&several)?;
    graph.wait("a verdict of several labels", MINUTES_3, |g| latest(g, Labels::Multi).is_some())?;
    let (manifest, verdict) = latest(&graph, Labels::Multi).ok_or("no verdict")?;
    let [train, validation, test, conflicts] = manifest.counts[both];
    assert!((train + validation + test) * 10 >= twice * 9 && conflicts == 0, "{:?}", manifest.counts[both]);
    assert!(verdict.labels == Labels::Multi && verdict.images > 0);
    let precision = verdict.mean_average_precision.ok_or("no mean average precision")?;
    assert!((0.0..=1.0).contains(&precision) && verdict.f1.len() == manifest.classes.len());
    assert_eq!(verdict.decision.name(), "promoted", "{}", verdict.reason);
    assert!(verdict.reason.contains("cannot be compared"), "{}", verdict.reason);
    let folder = graph.workspace.root().join(format!("runs/{}/report", verdict.run));
    let page = std::fs::read_to_string(folder.join("index.html"))?;
    assert!(page.contains("Mean average precision"), "the report says how it was evaluated");
    let predictions = std::fs::read_to_string(folder.join("predictions.csv"))?;
    assert!(
        predictions.lines().any(|line| line.contains("both + ") || line.contains(" + both")),
        "held-out images have both classes"
    );
    graph.end()
}
