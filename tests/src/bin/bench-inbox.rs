//! Measures how long an image dropped into the inbox takes to be classified: in a graph at rest, while it trains, and many
//! at once. `cargo run -p tests --bin bench-inbox`. No figure is a test: machines are shared.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tests::graph::{Failure, Graph};
use tests::images;

const LIMIT: Duration = Duration::from_mins(20);
/// What `inbox` waits for a file to stand still, in `pipeline.yml`.
const SETTLE: Duration = Duration::from_millis(500);

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Failure> {
    let root = tempfile::tempdir()?;
    let (later, first): (Vec<_>, Vec<_>) = images::demo().into_iter().enumerate().partition(|(at, _)| at % 7 == 3);
    let mut later = later.into_iter().map(|(_, image)| image);
    let photos = root.path().join("home/photos");
    for (_, (class, file)) in &first {
        images::drop_into(&photos, class, file)?;
    }
    // The second run goes on as long as images are dropped.
    let options = [("predict", "--sort", "on"), ("predict", "--sidecars", "on"), ("train", "--retrain-epochs", "150")];
    let mut graph = Graph::start_alone(root.path(), &options)?;
    graph.wait("the first verdict", LIMIT, |g| !g.verdicts().is_empty())?;
    for verdict in graph.verdicts() {
        println!("{}: balanced accuracy {:.3}, {:?}", verdict.decision, verdict.balanced_accuracy, verdict.calibration);
    }
    graph.wait("inspect to be done", LIMIT, |g| {
        g.status("inspect").counters.get("done").is_some_and(|done| *done > 0)
    })?;
    let cpu =
        |g: &Graph| ["inbox", "predict"].map(|n| cpu_seconds(&g.pid(n).map(|p| p.to_string()).unwrap_or_default()));
    let before = cpu(&graph);
    std::thread::sleep(Duration::from_secs(20));
    let after = cpu(&graph);
    println!(
        "at rest, of a core: inbox {:.2} %, predict {:.2} %",
        (after[0] - before[0]) * 5.0,
        (after[1] - before[1]) * 5.0
    );

    let at_rest: Vec<_> = later.by_ref().take(30).collect();
    report("at rest", drop_each(&graph, &at_rest)?);
    // Images in several classes are kept out, so the second run has something new in any case.
    for (class, file) in later.by_ref().take(30) {
        images::drop_into(&photos, &class, &file)?;
    }
    graph.wait("training", LIMIT, |g| g.status("train").state.contains("epoch"))?;
    let busy: Vec<_> = later.by_ref().take(30).collect();
    let took = drop_each(&graph, &busy)?;
    let trains = graph.status("train").state.contains("epoch");
    report(if trains { "while it trains" } else { "while it trains (and after)" }, took);
    graph.wait("the second verdict", LIMIT, |g| g.verdicts().len() > 1)?;
    for verdict in graph.verdicts() {
        println!("{}: {}", verdict.decision, verdict.reason);
    }

    let many: Vec<_> = later.collect();
    let (start, inbox) = (Instant::now(), graph.workspace.inbox());
    for (class, file) in &many {
        std::fs::copy(file, inbox.join(name(class, file)))?;
    }
    let copied = start.elapsed();
    graph.wait("all of them", LIMIT, |g| {
        let rows = predictions(&g.workspace.inbox());
        many.iter().all(|(class, file)| rows.contains_key(&name(class, file)))
    })?;
    let took = start.elapsed();
    println!(
        "{} at once: {:.1} s to copy, {:.1} s until all are classified",
        many.len(),
        copied.as_secs_f64(),
        took.as_secs_f64()
    );
    let rows = predictions(&inbox);
    let named = rows.iter().filter(|(_, class)| !class.is_empty()).count();
    let right = rows.iter().filter(|(name, class)| !class.is_empty() && name.starts_with(class.as_str())).count();
    println!("of {} images a class is named for {named}, and it is right for {right}", rows.len());
    graph.end()
}

/// One after the other, as soon as the one before is classified: from the end of the copy to its row.
fn drop_each(graph: &Graph, files: &[(String, PathBuf)]) -> Result<Vec<Duration>, Failure> {
    let inbox = graph.workspace.inbox();
    let mut took = Vec::new();
    for (class, file) in files {
        let name = name(class, file);
        std::fs::copy(file, inbox.join(&name))?;
        let start = Instant::now();
        while !predictions(&inbox).contains_key(&name) {
            if start.elapsed() > Duration::from_mins(1) {
                return Err(format!("{name} is not classified\n{}", graph.log()).into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        took.push(start.elapsed());
    }
    took.sort();
    Ok(took)
}

#[allow(clippy::print_stdout)]
fn report(when: &str, took: Vec<Duration>) {
    let after = |at: usize| took[at].saturating_sub(SETTLE).as_secs_f64();
    let last = took.len() - 1;
    println!(
        "{when}, {} images, seconds after settling: median {:.2}, 90 % {:.2}, slowest {:.2}",
        took.len(),
        after(last / 2),
        after(last * 9 / 10),
        after(last)
    );
}

fn name(class: &str, file: &Path) -> String {
    format!("{class}-{}", file.file_name().unwrap_or_default().to_string_lossy())
}

/// Class by file name; empty where it abstains.
fn predictions(inbox: &Path) -> BTreeMap<String, String> {
    let Ok(mut table) = csv::Reader::from_path(inbox.join("predictions.csv")) else { return BTreeMap::new() };
    let row = |row: csv::StringRecord| Some((row.get(0)?.strip_prefix("inbox/")?.to_owned(), row.get(1)?.to_owned()));
    table.records().flatten().filter_map(row).collect()
}

/// CPU time of a process so far, all threads, in ticks of 10 ms.
fn cpu_seconds(pid: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    fields.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum::<f64>() / 100.0
}
