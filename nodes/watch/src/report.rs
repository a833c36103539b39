//! What the node says of itself.

pub mod notices;

use crate::fs::scan::EXAMPLES;
use crate::ledger::away::Absence;
use crate::state::WatchState;
use plugin_api::status::{Notice, StatusFile};
use plugin_api::{Message, Text};

/// Pictures counted since the start.
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

impl WatchState {
    /// Fills in the status.
    pub fn report(&mut self, status: &mut StatusFile) {
        let pending = self.settling.len() + self.ready.len();
        let in_flight = self.outbox.rows() + self.missing.len();
        status.set("pictures_found", self.ledger.found() as u64);
        status.set("pictures_sent", self.counts.sent);
        status.set("pictures_committed", self.counts.committed);
        status.set("removed", self.counts.removed);
        status.set("rejected", self.counts.rejected);
        status.set("resent", self.counts.resent);
        status.gauge("pending", pending as f64);
        status.gauge("in_flight", in_flight as f64);
        status.state(match (self.is_asking(), pending, in_flight) {
            (true, ..) => Message::watch_asks(),
            (false, 0, 0) => Message::idle(),
            (false, 0, n) => Message::waiting_kept(n),
            (false, n, _) => Message::reading(n),
        });
        status.notices(self.notices());
    }

    /// Notices of folders that are away and of files that are still arriving.
    pub(crate) fn arrival_notices(&self) -> Vec<Notice> {
        let away = self.away.away.iter().map(|(folder, away)| self.away_notice(folder, away.absence));
        let mut notices: Vec<Notice> = away.collect();
        if !self.being_written.is_empty() {
            let count = self.being_written.len() as u64;
            notices.push(Notice {
                kind: "arriving".to_owned(),
                count,
                reason: Message::notice_arriving(count).into(),
                advice: Text::default(),
                examples: self.being_written.iter().take(EXAMPLES).cloned().collect(),
            });
        }
        notices
    }

    fn away_notice(&self, folder: &str, absence: Absence) -> Notice {
        let count = self.held_below(folder).count() as u64;
        Notice {
            kind: format!("away:{folder}"),
            count,
            reason: Message::notice_away(count, folder, absence.message()).into(),
            advice: Message::advice_away(self.away.grace().as_secs()).into(),
            examples: vec![folder.to_owned()],
        }
    }
}
