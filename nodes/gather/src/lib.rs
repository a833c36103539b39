//! `gather`: look-alikes of the seeds, from the pool to `candidates/<class>/`.
//!
//! Inputs `embedded`, `removed`, `hello`, `tick`; outputs `committed`, `inventory`: it keeps what `watch` sees of
//! `seeds/` and `pool/`, by the same protocol as `dataset`. What it does to the folders of a workspace is in
//! [`arrange`](gatherer::Gatherer::arrange), what it learns from them in [`review`](gatherer::Gatherer::review).

mod arrange;
pub mod claims;
mod config;
mod error;
pub mod gatherer;
pub mod lists;
pub mod measure;
pub mod photos;
pub mod plan;
pub mod review;
pub mod shelf;
pub mod store;

pub use config::Config;
pub use error::GatherError;

use arrow::array::{Int64Array, StringArray, UInt64Array};
use gatherer::{Gatherer, Rules};
use plugin_api::edges::{Committed, Embedded, Inventory, Removed};
use plugin_api::{Edge, Home, Tag};
use plugin_harness::{Event, Message, Node, Place, Sequence};
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// Messages that one change takes in at most: the window of `watch`.
const GROUP_COMMIT: usize = 8;
/// Rows of an inventory message: 100,000 paths of 100 bytes are 12 MB.
const INVENTORY_ROWS: usize = 100_000;
/// How often the folders of candidates are looked at.
const REVIEW: Duration = Duration::from_millis(500);
/// How often `photos/` is looked through.
const PHOTOS: Duration = Duration::from_secs(10);
/// Candidates are chosen when no picture has come for so long, lest the first to come be taken for the nearest …
const QUIET: Duration = Duration::from_secs(1);
/// … but at least so often.
const IMPATIENT: Duration = Duration::from_secs(20);

/// Runs the node until the dataflow stops.
///
/// # Errors
/// [`GatherError`]; what was not acknowledged is sent again after the restart.
pub fn run(config: Config, node: &mut Node) -> Result<(), GatherError> {
    let rules = Rules {
        by: config.by,
        reach: config.reach()?,
        nearest: config.nearest as usize,
        most: config.most as usize,
        several: config.several,
    };
    one_device(node.home())?;
    let gatherer = Gatherer::open(node.home(), rules)?;
    let [pool, seeds, candidates, refused, accepted] = gatherer.counts();
    tracing::info!(by = rules.by.name(), pool, seeds, candidates, refused, accepted, "curation open");
    let now = Instant::now();
    let mut desk = Desk {
        gatherer,
        images: Sequence::default(),
        removed: Sequence::default(),
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
                "embedded" => waiting = desk.embedded(message, node)?,
                "removed" => desk.removed(&message, node)?,
                "hello" => desk.inventory(&message.tag, node)?,
                _ => {}
            },
            Event::Restarted(_) | Event::Timeout => {}
        }
        desk.work(Instant::now())?;
        desk.report(node);
    }
}

/// Hard links need one file system.
fn one_device(home: &Home) -> Result<(), GatherError> {
    let device = |path| std::fs::metadata(path).map(|meta| meta.dev());
    let (pool, candidates) = (home.pool(), home.candidates());
    if device(&pool)? == device(&candidates)? { Ok(()) } else { Err(GatherError::Devices { pool, candidates }) }
}

/// The gatherer, its streams, and when what was done.
struct Desk {
    gatherer: Gatherer,
    images: Sequence,
    removed: Sequence,
    came: Instant,
    arranged: Instant,
    reviewed: Instant,
    photos: Instant,
}

impl Desk {
    /// Takes in a message and those that wait behind it. Returns the first that is something else.
    fn embedded(&mut self, first: Message, node: &mut Node) -> Result<Option<Message>, GatherError> {
        let (mut taken, mut other) = (Vec::new(), None);
        let mut next = Some(first);
        while let Some(message) = next.take() {
            match self.images.place(&message.tag) {
                Place::Due | Place::Repeated => {
                    let rows = message.read::<Embedded>()?;
                    taken.push((message.tag, rows));
                }
                Place::Gap { expected } => resend(&message.tag, expected, node)?,
                Place::Stale => tracing::debug!(session = message.tag.session, "a session that was given up"),
            }
            if taken.len() < GROUP_COMMIT {
                match node.try_recv()? {
                    Some(Event::Message(message)) if message.input == "embedded" => next = Some(message),
                    Some(Event::Message(message)) => other = Some(message),
                    // The inbox repeats Stop, so the loop in `run` sees it again.
                    Some(Event::Stop | Event::Restarted(_) | Event::Timeout) | None => {}
                }
            }
        }
        if taken.is_empty() {
            return Ok(other);
        }
        let rows: Vec<(&str, &Embedded)> = taken.iter().map(|(tag, rows)| (tag.text("network"), rows)).collect();
        self.gatherer.take_in(&rows)?;
        self.came = Instant::now();
        for (tag, rows) in taken {
            node.status().add("committed", rows.rows() as u64);
            acknowledge(&tag, rows.path, node)?;
        }
        Ok(other)
    }

    fn removed(&mut self, message: &Message, node: &mut Node) -> Result<(), GatherError> {
        match self.removed.place(&message.tag) {
            Place::Stale => return Ok(()),
            Place::Gap { expected } => return resend(&message.tag, expected, node),
            Place::Due | Place::Repeated => {}
        }
        let removed: Removed = message.read()?;
        self.gatherer.take_away(removed.path.iter().flatten())?;
        self.came = Instant::now();
        node.status().add("removed", removed.rows() as u64);
        acknowledge(&message.tag, removed.path, node)
    }

    fn inventory(&mut self, hello: &Tag, node: &mut Node) -> Result<(), GatherError> {
        let files: Vec<_> = self.gatherer.inventory().collect();
        let messages = files.len().div_ceil(INVENTORY_ROWS).max(1);
        for index in 0..messages {
            let rows = files.chunks(INVENTORY_ROWS).nth(index).unwrap_or_default();
            let tag = Tag::new(hello.session.clone(), index as u64).fin(index + 1 == messages);
            let message = Inventory {
                path: StringArray::from_iter_values(rows.iter().map(|file| &file.path)),
                modified_ns: rows.iter().map(|file| file.modified_ns).collect::<Int64Array>(),
                size_bytes: rows.iter().map(|file| file.size_bytes).collect::<UInt64Array>(),
            };
            node.send("inventory", &tag, message)?;
        }
        tracing::info!(files = files.len(), "inventory sent");
        Ok(())
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
        let busy = if self.gatherer.is_dirty() { ", choosing" } else { "" };
        status.state(format!("{candidates} candidates, {accepted} accepted, {refused} refused{busy}"));
    }
}

/// Tells `watch` that a message lasts.
fn acknowledge(tag: &Tag, path: StringArray, node: &mut Node) -> Result<(), GatherError> {
    let tag = tag.clone().with("status", "committed");
    Ok(node.send("committed", &tag, Committed { path })?)
}

/// Tells `watch` that messages before this one are missing.
fn resend(tag: &Tag, expected: u64, node: &mut Node) -> Result<(), GatherError> {
    tracing::warn!(session = tag.session, seq = tag.seq, expected, "messages are missing; asking for them again");
    let tag = tag.clone().with("status", "resend").with("expected", expected);
    Ok(node.send("committed", &tag, Committed { path: StringArray::from(Vec::<String>::new()) })?)
}
