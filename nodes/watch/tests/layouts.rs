//! How folders are read, and what is left alone or refused, over real folders.
#![cfg(test)]

mod common;

use common::Bench;
use node_watch::fs::roots::{Folder, Roots};
use node_watch::quarantine::refused::Counter;
use plugin_api::status::Notice;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Path, class and split of every image that the dataset holds.
fn held(bench: &Bench) -> Vec<(&str, &str, &str)> {
    let split = |path: &String| bench.model.splits.get(path).map_or("", String::as_str);
    bench.model.catalog.iter().map(|(path, (.., label))| (path.as_str(), label.as_str(), split(path))).collect()
}

/// The notices, with what is in quarantine counted.
fn notices(bench: &mut Bench) -> Vec<Notice> {
    let roots = Roots::one(Folder::Photos, bench.at("photos").canonicalize().unwrap());
    let mut counter = Counter::start(bench.at("quarantine"), roots).unwrap();
    bench.pass(Duration::from_secs(31));
    for _ in 0..200 {
        bench.state.count_refused(&mut counter, bench.now);
        std::thread::sleep(Duration::from_millis(2));
    }
    bench.state.notices().to_vec()
}

/// Kind and number of each notice, by kind.
fn counts(notices: &[Notice]) -> Vec<(&str, u64)> {
    let mut counts: Vec<_> = notices.iter().map(|notice| (notice.kind.as_str(), notice.count)).collect();
    counts.sort_unstable();
    counts
}

/// The photos of a case that was reported, where this checkout has them.
fn case(name: &str) -> Option<PathBuf> {
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let found = above.map(|folder| folder.join("shared/data/cases").join(name)).find(|at| at.is_dir());
    if found.is_none() {
        eprintln!("SKIPPED: no folder shared/data/cases/{name} above this checkout");
    }
    found
}

/// Copies a folder with everything in it, times included.
fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-rpT").arg(from).arg(to).status().unwrap().success());
}

#[test]
fn split_folders_give_class_and_split() {
    let mut bench = Bench::new(&[]);
    for path in
        ["Train/cat/a.jpg", "Train/dog/x/b.jpg", "val/cat/c.jpg", "TEST/dog/d.jpg", "bird/e.jpg", "Train/stray.jpg"]
    {
        bench.put(&format!("photos/{path}"), path);
    }
    bench.settle();
    assert_eq!(
        held(&bench),
        [
            ("photos/TEST/dog/d.jpg", "dog", "test"),
            ("photos/Train/cat/a.jpg", "cat", "train"),
            ("photos/Train/dog/x/b.jpg", "dog", "train"),
            ("photos/bird/e.jpg", "bird", ""),
            ("photos/val/cat/c.jpg", "cat", "validation"),
        ]
    );
    let notices = notices(&mut bench);
    assert_eq!(counts(&notices), [("outside_class", 1), ("split_layout", 3)]);
    assert_eq!(notices[0].examples, ["photos/Train/stray.jpg"]);
}

#[test]
fn a_layout_that_becomes_plain_relabels_all() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/bird/a.jpg", "a");
    bench.put("photos/test/cat/b.jpg", "b");
    bench.settle();
    assert_eq!(held(&bench), [("photos/bird/a.jpg", "bird", ""), ("photos/test/cat/b.jpg", "test", "")]);
    bench.put("photos/train/cat/c.jpg", "c");
    bench.settle();
    let split = [
        ("photos/bird/a.jpg", "bird", ""),
        ("photos/test/cat/b.jpg", "cat", "test"),
        ("photos/train/cat/c.jpg", "cat", "train"),
    ];
    assert_eq!(held(&bench), split);
    bench.model.came.clear();
    bench.restart_watch();
    bench.settle();
    assert!(bench.model.came.is_empty(), "nothing is sent again: {:?}", bench.model.came);
    assert_eq!(held(&bench), split);

    // Nobody watches while images are put into test/ itself, where most then lie, and train/ goes.
    for n in 0..3 {
        bench.put(&format!("photos/test/{n}.jpg"), "x");
    }
    fs::remove_dir_all(bench.at("photos/train")).unwrap();
    bench.restart_watch();
    bench.settle();
    assert_eq!(held(&bench)[4], ("photos/test/cat/b.jpg", "test", ""));
    bench.assert_same();
}

#[test]
fn a_kill_amid_relabelling_loses_no_label() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/bird/a.jpg", "a");
    for n in 0..40 {
        bench.put(&format!("photos/test/cat/{n}.jpg"), n.to_string());
    }
    bench.settle();
    bench.put("photos/train/cat/c.jpg", "c");
    // The layout is another, and what was sent is lost.
    bench.pass(Duration::from_secs(2));
    bench.sent.clear();
    bench.restart_watch();
    bench.settle();
    let of_test = held(&bench).into_iter().filter(|(path, ..)| path.starts_with("photos/test/"));
    assert!(
        of_test.clone().count() == 40 && of_test.clone().all(|(_, class, split)| (class, split) == ("cat", "test"))
    );
}

#[test]
fn a_dataset_restarted_amid_relabelling_gets_all() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/bird/a.jpg", "a");
    bench.put("photos/test/cat/b.jpg", "b");
    bench.settle();
    bench.put("photos/train/cat/c.jpg", "c");
    bench.pass(Duration::from_millis(300));
    bench.sent.clear();
    bench.model.restart();
    bench.state.keeper_restarted(bench.now);
    bench.settle();
    assert_eq!(held(&bench)[1], ("photos/test/cat/b.jpg", "cat", "test"));
}

#[test]
fn in_flight_images_are_sent_again_with_their_label() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/bird/a.jpg", "a");
    bench.settle();
    bench.put("photos/test/cat/b.jpg", "b");
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.sent.len(), 1, "on its way as class test");
    bench.put("photos/train/cat/c.jpg", "c");
    bench.pass(Duration::from_secs(2));
    bench.settle();
    assert_eq!(
        held(&bench)[1..],
        [("photos/test/cat/b.jpg", "cat", "test"), ("photos/train/cat/c.jpg", "cat", "train")]
    );
}

#[test]
fn labels_of_former_versions_are_made_good() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/cat /a.jpg", "a");
    bench.put("photos/dog/b.jpg", "b");
    bench.settle();
    // As a version without layouts left it.
    fs::remove_file(bench.at("dataset/layout-photos.json")).unwrap();
    bench.model.catalog.get_mut("photos/cat /a.jpg").unwrap().2 = "cat ".to_owned();
    bench.model.came.clear();
    bench.restart_watch();
    bench.settle();
    assert_eq!(held(&bench)[0], ("photos/cat /a.jpg", "cat", ""));
    assert_eq!(bench.model.came, ["photos/cat /a.jpg"], "no other is sent again");
}

#[test]
fn unicode_forms_are_one_class() {
    let mut bench = Bench::new(&[]);
    for (folder, content) in
        [("\u{304c}", "a"), ("\u{304b}\u{3099}", "b"), ("\u{304c}\u{3000}", "c"), ("Cat", "d"), ("cat", "e")]
    {
        bench.put(&format!("photos/{folder}/x.jpg"), content);
    }
    bench.settle();
    bench.assert_same();
    let mut classes: Vec<&str> = held(&bench).into_iter().map(|(_, class, _)| class).collect();
    classes.sort_unstable();
    assert_eq!(classes, ["Cat", "cat", "\u{304c}", "\u{304c}", "\u{304c}"]);
    assert_eq!(counts(&notices(&mut bench)), [("similar_classes:Cat, cat", 2), ("unicode_forms", 3)]);
}

#[test]
fn a_raw_is_left_alone_once_its_jpeg_is_there() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/cat/a.NEF", "bad: no JPEG yet");
    bench.put("photos/cat/a.JPG", "a");
    bench.put("photos/cat/b.cr2", "bad: alone");
    bench.settle();
    assert_eq!(bench.quarantined(), ["cat/b.cr2"]);
    assert_eq!(held(&bench), [("photos/cat/a.JPG", "cat", "")]);
    assert_eq!(counts(&notices(&mut bench)), [("not_an_image", 1), ("raw_beside_image", 1)]);
}

#[test]
fn refused_files_are_counted_over_restarts() {
    let mut bench = Bench::new(&[]);
    for n in 0..5 {
        bench.put(&format!("photos/cat/{n}.jpg"), format!("bad {n}"));
    }
    bench.settle();
    assert_eq!(counts(&notices(&mut bench)), [("not_an_image", 5)]);
    bench.restart_watch();
    bench.settle();
    assert_eq!(counts(&notices(&mut bench)), [("not_an_image", 5)]);
    fs::remove_dir_all(bench.at("quarantine")).unwrap();
    fs::create_dir(bench.at("quarantine")).unwrap();
    assert!(notices(&mut bench).is_empty(), "a person emptied it");
}

#[test]
fn files_without_extension_go_by_content() {
    let mut bench = Bench::new(&[]);
    bench.put("photos/cat/photo", b"\x89PNG\r\n\x1A\n and so on");
    bench.put("photos/cat/words", "words");
    bench.put("photos/cat/words.jpg", "bad, but called an image");
    bench.settle();
    assert_eq!(held(&bench), [("photos/cat/photo", "cat", "")]);
    assert_eq!(bench.quarantined(), ["cat/words.jpg"]);
    assert_eq!(counts(&notices(&mut bench)), [("not_an_image", 1), ("other", 1)]);
    // It becomes an image, and is noticed.
    bench.put("photos/cat/words", b"\x89PNG\r\n\x1A\n now");
    bench.settle();
    assert_eq!(held(&bench).len(), 2);
}

#[test]
fn an_iphone_folder_is_told_in_few_lines() {
    let Some(at) = case("46-iphone") else { return };
    let mut bench = Bench::new(&[]);
    bench.model.decodes = true;
    copy(&at.join("photos"), &bench.at("photos"));
    bench.settle();
    assert_eq!(held(&bench), [("photos/trip/IMG_0100.JPG", "trip", "")]);
    assert_eq!(bench.quarantined().len(), 3, "the HEICs");
    let notices = notices(&mut bench);
    // With their HEICs gone the films are films like others.
    // The files of the case hold their first bytes alone.
    assert_eq!(counts(&notices), [("companion", 3), ("damaged", 3), ("film", 3)]);
    assert_eq!(notices[0].kind, "damaged", "what needs somebody comes first");
}

#[test]
fn recycle_bins_are_no_classes() {
    let Some(at) = case("20-recycle-bins") else { return };
    let mut bench = Bench::new(&[]);
    copy(&at.join("photos"), &bench.at("photos"));
    bench.settle();
    assert!(held(&bench).iter().all(|(path, class, _)| ["cat", "dog"].contains(class) && !path.contains("thrown")));
    assert_eq!((held(&bench).len(), counts(&notices(&mut bench))), (6, vec![("bin", 4)]));
}

#[test]
fn zone_identifiers_are_left_alone() {
    let Some(at) = case("21-zone-identifier") else { return };
    let mut bench = Bench::new(&[]);
    copy(&at.join("photos"), &bench.at("photos"));
    bench.settle();
    assert_eq!(held(&bench), [("photos/dog/a.jpg", "dog", "")]);
    assert!(bench.quarantined().is_empty());
    assert_eq!(counts(&notices(&mut bench)), [("companion", 2)]);
}

#[test]
fn names_of_a_japanese_windows_are_told() {
    let Some(at) = case("34-shift-jis") else { return };
    let mut bench = Bench::new(&[]);
    let tar = Command::new("tar").arg("-xzf").arg(at.join("photos.tar.gz")).arg("-C").arg(bench.folder.path()).status();
    assert!(tar.unwrap().success());
    bench.settle();
    let notices = notices(&mut bench);
    let odd = notices.iter().find(|notice| notice.kind == "not_utf8").unwrap();
    assert!(odd.count > 0 && odd.advice.contains("convmv") && !odd.examples.is_empty(), "{odd:?}");
}
