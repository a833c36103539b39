//! The node that owns the data set: takes pictures in, keeps them, serves them.
//!
//! Inputs `pixels`, `removed`, `hello`, `demand`, `heldout_demand`, `records_demand`, `tick`; outputs `committed`,
//! `inventory`, `snapshot`, `samples`, `heldout`, `records`.

pub mod catalog;
mod compact;
mod config;
mod error;
mod folds;
pub mod intake;
pub mod order;
pub mod records;
mod serve;
pub mod shards;
pub mod split;

pub use config::{Balance, Config, Near};
pub use error::DatasetError;

use arrow::array::{StringArray, UInt64Array};
use catalog::Catalog;
use intake::{Rules, take_in};
use plugin_api::edges::{Demand, Pixels, Snapshot};
use plugin_api::{Edge, Labels, Tag};
use plugin_harness::keeper::{acknowledge, send_inventory};
use plugin_harness::{Event, Keeper, Message, Node};
use serve::Server;
use shards::Shards;
use split::Groups;
use std::time::{Duration, Instant};

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
    keeper: Keeper,
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
        let rule = config.near_copies.to_string();
        let settled = catalog.is_grouped_by(&rule)?;
        let mut groups = Groups::new(config.near_copies.radii()).settled(settled);
        let mut merges = Vec::new();
        catalog.groups(|face, group, split| merges.extend(groups.load(face, group, split)))?;
        groups.loaded();
        if !settled {
            tracing::info!(merges = merges.len(), near_copies = rule, "groups that are one are made one");
            let mut change = catalog.change()?;
            for merge in &merges {
                change.merge(merge)?;
            }
            change.grouped_by(&rule)?;
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
            keeper: Keeper::default(),
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
        let (taken, other) = self.keeper.images::<Pixels>(first, node)?;
        let (tags, messages): (Vec<Tag>, Vec<Pixels>) = taken.into_iter().unzip();
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
        let Some(removed) = self.keeper.removed(message, node)? else { return Ok(()) };
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
        let files: Vec<_> = files.iter().map(|(path, modified, size)| (path.as_str(), *modified, *size)).collect();
        Ok(send_inventory(hello, &files, node)?)
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
            near_copies_held_out: UInt64Array::from(vec![0; classes]),
        };
        node.status().set("version", version);
        node.status().set("conflicts", state.conflicts.iter().sum());
        node.send("snapshot", &Tag::new("dataset", version).with("labels", self.labels), message)?;
        let pause = SNAPSHOT_PAUSE.max(begun.elapsed() * SNAPSHOT_SHARE);
        self.announced = Some((version, Instant::now(), pause));
        Ok(())
    }
}
