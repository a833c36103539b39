//! `inspect`: looks through the data set and writes what should be mended to `dataset/report.html`, with tables in
//! `dataset/report/`.
//!
//! Inputs `snapshot`, `records`, `tick`; output `demand`. When a new version of the data set has been there for a while, its
//! records are asked for; the work on them is done on a thread of its own and given up when the next version comes.
//! Nothing depends on this node: it can be killed, or left out of the graph.

mod config;
mod error;
pub mod fetch;
pub mod find;
pub mod forecast;
pub mod page;
pub mod record;
pub mod search;
pub mod thumbnails;
pub mod trigger;
pub mod worker;

pub use config::{Config, LabelErrors};
pub use error::{InspectError, ReportError};

use fetch::Fetch;
use plugin_api::edges::Records;
use plugin_api::{Labels, Tag, decisions, tag};
use plugin_harness::{Event, Message, Node};
use record::Record;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};
use trigger::Trigger;
use worker::{Job, News, Worker};

/// Runs the node until the dataflow stops.
///
/// # Errors
/// [`InspectError`]; dora starts it again.
pub fn run(config: Config, node: &mut Node) -> Result<(), InspectError> {
    let worker = Worker::start(config.clone(), node.home().clone()).map_err(InspectError::Thread)?;
    let mut desk = Desk {
        trigger: Trigger::new(Duration::from_secs(config.quiet_seconds)),
        session: tag::new_session("inspect"),
        fetch: None,
        records: Vec::new(),
        worker,
        decisions: decisions::path(node.home()),
        decided: None,
    };
    desk.decided = desk.stamp();
    node.status().state("waiting for pictures");
    loop {
        match node.recv(Duration::from_millis(200))? {
            Event::Stop => {
                desk.worker.end();
                return Ok(());
            }
            Event::Message(message) => desk.message(&message)?,
            Event::Restarted(_) => desk.again(),
            Event::Timeout => {}
        }
        desk.go_on(node)?;
    }
}

/// What is under way.
struct Desk {
    trigger: Trigger,
    /// Sets this process's questions apart from those of the one before it.
    session: String,
    fetch: Option<Fetch>,
    records: Vec<Record>,
    worker: Worker,
    /// The file of what a person has decided.
    decisions: PathBuf,
    /// When it was written and its size in bytes, as last seen.
    decided: Option<(SystemTime, u64)>,
}

impl Desk {
    fn message(&mut self, message: &Message) -> Result<(), InspectError> {
        match &message.input[..] {
            "snapshot" => {
                // The number of the message is the version, also when there is no class and so no row.
                let version = message.tag.seq;
                self.trigger.snapshot(version, Instant::now());
                self.worker.overtaken(version);
                if self.fetch.as_ref().is_some_and(|fetch| fetch.version() != version) {
                    self.fetch = None;
                }
            }
            "records" => self.records(message)?,
            _ => {}
        }
        Ok(())
    }

    fn records(&mut self, message: &Message) -> Result<(), InspectError> {
        let Some(fetch) = &mut self.fetch else { return Ok(()) };
        if !fetch.accept(&message.tag, Instant::now()) {
            return Ok(());
        }
        let rows: Records = message.read()?;
        self.records.extend(record::read(&rows));
        if fetch.complete() {
            let (version, labels) = (fetch.version(), Labels::of(&message.tag));
            self.worker.give(Job { version, labels, records: std::mem::take(&mut self.records) });
            self.fetch = None;
        }
        Ok(())
    }

    /// A node was started again: what was asked for may be lost.
    fn again(&mut self) {
        if let Some(fetch) = &mut self.fetch {
            fetch.again(Instant::now());
        }
    }

    fn stamp(&self) -> Option<(SystemTime, u64)> {
        let meta = std::fs::metadata(&self.decisions).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    }

    fn go_on(&mut self, node: &mut Node) -> Result<(), InspectError> {
        let now = Instant::now();
        let decided = self.stamp();
        if decided != self.decided {
            self.decided = decided;
            self.trigger.again(now);
        }
        if let Some(version) = self.trigger.due(now) {
            self.records.clear();
            self.fetch = Some(Fetch::new(format!("{}-{version}", self.session), version, now));
            node.status().state(format!("version {version}: asking for its records"));
        }
        if let Some(demand) = self.fetch.as_mut().and_then(|fetch| fetch.demand(now)) {
            let tag = Tag::new(self.session.clone(), demand.first.value(0));
            node.send("demand", &tag, demand)?;
        }
        while let Ok(news) = self.worker.news.try_recv() {
            match news {
                News::Busy(what) => node.status().state(what),
                News::Written(version, findings, last) => {
                    node.status().set("version", version);
                    node.status().set("findings", findings);
                    node.status().set("done", u64::from(last));
                    node.status().state(format!("version {version}: {findings} findings, in dataset/report.html"));
                }
            }
        }
        if self.worker.is_gone() {
            return Err(InspectError::Thread(std::io::Error::other("it has ended")));
        }
        Ok(())
    }
}
