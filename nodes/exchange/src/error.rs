//! Everything that can go wrong, for a person.

use std::io;
use std::path::PathBuf;

/// Why nothing was exported or imported.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// A file could not be read or written. The text names the file.
    #[error("{0}")]
    File(#[from] io::Error),
    /// There is no catalog.
    #[error(
        "{0} is not there: no image has been taken into this workspace yet. Start the pipeline first, or name another workspace with --home"
    )]
    NoCatalog(PathBuf),
    /// The catalog could not be read.
    #[error("{0}")]
    Catalog(#[from] plugin_catalog::CatalogError),
    /// There is no such model.
    #[error("{0}")]
    NoModel(String),
    /// The model's blocks or weights are broken.
    #[error("{path}: {problem}")]
    Model {
        /// The weights, or the card.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// No image is left to export.
    #[error("there is no labelled image to export{0}")]
    NothingToExport(String),
    /// The target is there and `--force` was not given.
    #[error("{0} is there already: name another folder, or replace an earlier export with --force")]
    TargetExists(PathBuf),
    /// The target holds something that no export wrote.
    #[error("{folder} holds {found}, which is not of an earlier export: nothing was replaced")]
    TargetForeign {
        /// The target.
        folder: PathBuf,
        /// What is there.
        found: String,
    },
    /// An image could not be written as PNG.
    #[error("{path}: {source}")]
    Png {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        source: image::ImageError,
    },
    /// A cell of a CSV file is wrong.
    #[error("{}, {fault}", .file.display())]
    Csv {
        /// The CSV file.
        file: PathBuf,
        /// Where, and why.
        fault: Fault,
    },
    /// There is no CSV file where one should be.
    #[error("{0} holds neither index.csv nor train.csv, validation.csv or test.csv")]
    NoDataSet(PathBuf),
    /// A data set without rows.
    #[error("{0} lists no image")]
    NothingToImport(PathBuf),
    /// A project or model of Neural Network Console cannot be taken in.
    #[error("{path}: {error}")]
    Nnc {
        /// The file.
        path: PathBuf,
        /// Why.
        error: plugin_nnc::NncError,
    },
    /// A file of a project or model is there already.
    #[error("{0} is there already: name another folder with --into")]
    FileExists(PathBuf),
    /// A name given with `--classes` cannot be a folder.
    #[error("--classes: {0}")]
    Classes(String),
}

/// Where in a CSV file something is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct Fault {
    /// Line of the file, from 1.
    pub line: usize,
    /// Column of the table, from 1.
    pub column: usize,
    /// What is wrong, and what would be right.
    pub reason: String,
}

impl Fault {
    /// A fault at a place.
    pub fn new(line: usize, column: usize, reason: impl Into<String>) -> Self {
        Self { line, column, reason: reason.into() }
    }

    /// The same, naming the file.
    pub fn in_file(self, file: impl Into<PathBuf>) -> ExchangeError {
        ExchangeError::Csv { file: file.into(), fault: self }
    }
}
