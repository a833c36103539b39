//! Waiting for the first verdict, with a display, and giving up when nothing is coming.

use super::session::Session;
use crate::error::Error;
use crate::screen::Screen;
use crate::{interrupt, progress, say};
use plugin_api::Workspace;
use plugin_api::runs::{RunFolder, Verdict};
use plugin_api::status::Status;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often dora is asked whether the nodes are well.
const CHECK: Duration = Duration::from_secs(3);

/// Nothing new for so long, and an earlier run has a verdict: there was nothing new to learn.
const SETTLED: Duration = Duration::from_secs(45);

/// Nothing new for so long: a run that has begun will not end. An earlier verdict is shown; none at all is an error.
const STUCK: Duration = Duration::from_mins(5);

/// How many lines of its log a failed node is quoted with.
const LAST_WORDS: usize = 12;

/// A verdict, and whether it was reached just now.
#[derive(Clone, Debug)]
pub struct Found {
    /// Verdict that ended the wait.
    pub verdict: Verdict,
    /// Reached while we waited.
    pub anew: bool,
}

/// Runs that have a verdict.
pub fn evaluated(workspace: &Workspace) -> BTreeSet<String> {
    RunFolder::all(&workspace.runs()).iter().filter(|run| run.verdict().is_some()).map(RunFolder::id).collect()
}

/// The verdict on the newest run, when that run was started after the images last `changed`.
pub fn up_to_date(workspace: &Workspace, changed: SystemTime) -> Option<Verdict> {
    let newest = RunFolder::all(&workspace.runs()).pop()?;
    let changed_ms = changed.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    (u128::from(newest.manifest()?.started_ms) >= changed_ms).then(|| newest.verdict())?
}

/// Shows what the nodes do until a run has a verdict that was not among the `evaluated`.
///
/// # Errors
/// [`Error::Demo`] when a node has failed or nothing happens any more, [`Error::Interrupted`] on Ctrl-C.
pub fn for_verdict(session: &Session, evaluated: &BTreeSet<String>, since: SystemTime) -> Result<Found, Error> {
    let workspace = session.workspace();
    let mut screen = Screen::default();
    let mut seen: (Instant, Vec<Status>) = (Instant::now(), Vec::new());
    let mut health = Health::default();
    loop {
        let all = at_work(workspace, since);
        let lines: Vec<String> = all.iter().flat_map(progress::lines).collect();
        screen.show(&lines, &progress::summary(&all));
        if !same(&all, &seen.1) {
            seen = (Instant::now(), all);
        }
        let found = newest(workspace, evaluated, seen.0.elapsed());
        let sick = if found.is_some() { None } else { health.check(session)? };
        if found.is_some() || sick.is_some() || seen.0.elapsed() >= STUCK {
            screen.clear();
        }
        match (found, sick) {
            (Some(found), _) => return Ok(found),
            (None, Some(sick)) => return Err(Error::Demo(sick)),
            (None, None) if seen.0.elapsed() >= STUCK => {
                let minutes = STUCK.as_secs() / 60;
                return Err(Error::Demo(format!("nothing has happened for {minutes} minutes{}", logs(session))));
            }
            (None, None) => interrupt::sleep(progress::PAUSE).inspect_err(|_| screen.clear())?,
        }
    }
}

/// A verdict that is new; or, once nothing has happened for a while, that on the newest run; or the last there was.
fn newest(workspace: &Workspace, evaluated: &BTreeSet<String>, quiet: Duration) -> Option<Found> {
    let runs = RunFolder::all(&workspace.runs());
    let new = runs.iter().rev().filter(|run| !evaluated.contains(&run.id())).find_map(RunFolder::verdict);
    let old = || {
        let candidates = if quiet >= STUCK { runs.len() } else { usize::from(quiet >= SETTLED) };
        runs.iter().rev().take(candidates).find_map(RunFolder::verdict)
    };
    new.map(|verdict| Found { verdict, anew: true }).or_else(|| Some(Found { verdict: old()?, anew: false }))
}

/// Nodes of this dataflow; others have left their status in the same folder.
fn at_work(workspace: &Workspace, since: SystemTime) -> Vec<Status> {
    let since_ms = since.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut all = progress::read(workspace.root());
    all.retain(|status| u128::from(status.updated_ms) >= since_ms || status.is_alive());
    all
}

fn same(a: &[Status], b: &[Status]) -> bool {
    a.len() == b.len()
        && a.iter()
            .zip(b)
            .all(|(a, b)| (&a.node, &a.state, &a.counters, &a.gauges) == (&b.node, &b.state, &b.counters, &b.gauges))
}

/// Asks dora now and then. One bad answer may be a node that is just being started again; two are bad news.
#[derive(Debug, Default)]
struct Health {
    asked: Option<Instant>,
    sick: Option<String>,
}

impl Health {
    fn check(&mut self, session: &Session) -> Result<Option<String>, Error> {
        let Some(uuid) = session.dataflow() else { return Ok(None) };
        if self.asked.is_some_and(|at| at.elapsed() < CHECK) {
            return Ok(None);
        }
        self.asked = Some(Instant::now());
        let running = session.dora().list()?.iter().any(|d| d.uuid == uuid && d.status == "Running");
        let failed = session.dora().nodes(uuid).unwrap_or_default().into_iter().find(|n| n.status == "Failed");
        let sick = match failed {
            Some(failed) => Some(failed.node),
            None if !running => Some(String::new()),
            None => None,
        };
        let twice = sick.is_some() && sick == self.sick;
        self.sick = sick;
        let told = self.sick.as_deref().filter(|_| twice);
        Ok(told.map(|node| match node {
            "" => {
                format!("the dataflow has ended before there was a verdict{}{}", logs(session), all_last_words(session))
            }
            node => format!("the node `{node}` has failed{}{}", logs(session), last_words(session, node, LAST_WORDS)),
        }))
    }
}

fn log_folder(session: &Session) -> Option<PathBuf> {
    Some(session.logs()?.join(session.dataflow()?))
}

fn logs(session: &Session) -> String {
    log_folder(session).map(|folder| format!("; the logs are in {}", folder.display())).unwrap_or_default()
}

/// The end of the log of every node.
fn all_last_words(session: &Session) -> String {
    let list = log_folder(session).and_then(|folder| std::fs::read_dir(folder).ok());
    let names = list.into_iter().flatten().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut nodes: Vec<String> =
        names.filter_map(|name| Some(name.strip_prefix("log_")?.strip_suffix(".jsonl")?.to_owned())).collect();
    nodes.sort();
    nodes.iter().map(|node| format!("\n{node}:{}", last_words(session, node, 3))).collect::<Vec<_>>().concat()
}

/// The last lines of a node's log.
fn last_words(session: &Session, node: &str, most: usize) -> String {
    let text = log_folder(session).and_then(|f| std::fs::read_to_string(f.join(format!("log_{node}.jsonl"))).ok());
    let lines: Vec<String> = text.iter().flat_map(|t| t.lines()).filter_map(message).collect();
    say::indented(lines[lines.len().saturating_sub(most)..].iter().map(String::as_str))
}

/// dora writes a node's log as one JSON object a line.
fn message(line: &str) -> Option<String> {
    let value: serde_json::Value = serde_json::from_str(line).ok()?;
    Some(value.get("msg")?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::runs::{RunManifest, write_json};

    /// A run that was started at `started_ms`, with a verdict when `evaluated`.
    fn run(workspace: &Workspace, id: &str, started_ms: u64, evaluated: bool) {
        let folder = workspace.runs().join(id);
        std::fs::create_dir_all(&folder).unwrap();
        let manifest = RunManifest { started_ms, ..plugin_api::fixture::manifest(id, &["a", "b"]) };
        write_json(&folder.join("run.json"), &manifest).unwrap();
        if evaluated {
            write_json(&folder.join("verdict.json"), &super::super::verdict::tests::verdict(id)).unwrap();
        }
    }

    fn at(ms: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(ms)
    }

    #[test]
    fn a_verdict_on_older_images_is_not_up_to_date() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        assert!(up_to_date(&workspace, at(0)).is_none());
        run(&workspace, "1", 1000, true);
        assert_eq!(up_to_date(&workspace, at(999)).unwrap().run, "1");
        assert!(up_to_date(&workspace, at(1001)).is_none());
        run(&workspace, "2", 2000, false);
        assert!(up_to_date(&workspace, at(999)).is_none(), "a newer run is under way");
    }

    #[test]
    fn new_verdict_is_found_and_old_one_only_when_settled() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        run(&workspace, "1", 1000, true);
        let before = evaluated(&workspace);
        assert!(newest(&workspace, &before, Duration::ZERO).is_none());
        let old = newest(&workspace, &before, SETTLED).unwrap();
        assert!(old.verdict.run == "1" && !old.anew);
        run(&workspace, "2", 2000, false);
        assert!(newest(&workspace, &before, SETTLED).is_none(), "a run is under way");
        assert_eq!(newest(&workspace, &before, STUCK).unwrap().verdict.run, "1");
        run(&workspace, "3", 3000, true);
        let new = newest(&workspace, &before, Duration::ZERO).unwrap();
        assert!(new.verdict.run == "3" && new.anew);
    }

    /// Seen on dora 1.1.0.
    const LINE: &str =
        r#"{"ts":"2026-11-23T23:31:49.004Z","level":"stdout","node":"train","stream":"stderr","msg":"oops"}"#;

    #[test]
    fn a_line_of_a_log_is_understood() {
        assert_eq!(message(LINE).unwrap(), "oops");
        assert_eq!(message("half a li"), None);
    }
}
