//! The node that learns: a run whenever the data set has changed and has been quiet for a while.
//!
//! Inputs `snapshot`, `batches`, `verdicts`, `tick`, and of a structure search `proposals`, `stops`; outputs `demand`, `metrics`, `checkpoints`.
//!
//! - [`trigger`]: [`plugin_training::trigger`] decides when, or a [`request`]; [`trigger::candidate`] says what of, [`trigger::reason`] why.
//! - [`io`]: what comes in while the node waits or learns, [`io::announce`] who is told of runs.
//! - [`mod@run`]: [`start`] says with which weights, as [`plugin_training::retrain`] does, `learn` does it, with batches by credit
//!   ([`plugin_harness::Pull`]); [`run::head`] trains heads, [`run::follow_up`] says when a network follows one, [`searching`] what `search` proposes instead. [`run::augmentation`] finds out
//!   before a run which augmentations work against the task. [`run::data`] is what a run learns from, [`run::run_dir`] its folder, into
//!   which `checkpoint_writer` writes beside learning, and [`recover`] what that means after a restart.
//!
//! Modules use those before them alone: `config`, [`trigger`], [`io`], [`mod@run`].

mod config;
mod error;
pub mod io;
pub mod run;
pub mod trigger;

pub use config::Config;
pub use error::TrainError;

use config::strategy::Strategy;
use io::announce::Announcer;
use io::incoming::Incoming;
use plugin_api::status::Wait;
use plugin_api::{DatasetState, Message};
use plugin_harness::Node;
use plugin_training::trigger::{Due, Now, Trigger};
use run::follow_up::{Follow, FollowUp};
use run::head::{End as HeadEnd, HeadTrainer};
use run::learn::{End, Learning};
use run::{recover, searching, start};
use std::time::{Duration, Instant};
use trigger::candidate::{Candidate, CandidateSelector};
use trigger::request;

/// Whoever waits for an answer goes first: images that come, the page, other programs.
const NICE: i32 = 10;

/// Runs the node until the dataflow stops.
///
/// # Errors
/// [`TrainError`]; a run that was going on goes on from its last epoch after the restart.
pub fn run(config: Config, node: &mut Node) -> Result<(), TrainError> {
    let config = config.resolved()?;
    start::check_from_run(&config, node.workspace())?;
    // LibTorch's threads are started from here, later; dora's are there already.
    plugin_harness::yield_to_others(NICE);
    let device = config.device.open()?;
    if config.strategy == Strategy::Search {
        return searching::run(&config, &device, node);
    }
    if config.trigger.min_new_percent_behind_head.is_some() {
        tracing::warn!(
            "--min-new-percent-behind-head has no effect any more and will be refused by the next release: take it out"
        );
    }
    let runs = node.workspace().runs();
    let trigger = |candidate| {
        let last = start::last_ended(node.workspace(), candidate).as_ref().map(recover::key);
        Trigger::new(config.trigger_options(candidate), config.digest_of(candidate), last)
    };
    let mut selector = CandidateSelector::new(&config, Instant::now());
    let mut candidate = selector.chosen().0;
    tracing::info!(device = device.name, ?candidate, model = config.network().name(), size_px = config.size, "ready");
    let mut changes = start::Counted::new(Candidate::Network);
    let mut incoming = Incoming::new(trigger(candidate), Announcer::from_disk(&runs, Instant::now()));
    let heads = HeadTrainer::new();
    let mut follow_up = FollowUp::new(&config, &runs);
    let mut failed: Option<Failed> = None;
    loop {
        incoming.pump(node, Duration::from_millis(200))?;
        if incoming.stop {
            return Ok(());
        }
        incoming.batches.clear();
        let (now, workspace) = (Now::new(), node.workspace().clone());
        let (wanted, because) = selector.choose(&config, now.instant).clone();
        if wanted != candidate {
            failed = None;
            node.status().notices(&[]);
            tracing::info!(
                ?wanted,
                because = because.as_ref().map(ToString::to_string),
                "another kind of candidate from now on"
            );
            candidate = wanted;
            incoming.trigger = incoming.trigger.with(config.trigger_options(candidate), config.digest_of(candidate));
        }
        let request = request::pending(&workspace);
        let count =
            |state: &DatasetState| if candidate == Candidate::Head { None } else { changes.of(&workspace, state) };
        let due = incoming.trigger.due(now, request.is_some(), request::is_paused(&workspace), count);
        let told = |state: Message| match &because {
            Some(because) => Message::state_because(state, because.clone()),
            None => state,
        };
        let failure = failed.as_ref().and_then(|failed| failed.of(incoming.trigger.latest()?));
        match (due, incoming.announcer.awaited(now.instant)) {
            (Due::Wait(wait), None) => {
                if candidate == Candidate::Head
                    && let Some(Follow { state, why }) = follow_up.due(&config, node, &mut incoming, now)?
                {
                    node.status().wait(None);
                    let begun = start::follow(&config, &device, &workspace, &state, why)?;
                    node.status().state(Message::run_begins(&begun.manifest.id));
                    if Learning::new(begun).work(&config, &device, node, &mut incoming)? == End::Stopped {
                        return Ok(());
                    }
                    follow_up.done(&state.fingerprint, Now::new());
                    continue;
                }
                let what = plugin_training::trigger::told(&wait);
                node.status().wait(Some(wait));
                node.status().state(failure.unwrap_or_else(|| told(what)));
            }
            (_, Some(run)) => {
                node.status().wait(Some(Wait::new("verdict")));
                node.status().state(Message::waiting_verdict(run));
            }
            (Due::Run(state), None) if candidate == Candidate::Head => {
                node.status().wait(None);
                let ended = heads.work(&config, &device, node, &mut incoming, request.as_ref())?;
                if ended == HeadEnd::Stopped {
                    return Ok(());
                }
                if request.is_some() {
                    request::answered(&workspace);
                }
                let trained = incoming.trigger.latest().map_or(state.fingerprint, |latest| latest.fingerprint.clone());
                failed = None;
                if let HeadEnd::Failed(why) = ended {
                    tracing::warn!(why, "no head can be trained on this data set");
                    failed = Some(Failed { fingerprint: trained.clone(), why });
                }
                incoming.trigger.done(&trained, Now::new());
            }
            (Due::Run(state), None) => {
                node.status().wait(None);
                let begun = start::begin(&config, &device, &workspace, &state, request.as_ref())?;
                if request.is_some() {
                    request::answered(&workspace);
                }
                node.status().state(told(Message::run_begins(&begun.manifest.id)));
                if Learning::new(begun).work(&config, &device, node, &mut incoming)? == End::Stopped {
                    return Ok(());
                }
                incoming.trigger.done(&state.fingerprint, Now::new());
                changes = start::Counted::new(Candidate::Network);
            }
        }
    }
}

/// A data set that no head could be trained on.
struct Failed {
    fingerprint: String,
    why: String,
}

impl Failed {
    /// What is told while the data set is the same.
    fn of(&self, state: &DatasetState) -> Option<Message> {
        let Self { fingerprint, why } = self;
        (state.fingerprint == *fingerprint).then(|| Message::no_head(state.version, why))
    }
}
