//! `predict`: the images of `inbox/` by the champion.
//!
//! Inputs `images`, `removed`, `inventory_request`, `snapshot`, `tick`; outputs `committed`, `inventory`, `rejects`: it keeps what
//! `watch` sees of `inbox/`, by the same protocol as `dataset`. An image that comes is predicted from the message; when there is a new champion,
//! or the first, all are predicted again between what comes: from their files, or, when the champion is a head, from embeddings
//! that are kept. Predictions are stored before an image is acknowledged; tables, links and sidecars follow from what is stored.
//! `snapshot` says which classes have accepted images, so that the status can name those that the champion does not know, and that
//! sidecars of `photos/` may have to change.

mod arrange;
mod config;
mod error;
mod events;
pub mod inbox;
mod labels;
pub mod prediction;
pub mod review;
pub mod selector;
mod state;
pub mod store;
pub mod tables;

pub use config::{Config, Sidecars, Switch};
pub use error::PredictError;

use events::Events;
use inbox::{InboxState, Rules};
use plugin_harness::{CrashLedger, Event, Message, Node};
use plugin_webhook::Webhook;
use selector::ModelSelector;
use state::PredictState;
use std::time::{Duration, Instant};

/// How long the loop waits when there is nothing to do: so often the champion's link is read.
const PAUSE: Duration = Duration::from_millis(100);

/// A file that takes longer to decode ends the node, and is given up at the second time.
const MAX_DECODING: Duration = Duration::from_mins(1);

/// Runs the node until the dataflow stops.
///
/// # Errors
/// [`PredictError`]; what was not acknowledged is sent again after the restart.
pub fn run(config: Config, node: &mut Node) -> Result<(), PredictError> {
    config.retired.warn();
    let device = config.device.open()?;
    let precision = config.precision();
    precision.check(&device)?;
    let rules = Rules {
        abstain_below: config.abstain_below,
        review: config.review as usize,
        review_margin: config.review_margin,
        sort: config.sort.is_on(),
        sidecars: config.sidecars,
    };
    let inbox = InboxState::open(node.workspace(), rules)?;
    tracing::info!(device = device.name, images = inbox.counts().images, "ready");
    let selector = ModelSelector::new(node.workspace(), device, precision);
    let ledger = CrashLedger::open(&node.workspace().status(), node.id(), MAX_DECODING)?;
    let events = Events::new(Webhook::start(&config.webhook)?, config.abstain_below);
    let mut state = PredictState::new(inbox, selector, config.limits, ledger, events);
    let mut waiting: Option<Message> = None;
    loop {
        state.follow(Instant::now());
        let event = match waiting.take() {
            Some(message) => Event::Message(message),
            None => node.recv(if state.is_idle() { PAUSE } else { Duration::ZERO })?,
        };
        match event {
            Event::Stop => return Ok(()),
            Event::Message(message) => match message.input.as_str() {
                "images" => waiting = state.images(message, node)?,
                "removed" => state.removed(&message, node)?,
                "snapshot" => state.snapshot(&message)?,
                "inventory_request" => state.inventory(&message.header, node)?,
                _ => {}
            },
            Event::Restarted(_) | Event::Timeout => {}
        }
        if waiting.is_none() {
            state.predict_pending()?;
        }
        state.work(Instant::now(), waiting.is_some())?;
        state.report(node);
    }
}
