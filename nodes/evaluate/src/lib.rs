//! The node `evaluate`: evaluates a finished run on the held-out images, beside the champion, and names the champion.
//!
//! `checkpoints` (from `train`) announces weights; of those that end their run the held-out images of the run's data
//! version are asked for (`demand` to `dataset`, answers on `heldout`), and both challenger and champion are evaluated on
//! them. Where `train` has cross-validated the run, because few images are held out, the figures are those of
//! `runs/<id>/cross_validation.json`, over all images. What is found is written into `runs/<id>/report/`; a challenger that is promoted is copied to `models/<id>/`
//! and the link `models/champion` is swapped; `runs/<id>/verdict.json` ends it, and `verdicts` tells it. Killed at any
//! point and started again, the node does over what is missing when `train` announces the weights again.

mod candidate;
mod checkpoint;
mod classifier;
mod conclude;
mod cross_validated;
mod error;
mod evaluation_run;
mod evaluator;
mod heldout;
mod summary;

pub use checkpoint::{Checkpoint, verdict_message};
pub use classifier::{Classifier, ClassifierError, ImageBatch, Loader, OnDevice, Source};
pub use error::EvaluateError;
pub use evaluator::{Evaluator, Outgoing};
pub use plugin_training::gate::{Gate, GateOutcome, Incumbent, Promotion, decide};

use plugin_api::edges::{Batches, Checkpoints};
use plugin_api::runs::Verdict;
use plugin_api::{Header, Workspace, WorkspaceArgs};
use plugin_decode::Limits;
use plugin_harness::{Event, HasWorkspace, Message, Node};
use plugin_model::{DeviceChoice, Precision};
use plugin_webhook::{Webhook, WebhookOptions};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Evaluate finished runs on held-out images and name the champion.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "evaluate", version)]
pub struct Config {
    /// Where the workspace is.
    #[command(flatten)]
    pub workspace: WorkspaceArgs,
    /// Where models are computed: auto, flex, libtorch or libtorch-cuda:N.
    #[arg(long, default_value_t = DeviceChoice::Auto)]
    pub device: DeviceChoice,
    /// How exactly they are computed. bf16 needs LibTorch, tf32 a GPU.
    #[arg(long, value_enum, default_value_t = Precision::Fp32)]
    pub precision: Precision,
    /// Images a batch; fewer when they would not fit into a message of 16 MiB.
    #[arg(long, default_value_t = 32, value_name = "IMAGES", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub batch_size: u32,
    /// What a challenger must show.
    #[command(flatten)]
    pub gate: Gate,
    /// Whether a challenger that passes the gate becomes champion at once. by-hand: its verdict says that it passes, and
    /// `cargo wakuteka models promote` makes it champion. Of many networks of a search the best on the test images is in
    /// part the luckiest.
    #[arg(long, value_enum, default_value_t = Promotion::Gate)]
    pub promotion: Promotion,
    /// Evaluated runs that are kept: with each verdict the oldest beyond so many are removed. Those that are or were champion
    /// are always kept, and so is what has not been evaluated; they do not count.
    #[arg(long, default_value_t = 100, value_name = "RUNS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub keep_runs: u32,
    /// Whom to tell of verdicts.
    #[command(flatten)]
    pub webhook: WebhookOptions,
    /// What is not opened to be embedded for a head.
    #[command(flatten)]
    pub limits: Limits,
}

impl HasWorkspace for Config {
    fn workspace(&self) -> &WorkspaceArgs {
        &self.workspace
    }
}

/// Runs the node until the dataflow stops.
///
/// # Errors
/// [`EvaluateError`]: the device is not there or failed, a file cannot be written, or a message breaks its contract.
pub fn run(config: Config, node: &mut Node) -> Result<(), EvaluateError> {
    let device = config.device.open()?;
    config.precision.check(&device)?;
    tracing::info!(device = device.name, "ready");
    let loader = OnDevice::new(node.workspace().clone(), device, config.precision, config.limits.clone());
    let mut evaluator = Evaluator::new(node.workspace().clone(), loader, config.batch_size, config.gate.clone());
    evaluator.promotion = config.promotion;
    if let Err(error) = plugin_champion::restore_link(node.workspace()) {
        tracing::warn!(%error, "models/champion is no link, and cannot be made one");
    }
    let mut inbox: VecDeque<Message> = VecDeque::new();
    let source = node.source_of("heldout");
    let webhook = Webhook::start(&config.webhook)?;
    loop {
        // First everything that is there, so that a stop is seen between two batches; then one message.
        let mut event = if inbox.is_empty() { Some(node.recv(Duration::from_secs(1))?) } else { node.try_recv()? };
        while let Some(now) = event {
            match now {
                Event::Stop => return Ok(()),
                Event::Timeout => break,
                Event::Restarted(by) if Some(&by) == source.as_ref() => evaluator.restarted(),
                Event::Restarted(_) => {}
                Event::Message(message) => inbox.push_back(message),
            }
            event = node.try_recv()?;
        }
        if let Some(message) = inbox.pop_front() {
            take(&mut evaluator, node, &message)?;
        }
        for out in evaluator.proceed(Instant::now())? {
            let is_verdict = matches!(out, Outgoing::Verdict(_));
            if let (Some(webhook), Outgoing::Verdict(verdict)) = (&webhook, &out) {
                webhook.send("verdict", &format!("verdict:{}", verdict.run), &announced(verdict));
            }
            send(node, out)?;
            if is_verdict {
                tidy(node.workspace(), config.keep_runs as usize);
            }
        }
        show(&evaluator, node);
        node.status().notices(webhook.as_ref().and_then(Webhook::notice).as_slice());
    }
}

/// A verdict as other programs are told it: the reason as plain text, its codes beside it.
fn announced(verdict: &Verdict) -> serde_json::Value {
    let mut document = serde_json::to_value(verdict).unwrap_or_default();
    document["messages"] = serde_json::to_value(verdict.reason.messages()).unwrap_or_default();
    document["reason"] = serde_json::Value::from(&*verdict.reason);
    document
}

/// Removes old runs. A failure costs space alone.
fn tidy(workspace: &Workspace, keep: usize) {
    match plugin_champion::prune(workspace, keep) {
        Ok(gone) if gone.is_empty() => {}
        Ok(gone) => tracing::info!(?gone, keep, "old runs are removed"),
        Err(error) => tracing::warn!(%error, "old runs cannot be removed"),
    }
}

fn take(evaluator: &mut Evaluator<OnDevice>, node: &mut Node, message: &Message) -> Result<(), EvaluateError> {
    match message.input.as_str() {
        // `checkpoints_2` … are those of more `train` side by side.
        input if input.starts_with("checkpoints") => {
            for checkpoint in Checkpoint::last_ones(&message.read::<Checkpoints>()?) {
                if let Some(out) = evaluator.announced(checkpoint)? {
                    send(node, out)?;
                }
            }
            Ok(())
        }
        "heldout" => evaluator.add_batch(&message.header, &message.read::<Batches>()?),
        // `tick` only wakes the loop.
        _ => Ok(()),
    }
}

fn send(node: &mut Node, out: Outgoing) -> Result<(), EvaluateError> {
    match out {
        Outgoing::Demand(demand) => {
            let header = Header::new(demand.run.value(0), demand.first.value(0));
            node.send("demand", &header, *demand)?;
        }
        Outgoing::Verdict(verdict) => {
            node.status().add(verdict.decision.name(), 1);
            node.status().gauge("accuracy", verdict.accuracy);
            node.status().gauge("balanced_accuracy", verdict.balanced_accuracy);
            let header = Header::new(verdict.run.as_str(), 0).fin(true);
            node.send("verdicts", &header, verdict_message(&verdict))?;
        }
    }
    Ok(())
}

fn show(evaluator: &Evaluator<OnDevice>, node: &mut Node) {
    let status = node.status();
    let Some(evaluation_run) = evaluator.evaluation_run() else {
        status.state(plugin_api::Message::waiting_run());
        return;
    };
    let (images, done, total) = evaluation_run.progress();
    status.state(evaluation_run.incumbent().map_or_else(
        || plugin_api::Message::judging(evaluation_run.run()),
        |champion| plugin_api::Message::judging_both(evaluation_run.run(), champion),
    ));
    status.gauge("pictures", images as f64);
    status.gauge("batches_done", done as f64);
    if let Some(total) = total {
        status.gauge("batches", total as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    #[test]
    fn options_are_sound_and_bad_values_are_named() {
        Config::command().debug_assert();
        let config = Config::try_parse_from(["evaluate"]).unwrap();
        assert_eq!((config.device, config.batch_size, config.gate), (DeviceChoice::Auto, 32, Gate::default()));
        for (flag, value) in [
            ("--device", "gpu"),
            ("--batch-size", "0"),
            ("--batch-size", "2000"),
            ("--keep-runs", "0"),
            ("--webhook", "x:y"),
        ] {
            let text = Config::try_parse_from(["evaluate", flag, value]).unwrap_err().to_string();
            assert!(text.contains(flag) && text.contains(value), "{text}");
        }
    }
}
