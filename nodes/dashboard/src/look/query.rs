//! A part of the album: what a person asked for, page by page.

use super::album::{Album, Item};
use super::flags::{FLAGS, Flags};
use super::notes::{self, Suspect};
use plugin_api::{Home, Split};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// Files of a page at most.
const MOST: usize = 500;

/// What to show. Empty texts ask for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// A class.
    pub class: String,
    /// `train`, `validation` or `test`.
    pub split: String,
    /// One of [`FLAGS`].
    pub flag: String,
    /// A run whose held-out pictures are meant, with the two below: a cell of its confusion matrix.
    pub run: String,
    /// The class they stood in.
    pub truth: String,
    /// The class they were taken for.
    pub prediction: String,
    /// How many to leave out before the page begins.
    pub from: usize,
    /// How many to show; 500 at most.
    pub count: usize,
}

/// A file as the page shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// Relative to the workspace.
    pub path: String,
    /// BLAKE3 of the file.
    pub digest: String,
    /// Its class.
    pub class: Option<String>,
    /// Its split.
    pub split: &'static str,
    /// What may be the matter with it.
    pub flags: Vec<&'static str>,
    /// Of what class it is suspected to be.
    pub suspect: Option<Suspect>,
}

/// A page of what was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page {
    /// Changes with the album; 0 while it is read for the first time and the page is of a part of it.
    pub generation: u64,
    /// Whether it is a page of the whole album.
    pub whole: bool,
    /// Files there are in all.
    pub total: usize,
    /// Those of the page.
    pub items: Vec<Shown>,
    /// How many each choice would show, by kind and name; on a first page alone.
    pub choices: Option<Choices>,
}

/// Counts by name.
pub type Counts = BTreeMap<String, usize>;

/// How many files there are of each kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Choices {
    /// By class.
    pub class: Counts,
    /// By split.
    pub split: Counts,
    /// By flag, in the order of [`FLAGS`].
    pub flag: Vec<(&'static str, usize)>,
}

impl Album {
    /// A file as the page shows it.
    pub fn shown(&self, item: &Item) -> Shown {
        Shown {
            path: item.path.clone(),
            digest: item.digest.clone(),
            class: self.class(item).map(str::to_owned),
            split: item.split.name(),
            flags: item.flags.names().collect(),
            suspect: self.notes.suspects.get(&item.path).cloned(),
        }
    }

    /// One page; `generation` 0 says that this is a part of the album. A class, split or flag that is not known has no file.
    pub fn page(&self, filter: &Filter, generation: u64, home: &Home) -> Page {
        let class = self.classes.iter().position(|class| *class == filter.class).map(|at| at as u16);
        let flag = Flags::named(&filter.flag);
        let split = Split::parse(&filter.split);
        let cell: Option<HashSet<String>> = (!filter.run.is_empty()).then(|| {
            let saw = notes::saw(home, &filter.run).into_iter();
            let inside = |saw: &notes::Saw| {
                (filter.truth.is_empty() || saw.truth == filter.truth)
                    && (filter.prediction.is_empty() || saw.prediction == filter.prediction)
            };
            saw.filter(|(_, saw)| inside(saw)).map(|(digest, _)| digest).collect()
        });
        let of_class = |item: &Item| filter.class.is_empty() || item.class == class && class.is_some();
        let of_split = |item: &Item| filter.split.is_empty() || Some(item.split) == split;
        let of_flag = |item: &Item| filter.flag.is_empty() || flag.is_some_and(|flag| item.flags.has(flag));
        let of_cell = |item: &Item| cell.as_ref().is_none_or(|cell| cell.contains(&item.digest));
        let count = if filter.count == 0 { 100 } else { filter.count.min(MOST) };
        let (mut total, mut items) = (0, Vec::new());
        for item in self.items.iter().filter(|i| of_class(i) && of_split(i) && of_flag(i) && of_cell(i)) {
            if total >= filter.from && items.len() < count {
                items.push(self.shown(item));
            }
            total += 1;
        }
        let choices = (filter.from == 0).then(|| {
            // Of each kind, what would be shown if that one choice were another.
            let mut choices = Choices::default();
            let mut flags = [0; FLAGS.len()];
            for item in self.items.iter().filter(|item| of_cell(item)) {
                let (class, split, flag) = (of_class(item), of_split(item), of_flag(item));
                if split && flag {
                    *choices.class.entry(self.class(item).unwrap_or_default().to_owned()).or_default() += 1;
                }
                if class && flag {
                    *choices.split.entry(item.split.name().to_owned()).or_default() += 1;
                }
                if class && split {
                    for (bit, (name, _)) in FLAGS.iter().enumerate() {
                        flags[bit] += usize::from(Flags::named(name).is_some_and(|flag| item.flags.has(flag)));
                    }
                }
            }
            choices.flag = FLAGS.iter().zip(flags).map(|((name, _), n)| (*name, n)).collect();
            choices
        });
        Page { generation, whole: generation > 0, total, items, choices }
    }
}
