//! What is sent.

use plugin_api::Tag;
use plugin_api::edges::{Hello, ImageFiles, Removed};

/// A message to send, with its tag.
#[derive(Debug)]
pub enum Outgoing {
    /// The question for the inventory.
    Hello(Tag, Hello),
    /// Image files.
    Images(Tag, Box<ImageFiles>),
    /// Paths without a picture.
    Removed(Tag, Removed),
}
