//! A structure search in the graph: killed in the middle, it makes the attempts that it makes when it is left alone.

use plugin_api::runs::RunFolder;
use plugin_architecture_search::{Attempt, Method, Outcome, Search, read_search, searches};
use std::path::Path;
use std::time::Duration;
use tests::browser::Browser;
use tests::graph::{Failure, Graph};
use tests::images;

const ATTEMPTS: usize = 8;

const OPTIONS: &[(&str, &str, &str)] = &[
    ("env", "WAKUTEKA_IMAGE_SIZE", "32"),
    ("search", "--epochs", "4"),
    ("search", "--halving", "2"),
    ("search", "--attempts", "8"),
    ("search", "--seed", "3"),
    // All that there is: on a slow machine images come with pauses, and what a search begins with counts from then on.
    ("search", "--min-train", "150"),
    ("search", "--debounce-seconds", "4"),
    ("train", "--device", "flex"),
    ("train-2", "--device", "flex"),
    ("evaluate", "--device", "flex"),
];

const MINUTES_5: Duration = Duration::from_mins(5);

fn search(graph: &Graph) -> Option<Search> {
    let folder = searches(&graph.workspace.root().join("search")).pop()?;
    read_search(&folder).unwrap()
}

fn begin(root: &Path) -> Result<Graph, Failure> {
    let photos = root.join("home/photos");
    for (class, file) in images::first_of_each(images::demo(), 30) {
        images::drop_into(&photos, &class, &file)?;
    }
    Graph::start_of("search.yml", root, OPTIONS)
}

fn has_ended(graph: &Graph) -> bool {
    search(graph).is_some_and(|search| {
        search.finished.is_some() && search.attempts.iter().all(|a| !a.has_weights() || a.test.is_some())
    })
}

/// An attempt: parent, change, outcome, errors by epoch, test accuracy.
type Told = (Option<u64>, String, Outcome, Vec<f64>, Option<f64>);

/// What must not depend on kills: what was tried, and what came of it.
fn story(search: &Search) -> Vec<Told> {
    let told = |attempt: &Attempt| {
        // What was stopped may have come a little further before it received that.
        let is_whole = attempt.outcome == Outcome::Trained;
        let test = attempt.test.as_ref().filter(|_| is_whole).map(|test| test.accuracy);
        let of = &attempt.proposed;
        (of.parent, of.change.clone(), attempt.outcome, attempt.curve.clone(), test)
    };
    search.attempts.iter().map(told).collect()
}

/// This attempt has begun, and come so far.
fn is_at(graph: &Graph, attempt: usize, epochs: usize) -> bool {
    search(graph).is_some_and(|search| search.attempts.get(attempt).is_some_and(|of| of.curve.len() >= epochs))
}

#[test]
fn killed_in_the_middle_a_search_makes_the_same_attempts() -> Result<(), Failure> {
    let (alone, killed) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let mut graph = begin(alone.path())?;
    graph.wait("the search to end", MINUTES_5, has_ended)?;
    let undisturbed = search(&graph).unwrap();
    graph.end()?;
    drop(graph);

    let mut graph = begin(killed.path())?;
    for (attempt, epochs, node) in [(1, 1, "search"), (2, 0, "train"), (3, 1, "train"), (4, 1, "evaluate")] {
        graph.wait("an attempt to be in training", MINUTES_5, |g| is_at(g, attempt, epochs))?;
        let before = graph.pid(node);
        graph.signal(node, "KILL")?;
        graph.wait("the node to come back", MINUTES_5, |g| g.pid(node).is_some() && g.pid(node) != before)?;
    }
    graph.wait("an attempt to be in training", MINUTES_5, |g| is_at(g, 5, 1))?;
    let mut graph = graph.restart(OPTIONS)?;
    graph.wait("the search to end", MINUTES_5, has_ended)?;
    let found = search(&graph).unwrap();
    assert_eq!(searches(&graph.workspace.root().join("search")).len(), 1, "one search");
    assert_eq!(story(&found), story(&undisturbed));
    assert_eq!(found.attempts.len(), ATTEMPTS);
    eprintln!("{:#?}", story(&found));

    for attempt in &found.attempts {
        let run = RunFolder::new(&graph.workspace.runs(), &attempt.proposed.run);
        let manifest = run.manifest().unwrap();
        assert_eq!(manifest.definition.as_deref(), Some(&attempt.proposed.definition[..]));
        assert!(manifest.reason.contains(&attempt.proposed.change), "{}", manifest.reason);
        assert!(run.verdict().is_some_and(|verdict| verdict.reason.contains("gate") && verdict.champion.is_none()));
    }
    // Any of them can be made champion.
    let chosen = &found.attempts[found.front()[0] as usize].proposed.run;
    plugin_champion::promote_by_hand(&graph.workspace, chosen)?;
    let page = searches(&graph.workspace.root().join("search")).pop().unwrap().join("report/index.html");
    graph.wait("the report", MINUTES_5, |_| {
        let text = std::fs::read_to_string(&page).unwrap_or_default();
        text.contains("8 attempts") && text.matches("<circle").count() == 2 * ATTEMPTS
    })?;
    let mut graph = graph.restart(&[OPTIONS, &[("search", "--parallel", "2")]].concat())?;
    another_is_asked_for(&mut graph, &found)?;
    graph.end()
}

/// On the page: all attempts with their networks, and a search from one of them, which two `train` do.
fn another_is_asked_for(graph: &mut Graph, before: &Search) -> Result<(), Failure> {
    let state = |g: &Graph| g.status("dashboard").state.to_string();
    graph.wait("the page", MINUTES_5, |g| g.pid("dashboard").is_some() && state(g).starts_with("http://"))?;
    let address = state(graph).split(',').next().unwrap_or_default().to_owned();
    let browser = Browser::start(1280, 900)?;
    browser.open(&format!("{address}#models"))?;
    let drawn = "return document.querySelectorAll('.searches svg circle').length === 8
        && document.querySelectorAll('table.attempts tbody tr').length === 8";
    browser.wait("the attempts", MINUTES_5, drawn)?;
    let front = browser.run("return document.querySelectorAll('table.attempts .front').length")?;
    assert_eq!(front, before.front().len());
    let is_network = "return Promise.all([...document.querySelectorAll('table.attempts a[href*=networks]')].slice(0, 2)
        .map((link) => fetch(link.href).then((answer) => answer.text())))
        .then(([drawing, file]) => drawing.startsWith('<svg') && file.includes('blocks:'))";
    assert_eq!(browser.run(is_network)?, true);

    browser.click("table.attempts button.again")?;
    browser.wait("the dialog", MINUTES_5, "return document.querySelector('dialog.searching[open]') !== null")?;
    for (field, value) in [("attempts", "4"), ("epochs", "1"), ("method", "random")] {
        browser.run(&format!("document.getElementById('search-{field}').value = '{value}'"))?;
    }
    browser.click("dialog.searching button.main")?;
    graph.wait("the other search to end", MINUTES_5, |g| {
        searches(&g.workspace.root().join("search")).len() == 2 && has_ended(g)
    })?;
    let found = search(graph).unwrap();
    assert!(found.settings.network.starts_with("attempt-"), "{}", found.settings.network);
    assert_eq!((found.settings.method, found.settings.epochs, found.attempts.len()), (Method::Random, 1, 4));
    let cost = |attempt: &Attempt| (attempt.proposed.multiply_adds, attempt.proposed.parameters);
    assert!(before.attempts.iter().any(|attempt| cost(attempt) == cost(&found.attempts[0])));
    let by_the_second = found.attempts.iter().filter(|attempt| attempt.proposed.worker == 1).count();
    assert!(by_the_second > 0, "{:#?}", found.attempts);
    let drawn = "return document.querySelectorAll('table.attempts tbody tr').length === 4";
    browser.wait("its attempts", MINUTES_5, drawn)?;
    let complaints = browser.complaints()?;
    assert!(complaints.is_empty(), "{complaints:?}");
    Ok(())
}
