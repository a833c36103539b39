//! The head: what answers for classes that the champion does not know yet.
//!
//! A network that stays as it is embeds every accepted picture once; class means, and as soon as there is enough to fit one
//! a linear head, tell classes apart by these embeddings. Both are there within moments of a picture, long before a run has
//! learnt it. [`accepted`] is what it learns from, [`learner`] the thread that does and chooses which of the two answers. A champion
//! that knows every class answers all the same, unless the head is shown to be better ([`plugin_standing`]).

pub mod accepted;
pub mod learner;

use plugin_api::Labels;
use plugin_api::runs::ModelCard;
use plugin_embed::Embedder;
pub use plugin_probe::Kind;
use plugin_standing::Answers;

/// A head in use.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Its classes, name and temperature, as a model has them.
    pub card: ModelCard,
    /// What tells the classes apart.
    pub kind: Kind,
    /// Share of the accepted pictures that it tells right without having learnt from them; none where there are too few.
    pub accuracy: Option<f64>,
    /// What heads like it say of the accepted pictures, each by one that has learnt neither it nor a look-alike; empty for
    /// class means.
    pub told: Answers,
}

impl Head {
    /// A probability for each class of the card, before the temperature.
    pub fn probabilities(&self, embedding: &[f32]) -> Vec<f32> {
        self.kind.probabilities(embedding)
    }
}

/// The card of a head over version `version` of the data set.
pub fn card(version: u64, kind: &str, classes: Vec<String>, eyes: &Embedder, temperature: Option<f64>) -> ModelCard {
    ModelCard {
        architecture: eyes.fingerprint().to_owned(),
        definition: None,
        size_px: 0,
        resize_mode: String::new(),
        classes,
        labels: Labels::Single,
        run: format!("head-{version}-{kind}"),
        digest: String::new(),
        temperature,
        backbone: None,
    }
}
