//! What a person reads of a run: `report/index.html` and, in Japanese, `report/index.ja.html`, and the tables `predictions.csv`, `confusion.csv` and
//! `per_class.csv` beside it.
//!
//! The page holds everything it shows: style, drawings and thumbnails are inside, nothing is fetched. One file here
//! makes one section of it.

mod classes;
mod configuration;
mod counts;
mod curves;
#[cfg(test)]
mod fixtures;
pub mod format;
mod headline;
mod matrix;
mod page;
pub mod scale;
mod tables;
mod tagged;
mod warnings;
mod words;
mod wrong;

pub use page::{STYLE, document, html, page_name};
pub use tables::{confusion_csv, per_class_csv, predictions_csv};
pub use tagged::{MultilabelReport, write_multilabel};
pub use warnings::{Warning, warnings};
pub use words::Words;
pub use wrong::{MAX_WRONG, Wrong, WrongImages};

use plugin_api::Language;
use plugin_api::files::write_atomically;
use plugin_api::runs::{Finished, MetricRow, RunManifest, Verdict};
use plugin_metric::Predictions;
use std::io;
use std::path::Path;

/// Writes a page in every language; the English one, which others look for, last.
fn write_pages(folder: &Path, page: impl Fn(Language) -> String) -> io::Result<()> {
    Language::ALL
        .into_iter()
        .rev()
        .try_for_each(|language| write_atomically(&folder.join(page_name(language)), page(language).as_bytes()))
}

/// A held-out image, in the order of [`Predictions`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvaluatedImage {
    /// One file that holds it, relative to the workspace.
    pub path: String,
    /// BLAKE3 of that file.
    pub digest: String,
}

/// Everything a report tells.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// What decided the run.
    pub manifest: &'a RunManifest,
    /// How training ended.
    pub finished: Option<&'a Finished>,
    /// How training went.
    pub metrics: &'a [MetricRow],
    /// What was decided.
    pub verdict: &'a Verdict,
    /// What the challenger said of the held-out images.
    pub challenger: &'a Predictions,
    /// What the champion said of the same images.
    pub champion: Option<&'a Predictions>,
    /// Those images.
    pub images: &'a [EvaluatedImage],
    /// The challenger's surest mistakes.
    pub wrong: &'a WrongImages,
}

/// Writes the tables and then the page into `folder`, which is made when missing. Each file is whole or not there.
///
/// # Errors
/// Any error of the file system, with the path in its text.
pub fn write(folder: &Path, report: &Report) -> io::Result<()> {
    std::fs::create_dir_all(folder).map_err(|e| plugin_api::files::with_path(folder, &e))?;
    let table = |name: &str, content: Result<Vec<u8>, csv::Error>| {
        write_atomically(&folder.join(name), &content.map_err(io::Error::other)?)
    };
    table("predictions.csv", predictions_csv(report.challenger, report.images))?;
    table("confusion.csv", confusion_csv(report.challenger))?;
    table("per_class.csv", per_class_csv(report.challenger))?;
    write_pages(folder, |language| html(report, language))
}
