//! What a node is doing, in one small file: `status/<node>.json`, by its id in the YAML. For progress displays; nothing depends on it.

use crate::message::Text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// What a node says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// The node's id in the YAML.
    pub node: String,
    /// The name of its program; empty when it is the node's id.
    #[serde(default)]
    pub program: String,
    /// Its process.
    pub pid: u32,
    /// When this was written, milliseconds since 1970.
    pub updated_ms: u64,
    /// What it is busy with.
    pub state: Text,
    /// Counts since the node started: `pictures_in`, `pictures_out`, `rejected`, …
    pub counters: BTreeMap<String, u64>,
    /// Figures that go up and down: `epoch`, `loss`, `accuracy`, `seconds_left`, …
    pub gauges: BTreeMap<String, f64>,
    /// What a person should know of: files left alone, refused or kept out of training, one entry a kind.
    #[serde(default)]
    pub notices: Vec<Notice>,
    /// What it waits for before it begins its next piece of work; `None` while it works, and of nodes that do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// The other machine it runs on; none for this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<Elsewhere>,
}

/// What a node waits for, as a code with figures, for the catalogues of the page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// One of [`Wait::CODES`].
    pub code: String,
    /// How many there are so far, where a number is waited for.
    pub have: u64,
    /// How many there must be; 0 where no number is waited for.
    pub want: u64,
    /// When it begins at the latest, milliseconds since 1970; `None` where that is open.
    pub until_ms: Option<u64>,
}

impl Wait {
    /// What `train` waits for: any image, changes since the last run (there are none), a second class, enough training images, a
    /// person who asks (`--retrain off`), a person who ends the pause, quiet, a time of the schedule, enough changes, a verdict.
    pub const CODES: &[&str] = &[
        "images",
        "up_to_date",
        "classes",
        "training_images",
        "request",
        "pause",
        "quiet",
        "schedule",
        "changes",
        "verdict",
    ];

    /// Without a number and open-ended.
    pub fn new(code: &str) -> Self {
        Self { code: code.to_owned(), ..Self::default() }
    }

    /// For a number, of which there are `have` so far.
    pub fn number(code: &str, have: u64, want: u64) -> Self {
        Self { have, want, ..Self::new(code) }
    }
}

/// A node that runs on another machine, as that machine has told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Elsewhere {
    /// The machine's name.
    pub machine: String,
    /// Whether the node's process is there.
    pub alive: bool,
}

/// Files of one kind that a node left alone, refused or kept out of training.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Which kind, as a code, with what it is about where one code has several:
    /// `film`, `link`, `outside_class`, `same_pixels`, `unsupported:HEIC`, …
    pub kind: String,
    /// How many files.
    pub count: u64,
    /// Why, for a person: what follows the number, as in `3` `films of Live Photos, beside their photos`.
    pub reason: Text,
    /// What to do about it, for a person; empty when there is nothing to do.
    pub advice: Text,
    /// Paths of a few of them, relative to the workspace.
    pub examples: Vec<String>,
}

impl Status {
    /// The name of the node's program.
    pub fn program(&self) -> &str {
        if self.program.is_empty() { &self.node } else { &self.program }
    }

    /// Is the node's process there? A number that was given to another program since does not count.
    pub fn is_alive(&self) -> bool {
        if let Some(elsewhere) = &self.elsewhere {
            return elsewhere.alive;
        }
        let program = std::fs::read_link(format!("/proc/{}/exe", self.pid)).unwrap_or_default();
        let name = program.file_name().unwrap_or_default().to_string_lossy();
        // A program that was built anew since is called "… (deleted)".
        name.trim_end_matches(" (deleted)") == self.program()
    }
}

/// The order of the pipeline. Other nodes follow by name.
const ORDER: &[&str] = &[
    "watch",
    "decode",
    "hash",
    "resize",
    "dataset",
    "cache",
    "augment",
    "train",
    "evaluate",
    "mirror",
    "inspect",
    "inbox",
    "predict",
    "dashboard",
];

/// Keeps a node's status and writes it at most four times a second.
#[derive(Debug)]
pub struct StatusFile {
    path: PathBuf,
    status: Status,
    written: Option<Instant>,
    dirty: bool,
}

const PAUSE: Duration = Duration::from_millis(250);

impl StatusFile {
    /// The status of `node` in the folder `status` of the workspace.
    pub fn new(folder: &Path, node: &str) -> Self {
        let status = Status { node: node.to_owned(), pid: std::process::id(), ..Status::default() };
        Self { path: folder.join(format!("{node}.json")), status, written: None, dirty: true }
    }

    /// The same, naming the program where it is called otherwise than the node.
    pub fn of_program(mut self, program: &str) -> Self {
        program.clone_into(&mut self.status.program);
        self
    }

    /// Adds to a counter.
    pub fn add(&mut self, counter: &str, n: u64) {
        *self.status.counters.entry(counter.to_owned()).or_default() += n;
        self.dirty = true;
    }

    /// Sets what a person should know of.
    pub fn notices(&mut self, notices: &[Notice]) {
        if self.status.notices != notices {
            self.status.notices = notices.to_vec();
            self.dirty = true;
        }
    }

    /// Says what the node waits for.
    pub fn wait(&mut self, wait: Option<Wait>) {
        self.dirty |= self.status.wait != wait;
        self.status.wait = wait;
    }

    /// Sets a counter.
    pub fn set(&mut self, counter: &str, n: u64) {
        self.dirty |= self.status.counters.insert(counter.to_owned(), n) != Some(n);
    }

    /// Sets a gauge.
    pub fn gauge(&mut self, name: &str, value: f64) {
        self.dirty |= self.status.gauges.insert(name.to_owned(), value) != Some(value);
    }

    /// Says what the node is busy with.
    pub fn state(&mut self, state: impl Into<Text>) {
        let state = state.into();
        self.dirty |= self.status.state != state;
        self.status.state = state;
    }

    /// Writes the file if something changed and the last write is a quarter of a second ago. A failure is of no
    /// consequence and is ignored: the file is only a display.
    pub fn tick(&mut self) {
        if self.dirty && self.written.is_none_or(|at| at.elapsed() >= PAUSE) {
            self.write();
        }
    }

    /// Writes the file now.
    pub fn write(&mut self) {
        self.status.updated_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
        let part = self.path.with_extension("part");
        if let Ok(json) = serde_json::to_vec_pretty(&self.status) {
            // No fsync: a display may be lost in a power cut, and must not slow a node.
            let _ = std::fs::write(&part, json).and_then(|()| std::fs::rename(&part, &self.path));
        }
        self.written = Some(Instant::now());
        self.dirty = false;
    }
}

/// Reads the status of every node that has written one.
pub fn read_all(folder: &Path) -> BTreeMap<String, Status> {
    let Ok(entries) = std::fs::read_dir(folder) else { return BTreeMap::new() };
    entries
        .flatten()
        .filter(|e| e.path().extension().is_some_and(|x| x == "json"))
        .filter_map(|e| serde_json::from_slice::<Status>(&std::fs::read(e.path()).ok()?).ok())
        .map(|s| (s.node.clone(), s))
        .collect()
}

/// The same, in the order of the pipeline.
pub fn read_in_order(folder: &Path) -> Vec<Status> {
    let mut all: Vec<Status> = read_all(folder).into_values().collect();
    all.sort_by_key(|s| ORDER.iter().position(|name| *name == s.node).unwrap_or(ORDER.len()));
    all
}

/// What a person should know of, of all nodes: the numbers of one kind are added up. What somebody can do something about
/// comes first.
pub fn notices(all: &[Status]) -> Vec<Notice> {
    let mut merged: Vec<Notice> = Vec::new();
    for notice in all.iter().flat_map(|status| &status.notices) {
        match merged.iter_mut().find(|known| known.kind == notice.kind) {
            Some(known) => {
                // The words are those of the greater number.
                if notice.count > known.count {
                    known.reason.clone_from(&notice.reason);
                }
                known.count += notice.count;
                known.examples.extend(notice.examples.iter().cloned());
            }
            None => merged.push(notice.clone()),
        }
    }
    merged.sort_by_key(|notice| notice.advice.is_empty());
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_of_nodes_are_added_up() {
        let notice = |kind: &str, count, advice: &str| Notice {
            kind: kind.to_owned(),
            count,
            reason: format!("{kind} {count}").into(),
            advice: advice.into(),
            examples: vec![format!("{kind}-{count}")],
        };
        let status = |notices| Status { notices, ..Status::default() };
        let all = [status(vec![notice("film", 1, ""), notice("link", 2, "copy")]), status(vec![notice("film", 5, "")])];
        let merged = notices(&all);
        let short: Vec<_> = merged.iter().map(|n| (&*n.reason, n.count, n.examples.len())).collect();
        assert_eq!(short, [("link 2", 2, 1), ("film 5", 6, 2)]);
    }
}
