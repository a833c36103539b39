//! Searching by mood: images nobody has labelled, by how probably they are of a class.
//!
//! All are predicted by the champion: the inbox's as `predict` has written down (`inbox`), the pool's on a thread of its own
//! ([`Heap`]), by the embeddings that `curate.yml` keeps where they are there (`curated`). Nothing is moved.

mod curated;
mod heap;
mod inbox;
#[cfg(test)]
mod tests;

pub use heap::Heap;
pub use inbox::{Recent, recent};

use crate::decide::Decider;
use plugin_api::Home;
use plugin_api::names::natural_order;
use serde::Serialize;
use std::sync::Arc;

/// An image and how probably it is of the class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Felt {
    /// Relative to the workspace.
    pub path: String,
    /// 0 to 1.
    pub probability: f32,
}

/// What is known of the pool as a whole.
#[derive(Debug, PartialEq, Serialize)]
pub struct Pool {
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
    pub items: Vec<Felt>,
    /// Classes there are to choose from, in natural order.
    pub classes: Vec<String>,
    /// Images of the inbox that `predict` has judged.
    pub inbox: usize,
    /// The pool.
    pub pool: Pool,
}

/// Searches inbox and pool for a class. What was moved away on the page is left out. Reads, and waits for nothing.
pub fn search(home: &Home, heap: &Arc<Heap>, decider: &Decider, class: &str, from: usize, count: usize) -> Found {
    let said = inbox::read(home, class);
    let (judged, busy) = heap.latest();
    let mut classes = said.classes;
    classes.extend(judged.classes.iter().cloned());
    let mut all = said.found;
    all.extend(judged.of(class));
    let moved = decider.moved();
    all.retain(|one| !moved.contains(&one.path) || home.root().join(&one.path).exists());
    all.sort_by(|a, b| b.probability.total_cmp(&a.probability).then_with(|| a.path.cmp(&b.path)));
    let total = all.len();
    let pool = Pool { model: judged.model.clone(), known: judged.known(), unknown: judged.unknown, busy };
    let items = all.into_iter().skip(from).take(count).collect();
    let mut classes: Vec<String> = classes.into_iter().collect();
    classes.sort_by(|a, b| natural_order(a, b));
    Found { total, items, classes, inbox: said.images, pool }
}
