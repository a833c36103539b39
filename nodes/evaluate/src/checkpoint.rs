//! The messages `evaluate` exchanges with `train`, as plain structs.

use plugin_api::Edge as _;
use plugin_api::edges::{Checkpoints, Verdicts};
use plugin_api::runs::Verdict;

/// Weights to be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Id of the run, a folder of `runs/`.
    pub run: String,
    /// The weights, relative to the workspace.
    pub uri: String,
    /// Their BLAKE3.
    pub digest: String,
    /// Version of the data set the run was trained on.
    pub version: u64,
}

impl Checkpoint {
    /// The checkpoints of a message that end their run.
    pub fn last_ones(message: &Checkpoints) -> Vec<Self> {
        (0..message.rows())
            .filter(|&row| message.last.value(row))
            .map(|row| Self {
                run: message.run.value(row).to_owned(),
                uri: message.uri.value(row).to_owned(),
                digest: message.digest.value(row).to_owned(),
                version: message.version.value(row),
            })
            .collect()
    }
}

/// A verdict as a message.
pub fn verdict_message(verdict: &Verdict) -> Verdicts {
    Verdicts {
        run: vec![verdict.run.as_str()].into(),
        model: vec![verdict.champion.as_deref().unwrap_or_default()].into(),
        decision: vec![verdict.decision.name()].into(),
        reason: vec![&*verdict.reason].into(),
        images: vec![verdict.images].into(),
        accuracy: vec![verdict.accuracy].into(),
        balanced_accuracy: vec![verdict.balanced_accuracy].into(),
        champion_accuracy: vec![verdict.champion_accuracy.unwrap_or(f64::NAN)].into(),
        champion_balanced_accuracy: vec![verdict.champion_balanced_accuracy.unwrap_or(f64::NAN)].into(),
        p_value: vec![verdict.p_value.unwrap_or(1.0)].into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conclude::tests::verdict;

    #[test]
    fn only_the_last_checkpoint_is_evaluated() {
        let message = Checkpoints {
            run: vec!["one", "one"].into(),
            uri: vec!["runs/one/a", "runs/one/b"].into(),
            digest: vec!["a", "b"].into(),
            epoch: vec![1, 2].into(),
            step: vec![10, 20].into(),
            samples: vec![100, 200].into(),
            version: vec![5, 5].into(),
            last: vec![false, true].into(),
        };
        let found = Checkpoint::last_ones(&message);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].uri.as_str(), found[0].version), ("runs/one/b", 5));
    }

    #[test]
    fn without_a_champion_its_figures_are_no_numbers() {
        let message = verdict_message(&verdict("one", None));
        assert!(message.champion_accuracy.value(0).is_nan());
        assert_eq!((message.p_value.value(0), message.model.value(0)), (1.0, "one"));
    }
}
