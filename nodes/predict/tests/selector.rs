//! The champion in use, as the link and what it points to change.
#![cfg(test)]

use node_predict::selector::ModelSelector;
use plugin_api::Workspace;
use plugin_api::files::point_atomically;
use plugin_model::{DeviceChoice, Precision};
use std::path::Path;
use std::time::{Duration, Instant};
use tests::champion::ByColour;

const ONE: ByColour = ByColour { run: "one", classes: ["red", "green", "blue"], scale: 10.0, temperature: None };
const TWO: ByColour = ByColour { run: "two", classes: ["red", "teal", "blue"], ..ONE };

fn run_of(selector: &ModelSelector) -> Option<&str> {
    selector.model().map(|model| model.card().run.as_str())
}

#[test]
fn the_link_is_followed_and_unknown_classes_named() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(folder.path()).unwrap();
    let mut selector = ModelSelector::new(&workspace, DeviceChoice::Flex.open().unwrap(), Precision::Fp32);
    selector.set_classes(["red", "teal"].map(str::to_owned).to_vec());
    let now = Instant::now();
    assert!(!selector.follow(now) && selector.model().is_none());
    assert_eq!(selector.unknown(), ["red", "teal"]);

    ONE.make_champion(&workspace).unwrap();
    assert!(selector.follow(now) && !selector.follow(now), "another champion, once");
    assert_eq!((run_of(&selector), selector.unknown()), (Some("one"), vec!["teal"]));

    TWO.make_champion(&workspace).unwrap();
    assert!(selector.follow(now));
    assert_eq!((run_of(&selector), selector.unknown()), (Some("two"), vec![]));

    std::fs::remove_file(workspace.champion()).unwrap();
    assert!(selector.follow(now) && selector.model().is_none() && selector.problem().is_none());
}

#[test]
fn a_broken_champion_is_tried_again_and_the_last_stays() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(folder.path()).unwrap();
    let mut selector = ModelSelector::new(&workspace, DeviceChoice::Flex.open().unwrap(), Precision::Fp32);
    let now = Instant::now();
    ONE.make_champion(&workspace).unwrap();
    assert!(selector.follow(now));
    point_atomically(&workspace.champion(), Path::new("two")).unwrap();
    assert!(!selector.follow(now));
    assert!(run_of(&selector) == Some("one") && selector.problem().is_some(), "{:?}", selector.problem());
    TWO.lay(&workspace).unwrap();
    assert!(!selector.follow(now), "not yet");
    assert!(selector.follow(now + Duration::from_mins(1)));
    assert_eq!((run_of(&selector), selector.problem()), (Some("two"), None));
}
