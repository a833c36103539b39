//! Networks that `search` proposes.

use plugin_api::edges::Proposals;
use plugin_api::{DatasetState, Edge as _};

/// A network that is to be trained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The run it becomes.
    pub run: String,
    /// The search it belongs to.
    pub search: String,
    /// Its number there.
    pub attempt: u64,
    /// The run of the network it was made from.
    pub parent: Option<String>,
    /// What was changed.
    pub change: String,
    /// Its blocks.
    pub definition: String,
    /// Number of epochs to train.
    pub epochs: u64,
    /// Seed of weights, order and augmentation.
    pub seed: u64,
    /// The run whose weights it takes over.
    pub inherits: Option<String>,
    /// What it is trained on.
    pub state: DatasetState,
}

impl Proposal {
    /// The proposals of a message for the `train` of this number. A state of the data set that cannot be read is said and left out.
    pub fn of(message: &Proposals, worker: u32) -> Vec<Self> {
        let text = |column: &arrow::array::StringArray, row| column.value(row).to_owned();
        let optional = |column: &arrow::array::StringArray, row| {
            use arrow::array::Array as _;
            column.is_valid(row).then(|| column.value(row).to_owned())
        };
        let read = |row: usize| {
            let state = serde_json::from_str(message.data.value(row));
            let state = state.inspect_err(|error| tracing::error!(%error, "the state of the data set cannot be read"));
            Some(Self {
                run: text(&message.run, row),
                search: text(&message.search, row),
                attempt: message.attempt.value(row),
                parent: optional(&message.parent, row),
                change: text(&message.change, row),
                definition: text(&message.definition, row),
                epochs: message.epochs.value(row),
                seed: message.seed.value(row),
                inherits: optional(&message.inherits, row),
                state: state.ok()?,
            })
        };
        (0..message.rows()).filter(|row| message.worker.value(*row) == worker).filter_map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{StringArray, UInt32Array, UInt64Array};

    const TINY: &str = "blocks: [{convolution: 4, kernel: 3, name: conv1}, relu, {affine: classes, name: fc}]";

    fn state() -> DatasetState {
        let classes = ["a", "b"].map(str::to_owned).to_vec();
        DatasetState {
            version: 1,
            fingerprint: "f".to_owned(),
            classes,
            counts: vec![[9, 3, 3, 0]; 2],
            ..DatasetState::default()
        }
    }

    #[test]
    fn proposals_of_another_worker_are_not_taken() {
        let message = Proposals {
            run: StringArray::from(vec!["r1", "r2"]),
            search: StringArray::from(vec!["s", "s"]),
            attempt: UInt64Array::from(vec![1, 2]),
            worker: UInt32Array::from(vec![0, 1]),
            parent: StringArray::from(vec![None, Some("p")]),
            change: StringArray::from(vec!["", "x"]),
            definition: StringArray::from(vec![TINY, TINY]),
            epochs: UInt64Array::from(vec![4, 4]),
            seed: UInt64Array::from(vec![1, 1]),
            inherits: StringArray::from(vec![None::<&str>, None]),
            data: StringArray::from(vec![serde_json::to_string(&state()).unwrap(); 2]),
        };
        let of = Proposal::of(&message, 1);
        assert_eq!((of.len(), of[0].run.as_str(), of[0].parent.as_deref()), (1, "r2", Some("p")));
        assert_eq!(of[0].state, state());
    }
}
