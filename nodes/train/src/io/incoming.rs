//! What comes in while the node waits or learns: snapshots, verdicts, batches, the end.

use crate::io::announce::Announcer;
use crate::io::proposal::Proposal;
use plugin_api::edges::{BatchHeader, Proposals, Snapshot, Stops, Verdicts};
use plugin_api::{DatasetState, Header};
use plugin_harness::{Event, HarnessError, Message, Node, Pull};
use plugin_training::trigger::{Now, Trigger};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

/// Everything that came and has not been dealt with.
pub struct Incoming {
    /// When the next run starts.
    pub trigger: Trigger,
    /// Finished runs without a verdict.
    pub announcer: Announcer,
    /// Batches, in the order they came.
    pub batches: VecDeque<Message>,
    /// Networks that are to be trained.
    pub proposals: VecDeque<Proposal>,
    /// Runs that are to end with the weights they have, and why.
    pub stops: BTreeMap<String, String>,
    /// Which of several `train` this is.
    pub worker: u32,
    /// The dataflow ends.
    pub stop: bool,
    /// What was asked for may be lost.
    lost: bool,
}

impl Incoming {
    /// An empty incoming.
    pub fn new(trigger: Trigger, announcer: Announcer) -> Self {
        Self {
            trigger,
            announcer,
            batches: VecDeque::new(),
            proposals: VecDeque::new(),
            stops: BTreeMap::new(),
            worker: 0,
            stop: false,
            lost: false,
        }
    }

    /// Waits for an event, then takes all there are, so that the end is seen before the batches that wait. Tells
    /// `evaluate` what it must know.
    ///
    /// # Errors
    /// The harness's.
    pub fn pump(&mut self, node: &mut Node, wait: Duration) -> Result<(), HarnessError> {
        let mut event = node.recv(wait)?;
        loop {
            match event {
                Event::Stop => self.stop = true,
                Event::Timeout => break,
                Event::Restarted(id) => self.restarted(&id),
                Event::Message(message) => self.message(message)?,
            }
            if self.stop {
                return Ok(());
            }
            event = node.recv(Duration::ZERO)?;
        }
        let workspace = node.workspace().root().to_owned();
        for (run, message) in self.announcer.due(&workspace, Instant::now()) {
            node.send("checkpoints", &Header::new(run, 0).fin(true), message)?;
        }
        Ok(())
    }

    /// The next message of a stream, which is asked for; `None` when none came for half a second, or another.
    ///
    /// # Errors
    /// The harness's.
    pub fn next_of(
        &mut self,
        pull: &mut Pull,
        node: &mut Node,
    ) -> Result<Option<(BatchHeader, Message)>, HarnessError> {
        if std::mem::take(&mut self.lost) {
            pull.ask_again(Instant::now());
        }
        ask(pull, self.batches.is_empty(), node)?;
        let Some(message) = self.batches.pop_front() else {
            self.pump(node, Duration::from_millis(500))?;
            return Ok(None);
        };
        let Some(of) = pull.accept(&message.header, Instant::now()) else { return Ok(None) };
        // The one after it travels while this one is worked on.
        ask(pull, false, node)?;
        Ok(Some((of, message)))
    }

    fn restarted(&mut self, id: &str) {
        tracing::info!(node = id, "was started again");
        match id {
            "evaluate" => self.announcer.forget(),
            _ => self.lost = true,
        }
    }

    fn message(&mut self, message: Message) -> Result<(), HarnessError> {
        match &message.input[..] {
            "snapshot" => {
                if let Some(state) = DatasetState::from_edge(&message.header, &message.read::<Snapshot>()?) {
                    self.trigger.snapshot(state, Now::new());
                }
            }
            "verdicts" => {
                for run in message.read::<Verdicts>()?.run.iter().flatten() {
                    self.announcer.evaluated(run);
                }
            }
            "batches" => self.batches.push_back(message),
            "proposals" => {
                for proposal in Proposal::of(&message.read::<Proposals>()?, self.worker) {
                    if self.proposals.iter().all(|other| other.run != proposal.run) {
                        self.proposals.push_back(proposal);
                    }
                }
            }
            "stops" => {
                let stops: Stops = message.read()?;
                let runs = stops.run.iter().zip(&stops.reason);
                self.stops.extend(
                    runs.map(|(run, why)| (run.unwrap_or_default().to_owned(), why.unwrap_or_default().to_owned())),
                );
            }
            _ => {}
        }
        Ok(())
    }
}

/// Asks for what a stream wants now, if anything.
fn ask(pull: &mut Pull, is_idle: bool, node: &mut Node) -> Result<(), HarnessError> {
    let Some(demand) = pull.demand(is_idle, Instant::now()) else { return Ok(()) };
    let header = Header::new(demand.run.value(0), pull.arrived());
    node.send("demand", &header, demand)
}
