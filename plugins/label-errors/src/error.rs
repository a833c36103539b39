//! What is wrong with what was given.

/// Why no label can be checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelErrorsError {
    /// As many labels as predictions are needed.
    #[error("{given} labels for {predicted} predictions")]
    Length {
        /// Labels.
        given: usize,
        /// Predictions.
        predicted: usize,
    },
    /// A prediction has not one probability a class.
    #[error("prediction {index} is of {found} classes, not of {classes}")]
    Classes {
        /// Row, from 0.
        index: usize,
        /// Its probabilities.
        found: usize,
        /// Classes there are.
        classes: usize,
    },
    /// A probability is below 0, above 1 or not a number.
    #[error("prediction {index} has a probability that is not between 0 and 1")]
    Probability {
        /// Row, from 0.
        index: usize,
    },
    /// A label of no class.
    #[error("label {index} is class {given}, but there are only {classes} classes, from 0")]
    Label {
        /// Row, from 0.
        index: usize,
        /// The class.
        given: u32,
        /// Classes there are.
        classes: usize,
    },
}
