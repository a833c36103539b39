//! Measures the graph beside the same plugin code in one process without dora, and the time from drop to verdict.
//!
//! `cargo run -p tests --bin bench-graph -- [IMAGES] [SIZE] [FOLDER] [--intake-only]`: both in one run, over the same files, as images a
//! second and as images a second of CPU time (what a core gives). No figure is a test: machines are shared.

use arrow::array::{Int64Array, StringArray, UInt64Array};
use node_dataset::intake::{Rules, take_in};
use node_dataset::shards::Shards;
use node_dataset::split::Groups;
use plugin_api::edges::ImageFiles;
use plugin_api::{Edge, FileVersion, Header, Workspace};
use plugin_catalog::Writer;
use plugin_harness::Stage;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tests::graph::{Failure, Graph};
use tests::{catalog, images};

const NODES: [&str; 5] = ["watch", "decode", "hash", "resize", "dataset"];
const ROWS: usize = 16;

/// One way of doing the work, measured.
struct Measured {
    seconds: f64,
    cpu_seconds: f64,
}

/// What the graph took.
struct Graphed {
    all: Measured,
    /// Processor time of each node, seconds.
    nodes: Vec<f64>,
    /// Most memory of these nodes together, bytes.
    memory: u64,
    /// Cores of this machine that had nothing to do meanwhile, the work of all programs counted.
    idle: f64,
}

#[allow(clippy::print_stdout)]
fn main() -> Result<(), Failure> {
    let (flags, arguments): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|a| a.starts_with("--"));
    let intake_only = flags.iter().any(|flag| flag == "--intake-only");
    let mut arguments = arguments.into_iter();
    let mut number = |usual: usize| arguments.next().map_or(Ok(usual), |a| a.parse::<usize>());
    let (count, size) = (number(2_000)?, number(128)?.to_string());
    let source = match (arguments.next(), tests::shared()) {
        (Some(folder), _) => images::of(Path::new(&folder)),
        (None, Some(shared)) => images::of(&shared.join("data/openclipart8")),
        (None, None) => images::demo(),
    };
    let root = tempfile::tempdir()?;
    let workspace = Workspace::create(&root.path().join("home"))?;
    let files = lay_out(&workspace, &source, count)?;
    println!("{count} images, {size} px, {} cores", std::thread::available_parallelism()?);

    let stages = in_one_process(&workspace, &files, &size)?;
    let alone = total(&stages);
    println!("\nin one process, without dora");
    for (name, measured) in NODES.iter().zip(&stages) {
        print_line(name, count, measured);
    }
    print_line("all", count, &alone);

    let Graphed { all: graph, nodes, memory, idle } = through_the_graph(root.path(), count, &size)?;
    println!("\nthrough the graph");
    for (name, cpu_seconds) in NODES.iter().zip(&nodes) {
        print_line(name, count, &Measured { seconds: graph.seconds, cpu_seconds: *cpu_seconds });
    }
    print_line("all", count, &graph);
    println!(
        "\ngraph / one process, images a second of CPU time: {:.2}; images a second: {:.2}",
        alone.cpu_seconds / graph.cpu_seconds,
        alone.seconds / graph.seconds
    );
    println!("idle: {idle:.2} cores");
    println!("memory of these nodes at its highest, together: {} MB", memory / 1_000_000);
    if intake_only { Ok(()) } else { drop_to_verdict() }
}

#[allow(clippy::print_stdout)]
fn print_line(name: &str, count: usize, measured: &Measured) {
    let n = count as f64;
    println!(
        "  {name:<8} {:>8.0} images/s {:>8.0} images/CPU-s {:>8.2} CPU-s",
        n / measured.seconds,
        n / measured.cpu_seconds.max(1e-3),
        measured.cpu_seconds
    );
}

fn total(stages: &[Measured]) -> Measured {
    Measured {
        seconds: stages.iter().map(|s| s.seconds).sum(),
        cpu_seconds: stages.iter().map(|s| s.cpu_seconds).sum(),
    }
}

/// Distinct files: real images, a comment's worth of bytes apart when there are not enough of them.
fn lay_out(
    workspace: &Workspace,
    source: &[(String, PathBuf)],
    count: usize,
) -> Result<Vec<(String, String)>, Failure> {
    let mut files = Vec::new();
    for at in 0..count {
        let (class, file) = &source[at % source.len()];
        let folder = workspace.photos().join(class);
        std::fs::create_dir_all(&folder)?;
        let mut bytes = std::fs::read(file)?;
        if at >= source.len() {
            // Bytes after the end of a JPEG are ignored by decoders and make another file of it.
            bytes.extend_from_slice(at.to_string().as_bytes());
        }
        std::fs::write(folder.join(format!("{at:06}.jpg")), bytes)?;
        files.push((format!("photos/{class}/{at:06}.jpg"), class.clone()));
    }
    Ok(files)
}

fn in_one_process(workspace: &Workspace, files: &[(String, String)], size: &str) -> Result<Vec<Measured>, Failure> {
    let folder = tempfile::tempdir()?;
    let parse = |args: &[&str]| args.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>();
    let hash: node_hash::Config = clap::Parser::try_parse_from(parse(&["hash"]))?;
    let resize: node_resize::Config = clap::Parser::try_parse_from(parse(&["resize", "--size", size]))?;
    let mut hash = node_hash::HashStage { limits: hash.limits, decode: hash.decode, workspace: workspace.clone() };
    let mut resize = node_resize::ResizeStage { resize: resize.resize };
    let decode: node_decode::Config = clap::Parser::try_parse_from(parse(&["decode"]))?;
    let scale = decode.scale();
    let mut decode = node_decode::DecodeStage {
        workspace: workspace.clone(),
        limits: decode.limits,
        scale,
        ledger: plugin_harness::CrashLedger::open(folder.path(), "decode", Duration::ZERO)?,
        decoder: plugin_decode::decode_scaled,
    };
    let config: node_dataset::Config = clap::Parser::try_parse_from(parse(&["dataset", "--size", size]))?;
    let mut catalog = Writer::open_file(folder.path().join("catalog.sqlite"))?;
    let shards = Shards::open(folder.path(), "bench")?;
    let mut groups = Groups::new(config.near_copies.radii());
    let mut spent: Vec<Measured> = NODES.iter().map(|_| Measured { seconds: 0.0, cpu_seconds: 0.0 }).collect();
    for (seq, files) in files.chunks(ROWS).enumerate() {
        let header = Header::new("bench", seq as u64);
        let named = timed(&mut spent[0], || name(workspace.root(), files))?;
        let decoded = timed(&mut spent[1], || decode.process(&header, named)).out;
        let hashed = timed(&mut spent[2], || hash.process(&header, decoded)).out;
        let pixels = timed(&mut spent[3], || resize.process(&header, hashed)).out;
        assert_eq!(pixels.rows(), files.len(), "an image was refused");
        timed(&mut spent[4], || take_in(&[pixels], &mut catalog, &shards, &mut groups, "bench", Rules::new(&config)))?;
    }
    Ok(spent)
}

fn name(root: &Path, files: &[(String, String)]) -> std::io::Result<ImageFiles> {
    let version =
        |(path, _): &(String, String)| std::fs::metadata(root.join(path)).map(|meta| FileVersion::from(&meta));
    let versions: Vec<FileVersion> = files.iter().map(version).collect::<Result<_, _>>()?;
    Ok(ImageFiles {
        path: StringArray::from_iter_values(files.iter().map(|(path, _)| path)),
        label: StringArray::from_iter_values(files.iter().map(|(_, label)| label)),
        split: files.iter().map(|_| None::<&str>).collect(),
        modified_ns: Int64Array::from_iter_values(versions.iter().map(|version| version.modified_ns)),
        changed_ns: Int64Array::from_iter_values(versions.iter().map(|version| version.changed_ns)),
        inode: UInt64Array::from_iter_values(versions.iter().map(|version| version.inode)),
        size_bytes: UInt64Array::from_iter_values(versions.iter().map(|version| version.size_bytes)),
    })
}

fn timed<T>(into: &mut Measured, work: impl FnOnce() -> T) -> T {
    let (start, cpu) = (Instant::now(), cpu_seconds("self"));
    let done = work();
    into.seconds += start.elapsed().as_secs_f64();
    into.cpu_seconds += cpu_seconds("self") - cpu;
    done
}

/// CPU time of a process so far, all threads: fields 14 and 15 of `/proc/<pid>/stat`, in ticks of 10 ms.
fn cpu_seconds(pid: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    fields.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Proportional set size of a process (its share of what it has in common with others counts in parts), bytes.
fn memory_bytes(pid: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Seconds that the cores of this machine have been idle so far, together; waiting for a disk is not idle.
fn idle_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let idle = stat.split_whitespace().nth(4).and_then(|ticks| ticks.parse::<f64>().ok());
    idle.unwrap_or(0.0) / 100.0
}

/// Looks at the catalog between two looks at the nodes' memory, which takes the kernel some milliseconds.
const LOOKS_A_MEMORY: usize = 5;

/// The intake of all images, from the first that is in the catalog to the last: what starts the nodes is not counted, and both ends are
/// seen in the same way.
fn through_the_graph(root: &Path, count: usize, size: &str) -> Result<Graphed, Failure> {
    let options = [("env", "WAKUTEKA_IMAGE_SIZE", size), ("train", "--debounce-seconds", "600")];
    let mut graph = Graph::start_alone(root, &options)?;
    let limit = Duration::from_mins(10);
    graph.wait("the first image", limit, |g| catalog::count(&g.workspace) > 0)?;
    let pid = |g: &Graph, node: &str| g.pid(node).map(|p| p.to_string()).unwrap_or_default();
    let pids: Vec<String> = NODES.iter().map(|node| pid(&graph, node)).collect();
    let start = Instant::now();
    let first = catalog::count(&graph.workspace);
    let idle = idle_seconds();
    let before: Vec<f64> = pids.iter().map(|pid| cpu_seconds(pid)).collect();
    let mut memory = 0;
    let mut looks = 0;
    graph.wait("all images", limit, |g| {
        if looks % LOOKS_A_MEMORY == 0 {
            memory = memory.max(pids.iter().map(|pid| memory_bytes(pid)).sum());
        }
        looks += 1;
        catalog::count(&g.workspace) >= count as u64
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let idle = (idle_seconds() - idle) / seconds;
    let share = count as f64 / (count as u64 - first) as f64;
    let nodes: Vec<f64> = pids.iter().zip(&before).map(|(pid, b)| (cpu_seconds(pid) - b) * share).collect();
    graph.end()?;
    let all = Measured { seconds: seconds * share, cpu_seconds: nodes.iter().sum() };
    Ok(Graphed { all, nodes, memory, idle })
}

/// With the options of the demo: 20 images dropped into a graph that has its first verdict.
#[allow(clippy::print_stdout)]
fn drop_to_verdict() -> Result<(), Failure> {
    let root = tempfile::tempdir()?;
    let (later, first): (Vec<_>, Vec<_>) = images::demo().into_iter().enumerate().partition(|(at, _)| at % 50 == 7);
    let later: Vec<(String, PathBuf)> = later.into_iter().map(|(_, p)| p).take(20).collect();
    let photos = root.path().join("home/photos");
    for (_, (class, file)) in &first {
        images::drop_into(&photos, class, file)?;
    }
    let mut graph = Graph::start_alone(root.path(), &[])?;
    let limit = Duration::from_mins(20);
    let start = Instant::now();
    graph.wait("the first verdict", limit, |g| !g.verdicts().is_empty())?;
    println!("\nfrom start to the first verdict over {} images: {:.0} s", first.len(), start.elapsed().as_secs_f64());
    let start = Instant::now();
    for (class, file) in &later {
        images::drop_into(&photos, class, file)?;
    }
    graph.wait("the second verdict", limit, |g| g.verdicts().len() > 1)?;
    println!("from dropping {} images to the verdict: {:.0} s", later.len(), start.elapsed().as_secs_f64());
    for verdict in graph.verdicts() {
        println!("  {} {}: accuracy {:.3}, {}", verdict.run, verdict.decision, verdict.accuracy, verdict.reason);
    }
    graph.end()
}
