//! `predict`: the pictures of `inbox/` by the champion.
//!
//! Inputs `images`, `removed`, `hello`, `snapshot`, `tick`; outputs `committed`, `inventory`, `rejects`: it keeps what `watch` sees of
//! `inbox/`, by the same protocol as `dataset`. A picture that comes is classified from the message; when there is a new
//! champion, or the first, all are classified again from their files, between what comes. While the champion does not know
//! all classes that have accepted pictures, or is the worse one, a [`head`] on embeddings answers in its place. What is said is written down
//! before it is acknowledged; tables, links and sidecars follow from what is written down.

mod arrange;
mod config;
mod desk;
mod error;
pub mod head;
pub mod links;
pub mod model;
pub mod oracle;
pub mod review;
pub mod said;
pub mod sidecar;
pub mod store;
pub mod tables;
pub mod tray;

pub use config::{Config, Switch};
pub use error::PredictError;

use desk::Desk;
use head::learner::Learner;
use oracle::Oracle;
use plugin_harness::{Event, Message, Node};
use std::time::{Duration, Instant};
use tray::{Rules, Tray};

/// How long the loop waits when there is nothing to do: so often the champion's link is looked at.
const PAUSE: Duration = Duration::from_millis(100);
/// Runs the node until the dataflow stops.
///
/// # Errors
/// [`PredictError`]; what was not acknowledged is sent again after the restart.
pub fn run(config: Config, node: &mut Node) -> Result<(), PredictError> {
    let device = config.embed.device.open()?;
    let precision = config.precision();
    precision.check(&device)?;
    let rules = Rules {
        abstain_below: config.abstain_below,
        review: config.review as usize,
        review_margin: config.review_margin,
        sort: config.sort.is_on(),
        sidecars: config.sidecars.is_on(),
    };
    let tray = Tray::open(node.home(), rules)?;
    tracing::info!(device = device.name, pictures = tray.counts().pictures, "ready");
    let learner = Learner::start(config.embed, config.limits.clone(), node.home().clone())?;
    let mut desk = Desk::new(tray, Oracle::new(node.home(), device, precision, learner), config.limits);
    let mut waiting: Option<Message> = None;
    loop {
        desk.follow(Instant::now());
        let event = match waiting.take() {
            Some(message) => Event::Message(message),
            None => node.recv(if desk.is_idle() { PAUSE } else { Duration::ZERO })?,
        };
        match event {
            Event::Stop => return Ok(()),
            Event::Message(message) => match message.input.as_str() {
                "images" => waiting = desk.images(message, node)?,
                "removed" => desk.removed(&message, node)?,
                "snapshot" => desk.snapshot(&message)?,
                "hello" => desk.inventory(&message.tag, node)?,
                _ => {}
            },
            Event::Restarted(_) | Event::Timeout => {}
        }
        if waiting.is_none() {
            desk.again()?;
        }
        desk.work(Instant::now(), waiting.is_some())?;
        desk.report(node);
    }
}
