//! Nodes are killed, stopped and started again; no image is lost, none is there twice.

use plugin_api::runs::RunFolder;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tests::graph::{Failure, Graph};
use tests::{catalog, images};

const QUICK: &[(&str, &str, &str)] = &[
    ("env", "WAKUTEKA_IMAGE_SIZE", "32"),
    ("train", "--model", "small-cnn"),
    ("train", "--epochs", "2"),
    ("train", "--cross-validate", "off"),
    ("train", "--debounce-seconds", "3"),
    ("train", "--device", "flex"),
    ("evaluate", "--device", "flex"),
    ("watch", "--ack-timeout-seconds", "5"),
];

const MINUTES_5: Duration = Duration::from_mins(5);

/// Images and the folder they go to: `count` of them, real ones, copies under other names when there are too few.
fn flow(count: usize) -> Vec<(String, String, PathBuf)> {
    let demo = images::demo();
    assert!(!demo.is_empty(), "the demo's images are missing");
    (0..count)
        .map(|at| {
            let (class, file) = demo[(at * 7) % demo.len()].clone();
            (class, format!("{at:04}.jpg"), file)
        })
        .collect()
}

/// Copies images in, slowly enough that the graph is busy meanwhile.
fn pour(
    photos: PathBuf,
    flow: Vec<(String, String, PathBuf)>,
    pause: Duration,
) -> std::thread::JoinHandle<std::io::Result<()>> {
    std::thread::spawn(move || {
        for (class, name, file) in flow {
            std::fs::create_dir_all(photos.join(&class))?;
            std::fs::copy(file, photos.join(class).join(name))?;
            std::thread::sleep(pause);
        }
        Ok(())
    })
}

fn expected(flow: &[(String, String, PathBuf)]) -> BTreeMap<String, String> {
    flow.iter().map(|(class, name, _)| (format!("photos/{class}/{name}"), class.clone())).collect()
}

/// A verdict over the data as it stands now.
fn evaluated(graph: &Graph) -> bool {
    let version = graph.status("dataset").counters.get("version").copied();
    RunFolder::all(&graph.workspace.runs())
        .iter()
        .any(|run| run.verdict().is_some() && run.manifest().map(|m| m.version) == version)
}

#[test]
fn kill_9_of_any_node_loses_no_image() -> Result<(), Failure> {
    let root = tempfile::tempdir()?;
    let flow = flow(1_000);
    let mut graph = Graph::start(root.path(), QUICK)?;
    graph
        .wait("the nodes", MINUTES_5, |g| ["watch", "resize", "dataset", "train"].iter().all(|n| g.pid(n).is_some()))?;
    // Random moments, but known ones: the seed is printed.
    let seed = SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos();
    let moment = |n: u32| Duration::from_millis(u64::from(seed.wrapping_mul(2_654_435_761).rotate_left(7 * n) % 1_500));
    let moments: Vec<Duration> = (1..=4).map(moment).collect();
    eprintln!("seed {seed}: moments {moments:?}");
    let pouring = pour(graph.workspace.photos(), flow.clone(), Duration::from_millis(12));
    for (node, moment) in ["resize", "dataset", "train", "watch"].into_iter().zip(moments) {
        graph.wait("images on their way", MINUTES_5, |g| !catalog::files(&g.workspace).is_empty())?;
        std::thread::sleep(moment);
        let before = graph.pid(node);
        graph.signal(node, "KILL")?;
        graph.wait("the node to come back", MINUTES_5, |g| g.pid(node).is_some() && g.pid(node) != before)?;
    }
    pouring.join().map_err(|_| "copying panicked")??;
    let expected = expected(&flow);
    graph.wait("every image in the catalog once", MINUTES_5, |g| catalog::files(&g.workspace) == expected)?;
    assert_eq!(catalog::quarantined(&graph.workspace), Vec::<String>::new());
    graph.wait("a verdict over all of them", MINUTES_5, evaluated)?;
    graph.end()
}

#[test]
fn a_reader_that_stands_still_for_70_s_loses_no_row() -> Result<(), Failure> {
    let root = tempfile::tempdir()?;
    let flow = flow(600);
    let mut graph = Graph::start(root.path(), QUICK)?;
    graph.wait("the nodes", MINUTES_5, |g| g.pid("resize").is_some() && g.pid("watch").is_some())?;
    let pouring = pour(graph.workspace.photos(), flow.clone(), Duration::from_millis(5));
    graph.wait("images on their way", MINUTES_5, |g| !catalog::files(&g.workspace).is_empty())?;
    graph.signal("resize", "STOP")?;
    std::thread::sleep(Duration::from_secs(70));
    let stalled = catalog::files(&graph.workspace).len();
    graph.signal("resize", "CONT")?;
    pouring.join().map_err(|_| "copying panicked")??;
    assert!(stalled < flow.len(), "the stall came too late to mean anything");
    let expected = expected(&flow);
    graph.wait("every image in the catalog once", MINUTES_5, |g| catalog::files(&g.workspace) == expected)?;
    assert!(!graph.log().contains("lost"), "messages were lost on the way:\n{}", graph.log());
    let restarts = graph.status("resize").counters.get("restarts").copied();
    assert_eq!(restarts, Some(0), "resize was started again instead of waited for");
    graph.end()
}
