//! Turns `photos/`, or `seeds/` and `pool/`, or `inbox/`, into a stream of images, and keeps the node that keeps them
//! (`dataset`, `gather`, `predict`; "the dataset" in these modules) as the folders are.
//!
//! The only node that touches a person's files: it reads them, and moves what cannot be used to `quarantine/`. Nothing
//! is ever deleted or overwritten.
//!
//! Messages are sent at least once and may be sent twice; `dataset` takes each path's latest version. A path is never
//! in two unanswered messages, so that an image and its removal cannot overtake one another.
//!
//! Modules use those before them alone: [`fs`] (what lies in the folders), [`quarantine`], [`ledger`] (what is known of every path),
//! [`delivery`] (messages and their answers), [`report`] (what a person is told), [`state`], where all come together, and
//! [`change_detector`], which tells it what happens.

pub mod change_detector;
pub mod config;
pub mod delivery;
pub mod error;
pub mod fs;
pub mod ledger;
pub mod quarantine;
pub mod report;
pub mod state;

pub use config::Config;
pub use error::WatchError;

use crate::change_detector::ChangeDetector;
use crate::delivery::transport::{IncomingEvent, Transport};
use crate::fs::roots::Roots;
use crate::quarantine::refused::Counter;
use crate::state::WatchState;
use plugin_api::{Workspace, WorkspaceArgs};
use plugin_harness::{HasWorkspace, Node};
use std::time::{Duration, Instant};

impl HasWorkspace for Config {
    fn workspace(&self) -> &WorkspaceArgs {
        &self.workspace
    }

    fn exclusive(&self) -> Vec<String> {
        self.folders.iter().map(|folder| format!("watch-{}", folder.name())).collect()
    }
}

/// The kernel's hints are asked for this often while something is going on, and while nothing is.
const BUSY: Duration = Duration::from_millis(20);
const IDLE: Duration = Duration::from_millis(100);

/// Runs the node until the dataflow stops.
///
/// # Errors
/// When the graph has gone or a watched folder cannot be opened. Whatever happens to single files is logged and passed over.
pub fn run(config: Config, node: &mut Node) -> Result<(), WatchError> {
    let workspace = node.workspace().clone();
    run_with(&config, &workspace, node)
}

/// As [`run`], with any transport.
///
/// # Errors
/// As [`run`].
pub fn run_with(config: &Config, workspace: &Workspace, transport: &mut impl Transport) -> Result<(), WatchError> {
    let roots = Roots::open(workspace, &config.folders)?;
    let mut state = WatchState::new(config, roots.clone(), workspace, Instant::now())?;
    state.remember_layouts_in(workspace.dataset());
    let mut refused = Counter::start(workspace.quarantine(), roots.clone())?;
    let rescan = Duration::from_secs(config.rescan_seconds);
    let mut detector = ChangeDetector::open(roots, workspace.quarantine(), rescan, Instant::now())?;
    loop {
        let now = Instant::now();
        detector.report(&mut state, now);
        state.work(now);
        state.count_refused(&mut refused, now);
        if let Some(message) = state.next_message(now) {
            transport.send(message)?;
        }
        state.report(transport.status());
        let wait = if state.is_idle() && detector.is_idle() { IDLE } else { BUSY };
        match transport.receive(if state.has_message(now) { Duration::ZERO } else { wait })? {
            IncomingEvent::Committed(header, listed) => state.committed(&header, &listed, Instant::now()),
            IncomingEvent::Rejects(header, rejects) => state.rejects(&header, &rejects, Instant::now()),
            IncomingEvent::KeeperRestarted => state.keeper_restarted(Instant::now()),
            IncomingEvent::Restarted(node) => state.restarted(&node, Instant::now()),
            IncomingEvent::Inventory(header, rows) => {
                if state.inventory(&header, &rows, Instant::now()) {
                    detector.look_through(Instant::now());
                }
            }
            IncomingEvent::Nothing => {}
            IncomingEvent::Stop => return Ok(()),
        }
    }
}
