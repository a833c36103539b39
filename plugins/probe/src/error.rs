//! What is wrong with what was given.

/// Why a head could not be fitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// Nothing to learn from.
    #[error("there is nothing to learn from: no row has a weight above zero")]
    Empty,
    /// Lists that belong together differ in length.
    #[error("{what}: {found} of them for {expected} rows of features")]
    Length {
        /// Which list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// Rows of features.
        expected: usize,
    },
    /// A row is longer or shorter than the first.
    #[error("row {row} has {found} features, the first row has {expected}")]
    Dimensions {
        /// The row, from 0.
        row: usize,
        /// Its features.
        found: usize,
        /// Those of the first row.
        expected: usize,
    },
    /// A feature is not a finite number.
    #[error("row {row} has a feature that is not a finite number")]
    Feature {
        /// The row, from 0.
        row: usize,
    },
    /// A class that there is not.
    #[error("row {row} is of class {target}, but there are only {classes} classes, from 0")]
    Target {
        /// The row, from 0.
        row: usize,
        /// Its class.
        target: u32,
        /// How many there are.
        classes: usize,
    },
    /// A weight is negative or not a finite number.
    #[error("row {row} has a weight that is negative or not a finite number")]
    Weight {
        /// The row, from 0.
        row: usize,
    },
    /// Fewer than two folds, or more folds than groups.
    #[error(
        "{groups} groups cannot be dealt out to {folds} folds: there must be at least 2 folds and a group for each"
    )]
    Folds {
        /// Folds asked for.
        folds: usize,
        /// Distinct groups.
        groups: usize,
    },
}
