//! Two machines: real daemons in network namespaces, a link that is cut, a daemon and a coordinator that are killed.

use plugin_api::Workspace;
use plugin_api::runs::{Finished, RunFolder, Verdict};
use plugin_api::status::Status;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tests::cluster::{Cluster, Link, Machines, Part};
use tests::graph::{Failure, Graph};
use tests::images;

const MINUTES_3: Duration = Duration::from_mins(3);

/// A run of a minute on any device, always the same one.
const OPTIONS: &[(&str, &str, &str)] = &[
    ("env", "WAKUTEKA_IMAGE_SIZE", "64"),
    ("train", "--strategy", "scratch"),
    ("train", "--cross-validate", "off"),
    // All that there is: on a slow machine images come with pauses, and what a run begins with counts from then on.
    ("train", "--min-train", "150"),
    ("train", "--debounce-seconds", "4"),
    ("train", "--device", "flex"),
    ("evaluate", "--device", "flex"),
    ("predict", "--device", "flex"),
    ("inspect", "--label-errors", "off"),
];

fn options(epochs: &'static str) -> Vec<(&'static str, &'static str, &'static str)> {
    [OPTIONS, &[("train", "--epochs", epochs)]].concat()
}

fn drop_photos(workspace: &Workspace, each: usize) -> Result<u64, Failure> {
    let chosen = images::first_of_each(images::demo(), each);
    for (class, file) in &chosen {
        images::drop_into(&workspace.photos(), class, file)?;
    }
    Ok(chosen.len() as u64)
}

/// The run that has ended.
fn finished(workspace: &Workspace) -> Option<Finished> {
    RunFolder::all(&workspace.runs()).into_iter().find_map(|run| run.finished())
}

fn verdict(workspace: &Workspace) -> Option<Verdict> {
    RunFolder::all(&workspace.runs()).into_iter().find_map(|run| run.verdict())
}

/// The same on one machine: the run's weights, and images a second of its epochs but the first.
fn on_one_machine(each: usize, epochs: &'static str) -> Result<(Finished, f64), Failure> {
    let root = tempfile::tempdir()?;
    drop_photos(&Workspace::create(&root.path().join("home"))?, each)?;
    let mut graph = Graph::start(root.path(), &options(epochs))?;
    graph.wait("the run to end", MINUTES_3, |graph| finished(&graph.workspace).is_some())?;
    let finished = finished(&graph.workspace).unwrap();
    let speed = speed(&graph.workspace);
    graph.end()?;
    Ok((finished, speed))
}

/// Images a second of the epochs after the first, as the run's metrics have them.
fn speed(workspace: &Workspace) -> f64 {
    let run = RunFolder::all(&workspace.runs()).remove(0);
    let rows: Vec<f64> = run
        .metrics()
        .into_iter()
        .filter(|row| row.metric == "images_per_second" && row.split == "train" && row.epoch > 0)
        .map(|row| row.value)
        .collect();
    rows.iter().sum::<f64>() / rows.len().max(1) as f64
}

fn machines(link: Link) -> Option<Machines> {
    Machines::new(link).inspect_err(|error| tests::skipped(&format!("no network namespaces here: {error}"))).ok()
}

fn begin(machines: Machines, root: &Path, each: usize, epochs: &'static str) -> Result<(Cluster, u64), Failure> {
    let photos = drop_photos(&Workspace::create(&root.join("files"))?, each)?;
    Ok((Cluster::start(machines, root, &options(epochs))?, photos))
}

fn epoch(status: &Status) -> f64 {
    status.gauges.get("epoch").copied().unwrap_or_default()
}

fn counter(status: &Status, name: &str) -> u64 {
    status.counters.get(name).copied().unwrap_or_default()
}

/// What must be on the machine with the files in the end, and nowhere else.
fn assert_handed_over(cluster: &Cluster, alone: &Finished) -> Result<(), Failure> {
    let (run, there) = (finished(&cluster.files).unwrap(), finished(&cluster.training).unwrap());
    assert_eq!(run, there, "the run's end is the same on both machines");
    assert_eq!(
        (&run.digest, run.steps, run.epochs),
        (&alone.digest, alone.steps, alone.epochs),
        "bit-identical weights"
    );
    let model = std::fs::read(cluster.files.champion().join("model.safetensors"))?;
    assert_eq!(blake3::hash(&model).to_hex().as_str(), alone.digest);
    let verdict = verdict(&cluster.files).unwrap();
    assert_eq!(verdict.decision.name(), "promoted");
    assert!(cluster.files.root().join(&verdict.report).is_file(), "{}", verdict.report);
    assert_eq!(std::fs::read_dir(cluster.training.photos())?.count(), 0, "no photo is on the machine that trains");
    Ok(())
}

#[test]
fn two_machines_lose_nothing_whatever_is_away() -> Result<(), Failure> {
    let Some(machines) = machines(Link::GIGABIT) else { return Ok(()) };
    let (alone, _) = on_one_machine(30, "24")?;
    let root = tempfile::tempdir()?;
    let (mut cluster, photos) = begin(machines, root.path(), 30, "24")?;

    // The cable is pulled before anything has crossed, and the run begins without it.
    cluster.wait("the data set", MINUTES_3, |cluster| counter(&cluster.shown("dataset"), "files") == photos)?;
    cluster.wait("the training machine to know", MINUTES_3, |cluster| {
        cluster.there("train").state.contains("quiet") && cluster.shown("train").is_alive()
    })?;
    cluster.machines.plug(false)?;
    cluster.wait("the page to say that the machine is away", MINUTES_3, |cluster| {
        let notices = cluster.shown("mirror-files").notices;
        notices.iter().any(|notice| notice.kind.starts_with("machine_away")) && !cluster.shown("train").is_alive()
    })?;
    assert!(counter(&cluster.there("cache"), "crossed") < photos, "it was pulled too late");
    cluster.machines.plug(true)?;
    let back = cluster.wait("the second epoch", MINUTES_3, |cluster| epoch(&cluster.there("train")) >= 2.0)?;
    eprintln!("the second epoch {:.1} s after the cable was put back", back.as_secs_f64());
    let crossed = counter(&cluster.there("cache"), "crossed");
    assert!(crossed <= photos, "{crossed} of {photos} images crossed");
    cluster.wait("the page to know", MINUTES_3, |cluster| {
        cluster.shown("mirror-files").notices.is_empty() && cluster.shown("train").is_alive()
    })?;

    // From then on training needs no link.
    cluster.machines.plug(false)?;
    let before = epoch(&cluster.there("train"));
    cluster.wait("two epochs without a link", MINUTES_3, |cluster| epoch(&cluster.there("train")) >= before + 2.0)?;
    cluster.machines.plug(true)?;
    cluster.wait("the page to know", MINUTES_3, |cluster| epoch(&cluster.shown("train")) >= before + 2.0)?;

    // Without a coordinator what runs goes on.
    cluster.kill(Part::Coordinator)?;
    let before = epoch(&cluster.there("train"));
    cluster
        .wait("an epoch without a coordinator", MINUTES_3, |cluster| epoch(&cluster.there("train")) > before + 1.0)?;
    cluster.begin(Part::Coordinator)?;

    // The machine that trains goes down: its daemon and all nodes there. (Of a daemon that is killed alone, nodes that only receive do not
    // notice, and keep the workspace locked.)
    let before = epoch(&cluster.there("train"));
    cluster.kill(Part::Training)?;
    for status in plugin_api::status::read_all(&cluster.training.status()).into_values() {
        Command::new("kill").args(["-KILL", &status.pid.to_string()]).status()?;
    }
    cluster.begin(Part::Training)?;
    let began = Instant::now();
    while let Err(error) = cluster.restart() {
        assert!(began.elapsed() < Duration::from_mins(1), "{error}\n{}", cluster.log());
        std::thread::sleep(Duration::from_secs(1));
    }
    cluster.wait("it to go on", MINUTES_3, |cluster| {
        let epoch = epoch(&cluster.there("train"));
        assert!(epoch == 0.0 || epoch >= before - 1.0, "it goes on from its checkpoint: {epoch} after {before}");
        epoch > before
    })?;

    cluster.wait("the verdict", MINUTES_3, |cluster| verdict(&cluster.files).is_some())?;
    assert_handed_over(&cluster, &alone)?;
    // Counted anew since the machine came back: what had not crossed before, the test split.
    let crossed = crossed + counter(&cluster.there("cache"), "crossed");
    assert!(crossed <= photos, "{crossed} images crossed, of {photos}");
    Ok(())
}

/// Figures for tests/README.md: `cargo nextest run -E 'test(figures_of_three_links)' --run-ignored only --no-capture`, as root.
#[test]
#[ignore = "takes minutes: figures for tests/README.md"]
fn figures_of_three_links() -> Result<(), Failure> {
    let (each, epochs) = (250, "6");
    let (alone, speed_alone) = on_one_machine(each, epochs)?;
    eprintln!("one machine: {speed_alone:.0} images/s after the first epoch, {:.1} s of training", alone.seconds);
    let links = [
        ("1 Gbit/s", Link::GIGABIT),
        ("200 Mbit/s, 20 ms", Link { rate_mbit: 200, delay_ms: 20, loss_percent: 0 }),
        ("1 Gbit/s, 1 % lost", Link { rate_mbit: 1000, delay_ms: 1, loss_percent: 1 }),
    ];
    for (name, link) in links {
        let Some(machines) = machines(link) else { return Ok(()) };
        let root = tempfile::tempdir()?;
        let (cluster, photos) = begin(machines, root.path(), each, epochs)?;
        let took = cluster.wait("the verdict", MINUTES_3 * 3, |cluster| verdict(&cluster.files).is_some())?;
        assert_handed_over(&cluster, &alone)?;
        let (cache, mirror) = (cluster.there("cache"), cluster.shown("mirror-files"));
        let [to, from] = cluster.machines.crossed_bytes()?;
        let pixels = counter(&cache, "crossed_bytes");
        let files = counter(&mirror, "file_bytes");
        let speed = speed(&cluster.training);
        eprintln!(
            "{name}: {speed:.0} images/s ({:.2}), verdict after {:.0} s, {} of {photos} images crossed, {to} bytes there for {pixels} of \
             pixels ({:.3}), {from} back for {files} of files; asked again: {} requests for pixels, {} for files",
            speed / speed_alone,
            took.as_secs_f64(),
            counter(&cache, "crossed"),
            to as f64 / pixels as f64,
            counter(&cache, "asked_again"),
            counter(&mirror, "asked_again"),
        );
    }
    Ok(())
}
