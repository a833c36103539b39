//! What is going on, read from the files of the workspace.
//!
//! Everything is one JSON text a part, so that what has not changed is not sent again, whoever asks.

mod machine;
mod nodes;
mod overview;
mod refused;
mod training;

pub use machine::Machine;
pub use nodes::{NodeNow, Nodes};
pub use overview::{ChampionNow, Need, NextRun, Overview, OverviewReader, champion};
pub use refused::refused;
pub use training::{Curves, Training, VerdictNow, curves};

use crate::localized::LocalizedNotice;
use plugin_api::{Workspace, status};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// Parts by name, each a JSON text.
pub type LiveState = BTreeMap<&'static str, Arc<str>>;

/// Looks at the workspace again and again.
pub struct Watcher {
    workspace: Workspace,
    nodes: Nodes,
    training: Training,
    live: LiveState,
}

impl Watcher {
    /// Nothing seen yet.
    pub fn new(workspace: Workspace) -> Self {
        let (nodes, training) = (Nodes::default(), Training::default());
        Self { workspace, nodes, training, live: LiveState::new() }
    }

    /// The parts as they are now; those that did not change are the same text as before.
    pub fn read(&mut self, now: Instant) -> LiveState {
        let nodes = self.nodes.read(&self.workspace.status(), now);
        self.put("nodes", &nodes);
        let notices = status::notices(&status::read_in_order(&self.workspace.status()));
        self.put("notices", &notices.into_iter().map(LocalizedNotice::from).collect::<Vec<_>>());
        let run = self.training.run(&self.workspace);
        self.put("run", &run);
        let verdict = self.training.verdict(&self.workspace);
        self.put("verdict", &verdict);
        self.put("machine", &Machine::of(self.workspace.root()));
        self.live.clone()
    }

    /// Adds a part that others know of.
    pub fn put(&mut self, name: &'static str, part: &impl Serialize) {
        let Ok(text) = serde_json::to_string(part) else { return };
        if self.live.get(name).is_none_or(|before| **before != *text) {
            self.live.insert(name, text.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::status::{Notice, StatusFile};

    #[test]
    fn what_has_not_changed_is_the_same_text() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let mut status = StatusFile::new(&workspace.status(), "hash");
        status.write();
        let mut watcher = Watcher::new(workspace);
        let now = Instant::now();
        let (first, again) = (watcher.read(now), watcher.read(now));
        assert!(["nodes", "notices", "run", "verdict"].iter().all(|part| Arc::ptr_eq(&first[part], &again[part])));
        status.add("pictures_in", 3);
        status.write();
        let then = watcher.read(now);
        assert!(!Arc::ptr_eq(&first["nodes"], &then["nodes"]) && then["nodes"].contains("\"received\":3"));
        assert!(Arc::ptr_eq(&first["run"], &then["run"]));
        let notice = Notice { kind: "film".to_owned(), count: 3, ..Notice::default() };
        status.notices(&[notice]);
        status.write();
        assert!(watcher.read(now)["notices"].contains("\"kind\":\"film\",\"count\":3"));
    }
}
