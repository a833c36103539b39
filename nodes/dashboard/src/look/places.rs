//! Files outside of the data set: what waits for a class, and what was thrown away.

use super::query::{Filter, Page, Predicted, Shown, Sort, is_named};
use crate::decide::files_below;
use plugin_api::Workspace;
use plugin_api::names::{file_counts, natural_order};
use plugin_tables::Rows;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::fs;

/// Folders that can be looked through besides `photos/`.
pub const PLACES: [&str; 5] = ["inbox", "pool", "seeds", "review", "trash"];

/// What `predict` has written down of the inbox, by path.
pub fn predictions(workspace: &Workspace) -> HashMap<String, Predicted> {
    let Ok(rows) = Rows::open(&workspace.inbox().join("predictions.csv")) else { return HashMap::new() };
    rows.filter_map(|row| Some((row.get(0)?.to_owned(), predicted(row.get(2)?, row.get(3)?)?))).collect()
}

fn predicted(class: &str, probability: &str) -> Option<Predicted> {
    let class = (!class.is_empty()).then(|| class.to_owned())?;
    Some(Predicted { class, probability: probability.parse().ok()? })
}

/// One page of a folder. Of those that were not labelled, what they are taken for is said where it is known.
pub fn page(workspace: &Workspace, filter: &Filter, generation: u64) -> Page {
    let said = if filter.place == "inbox" { predictions(workspace) } else { HashMap::new() };
    let mut names = files_below(workspace, &filter.place);
    names.retain(|name| file_counts(name.rsplit('/').next().unwrap_or_default()));
    let needle = filter.needle();
    names.retain(|name| is_named(name, &needle));
    match filter.sort {
        Sort::Newest => {
            let time = |name: &String| {
                let path = workspace.root().join(&filter.place).join(name);
                fs::metadata(path).and_then(|meta| meta.modified()).ok()
            };
            names.sort_by_cached_key(|name| Reverse(time(name)));
        }
        _ => names.sort_by(|a, b| natural_order(a, b)),
    }
    let total = names.len();
    let shown = |name: String| {
        let path = format!("{}/{name}", filter.place);
        let predicted = said.get(&path).cloned();
        Shown { path, digest: String::new(), class: None, split: "", flags: Vec::new(), suspect: None, predicted }
    };
    let items = names.into_iter().skip(filter.from).take(filter.most()).map(shown).collect();
    Page { generation, whole: true, total, items, choices: (filter.from == 0).then(Default::default) }
}
