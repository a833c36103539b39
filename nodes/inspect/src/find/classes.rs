//! How many images each class has, and what is wrong with that.
//!
//! Each of these was a cause of the 62 % that a contestant was left with in 2020: about 700 images a class, unevenly
//! spread, some of them in several classes.

use super::labels::Search;
use crate::record::Record;
use plugin_api::Labels;
use plugin_api::names::natural_order;
use plugin_label_errors::MIN_CLASS_IMAGES;
use plugin_report::Words;
use plugin_tables::table;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The largest class may have this many times the images of the smallest.
const MAX_IMBALANCE: f64 = 1.3;
/// Images to learn from that a class should have.
const MIN_TRAIN: u64 = 100;
/// Classes named in a warning.
const NAMED: usize = 8;

/// Counts of a class, for the report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Class {
    /// Class name, as its folder is called.
    pub name: String,
    /// Number of files with this label.
    pub files: u64,
    /// Different images among them.
    pub images: u64,
    /// Images to learn from, to choose the best epoch by, and to test with; without those in several classes unless
    /// that is meant.
    pub splits: [u64; 3],
    /// Images that stand in other classes too.
    pub conflicts: u64,
}

/// Every class, in natural order.
pub fn find(records: &[Record], labels: Labels) -> Vec<Class> {
    let mut classes_of: HashMap<&str, HashSet<&str>> = HashMap::new();
    for record in records {
        if let Some(label) = &record.label {
            classes_of.entry(&record.pixel_digest).or_default().insert(label);
        }
    }
    let mut classes: BTreeMap<&str, Class> = BTreeMap::new();
    let mut seen = HashSet::new();
    for record in records {
        let Some(label) = &record.label else { continue };
        let class = classes.entry(label).or_insert_with(|| Class { name: label.clone(), ..Class::default() });
        class.files += 1;
        if !seen.insert((&record.digest[..], &label[..])) {
            continue;
        }
        class.images += 1;
        let several = classes_of.get(&record.pixel_digest[..]).is_some_and(|c| c.len() > 1);
        class.conflicts += u64::from(several);
        let split = ["train", "validation", "test"].iter().position(|s| *s == record.split);
        if let Some(split) = split.filter(|_| !several || labels == Labels::Multi) {
            class.splits[split] += 1;
        }
    }
    let mut classes: Vec<Class> = classes.into_values().collect();
    classes.sort_by(|a, b| natural_order(&a.name, &b.name));
    classes
}

/// What is wrong: title and text.
pub fn warnings(classes: &[Class], w: Words) -> Vec<(String, String)> {
    let mut warnings = Vec::new();
    let largest = classes.iter().max_by_key(|c| c.images);
    let smallest = classes.iter().min_by_key(|c| c.images);
    if let (Some(large), Some(small)) = (largest, smallest)
        && large.images as f64 > MAX_IMBALANCE * small.images as f64
    {
        let text = w.with(
            "unequal_balanced",
            [
                ("largest", (&large.name).into()),
                ("n", large.images.into()),
                ("times", (large.images as f64 / small.images.max(1) as f64).into()),
                ("smallest", (&small.name).into()),
                ("least", small.images.into()),
            ],
        );
        warnings.push((w.t("unequal"), text));
    }
    let few = classes.iter().filter(|c| c.splits[0] < MIN_TRAIN);
    let few: Vec<(String, u64)> = few.map(|c| (c.name.clone(), c.splits[0])).collect();
    if !few.is_empty() {
        let text = w.with("few_to_learn_text", [("least", MIN_TRAIN.into()), ("list", w.named(&few, NAMED))]);
        warnings.push((w.t("few_to_learn"), text));
    }
    if classes.len() == 1 {
        warnings.push((w.t("one_class"), w.t("one_class_text")));
    }
    warnings
}

/// `classes.csv`: one line a class.
///
/// # Errors
/// As [`table`].
pub fn csv(classes: &[Class], search: &Search) -> Result<Vec<u8>, csv::Error> {
    let header =
        ["class", "files", "pictures", "train", "validation", "test", "in_several_classes", "wrong_labels_looked_for"];
    let rows = classes.iter().map(|class| {
        let [train, validation, test] = class.splits;
        let counts = [class.files, class.images, train, validation, test, class.conflicts];
        let [a, b, c, d, e, f] = counts.map(|n| n.to_string());
        let looked_for = match search {
            Search::Done { exempt, .. } if exempt.contains(&class.name) => {
                format!("no: fewer than {MIN_CLASS_IMAGES} images")
            }
            Search::Done { .. } => "yes".to_owned(),
            Search::Off | Search::Going(_) | Search::NotDone(_) => "no".to_owned(),
        };
        [class.name.clone(), a, b, c, d, e, f, looked_for]
    });
    table(header, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::find::tests::lines;
    use crate::record::tests::record;

    #[test]
    fn files_images_and_conflicts_are_counted() {
        let mut records = vec![
            record("photos/a/1.jpg", "d1"),
            record("photos/a/2.jpg", "d1"),
            record("photos/a/3.jpg", "d3"),
            record("photos/b/3.jpg", "d3"),
            record("photos/b/4.jpg", "d4"),
            record("loose.jpg", "d5"),
        ];
        records[4].split = "test".to_owned();
        let class = |name: &str, [files, images, conflicts]: [u64; 3], splits| Class {
            name: name.to_owned(),
            files,
            images,
            splits,
            conflicts,
        };
        let expected = [class("a", [3, 2, 1], [1, 0, 0]), class("b", [2, 2, 1], [0, 0, 1])];
        assert_eq!(find(&records, Labels::Single), expected);
        assert_eq!(find(&records, Labels::Multi)[0].splits, [2, 0, 0]);
        let search = Search::Done { suspects: Vec::new(), looked_at: 4, of: 4, exempt: vec!["b".to_owned()] };
        let table = lines(csv(&expected, &search));
        assert_eq!(table[1], ["a", "3", "2", "1", "0", "0", "1", "yes"]);
        assert_eq!(table[2][7], "no: fewer than 5 images");
        assert_eq!(lines(csv(&expected, &Search::Off))[1][7], "no");
    }

    #[test]
    fn uneven_and_small_classes_are_named() {
        let class = |name: &str, images, train| Class {
            name: name.to_owned(),
            images,
            splits: [train, 0, 0],
            ..Class::default()
        };
        let warnings = |classes: &[Class]| warnings(classes, Words::default());
        assert_eq!(warnings(&[class("a", 130, 100), class("b", 100, 100)]), []);
        let found = warnings(&[class("a", 131, 100), class("b", 100, 99)]);
        assert_eq!(
            found.iter().map(|w| &*w.0).collect::<Vec<_>>(),
            ["Classes of unequal size", "Few images to learn from"]
        );
        assert!(found[0].1.contains("1.3 times as many as b with 100") && found[1].1.contains("b\u{a0}99"));
        assert_eq!(warnings(&[class("a", 200, 140)])[0].0, "Only one class");
        assert_eq!(warnings(&[]), []);
    }
}
