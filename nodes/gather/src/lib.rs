//! `gather`: look-alikes of the seeds, from the pool to `candidates/<class>/`.
//!
//! Inputs `embedded`, `removed`, `inventory_request`, `tick`; outputs `committed`, `inventory`: it keeps what `watch` sees of
//! `seeds/` and `pool/`, by the same protocol as `dataset`. What it does to the folders of a workspace is in
//! [`arrange`](gatherer::Gatherer::arrange), what it learns from them in [`review`](gatherer::Gatherer::review).

mod arrange;
pub mod claims;
mod config;
mod error;
pub mod gatherer;
pub mod lists;
pub mod measure;
pub mod plan;
pub mod review;
pub mod store;

pub use config::Config;
pub use error::GatherError;

use gatherer::{Gatherer, Rules};
use plugin_api::edges::{Embedded, EmbeddingHeader};
use plugin_api::{Edge, Header, Workspace};
use plugin_harness::ingest::{Kept, acknowledge, send_inventory};
use plugin_harness::{Event, IngestSequencer, Message, Node};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// How often the folders of candidates are looked at.
const REVIEW: Duration = Duration::from_millis(500);
/// How often `photos/` is looked through.
const PHOTOS: Duration = Duration::from_secs(10);
/// Candidates are chosen when no image has come for so long, lest the first to come be taken for the nearest …
const QUIET: Duration = Duration::from_secs(1);
/// … but at least so often.
const IMPATIENT: Duration = Duration::from_secs(20);

/// Runs the node until the dataflow stops.
///
/// # Errors
/// [`GatherError`]; what was not acknowledged is sent again after the restart.
pub fn run(config: Config, node: &mut Node) -> Result<(), GatherError> {
    let rules = Rules {
        metric: config.metric,
        reach: config.reach()?,
        k: config.k as usize,
        max_candidates: config.max_candidates as usize,
        multi_class: config.multi_class,
    };
    one_device(node.workspace())?;
    let gatherer = Gatherer::open(node.workspace(), rules)?;
    let [pool, seeds, candidates, refused, accepted] = gatherer.counts();
    tracing::info!(metric = rules.metric.name(), pool, seeds, candidates, refused, accepted, "curation open");
    let now = Instant::now();
    let mut state = GatherState {
        gatherer,
        sequencer: IngestSequencer::default(),
        came: now,
        arranged: now,
        reviewed: now.checked_sub(REVIEW).unwrap_or(now),
        photos: now.checked_sub(PHOTOS).unwrap_or(now),
    };
    let mut waiting: Option<Message> = None;
    loop {
        let event = match waiting.take() {
            Some(message) => Event::Message(message),
            None => node.recv(Duration::from_millis(200))?,
        };
        match event {
            Event::Stop => return Ok(()),
            Event::Message(message) => match message.input.as_str() {
                "embedded" => waiting = state.embedded(message, node)?,
                "removed" => state.removed(&message, node)?,
                "inventory_request" => state.inventory(&message.header, node)?,
                _ => {}
            },
            Event::Restarted(_) | Event::Timeout => {}
        }
        state.work(Instant::now())?;
        state.report(node);
    }
}

/// Hard links need one file system.
fn one_device(workspace: &Workspace) -> Result<(), GatherError> {
    let device = |path| std::fs::metadata(path).map(|meta| meta.dev());
    let (pool, candidates) = (workspace.pool(), workspace.candidates());
    if device(&pool)? == device(&candidates)? { Ok(()) } else { Err(GatherError::Devices { pool, candidates }) }
}

/// The gatherer, its streams, and when what was done.
struct GatherState {
    gatherer: Gatherer,
    sequencer: IngestSequencer,
    came: Instant,
    arranged: Instant,
    reviewed: Instant,
    photos: Instant,
}

impl GatherState {
    /// Takes in a message and those that wait behind it. Returns the first that is something else.
    fn embedded(&mut self, first: Message, node: &mut Node) -> Result<Option<Message>, GatherError> {
        let (taken, other) = self.sequencer.images::<Embedded>(first, node)?;
        if taken.is_empty() {
            return Ok(other);
        }
        let network = |header: &Header| header.get::<EmbeddingHeader>().map(|of| of.network).unwrap_or_default();
        let networks: Vec<String> = taken.iter().map(|(header, _)| network(header)).collect();
        let rows = taken.iter().map(|(_, rows)| rows);
        let rows: Vec<(&str, &Embedded)> = networks.iter().map(String::as_str).zip(rows).collect();
        self.gatherer.take_in(&rows)?;
        self.came = Instant::now();
        for (header, rows) in taken {
            node.status().add("committed", rows.rows() as u64);
            acknowledge(&header, rows.path, node)?;
        }
        Ok(other)
    }

    fn removed(&mut self, message: &Message, node: &mut Node) -> Result<(), GatherError> {
        let Some(removed) = self.sequencer.removed(message, node)? else { return Ok(()) };
        self.gatherer.take_away(removed.path.iter().flatten())?;
        self.came = Instant::now();
        node.status().add("removed", removed.rows() as u64);
        Ok(acknowledge(&message.header, removed.path, node)?)
    }

    fn inventory(&mut self, request: &Header, node: &mut Node) -> Result<(), GatherError> {
        let kept = |file: &store::File| Kept {
            path: file.path.clone(),
            modified_ns: file.modified_ns,
            changed_ns: 0,
            inode: 0,
            size_bytes: file.size_bytes,
        };
        let files: Vec<Kept> = self.gatherer.inventory().map(kept).collect();
        Ok(send_inventory(request, &files, node)?)
    }

    fn work(&mut self, now: Instant) -> Result<(), GatherError> {
        if now.duration_since(self.photos) >= PHOTOS {
            self.gatherer.look_through_photos();
            self.photos = now;
        }
        if now.duration_since(self.reviewed) >= REVIEW {
            self.gatherer.review(now)?;
            self.reviewed = now;
        }
        let is_time = now.duration_since(self.came) >= QUIET || now.duration_since(self.arranged) >= IMPATIENT;
        if self.gatherer.is_dirty() && is_time {
            self.gatherer.look_through_photos();
            self.gatherer.arrange()?;
            self.arranged = Instant::now();
        }
        Ok(())
    }

    fn report(&self, node: &mut Node) {
        let [pool, seeds, candidates, refused, accepted] = self.gatherer.counts();
        let status = node.status();
        let counters = [("pictures", pool), ("seeds", seeds), ("candidates", candidates), ("refused", refused)];
        for (name, count) in counters.into_iter().chain([("accepted", accepted)]) {
            status.set(name, count as u64);
        }
        let state = plugin_api::Message::gather_holds(candidates, accepted, refused);
        let is_choosing = self.gatherer.is_dirty();
        status.state(if is_choosing { plugin_api::Message::gather_chooses(state) } else { state });
    }
}
