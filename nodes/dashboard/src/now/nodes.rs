//! What each node says of itself, with how fast it goes.

use super::machine::field;
use crate::localized::LocalizedText;
use plugin_api::status::{self, Status};
use serde::Serialize;
use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::time::{Duration, Instant};

/// Rates are means over so long.
const WINDOW: Duration = Duration::from_secs(5);
/// Names of counters, the first that a node has.
const RECEIVED: [&str; 3] = ["pictures_in", "pictures_found", "pictures"];
const THROUGH: [&str; 5] = ["pictures_out", "pictures_committed", "served", "committed", "batches_augmented"];

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeNow {
    /// Its id in the YAML.
    pub node: String,
    /// What it is busy with.
    pub state: LocalizedText,
    /// Whether its process is there.
    pub alive: bool,
    /// Images it has been given.
    pub received: Option<u64>,
    /// Images, or batches of them, that it is done with.
    pub through: Option<u64>,
    /// Images it refused.
    pub refused: u64,
    /// How many are through a second.
    pub per_second: f64,
    /// Memory of its process, bytes, rounded to MiB.
    pub memory_bytes: u64,
    /// Times it was started again.
    pub restarts: u64,
}

/// Nodes with what they counted a while ago.
#[derive(Debug, Default)]
pub struct Nodes {
    before: HashMap<(String, u32), VecDeque<(Instant, u64)>>,
}

impl Nodes {
    /// Every node that has written a status, in the order of the pipeline.
    pub fn read(&mut self, folder: &Path, now: Instant) -> Vec<NodeNow> {
        let all = status::read_in_order(folder);
        self.before.retain(|(node, pid), _| all.iter().any(|s| s.node == *node && s.pid == *pid));
        all.iter().map(|status| self.node(status, now)).collect()
    }

    fn node(&mut self, status: &Status, now: Instant) -> NodeNow {
        let of = |names: &[&str]| names.iter().find_map(|name| status.counters.get(*name)).copied();
        let (received, through) = (of(&RECEIVED), of(&THROUGH));
        let counted = through.or(received).unwrap_or_default();
        // By process: one that was started again counts from 0.
        let before = self.before.entry((status.node.clone(), status.pid)).or_default();
        before.push_back((now, counted));
        while before.len() > 2 && before.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= WINDOW) {
            before.pop_front();
        }
        let alive = status.is_alive();
        let (since, first) = before.front().copied().unwrap_or((now, counted));
        let seconds = now.duration_since(since).as_secs_f64();
        let per_second = if alive && seconds > 0.0 { counted.saturating_sub(first) as f64 / seconds } else { 0.0 };
        let process = std::fs::read_to_string(format!("/proc/{}/status", status.pid)).unwrap_or_default();
        NodeNow {
            node: status.node.clone(),
            state: (&status.state).into(),
            alive,
            received,
            through,
            refused: status.counters.get("rejected").copied().unwrap_or_default(),
            per_second: (per_second * 10.0).round() / 10.0,
            memory_bytes: if alive { field(&process, "VmRSS:") >> 20 << 20 } else { 0 },
            restarts: status.counters.get("restarts").copied().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::status::StatusFile;

    #[test]
    fn counts_become_rates_and_a_new_process_counts_anew() {
        let folder = tempfile::tempdir().unwrap();
        let program = std::env::current_exe().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let mut status = StatusFile::new(folder.path(), "hash").of_program(&program);
        let (mut nodes, start) = (Nodes::default(), Instant::now());
        let mut read = |status: &mut StatusFile, seconds: u64, n: u64| {
            status.set("pictures_in", n + 1);
            status.set("pictures_out", n);
            status.write();
            nodes.read(folder.path(), start + Duration::from_secs(seconds)).remove(0)
        };
        let first = read(&mut status, 0, 100);
        assert_eq!((first.received, first.through, first.per_second, first.alive), (Some(101), Some(100), 0.0, true));
        assert!(first.memory_bytes > 0);
        assert_eq!(read(&mut status, 2, 140).per_second, 20.0);
        assert_eq!(read(&mut status, 4, 140).per_second, 10.0, "a mean of the last seconds");
        assert_eq!(read(&mut status, 20, 140).per_second, 0.0, "nothing came for a while");
        let mut gone = StatusFile::new(folder.path(), "hash").of_program("another program");
        let last = read(&mut gone, 27, 3);
        assert_eq!((last.alive, last.per_second, last.memory_bytes), (false, 0.0, 0));
    }
}
