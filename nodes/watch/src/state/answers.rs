//! From answers back to what is known.

use crate::delivery::asking::Asking;
use crate::delivery::outbox::{Acknowledged, STREAMS, Stream};
use crate::ledger::Held;
use crate::quarantine::record::Record;
use crate::state::{Missing, WatchState};
use plugin_api::edges::{Acknowledgement, Committed, Inventory, Rejects};
use plugin_api::{Edge, FileVersion, Header, RejectReason};
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

/// Rejects travel on another edge than the acknowledgement and may come this much later.
const REJECTS_LATE: Duration = Duration::from_secs(3);

/// Breath taken before everything is sent again.
const PAUSE: Duration = Duration::from_millis(250);

impl WatchState {
    /// Part of what the dataset holds. True when that was the last part: then everything must be scanned.
    pub fn inventory(&mut self, header: &Header, rows: &Inventory, now: Instant) -> bool {
        let Some(asking) = &mut self.asking else { return false };
        // What it holds of folders that are not watched here is not this node's to take back.
        let roots = &self.roots;
        let listed = (0..rows.rows()).filter(|at| roots.of(rows.path.value(*at)).is_some()).map(|at| {
            let version = FileVersion {
                size_bytes: rows.size_bytes.value(at),
                modified_ns: rows.modified_ns.value(at),
                changed_ns: rows.changed_ns.value(at),
                inode: rows.inode.value(at),
            };
            (rows.path.value(at).to_owned(), version)
        });
        let Some(inventory) = asking.receive(header, listed, now) else { return false };
        tracing::info!(images = inventory.len(), "the dataset has said what it holds");
        self.complete_later(&inventory);
        self.ledger.set_inventory(inventory);
        self.labels.review_again();
        self.asking = None;
        true
    }

    /// Entries without change time and inode are of an earlier version of a catalog, if it keeps them for others: a change
    /// that leaves size and date as they were would not be noticed after a restart until they are completed.
    fn complete_later(&mut self, inventory: &BTreeMap<String, FileVersion>) {
        self.incomplete.clear();
        if inventory.values().any(FileVersion::is_complete) {
            let incomplete = inventory.iter().filter(|(_, version)| !version.is_complete());
            self.incomplete.extend(incomplete.map(|(path, _)| path.clone()));
        }
    }

    /// An acknowledgement, or the request to get everything again.
    pub fn committed(&mut self, header: &Header, listed: &Committed, now: Instant) {
        let stream = match header.get::<Stream>() {
            Ok(stream) => stream,
            Err(error) => return tracing::warn!(%error, "an acknowledgement of an unknown stream"),
        };
        match header.get::<Acknowledgement>() {
            Ok(Acknowledgement::Committed) => {}
            Ok(Acknowledgement::Resend { .. }) => return self.resend(stream, header, now),
            Err(error) => return tracing::warn!(%error, "an acknowledgement of an unknown kind"),
        }
        let listed: HashSet<&str> = listed.path.iter().flatten().collect();
        match self.outbox.acknowledge(stream, header, now) {
            Acknowledged::Current(rows) => {
                for row in rows {
                    match stream {
                        Stream::Removed => self.acknowledged(&row.path, Held::Nothing, now),
                        Stream::Images if listed.contains(row.path.as_str()) => {
                            self.acknowledged(&row.path, Held::Image(row.version), now);
                        }
                        Stream::Images => {
                            let missing =
                                Missing { header: header.clone(), version: row.version, until: now + REJECTS_LATE };
                            self.missing.insert(row.path, missing);
                        }
                    }
                }
            }
            // The dataset answers in the order in which it works: the latest answer is the present truth. A newer
            // message about the same path may be on its way; its own answer will come.
            Acknowledged::Stale(rows) => {
                for row in rows.into_iter().filter(|row| listed.contains(row.path.as_str())) {
                    let held = if stream == Stream::Images { Held::Image(row.version) } else { Held::Nothing };
                    self.now_holds(&row.path, held, now);
                }
            }
            Acknowledged::Again => {}
            // From an earlier life of this process: what exactly was sent is not known.
            Acknowledged::Unknown => {
                for path in listed {
                    self.now_holds(path, Held::Unsure, now);
                }
            }
        }
    }

    fn resend(&mut self, stream: Stream, header: &Header, now: Instant) {
        if self.outbox.is_current(stream, header) {
            tracing::warn!(stream = stream.name(), seq = header.seq, "the dataset misses messages, sending again");
            self.outbox.note_answer(now);
            self.start_over(stream, now);
            self.not_before = now + PAUSE;
        }
    }

    fn acknowledged(&mut self, path: &str, held: Held, now: Instant) {
        match held {
            Held::Image(_) => self.counts.committed += 1,
            _ => self.counts.removed += 1,
        }
        self.ledger.change(path, |entry| {
            entry.in_flight = false;
            entry.losses = 0;
            entry.held = held;
            if matches!(held, Held::Image(_)) {
                entry.refused = None;
            }
        });
        if matches!(held, Held::Image(_)) && self.quarantine.withdraw(path) {
            self.count_due = Some(now);
        }
        self.enqueue(path, now);
    }

    fn now_holds(&mut self, path: &str, held: Held, now: Instant) {
        self.ledger.change(path, |entry| entry.held = held);
        self.enqueue(path, now);
    }

    /// Images that a stage refused. Which version it was is known from the message it was sent in.
    pub fn rejects(&mut self, header: &Header, rejects: &Rejects, now: Instant) {
        for at in 0..rejects.rows() {
            let path = rejects.path.value(at);
            let late = self
                .missing
                .get(path)
                .is_some_and(|m| m.header.session == header.session && m.header.seq == header.seq);
            let (version, answered) = if late {
                (self.missing.remove(path).map(|missing| missing.version), true)
            } else {
                let refused = self.outbox.refuse(header, path);
                (refused.as_ref().map(|(row, _)| row.version), refused.is_some_and(|(_, current)| current))
            };
            let Some(version) = version else {
                tracing::debug!(path, "refused, but not known to have been sent");
                continue;
            };
            let (stage, reason, detail) = (rejects.stage.value(at), rejects.reason.value(at), rejects.detail.value(at));
            if RejectReason::parse(reason).is_some_and(RejectReason::is_transient) {
                // The stage did not get to see it. Whatever is there now is sent.
                tracing::info!(path, stage, reason, detail, "to be sent again");
                if answered {
                    self.send_again(path, now);
                }
                continue;
            }
            if answered {
                self.ledger.change(path, |entry| {
                    entry.in_flight = false;
                    entry.losses = 0;
                });
            }
            self.refuse(Record::new(path, version, stage, reason, detail), now);
            self.enqueue(path, now);
        }
    }

    /// A stage was started again. What it had in hand is lost.
    pub fn restarted(&mut self, node: &str, now: Instant) {
        tracing::info!(node, "was started again, sending again what it may have lost");
        self.start_over(Stream::Images, now);
    }

    /// The node that keeps the images (`dataset`, `gather`) was started again, and is asked what it holds.
    pub fn keeper_restarted(&mut self, now: Instant) {
        tracing::info!("the node that keeps the images was started again, asking what it holds");
        for stream in STREAMS {
            self.start_over(stream, now);
        }
        self.asking = Some(Asking::new(now));
    }
}
