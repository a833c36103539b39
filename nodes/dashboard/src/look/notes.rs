//! What others have noted about images: `inspect` of labels, the champion's report of held-out images, a person of what
//! looks alike.

use plugin_api::runs::RunFolder;
use plugin_api::{Labels, Workspace, decisions};
use plugin_review::Settled;
use plugin_tables::Rows;
use serde::Serialize;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A suspected wrong label.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suspect {
    /// Its class.
    pub class: String,
    /// The class it probably is of.
    pub suggested: String,
    /// Probability of its own class, 0 to 1.
    pub own: f32,
    /// Probability of the other.
    pub other: f32,
}

/// What a model said of a held-out image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeldOutPrediction {
    /// The class it stood in.
    pub truth: String,
    /// The class it was taken for.
    pub prediction: String,
    /// Probability of that, 0 to 1.
    pub probability: f32,
    /// How far that is ahead of the next.
    pub margin: f32,
}

/// All notes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notes {
    /// By path.
    pub suspects: HashMap<String, Suspect>,
    /// By digest.
    pub held_out: HashMap<String, HeldOutPrediction>,
    /// The version of the data set that the champion was trained on; none without a champion.
    pub trained_on: Option<u64>,
    /// The champion.
    pub champion: Option<String>,
    /// What a person has decided about look-alikes.
    pub settled: Settled,
    /// What several classes mean.
    pub labels: Labels,
}

/// What decides the notes: when it is the same, so are they.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stamp(Option<String>, [Option<SystemTime>; 3]);

fn suspects_file(workspace: &Workspace) -> PathBuf {
    workspace.dataset().join("report/label_errors.csv")
}

fn predictions_file(workspace: &Workspace, run: &str) -> PathBuf {
    workspace.runs().join(run).join("report/predictions.csv")
}

impl Notes {
    /// When the files were written.
    pub fn stamp(workspace: &Workspace) -> Stamp {
        let champion = plugin_champion::champion(workspace);
        let time = |path: PathBuf| fs::metadata(path).and_then(|meta| meta.modified()).ok();
        let predictions = champion.as_ref().and_then(|run| time(predictions_file(workspace, run)));
        Stamp(champion, [time(suspects_file(workspace)), predictions, time(decisions::path(workspace))])
    }

    /// Reads them; what cannot be read is not noted.
    pub fn read(workspace: &Workspace) -> Self {
        let champion = plugin_champion::champion(workspace);
        let manifest = champion.as_ref().and_then(|run| RunFolder::new(&workspace.runs(), run).manifest());
        Self {
            suspects: suspects(&suspects_file(workspace)),
            held_out: champion.as_ref().map(|run| held_out(workspace, run)).unwrap_or_default(),
            trained_on: manifest.map(|manifest| manifest.version),
            champion,
            settled: settled(workspace),
            labels: Labels::default(),
        }
    }
}

/// What a person has decided and not withdrawn. A file that cannot be read decides nothing, and is named.
pub fn settled(workspace: &Workspace) -> Settled {
    let decisions = decisions::read(workspace).unwrap_or_else(|error| {
        tracing::warn!(%error, "decisions are not heeded");
        decisions::Decisions::default()
    });
    Settled::of(&decisions)
}

fn suspects(path: &Path) -> HashMap<String, Suspect> {
    let Ok(rows) = Rows::open(path) else { return HashMap::new() };
    let rows = rows.filter_map(|row| {
        let number = |at: usize| row.get(at)?.parse::<f32>().ok();
        let text = |at: usize| row.get(at).map(str::to_owned);
        Some((text(0)?, Suspect { class: text(1)?, suggested: text(2)?, own: number(3)?, other: number(4)? }))
    });
    rows.collect()
}

/// What a run said of the held-out images, by digest.
pub fn held_out(workspace: &Workspace, run: &str) -> HashMap<String, HeldOutPrediction> {
    let Ok(rows) = Rows::open(&predictions_file(workspace, run)) else { return HashMap::new() };
    let rows = rows.filter_map(|row| {
        let mut each: Vec<f32> = row.iter().skip(6).filter_map(|p| p.parse().ok()).collect();
        each.sort_by(|a, b| b.total_cmp(a));
        let margin = each.first()? - each.get(1).unwrap_or(&0.0);
        let (truth, prediction) = (row.get(2)?.to_owned(), row.get(3)?.to_owned());
        Some((
            row.get(1)?.to_owned(),
            HeldOutPrediction { truth, prediction, probability: row.get(4)?.parse().ok()?, margin },
        ))
    });
    rows.collect()
}
