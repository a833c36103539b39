//! `cargo demo`: the whole workflow on images that come with the checkout, done as a user would do it.

mod ending;
mod images;
mod session;
mod verdict;
mod wait;

use crate::checkout::Checkout;
use crate::dora::Dora;
use crate::error::Error;
use crate::tools::weights::Pretrained;
use crate::{building, cli, progress, say, tools};
use ending::Ending;
use plugin_api::{Workspace, files};
use session::Session;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Instant, SystemTime};
use wait::Found;

/// Fetches, builds, lays out, starts, waits, shows and stops.
///
/// # Errors
/// Whatever stopped it. What it started is stopped all the same.
pub fn run(checkout: &Checkout, options: &cli::Demo) -> Result<(), Error> {
    let start = Instant::now();
    let pipeline = checkout.dataflows().join("pipeline.yml");
    let program = tools::dora::ready(checkout)?;
    say::heading(start, &format!("dora is {}", program.display()));

    say::heading(start, &pretrained(checkout));

    if !options.no_build {
        say::heading(start, "building the nodes, and the programs behind `cargo wakuteka experiment` and the exports");
        build(checkout, &pipeline)?;
    }

    let workspace = Workspace::create(&options.workspace.folder(checkout))?;
    let session = Session::new(Dora::new(program.clone(), checkout.local())?, workspace.clone());
    if options.fresh {
        forget(&workspace)?;
    }
    say::heading(start, &images::lay_out(checkout, &workspace)?);

    let changed = images::changed(&workspace.photos());
    let known = wait::up_to_date(&workspace, changed);
    let (found, is_running) = if let (Some(verdict), false) = (&known, options.keep) {
        (Found { verdict: verdict.clone(), anew: false }, session.end(start))
    } else {
        follow(session, &pipeline, known, options.keep, start)?
    };
    let page = progress::page(&progress::read(workspace.root()));
    let ending = Ending { checkout, workspace: &workspace, verdict: &found.verdict, page, is_running };
    let lines = [ending.result(found.anew), ending.how_to_go_on()].concat();
    say::either(&ending.json(), &lines);
    Ok(())
}

/// Fetches the pretrained weights; what to tell of them. Without a network the demo goes on from scratch.
fn pretrained(checkout: &Checkout) -> String {
    match tools::weights::ready(checkout, Pretrained::EfficientNetLite0) {
        Ok(file) => format!("pretrained weights are {}", file.display()),
        Err(error) => {
            let why = error.to_string();
            let why = why.lines().next().unwrap_or_default();
            format!("no pretrained weights, so a small network learns from scratch, which is much worse: {why}")
        }
    }
}

/// Starts the dataflow, waits for a verdict, and stops what was started; whether it is left running.
fn follow(
    mut session: Session,
    pipeline: &Path,
    known: Option<plugin_api::runs::Verdict>,
    keep: bool,
    start: Instant,
) -> Result<(Found, bool), Error> {
    let evaluated = wait::evaluated(session.workspace());
    let since = SystemTime::now();
    session.start(pipeline, start)?;
    let found = match known {
        Some(verdict) => Found { verdict, anew: false },
        None => wait::for_verdict(&session, &evaluated, since)?,
    };
    if keep {
        session.keep();
    }
    Ok((found, session.end(start)))
}

/// Builds every node of the dataflow into the folder where the dataflow looks for it, and what the hints at the end name; with LibTorch
/// when the dataflow asks for it or the environment names it.
fn build(checkout: &Checkout, pipeline: &Path) -> Result<(), Error> {
    let read = |path: &Path| fs::read_to_string(path).map_err(|e| files::with_path(path, &e));
    let (yaml, curate) = (read(pipeline)?, read(&checkout.dataflows().join("curate.yml"))?);
    let mut wanted = nodes(&yaml);
    wanted.extend(nodes(&curate));
    wanted.extend(["exchange", "experiment"]);
    let libtorch = yaml.contains("--device libtorch") || std::env::var_os("LIBTORCH").is_some();
    building::nodes(checkout, &wanted, libtorch)
}

/// The programs a dataflow runs from our target folder, each once: `path: ../target/debug/hash` is `hash`.
fn nodes(yaml: &str) -> BTreeSet<&str> {
    let paths = yaml.lines().filter_map(|line| line.trim_start().strip_prefix("path:"));
    paths.filter_map(|path| path.trim().strip_prefix("../target/debug/")).collect()
}

/// Removes what an earlier demo has trained; only from a workspace that a demo has made, and that nobody works in.
fn forget(workspace: &Workspace) -> Result<(), Error> {
    let root = workspace.root().display();
    if !images::is_ours(workspace) {
        return Err(Error::Demo(format!("--fresh: {root} was not made by a demo, so nothing is removed from it")));
    }
    if progress::read(workspace.root()).iter().any(plugin_api::status::Status::is_alive) {
        return Err(Error::Demo(format!(
            "--fresh: nodes are at work in {root}: stop their dataflow first: cargo wakuteka stop"
        )));
    }
    for folder in [workspace.dataset(), workspace.runs(), workspace.models(), workspace.status()] {
        fs::remove_dir_all(&folder).map_err(|e| files::with_path(&folder, &e))?;
    }
    Workspace::create(workspace.root())?;
    Ok(())
}

#[cfg(test)]
pub(crate) use verdict::tests::verdict as tests_verdict;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nodes_to_build_are_those_of_the_dataflow() {
        let yaml = "nodes:\n  - id: watch\n    path: ../target/debug/watch\n    args: --x\n  - id: far\n    path: /bin/far\n  \
                    - id: train\n    path: ../target/debug/train\n  - id: inbox\n    path: ../target/debug/watch\n";
        assert_eq!(nodes(yaml), ["train", "watch"].into());
    }

    #[test]
    fn only_a_workspace_of_a_demo_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let model = workspace.models().join("m");
        fs::write(&model, "weights").unwrap();
        assert!(forget(&workspace).unwrap_err().to_string().contains("--fresh"));
        assert!(model.exists());
        images::mark_as_demo(&workspace).unwrap();
        forget(&workspace).unwrap();
        assert!(!model.exists() && workspace.models().is_dir());
    }
}
