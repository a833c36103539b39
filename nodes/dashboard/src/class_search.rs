//! Class search: images nobody has labelled, by how probably they are of a class.
//!
//! All are predicted by the champion: the inbox's as `predict` has written down (`inbox`), the pool's on a thread of its own
//! ([`Pool`]), by the embeddings that `curate.yml` keeps where they are there (`curated`). Nothing is moved.

mod curated;
mod inbox;
mod pool;
#[cfg(test)]
mod tests;

pub use inbox::{Recent, recent};
pub use pool::Pool;

use crate::decide::Decider;
use plugin_api::Workspace;
use plugin_api::names::natural_order;
use serde::Serialize;
use std::sync::Arc;

/// An image and how probably it is of the class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoredImage {
    /// Relative to the workspace.
    pub path: String,
    /// 0 to 1.
    pub probability: f32,
}

/// What is known of the pool as a whole.
#[derive(Debug, PartialEq, Serialize)]
pub struct PoolCounts {
    /// The champion; `None` when there is none to ask.
    pub model: Option<String>,
    /// Images that it has predicted.
    pub known: usize,
    /// Images that wait for that.
    pub unknown: usize,
    /// It is being looked at: there is more in a moment.
    pub busy: bool,
}

/// What was found.
#[derive(Debug, PartialEq, Serialize)]
pub struct Found {
    /// Images in all.
    pub total: usize,
    /// Some of them, the surest first.
    pub items: Vec<ScoredImage>,
    /// Classes there are to choose from, in natural order.
    pub classes: Vec<String>,
    /// Images of the inbox that `predict` has classified.
    pub inbox: usize,
    /// The pool.
    pub pool: PoolCounts,
}

/// Searches inbox and pool for a class. What was moved away on the page is left out. Reads, and waits for nothing.
pub fn search(
    workspace: &Workspace,
    pool: &Arc<Pool>,
    decider: &Decider,
    class: &str,
    from: usize,
    count: usize,
) -> Found {
    let inbox = inbox::read(workspace, class);
    let (scores, busy) = pool.latest();
    let mut classes = inbox.classes;
    classes.extend(scores.classes.iter().cloned());
    let mut all = inbox.found;
    all.extend(scores.of(class));
    let moved = decider.moved();
    all.retain(|one| !moved.contains(&one.path) || workspace.root().join(&one.path).exists());
    all.sort_by(|a, b| b.probability.total_cmp(&a.probability).then_with(|| a.path.cmp(&b.path)));
    let total = all.len();
    let counts = PoolCounts { model: scores.model.clone(), known: scores.known(), unknown: scores.unknown, busy };
    let items = all.into_iter().skip(from).take(count).collect();
    let mut classes: Vec<String> = classes.into_iter().collect();
    classes.sort_by(|a, b| natural_order(a, b));
    Found { total, items, classes, inbox: inbox.images, pool: counts }
}
