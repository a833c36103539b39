//! Errors of this crate.

use std::path::PathBuf;

/// Why a head could not be fitted, asked, written or read.
#[derive(Debug, thiserror::Error)]
pub enum HeadError {
    /// No sample, no class or no dimension.
    #[error("there is nothing to fit a head to: {samples} samples, {classes} classes, {dimensions} dimensions")]
    Empty {
        /// Number of samples.
        samples: usize,
        /// Number of classes.
        classes: usize,
        /// Numbers of an embedding.
        dimensions: usize,
    },
    /// Lists that belong together differ in length.
    #[error("{what}: {found} of them, expected {expected}")]
    Length {
        /// Which list.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length that the others ask for.
        expected: usize,
    },
    /// An embedding contains NaN or an infinity.
    #[error("row {row} has a feature that is not a finite number")]
    NotFinite {
        /// Index of the row.
        row: usize,
    },
    /// An embedding is neither of unit length nor zero.
    #[error("row {row} has length {length}, but embeddings must have length 1")]
    NotUnitLength {
        /// Index of the row.
        row: usize,
        /// Its Euclidean norm.
        length: f64,
    },
    /// A label is not below the number of classes.
    #[error("row {row} has label {label}, but there are only {classes} classes, from 0")]
    Label {
        /// Index of the row.
        row: usize,
        /// Class index of the sample.
        label: u32,
        /// Number of classes.
        classes: usize,
    },
    /// An option is out of range.
    #[error("{option} is {value}, but must be {range}")]
    Option {
        /// Name of the option on the command line.
        option: &'static str,
        /// Value that was given.
        value: f64,
        /// The values allowed.
        range: &'static str,
    },
    /// Fewer than two folds, or more folds than groups.
    #[error("{groups} groups cannot be divided into {folds} folds: at least 2 folds and a group for each are needed")]
    Folds {
        /// Folds asked for.
        folds: usize,
        /// Distinct groups.
        groups: usize,
    },
    /// A system of equations is singular to the precision of 32-bit floats.
    #[error("the samples' covariance is singular with shrinkage {shrinkage}: use a greater --head-shrinkage")]
    Singular {
        /// The shrinkage that was used.
        shrinkage: f64,
    },
    /// The file system failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// A file that is not a head of a known version, or damaged.
    #[error("{}: not a classifier head: {problem}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}
