//! The inbox: what `predict` has written down of it.

use super::ScoredImage;
use crate::model_cache::ClassScore;
use plugin_api::Workspace;
use plugin_tables::Rows;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// Predictions of `inbox/`.
#[derive(Debug, Default, PartialEq)]
pub struct InboxPredictions {
    /// Images that may be of the class.
    pub found: Vec<ScoredImage>,
    /// Every class among the three most probable of any image.
    pub classes: BTreeSet<String>,
    /// Images with a prediction.
    pub images: usize,
}

/// Images of the inbox that may be of a class, in any order: it is one of the three likeliest.
pub fn read(workspace: &Workspace, class: &str) -> InboxPredictions {
    let Ok(rows) = Rows::open(&workspace.inbox().join("predictions.csv")) else { return InboxPredictions::default() };
    let mut inbox = InboxPredictions::default();
    for row in rows {
        inbox.images += 1;
        for at in [2, 4, 6] {
            let (Some(name), Some(p)) = (row.get(at), row.get(at + 1)) else { continue };
            if !name.is_empty() {
                inbox.classes.insert(name.to_owned());
            }
            if name == class
                && let (Some(path), Ok(probability)) = (row.get(0), p.parse())
            {
                inbox.found.push(ScoredImage { path: path.to_owned(), probability });
            }
        }
    }
    inbox
}

/// An image of the inbox and its answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recent {
    /// Relative to the workspace.
    pub path: String,
    /// The three likeliest classes.
    pub classes: Vec<ClassScore>,
    /// Whether no answer was given, because it was unsure or the image is unlike all others.
    pub is_unsure: bool,
    /// The model.
    pub model: String,
    /// When the file came, milliseconds since 1970.
    pub at_ms: u64,
}

/// Images of the inbox that have an answer, those that came last first. What was moved away since is left out.
pub fn recent(workspace: &Workspace, count: usize) -> Vec<Recent> {
    let Ok(rows) = Rows::open(&workspace.inbox().join("predictions.csv")) else { return Vec::new() };
    let ms = |at: SystemTime| at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64;
    let one = |row: &csv::StringRecord| {
        let path = row.get(0)?.to_owned();
        let meta = fs::symlink_metadata(workspace.root().join(&path)).ok().filter(fs::Metadata::is_file)?;
        let score = |at: usize| {
            let class = row.get(at).filter(|class| !class.is_empty())?.to_owned();
            Some(ClassScore { class, probability: row.get(at + 1)?.parse().ok()? })
        };
        let classes: Vec<ClassScore> = [2, 4, 6].into_iter().filter_map(score).collect();
        // The time it was laid there: a copy keeps the time of its content.
        let at_ms = [meta.modified().ok(), meta.created().ok()].into_iter().flatten().map(ms).max().unwrap_or_default();
        let (is_unsure, model) = (row.get(9) == Some("true"), row.get(11).unwrap_or_default().to_owned());
        (!classes.is_empty()).then_some(Recent { path, classes, is_unsure, model, at_ms })
    };
    let mut all: Vec<Recent> = rows.filter_map(|row| one(&row)).collect();
    all.sort_by(|a, b| b.at_ms.cmp(&a.at_ms).then_with(|| a.path.cmp(&b.path)));
    all.truncate(count);
    all
}
