//! A part of the catalog view: what a person asked for, page by page.

use super::catalog_view::{CatalogView, Item};
use super::flags::{FLAGS, Flags};
use super::notes::{self, Suspect};
use plugin_api::names::natural_order;
use plugin_api::{Split, Workspace};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

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
    /// Names of [`FLAGS`] with commas between them: files that have all of them.
    pub flag: String,
    /// Part of a path, in any case of letters.
    pub name: String,
    /// Shorter side of the original at least, pixels.
    pub min_px: u32,
    /// Shorter side of the original at most, pixels; 0: any.
    pub max_px: u32,
    /// Which date the two below are about.
    pub dated: Dated,
    /// Not before, milliseconds since 1970; 0: any.
    pub since_ms: i64,
    /// Before, milliseconds since 1970; 0: any.
    pub until_ms: i64,
    /// Another folder than `photos/`: one of [`PLACES`](super::places::PLACES).
    pub place: String,
    /// How they are sorted.
    pub sort: Sort,
    /// Digest of an image: those most like it, the most alike first, whatever `sort` says.
    pub like: String,
    /// A run whose held-out images are meant, with the two below: a cell of its confusion matrix.
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

/// A date of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dated {
    /// When the file came.
    #[default]
    Added,
    /// When the photo was taken (EXIF, read as UTC); a file that does not say is in no span.
    Taken,
}

/// In which order files are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// What needs attention first.
    #[default]
    Doubt,
    /// By class, then by path.
    Class,
    /// By file name.
    Name,
    /// What came last first.
    Newest,
    /// The most pixels first.
    Largest,
    /// The fewest pixels first.
    Smallest,
}

/// What the champion predicted of an image while it was held out, or what `predict` has written down of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Predicted {
    /// The class.
    pub class: String,
    /// Its probability, 0 to 1.
    pub probability: f32,
}

/// A file as the page shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Shown {
    /// Relative to the workspace.
    pub path: String,
    /// BLAKE3 of the file; empty where nobody has worked it out.
    pub digest: String,
    /// Its class.
    pub class: Option<String>,
    /// Its split; empty outside of the data set.
    pub split: &'static str,
    /// What may be the matter with it.
    pub flags: Vec<&'static str>,
    /// Of what class it is suspected to be.
    pub suspect: Option<Suspect>,
    /// What it was predicted to be.
    pub predicted: Option<Predicted>,
}

/// A page of what was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page {
    /// Changes with the catalog view; 0 while it is read for the first time and the page is of a part of it.
    pub generation: u64,
    /// Whether it is a page of the whole catalog view.
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

impl Filter {
    /// How many to show.
    pub fn most(&self) -> usize {
        if self.count == 0 { 100 } else { self.count.min(MOST) }
    }

    /// The part of a path that is searched for, in small letters.
    pub fn needle(&self) -> String {
        self.name.to_lowercase()
    }
}

/// The parts of a filter as a catalog view understands them.
struct Wanted<'a> {
    filter: &'a Filter,
    class: Option<u16>,
    split: Option<Split>,
    /// `None` when a flag is not known, so that no file has it.
    flags: Option<Flags>,
    cell: Option<HashSet<String>>,
    needle: String,
}

/// Whether a path has a part, in any case of letters.
pub fn is_named(path: &str, needle: &str) -> bool {
    needle.is_empty() || path.to_lowercase().contains(needle)
}

impl Wanted<'_> {
    fn is_of_class(&self, item: &Item) -> bool {
        self.filter.class.is_empty() || self.class.is_some() && item.class == self.class
    }

    fn is_of_split(&self, item: &Item) -> bool {
        self.filter.split.is_empty() || Some(item.split) == self.split
    }

    fn is_flagged(&self, item: &Item) -> bool {
        self.flags.is_some_and(|flags| item.flags.has(flags))
    }

    fn is_of_date(&self, item: &Item) -> bool {
        let Filter { dated, since_ms, until_ms, .. } = *self.filter;
        let ms = if dated == Dated::Taken { item.captured_ms } else { Some(item.arrived_ms) };
        let is_within = |ms: i64| ms >= since_ms && (until_ms == 0 || ms < until_ms);
        (since_ms == 0 && until_ms == 0) || ms.is_some_and(is_within)
    }

    /// Name, size, date and cell, which have no counts of their own.
    fn is_found(&self, item: &Item) -> bool {
        let side = item.facts.width.min(item.facts.height);
        let sized = side >= self.filter.min_px && (self.filter.max_px == 0 || side <= self.filter.max_px);
        sized
            && self.is_of_date(item)
            && is_named(&item.path, &self.needle)
            && self.cell.as_ref().is_none_or(|cell| cell.contains(&item.digest))
    }
}

impl CatalogView {
    /// A file as the page shows it.
    pub fn shown(&self, item: &Item) -> Shown {
        let held_out = self.notes.held_out.get(&item.digest);
        Shown {
            path: item.path.clone(),
            digest: item.digest.clone(),
            class: self.class(item).map(str::to_owned),
            split: item.split.name(),
            flags: item.flags.names().collect(),
            suspect: self.notes.suspects.get(&item.path).cloned(),
            predicted: held_out
                .map(|held_out| Predicted { class: held_out.prediction.clone(), probability: held_out.probability }),
        }
    }

    fn wanted<'a>(&self, filter: &'a Filter, workspace: &Workspace) -> Wanted<'a> {
        let class = self.classes.iter().position(|class| *class == filter.class).map(|at| at as u16);
        let named = filter.flag.split(',').filter(|name| !name.is_empty());
        let flags = named.clone().all(|name| Flags::named(name).is_some()).then(|| {
            let mut flags = Flags::default();
            named.for_each(|name| flags.add(name));
            flags
        });
        let cell = (!filter.run.is_empty()).then(|| {
            let held_out = notes::held_out(workspace, &filter.run).into_iter();
            let inside = |held_out: &notes::HeldOutPrediction| {
                (filter.truth.is_empty() || held_out.truth == filter.truth)
                    && (filter.prediction.is_empty() || held_out.prediction == filter.prediction)
            };
            held_out.filter(|(_, held_out)| inside(held_out)).map(|(digest, _)| digest).collect()
        });
        Wanted { filter, class, split: Split::parse(&filter.split), flags, cell, needle: filter.needle() }
    }

    /// Places of all items in an order.
    fn order(&self, sort: Sort) -> Vec<u32> {
        let mut places: Vec<u32> = (0..self.items.len() as u32).collect();
        let item = |at: &u32| &self.items[*at as usize];
        let name = |at: &u32| item(at).path.rsplit('/').next().unwrap_or_default();
        let pixels = |at: &u32| u64::from(item(at).facts.width) * u64::from(item(at).facts.height);
        match sort {
            Sort::Doubt => {}
            Sort::Class => {
                places.sort_by(|a, b| item(a).class.cmp(&item(b).class).then_with(|| item(a).path.cmp(&item(b).path)));
            }
            Sort::Name => places.sort_by(|a, b| natural_order(name(a), name(b))),
            Sort::Newest => places.sort_by_key(|at| Reverse(item(at).added)),
            Sort::Largest => places.sort_by_key(|at| Reverse(pixels(at))),
            Sort::Smallest => places.sort_by_key(pixels),
        }
        places
    }

    /// One page; `generation` 0 says that this is a part of the catalog view. A class, split or flag that is not known has no file.
    pub fn page(&self, filter: &Filter, generation: u64, workspace: &Workspace) -> Page {
        let order = self.orders.of(filter.sort, || self.order(filter.sort));
        self.page_of(order.iter().map(|at| &self.items[*at as usize]), filter, generation, workspace)
    }

    /// As [`Self::page`], of these files in their order.
    pub fn page_of<'a>(
        &'a self,
        all: impl Iterator<Item = &'a Item> + Clone,
        filter: &Filter,
        generation: u64,
        workspace: &Workspace,
    ) -> Page {
        let wanted = self.wanted(filter, workspace);
        let (count, found) = (filter.most(), all.filter(|item| wanted.is_found(item)));
        let is_wanted = |item: &&Item| wanted.is_of_class(item) && wanted.is_of_split(item) && wanted.is_flagged(item);
        let (mut total, mut items) = (0, Vec::new());
        for item in found.clone().filter(is_wanted) {
            if total >= filter.from && items.len() < count {
                items.push(self.shown(item));
            }
            total += 1;
        }
        let choices = (filter.from == 0).then(|| self.choices(&wanted, found));
        Page { generation, whole: generation > 0, total, items, choices }
    }

    /// Of each kind, what would be shown if that one choice were another; of flags, if one more were asked for.
    fn choices<'a>(&self, wanted: &Wanted<'_>, found: impl Iterator<Item = &'a Item>) -> Choices {
        // By place, so that nothing is named or looked up for each of 100,000 files.
        let masks: Vec<Flags> = FLAGS.iter().filter_map(|(name, _)| Flags::named(name)).collect();
        let mut flags = [0; FLAGS.len()];
        let mut classes = vec![0; self.classes.len()];
        let mut splits = [0; Split::ALL.len()];
        let mut without_class = 0;
        for item in found {
            let (class, split, flag) = (wanted.is_of_class(item), wanted.is_of_split(item), wanted.is_flagged(item));
            if split && flag {
                match item.class.and_then(|class| classes.get_mut(usize::from(class))) {
                    Some(count) => *count += 1,
                    None => without_class += 1,
                }
            }
            if class && flag {
                splits[item.split.index()] += 1;
            }
            if class && split && flag {
                for (count, mask) in flags.iter_mut().zip(&masks) {
                    *count += usize::from(item.flags.has(*mask));
                }
            }
        }
        let mut choices = Choices::default();
        let named = self.classes.iter().cloned().zip(classes).chain([(String::new(), without_class)]);
        choices.class = named.filter(|(_, count)| *count > 0).collect();
        let named = Split::ALL.iter().zip(splits).filter(|(_, count)| *count > 0);
        choices.split = named.map(|(split, count)| (split.name().to_owned(), count)).collect();
        choices.flag = FLAGS.iter().zip(flags).map(|((name, _), n)| (*name, n)).collect();
        choices
    }
}

/// Orders of a catalog view's files, each worked out when it is asked for first.
#[derive(Debug, Default)]
pub struct Orders(Mutex<HashMap<Sort, Arc<Vec<u32>>>>);

impl Orders {
    fn of(&self, sort: Sort, make: impl FnOnce() -> Vec<u32>) -> Arc<Vec<u32>> {
        let mut orders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        orders.entry(sort).or_insert_with(|| Arc::new(make())).clone()
    }
}
