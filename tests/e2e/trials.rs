//! Tasks as people bring them, through the graph as it is shipped: every image is trained or evaluated on, and each task
//! ends in a verdict that names every class.

use plugin_api::runs::{RunFolder, RunManifest, Verdict};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};
use tests::graph::{Failure, Graph};
use tests::trials::{ALL, Trial};

const MINUTES_4: Duration = Duration::from_mins(4);

/// As shipped, but for the wait for more files.
const OPTIONS: &[(&str, &str, &str)] = &[("train", "--debounce-seconds", "2"), ("inspect", "--label-errors", "off")];

/// The lowest accuracy a trial may end with; `None` where the task is too small, or mislabelled on purpose.
fn least_accuracy(trial: Trial) -> Option<f64> {
    match trial {
        Trial::Apples | Trial::Arrows | Trial::Upright => Some(0.95),
        Trial::Gate | Trial::Webcam => Some(0.9),
        Trial::Parts | Trial::Burst | Trial::Misfiled | Trial::Small => None,
    }
}

fn evaluated(graph: &Graph, images: u64) -> Option<(RunManifest, Verdict)> {
    let last = RunFolder::all(&graph.workspace.runs())
        .into_iter()
        .rev()
        .find_map(|run| Some((run.manifest()?, run.verdict()?)));
    last.filter(|(manifest, _)| manifest.counts.iter().flatten().sum::<u64>() == images)
}

/// Whether another candidate follows the one that was evaluated last: a network after a head that does not tell mirrored and turned
/// images apart.
fn is_followed(graph: &Graph, trial: Trial) -> bool {
    let last = RunFolder::all(&graph.workspace.runs())
        .into_iter()
        .rev()
        .find_map(|run| Some((run.manifest()?, run.verdict()?)));
    let is_short = |accuracy: f64| least_accuracy(trial).is_some_and(|least| accuracy < least);
    last.is_some_and(|(manifest, verdict)| manifest.backbone.is_some() && is_short(verdict.accuracy))
}

fn try_one(trial: Trial, root: &Path, options: &[(&str, &str, &str)]) -> Result<(), Failure> {
    let start = Instant::now();
    trial.write(&root.join("home/photos"))?;
    let images = trial.classes().iter().map(|(_, count)| u64::from(*count)).sum();
    let mut graph = Graph::start(root, options)?;
    graph.wait("a verdict on all images", MINUTES_4, |g| evaluated(g, images).is_some() && !is_followed(g, trial))?;
    let (manifest, verdict) = evaluated(&graph, images).ok_or("no verdict")?;
    eprintln!(
        "{trial:?}: {} s, {} of {} images, accuracy {:.3}: {}",
        start.elapsed().as_secs(),
        verdict.images,
        images,
        verdict.accuracy,
        verdict.reason
    );
    let classes: BTreeSet<&str> = trial.classes().iter().map(|(class, _)| *class).collect();
    assert_eq!(manifest.classes.iter().map(String::as_str).collect::<BTreeSet<_>>(), classes, "{trial:?}");
    assert_eq!(verdict.classes, manifest.classes, "{trial:?}");
    assert_eq!(verdict.decision.name(), "promoted", "{trial:?}: {}", verdict.reason);
    for (class, counts) in manifest.classes.iter().zip(&manifest.counts) {
        let [splits @ .., conflicts] = counts;
        assert!(splits.iter().all(|count| *count > 0) && *conflicts == 0, "{trial:?}: {class} has {counts:?}");
    }
    if let Some(least) = least_accuracy(trial) {
        assert!(verdict.accuracy >= least, "{trial:?}: {} of {} images", verdict.accuracy, verdict.images);
    }
    graph.end()
}

/// With pretrained weights, as shipped.
#[test]
fn tasks_people_bring_end_in_a_verdict() -> Result<(), Failure> {
    let Some(weights) = tests::efficientnet_lite0() else { return Ok(()) };
    let weights = weights.display().to_string();
    let options = [OPTIONS, &[("train", "--backbone-weights", weights.as_str())]].concat();
    for trial in ALL {
        let root = tempfile::tempdir()?;
        try_one(trial, root.path(), &options)?;
    }
    Ok(())
}

/// Without them: the augmentation of whole networks must not work against the task.
#[test]
fn networks_from_scratch_learn_what_mirroring_would_hide() -> Result<(), Failure> {
    for trial in [Trial::Arrows, Trial::Apples, Trial::Small] {
        let root = tempfile::tempdir()?;
        try_one(trial, root.path(), &[OPTIONS, &[("train", "--strategy", "scratch")]].concat())?;
    }
    Ok(())
}
