//! What the node says of itself.

use crate::away::Absence;
use crate::desk::Desk;
use crate::notices::plural;
use crate::scan::EXAMPLES;
use plugin_api::status::{Notice, StatusFile};

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

impl Desk {
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
            (true, ..) => "asking what the dataset holds".to_owned(),
            (false, 0, 0) => "idle".to_owned(),
            (false, 0, n) => format!("waiting for {} to be kept", pictures(n)),
            (false, n, _) => format!("reading {}", pictures(n)),
        });
        status.notices(self.notices());
    }

    /// Notices of folders that are away and of files that are still arriving.
    pub(crate) fn arrival_notices(&self) -> Vec<Notice> {
        let away = self.away.away.iter().map(|(folder, away)| self.away_notice(folder, away.absence));
        let mut notices: Vec<Notice> = away.collect();
        if !self.being_written.is_empty() {
            let count = self.being_written.len() as u64;
            let reason = plural(
                count,
                "file is incomplete and open for writing: it is looked at again when it changes",
                "files are incomplete and open for writing: they are looked at again when they change",
            );
            notices.push(Notice {
                kind: "arriving".to_owned(),
                count,
                reason,
                advice: String::new(),
                examples: self.being_written.iter().take(EXAMPLES).cloned().collect(),
            });
        }
        notices
    }

    fn away_notice(&self, folder: &str, absence: Absence) -> Notice {
        let count = self.held_below(folder).count() as u64;
        let images = plural(count, "image", "images");
        Notice {
            kind: format!("away:{folder}"),
            count,
            reason: format!("{images} of {folder} kept for now: {}", absence.reason()),
            advice: format!(
                "Connect the drive again, or put the files back. After {} s they count as deleted (--away-seconds).",
                self.away.grace().as_secs()
            ),
            examples: vec![folder.to_owned()],
        }
    }
}

/// `1 picture`, `1,234 pictures`.
fn pictures(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    format!("{text} picture{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        let texts = [1, 12, 999, 1000, 1_234_567].map(pictures);
        assert_eq!(texts, ["1 picture", "12 pictures", "999 pictures", "1,000 pictures", "1,234,567 pictures"]);
    }
}
