//! What is trained now: a head, or a whole network.

use crate::config::Config;
use crate::config::strategy::Strategy;
use plugin_api::Message;
use plugin_api::runs::RunManifest;
use plugin_training::trigger_options::TriggerOptions;
use std::time::{Duration, Instant};

/// What is trained now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Candidate {
    /// A head on the backbone.
    Head,
    /// A whole network.
    Network,
}

impl Candidate {
    /// That of a run.
    pub fn of(manifest: &RunManifest) -> Self {
        if manifest.backbone.is_some() { Self::Head } else { Self::Network }
    }
}

impl Config {
    /// What is trained, and why a whole network although nobody asked for one.
    pub fn candidate(&self) -> (Candidate, Option<Message>) {
        match self.strategy {
            Strategy::FineTune | Strategy::Scratch | Strategy::Search => (Candidate::Network, None),
            Strategy::Auto if self.model.is_some() || self.weights.is_some() => (Candidate::Network, None),
            Strategy::Auto if !self.backbone.is_there() => (Candidate::Network, Some(self.backbone.advice())),
            Strategy::Head | Strategy::Auto => (Candidate::Head, None),
        }
    }

    /// When candidates are made.
    pub fn trigger_options(&self, candidate: Candidate) -> TriggerOptions {
        match candidate {
            Candidate::Network => self.trigger.clone(),
            Candidate::Head => self.trigger.for_heads(),
        }
    }

    /// Digest of everything that decides candidates of this kind, given the data.
    pub fn digest_of(&self, candidate: Candidate) -> String {
        match candidate {
            Candidate::Head => self.head_digest(),
            Candidate::Network => self.digest(),
        }
    }
}

/// How often it is looked whether the weights are there.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What candidates are made by, looked at now and then: the file of weights may come or go.
pub struct CandidateSelector {
    chosen: (Candidate, Option<Message>),
    next: Instant,
}

impl CandidateSelector {
    /// Looks for the weights.
    pub fn new(config: &Config, now: Instant) -> Self {
        Self { chosen: config.candidate(), next: now + LOOK_EVERY }
    }

    /// As [`Config::candidate`] said when it was last asked.
    pub fn chosen(&self) -> &(Candidate, Option<Message>) {
        &self.chosen
    }

    /// As [`Config::candidate`], which is asked again when `LOOK_EVERY` has passed.
    pub fn choose(&mut self, config: &Config, now: Instant) -> &(Candidate, Option<Message>) {
        if now >= self.next {
            *self = Self::new(config, now);
        }
        &self.chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn config(line: &str) -> Config {
        Config::parse_from(std::iter::once("train").chain(line.split_whitespace()))
    }

    #[test]
    fn heads_are_the_default_where_weights_are() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("w.safetensors");
        std::fs::write(&weights, b"weights").unwrap();
        let there = format!("--backbone-weights {}", weights.display());
        let of = |line: &str| config(&format!("{there} {line}")).candidate();
        assert_eq!(of(""), (Candidate::Head, None));
        assert_eq!(of("--model resnet18"), (Candidate::Network, None));
        assert_eq!(of("--strategy scratch"), (Candidate::Network, None));
        let (candidate, why) = config("--backbone-weights nowhere").candidate();
        assert_eq!(candidate, Candidate::Network);
        assert!(why.unwrap().to_string().contains("cargo wakuteka weights"));
    }

    #[test]
    fn heads_wait_for_a_second_and_networks_as_told() {
        let config = config("--debounce-seconds 20 --min-new 7 --schedule-utc 03:30 --retrain off");
        let head = config.trigger_options(Candidate::Head);
        assert_eq!((head.debounce_seconds, head.min_new, head.schedule_utc.len()), (1, 1, 0));
        assert_eq!(head.retrain, plugin_training::trigger_options::Switch::Off);
        assert_eq!(config.trigger_options(Candidate::Network), config.trigger);
    }

    #[test]
    fn weights_are_looked_for_now_and_then() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("w.safetensors");
        let config = config(&format!("--backbone-weights {}", weights.display()));
        let start = Instant::now();
        let mut selector = CandidateSelector::new(&config, start);
        std::fs::write(&weights, b"weights").unwrap();
        assert_eq!(selector.choose(&config, start).0, Candidate::Network);
        assert_eq!(selector.choose(&config, start + LOOK_EVERY).0, Candidate::Head);
    }
}
