//! What was done, so that it can be undone: `dashboard/journal.jsonl` of the workspace, a line a step. A step is written down
//! before it is done, and is undone from what is written down.

use plugin_api::decisions::Decided;
use plugin_api::files::with_path;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file that was moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// Where it was.
    pub from: String,
    /// Where it went.
    pub to: String,
    /// What tells it from others: whatever else has its name by now is left alone.
    #[serde(rename = "mark")]
    pub version: String,
    /// Whether the folder it went to was not there before.
    #[serde(default)]
    pub new_folder: bool,
}

/// A step, or that one was undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    /// Done.
    Step {
        /// Counts up.
        id: u64,
        /// When, milliseconds since 1970.
        ms: u64,
        /// Files moved.
        moved: Vec<Moved>,
        /// Questions that were answered without moving anything.
        kept: Vec<String>,
        /// What was written to the file of decisions for them.
        #[serde(default)]
        decided: Vec<Decided>,
        /// Folders that were made.
        #[serde(default)]
        made: Vec<String>,
        /// Folders that were taken away because nothing was left in them.
        #[serde(default)]
        closed: Vec<String>,
    },
    /// Undone.
    Undone {
        /// Which step.
        id: u64,
    },
}

/// A step that was not undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Counts up.
    pub id: u64,
    /// Files moved.
    pub moved: Vec<Moved>,
    /// What was decided about images.
    pub decided: Vec<Decided>,
    /// Folders that were made.
    pub made: Vec<String>,
    /// Folders that were taken away.
    pub closed: Vec<String>,
    kept: Vec<String>,
}

/// The journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    steps: Vec<Step>,
    next: u64,
}

impl Journal {
    /// Reads what was done before. A line that a power cut left incomplete is no step.
    pub fn open(root: &Path) -> Self {
        let path = root.join("dashboard/journal.jsonl");
        let mut journal = Self { path, steps: Vec::new(), next: 1 };
        for line in fs::read_to_string(&journal.path).unwrap_or_default().lines() {
            if let Ok(entry) = serde_json::from_str(line) {
                journal.note(entry);
            }
        }
        journal
    }

    fn note(&mut self, entry: Entry) {
        match entry {
            Entry::Step { id, moved, kept, decided, made, closed, .. } => {
                // Said once more with what is known after it was done.
                self.steps.retain(|step| step.id != id);
                self.steps.push(Step { id, moved, decided, made, closed, kept });
                self.next = self.next.max(id + 1);
            }
            Entry::Undone { id } => self.steps.retain(|step| step.id != id),
        }
    }

    /// The number of the next step.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Writes an entry so that it lasts.
    ///
    /// # Errors
    /// Any error of the file system, with the path in its text.
    pub fn write(&mut self, entry: Entry) -> io::Result<()> {
        let append = || {
            fs::create_dir_all(self.path.parent().unwrap_or(Path::new(".")))?;
            let mut file = File::options().create(true).append(true).open(&self.path)?;
            let ends = fs::read(&self.path)?.last().is_none_or(|byte| *byte == b'\n');
            let line = serde_json::to_string(&entry)?;
            file.write_all(format!("{}{line}\n", if ends { "" } else { "\n" }).as_bytes())?;
            file.sync_all()
        };
        append().map_err(|e| with_path(&self.path, &e))?;
        self.note(entry);
        Ok(())
    }

    /// The last step that was not undone.
    pub fn last(&self) -> Option<Step> {
        self.steps.last().cloned()
    }

    /// Every move that was not undone.
    pub fn moved(&self) -> impl Iterator<Item = &Moved> {
        self.steps.iter().flat_map(|step| &step.moved)
    }

    /// How many steps can be undone.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Questions that need no answer any more.
    pub fn kept(&self) -> HashSet<&str> {
        self.steps.iter().flat_map(|step| &step.kept).map(String::as_str).collect()
    }
}
