//! Heads as champions: images in class folders, a promoted head within seconds, its predictions of the inbox, and a class that is added later.
//!
//! Nothing but the shipped graph with pretrained weights: `train` makes candidates, `evaluate` decides, `predict` loads the champion.

use plugin_api::Workspace;
use plugin_api::runs::{ModelCard, read_json};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tests::graph::{Failure, Graph};
use tests::images;

const MINUTES_3: Duration = Duration::from_mins(3);
/// Images of each class in the inbox.
const INBOX: usize = 12;
const CLASSES: [&str; 3] = ["food", "people", "transportation"];

/// Images of a class. Names go by what is to be seen, so they are dealt like cards.
fn images(class: &str) -> Vec<PathBuf> {
    let files: Vec<PathBuf> =
        images::demo().into_iter().filter(|(name, _)| name == class).map(|(_, file)| file).collect();
    (0..7).flat_map(|start| files.iter().skip(start).step_by(7)).cloned().collect()
}

fn accept(workspace: &Workspace, class: &str, files: &[PathBuf]) -> Result<(), Failure> {
    let folder = workspace.photos().join(class);
    fs::create_dir_all(&folder)?;
    for file in files {
        fs::copy(file, folder.join(file.file_name().unwrap()))?;
    }
    Ok(())
}

/// A row of `inbox/predictions.csv`.
struct Row {
    /// The true class, which the name of the file begins with.
    class: String,
    /// The most probable class.
    predicted: String,
    model: String,
}

fn predictions(workspace: &Workspace) -> Vec<Row> {
    let Ok(mut reader) = csv::Reader::from_path(workspace.inbox().join("predictions.csv")) else { return Vec::new() };
    let rows = reader.deserialize::<BTreeMap<String, String>>().flatten();
    rows.map(|row| {
        let name = row["path"].trim_start_matches("inbox/");
        let class = name.split_once('-').map_or(name, |(class, _)| class).to_owned();
        Row { class, predicted: row["class_1"].clone(), model: row["model"].clone() }
    })
    .collect()
}

/// Images of a class that are predicted correctly.
fn correct(rows: &[Row], class: &str) -> usize {
    rows.iter().filter(|row| row.class == class && row.predicted == class).count()
}

/// The champion's card.
fn champion(workspace: &Workspace) -> Option<ModelCard> {
    read_json(&workspace.champion().join("model.json")).ok()
}

/// Predictions of all images by a champion of exactly these classes; `None` until they are there.
fn by_champion(workspace: &Workspace, classes: &[&str]) -> Option<(ModelCard, Vec<Row>)> {
    let card = champion(workspace).filter(|card| card.classes == classes)?;
    let rows = predictions(workspace);
    (rows.len() == 3 * INBOX && rows.iter().all(|row| row.model == card.run)).then_some((card, rows))
}

/// Waits for predictions of all images by a champion of exactly these classes, and checks that it is a head.
fn wait_for_head(graph: &mut Graph, classes: &[&str]) -> Result<(ModelCard, Vec<Row>), Failure> {
    let what = format!("predictions by a champion of {}", classes.join(", "));
    graph.wait(&what, MINUTES_3, |g| by_champion(&g.workspace, classes).is_some())?;
    let (card, rows) = by_champion(&graph.workspace, classes).ok_or("the champion changed again")?;
    let backbone = card.backbone.as_ref().ok_or_else(|| format!("{} is no head", card.run))?;
    assert_eq!(backbone.architecture, "efficientnet-lite0");
    assert!(graph.workspace.backbone(&backbone.digest).is_file(), "its backbone is in the workspace");
    Ok((card, rows))
}

#[test]
fn heads_become_champion_and_know_classes_added_later() -> Result<(), Failure> {
    let Some(weights) = tests::efficientnet_lite0() else { return Ok(()) };
    let weights = weights.display().to_string();
    let options = [
        ("train", "--strategy", "auto"),
        ("train", "--backbone-weights", weights.as_str()),
        ("inspect", "--label-errors", "off"),
        // Graphs of the release before may name it.
        ("predict", "--network", "none"),
    ];
    let root = tempfile::tempdir()?;
    let mut graph = Graph::start(root.path(), &options)?;
    let workspace = graph.workspace.clone();
    let all: Vec<Vec<PathBuf>> = CLASSES.iter().map(|class| images(class)).collect();
    for (class, files) in CLASSES.iter().zip(&all) {
        for file in &files[files.len() - INBOX..] {
            fs::copy(file, workspace.inbox().join(format!("{class}-{}", file.file_name().unwrap().to_string_lossy())))?;
        }
    }

    // Two classes: the first candidate is a head, and it is promoted.
    let (begun, known) = (Instant::now(), &CLASSES[..2]);
    for (class, files) in known.iter().zip(&all) {
        accept(&workspace, class, &files[..30])?;
    }
    let (first, rows) = wait_for_head(&mut graph, known)?;
    let counts = [correct(&rows, "food"), correct(&rows, "people")];
    eprintln!(
        "two classes of 30: predictions by {} after {:?}, {counts:?} of {INBOX} correct",
        first.run,
        begun.elapsed()
    );
    assert!(counts.iter().sum::<usize>() >= 2 * INBOX * 3 / 4, "{counts:?}");
    assert_eq!(correct(&rows, "transportation"), 0, "nobody has named it");

    // A class that is new, five images of it.
    let begun = Instant::now();
    accept(&workspace, "transportation", &all[2][..5])?;
    let (second, rows) = wait_for_head(&mut graph, &CLASSES)?;
    let counts = CLASSES.map(|class| correct(&rows, class));
    eprintln!(
        "a new class of 5: predictions by {} after {:?}, {counts:?} of {INBOX} correct",
        second.run,
        begun.elapsed()
    );
    assert!(second.run != first.run && second.backbone == first.backbone, "the same backbone under another head");
    assert!(counts.iter().sum::<usize>() > INBOX * 3 / 2 && counts[2] >= INBOX / 4, "{counts:?}");
    graph.wait("no class to be unknown", MINUTES_3, |g| !g.status("predict").state.contains("until a run"))?;

    // Killed, `predict` goes on with the same champion, and an image that comes is predicted by it.
    let before = graph.pid("predict");
    graph.signal("predict", "KILL")?;
    graph.wait("predict to be back", MINUTES_3, |g| g.pid("predict").is_some() && g.pid("predict") != before)?;
    let file = &all[0][all[0].len() - INBOX - 1];
    fs::copy(file, workspace.inbox().join(format!("food-{}", file.file_name().unwrap().to_string_lossy())))?;
    graph.wait("a prediction of the image that came last", MINUTES_3, |g| {
        let rows = predictions(&g.workspace);
        rows.len() == 3 * INBOX + 1 && rows.iter().all(|row| row.model == second.run)
    })?;

    assert!(graph.whole_log().contains("refused by the next release"), "an option without effect is named");
    graph.end()
}
