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
use plugin_probe::ClassMeans;
use plugin_standing::Answers;

/// What tells the classes apart.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// The angle to each class's mean.
    Means(ClassMeans),
    /// A linear head.
    Linear(plugin_probe::Head),
}

impl Kind {
    /// What it is called.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Means(_) => "means",
            Self::Linear(_) => "linear",
        }
    }
}

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
        match &self.kind {
            Kind::Means(means) => means.probabilities(embedding),
            Kind::Linear(head) => head.probabilities(embedding),
        }
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
    }
}
