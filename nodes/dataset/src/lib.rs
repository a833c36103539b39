//! The node that owns the data set: takes images in, keeps them, serves them.
//!
//! Inputs `pixels`, `removed`, `inventory_request`, `demand`, `heldout_demand`, `records_demand`, `tick`, and where training is
//! on another machine `wanted`; outputs `committed`, `inventory`, `snapshot`, `samples`, `heldout`, `records`, `images`.

mod compact;
mod config;
mod decisions;
pub mod different;
pub mod draw;
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
use decisions::Decisions;
use different::Different;
use intake::{Rules, take_in};
use order::SamePixels;
use plugin_api::edges::{Demand, DemandHeader, Pixels, ProfileHeader, Snapshot, WantedPixels};
use plugin_api::status::Notice;
use plugin_api::{Edge, Header, Labels, Split};
use plugin_catalog::Writer;
use plugin_harness::ingest::{Kept, acknowledge, send_inventory};
use plugin_harness::{Event, IngestSequencer, Message, Node};
use plugin_hash::Views;
use serve::Server;
use shards::Shards;
use split::{GroupKey, Groups};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// A snapshot is sent again so often, for a `train` that has just been started again.
const SNAPSHOT_AGAIN: Duration = Duration::from_secs(3);
/// Snapshots of a burst are not sent more often than this.
const SNAPSHOT_PAUSE: Duration = Duration::from_millis(500);
/// Nor may they, or counting, take more than one part in so many of the time: with 100,000 files both take a while.
const SNAPSHOT_SHARE: u32 = 10;

/// Everything the node holds.
struct Dataset {
    catalog: Writer,
    shards: Shards,
    groups: Groups,
    server: Server,
    decisions: Decisions,
    profile: String,
    rules: Rules,
    near: Near,
    labels: Labels,
    sequencer: IngestSequencer,
    /// Samples of which the log has said that their pixels stand in several classes.
    told: HashSet<String>,
    /// When files and images were counted last, how long that took, and whether they are the same since.
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
                "inventory_request" => dataset.inventory(&message.header, node)?,
                "demand" => dataset.demand(&message, "samples", node)?,
                "heldout_demand" => dataset.demand(&message, "heldout", node)?,
                "wanted" => dataset.images(&message, node)?,
                "records_demand" => dataset.records(&message, node)?,
                _ => {}
            },
            Event::Restarted(_) | Event::Timeout => {}
        }
        dataset.decide(node)?;
        dataset.count(node)?;
        dataset.announce(node)?;
    }
}

/// The groups as the catalog has them. What is one group by this rule and is stored as two is made one.
fn load_groups(near: Near, different: &[Vec<String>], catalog: &mut Writer) -> Result<Groups, DatasetError> {
    let rule = near.to_string();
    let settled = catalog.read().is_grouped_by(&rule)?;
    let mut groups = Groups::new(near.radii()).settled(settled).different(Different::new(different));
    let mut merges = Vec::new();
    catalog.read().stored_images(|image| {
        let views = image.signatures.and_then(Views::from_bytes);
        let face = GroupKey { sample: image.sample, phash: image.phash, dhash: image.dhash, views: views.as_ref() };
        merges.extend(groups.load(face, image.group));
    })?;
    groups.loaded();
    if !settled {
        tracing::info!(merges = merges.len(), near_copies = rule, "groups that are one are made one");
        let mut change = catalog.change()?;
        for merge in &merges {
            change.merge_groups(&merge.kept, &merge.gone)?;
        }
        change.grouped_by(&rule)?;
        change.commit()?;
    }
    Ok(groups)
}

impl Dataset {
    fn open(config: &Config, node: &mut Node) -> Result<Self, DatasetError> {
        let folder = node.workspace().dataset();
        let profile = config.profile();
        let mut catalog = Writer::open(node.workspace())?;
        let mut shards = Shards::open(&folder, &profile)?;
        let merged = compact::compact(&mut catalog, &mut shards, &profile)?;
        let known = catalog.read().shards(&profile)?;
        shards.remove_strays(|name| known.iter().any(|shard| shard.file == name));
        let mut decisions = Decisions::default();
        decisions.read(node.workspace());
        decisions.obey(config.near_copies, &mut catalog)?;
        let groups = load_groups(config.near_copies, &decisions.different, &mut catalog)?;
        let (files, images) = catalog.read().counts()?;
        tracing::info!(files, images, profile, merged, version = catalog.read().version()?, "catalog open");
        let server = Server::new(profile.clone(), config.size, config.reading(), config.shares());
        let mut dataset = Self {
            catalog,
            shards,
            groups,
            server,
            decisions,
            profile,
            rules: Rules::new(config),
            near: config.near_copies,
            labels: config.labels,
            sequencer: IngestSequencer::default(),
            told: HashSet::new(),
            counted: (Instant::now(), Duration::ZERO, false),
            announced: None,
        };
        dataset.count(node)?;
        Ok(dataset)
    }

    /// Obeys what a person has decided since.
    fn decide(&mut self, node: &mut Node) -> Result<(), DatasetError> {
        if !self.decisions.read(node.workspace()) {
            return Ok(());
        }
        if self.decisions.obey(self.near, &mut self.catalog)? {
            self.groups = load_groups(self.near, &self.decisions.different, &mut self.catalog)?;
        }
        // The notices are those of a snapshot.
        self.announced = None;
        Ok(())
    }

    /// Counts files and images for the status, when they have changed: a look at the whole catalog, so not too often.
    fn count(&mut self, node: &mut Node) -> Result<(), DatasetError> {
        let (at, took, done) = self.counted;
        if done || at.elapsed() < took * SNAPSHOT_SHARE {
            return Ok(());
        }
        let begun = Instant::now();
        let (files, images) = self.catalog.read().counts()?;
        node.status().set("files", files);
        node.status().set("pictures", images);
        node.status().state(plugin_api::Message::dataset_holds(files, images));
        self.counted = (Instant::now(), begun.elapsed(), true);
        Ok(())
    }

    /// Takes in a message and those that wait behind it. Returns the first that is something else.
    fn pixels(&mut self, first: Message, node: &mut Node) -> Result<Option<Message>, DatasetError> {
        let (taken, other) = self.sequencer.images::<Pixels>(first, node)?;
        let (headers, messages): (Vec<Header>, Vec<Pixels>) = taken.into_iter().unzip();
        if messages.is_empty() {
            return Ok(other);
        }
        take_in(&messages, &mut self.catalog, &self.shards, &mut self.groups, &self.profile, self.rules)?;
        for (header, message) in headers.into_iter().zip(messages) {
            node.status().add("committed", message.rows() as u64);
            acknowledge(&header, message.path, node)?;
        }
        self.counted.2 = false;
        Ok(other)
    }

    fn removed(&mut self, message: &Message, node: &mut Node) -> Result<(), DatasetError> {
        let Some(removed) = self.sequencer.removed(message, node)? else { return Ok(()) };
        let mut change = self.catalog.change()?;
        for path in removed.path.iter().flatten() {
            change.remove(path)?;
        }
        change.commit()?;
        node.status().add("removed", removed.rows() as u64);
        acknowledge(&message.header, removed.path, node)?;
        self.counted.2 = false;
        Ok(())
    }

    fn inventory(&mut self, request: &Header, node: &mut Node) -> Result<(), DatasetError> {
        let files = self.catalog.read().inventory(&self.profile)?;
        let kept = |file: &plugin_catalog::KnownFile| Kept {
            path: file.path.clone(),
            modified_ns: file.modified_ns,
            changed_ns: file.changed_ns,
            inode: file.inode,
            size_bytes: file.size_bytes,
        };
        Ok(send_inventory(request, &files.iter().map(kept).collect::<Vec<_>>(), node)?)
    }

    fn demand(&mut self, message: &Message, output: &str, node: &mut Node) -> Result<(), DatasetError> {
        let demand: Demand = message.read()?;
        // `cache` keeps them by digest.
        let with_pixels = !message.header.get::<DemandHeader>().is_ok_and(|of| of.omit_pixels);
        for row in serve::demands(&demand) {
            self.server.settle(demand.version.value(row), &mut self.catalog)?;
            self.server.answer(&demand, row, with_pixels, self.catalog.read(), &mut self.shards, |header, batch| {
                node.status().add("served", batch.rows() as u64);
                Ok(node.send(output, header, batch)?)
            })?;
        }
        Ok(())
    }

    /// Pixels by digest, for a machine that keeps them.
    fn images(&mut self, message: &Message, node: &mut Node) -> Result<(), DatasetError> {
        let wanted: WantedPixels = message.read()?;
        let images = self.server.images(&wanted, self.catalog.read(), &mut self.shards)?;
        node.status().add("images_sent", images.rows() as u64);
        let profile = ProfileHeader { profile: self.server.profile().to_owned() };
        let header = message.header.clone().with(&profile);
        Ok(node.send("images", &header, images)?)
    }

    fn records(&mut self, message: &Message, node: &mut Node) -> Result<(), DatasetError> {
        let demand: Demand = message.read()?;
        let reviewed = &self.decisions.reviewed;
        for row in serve::demands(&demand) {
            records::answer(&demand, row, self.catalog.read(), self.labels, reviewed, |header, rows| {
                Ok(node.send("records", header, rows)?)
            })?;
        }
        Ok(())
    }

    /// Sends the snapshot when there is a new version, and now and then again.
    fn announce(&mut self, node: &mut Node) -> Result<(), DatasetError> {
        let version = self.catalog.read().version()?;
        if let Some((sent, at, pause)) = self.announced
            && at.elapsed() < if sent == version { SNAPSHOT_AGAIN } else { pause }
        {
            return Ok(());
        }
        let begun = Instant::now();
        let (version, state) = self.server.latest(&mut self.catalog)?;
        let classes = state.classes.len();
        let [train, validation, test] = Split::ALL.map(|split| UInt64Array::from(state.counts(split.index())));
        let message = Snapshot {
            version: UInt64Array::from(vec![version; classes]),
            fingerprint: StringArray::from_iter_values(vec![&state.fingerprint; classes]),
            label: StringArray::from_iter_values(&state.classes),
            train,
            validation,
            test,
            conflicts: UInt64Array::from(state.conflicts.clone()),
            near_copies_held_out: UInt64Array::from(state.near_copies_held_out.clone()),
        };
        for conflict in state.same_pixels.iter().filter(|conflict| self.told.insert(conflict.sample.clone())) {
            let files = conflict.paths.join(", ");
            tracing::warn!(files, "the very same pixels stand in several classes: they are not trained on");
        }
        let notices: Vec<_> = same_pixels(&state.same_pixels).into_iter().chain(self.decisions.notice()).collect();
        node.status().notices(&notices);
        node.status().set("version", version);
        node.status().set("conflicts", state.conflicts.iter().sum());
        node.send("snapshot", &Header::new("dataset", version).with(&self.labels), message)?;
        let pause = SNAPSHOT_PAUSE.max(begun.elapsed() * SNAPSHOT_SHARE);
        self.announced = Some((version, Instant::now(), pause));
        Ok(())
    }
}

/// Samples that a notice names.
const SAME_PIXELS_NAMED: usize = 3;

/// What a person should know of samples that are kept out.
fn same_pixels(conflicts: &[SamePixels]) -> Option<Notice> {
    let named = conflicts.iter().take(SAME_PIXELS_NAMED);
    let examples: Vec<String> = named.clone().flat_map(|conflict| conflict.paths.iter().cloned()).collect();
    let named: Vec<String> = named.map(|conflict| conflict.paths.join(" = ")).collect();
    let are_all_named = conflicts.len() == named.len();
    let reason = if are_all_named {
        plugin_api::Message::notice_same_pixels(named)
    } else {
        plugin_api::Message::notice_same_pixels_more(named)
    };
    (!conflicts.is_empty()).then(|| Notice {
        kind: "same_pixels".to_owned(),
        count: conflicts.iter().map(|conflict| conflict.paths.len() as u64).sum(),
        reason: reason.into(),
        advice: plugin_api::Message::advice_same_pixels().into(),
        examples,
    })
}

#[cfg(test)]
mod tests;
