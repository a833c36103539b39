//! The other machine: whether it is there, and what its nodes say of themselves.

use arrow::array::StringArray;
use plugin_api::Message;
use plugin_api::edges::Statuses;
use plugin_api::files::write_atomically;
use plugin_api::status::{self, Elsewhere, Notice, Status};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Statuses that have not changed are sent again after so long.
const AGAIN: Duration = Duration::from_secs(5);

/// This machine's name.
pub fn this_machine() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// What is known of the other machine.
pub struct Peer {
    folder: PathBuf,
    /// It is said to be away after so long a silence.
    patience: Duration,
    machine: String,
    session: String,
    last_heard: Instant,
    /// Its nodes, as they were written here.
    nodes: BTreeMap<String, Status>,
    /// What was sent of this machine's nodes, and when.
    told: Option<(BTreeMap<String, String>, Instant)>,
}

impl Peer {
    /// No message has come. `folder`: `status/` of the workspace.
    pub fn new(folder: PathBuf, patience: Duration, now: Instant) -> Self {
        let (machine, session) = ("the other machine".to_owned(), String::new());
        // Those of an earlier time: their machine may be away now.
        let nodes = status::read_all(&folder).into_iter().filter(|(_, status)| status.elsewhere.is_some()).collect();
        Self { folder, patience, machine, session, last_heard: now, nodes, told: None }
    }

    /// Its name.
    pub fn machine(&self) -> &str {
        &self.machine
    }

    /// It is there. Returns whether its process is another than before.
    pub fn note_message(&mut self, session: &str, machine: &str, now: Instant) -> bool {
        self.last_heard = now;
        if !machine.is_empty() {
            machine.clone_into(&mut self.machine);
        }
        let is_new = self.session != session;
        session.clone_into(&mut self.session);
        is_new
    }

    /// How long it has been silent, when it is away.
    fn silence(&self, now: Instant) -> Option<Duration> {
        Some(now.saturating_duration_since(self.last_heard)).filter(|silence| *silence >= self.patience)
    }

    /// That it is away.
    pub fn away(&self, now: Instant) -> Option<Message> {
        Some(Message::mirror_away(&self.machine, self.silence(now)?.as_secs()))
    }

    /// The same for the page.
    pub fn notice(&self, now: Instant) -> Option<Notice> {
        self.silence(now)?;
        Some(Notice {
            kind: format!("machine_away:{}", self.machine),
            count: 1,
            reason: Message::notice_machine_away(&self.machine).into(),
            advice: Message::advice_machine_away().into(),
            examples: Vec::new(),
        })
    }

    /// Its nodes say something.
    pub fn statuses(&mut self, machine: &str, statuses: &Statuses, now: Instant) {
        self.last_heard = now;
        let rows = statuses.node.iter().zip(statuses.status.iter());
        for (node, json) in rows.filter_map(|(node, json)| Some((node?, json?))) {
            let Ok(mut status) = serde_json::from_str::<Status>(json) else { continue };
            let alive = status.elsewhere.as_ref().is_some_and(|elsewhere| elsewhere.alive);
            status.elsewhere = Some(Elsewhere { machine: machine.to_owned(), alive });
            self.write(node, status);
        }
    }

    /// Its nodes are not there while it is away.
    pub fn look(&mut self, now: Instant) {
        if self.silence(now).is_none() {
            return;
        }
        let there: Vec<Status> =
            self.nodes.values().filter(|s| s.elsewhere.as_ref().is_some_and(|e| e.alive)).cloned().collect();
        for mut status in there {
            if let Some(elsewhere) = &mut status.elsewhere {
                elsewhere.alive = false;
            }
            self.write(&status.node.clone(), status);
        }
    }

    /// A display only: a failure is of no consequence.
    fn write(&mut self, node: &str, status: Status) {
        let is_name = !node.is_empty() && node.chars().all(|c| c.is_alphanumeric() || "-_".contains(c));
        if !is_name || status.node != node || self.nodes.get(node) == Some(&status) {
            return;
        }
        if let Ok(json) = serde_json::to_vec_pretty(&status) {
            let _ = write_atomically(&self.folder.join(format!("{node}.json")), &json);
        }
        self.nodes.insert(node.to_owned(), status);
    }

    /// What this machine's nodes say, when it has changed or not been sent for a while. `me`: this node's own id is left out, as the other
    /// machine has one for it.
    pub fn own_statuses(&mut self, me: &str, now: Instant) -> Option<Statuses> {
        let mut all = BTreeMap::new();
        for (node, mut status) in status::read_all(&self.folder) {
            if node != me && status.elsewhere.is_none() {
                status.elsewhere = Some(Elsewhere { machine: this_machine(), alive: status.is_alive() });
                all.insert(node, serde_json::to_string(&status).unwrap_or_default());
            }
        }
        let is_new = self.told.as_ref().is_none_or(|(told, at)| *told != all || now.duration_since(*at) >= AGAIN);
        if !is_new {
            return None;
        }
        let message = Statuses {
            node: StringArray::from_iter_values(all.keys()),
            status: StringArray::from_iter_values(all.values()),
        };
        self.told = Some((all, now));
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plugin_api::status::StatusFile;

    #[test]
    fn nodes_of_the_other_machine_are_shown_until_it_is_away() {
        let (there, here) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let now = Instant::now();
        let patience = Duration::from_secs(10);
        let own = std::env::current_exe().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let mut train = StatusFile::new(there.path(), "train").of_program(&own);
        train.state("epoch 3");
        train.write();
        StatusFile::new(there.path(), "mirror-training").write();
        let mut from = Peer::new(there.path().to_owned(), patience, now);
        let mut to = Peer::new(here.path().to_owned(), patience, now);
        let message = from.own_statuses("mirror-training", now).unwrap();
        assert!(from.own_statuses("mirror-training", now).is_none(), "nothing is new");
        assert!(to.note_message("s-1", "gpu", now), "a new process");
        assert!(!to.note_message("s-1", "gpu", now));
        to.statuses("gpu", &message, now);
        let shown = || status::read_all(here.path());
        assert_eq!(shown().keys().collect::<Vec<_>>(), ["train"]);
        assert_eq!((&*shown()["train"].state, shown()["train"].is_alive()), ("epoch 3", true));
        assert_eq!((to.notice(now), to.away(now)), (None, None));
        let later = now + patience;
        to.look(later);
        assert!(!shown()["train"].is_alive());
        let notice = to.notice(later).unwrap();
        assert_eq!((notice.kind.as_str(), notice.count), ("machine_away:gpu", 1));
        let away = to.away(later).unwrap().to_string();
        assert!(away.contains("gpu") && away.contains("10 s"), "{away}");
        to.statuses("gpu", &message, later);
        assert!(shown()["train"].is_alive() && to.notice(later).is_none(), "it is back");
    }
}
