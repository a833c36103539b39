//! The node `search`: structure search. Proposes networks, follows their training, stops hopeless ones, and keeps the
//! journal.
//!
//! Inputs `snapshot` (from `dataset`), `metrics` and `metrics_2` … (from each `train`), `verdicts` (from `evaluate`), `tick`; outputs
//! `proposals` and `stops`, both to `train`.
//!
//! The journal (`search/<id>/journal.jsonl`) and the folders of the runs say where the search stands; messages only tell that there
//! is something new. So nothing is lost when this node, `train` or `evaluate` is killed: what is not known to be over is proposed
//! again, under the same run's name.

mod config;
mod controller;
mod error;

pub use config::Config;
pub use error::SearchError;

use arrow::array::{StringArray, UInt32Array, UInt64Array};
use controller::{Outgoing, SearchController};
use plugin_api::edges::{Proposals, Snapshot, Stops};
use plugin_api::{DatasetState, Header};
use plugin_architecture_search::Proposed;
use plugin_harness::{Event, Message, Node};
use std::time::{Duration, Instant};

/// Runs the node until the dataflow stops.
///
/// # Errors
/// [`SearchError`]: a file cannot be written, or a message breaks its contract.
pub fn run(config: Config, node: &mut Node) -> Result<(), SearchError> {
    let mut controller = SearchController::new(config, node.workspace().clone());
    loop {
        let mut event = Some(node.recv(Duration::from_millis(200))?);
        while let Some(now) = event {
            match now {
                Event::Stop => {
                    controller.write_report()?;
                    return Ok(());
                }
                Event::Timeout => break,
                Event::Restarted(id) => controller.restarted(&id)?,
                Event::Message(message) => take(&mut controller, &message)?,
            }
            event = node.try_recv()?;
        }
        for out in controller.proceed(Instant::now())? {
            send(node, &controller, out)?;
        }
        show(&controller, node);
    }
}

fn take(controller: &mut SearchController, message: &Message) -> Result<(), SearchError> {
    match message.input.as_str() {
        "snapshot" => {
            if let Some(state) = DatasetState::from_edge(&message.header, &message.read::<Snapshot>()?) {
                controller.snapshot(state, Instant::now());
            }
        }
        "tick" => {}
        // Metrics and verdicts: the folders of the runs say what they say.
        _ => controller.look_again(),
    }
    Ok(())
}

fn send(node: &mut Node, controller: &SearchController, out: Outgoing) -> Result<(), SearchError> {
    match out {
        Outgoing::Proposal(proposed) => {
            if let Some(message) = proposal(controller, &proposed)? {
                node.send("proposals", &Header::new(proposed.run.clone(), 0), message)?;
            }
        }
        Outgoing::Stop { run, reason } => {
            let message =
                Stops { run: StringArray::from(vec![&run[..]]), reason: StringArray::from(vec![&reason[..]]) };
            node.send("stops", &Header::new(run, 0), message)?;
        }
    }
    Ok(())
}

fn proposal(controller: &SearchController, proposed: &Proposed) -> Result<Option<Proposals>, SearchError> {
    let Some(search) = controller.search() else { return Ok(None) };
    let run_of =
        |number: Option<u64>| number.and_then(|n| search.attempts.get(n as usize)).map(|a| &a.proposed.run[..]);
    let data = serde_json::to_string(&search.data).map_err(std::io::Error::from)?;
    Ok(Some(Proposals {
        run: StringArray::from(vec![&proposed.run[..]]),
        search: StringArray::from(vec![&search.id[..]]),
        attempt: UInt64Array::from(vec![proposed.attempt]),
        worker: UInt32Array::from(vec![proposed.worker]),
        parent: StringArray::from(vec![run_of(proposed.parent)]),
        change: StringArray::from(vec![&proposed.change[..]]),
        definition: StringArray::from(vec![&proposed.definition[..]]),
        epochs: UInt64Array::from(vec![search.settings.epochs]),
        seed: UInt64Array::from(vec![search.settings.seed]),
        inherits: StringArray::from(vec![run_of(proposed.inherits)]),
        data: StringArray::from(vec![&data[..]]),
    }))
}

fn show(controller: &SearchController, node: &mut Node) {
    let state = controller.told();
    let status = node.status();
    status.state(state);
    if let Some(search) = controller.search() {
        status.gauge("attempts", search.attempts.len() as f64);
        if let Some(error) = search.best().and_then(plugin_architecture_search::Attempt::error) {
            status.gauge("best_error", error);
        }
    }
}
