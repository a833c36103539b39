//! What is wrong with the images themselves.
//!
//! Each of these was a cause of the 62 % that a contestant was left with in 2020: classes of unequal size, too few
//! images, images with two labels, and a held-out set too small to notice.

use super::Words;
use plugin_api::runs::RunManifest;

/// The largest class may have this many times the training images of the smallest.
const MAX_IMBALANCE: f64 = 1.3;
/// Training images a class should have.
const MIN_TRAIN: u64 = 100;
/// Held-out images a class should have.
const MIN_TEST: u64 = 20;

/// Something to mend in the folders of images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// Classes have unequal numbers of training images.
    Imbalance {
        /// The largest class and its training images.
        largest: (String, u64),
        /// The smallest class and its training images.
        smallest: (String, u64),
    },
    /// Classes with few training images, and how many.
    FewToLearn(Vec<(String, u64)>),
    /// Classes with images that stand in another class too, and how many.
    Conflicts(Vec<(String, u64)>),
    /// Classes with few held-out images, and how many.
    FewToEvaluate(Vec<(String, u64)>),
}

/// Warnings about the data a run was trained on.
pub fn warnings(manifest: &RunManifest) -> Vec<Warning> {
    let column = |split: usize| -> Vec<(String, u64)> {
        manifest.classes.iter().cloned().zip(manifest.counts.iter().map(|c| c[split])).collect()
    };
    let where_count = |split: usize, wanted: fn(u64) -> bool| -> Option<Vec<(String, u64)>> {
        let found: Vec<_> = column(split).into_iter().filter(|(_, n)| wanted(*n)).collect();
        (!found.is_empty()).then_some(found)
    };
    let train = column(0);
    let largest = train.iter().max_by_key(|(_, n)| *n);
    let smallest = train.iter().min_by_key(|(_, n)| *n);
    let imbalance = match (largest, smallest) {
        (Some(large), Some(small)) if large.1 as f64 > MAX_IMBALANCE * small.1 as f64 => {
            Some(Warning::Imbalance { largest: large.clone(), smallest: small.clone() })
        }
        _ => None,
    };
    [
        imbalance,
        where_count(0, |n| n < MIN_TRAIN).map(Warning::FewToLearn),
        where_count(3, |n| n > 0).map(Warning::Conflicts),
        where_count(2, |n| n < MIN_TEST).map(Warning::FewToEvaluate),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl Warning {
    /// What is the matter, in a few words.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Imbalance { .. } => "unequal",
            Self::FewToLearn(_) => "few_to_learn",
            Self::Conflicts(_) => "conflicts",
            Self::FewToEvaluate(_) => "few_to_evaluate",
        }
    }

    /// What it means and what to do, naming classes and counts.
    pub fn text(&self, w: Words) -> String {
        match self {
            Self::Imbalance { largest, smallest } => {
                let code = if smallest.1 == 0 { "unequal_and_none" } else { "unequal_text" };
                w.with(
                    code,
                    [
                        ("largest", (&largest.0).into()),
                        ("n", largest.1.into()),
                        ("times", (largest.1 as f64 / smallest.1.max(1) as f64).into()),
                        ("smallest", (&smallest.0).into()),
                        ("least", smallest.1.into()),
                    ],
                )
            }
            Self::FewToLearn(classes) => few(w, "few_to_learn_text", MIN_TRAIN, classes),
            Self::Conflicts(classes) => w.with("conflicts_text", [("list", w.named(classes, NAMED))]),
            Self::FewToEvaluate(classes) => few(w, "few_to_evaluate_text", MIN_TEST, classes),
        }
    }
}

/// Classes named in a warning.
const NAMED: usize = 12;

fn few(w: Words, code: &str, least: u64, classes: &[(String, u64)]) -> String {
    w.with(code, [("least", least.into()), ("list", w.named(classes, NAMED))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::manifest;

    fn of(counts: &[[u64; 4]]) -> Vec<Warning> {
        let mut manifest = manifest();
        manifest.classes = (0..counts.len()).map(|i| format!("c{i}")).collect();
        manifest.counts = counts.to_vec();
        warnings(&manifest)
    }

    #[test]
    fn sound_data_has_none() {
        assert_eq!(of(&[[130, 20, 20, 0], [100, 20, 20, 0]]), []);
        assert_eq!(of(&[]), []);
    }

    #[test]
    fn each_cause_is_named_at_its_limit() {
        assert!(matches!(&of(&[[131, 20, 20, 0], [100, 20, 20, 0]])[..],
            [Warning::Imbalance { largest, smallest }] if largest.1 == 131 && smallest.0 == "c1"));
        assert_eq!(of(&[[99, 20, 20, 0], [100, 20, 20, 0]]), [Warning::FewToLearn(vec![("c0".to_owned(), 99)])]);
        assert_eq!(of(&[[100, 20, 20, 0], [100, 20, 20, 1]]), [Warning::Conflicts(vec![("c1".to_owned(), 1)])]);
        assert_eq!(of(&[[100, 20, 19, 0], [100, 20, 20, 0]]), [Warning::FewToEvaluate(vec![("c0".to_owned(), 19)])]);
        assert_eq!(of(&[[300, 9, 9, 9], [9, 9, 9, 9]]).len(), 4);
    }

    #[test]
    fn a_class_without_images_is_not_divided_by() {
        let text = of(&[[50, 20, 20, 0], [0, 20, 20, 0]])[0].text(Words::default());
        assert!(text.contains("c0") && text.contains("c1") && !text.contains("inf"), "{text}");
    }

    #[test]
    fn many_classes_are_cut_short() {
        let text = of(&[[1, 20, 20, 0]; 30])[0].text(Words::default());
        assert!(text.contains("c11") && !text.contains("c12") && text.contains("and 18 more"), "{text}");
    }
}
