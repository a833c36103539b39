//! Classes in a table: how many images each has, how well the champion knows it, what it is confused with, and what would help.

use super::catalog_view::CatalogView;
use super::flags::Flags;
use crate::decide::classes;
use plugin_api::names::natural_order;
use plugin_api::runs::Verdict;
use plugin_api::{Split, Workspace};
use plugin_forecast::{Confusion, Forecast, Forecasts};
use serde::Serialize;
use std::collections::BTreeMap;

/// With fewer evaluated images a recall says little.
const FEW: u64 = 10;
/// Four times the images must be expected to bring so much to be worth the work.
const WORTH: f64 = 0.02;
/// Images that are shown beside a class's name.
const EXAMPLES: usize = 4;
/// Confusions that are named.
const CONFUSED: usize = 2;

/// What was found of a class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recall {
    /// Share of its images that was predicted correctly, 0 to 1.
    pub value: f64,
    /// The 95 % interval (Wilson).
    pub interval: [f64; 2],
    /// Images it was found on.
    pub images: u64,
}

/// What would help a class.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Advice {
    /// There is no image in it.
    Empty,
    /// The champion does not know it: the next run does.
    Unknown,
    /// Its recall rests on so few images that it says little.
    Few {
        /// Images it rests on.
        images: u64,
    },
    /// More images are expected to bring so much.
    More {
        /// Recall with four times as many, 0 to 1.
        then: f64,
    },
    /// Nothing.
    Enough,
}

/// A class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassRow {
    /// Its name.
    pub class: String,
    /// Files in all.
    pub files: u64,
    /// Files by split.
    pub train: u64,
    /// As [`Self::train`].
    pub validation: u64,
    /// As [`Self::train`].
    pub test: u64,
    /// Files whose label is suspected to be wrong.
    pub suspected: u64,
    /// The champion's recall; `None` where it was evaluated on no image.
    pub recall: Option<Recall>,
    /// Classes it is taken for most often.
    pub taken_for: Vec<Confusion>,
    /// Recall with more images.
    pub forecast: Option<Forecast>,
    /// What would help.
    pub advice: Advice,
    /// Digests of a few of its images.
    pub examples: Vec<String>,
}

/// All classes, in natural order: those of the data set, and folders without an image.
pub fn table(workspace: &Workspace, view: &CatalogView) -> Vec<ClassRow> {
    let champion = plugin_champion::champion(workspace).and_then(|id| plugin_champion::model(workspace, &id));
    let known = champion.as_ref().map(|model| model.card.classes.clone());
    let verdict = champion.and_then(|model| model.verdict);
    let forecasts = Forecasts::read(workspace);
    let empty = |class: String| ClassRow {
        files: 0,
        train: 0,
        validation: 0,
        test: 0,
        suspected: 0,
        recall: None,
        taken_for: Vec::new(),
        forecast: None,
        advice: Advice::Empty,
        examples: Vec::new(),
        class,
    };
    let names = classes(workspace).into_iter().chain(view.classes.iter().cloned());
    let mut rows: BTreeMap<String, ClassRow> = names.map(|name| (name.clone(), empty(name))).collect();
    let suspected = Flags::named("suspected").unwrap_or_default();
    for item in &view.items {
        let Some(row) = view.class(item).and_then(|class| rows.get_mut(class)) else { continue };
        row.files += 1;
        match item.split {
            Split::Train => row.train += 1,
            Split::Validation => row.validation += 1,
            Split::Test => row.test += 1,
        }
        row.suspected += u64::from(item.flags.has(suspected));
        // Those with nothing the matter are what the class looks like; they come last.
        if row.examples.len() == EXAMPLES {
            row.examples.remove(0);
        }
        row.examples.push(item.digest.clone());
    }
    for row in rows.values_mut() {
        let forecast = forecasts.iter().flat_map(|all| &all.classes).find(|one| one.class == row.class);
        row.recall = verdict.as_ref().and_then(|verdict| recall(verdict, &row.class));
        row.taken_for = verdict.as_ref().map(|verdict| taken_for(verdict, &row.class)).unwrap_or_default();
        row.forecast = forecast.and_then(|one| one.forecast);
        let is_known = known.as_ref().is_none_or(|known| known.contains(&row.class));
        row.advice = match (&row.recall, forecast) {
            _ if row.files == 0 => Advice::Empty,
            _ if !is_known => Advice::Unknown,
            (Some(recall), _) if recall.images < FEW => Advice::Few { images: recall.images },
            (_, Some(one)) if one.gain() >= WORTH => {
                Advice::More { then: one.forecast.map_or(one.accuracy, |forecast| forecast.four_times.accuracy) }
            }
            (None, None) => Advice::Few { images: 0 },
            _ => Advice::Enough,
        };
    }
    let mut rows: Vec<ClassRow> = rows.into_values().collect();
    rows.sort_by(|a, b| natural_order(&a.class, &b.class));
    rows
}

fn place(verdict: &Verdict, class: &str) -> Option<usize> {
    verdict.classes.iter().position(|known| known == class)
}

/// What a verdict says of a class.
pub fn recall(verdict: &Verdict, class: &str) -> Option<Recall> {
    let at = place(verdict, class)?;
    let (images, correct) = match verdict.class_results.get(at) {
        Some(result) => (result.images, result.correct),
        // Verdicts of earlier versions.
        None => (verdict.confusion.get(at)?.iter().sum(), *verdict.confusion.get(at)?.get(at)?),
    };
    let value = (images > 0).then(|| correct as f64 / images as f64)?;
    Some(Recall { value, interval: plugin_metric::wilson(correct, images), images })
}

fn taken_for(verdict: &Verdict, class: &str) -> Vec<Confusion> {
    let Some((at, row)) = place(verdict, class).and_then(|at| Some((at, verdict.confusion.get(at)?))) else {
        return Vec::new();
    };
    let of: u64 = row.iter().sum();
    let mut others: Vec<(u64, &String)> = row.iter().copied().zip(&verdict.classes).collect();
    others.remove(at);
    others.retain(|(count, _)| *count > 0);
    others.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let share = |(count, class): (u64, &String)| Confusion { class: class.clone(), share: count as f64 / of as f64 };
    others.into_iter().take(CONFUSED).map(share).collect()
}
