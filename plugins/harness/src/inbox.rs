//! The receiving side: a thread drains dora's event stream whatever the node is doing.
//!
//! Events are read with `StreamExt::next()`, which neither reorders nor drops (`EventStream::recv()` does both). The
//! channel to the node is unbounded; memory is bounded by the credits of the graph.

use crate::error::HarnessError;
use crate::wire;
use arrow::array::ArrayRef;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use dora_node_api::{Event as DoraEvent, EventStream};
use futures::StreamExt;
use futures::executor::block_on;
use plugin_api::{Edge, Header, HeaderError, HeaderFields};
use std::time::Duration;

/// What a node is told.
#[derive(Debug)]
pub enum Event {
    /// A message on one of the inputs.
    Message(Message),
    /// A node upstream was started again; what it had in hand may be lost. Its id in the YAML.
    Restarted(String),
    /// Nothing came in the time given.
    Timeout,
    /// The dataflow ends: take no more, write what must last in under 8 s, return.
    Stop,
}

/// A message as it came.
#[derive(Debug)]
pub struct Message {
    /// Name of the input in the YAML.
    pub input: String,
    /// Its place in its stream.
    pub header: Header,
    /// The rows.
    pub array: ArrayRef,
}

impl Message {
    /// Fields of the header; `None`, with a warning, when they cannot be read: the message is to be ignored.
    pub fn fields<F: HeaderFields>(&self) -> Option<F> {
        let Header { session, seq, .. } = &self.header;
        let warn =
            |error: &HeaderError| tracing::warn!(input = self.input, session, seq, %error, "a message is ignored");
        self.header.get().inspect_err(warn).ok()
    }

    /// The message as its edge's type.
    ///
    /// # Errors
    /// [`HarnessError::Schema`] that names both schemas when they differ.
    pub fn read<M: Edge>(&self) -> Result<M, HarnessError> {
        M::from_array(&self.array).map_err(|source| HarnessError::Schema { input: self.input.clone(), source })
    }
}

/// Events as the thread hands them over.
type Item = Result<Event, HarnessError>;

pub struct Inbox {
    items: Receiver<Item>,
    ended: bool,
}

impl Inbox {
    /// Starts the thread that drains `stream`.
    pub fn drain(stream: EventStream) -> Result<Self, HarnessError> {
        let (sender, items) = unbounded();
        std::thread::Builder::new()
            .name("events".to_owned())
            .spawn(move || forward(stream, &sender))
            .map_err(|e| HarnessError::Dora(format!("no thread for events: {e}")))?;
        Ok(Self { items, ended: false })
    }

    /// The next event, waiting at most `timeout`. After the stream has ended, `Stop` for ever.
    pub fn recv(&mut self, timeout: Duration) -> Item {
        if self.ended {
            return Ok(Event::Stop);
        }
        let item = match self.items.recv_timeout(timeout) {
            Ok(item) => item,
            Err(RecvTimeoutError::Timeout) => return Ok(Event::Timeout),
            Err(RecvTimeoutError::Disconnected) => Ok(Event::Stop),
        };
        self.ended = matches!(item, Ok(Event::Stop));
        item
    }
}

/// Runs until the stream ends or the node has gone.
fn forward(mut stream: EventStream, sender: &Sender<Item>) {
    while let Some(event) = block_on(stream.next()) {
        let lost = stream.drain_drop_counts().into_iter().find(|(_, count)| *count > 0);
        if let Some((input, count)) = lost {
            // The event that came with it follows all the same: who only looks at the newest may go on.
            if sender.send(Err(HarnessError::Lost { input: input.to_string(), count })).is_err() {
                return;
            }
        }
        let item = match event {
            DoraEvent::Input { id, metadata, data } => Ok(Event::Message(Message {
                input: id.to_string(),
                header: wire::from_parameters(&metadata.parameters),
                array: data.into_inner(),
            })),
            DoraEvent::NodeRestarted { id } => Ok(Event::Restarted(id.to_string())),
            DoraEvent::Stop(cause) => {
                tracing::info!(?cause, "stop");
                Ok(Event::Stop)
            }
            DoraEvent::Error(text) => {
                tracing::error!(text, "dora reports an error");
                continue;
            }
            DoraEvent::NodeFailed { source_node_id, error, .. } => {
                tracing::warn!(node = %source_node_id, error, "a node upstream failed");
                continue;
            }
            _ => continue,
        };
        if sender.send(item).is_err() {
            return;
        }
    }
}
