//! `mirror`: hands runs, reports and models from the machine that trains to the one with the files, and back what a person asks for.
//!
//! One stands on each machine, wired to the other by four edges each way: `offers` (which files there are), `wanted` (which parts are
//! lacking), `parts`, `statuses` (what the nodes there do). A file is put in place whole, in the order in which it was offered; the
//! champion's link is swapped last, by one rename, on the machine with the files too. What is not said to be kept is offered again,
//! so both may be killed at any time.

mod peer;

use peer::Peer;
use plugin_api::Header;
use plugin_api::WorkspaceArgs;
use plugin_api::edges::{FileParts, MachineHeader, OfferedFiles, Statuses, WantedParts};
use plugin_api::header::new_session;
use plugin_harness::{Event, HarnessError, HasWorkspace, Message, Node};
use plugin_transfer::{Offers, Receiver, Role, TransferOptions};
use std::time::{Duration, Instant};

/// The workspace is looked through so often.
const LOOK: Duration = Duration::from_secs(1);
/// Old runs are removed so often.
const TIDY: Duration = Duration::from_mins(1);

/// Hand runs, reports and models from the machine that trains to the one with the files, and back what a person asks for.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "mirror", version)]
pub struct Config {
    /// The workspace.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// What this machine is for.
    #[arg(long, value_enum)]
    pub role: Role,
    /// Evaluated runs that are kept on the machine with the files; as evaluate's option of this name.
    #[arg(long, default_value_t = 100, value_name = "RUNS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub keep_runs: u32,
    /// The other machine is said to be away after so long a silence, seconds.
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(5..=3600))]
    pub away_seconds: u32,
    /// How much crosses at a time.
    #[command(flatten)]
    pub transfer: TransferOptions,
}

impl HasWorkspace for Config {
    fn workspace(&self) -> &WorkspaceArgs {
        &self.workspace
    }
}

/// Why the node ends.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// dora, or a message of another type.
    #[error(transparent)]
    Harness(#[from] HarnessError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] std::io::Error),
}

/// Both directions.
struct Mirror {
    session: String,
    offered: u64,
    offers: Offers,
    receiver: Receiver,
    peer: Peer,
}

/// Runs the node until the dataflow stops.
///
/// # Errors
/// [`MirrorError`]; after the restart everything is compared again.
pub fn run(config: Config, node: &mut Node) -> Result<(), MirrorError> {
    let (session, now) = (new_session(node.id()), Instant::now());
    let workspace = node.workspace().clone();
    let away = Duration::from_secs(u64::from(config.away_seconds));
    let mut mirror = Mirror {
        offers: Offers::new(workspace.clone(), config.role, config.transfer.clone()),
        receiver: Receiver::new(workspace.clone(), config.role, config.transfer, session.clone(), now),
        peer: Peer::new(workspace.status(), away, now),
        session,
        offered: 0,
    };
    let (mut looked, mut tidied): (Option<Instant>, Instant) = (None, now);
    loop {
        match node.recv(Duration::from_millis(200))? {
            Event::Stop => return Ok(()),
            Event::Message(message) => mirror.take(&message, node)?,
            Event::Restarted(_) | Event::Timeout => {}
        }
        let now = Instant::now();
        if looked.is_none_or(|looked| now.duration_since(looked) >= LOOK) {
            mirror.offers.look();
            looked = Some(now);
            if config.role == Role::Training
                && let Some(statuses) = mirror.peer.own_statuses(node.id(), now)
            {
                let header = Header::new(mirror.session.clone(), 0).with(&this_machine());
                node.send("statuses", &header, statuses)?;
            }
            mirror.peer.look(now);
        }
        if config.role == Role::Files && now.duration_since(tidied) >= TIDY {
            tidied = now;
            tidy(&workspace, config.keep_runs as usize);
        }
        mirror.send(now, node)?;
        mirror.show(now, node);
    }
}

fn this_machine() -> MachineHeader {
    MachineHeader { machine: peer::this_machine() }
}

/// The machine that a message is from; empty when nobody says.
fn machine(header: &Header) -> String {
    header.get::<MachineHeader>().unwrap_or_default().machine
}

impl Mirror {
    fn take(&mut self, message: &Message, node: &mut Node) -> Result<(), MirrorError> {
        let (header, now) = (&message.header, Instant::now());
        match message.input.as_str() {
            "offers" => {
                if self.peer.note_message(&header.session, &machine(header), now) {
                    self.offers.forget();
                }
                self.receiver.offered(header, &message.read::<OfferedFiles>()?);
            }
            "wanted" => {
                if let Some(parts) = self.offers.answer(&message.read::<WantedParts>()?)? {
                    node.send("parts", header, parts)?;
                }
            }
            "parts" => self.receiver.parts(header, &message.read::<FileParts>()?, now)?,
            "statuses" => self.peer.statuses(&machine(header), &message.read::<Statuses>()?, now),
            // `tick` only wakes the loop.
            _ => {}
        }
        Ok(())
    }

    fn send(&mut self, now: Instant, node: &mut Node) -> Result<(), MirrorError> {
        if let Some(offers) = self.offers.due(now) {
            let header = Header::new(self.session.clone(), self.offered).with(&this_machine());
            self.offered += 1;
            node.send("offers", &header, offers)?;
        }
        for (header, wanted) in self.receiver.requests(now)? {
            node.send("wanted", &header, wanted)?;
        }
        Ok(())
    }

    fn show(&self, now: Instant, node: &mut Node) {
        let lacking = self.offers.lacking();
        let state = match (self.peer.away(now), self.receiver.coming()) {
            (Some(away), _) => away,
            (None, Some(path)) => plugin_api::Message::mirror_receives(self.peer.machine(), path.to_string()),
            (None, None) if lacking > 0 => plugin_api::Message::mirror_sends(self.peer.machine(), lacking),
            (None, None) => plugin_api::Message::mirror_in_step(self.peer.machine()),
        };
        let status = node.status();
        status.state(state);
        status.notices(&self.peer.notice(now).into_iter().collect::<Vec<_>>());
        status.set("files", self.receiver.files);
        status.set("file_bytes", self.receiver.bytes);
        status.set("asked_again", self.receiver.repeated());
    }
}

/// Removes old runs. A failure costs space alone.
fn tidy(workspace: &plugin_api::Workspace, keep: usize) {
    match plugin_champion::prune(workspace, keep) {
        Ok(gone) if gone.is_empty() => {}
        Ok(gone) => tracing::info!(?gone, keep, "old runs are removed"),
        Err(error) => tracing::warn!(%error, "old runs cannot be removed"),
    }
}
