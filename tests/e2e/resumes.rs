//! A run that is killed again and again, with its images on the device, ends with the weights of one that was left alone and whose
//! images the node `augment` changed.

use plugin_api::runs::{Finished, MetricRow, RunFolder};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;
use tests::graph::{Failure, Graph};
use tests::images;

/// All that a resumed run could get wrong: order, mixing, the optimizer's state, the running mean, the schedule.
const OPTIONS: &[(&str, &str, &str)] = &[
    ("env", "WAKUTEKA_IMAGE_SIZE", "32"),
    ("train", "--model", "resnet18"),
    ("train", "--epochs", "6"),
    ("train", "--cross-validate", "off"),
    // All that there is: on a slow machine images come with pauses, and what a run begins with counts from then on.
    ("train", "--min-train", "150"),
    ("train", "--debounce-seconds", "4"),
    ("train", "--mixup", "0.2"),
    ("train", "--ema", "0.95"),
    ("train", "--device", "flex"),
    ("evaluate", "--device", "flex"),
    ("inspect", "--label-errors", "off"),
];

const MINUTES_5: Duration = Duration::from_mins(5);

/// The run that has ended, and how it went.
fn finished(graph: &Graph) -> Option<(RunFolder, Finished)> {
    RunFolder::all(&graph.workspace.runs()).into_iter().find_map(|run| run.finished().map(|finished| (run, finished)))
}

fn begin(root: &Path, augment_on: &str) -> Result<Graph, Failure> {
    let photos = root.join("home/photos");
    for (class, file) in images::first_of_each(images::demo(), 30) {
        images::drop_into(&photos, &class, &file)?;
    }
    Graph::start(root, &[OPTIONS, &[("train", "--augment-on", augment_on)]].concat())
}

/// Figures but for times, by epoch.
fn figures(run: &RunFolder) -> Vec<MetricRow> {
    let mut rows = run.metrics();
    rows.retain(|row| !row.metric.contains("second"));
    rows
}

/// What a run is made of, but for its name and time, and the number of the version, which counts the steps it was read in.
fn ingredients(run: &RunFolder) -> BTreeMap<String, Value> {
    let mut all: BTreeMap<String, Value> =
        serde_json::from_value(serde_json::to_value(run.manifest().unwrap()).unwrap()).unwrap();
    all.retain(|name, _| !["id", "started_ms", "version"].contains(&name.as_str()));
    all
}

#[test]
fn killed_in_three_epochs_a_run_ends_as_if_it_had_not_been() -> Result<(), Failure> {
    let (alone, killed) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let mut graph = begin(alone.path(), "node")?;
    graph.wait("the run to end", MINUTES_5, |g| finished(g).is_some())?;
    let (run, left_alone) = finished(&graph).unwrap();
    let (undisturbed, made_of) = (figures(&run), ingredients(&run));
    graph.end()?;
    drop(graph);

    let mut graph = begin(killed.path(), "device")?;
    // In the first epoch there is nothing to go on from: the run begins anew. In the others it goes on.
    for epoch in [1.0, 2.0, 5.0] {
        graph.wait("the epoch", MINUTES_5, |g| {
            assert!(finished(g).is_none(), "the run ended before it could be killed");
            g.status("train").gauges.get("epoch") == Some(&epoch)
        })?;
        let before = graph.pid("train");
        graph.signal("train", "KILL")?;
        graph.wait("the node to come back", MINUTES_5, |g| g.pid("train").is_some() && g.pid("train") != before)?;
    }
    graph.wait("the run to end", MINUTES_5, |g| finished(g).is_some())?;
    let (run, ended) = finished(&graph).unwrap();
    // Of all images, those that are trained on came once after each start, and in later epochs what is done to them.
    let counted = |graph: &Graph, name: &str| graph.status("augment").counters.get(name).copied().unwrap_or_default();
    let decided = counted(&graph, "batches_decided");
    assert!(decided > 0 && decided == counted(&graph, "batches_augmented"), "{decided} batches were decided");
    assert!(graph.status("train").gauges.get("images_on_device").is_some_and(|images| *images > 100.0));
    let restarts = graph.status("train").counters.get("restarts").copied();
    eprintln!("weights {} and {}, {restarts:?} restarts", left_alone.digest, ended.digest);
    for (name, value) in ingredients(&run) {
        assert_eq!(Some(&value), made_of.get(&name), "{name}");
    }
    assert_eq!((ended.digest, ended.steps, ended.epochs), (left_alone.digest, left_alone.steps, left_alone.epochs));
    assert_eq!(figures(&run), undisturbed);
    graph.end()
}
