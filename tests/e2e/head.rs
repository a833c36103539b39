//! A class folder that nobody has trained on is told at once, by a head on embeddings, until a run has learnt it; and after
//! that as long as the head is the better one.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "a test fails by panicking")]

use plugin_api::Home;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tests::graph::{Failure, Graph};
use tests::pictures;

const MINUTES_3: Duration = Duration::from_mins(3);
/// A file is read once it has stood still so long.
const SETTLE: Duration = Duration::from_millis(500);
const INBOX: usize = 12;

/// Pictures of a class: names go by what is to be seen, so they are dealt like cards.
fn of(class: &str) -> Vec<PathBuf> {
    let files: Vec<PathBuf> =
        pictures::demo().into_iter().filter(|(name, _)| name == class).map(|(_, file)| file).collect();
    (0..7).flat_map(|start| files.iter().skip(start).step_by(7)).cloned().collect()
}

fn accept(home: &Home, class: &str, files: &[PathBuf]) -> Result<(), Failure> {
    let folder = home.photos().join(class);
    fs::create_dir_all(&folder)?;
    for file in files {
        fs::copy(file, folder.join(file.file_name().unwrap()))?;
    }
    Ok(())
}

/// Likeliest class and model of each picture in the inbox, by its name.
fn said(home: &Home) -> BTreeMap<String, (String, String)> {
    let Ok(mut reader) = csv::Reader::from_path(home.inbox().join("predictions.csv")) else { return BTreeMap::new() };
    let rows = reader.deserialize::<BTreeMap<String, String>>().flatten();
    rows.map(|row| (row["path"].replace("inbox/", ""), (row["class_1"].clone(), row["model"].clone()))).collect()
}

/// Pictures of a class in the inbox that are told right, and of how many.
fn right(home: &Home, class: &str) -> (usize, usize) {
    let said = said(home);
    let of_class = said.iter().filter(|(name, _)| name.starts_with(class));
    (of_class.clone().filter(|(_, (told, _))| told == class).count(), of_class.count())
}

fn by_head(home: &Home) -> bool {
    let said = said(home);
    said.len() == 3 * INBOX && said.values().all(|(_, model)| model.starts_with("head-"))
}

#[test]
fn a_class_is_told_at_once_and_the_better_one_answers_once_a_run_has_learnt_it() -> Result<(), Failure> {
    let Some(weights) = tests::efficientnet_lite0() else { return Ok(()) };
    let weights = weights.display().to_string();
    let never = [
        ("train", "--min-train", "1000"),
        ("train", "--quiet-seconds", "1"),
        ("train", "--epochs", "2"),
        ("train", "--cross-validate", "off"),
    ];
    let mut options = vec![
        ("predict", "--weights", weights.as_str()),
        ("inspect", "--label-errors", "off"),
        // Many to judge by, and a champion that has learnt next to nothing.
        ("dataset", "--test-percent", "40"),
        ("train", "--learning-rate", "0.000001"),
        ("train", "--device", "flex"),
        ("evaluate", "--device", "flex"),
    ];
    options.extend(never);
    let root = tempfile::tempdir()?;
    let mut graph = Graph::start(root.path(), &options)?;
    let home = graph.home.clone();
    let (food, people, vehicles) = (of("food"), of("people"), of("transportation"));

    // Two classes and no champion: the head answers, class means at first, and better than a coin.
    accept(&home, "food", &food[..30])?;
    accept(&home, "people", &people[..30])?;
    for (class, files) in [("food", &food), ("people", &people), ("transportation", &vehicles)] {
        for file in &files[files.len() - INBOX..] {
            fs::copy(file, home.inbox().join(format!("{class}-{}", file.file_name().unwrap().to_string_lossy())))?;
        }
    }
    graph.wait("the head to answer", MINUTES_3, |g| by_head(&g.home))?;
    graph.wait("all to be learnt", MINUTES_3, |g| g.status("predict").state.contains("-60, until a run has learnt"))?;
    graph.wait("answers of the whole head", MINUTES_3, |g| {
        let state = g.status("predict").state;
        said(&g.home).values().all(|(_, model)| state.contains(model.as_str()))
    })?;
    let told = (right(&home, "food").0 + right(&home, "people").0, right(&home, "transportation"));
    eprintln!("two classes: {} of {} told right, {:?}", told.0, 2 * INBOX, graph.status("predict").gauges);
    assert!(told.0 >= 2 * INBOX * 3 / 4 && told.1 == (0, INBOX), "{told:?}");

    // A class that is new: five pictures of it.
    let last = accept(&home, "transportation", &vehicles[..5]).map(|()| Instant::now())?;
    while right(&home, "transportation").0 == 0 {
        assert!(last.elapsed() < MINUTES_3, "the new class is never told\n{}", graph.log());
        std::thread::sleep(Duration::from_millis(10));
    }
    eprintln!(
        "a new class of five pictures is told {:?} after the last one, {SETTLE:?} of it to settle",
        last.elapsed()
    );
    graph.wait("the others to follow", MINUTES_3, |g| {
        let state = g.status("predict").state;
        by_head(&g.home) && said(&g.home).values().all(|(_, model)| state.contains(model.as_str()))
    })?;
    let told = ["food", "people", "transportation"].map(|class| right(&home, class).0);
    eprintln!("right of {INBOX} each: {told:?}, {:?}", graph.status("predict").gauges);
    assert!(told.iter().sum::<usize>() > INBOX * 3 / 2 && told[2] >= INBOX / 4, "{told:?}");

    // Killed, it knows again without looking at the pictures again.
    graph.signal("predict", "KILL")?;
    graph.wait("the head to be back", MINUTES_3, |g| g.status("predict").state.contains("-65, until a run"))?;

    // A run learns all three, badly: the head goes on, and says why. With more than two of a class to be judged by.
    accept(&home, "transportation", &vehicles[5..25])?;
    options.retain(|(_, flag, _)| *flag != "--min-train");
    let mut graph = graph.restart(&options)?;
    graph.wait("the champion and the head to be compared", MINUTES_3, |g| {
        by_head(&g.home) && g.status("predict").state.contains("better than the champion on")
    })?;
    eprintln!("{}", graph.status("predict").state);
    assert!(home.champion().exists());

    // What is new is told by the head already, so one picture is not worth a run.
    accept(&home, "food", &food[30..31])?;
    let waits = |g: &Graph| g.status("train").state.contains("1 so far, told by a head meanwhile");
    graph.wait("the run to wait", MINUTES_3, waits)?;

    // Nor when the head is gone for a moment.
    let (runs, before) = (fs::read_dir(home.runs())?.count(), graph.pid("predict"));
    graph.signal("predict", "KILL")?;
    graph.wait("the head to be back once more", MINUTES_3, |g| {
        g.pid("predict") != before && g.status("predict").state.contains("better than the champion on")
    })?;
    std::thread::sleep(Duration::from_secs(2));
    assert!(waits(&graph), "{}", graph.status("train").state);
    assert_eq!(fs::read_dir(home.runs())?.count(), runs);

    // Without a head the champion answers.
    options.retain(|(_, flag, _)| *flag != "--weights");
    options.push(("predict", "--network", "none"));
    let mut graph = graph.restart(&options)?;
    graph.wait("a champion to answer", MINUTES_3, |g| {
        let said = said(&g.home);
        said.len() == 3 * INBOX && said.values().all(|(_, model)| g.home.models().join(model).is_dir())
    })?;

    // It loses its only pictures of a class; the champion knows more than there is, and goes on.
    fs::remove_dir_all(home.photos().join("transportation"))?;
    graph.wait("the class to be gone", MINUTES_3, |g| {
        !tests::catalog::files(&g.home).keys().any(|p| is_in(p, "transportation"))
    })?;
    graph.end()
}

fn is_in(path: &str, class: &str) -> bool {
    Path::new(path).starts_with(Path::new("photos").join(class))
}
