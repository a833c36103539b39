//! Retrain after retrain while nodes are killed at random: there is a whole champion at all times, no image is lost, and nobody
//! is champion without a verdict. And a class folder that goes while it is trained on.

use plugin_api::runs::RunFolder;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tests::graph::{Failure, Graph, SMALL};
use tests::reader::{Reader, look};
use tests::{catalog, images};

const MINUTES_3: Duration = Duration::from_mins(3);

#[test]
fn champion_stays_whole_through_retrains_and_kills() -> Result<(), Failure> {
    // `WAKUTEKA_RETRAINS=30` for a longer look.
    let retrains: usize = std::env::var("WAKUTEKA_RETRAINS").ok().and_then(|n| n.parse().ok()).unwrap_or(8);
    let root = tempfile::tempdir()?;
    let photos = root.path().join("home/photos");
    let all = images::first_of_each(images::demo(), 20 + retrains.div_ceil(4));
    let first = images::first_of_each(all.clone(), 20);
    let mut expected = BTreeMap::new();
    for (class, file) in &first {
        expected.insert(images::drop_into(&photos, class, file)?, class.clone());
    }
    let mut graph = Graph::start(root.path(), SMALL)?;
    graph.wait("the first verdict", MINUTES_3, |g| g.verdicts().len() == 1)?;
    let reader = Reader::start(graph.workspace.clone());
    let seed = u64::from(SystemTime::now().duration_since(UNIX_EPOCH)?.subsec_nanos());
    eprintln!("seed {seed}");
    let draw = |n: usize, below: u64| {
        blake3::hash(&[seed, n as u64].map(u64::to_le_bytes).concat()).as_bytes()[0] as u64 % below
    };
    let more: Vec<_> = all.iter().filter(|(_, file)| !first.iter().any(|(_, f)| f == file)).collect();
    let nodes = ["train", "evaluate", "predict", "dataset"];
    let mut killed = BTreeMap::<&str, u32>::new();
    for (n, pair) in more.chunks(2).take(retrains).enumerate() {
        let before = graph.verdicts().len();
        for (class, file) in pair {
            expected.insert(images::drop_into(&photos, class, file)?, class.clone());
        }
        // Somewhere between the drop and the verdict: a run takes about that long.
        std::thread::sleep(Duration::from_millis(40 * draw(2 * n, 100)));
        let node = nodes[draw(2 * n + 1, 4) as usize];
        if let Some(pid) = graph.pid(node)
            && graph.signal(node, "KILL").is_ok()
        {
            *killed.entry(node).or_default() += 1;
            graph.wait("the node to come back", MINUTES_3, |g| g.pid(node).is_some_and(|p| p != pid))?;
        }
        graph.wait("the verdict", MINUTES_3, |g| g.verdicts().len() > before)?;
    }
    graph.wait("every image in the catalog once", MINUTES_3, |g| catalog::files(&g.workspace) == expected)?;
    let looks = reader.end()?;
    eprintln!("{retrains} retrains, {looks} looks, killed {killed:?}");
    assert!(looks > 50, "{looks} looks say little");
    assert_eq!(catalog::quarantined(&graph.workspace), Vec::<String>::new());
    for entry in std::fs::read_dir(graph.workspace.models())?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name == "champion" {
            continue;
        }
        let verdict = RunFolder::new(&graph.workspace.runs(), &name).verdict();
        assert_eq!(
            verdict.map(|v| v.decision),
            Some(plugin_api::Decision::Promoted),
            "{name} is a model without a verdict"
        );
    }
    graph.end()
}

#[test]
fn class_folder_removed_during_training_is_forgotten() -> Result<(), Failure> {
    let root = tempfile::tempdir()?;
    let photos = root.path().join("home/photos");
    let all = images::first_of_each(images::demo(), 20);
    for (class, file) in &all {
        images::drop_into(&photos, class, file)?;
    }
    let slow: Vec<_> =
        SMALL.iter().copied().chain([("train", "--model", "resnet18"), ("train", "--cancel-percent", "5")]).collect();
    let mut graph = Graph::start(root.path(), &slow)?;
    graph.wait("training", MINUTES_3, |g| g.status("train").gauges.contains_key("epoch"))?;
    let gone = &all[0].0;
    std::fs::remove_dir_all(photos.join(gone))?;
    let of_the_rest = |g: &Graph| {
        let runs = RunFolder::all(&g.workspace.runs());
        runs.iter().any(|run| run.verdict().is_some_and(|v| !v.classes.contains(gone)))
    };
    graph.wait("a verdict on the other classes", MINUTES_3, of_the_rest)?;
    assert!(catalog::files(&graph.workspace).values().all(|class| class != gone));
    assert_eq!(catalog::quarantined(&graph.workspace), Vec::<String>::new());
    look(&graph.workspace)?;
    graph.end()
}

#[test]
fn wrong_option_is_told_where_one_looks() -> Result<(), Failure> {
    let root = tempfile::tempdir()?;
    let mut graph = Graph::start(root.path(), &[("train", "--epochs", "many")])?;
    let wrong =
        |g: &Graph| g.status("train").state.starts_with("configuration error: invalid value 'many' for '--epochs");
    graph.wait("train to say what is wrong", MINUTES_3, wrong)?;
    graph.wait("the page", MINUTES_3, |g| g.status("dashboard").state.starts_with("http://"))?;
    let train = graph.status("train");
    assert!(train.is_alive(), "it waits to be stopped");
    assert_eq!(train.counters.get("restarts"), Some(&0));
    assert_eq!(train.notices.iter().map(|notice| notice.kind.as_str()).collect::<Vec<_>>(), ["configuration"]);
    let (class, file) = images::demo().into_iter().next().ok_or("no image")?;
    images::drop_into(&graph.workspace.photos(), &class, &file)?;
    graph.wait("the other nodes to work", MINUTES_3, |g| !catalog::files(&g.workspace).is_empty())?;
    graph.end()
}
