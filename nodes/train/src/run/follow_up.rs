//! A whole network after a head, where an image that is mirrored or turned is one of another class.
//!
//! Features of pretrained networks hardly tell such classes apart (arrows to the left and to the right, a part that lies upside down):
//! what they were trained on is the same thing either way. A small network that is trained for it does. So with `--strategy auto` a
//! network is trained as well when the head is right on less than 95 % of the held-out images and [`Examination`] finds that
//! mirroring or turning works against the task. Both are candidates like any other: the gate of `evaluate` decides.

use crate::config::Config;
use crate::config::strategy::Strategy;
use crate::error::TrainError;
use crate::io::incoming::Incoming;
use crate::run::augmentation::Examination;
use crate::run::recover;
use crate::run::start::Counted;
use crate::trigger::candidate::Candidate;
use crate::trigger::request;
use plugin_api::edges::Batches;
use plugin_api::runs::RunFolder;
use plugin_api::{DatasetState, Labels, Message, Selection, Split, Subset, Workspace};
use plugin_augment::{FLIP, ROTATE, Withheld};
use plugin_harness::{Node, Pull, Wanted};
use plugin_training::trigger::{Due, Now, Trigger};
use std::path::Path;
use std::time::{Duration, Instant};

/// Accuracy on held-out images from which a head needs no network beside it.
const GOOD_ENOUGH: f64 = 0.95;
/// Images are examined again when their number has grown by this factor.
const GROWTH: f64 = 1.5;

/// A network that is to be trained.
pub struct Follow {
    /// What it is trained on.
    pub state: DatasetState,
    /// Why, for its manifest.
    pub why: Message,
}

/// Decides when a network is trained after a head.
pub struct FollowUp {
    trigger: Trigger,
    changes: Counted,
    examined: Option<Examined>,
}

/// What was found of a data set.
struct Examined {
    classes: Vec<String>,
    images: u64,
    /// Whether mirrored or turned images of a class look like another's.
    is_oriented: bool,
}

impl Examined {
    /// Whether it still holds.
    fn is_of(&self, state: &DatasetState) -> bool {
        self.classes == state.classes && (state.images() as f64) < self.images as f64 * GROWTH
    }
}

impl FollowUp {
    /// As the runs on disk left it.
    pub fn new(config: &Config, runs: &Path) -> Self {
        let last = recover::last_ended_by(runs, Candidate::Network).as_ref().map(recover::key);
        let trigger = Trigger::new(config.trigger.clone(), config.digest(), last);
        Self { trigger, changes: Counted::new(Candidate::Network), examined: None }
    }

    /// The network that is to be trained now, if any; to be asked while no head is. May take some seconds.
    ///
    /// # Errors
    /// The harness's.
    pub fn due(
        &mut self,
        config: &Config,
        node: &mut Node,
        incoming: &mut Incoming,
        now: Now,
    ) -> Result<Option<Follow>, TrainError> {
        let Some(latest) = incoming.trigger.latest().filter(|_| config.strategy == Strategy::Auto) else {
            return Ok(None);
        };
        if self.trigger.latest().is_none_or(|known| known.fingerprint != latest.fingerprint) {
            self.trigger.snapshot(latest.clone(), now);
        }
        let workspace = node.workspace().clone();
        let due =
            self.trigger.due(now, false, request::is_paused(&workspace), |state| self.changes.of(&workspace, state));
        let Due::Run(state) = due else { return Ok(None) };
        let Some(accuracy) = head_that_falls_short(&workspace, &state) else {
            self.trigger.done(&state.fingerprint, now);
            return Ok(None);
        };
        if !self.examined.as_ref().is_some_and(|examined| examined.is_of(&state)) {
            node.status().state(Message::examines_images());
            let Some(is_oriented) = is_oriented(&state, config, node, incoming)? else { return Ok(None) };
            tracing::info!(version = state.version, accuracy, is_oriented, "images examined after a head");
            let (classes, images) = (state.classes.clone(), state.images());
            self.examined = Some(Examined { classes, images, is_oriented });
        }
        if self.examined.as_ref().is_some_and(|examined| examined.is_oriented) {
            return Ok(Some(Follow { state, why: Message::after_head(100.0 * accuracy) }));
        }
        self.trigger.done(&state.fingerprint, now);
        Ok(None)
    }

    /// The run on this data is over.
    pub fn done(&mut self, fingerprint: &str, now: Now) {
        self.trigger.done(fingerprint, now);
        self.changes = Counted::new(Candidate::Network);
    }
}

/// The accuracy of the head that was trained on this data, when that is less than 95 %.
fn head_that_falls_short(workspace: &Workspace, state: &DatasetState) -> Option<f64> {
    if state.labels != Labels::Single {
        return None;
    }
    let head = recover::last_ended_by(&workspace.runs(), Candidate::Head)?;
    let verdict = RunFolder::new(&workspace.runs(), &head.id).verdict()?;
    let is_short = head.fingerprint == state.fingerprint && verdict.images > 0 && verdict.accuracy < GOOD_ENOUGH;
    is_short.then_some(verdict.accuracy)
}

/// Whether mirrored or turned images of a class look like another's; `None` when the data set changes meanwhile, or the dataflow ends.
fn is_oriented(
    state: &DatasetState,
    config: &Config,
    node: &mut Node,
    incoming: &mut Incoming,
) -> Result<Option<bool>, TrainError> {
    let mut examination = Examination::new(&state.classes, &state.counts);
    let wanted = Wanted {
        session: format!("examination-{}", state.fingerprint),
        version: state.version,
        epoch: 0,
        seed: config.seed,
        split: Selection::Images(Subset::Split(Split::Train)),
        batch_size: config.batch_size,
        withheld: Withheld::All.to_string(),
        decisions: false,
        held_below: String::new(),
    };
    let mut pull = Pull::new(wanted, Instant::now());
    while !pull.is_complete() && !examination.is_complete() {
        if incoming.stop || incoming.trigger.overtaken(&state.fingerprint).is_some() {
            return Ok(None);
        }
        let Some((_, message)) = incoming.next_of(&mut pull, node)? else { continue };
        examination.add(&message.header, &message.read::<Batches>()?)?;
        incoming.pump(node, Duration::ZERO)?;
    }
    incoming.batches.clear();
    let found = examination.end().map_err(std::io::Error::from)?.decision.findings;
    Ok(Some(found.iter().any(|finding| [FLIP, ROTATE].contains(&&finding.augmentation[..]))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::run_dir::tests::manifest;
    use plugin_api::runs::{Backbone, Finished, RunManifest, write_json};

    fn state(fingerprint: &str, images: u64) -> DatasetState {
        DatasetState {
            version: 1,
            fingerprint: fingerprint.to_owned(),
            classes: vec!["left".to_owned(), "right".to_owned()],
            counts: vec![[images, 0, 0, 0]; 2],
            ..DatasetState::default()
        }
    }

    #[test]
    fn examinations_hold_until_classes_change_or_half_as_many_come() {
        let examined = Examined { classes: state("a", 1).classes, images: 40, is_oriented: true };
        assert!(examined.is_of(&state("b", 29)));
        assert!(!examined.is_of(&state("b", 30)));
        assert!(!examined.is_of(&DatasetState { classes: vec!["left".to_owned()], ..state("a", 20) }));
    }

    #[test]
    fn only_heads_that_fall_short_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(folder.path()).unwrap();
        let backbone = Backbone { architecture: "b".to_owned(), digest: "d".to_owned() };
        let head = |id: &str, fingerprint: &str, accuracy: f64| {
            let run = RunFolder::new(&workspace.runs(), id);
            std::fs::create_dir_all(&run.0).unwrap();
            let manifest = RunManifest { backbone: Some(backbone.clone()), ..manifest(id, &state(fingerprint, 9)) };
            write_json(&run.0.join("run.json"), &manifest).unwrap();
            let finished =
                Finished { uri: String::new(), digest: String::new(), epochs: 1, steps: 1, samples: 1, seconds: 1.0 };
            write_json(&run.0.join("finished.json"), &finished).unwrap();
            let verdict = serde_json::json!({
                "run": id, "decision": "promoted", "reason": "", "classes": [], "pictures": 20, "accuracy": accuracy,
                "accuracy_interval": [0.0, 1.0], "balanced_accuracy": accuracy, "confusion": [], "report": "", "judged_ms": 1,
            });
            write_json(&run.0.join("verdict.json"), &verdict).unwrap();
        };
        assert_eq!(head_that_falls_short(&workspace, &state("a", 9)), None, "there is none");
        head("1", "a", 0.9);
        assert_eq!(head_that_falls_short(&workspace, &state("a", 9)), Some(0.9));
        assert_eq!(head_that_falls_short(&workspace, &state("b", 9)), None, "of other data");
        let several = DatasetState { labels: Labels::Multi, ..state("a", 9) };
        assert_eq!(head_that_falls_short(&workspace, &several), None);
        head("2", "a", 0.96);
        assert_eq!(head_that_falls_short(&workspace, &state("a", 9)), None, "good enough");
    }
}
