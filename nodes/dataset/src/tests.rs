//! Versions, decisions and notices over a catalog on disk, with restarts.

use super::*;
use crate::order::{Reading, Row, Version};
use plugin_api::Workspace;
use plugin_api::decisions::{Decided, Decision, append};
use plugin_catalog::{Image, Sample, fixture};
use plugin_splits::Shares;
use std::collections::BTreeMap;

const PROFILE: &str = "64-stretch";
/// An image with structure, to which those within 4 bits are near.
const P: u64 = 0x0f0f_1234_5678_9abc;

fn workspace() -> (tempfile::TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(folder.path()).unwrap();
    (folder, workspace)
}

fn server() -> Server {
    let reading = Reading { labels: Labels::Single, balanced: true };
    Server::new(PROFILE.to_owned(), 64, reading, Shares { validation: 15, test: 15 })
}

/// New images of these classes, with pixels; one version.
fn add(workspace: &Workspace, images: &[(String, &str)]) -> u64 {
    let one = |(digest, class): &(String, &str)| {
        let image = Image { settled: false, ..fixture::image(digest) };
        (fixture::file(&format!("photos/{class}/{digest}.jpg"), digest), image)
    };
    let version = fixture::add(workspace, &images.iter().map(one).collect::<Vec<_>>()).unwrap();
    let mut catalog = Writer::open(workspace).unwrap();
    let change = catalog.change().unwrap();
    let digests: Vec<String> = images.iter().map(|(digest, _)| digest.clone()).collect();
    change.add_shard(PROFILE, "s.arrow", &digests).unwrap();
    change.commit().unwrap();
    version
}

fn named(numbers: std::ops::Range<u64>) -> Vec<(String, &'static str)> {
    let digest = |n: u64| blake3::hash(&n.to_le_bytes()).to_hex().to_string();
    numbers.map(|n| (digest(n), if n % 2 == 0 { "open" } else { "closed" })).collect()
}

/// What is served of a version.
fn served(version: &Version) -> Vec<(Row, Vec<u32>, Split)> {
    let of = |split: Split| {
        let rows = &version.splits[split.index()];
        rows.rows.iter().cloned().zip(rows.targets.clone()).map(move |(row, targets)| (row, targets, split))
    };
    Split::ALL.into_iter().flat_map(of).collect()
}

fn splits(rows: Vec<Sample>) -> BTreeMap<String, Split> {
    rows.into_iter().map(|row| (row.sample, row.split)).collect()
}

#[test]
fn earlier_versions_do_not_change() {
    let (_folder, workspace) = workspace();
    add(&workspace, &named(0..40));
    let mut catalog = Writer::open(&workspace).unwrap();
    let mut now = server();
    let (version, state) = now.latest(&mut catalog).unwrap();
    let before = served(state);
    let splits_drawn: HashSet<Split> = before.iter().map(|(_, _, split)| *split).collect();
    assert_eq!(splits_drawn.len(), 3, "the test tests something");
    now.settle(version, &mut catalog).unwrap();
    // More of the same, two groups that are one, an image in another class, one that is gone.
    let later = add(&workspace, &named(40..90));
    let mut change = catalog.change().unwrap();
    change.merge_groups(&before[0].0.group, &before[39].0.group).unwrap();
    change.place(&fixture::file(&format!("photos/closed/{}", before[3].0.digest), &before[3].0.digest)).unwrap();
    change.remove(&before[7].0.path).unwrap();
    change.commit().unwrap();
    for mut again in [now, server()] {
        let (latest, state) = again.latest(&mut catalog).unwrap();
        assert!(latest > later && served(state) != before);
        let rows = catalog.read().samples(version, Some(PROFILE)).unwrap();
        assert_eq!(served(&Version::new(rows, Reading { labels: Labels::Single, balanced: true })), before);
    }
}

#[test]
fn an_announced_version_is_served_as_announced() {
    let (_folder, workspace) = workspace();
    let first = add(&workspace, &named(0..20));
    let mut catalog = Writer::open(&workspace).unwrap();
    let mut server = server();
    server.latest(&mut catalog).unwrap();
    let announced = splits(catalog.read().samples(first, Some(PROFILE)).unwrap());
    // Others come before anybody asks for it, and splits are drawn again.
    add(&workspace, &named(20..200));
    let (second, _) = server.latest(&mut catalog).unwrap();
    let drawn_again = splits(catalog.read().samples(first, Some(PROFILE)).unwrap());
    assert_ne!(drawn_again, announced, "the test tests something");
    server.settle(first, &mut catalog).unwrap();
    assert_eq!(splits(catalog.read().samples(first, Some(PROFILE)).unwrap()), announced);
    let (third, _) = server.latest(&mut catalog).unwrap();
    assert!(third > second, "the others are drawn again, around it");
    let now = splits(catalog.read().samples(third, Some(PROFILE)).unwrap());
    assert!(announced.iter().all(|(sample, split)| now[sample] == *split));
    server.settle(third, &mut catalog).unwrap();
    assert_eq!(server.latest(&mut catalog).unwrap().0, third, "nothing is left to draw");
}

/// Images without signatures, as an earlier version stored them, in one group: their perceptual hashes differ in these bits.
fn look_alikes(workspace: &Workspace, bits: &[(&str, u64)]) -> u64 {
    let one = |(digest, bits): &(&str, u64)| {
        let mut image = Image { group: "a".to_owned(), ..fixture::image(digest) };
        (image.hashes.phash, image.hashes.dhash) = (P ^ bits, P);
        (fixture::file(&format!("photos/x/{digest}.jpg"), digest), image)
    };
    fixture::add(workspace, &bits.iter().map(one).collect::<Vec<_>>()).unwrap()
}

fn groups(catalog: &Writer, version: u64) -> Vec<String> {
    let rows = catalog.read().samples(version, None).unwrap();
    rows.into_iter().map(|row| format!("{} {}", row.sample, row.group)).collect()
}

fn say(workspace: &Workspace, at_ms: u64, decision: Decision, digests: &[&str]) {
    let digests = digests.iter().map(|digest| (*digest).to_owned()).collect();
    append(workspace, &Decided { at_ms, decision, digests }).unwrap();
}

/// What a start does with decisions and groups. Returns whether other samples are different than before.
fn start(workspace: &Workspace) -> (Writer, Groups, Decisions, bool) {
    let mut catalog = Writer::open(workspace).unwrap();
    let mut decisions = Decisions::default();
    decisions.read(workspace);
    let changed = decisions.obey(Near::Usual, &mut catalog).unwrap();
    let groups = load_groups(Near::Usual, &decisions.different, &mut catalog).unwrap();
    (catalog, groups, decisions, changed)
}

#[test]
fn different_images_stay_apart_after_a_restart() {
    let (_folder, workspace) = workspace();
    let before = look_alikes(&workspace, &[("a", 0), ("b", 0b1111), ("near a", 1), ("near b", 0b0111)]);
    say(&workspace, 1, Decision::Different, &["b", "a"]);
    let apart = ["a a", "b b", "near a a", "near b b"];
    for starts in [true, false, false] {
        let (catalog, mut groups_now, _, changed) = start(&workspace);
        assert_eq!(changed, starts, "once");
        let version = catalog.read().version().unwrap();
        assert_eq!(version, before + 1);
        assert_eq!(groups(&catalog, version), apart);
        assert_eq!(groups(&catalog, before), ["a a", "b a", "near a a", "near b a"], "as it was");
        let face = GroupKey { sample: "new", phash: P ^ 0b0110, dhash: P, views: None };
        assert_eq!(groups_now.add("new", face), ("b".to_owned(), vec![]), "near to both: it links nothing");
    }
    // Also when all are compared anew.
    let mut catalog = Writer::open(&workspace).unwrap();
    let change = catalog.change().unwrap();
    change.grouped_by("another rule").unwrap();
    change.commit().unwrap();
    drop(catalog);
    let (mut catalog, _, mut decisions, _) = start(&workspace);
    assert_eq!(groups(&catalog, before + 1), apart);
    // Withdrawn while it runs.
    say(&workspace, 2, Decision::Withdrawn, &["a", "b"]);
    assert!(decisions.read(&workspace) && !decisions.read(&workspace));
    assert!(decisions.obey(Near::Usual, &mut catalog).unwrap());
    let version = catalog.read().version().unwrap();
    let names: HashSet<String> =
        catalog.read().samples(version, None).unwrap().into_iter().map(|row| row.group).collect();
    assert_eq!(names.len(), 1, "one group again");
    assert_eq!(groups(&catalog, before + 1), apart, "as it was");
}

#[test]
fn the_last_decision_about_a_set_holds() {
    let (_folder, workspace) = workspace();
    say(&workspace, 1, Decision::Keep, &["a", "b"]);
    say(&workspace, 2, Decision::Keep, &["c"]);
    say(&workspace, 3, Decision::Different, &["d", "e"]);
    let mut decisions = Decisions::default();
    assert!(decisions.read(&workspace));
    let reviewed =
        |decisions: &Decisions| decisions.reviewed.iter().cloned().collect::<std::collections::BTreeSet<_>>();
    assert_eq!(reviewed(&decisions), ["a", "b", "c"].map(str::to_owned).into());
    assert_eq!(decisions.different, [["d", "e"].map(str::to_owned)]);
    say(&workspace, 4, Decision::Withdrawn, &["b", "a"]);
    say(&workspace, 5, Decision::Keep, &["e", "d"]);
    assert!(decisions.read(&workspace));
    assert_eq!(reviewed(&decisions), ["c", "d", "e"].map(str::to_owned).into());
    assert!(decisions.different.is_empty() && decisions.notice().is_none());
}

#[test]
fn unreadable_decisions_are_told_and_change_nothing() {
    let (_folder, workspace) = workspace();
    say(&workspace, 1, Decision::Keep, &["a"]);
    let file = plugin_api::decisions::path(&workspace);
    let mut text = std::fs::read_to_string(&file).unwrap();
    text.push_str("keep a\n");
    std::fs::write(&file, &text).unwrap();
    let mut decisions = Decisions::default();
    decisions.read(&workspace);
    let notice = decisions.notice().unwrap();
    assert!(decisions.reviewed.contains("a") && notice.reason.contains("lines 2 are no decision"), "{notice:?}");
    std::fs::write(&file, [0xff, 0xfe, 0xff]).unwrap();
    assert!(decisions.read(&workspace));
    assert!(decisions.reviewed.contains("a"), "those before hold");
    assert!(decisions.notice().unwrap().reason.contains("decisions.jsonl"));
}

#[test]
fn same_pixels_are_named_with_what_to_do() {
    assert_eq!(same_pixels(&[]), None);
    let conflict = |n: u32| SamePixels {
        sample: n.to_string(),
        paths: vec![format!("photos/a/{n}.jpg"), format!("photos/b/{n} copy.jpg")],
    };
    let notice = same_pixels(&(0..5).map(conflict).collect::<Vec<_>>()).unwrap();
    assert_eq!((notice.kind.as_str(), notice.count, notice.examples.len()), ("same_pixels", 10, 6));
    assert!(
        notice.reason.contains("photos/a/0.jpg = photos/b/0 copy.jpg") && notice.reason.ends_with('…'),
        "{notice:?}"
    );
    assert!(notice.advice.contains("Keep the file in the class it belongs to"));
}
