//! `inspect`: looks through the data set and writes what should be mended to `dataset/report.html`, with tables in
//! `dataset/report/`.
//!
//! Inputs `snapshot`, `records`, `tick`; output `demand`. When a new version of the data set has been there for a while, its
//! records are asked for; the work on them is done on a thread of its own and given up when the next version comes.
//! Nothing depends on this node: it can be killed, or left out of the graph.

mod config;
mod error;
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

use plugin_api::edges::Records;
use plugin_api::{Header, Labels, Selection, decisions, header};
use plugin_harness::{Event, Message, Node, Pull, Wanted};
use record::Record;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};
use trigger::Trigger;
use worker::{Job, Worker, WorkerEvent};

/// Records a message.
const RECORDS: u32 = 4_096;

/// All records of a version; `session` names this process.
fn pull_records(session: &str, version: u64, now: Instant) -> Pull {
    let session = format!("{session}-{version}");
    let (split, withheld, held_below) = (Selection::Records, String::new(), String::new());
    let wanted = Wanted {
        session,
        version,
        epoch: 0,
        seed: 0,
        split,
        batch_size: RECORDS,
        withheld,
        decisions: false,
        held_below,
    };
    Pull::new(wanted, now)
}

/// Runs the node until the dataflow stops.
///
/// # Errors
/// [`InspectError`]; dora starts it again.
pub fn run(config: Config, node: &mut Node) -> Result<(), InspectError> {
    let worker = Worker::start(config.clone(), node.workspace().clone()).map_err(InspectError::Thread)?;
    let mut state = InspectState {
        trigger: Trigger::new(Duration::from_secs(config.debounce_seconds)),
        session: header::new_session("inspect"),
        records_pull: None,
        records: Vec::new(),
        worker,
        decisions: decisions::path(node.workspace()),
        decided: None,
    };
    state.decided = state.stamp();
    node.status().state(plugin_api::Message::waiting_images());
    loop {
        match node.recv(Duration::from_millis(200))? {
            Event::Stop => {
                state.worker.end();
                return Ok(());
            }
            Event::Message(message) => state.message(&message)?,
            Event::Restarted(_) => state.again(),
            Event::Timeout => {}
        }
        state.go_on(node)?;
    }
}

/// What is under way.
struct InspectState {
    trigger: Trigger,
    /// Sets this process's questions apart from those of the one before it.
    session: String,
    records_pull: Option<Pull>,
    records: Vec<Record>,
    worker: Worker,
    /// The file of what a person has decided.
    decisions: PathBuf,
    /// When it was written and its size in bytes, as last seen.
    decided: Option<(SystemTime, u64)>,
}

impl InspectState {
    fn message(&mut self, message: &Message) -> Result<(), InspectError> {
        match &message.input[..] {
            "snapshot" => {
                // The number of the message is the version, also when there is no class and so no row.
                let version = message.header.seq;
                self.trigger.snapshot(version, Instant::now());
                self.worker.overtaken(version);
                if self.records_pull.as_ref().is_some_and(|pull| pull.version() != version) {
                    self.records_pull = None;
                }
            }
            "records" => self.records(message)?,
            _ => {}
        }
        Ok(())
    }

    fn records(&mut self, message: &Message) -> Result<(), InspectError> {
        let Some(pull) = &mut self.records_pull else { return Ok(()) };
        if pull.accept(&message.header, Instant::now()).is_none() {
            return Ok(());
        }
        let rows: Records = message.read()?;
        self.records.extend(record::read(&rows));
        if pull.is_complete() {
            let (version, labels) = (pull.version(), Labels::of(&message.header));
            self.worker.give(Job { version, labels, records: std::mem::take(&mut self.records) });
            self.records_pull = None;
        }
        Ok(())
    }

    /// A node was started again: what was asked for may be lost.
    fn again(&mut self) {
        if let Some(pull) = &mut self.records_pull {
            pull.ask_again(Instant::now());
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
            self.records_pull = Some(pull_records(&self.session, version, now));
            node.status().state(plugin_api::Message::version_records(version));
        }
        if let Some(demand) = self.records_pull.as_mut().and_then(|pull| pull.demand(true, now)) {
            let header = Header::new(self.session.clone(), demand.first.value(0));
            node.send("demand", &header, demand)?;
        }
        while let Ok(news) = self.worker.news.try_recv() {
            match news {
                WorkerEvent::Busy(what) => node.status().state(what),
                WorkerEvent::Written(version, findings, last) => {
                    node.status().set("version", version);
                    node.status().set("findings", findings);
                    node.status().set("done", u64::from(last));
                    node.status().state(plugin_api::Message::version_findings(version, findings));
                }
            }
        }
        if self.worker.is_gone() {
            return Err(InspectError::Thread(std::io::Error::other("it has ended")));
        }
        Ok(())
    }
}
