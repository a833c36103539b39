//! The other side of `watch`: a node that keeps what `watch` sees, and answers for it.
//!
//! `dataset` keeps `photos/`, `gather` keeps `seeds/` and `pool/`, `predict` keeps `inbox/`; all by this protocol. What lasts is acknowledged on
//! `committed`, what is missing is asked for there too, and `inventory` says what is kept already.

use crate::error::HarnessError;
use crate::inbox::{Event, Message};
use crate::node::Node;
use crate::sequence::{Place, Sequence};
use arrow::array::{Int64Array, StringArray, UInt64Array};
use plugin_api::edges::{Acknowledgement, Committed, Inventory, Removed};
use plugin_api::{Edge, Header};

/// Messages that one change takes in at most: the window of `watch`.
const GROUP_COMMIT: usize = 8;
/// Rows of an inventory message: 100,000 paths of 100 bytes are 12 MB.
const INVENTORY_ROWS: usize = 100_000;

/// Messages to take in, and the first behind them that is something else.
pub type Taken<M> = (Vec<(Header, M)>, Option<Message>);

/// Where the two streams of `watch` stand: images, and removals.
#[derive(Debug, Default)]
pub struct IngestSequencer {
    images: Sequence,
    removed: Sequence,
}

impl IngestSequencer {
    /// A message of images and those of the same input that wait behind it.
    ///
    /// # Errors
    /// Any [`HarnessError`].
    pub fn images<M: Edge>(&mut self, first: Message, node: &mut Node) -> Result<Taken<M>, HarnessError> {
        let input = first.input.clone();
        let (mut taken, mut other) = (Vec::new(), None);
        let mut next = Some(first);
        while let Some(message) = next.take() {
            match self.images.place(&message.header) {
                Place::Due | Place::Repeated => {
                    let rows = message.read::<M>()?;
                    taken.push((message.header, rows));
                }
                Place::Gap { expected } => resend(&message.header, expected, node)?,
                Place::Stale => tracing::debug!(session = message.header.session, "a session that was given up"),
            }
            if taken.len() < GROUP_COMMIT {
                match node.try_recv()? {
                    Some(Event::Message(message)) if message.input == input => next = Some(message),
                    Some(Event::Message(message)) => other = Some(message),
                    // The inbox repeats Stop, so the node's own loop sees it again.
                    Some(Event::Stop | Event::Restarted(_) | Event::Timeout) | None => {}
                }
            }
        }
        Ok((taken, other))
    }

    /// Decodes a `Removed` message; `None` if it is stale or out of order.
    ///
    /// # Errors
    /// Any [`HarnessError`].
    pub fn removed(&mut self, message: &Message, node: &mut Node) -> Result<Option<Removed>, HarnessError> {
        match self.removed.place(&message.header) {
            Place::Stale => Ok(None),
            Place::Gap { expected } => resend(&message.header, expected, node).map(|()| None),
            Place::Due | Place::Repeated => message.read().map(Some),
        }
    }
}

/// Tells `watch` that a message lasts.
///
/// # Errors
/// As [`Node::send`].
pub fn acknowledge(header: &Header, path: StringArray, node: &mut Node) -> Result<(), HarnessError> {
    let header = header.clone().with(&Acknowledgement::Committed);
    node.send("committed", &header, Committed { path })
}

/// Tells `watch` that messages before this one are missing.
fn resend(header: &Header, expected: u64, node: &mut Node) -> Result<(), HarnessError> {
    tracing::warn!(session = header.session, seq = header.seq, expected, "messages are missing; asking for them again");
    let header = header.clone().with(&Acknowledgement::Resend { expected });
    node.send("committed", &header, Committed { path: StringArray::from(Vec::<String>::new()) })
}

/// A file that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Relative to the workspace.
    pub path: String,
    /// Modification time, nanoseconds since 1970.
    pub modified_ns: i64,
    /// Time of the last change of content or metadata (`ctime`), nanoseconds since 1970; 0 where it is not kept.
    pub changed_ns: i64,
    /// Inode number; 0 where it is not kept.
    pub inode: u64,
    /// File size in bytes.
    pub size_bytes: u64,
}

/// Tells `watch` what is kept.
///
/// # Errors
/// As [`Node::send`].
pub fn send_inventory(request: &Header, files: &[Kept], node: &mut Node) -> Result<(), HarnessError> {
    let messages = files.len().div_ceil(INVENTORY_ROWS).max(1);
    for index in 0..messages {
        let rows = files.chunks(INVENTORY_ROWS).nth(index).unwrap_or_default();
        let header = Header::new(request.session.clone(), index as u64).fin(index + 1 == messages);
        let message = Inventory {
            path: StringArray::from_iter_values(rows.iter().map(|file| &file.path)),
            modified_ns: rows.iter().map(|file| file.modified_ns).collect::<Int64Array>(),
            changed_ns: rows.iter().map(|file| file.changed_ns).collect::<Int64Array>(),
            inode: rows.iter().map(|file| file.inode).collect::<UInt64Array>(),
            size_bytes: rows.iter().map(|file| file.size_bytes).collect::<UInt64Array>(),
        };
        node.send("inventory", &header, message)?;
    }
    tracing::info!(files = files.len(), "inventory sent");
    Ok(())
}
