//! From what a run learns on: from the champion, or anew.
//!
//! Tier 2 goes on from the champion, shrunk and perturbed, over old and new pictures together. Tier 3 begins from pretrained or
//! first weights: the first run, every k-th one, and when the classes are others. (Tier 1, a head on embeddings, is no run.)

use crate::when::Switch;
use plugin_api::Message;
use plugin_api::runs::RunManifest;
use plugin_model::{Perturb, PerturbOptions};
use serde_json::{Value, json};

/// From what a run learns on.
#[derive(Clone, Debug, PartialEq, clap::Args)]
pub struct TierOptions {
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

/// What kind of run it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tier {
    /// On from the champion.
    Two,
    /// Anew.
    Three,
}

impl Tier {
    /// As the manifest of a run keeps it.
    pub fn json(self, why: impl std::fmt::Display) -> Value {
        json!({ "tier": if self == Self::Two { 2 } else { 3 }, "why": why.to_string() })
    }
}

impl TierOptions {
    /// Which tier a run is that could go on from a champion of `champion_classes`, and why. `before`: the runs that have ended,
    /// newest first.
    pub fn choose<'a>(
        &self,
        classes: &[String],
        champion_classes: &[String],
        before: impl Iterator<Item = &'a RunManifest>,
    ) -> (Tier, Message) {
        let others = |a: &[String], b: &[String]| a.iter().any(|class| !b.contains(class));
        let changed = others(classes, champion_classes) || others(champion_classes, classes);
        let warm = before.take_while(|run| run.parent.is_some()).count() as u64;
        if self.full_when_classes_change == Switch::On && changed {
            (Tier::Three, Message::classes_differ())
        } else if self.full_every > 0 && warm + 1 >= self.full_every {
            (Tier::Three, Message::runs_anew(self.full_every))
        } else {
            (Tier::Two, Message::from_champion())
        }
    }

    /// What is left of the champion's weights. The noise is another for other data.
    pub fn perturb(&self, seed: u64, fingerprint: &str) -> Perturb {
        let hash = blake3::hash(format!("{seed} {fingerprint}").as_bytes());
        let seed = hash.as_bytes().first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        self.perturb.with_seed(seed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::tests::manifest;
    use crate::snapshot::State;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        tiers: TierOptions,
    }

    fn tiers(line: &str) -> TierOptions {
        Line::parse_from(std::iter::once("x").chain(line.split_whitespace())).tiers
    }

    fn names(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn every_kth_run_and_other_classes_begin_anew() {
        let run = |parent: bool| RunManifest {
            parent: parent.then(|| "champion".to_owned()),
            ..manifest("r", &State::default())
        };
        let choose = |line: &str, champion: &str, warm: usize| {
            let before: Vec<RunManifest> =
                std::iter::repeat_n(run(true), warm).chain([run(false), run(true), run(true)]).collect();
            tiers(line).choose(&names("a b"), &names(champion), before.iter())
        };
        assert_eq!(choose("", "b a", 3).0, Tier::Two, "in another order");
        assert_eq!(choose("", "a b", 9).0, Tier::Three);
        assert_eq!(choose("--full-every 0", "a b", 99).0, Tier::Two);
        assert_eq!(choose("--full-every 1", "a b", 0).0, Tier::Three);
        let (tier, why) = choose("", "a b c", 0);
        assert!(tier == Tier::Three && why.to_string().contains("classes"), "{why}");
        assert_eq!(choose("--full-when-classes-change off", "a", 0).0, Tier::Two);
    }

    #[test]
    fn noise_is_drawn_anew_for_other_data() {
        let tiers = tiers("--shrink 0.5 --noise 0.1");
        assert_eq!(tiers.perturb(1, "a"), tiers.perturb(1, "a"));
        assert_ne!(tiers.perturb(1, "a").seed, tiers.perturb(1, "b").seed);
        for line in ["--shrink 0", "--noise 1.5"] {
            let error = Line::try_parse_from(std::iter::once("x").chain(line.split(' '))).unwrap_err().to_string();
            assert!(error.contains(&line[..7]), "{error}");
        }
    }
}
