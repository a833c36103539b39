//! What the node says of itself.

pub mod notices;

use plugin_api::Message;
use plugin_api::status::StatusFile;

/// Images counted since the start.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    /// Sent, each as often as it was.
    pub sent: u64,
    /// Acknowledged.
    pub committed: u64,
    /// Removals acknowledged.
    pub removed: u64,
    /// Refused.
    pub rejected: u64,
    /// Given up for lost, to be sent again.
    pub resent: u64,
}

/// What the node is doing, in figures.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    /// Images on disk.
    pub(crate) found: usize,
    /// Paths that are settling or wait for a message.
    pub(crate) pending: usize,
    /// Paths that were sent and of which nothing has come back.
    pub(crate) in_flight: usize,
    pub(crate) counts: Counts,
    /// Whether the dataset has not yet said what it holds.
    pub(crate) is_asking: bool,
}

impl Figures {
    /// Fills in the status, save for notices.
    pub(crate) fn report(&self, status: &mut StatusFile) {
        let Self { found, pending, in_flight, counts, is_asking } = *self;
        status.set("pictures_found", found as u64);
        status.set("pictures_sent", counts.sent);
        status.set("pictures_committed", counts.committed);
        status.set("removed", counts.removed);
        status.set("rejected", counts.rejected);
        status.set("resent", counts.resent);
        status.gauge("pending", pending as f64);
        status.gauge("in_flight", in_flight as f64);
        status.state(match (is_asking, pending, in_flight) {
            (true, ..) => Message::watch_asks(),
            (false, 0, 0) => Message::idle(),
            (false, 0, n) => Message::waiting_kept(n),
            (false, n, _) => Message::reading(n),
        });
    }
}
