//! Where learning stands beside the weights that are evaluated, as a file: with both, learning goes on as if it had never
//! stopped.
//!
//! A line of JSON with the lengths, then the state of the optimizer, then the weights of the last step, a safetensors
//! file, where those that are evaluated are their running mean.

use serde::{Deserialize, Serialize};

/// Where learning stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrainingState {
    /// What the optimizer remembers.
    pub optimizer: Vec<u8>,
    /// The weights of the last step; empty when those that are evaluated are the same.
    pub weights: Vec<u8>,
    /// Steps in the running mean.
    pub updates: u64,
    /// Whether the classifier alone was learning.
    pub frozen: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    optimizer: usize,
    weights: usize,
    updates: u64,
    frozen: bool,
}

impl TrainingState {
    /// The content of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self { optimizer, weights, updates, frozen } = self;
        let head = Head { optimizer: optimizer.len(), weights: weights.len(), updates: *updates, frozen: *frozen };
        let mut bytes = serde_json::to_vec(&head).unwrap_or_default();
        bytes.push(b'\n');
        bytes.extend_from_slice(optimizer);
        bytes.extend_from_slice(weights);
        bytes
    }

    /// Reads what [`Self::to_bytes`] made.
    ///
    /// # Errors
    /// A text when the bytes are something else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let end = bytes.iter().position(|b| *b == b'\n').ok_or("it has no first line")?;
        let head: Head = serde_json::from_slice(&bytes[..end]).map_err(|e| format!("its first line: {e}"))?;
        let rest = &bytes[end + 1..];
        if head.optimizer.checked_add(head.weights) != Some(rest.len()) {
            return Err(format!("{} bytes follow its first line, which says {}", rest.len(), head.optimizer));
        }
        let (optimizer, weights) = rest.split_at(head.optimizer);
        Ok(Self {
            optimizer: optimizer.to_vec(),
            weights: weights.to_vec(),
            updates: head.updates,
            frozen: head.frozen,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_survives_the_round_trip_and_nothing_else_is_taken_for_it() {
        let training_state = TrainingState { optimizer: vec![1, 10, 3], weights: vec![4; 5], updates: 7, frozen: true };
        let bytes = training_state.to_bytes();
        assert_eq!(TrainingState::from_bytes(&bytes).unwrap(), training_state);
        assert!(TrainingState::from_bytes(&bytes[..bytes.len() - 1]).unwrap_err().contains("bytes follow"));
        assert!(TrainingState::from_bytes(b"{}\n").unwrap_err().contains("first line"));
        assert!(TrainingState::from_bytes(b"").is_err());
    }
}
