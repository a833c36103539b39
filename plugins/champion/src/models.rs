//! What lies in `models/`.

use crate::promote::{champion, complete};
use plugin_api::Workspace;
use plugin_api::runs::{ModelCard, Verdict, read_json};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// That a person made a model champion: `by-hand.json` in its folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByHand {
    /// The champion before.
    pub previous: Option<String>,
    /// When, milliseconds since 1970.
    pub promoted_ms: u64,
}

/// A model directory below `models/`, with the verdict on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its name: the run it comes from.
    pub id: String,
    /// Where it lies.
    pub folder: PathBuf,
    /// Architecture, classes and input of the model.
    pub card: ModelCard,
    /// What it was promoted by; none when that is gone.
    pub verdict: Option<Verdict>,
    /// Whether a person did, and when.
    pub by_hand: Option<ByHand>,
    /// Whether it is champion now.
    pub is_champion: bool,
}

impl Model {
    /// The champion that there was before it became so.
    pub fn previous(&self) -> Option<&str> {
        match (&self.by_hand, &self.verdict) {
            (Some(by_hand), _) => by_hand.previous.as_deref(),
            (None, Some(verdict)) => verdict.previous.as_deref(),
            (None, None) => None,
        }
    }
}

/// Every whole model, in the order of their names, which is that of their runs.
pub fn models(workspace: &Workspace) -> Vec<Model> {
    let entries = std::fs::read_dir(workspace.models()).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.starts_with('.') && name != "champion");
    names.sort();
    names.iter().filter_map(|name| model(workspace, name)).collect()
}

/// A whole model by its name.
pub fn model(workspace: &Workspace, id: &str) -> Option<Model> {
    let folder = workspace.models().join(id);
    let card = complete(&folder).then(|| read_json(&folder.join("model.json")).ok())??;
    Some(Model {
        id: id.to_owned(),
        card,
        verdict: read_json(&folder.join("verdict.json")).ok(),
        by_hand: read_json(&folder.join("by-hand.json")).ok(),
        is_champion: champion(workspace).as_deref() == Some(id),
        folder,
    })
}
