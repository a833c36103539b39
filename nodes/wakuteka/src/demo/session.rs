//! The dataflow of the demo: started, and stopped again whatever happens.

use crate::dora::Dora;
use crate::error::Error;
use crate::{progress, say};
use plugin_api::Workspace;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The name of the dataflow for `dora list`.
const NAME: &str = "wakuteka-demo";

/// What the demo has started. Dropping it stops that.
#[derive(Debug)]
pub struct Session {
    dora: Dora,
    workspace: Workspace,
    daemon: bool,
    watching: bool,
    dataflow: Option<String>,
    logs: Option<PathBuf>,
    keep: bool,
}

impl Session {
    /// Nothing is started yet.
    pub fn new(dora: Dora, workspace: Workspace) -> Self {
        Self { dora, workspace, daemon: false, watching: false, dataflow: None, logs: None, keep: false }
    }

    /// The workspace.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The command line.
    pub fn dora(&self) -> &Dora {
        &self.dora
    }

    /// The dataflow, when this session has started it.
    pub fn dataflow(&self) -> Option<&str> {
        self.dataflow.as_deref()
    }

    /// Where dora puts the logs of dataflows, a folder each.
    pub fn logs(&self) -> Option<&Path> {
        self.logs.as_deref()
    }

    /// `dora up` and `dora start`, unless nodes are at work in the workspace already: two dataflows must not share one.
    ///
    /// # Errors
    /// [`Error::Failed`] with what dora said, [`Error::Interrupted`].
    pub fn start(&mut self, dataflow: &Path, start: Instant) -> Result<(), Error> {
        if progress::read(self.workspace.root()).iter().any(plugin_api::status::Status::is_alive) {
            say::heading(start, "a dataflow is at work in this workspace already: watching it");
            self.watching = true;
            return Ok(());
        }
        if !self.dora.is_up() {
            say::heading(start, "dora up");
            self.daemon = true;
            self.dora.up()?;
        }
        let shown = dataflow.file_name().unwrap_or_default().to_string_lossy();
        say::heading(start, &format!("dora start dataflows/{shown}"));
        self.logs = dataflow.parent().map(|folder| folder.join("out"));
        let env = [("WAKUTEKA_HOME".to_owned(), self.workspace.root().display().to_string())].into();
        let started = self.dora.start(dataflow, NAME, &env);
        // dora may have started it and then failed to say so.
        self.dataflow = started.as_ref().ok().cloned().or_else(|| self.running());
        started.map(|_| ())
    }

    /// Leaves everything running.
    pub fn keep(&mut self) {
        self.keep = true;
    }

    /// Stops what was started and says so. Whether it is left running.
    pub fn end(mut self, start: Instant) -> bool {
        if self.keep || self.watching {
            say::heading(start, "the dataflow is left running");
        } else if self.daemon || self.dataflow.is_some() {
            say::heading(start, "stopping the dataflow");
        }
        self.stop();
        self.keep || self.watching
    }

    fn running(&self) -> Option<String> {
        let list = self.dora.list().ok()?;
        list.into_iter().find(|d| d.name == NAME && d.status == "Running").map(|d| d.uuid)
    }

    fn stop(&mut self) {
        if self.keep {
            return;
        }
        if let Some(uuid) = self.dataflow.take() {
            // dora also fails here when a node had failed before, so what counts is what is left.
            if let Err(error) = self.dora.stop(&uuid)
                && self.running().is_some()
            {
                say::problem(&format!("the dataflow {uuid} is still running: {error}"));
            }
        }
        if std::mem::take(&mut self.daemon)
            && self.dora.is_up()
            && let Err(error) = self.dora.down()
        {
            say::problem(&format!("dora is still up: {error}"));
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.keep && (self.daemon || self.dataflow.is_some()) {
            say::problem("stopping what was started …");
        }
        self.stop();
    }
}
