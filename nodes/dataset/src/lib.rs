//! The node that owns the data set: takes pictures in, keeps them, serves them.
//!
//! Inputs `pixels`, `removed`, `hello`, `demand`, `heldout_demand`, `records_demand`, `tick`; outputs `committed`,
//! `inventory`, `snapshot`, `samples`, `heldout`, `records`.

pub mod catalog;
mod compact;
mod config;
mod error;
pub mod intake;
pub mod order;
pub mod records;
mod serve;
pub mod shards;
pub mod split;

pub use config::{Balance, Config};
pub use error::DatasetError;

use arrow::array::{Int64Array, StringArray, UInt64Array};
use catalog::Catalog;
use intake::{Rules, take_in};
use plugin_api::edges::{Committed, Demand, Inventory, Pixels, Removed, Snapshot};
use plugin_api::{Edge, Labels, Tag};
use plugin_harness::{Event, Message, Node, Place, Sequence};
use serve::Server;
use shards::Shards;
use split::Groups;
use std::time::{Duration, Instant};

/// Messages that one change takes in at most: the window of `watch`.
const GROUP_COMMIT: usize = 8;
/// Rows of an inventory message: 100,000 paths of 100 bytes are 12 MB.
const INVENTORY_ROWS: usize = 100_000;
/// A snapshot is sent again so often, for a `train` that has just been started again.
const SNAPSHOT_AGAIN: Duration = Duration::from_secs(3);
/// Snapshots of a burst are not sent more often than this.
const SNAPSHOT_PAUSE: Duration = Duration::from_millis(500);
/// Nor may they, or counting, take more than one part in so many of the time: with 100,000 files both take a while.
const SNAPSHOT_SHARE: u32 = 10;

/// Everything the node holds.
struct Dataset {
    catalog: Catalog,
    shards: Shards,
    groups: Groups,
    server: Server,
    profile: String,
    rules: Rules,
    labels: Labels,
    images: Sequence,
    removed: Sequence,
    /// When files and pictures were counted last, how long that took, and whether they are the same since.
    counted: (Instant, Duration, bool),
    /// Version of the snapshot sent last, when it was sent, and how long the next new one has to wait.
    announced: Option<(u64, Instant, Duration)>,
}

/// Runs the node until the dataflow stops.
///
/// # Errors
/// [`DatasetError`]; what was not acknowledged is sent again after the restart.
pub fn run(config: Config, node: &mut Node) -> Result<(), DatasetError> {
    let mut dataset = Dataset::open(&config, node)?;
    let mut waiting: Option<Message> = None;
    loop {
        let event = match waiting.take() {
            Some(message) => Event::Message(message),
            None => node.recv(Duration::from_millis(200))?,
        };
        match event {
            Event::Stop => return Ok(()),
            Event::Message(message) => match message.input.as_str() {
                "pixels" => waiting = dataset.pixels(message, node)?,
                "removed" => dataset.removed(&message, node)?,
                "hello" => dataset.inventory(&message.tag, node)?,
                "demand" => dataset.demand(&message, "samples", node)?,
                "heldout_demand" => dataset.demand(&message, "heldout", node)?,
                "records_demand" => dataset.records(&message, node)?,
                _ => {}
            },
            Event::Restarted(_) | Event::Timeout => {}
        }
        dataset.count(node)?;
        dataset.announce(node)?;
    }
}

impl Dataset {
    fn open(config: &Config, node: &mut Node) -> Result<Self, DatasetError> {
        let folder = node.home().dataset();
        let profile = config.profile();
        let mut catalog = Catalog::open(&folder.join("catalog.sqlite"))?;
        let mut shards = Shards::open(&folder, &profile)?;
        let merged = compact::compact(&mut catalog, &mut shards, &profile)?;
        let known = catalog.shards(&profile)?;
        shards.remove_strays(|name| known.iter().any(|(_, file, _)| file == name));
        let mut groups = Groups::new(config.near);
        let mut merges = Vec::new();
        catalog.groups(|phash, dhash, group, split| merges.extend(groups.load(phash, dhash, group, split)))?;
        groups.loaded();
        if !merges.is_empty() {
            tracing::info!(merges = merges.len(), near = config.near, "groups that are one are made one");
            let mut change = catalog.change()?;
            for merge in &merges {
                change.merge(merge)?;
            }
            change.commit()?;
        }
        let (files, pictures) = catalog.counts()?;
        tracing::info!(files, pictures, profile, merged, version = catalog.version()?, "catalog open");
        let server = Server::new(profile.clone(), config.size, config.reading());
        let mut dataset = Self {
            catalog,
            shards,
            groups,
            server,
            profile,
            rules: Rules::new(config),
            labels: config.labels,
            images: Sequence::default(),
            removed: Sequence::default(),
            counted: (Instant::now(), Duration::ZERO, false),
            announced: None,
        };
        dataset.count(node)?;
        Ok(dataset)
    }

    /// Counts files and pictures for the status, when they have changed: a look at the whole catalog, so not too often.
    fn count(&mut self, node: &mut Node) -> Result<(), DatasetError> {
        let (at, took, done) = self.counted;
        if done || at.elapsed() < took * SNAPSHOT_SHARE {
            return Ok(());
        }
        let begun = Instant::now();
        let (files, pictures) = self.catalog.counts()?;
        node.status().set("files", files);
        node.status().set("pictures", pictures);
        node.status().state(format!("{files} files, {pictures} pictures"));
        self.counted = (Instant::now(), begun.elapsed(), true);
        Ok(())
    }

    /// Takes in a message and those that wait behind it. Returns the first that is something else.
    fn pixels(&mut self, first: Message, node: &mut Node) -> Result<Option<Message>, DatasetError> {
        let (mut tags, mut messages, mut other) = (Vec::new(), Vec::new(), None);
        let mut next = Some(first);
        while let Some(message) = next.take() {
            match self.images.place(&message.tag) {
                Place::Due | Place::Repeated => {
                    messages.push(message.read::<Pixels>()?);
                    tags.push(message.tag);
                }
                Place::Gap { expected } => resend(&message.tag, expected, node)?,
                Place::Stale => tracing::debug!(session = message.tag.session, "a session that was given up"),
            }
            if messages.len() < GROUP_COMMIT {
                match node.try_recv()? {
                    Some(Event::Message(message)) if message.input == "pixels" => next = Some(message),
                    Some(Event::Message(message)) => other = Some(message),
                    // The inbox repeats Stop, so the loop in `run` sees it again.
                    Some(Event::Stop | Event::Restarted(_) | Event::Timeout) | None => {}
                }
            }
        }
        if messages.is_empty() {
            return Ok(other);
        }
        take_in(&messages, &mut self.catalog, &self.shards, &mut self.groups, &self.profile, self.rules)?;
        for (tag, message) in tags.into_iter().zip(messages) {
            node.status().add("committed", message.rows() as u64);
            acknowledge(&tag, message.path, node)?;
        }
        self.counted.2 = false;
        Ok(other)
    }

    fn removed(&mut self, message: &Message, node: &mut Node) -> Result<(), DatasetError> {
        match self.removed.place(&message.tag) {
            Place::Stale => return Ok(()),
            Place::Gap { expected } => return resend(&message.tag, expected, node),
            Place::Due | Place::Repeated => {}
        }
        let removed: Removed = message.read()?;
        let mut change = self.catalog.change()?;
        for path in removed.path.iter().flatten() {
            change.remove(path)?;
        }
        change.commit()?;
        node.status().add("removed", removed.rows() as u64);
        acknowledge(&message.tag, removed.path, node)?;
        self.counted.2 = false;
        Ok(())
    }

    fn inventory(&mut self, hello: &Tag, node: &mut Node) -> Result<(), DatasetError> {
        let files = self.catalog.inventory(&self.profile)?;
        let messages = files.len().div_ceil(INVENTORY_ROWS).max(1);
        for index in 0..messages {
            let rows = files.chunks(INVENTORY_ROWS).nth(index).unwrap_or_default();
            let tag = Tag::new(hello.session.clone(), index as u64).fin(index + 1 == messages);
            let message = Inventory {
                path: StringArray::from_iter_values(rows.iter().map(|(path, ..)| path)),
                modified_ns: rows.iter().map(|(_, modified_ns, _)| *modified_ns).collect::<Int64Array>(),
                size_bytes: rows.iter().map(|(_, _, size_bytes)| *size_bytes).collect::<UInt64Array>(),
            };
            node.send("inventory", &tag, message)?;
        }
        tracing::info!(files = files.len(), "inventory sent");
        Ok(())
    }

    fn demand(&mut self, message: &Message, output: &str, node: &mut Node) -> Result<(), DatasetError> {
        let demand: Demand = message.read()?;
        for row in serve::demands(&demand) {
            self.server.answer(&demand, row, &self.catalog, &mut self.shards, |tag, batch| {
                node.status().add("served", batch.rows() as u64);
                Ok(node.send(output, tag, batch)?)
            })?;
        }
        Ok(())
    }

    fn records(&mut self, message: &Message, node: &mut Node) -> Result<(), DatasetError> {
        let demand: Demand = message.read()?;
        for row in serve::demands(&demand) {
            records::answer(
                &demand,
                row,
                &self.catalog,
                self.labels,
                |tag, rows| Ok(node.send("records", tag, rows)?),
            )?;
        }
        Ok(())
    }

    /// Sends the snapshot when there is a new version, and now and then again.
    fn announce(&mut self, node: &mut Node) -> Result<(), DatasetError> {
        let version = self.catalog.version()?;
        if let Some((sent, at, pause)) = self.announced
            && at.elapsed() < if sent == version { SNAPSHOT_AGAIN } else { pause }
        {
            return Ok(());
        }
        let begun = Instant::now();
        let state = self.server.version(&self.catalog, version)?;
        let classes = state.classes.len();
        let counts: Vec<Vec<u64>> = (0..3).map(|split| state.counts(split)).collect();
        let message = Snapshot {
            version: UInt64Array::from(vec![version; classes]),
            fingerprint: StringArray::from_iter_values(vec![&state.fingerprint; classes]),
            label: StringArray::from_iter_values(&state.classes),
            train: UInt64Array::from(counts[0].clone()),
            validation: UInt64Array::from(counts[1].clone()),
            test: UInt64Array::from(counts[2].clone()),
            conflicts: UInt64Array::from(state.conflicts.clone()),
        };
        node.status().set("version", version);
        node.status().set("conflicts", state.conflicts.iter().sum());
        node.send("snapshot", &Tag::new("dataset", version).with("labels", self.labels), message)?;
        let pause = SNAPSHOT_PAUSE.max(begun.elapsed() * SNAPSHOT_SHARE);
        self.announced = Some((version, Instant::now(), pause));
        Ok(())
    }
}

/// Tells `watch` that a message lasts.
fn acknowledge(tag: &Tag, path: StringArray, node: &mut Node) -> Result<(), DatasetError> {
    let tag = tag.clone().with("status", "committed");
    Ok(node.send("committed", &tag, Committed { path })?)
}

/// Tells `watch` that messages before this one are missing.
fn resend(tag: &Tag, expected: u64, node: &mut Node) -> Result<(), DatasetError> {
    tracing::warn!(session = tag.session, seq = tag.seq, expected, "messages are missing; asking for them again");
    let tag = tag.clone().with("status", "resend").with("expected", expected);
    Ok(node.send("committed", &tag, Committed { path: StringArray::from(Vec::<String>::new()) })?)
}
