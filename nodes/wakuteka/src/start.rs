//! `cargo wakuteka start` and `stop`: a dataflow is checked, built, started and stopped with one line each.
//!
//! What is wrong with the options of any node is told before anything runs, with node, flag, value, what is accepted, and the line
//! of the YAML. dora itself tells it in the log of a node that it then starts again and again.

mod environment;
mod graph;

use crate::checkout::Checkout;
use crate::dora::Dora;
use crate::{Error, cli, interrupt, process, progress, say, tools};
use environment::Environment;
use graph::{Graph, Node};
use plugin_api::Home;
use plugin_api::status::Status;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Dataflows started here are called so, and the stem of their YAML.
const PREFIX: &str = "wakuteka-";
/// A dataflow that was started has its page up by then.
const PATIENCE: Duration = Duration::from_mins(1);
/// What a status begins with when the options of a node are wrong.
const WRONG: &str = "configuration error";

/// `cargo wakuteka start`.
///
/// # Errors
/// [`Error::Refused`] with every wrong option, and when the workspace is in use; [`Error::Failed`] with what dora or cargo said.
pub fn run(checkout: &Checkout, options: &cli::Start) -> Result<(), Error> {
    let start = Instant::now();
    let yaml = find(checkout, &options.dataflow)?;
    let graph = Graph::read(&yaml)?;
    let root = options.workspace.folder(checkout);
    if let Some(busy) = progress::read(&root).iter().find(|status| status.is_alive()) {
        let page = page(&root).map(|page| format!(" Its page: {page}")).unwrap_or_default();
        return Err(Error::Refused(format!(
            "a dataflow is at work in {} already (node {}).{page} To stop it: cargo wakuteka stop",
            root.display(),
            busy.node
        )));
    }
    build_missing(checkout, &graph, start)?;
    say::heading(start, &format!("checking the options of {} nodes in {}", graph.nodes.len(), shown(&yaml)));
    let environment = Environment::of(&graph, &root);
    check(checkout, &graph, &environment)?;
    if options.check {
        say::heading(start, "every option is known; nothing was started");
        return Ok(());
    }

    let home = Home::create(&root)?;
    let program = tools::dora::ready(checkout)?;
    let dora = Dora::new(program, checkout.local())?;
    if !dora.is_up() {
        say::heading(start, "dora up");
        dora.up()?;
    }
    say::heading(start, &format!("dora start {}", shown(&yaml)));
    let name = format!("{PREFIX}{}", yaml.file_stem().unwrap_or_default().to_string_lossy());
    let uuid = dora.start(&yaml, &name, &environment.passed_on())?;
    let session = Session { dora: &dora, uuid: &uuid, logs: yaml.with_file_name("out").join(&uuid) };
    let page = match session.wait_for_page(&graph, home.root()) {
        Err(Error::Interrupted) => {
            say::problem("stopping what was started …");
            dora.stop(&uuid)?;
            return Err(Error::Interrupted);
        }
        other => other?,
    };
    say::heading(start, &format!("running over {}", home.root().display()));
    for (what, text) in [("page", page.as_deref()), ("status", Some("cargo wakuteka status"))] {
        if let Some(text) = text {
            say::line(&format!("       {:<8}{text}", format!("{what}:")));
        }
    }
    if options.attach {
        say::line("       Ctrl-C stops it");
        session.stay()?;
        say::heading(start, "stopped");
    } else {
        say::line("       stop:   cargo wakuteka stop");
    }
    Ok(())
}

/// `cargo wakuteka stop`.
///
/// # Errors
/// [`Error::Refused`] when nothing that `start` has started is running; [`Error::Failed`] with what dora said.
pub fn stop(checkout: &Checkout) -> Result<(), Error> {
    let dora = Dora::new(tools::dora::ready(checkout)?, checkout.local())?;
    let running: Vec<_> = if dora.is_up() {
        dora.list()?.into_iter().filter(|dataflow| dataflow.status == "Running").collect()
    } else {
        Vec::new()
    };
    let (ours, others): (Vec<_>, Vec<_>) = running.into_iter().partition(|dataflow| dataflow.name.starts_with(PREFIX));
    if ours.is_empty() {
        let names: Vec<&str> = others.iter().map(|dataflow| &dataflow.name[..]).collect();
        let others = if names.is_empty() { String::new() } else { format!("; dora runs {}", names.join(", ")) };
        return Err(Error::Refused(format!("nothing that `cargo wakuteka start` has started is running{others}")));
    }
    for dataflow in &ours {
        // dora fails here too when a node had failed before; what counts is what is left.
        if let Err(error) = dora.stop(&dataflow.uuid)
            && dora.list()?.iter().any(|left| left.uuid == dataflow.uuid && left.status == "Running")
        {
            return Err(error);
        }
        say::line(&format!("stopped: {}", dataflow.name.trim_start_matches(PREFIX)));
    }
    if others.is_empty() { dora.down() } else { Ok(()) }
}

/// The YAML as it was named, or of that name among the dataflows of the checkout.
fn find(checkout: &Checkout, named: &Path) -> Result<PathBuf, Error> {
    let own = checkout.dataflows().join(named);
    let own_yml = own.with_extension("yml");
    let found = [named, &own, &own_yml].into_iter().find(|path| path.is_file());
    let found = found.ok_or_else(|| {
        Error::Refused(format!("{}: there is no such file, nor in {}", named.display(), checkout.dataflows().display()))
    })?;
    Ok(found.canonicalize()?)
}

/// A path as a person in this folder would write it.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}

/// Builds the programs of ours that are not there.
fn build_missing(checkout: &Checkout, graph: &Graph, start: Instant) -> Result<(), Error> {
    let missing: BTreeSet<&str> =
        graph.nodes.iter().filter(|node| !node.path.is_file()).filter_map(|node| node.ours(checkout)).collect();
    if let Some(node) = graph.nodes.iter().find(|node| !node.path.is_file() && node.ours(checkout).is_none()) {
        return Err(Error::Refused(format!("{}: {}: there is no {}", node.place(graph), node.id, node.path.display())));
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().copied().collect();
    say::heading(start, &format!("building {}", names.join(", ")));
    let has_libtorch = |name: &&str| {
        let manifest = checkout.root().join("nodes").join(name).join("Cargo.toml");
        std::fs::read_to_string(manifest).is_ok_and(|text| text.contains("\nlibtorch = ["))
    };
    let wanted = graph.asks_for_libtorch() || std::env::var_os("LIBTORCH").is_some();
    let mut cargo = process::cargo(checkout);
    cargo.arg("build").arg("--target-dir").arg(checkout.target());
    for name in &names {
        cargo.arg("-p").arg(format!("node-{name}"));
    }
    if wanted && names.iter().any(has_libtorch) {
        cargo.args(["--features", "libtorch"]);
        if std::env::var_os("LIBTORCH").is_none() {
            cargo.env("LIBTORCH", tools::libtorch::ready(checkout)?);
        }
    }
    process::run(&mut cargo)
}

/// Has every node of ours look at its own options.
fn check(checkout: &Checkout, graph: &Graph, environment: &Environment) -> Result<(), Error> {
    let mut problems = Vec::new();
    for node in graph.nodes.iter().filter(|node| node.ours(checkout).is_some()) {
        interrupt::check()?;
        if let Err(problem) = check_node(node, environment) {
            problems.push(format!("{}: {}: {problem}", node.place(graph), node.id));
        }
    }
    if problems.is_empty() {
        return Ok(());
    }
    problems.push("nothing was started".to_owned());
    Err(Error::Refused(problems.join("\n")))
}

fn check_node(node: &Node, environment: &Environment) -> Result<(), String> {
    let args = shlex::split(&node.args).ok_or_else(|| format!("a quote is never closed in `{}`", node.args))?;
    let mut command = Command::new(&node.path);
    command.arg("--check-options").args(args).envs(environment.of_node(node)).stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("{} cannot be run: {error}", node.path.display()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if said.contains("'--check-options'") {
        return Err(format!(
            "{} is of an earlier version: build it again, cargo build -p node-{}",
            node.path.display(),
            node.program()
        ));
    }
    Err(said)
}

/// The page's address, or why it is nowhere yet, as its node says.
fn page(home: &Path) -> Option<String> {
    let all = progress::read(home);
    let page = all.iter().find(|status| status.program() == "dashboard" && status.is_alive())?;
    Some(page.state.split(", ").next().unwrap_or_default().to_owned())
}

/// A dataflow that was started.
struct Session<'a> {
    dora: &'a Dora,
    uuid: &'a str,
    logs: PathBuf,
}

impl Session<'_> {
    fn is_running(&self) -> Result<bool, Error> {
        Ok(self.dora.list()?.iter().any(|dataflow| dataflow.uuid == self.uuid && dataflow.status == "Running"))
    }

    fn ended(&self) -> Error {
        Error::Refused(format!("the dataflow has ended by itself; its logs: {}", self.logs.display()))
    }

    /// The page's address once it is there; none when the dataflow has no page.
    fn wait_for_page(&self, graph: &Graph, home: &Path) -> Result<Option<String>, Error> {
        let has_page = graph.nodes.iter().any(|node| node.program() == "dashboard");
        let begun = Instant::now();
        loop {
            let all: Vec<Status> = progress::read(home).into_iter().filter(Status::is_alive).collect();
            if let Some(wrong) = all.iter().find(|status| status.state.starts_with(WRONG)) {
                say::problem(&format!("{}: {}", wrong.node, wrong.state));
            }
            let page = page(home).filter(|page| page.starts_with("http://") || page.starts_with("--listen"));
            if page.is_some() || (!has_page && all.len() >= graph.nodes.len()) || begun.elapsed() > PATIENCE {
                return Ok(page);
            }
            if !self.is_running()? {
                return Err(self.ended());
            }
            interrupt::sleep(progress::PAUSE)?;
        }
    }

    /// Until Ctrl-C, and then stops it.
    fn stay(&self) -> Result<(), Error> {
        loop {
            match interrupt::sleep(Duration::from_secs(2)) {
                Err(Error::Interrupted) => break self.dora.stop(self.uuid),
                Err(error) => break Err(error),
                Ok(()) if !self.is_running()? => break Err(self.ended()),
                Ok(()) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
