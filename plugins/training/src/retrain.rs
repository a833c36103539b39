//! From what a run starts: from the champion, or anew.
//!
//! A run that starts from the champion begins with its weights, shrunk and perturbed (Ash and Adams, *On Warm-Starting Neural Network
//! Training*, NeurIPS 2020, <https://arxiv.org/abs/1910.08475>), and trains on old and new images together. A full run begins with
//! pretrained or random weights: the first run, every k-th one, and when the classes are others.

use crate::trigger_options::Switch;
use plugin_api::Message;
use plugin_model::{Perturb, PerturbOptions};
use serde_json::{Value, json};

/// From what a run starts.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub struct RetrainOptions {
    /// What is left of the champion.
    #[command(flatten)]
    pub perturb: PerturbOptions,

    /// Every so many runs one begins anew, from --weights or first weights; 1: each does; 0: none does.
    #[arg(long, default_value_t = 10, value_name = "RUNS")]
    pub full_every: u64,

    /// Whether a run begins anew when the classes are others than the champion's.
    #[arg(long, value_enum, default_value_t = Switch::On)]
    pub full_when_classes_change: Switch,
}

/// The weights that a run begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartFrom {
    /// The champion's.
    Champion,
    /// Pretrained or random ones.
    Anew,
}

impl StartFrom {
    /// As the manifest of a run keeps it, with the reason; `tier` is 2 for the champion's weights, 3 otherwise.
    pub fn json(self, why: impl std::fmt::Display) -> Value {
        json!({ "tier": if self == Self::Champion { 2 } else { 3 }, "why": why.to_string() })
    }
}

/// How many runs have ended since the last that began anew. `parents`: the run whose weights each began with, newest first.
pub fn runs_since_full<'a>(parents: impl Iterator<Item = Option<&'a str>>) -> u64 {
    parents.take_while(Option::is_some).count() as u64
}

/// Epochs of a run that starts from the champion: as given, or half of `epochs`, rounded up.
pub fn retrain_epochs(given: Option<u64>, epochs: u64) -> u64 {
    given.unwrap_or(epochs.div_ceil(2))
}

impl RetrainOptions {
    /// From what a run starts that could start from a champion of `champion_classes`, and why. `warm`: see [`runs_since_full`].
    pub fn choose(&self, classes: &[String], champion_classes: &[String], warm: u64) -> (StartFrom, Message) {
        let others = |a: &[String], b: &[String]| a.iter().any(|class| !b.contains(class));
        let changed = others(classes, champion_classes) || others(champion_classes, classes);
        if self.full_when_classes_change == Switch::On && changed {
            (StartFrom::Anew, Message::classes_differ())
        } else if self.full_every > 0 && warm + 1 >= self.full_every {
            (StartFrom::Anew, Message::runs_anew(self.full_every))
        } else {
            (StartFrom::Champion, Message::from_champion())
        }
    }

    /// How the champion's weights are shrunk and perturbed. The noise is another for other data.
    pub fn perturb(&self, seed: u64, fingerprint: &str) -> Perturb {
        let hash = blake3::hash(format!("{seed} {fingerprint}").as_bytes());
        let seed = hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        self.perturb.with_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        retrain: RetrainOptions,
    }

    fn retrain(line: &str) -> RetrainOptions {
        Line::parse_from(std::iter::once("x").chain(line.split_whitespace())).retrain
    }

    fn names(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn every_kth_run_and_other_classes_begin_anew() {
        let choose = |line: &str, champion: &str, warm: usize| {
            let champion_run = Some("champion");
            let parents = std::iter::repeat_n(champion_run, warm).chain([None, champion_run, champion_run]);
            retrain(line).choose(&names("a b"), &names(champion), runs_since_full(parents))
        };
        assert_eq!(choose("", "b a", 3).0, StartFrom::Champion, "in another order");
        assert_eq!(choose("", "a b", 9).0, StartFrom::Anew);
        assert_eq!(choose("--full-every 0", "a b", 99).0, StartFrom::Champion);
        assert_eq!(choose("--full-every 1", "a b", 0).0, StartFrom::Anew);
        let (start, why) = choose("", "a b c", 0);
        assert!(start == StartFrom::Anew && why.to_string().contains("classes"), "{why}");
        assert_eq!(choose("--full-when-classes-change off", "a", 0).0, StartFrom::Champion);
    }

    #[test]
    fn noise_is_drawn_anew_for_other_data() {
        let retrain = retrain("--shrink 0.5 --noise 0.1");
        assert_eq!(retrain.perturb(1, "a"), retrain.perturb(1, "a"));
        assert_ne!(retrain.perturb(1, "a").seed, retrain.perturb(1, "b").seed);
        for line in ["--shrink 0", "--noise 1.5"] {
            let error = Line::try_parse_from(std::iter::once("x").chain(line.split(' '))).unwrap_err().to_string();
            assert!(error.contains(&line[..7]), "{error}");
        }
    }
}
