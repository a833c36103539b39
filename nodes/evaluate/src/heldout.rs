//! What `dataset` is asked for: the images of a split at one version of the data set, batch after batch.

use plugin_harness::{Pull, Wanted};
use std::time::Instant;

/// What a split is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Models are compared on it: all of it.
    Test,
    /// Epochs are chosen by it and temperatures fitted on it: at most so many batches, which in order of digest are as
    /// good as drawn.
    Validation {
        /// At least 1.
        batches: u64,
    },
    /// Of a run that is judged by its cross-validation: to show the mistakes.
    Train,
}

impl Split {
    /// As messages name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Validation { .. } => "validation",
            Self::Train => "train",
        }
    }

    /// Its batches, of which none has been asked for.
    pub fn pull(self, run: &str, version: u64, seed: u64, batch_size: u32, now: Instant) -> Pull {
        let (session, split) = (run.to_owned(), self.name().to_owned());
        let (withheld, held_below) = (String::new(), String::new());
        let wanted =
            Wanted { session, version, epoch: 0, seed, split, batch_size, withheld, decisions: false, held_below };
        let pull = Pull::new(wanted, now);
        match self {
            Self::Test | Self::Train => pull,
            Self::Validation { batches } => pull.at_most(batches),
        }
    }
}
