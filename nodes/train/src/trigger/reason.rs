//! Why a run starts.

use plugin_api::runs::RunManifest;
use plugin_api::{DatasetState, Message};
use std::collections::{BTreeMap, BTreeSet};

/// At most so many classes are named.
const NAMED: usize = 4;

/// Compares the data set with that of the run before.
pub fn reason(previous: Option<&RunManifest>, state: &DatasetState, same_options: bool) -> Message {
    let Some(previous) = previous else { return Message::first_run() };
    if previous.fingerprint == state.fingerprint {
        return if same_options { Message::run_not_finished() } else { Message::options_changed() };
    }
    let (old, new) = (totals(&previous.classes, &previous.counts), totals(&state.classes, &state.counts));
    let mut changes = Vec::new();
    for class in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        match (old.get(class), new.get(class)) {
            (None, Some(n)) => changes.push(Message::class_new(*class, *n)),
            (Some(n), None) => changes.push(Message::class_gone(*class, *n)),
            (Some(a), Some(b)) if b > a => changes.push(Message::class_grew(b - a, *class)),
            (Some(a), Some(b)) if a > b => changes.push(Message::class_shrank(a - b, *class)),
            _ => {}
        }
    }
    if changes.is_empty() {
        return Message::images_exchanged();
    }
    let more = changes.len().saturating_sub(NAMED);
    changes.truncate(NAMED);
    if more > 0 {
        changes.push(Message::classes_more_changed(more));
    }
    Message::changes(changes)
}

fn totals<'a>(classes: &'a [String], counts: &[[u64; 4]]) -> BTreeMap<&'a str, u64> {
    classes.iter().zip(counts).map(|(class, counts)| (&class[..], counts.iter().sum())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(fingerprint: &str, classes: &[(&str, [u64; 4])]) -> DatasetState {
        DatasetState {
            version: 1,
            fingerprint: fingerprint.to_owned(),
            classes: classes.iter().map(|c| c.0.to_owned()).collect(),
            counts: classes.iter().map(|c| c.1).collect(),
            labels: plugin_api::Labels::Single,
        }
    }

    fn after(old: &DatasetState, new: &DatasetState) -> String {
        reason(Some(&crate::run::run_dir::tests::manifest("r", old)), new, true).to_string()
    }

    #[test]
    fn the_first_run_says_so() {
        assert_eq!(reason(None, &state("a", &[]), true), Message::first_run());
    }

    #[test]
    fn differences_are_counted_by_class() {
        let old = state("a", &[("ねこ", [5, 1, 1, 0]), ("いぬ", [5, 1, 1, 0]), ("とり", [2, 0, 0, 0])]);
        let new = state("b", &[("ねこ", [15, 2, 2, 0]), ("いぬ", [4, 1, 1, 0]), ("うし", [2, 0, 0, 1])]);
        let text = after(&old, &new);
        for part in [
            "12 images added in ねこ",
            "1 image removed in いぬ",
            "new class うし with 3 images",
            "class とり gone with 2 images",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn equal_counts_and_equal_data_are_told_apart() {
        let old = state("a", &[("x", [5, 1, 1, 0])]);
        assert_eq!(after(&old, &state("b", &[("x", [5, 1, 1, 0])])), "images were exchanged");
        let manifest = crate::run::run_dir::tests::manifest("r", &old);
        assert_eq!(reason(Some(&manifest), &old, false).to_string(), "the options were changed");
        assert_eq!(reason(Some(&manifest), &old, true).to_string(), "the last run was not finished");
    }

    #[test]
    fn many_changes_are_summed_up() {
        let names: Vec<String> = (0..9).map(|i| format!("c{i}")).collect();
        let of = |fingerprint: &str, n: u64| {
            state(fingerprint, &names.iter().map(|c| (&c[..], [n, 0, 0, 0])).collect::<Vec<_>>())
        };
        let text = after(&of("a", 1), &of("b", 2));
        assert!(text.ends_with("5 more classes changed") && text.contains("1 image added in c0"), "{text}");
    }
}
