//! `inbox/predictions.csv` and `review/review.csv`.

use crate::inbox::InboxState;
use crate::prediction::{Doubt, Prediction};
use crate::store::View;
use plugin_api::Workspace;
use plugin_api::files::write_atomically;
use plugin_links::{Link, LinkState};
use plugin_tables::Table;
use std::path::PathBuf;

/// Columns of `predictions.csv`.
pub const PREDICTIONS: [&str; 13] = [
    "path",
    "class",
    "class_1",
    "probability_1",
    "class_2",
    "probability_2",
    "class_3",
    "probability_3",
    "margin",
    "abstained",
    "calibrated",
    "model",
    "reason",
];
/// Columns of `review.csv`.
pub const REVIEW: [&str; 9] =
    ["name", "path", "margin", "class_1", "probability_1", "class_2", "probability_2", "model", "reason"];

/// The two files, as last written.
#[derive(Debug)]
pub struct Tables {
    paths: [PathBuf; 2],
    written: [Vec<u8>; 2],
}

impl Tables {
    /// What is there already counts as written.
    pub fn new(workspace: &Workspace) -> Self {
        let paths = [workspace.inbox().join("predictions.csv"), workspace.review().join("review.csv")];
        let written = paths.each_ref().map(|path| std::fs::read(path).unwrap_or_default());
        Self { paths, written }
    }

    /// Writes what is new; says what could not be written.
    fn write(&mut self, contents: [Vec<u8>; 2]) -> Vec<String> {
        let mut failed = Vec::new();
        for ((path, content), written) in self.paths.iter().zip(contents).zip(&mut self.written) {
            let folder_is_there = path.parent().is_some_and(std::path::Path::is_dir);
            if folder_is_there && (content != *written || !path.exists()) {
                match write_atomically(path, &content) {
                    Ok(()) => *written = content,
                    Err(error) => failed.push(error.to_string()),
                }
            }
        }
        failed
    }
}

impl InboxState {
    /// Writes both tables, each whole or not at all.
    pub(crate) fn write_tables(&mut self) {
        match (self.predictions(), self.review()) {
            (Ok(predictions), Ok(review)) => {
                for text in self.tables.write([predictions, review]) {
                    self.notice(text);
                    self.dirty = true;
                }
            }
            (Err(error), _) | (_, Err(error)) => self.notice(format!("a table cannot be written: {error}")),
        }
    }

    fn predictions(&self) -> Result<Vec<u8>, csv::Error> {
        let mut table = Table::new(PREDICTIONS)?;
        for file in self.files.values().filter(|file| !self.is_labelled(file)) {
            let Some(prediction) = &file.prediction else { continue };
            let doubt = prediction.doubt(self.rules.abstain_below);
            let class = if doubt.is_none() { prediction.classes.join(" + ") } else { String::new() };
            let mut row = vec![file.path.clone(), class];
            row.extend((0..3).flat_map(|rank| score(prediction, rank)));
            row.extend([
                format!("{:.4}", prediction.margin),
                doubt.is_some().to_string(),
                prediction.calibrated.to_string(),
                prediction.model.clone(),
                doubt.map_or("", Doubt::name).to_owned(),
            ]);
            table.row(row)?;
        }
        table.finish()
    }

    /// In the order of doubt.
    fn review(&self) -> Result<Vec<u8>, csv::Error> {
        let is_there = |link: &&Link| link.state == LinkState::Linked;
        let links = self.links.of_view(View::Review.name()).filter(is_there);
        let mut rows: Vec<(&Link, &Prediction)> =
            links.filter_map(|link| Some((link, self.files.get(&link.item)?.prediction.as_ref()?))).collect();
        rows.sort_by(|a, b| a.1.margin.total_cmp(&b.1.margin));
        let mut table = Table::new(REVIEW)?;
        for (link, prediction) in rows {
            // Named, but by a narrow margin, is unsure, too.
            let reason = prediction.doubt(self.rules.abstain_below).unwrap_or(Doubt::Unsure).name().to_owned();
            let mut row = vec![link.name.clone(), link.item.clone(), format!("{:.4}", prediction.margin)];
            row.extend((0..2).flat_map(|rank| score(prediction, rank)));
            row.extend([prediction.model.clone(), reason]);
            table.row(row)?;
        }
        table.finish()
    }
}

/// Class and probability, empty when there are fewer classes.
fn score(prediction: &Prediction, rank: usize) -> [String; 2] {
    prediction.top.get(rank).map_or_else(Default::default, |g| [g.class.clone(), format!("{:.4}", g.probability)])
}
