//! A moment of learning, apart from the trainer: written while learning goes on.

use crate::error::ModelError;
use crate::network::interpreter::Network;
use crate::train::training_state::TrainingState;
use crate::weights;
use plugin_api::files::write_atomically;
use std::path::Path;

/// What the optimizer remembers at a moment; makes the bytes when asked to.
pub type PendingOptimizerState = Box<dyn FnOnce() -> Result<Vec<u8>, String> + Send>;

/// The weights of a moment and where learning stood beside them. Nothing of it changes when learning goes on.
pub struct Checkpoint {
    /// The weights that are evaluated.
    pub(crate) evaluated: Network,
    /// The weights of the last step and how many are in the running mean, when that mean is evaluated.
    pub(crate) last: Option<(Network, u64)>,
    /// What the optimizer remembers.
    pub(crate) optimizer: PendingOptimizerState,
    /// Whether the classifier alone was learning.
    pub(crate) frozen: bool,
}

impl Checkpoint {
    /// Writes the weights, and beside them where learning stands, each whole or not at all. Returns the BLAKE3 digests of
    /// the two files. With both, learning goes on as if it had never stopped.
    ///
    /// # Errors
    /// [`ModelError::File`] or [`ModelError::Weights`].
    pub fn save(self, weights: &Path, memory: &Path) -> Result<[String; 2], ModelError> {
        let broken = |problem| ModelError::Weights { path: memory.to_owned(), problem };
        let evaluated = weights::save(&self.evaluated, weights)?;
        let mut training_state = TrainingState {
            optimizer: (self.optimizer)().map_err(broken)?,
            frozen: self.frozen,
            ..TrainingState::default()
        };
        if let Some((network, updates)) = &self.last {
            training_state.weights = weights::bytes(network).map_err(broken)?;
            training_state.updates = *updates;
        }
        let bytes = training_state.to_bytes();
        write_atomically(memory, &bytes).map_err(|source| ModelError::File { path: memory.to_owned(), source })?;
        Ok([evaluated, blake3::hash(&bytes).to_hex().to_string()])
    }
}
