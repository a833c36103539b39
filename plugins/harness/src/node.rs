//! A connected node: typed messages in and out, its workspace, its status.

use crate::error::HarnessError;
use crate::inbox::{Event, Inbox};
use crate::lock::{Holder, LockError, PATIENCE, RoleLock};
use crate::wire;
use arrow::array::{Array, ArrayRef};
use dora_node_api::DoraNode;
use dora_node_api::dora_core::config::DataId;
use plugin_api::status::StatusFile;
use plugin_api::{Edge, Header, Workspace};
use std::collections::BTreeSet;
use std::os::unix::process::parent_id;
use std::sync::Arc;
use std::time::Duration;

/// Largest message, bytes (design: bytes, not rows, decide).
pub const MESSAGE_LIMIT_BYTES: usize = 16 << 20;

/// A node of a running dataflow.
pub struct Node {
    name: String,
    dora: DoraNode,
    inbox: Inbox,
    workspace: Workspace,
    status: StatusFile,
    /// The process of the daemon that started this one.
    parent: u32,
    /// Held as long as the node runs.
    _locks: Vec<RoleLock>,
}

impl Node {
    /// Connects to the daemon that started this process, and locks the node's id and what else is `exclusive` to it.
    ///
    /// # Errors
    /// [`HarnessError::Dora`] when there is no daemon, or it refuses; [`HarnessError::InUse`] when another graph works on
    /// the workspace.
    pub(crate) fn connect(name: &str, workspace: Workspace, exclusive: &[String]) -> Result<Self, HarnessError> {
        let (dora, events) = DoraNode::init_from_env_force().map_err(|e| HarnessError::Dora(e.to_string()))?;
        let locks = lock(&workspace, dora.id().as_ref(), exclusive)?;
        // By the id in the YAML: the same program may run twice over one workspace.
        let mut status = StatusFile::new(&workspace.status(), dora.id().as_ref()).of_program(name);
        status.set("restarts", u64::from(dora.restart_count()));
        status.write();
        let inbox = Inbox::drain(events)?;
        Ok(Self { name: name.to_owned(), dora, inbox, workspace, status, parent: parent_id(), _locks: locks })
    }

    /// The program's name, as in `main`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The node's id in the YAML.
    pub fn id(&self) -> &str {
        self.dora.id().as_ref()
    }

    /// The id of the node that feeds an input, as in the YAML.
    pub fn source_of(&self, input: &str) -> Option<String> {
        let input = self.dora.node_config().inputs.get(&DataId::from(input.to_owned()))?;
        input.mapping.to_string().split_once('/').map(|(node, _)| node.to_owned())
    }

    /// The workspace.
    pub fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// What the node says of itself; written by [`Node::recv`] at most four times a second.
    pub fn status(&mut self) -> &mut StatusFile {
        &mut self.status
    }

    /// The next event, or [`Event::Timeout`] after `timeout`. After [`Event::Stop`] only that.
    ///
    /// # Errors
    /// [`HarnessError::Lost`] when an input overflowed, [`HarnessError::Orphaned`] when the daemon that started the process was killed:
    /// a node that only receives would never notice, and keep the workspace locked.
    pub fn recv(&mut self, timeout: Duration) -> Result<Event, HarnessError> {
        if parent_id() != self.parent {
            return Err(HarnessError::Orphaned);
        }
        self.status.tick();
        self.inbox.recv(timeout)
    }

    /// The next event if there is one.
    ///
    /// # Errors
    /// [`HarnessError::Lost`] when an input overflowed.
    pub fn try_recv(&mut self) -> Result<Option<Event>, HarnessError> {
        Ok(match self.recv(Duration::ZERO)? {
            Event::Timeout => None,
            event => Some(event),
        })
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`HarnessError::TooLarge`], or [`HarnessError::Dora`] when the daemon has gone.
    pub fn send<M: Edge>(&mut self, output: &str, header: &Header, message: M) -> Result<(), HarnessError> {
        self.send_array(output, header, Arc::new(message.into_array()))
    }

    /// Sends a message as it came, without looking into it.
    ///
    /// # Errors
    /// As [`Node::send`].
    pub fn send_array(&mut self, output: &str, header: &Header, array: ArrayRef) -> Result<(), HarnessError> {
        let bytes = array.to_data().get_slice_memory_size().unwrap_or_default();
        if bytes > MESSAGE_LIMIT_BYTES {
            return Err(HarnessError::TooLarge { output: output.to_owned(), bytes, limit: MESSAGE_LIMIT_BYTES });
        }
        self.dora
            .send_output(
                DataId::from(output.to_owned()),
                wire::to_parameters(header),
                dora_node_api::DoraArray::from(array),
            )
            .map_err(|e| HarnessError::Dora(format!("output {output:?}: {e}")))
    }
}

/// Locks a node's id and what else is exclusive to it. Where the file system has no locks, the log says so.
fn lock(workspace: &Workspace, id: &str, exclusive: &[String]) -> Result<Vec<RoleLock>, HarnessError> {
    let holder = Holder::new(id);
    let roles: BTreeSet<&str> = exclusive.iter().map(String::as_str).chain([id]).collect();
    let mut locks = Vec::new();
    for role in roles {
        match RoleLock::take(&workspace.status(), role, &holder, PATIENCE) {
            Ok(lock) => locks.push(lock),
            Err(LockError::Held(holder)) => {
                let workspace = workspace.root().display().to_string();
                return Err(HarnessError::InUse { workspace, role: role.to_owned(), holder });
            }
            Err(LockError::File(error)) => tracing::warn!(role, %error, "the workspace cannot be locked"),
        }
    }
    Ok(locks)
}
