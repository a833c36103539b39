//! How the folders below `photos/` are read: which name the class, and which the split.
//!
//! As a rule the first folder is the class: `photos/<class>/**`. Data sets often come as `train/<class>/**`, `val/<class>/**`,
//! `test/<class>/**`; then the second folder is the class and the first the split. As `test` or `train` may be a class too, the
//! decision looks at all folders with images together, see [`Layout::of`]. It depends on what is there, not on the order in
//! which it came.

use crate::names::class_name;
use crate::split::Split;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The split that a folder of this name may be, in letters of any case.
pub fn split_of_folder(name: &str) -> Option<Split> {
    match class_name(name).to_lowercase().as_str() {
        "train" | "training" => Some(Split::Train),
        "val" | "valid" | "validation" => Some(Split::Validation),
        "test" | "testing" => Some(Split::Test),
        _ => None,
    }
}

/// Images in one folder at the top.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Top {
    /// Directly in it.
    pub direct: usize,
    /// Below each of its folders, by the folder's name.
    pub folders: BTreeMap<String, usize>,
}

impl Top {
    /// Whether most images lie in folders of it.
    fn is_nested(&self) -> bool {
        self.folders.values().sum::<usize>() > self.direct
    }

    fn classes(&self) -> BTreeSet<String> {
        self.folders.keys().map(|name| class_name(name)).collect()
    }
}

/// Where the images below a watched folder lie: counts by the first two folders.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    tops: BTreeMap<String, Top>,
    version: u64,
}

impl Shape {
    /// Counts the image at `path`, relative to the watched folder, in or out. One directly in the watched folder is of no class
    /// and does not count.
    pub fn count(&mut self, path: &str, is_there: bool) {
        let Some((name, below)) = path.split_once('/') else { return };
        if !self.tops.contains_key(name) {
            self.tops.insert(name.to_owned(), Top::default());
            self.version += 1;
        }
        let Some(top) = self.tops.get_mut(name) else { return };
        // Images directly in a split are told of by number.
        let loose = |top: &Top| split_of_folder(name).map(|_| top.direct);
        let before = (top.is_nested(), top.folders.len(), loose(top));
        match below.split_once('/') {
            None => add(&mut top.direct, is_there),
            Some((folder, _)) => {
                let count = top.folders.entry(folder.to_owned()).or_default();
                add(count, is_there);
                if *count == 0 {
                    top.folders.remove(folder);
                }
            }
        }
        if before != (top.is_nested(), top.folders.len(), loose(top)) {
            self.version += 1;
        }
        if top.direct == 0 && top.folders.is_empty() {
            self.tops.remove(name);
            self.version += 1;
        }
    }

    /// Folders with images, by name.
    pub fn tops(&self) -> &BTreeMap<String, Top> {
        &self.tops
    }

    /// Counts up whenever another [`Layout`] may be right, or there are more or fewer images directly in a split.
    pub fn version(&self) -> u64 {
        self.version
    }
}

fn add(count: &mut usize, is_there: bool) {
    *count = if is_there { *count + 1 } else { count.saturating_sub(1) };
}

/// What a path stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The class; `None` where no folder names one.
    pub class: Option<String>,
    /// The split, where the folders give it.
    pub split: Option<Split>,
}

/// How folders are read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// Folders at the top that are splits, as they are spelled on disk.
    pub splits: BTreeSet<String>,
    /// Two splits hold a class folder of the same name: then a folder beside them is no reason to doubt.
    #[serde(default)]
    pub shared: bool,
    /// Class folders are taken as they are spelled, as versions before this file did.
    #[serde(default)]
    pub raw_names: bool,
}

impl Layout {
    /// What versions did that kept no layout.
    pub fn former() -> Self {
        Self { raw_names: true, ..Self::default() }
    }

    /// The layouts that labels in the dataset may stem from, the last being how folders are read now, as `watch` keeps them in
    /// `dataset/` for the watched folder `of`. None where it keeps none.
    pub fn kept(dataset: &Path, of: &str) -> Vec<Self> {
        let bytes = std::fs::read(Self::file(dataset, of)).unwrap_or_default();
        serde_json::from_slice(&bytes).unwrap_or_default()
    }

    /// The file of [`Layout::kept`].
    pub fn file(dataset: &Path, of: &str) -> PathBuf {
        dataset.join(format!("layout-{of}.json"))
    }

    /// The layout of images of this `shape`; `before` is the one that has been in force so far.
    ///
    /// Folders named like a split (`train`, `training`, `val`, `valid`, `validation`, `test`, `testing`) are splits when at least
    /// one of them has most of its images in folders of its own and
    ///
    /// - two different splits have a class folder of the same name (this then holds as long as one is nested), or
    /// - no folder beside them holds images, but for folders that are named like a class within them.
    ///
    /// Otherwise they are classes like any other.
    pub fn of(shape: &Shape, before: &Self) -> Self {
        let named: Vec<(&String, Split, &Top)> =
            shape.tops.iter().filter_map(|(name, top)| Some((name, split_of_folder(name)?, top))).collect();
        let nested: Vec<(Split, BTreeSet<String>)> =
            named.iter().filter(|(.., top)| top.is_nested()).map(|(_, split, top)| (*split, top.classes())).collect();
        let classes: BTreeSet<&String> = nested.iter().flat_map(|(_, classes)| classes).collect();
        let are_shared = nested.iter().enumerate().any(|(at, (split, classes))| {
            nested[at + 1..].iter().any(|(other, theirs)| other != split && !classes.is_disjoint(theirs))
        });
        let are_alone = || {
            let mut others = shape.tops.keys().filter(|name| split_of_folder(name).is_none());
            others.all(|name| classes.contains(&class_name(name)))
        };
        let shared = are_shared || (before.shared && !nested.is_empty());
        if nested.is_empty() || !(shared || are_alone()) {
            return Self::default();
        }
        Self { splits: named.into_iter().map(|(name, ..)| name.clone()).collect(), shared, raw_names: false }
    }

    /// Whether both read every path alike.
    pub fn reads_like(&self, other: &Self) -> bool {
        self.splits == other.splits && self.raw_names == other.raw_names
    }

    /// What the path of an image, relative to the watched folder, stands for.
    pub fn place(&self, path: &str) -> Place {
        let Some((top, below)) = path.split_once('/') else { return Place::default() };
        let class = |folder: &str| if self.raw_names { folder.to_owned() } else { class_name(folder) };
        if !self.splits.contains(top) {
            return Place { class: Some(class(top)), split: None };
        }
        Place { class: below.split_once('/').map(|(folder, _)| class(folder)), split: split_of_folder(top) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(paths: &[&str]) -> Shape {
        let mut shape = Shape::default();
        for path in paths {
            shape.count(path, true);
        }
        shape
    }

    fn splits(paths: &[&str]) -> Vec<String> {
        Layout::of(&shape(paths), &Layout::default()).splits.into_iter().collect()
    }

    #[test]
    fn splits_with_the_same_classes_are_splits() {
        assert_eq!(splits(&["train/cat/a", "train/dog/a", "val/cat/b", "test/dog/c"]), ["test", "train", "val"]);
        assert_eq!(splits(&["Training/cat/a", "VALID/cat/b"]), ["Training", "VALID"]);
        // A stray image does not make a class of a split, and a class beside them stays a class.
        assert_eq!(splits(&["train/cat/a", "train/cat/b", "train/stray", "test/cat/b", "bird/a"]), ["test", "train"]);
        // A test set without classes is no class called test.
        assert_eq!(splits(&["train/cat/a", "train/dog/a", "test/1"]), ["test", "train"]);
    }

    #[test]
    fn train_alone_is_a_split() {
        assert_eq!(splits(&["train/cat/a", "train/dog/a"]), ["train"]);
        assert_eq!(splits(&["test/cat/a"]), ["test"], "the first folder of a copy under way");
        assert_eq!(splits(&["train/cat/a", "cat/b"]), ["train"], "a class moved out of it");
    }

    #[test]
    fn classes_named_like_splits_stay_classes() {
        assert!(splits(&["test/a", "cat/a"]).is_empty());
        assert!(splits(&["test/a", "train/a"]).is_empty());
        assert!(splits(&["test/2024/a", "cat/a"]).is_empty());
        assert!(splits(&["train/steam/a", "train/diesel/a", "bus/a"]).is_empty(), "a locomotive");
        assert!(splits(&["train/steam/a", "test/exam/a", "bus/a"]).is_empty(), "no class in common");
        assert!(splits(&["train/a", "train/b", "train/2024/c", "test/d"]).is_empty(), "most lie directly in it");
        assert!(splits(&["trains/cat/a", "tests/cat/a"]).is_empty());
    }

    #[test]
    fn any_order_of_arrival_ends_the_same() {
        let paths = ["test/cat/a", "train/cat/b", "train/dog/c", "val/dog/d", "bird/e"];
        for turn in 0..paths.len() {
            let mut paths = paths;
            paths.rotate_left(turn);
            let (mut shape, mut layout) = (Shape::default(), Layout::default());
            for path in paths {
                shape.count(path, true);
                layout = Layout::of(&shape, &layout);
            }
            assert_eq!(layout.splits.len(), 3, "{paths:?}");
        }
    }

    #[test]
    fn shared_classes_outlast_a_split_that_goes() {
        let mut shape = shape(&["train/cat/a", "test/cat/b", "bird/c"]);
        let before = Layout::of(&shape, &Layout::default());
        shape.count("test/cat/b", false);
        assert!(Layout::of(&shape, &Layout::default()).splits.is_empty());
        assert_eq!(Layout::of(&shape, &before).splits.into_iter().collect::<Vec<_>>(), ["train"]);
    }

    #[test]
    fn places_have_class_and_split() {
        let layout = Layout { splits: ["Val".to_owned()].into(), ..Layout::default() };
        let place = |class: Option<&str>, split| Place { class: class.map(str::to_owned), split };
        assert_eq!(layout.place("Val/\u{304b}\u{3099}/x/a.jpg"), place(Some("\u{304c}"), Some(Split::Validation)));
        assert_eq!(layout.place("Val/a.jpg"), place(None, Some(Split::Validation)));
        assert_eq!(layout.place("cat /a.jpg"), place(Some("cat"), None));
        assert_eq!(layout.place("a.jpg"), Place::default());
        assert_eq!(Layout::former().place("cat /a.jpg").class.as_deref(), Some("cat "));
    }

    #[test]
    fn counts_go_down_to_nothing() {
        let mut shape = shape(&["a/b/c", "a/d"]);
        let version = shape.version();
        shape.count("a/b/c", false);
        shape.count("a/d", false);
        assert!(shape.tops().is_empty() && shape.version() > version);
    }
}
