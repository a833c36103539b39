//! `cargo wakuteka start` and `stop`: a dataflow is checked, built, started and stopped with one line each.
//!
//! What is wrong with the options of any node is told before anything runs, with node, flag, value, what is accepted, and the line
//! of the YAML. dora itself tells it in the log of a node that it then starts again and again.

mod check;
mod environment;
mod graph;

use crate::checkout::Checkout;
use crate::dora::Dora;
use crate::error::Error;
use crate::{building, cli, interrupt, progress, say, tools};
use check::check;
use environment::Environment;
use graph::Graph;
use plugin_api::Workspace;
use plugin_api::status::Status;
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
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
/// [`Error::Options`] with every wrong option; [`Error::Refused`] when the workspace is in use; [`Error::Failed`] with what dora or
/// cargo said.
pub fn run(checkout: &Checkout, options: &cli::Start) -> Result<(), Error> {
    let start = Instant::now();
    let yaml = find(checkout, &options.dataflow)?;
    let graph = Graph::read(&yaml)?;
    let root = options.workspace.folder(checkout);
    if !options.check {
        refuse_second(&graph, &root)?;
    }
    build_missing(checkout, &graph)?;
    say::heading(start, &format!("checking the options of {} nodes in {}", graph.nodes.len(), shown(&yaml)));
    let environment = Environment::of(&graph, &root);
    check(checkout, &graph, &environment)?;
    let dora = Dora::new(tools::dora::ready(checkout)?, checkout.local())?;
    dora.validate(&yaml)?;
    if options.check {
        say::heading(start, "every option and connection is right; nothing was started");
        say::result(&json!({ "checked": graph.nodes.len(), "started": false }));
        return Ok(());
    }

    let workspace = Workspace::create(&root)?;
    if !dora.is_up() {
        say::heading(start, "dora up");
        dora.up()?;
    }
    say::heading(start, &format!("dora start {}", shown(&yaml)));
    let name = format!("{PREFIX}{}", yaml.file_stem().unwrap_or_default().to_string_lossy());
    let uuid = dora.start(&yaml, &name, &environment.passed_on())?;
    let session = Session { dora: &dora, uuid: &uuid, logs: yaml.with_file_name("out").join(&uuid) };
    let page = match session.wait_for_page(&graph, workspace.root()) {
        Err(Error::Interrupted) => {
            say::problem("stopping what was started …");
            dora.stop(&uuid)?;
            return Err(Error::Interrupted);
        }
        other => other?,
    };
    say::heading(start, &format!("running over {}", workspace.root().display()));
    for (what, text) in [("page", page.as_deref()), ("status", Some("cargo wakuteka status"))] {
        if let Some(text) = text {
            say::line(&format!("       {:<8}{text}", format!("{what}:")));
        }
    }
    say::event(&json!({
        "started": true, "dataflow": yaml, "uuid": uuid, "home": workspace.root(), "page": page, "logs": session.logs,
    }));
    if options.attach {
        say::line("       Ctrl-C stops it");
        session.stay()?;
        say::heading(start, "stopped");
    } else {
        say::line("       stop:   cargo wakuteka stop");
    }
    Ok(())
}

/// Two graphs may work over a workspace, as `curate.yml` beside `pipeline.yml`, but no node twice.
fn refuse_second(graph: &Graph, root: &Path) -> Result<(), Error> {
    let all = progress::read(root);
    let is_ours = |status: &&Status| graph.nodes.iter().any(|node| node.id == status.node);
    let Some(busy) = all.iter().filter(is_ours).find(|status| status.is_alive()) else { return Ok(()) };
    let page = progress::page_state(&all).map(|page| format!(" Its page: {page}")).unwrap_or_default();
    Err(Error::Refused(format!(
        "this dataflow is at work in {} already (node {}).{page}\nTo stop it: cargo wakuteka stop",
        root.display(),
        busy.node
    )))
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
    let names: Vec<&str> = ours.iter().map(|dataflow| dataflow.name.trim_start_matches(PREFIX)).collect();
    say::result(&json!({ "stopped": names }));
    if others.is_empty() { dora.down() } else { Ok(()) }
}

/// The YAML as it was named, or of that name among the dataflows of the checkout.
fn find(checkout: &Checkout, named: &Path) -> Result<PathBuf, Error> {
    let own = checkout.dataflows().join(named);
    let own_yml = own.with_extension("yml");
    let found = [named, &own, &own_yml].into_iter().find(|path| path.is_file());
    let found = found.ok_or_else(|| {
        let known = names(&checkout.dataflows()).join(", ");
        Error::Refused(format!("{}: there is no such file, nor such a dataflow; there are {known}", named.display()))
    })?;
    Ok(found.canonicalize()?)
}

/// The dataflows that come with the checkout, without their ending.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let yaml = entries.filter(|path| path.extension().is_some_and(|ending| ending == "yml"));
    let mut names: Vec<String> =
        yaml.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    names
}

/// A path as a person in this folder would write it.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(&here).unwrap_or(path).display().to_string()
}

/// Builds the programs of ours that are not there.
fn build_missing(checkout: &Checkout, graph: &Graph) -> Result<(), Error> {
    let missing: BTreeSet<&str> =
        graph.nodes.iter().filter(|node| !node.path.is_file()).filter_map(|node| node.ours(checkout)).collect();
    if let Some(node) = graph.nodes.iter().find(|node| !node.path.is_file() && node.ours(checkout).is_none()) {
        return Err(Error::Refused(format!("{}: {}: there is no {}", node.place(graph), node.id, node.path.display())));
    }
    if missing.is_empty() {
        return Ok(());
    }
    building::nodes(checkout, &missing, graph.asks_for_libtorch() || std::env::var_os("LIBTORCH").is_some())
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
    fn wait_for_page(&self, graph: &Graph, workspace: &Path) -> Result<Option<String>, Error> {
        let has_page = graph.nodes.iter().any(|node| node.program() == "dashboard");
        let begun = Instant::now();
        loop {
            let is_ours = |status: &Status| graph.nodes.iter().any(|node| node.id == status.node);
            let mut all = progress::read(workspace);
            all.retain(|status| is_ours(status) && status.is_alive());
            if let Some(wrong) = all.iter().find(|status| status.state.starts_with(WRONG)) {
                say::problem(&format!("{}: {}", wrong.node, wrong.state));
            }
            let page =
                progress::page_state(&all).filter(|page| page.starts_with("http://") || page.starts_with("--listen"));
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
