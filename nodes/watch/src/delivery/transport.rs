//! The rest of the graph, as `watch` sees it: the only module that speaks with the harness.

use crate::delivery::outgoing::Outgoing;
use crate::error::WatchError;
use plugin_api::Header;
use plugin_api::edges::{Committed, Inventory, Rejects};
use plugin_api::status::StatusFile;
use plugin_harness::{Event, Node};
use std::time::Duration;

/// What comes from the graph.
#[derive(Debug)]
pub enum IncomingEvent {
    /// An acknowledgement.
    Committed(Header, Committed),
    /// Part of what the dataset holds.
    Inventory(Header, Inventory),
    /// Refused images.
    Rejects(Header, Rejects),
    /// The node that keeps the images was started again.
    KeeperRestarted,
    /// Another node upstream was started again.
    Restarted(String),
    /// Nothing, for the time given, or a tick of the timer.
    Nothing,
    /// The end.
    Stop,
}

/// Sends and receives.
pub trait Transport {
    /// What has come, waiting at most `timeout`.
    ///
    /// # Errors
    /// When the graph has gone, or speaks another language.
    fn receive(&mut self, timeout: Duration) -> Result<IncomingEvent, WatchError>;

    /// Sends a message.
    ///
    /// # Errors
    /// When the graph has gone.
    fn send(&mut self, message: Outgoing) -> Result<(), WatchError>;

    /// What the node says of itself.
    fn status(&mut self) -> &mut StatusFile;
}

impl Transport for Node {
    fn receive(&mut self, timeout: Duration) -> Result<IncomingEvent, WatchError> {
        Ok(match self.recv(timeout)? {
            Event::Message(message) => match message.input.as_str() {
                "committed" => IncomingEvent::Committed(message.header.clone(), message.read()?),
                "inventory" => IncomingEvent::Inventory(message.header.clone(), message.read()?),
                input if input.ends_with("rejects") => IncomingEvent::Rejects(message.header.clone(), message.read()?),
                _ => IncomingEvent::Nothing,
            },
            Event::Restarted(node) if self.source_of("committed").as_ref() == Some(&node) => {
                IncomingEvent::KeeperRestarted
            }
            Event::Restarted(node) => IncomingEvent::Restarted(node),
            Event::Timeout => IncomingEvent::Nothing,
            Event::Stop => IncomingEvent::Stop,
        })
    }

    fn send(&mut self, message: Outgoing) -> Result<(), WatchError> {
        match message {
            Outgoing::InventoryRequest(header, request) => Node::send(self, "inventory_request", &header, request)?,
            Outgoing::Images(header, images) => Node::send(self, "images", &header, *images)?,
            Outgoing::Removed(header, removed) => Node::send(self, "removed", &header, removed)?,
        }
        Ok(())
    }

    fn status(&mut self) -> &mut StatusFile {
        Node::status(self)
    }
}
