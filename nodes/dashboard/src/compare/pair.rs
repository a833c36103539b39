//! Two models beside each other: recall by class, and the images that they differ on.

use crate::look::{CatalogView, Recall, Shown, notes_of_run, recall};
use plugin_api::Workspace;
use plugin_api::names::natural_order;
use plugin_api::runs::{RunFolder, Verdict};
use serde::Serialize;

/// Images of each kind that are named at most.
const MOST: usize = 200;

/// A class as both know it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairClass {
    /// The class.
    pub class: String,
    /// Recall of each; `None` where nothing is known.
    pub recall: [Option<Recall>; 2],
}

/// An image that the two predict differently.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PairImage {
    /// The image.
    #[serde(flatten)]
    pub shown: Shown,
    /// What each predicted.
    pub said: [String; 2],
}

/// Two runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Pair {
    /// Images that both were evaluated on.
    pub images: usize,
    /// Those that both predicted correctly.
    pub both: usize,
    /// Those that each alone predicted correctly.
    pub alone: [usize; 2],
    /// McNemar's test of the two, two-sided; `None` where they differ on no image.
    pub p_value: Option<f64>,
    /// Every class that one of them knows, in natural order.
    pub classes: Vec<PairClass>,
    /// Images that the first alone predicted correctly, and those that the second did.
    pub differ: [Vec<PairImage>; 2],
}

impl Pair {
    /// Reads what is known of two runs; `None` when one of them was not evaluated.
    pub fn read(workspace: &Workspace, view: &CatalogView, runs: [&str; 2]) -> Option<Self> {
        let verdicts: Vec<Verdict> =
            runs.iter().map(|id| RunFolder::new(&workspace.runs(), id).verdict()).collect::<Option<_>>()?;
        let mut names: Vec<&String> = verdicts.iter().flat_map(|verdict| &verdict.classes).collect();
        names.sort_by(|a, b| natural_order(a, b));
        names.dedup();
        let classes = names
            .into_iter()
            .map(|class| PairClass { class: class.clone(), recall: [0, 1].map(|at| recall(&verdicts[at], class)) });
        let [first, second] = runs.map(|run| notes_of_run(workspace, run));
        let mut pair = Self { classes: classes.collect(), ..Self::default() };
        let mut correct = [Vec::new(), Vec::new()];
        let mut common: Vec<&String> = first.keys().filter(|digest| second.contains_key(*digest)).collect();
        common.sort();
        for digest in common {
            let (a, b) = (&first[digest], &second[digest]);
            // Each is held against the label as it was then; where that changed since, nothing can be said.
            if a.truth != b.truth {
                continue;
            }
            let is = [a.prediction == a.truth, b.prediction == b.truth];
            pair.images += 1;
            pair.both += usize::from(is == [true, true]);
            correct[0].push(is[0]);
            correct[1].push(is[1]);
            let Some(at) = [[true, false], [false, true]].iter().position(|kind| *kind == is) else { continue };
            pair.alone[at] += 1;
            if let Some(item) = view.find(digest).filter(|_| pair.differ[at].len() < MOST) {
                let said = [a.prediction.clone(), b.prediction.clone()];
                pair.differ[at].push(PairImage { shown: view.shown(item), said });
            }
        }
        pair.p_value = (pair.alone != [0, 0]).then(|| plugin_metric::mcnemar(&correct[0], &correct[1]));
        Some(pair)
    }
}
