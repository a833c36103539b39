use super::*;
use crate::fixture::{add, add_plain, file, image, remove};
use plugin_api::Split;
use plugin_check::Scores;
use rusqlite::Connection;
use std::process::Command;

fn workspace() -> (tempfile::TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(folder.path()).unwrap();
    (folder, workspace)
}

fn reader(workspace: &Workspace) -> Reader {
    Reader::open(workspace).unwrap().unwrap()
}

/// Sample, label, group and split of every row.
fn rows(workspace: &Workspace, version: u64) -> Vec<String> {
    let samples = reader(workspace).samples(version, None).unwrap();
    samples.iter().map(|s| format!("{} {} {} {}", s.sample, s.label, s.group, s.split)).collect()
}

#[test]
fn moved_files_are_relabelled_and_old_versions_stay() {
    let (_folder, workspace) = workspace();
    let first = add_plain(&workspace, &[("photos/a/1.jpg", "d1")]).unwrap();
    let mut catalog = Writer::open(&workspace).unwrap();
    let mut change = catalog.change().unwrap();
    change.remove("photos/a/1.jpg").unwrap();
    change.place(&file("photos/きゅんきゅん/1.jpg", "d1")).unwrap();
    let second = change.commit().unwrap();
    assert_eq!(second, first + 1);
    assert_eq!(rows(&workspace, first), ["d1 a d1 train"]);
    assert_eq!(rows(&workspace, second), ["d1 きゅんきゅん d1 train"]);
}

#[test]
fn the_same_files_twice_change_nothing() {
    let (_folder, workspace) = workspace();
    let files = [("photos/a/1.jpg", "d1"), ("photos/a/2.jpg", "d2")];
    let first = add_plain(&workspace, &files).unwrap();
    assert_eq!(add_plain(&workspace, &files).unwrap(), first);
    assert_eq!(reader(&workspace).counts().unwrap(), (2, 2));
}

#[test]
fn identity_of_a_file_is_kept_and_brought_up_to_date() {
    let (_folder, workspace) = workspace();
    let known = |changed_ns: i64, inode: u64| KnownFile {
        path: "photos/a/1.jpg".to_owned(),
        modified_ns: 1,
        changed_ns,
        inode,
        size_bytes: 10,
    };
    let mut version = 0;
    for (changed_ns, inode) in [(7, u64::MAX), (8, 3)] {
        let file = File { changed_ns, inode, ..file("photos/a/1.jpg", "d1") };
        let next = add(&workspace, &[(file, image("d1"))]).unwrap();
        assert!(version == 0 || next == version, "the same image in the same place");
        version = next;
        let mut catalog = Writer::open(&workspace).unwrap();
        let change = catalog.change().unwrap();
        change.add_shard("8-stretch", "s.arrow", &["d1".to_owned()]).unwrap();
        change.commit().unwrap();
        assert_eq!(reader(&workspace).inventory("8-stretch").unwrap(), [known(changed_ns, inode)]);
    }
    assert!(reader(&workspace).inventory("64-stretch").unwrap().is_empty(), "another size has no pixels yet");
}

#[test]
fn equal_pixels_in_one_class_are_one_sample() {
    let (_folder, workspace) = workspace();
    let pixels = |digest: &str, split| Image { pixel_digest: Some("p".to_owned()), split, ..image(digest) };
    let given = |path: &str, digest: &str, given| File { given, ..file(path, digest) };
    let version = add(
        &workspace,
        &[
            (given("photos/a/1.jpg", "d1", Some(Split::Test)), pixels("d1", Split::Train)),
            (given("photos/a/0.jpg", "d2", None), pixels("d2", Split::Train)),
            (file("photos/b/2.jpg", "d1"), pixels("d1", Split::Train)),
            (file("photos/a/3.jpg", "d3"), image("d3")),
        ],
    )
    .unwrap();
    let samples = reader(&workspace).samples(version, None).unwrap();
    let found: Vec<_> = samples.iter().map(|s| (&s.sample[..], &s.label[..], &s.path[..], s.given)).collect();
    let expected = [
        ("d3", "a", "photos/a/3.jpg", None),
        ("p", "a", "photos/a/0.jpg", Some(Split::Test)),
        ("p", "b", "photos/b/2.jpg", None),
    ];
    assert_eq!(found, expected);
    assert_eq!(samples[1].digest, "d2");
    assert_eq!(reader(&workspace).with_pixels("p").unwrap().unwrap().1, Split::Train);
}

#[test]
fn given_splits_are_versioned() {
    let (_folder, workspace) = workspace();
    let given = |given| [(File { given, ..file("photos/a/1.jpg", "d1") }, image("d1"))];
    let first = add(&workspace, &given(None)).unwrap();
    let second = add(&workspace, &given(Some(Split::Test))).unwrap();
    assert_eq!(second, first + 1);
    let at = |version| reader(&workspace).samples(version, None).unwrap()[0].given;
    assert_eq!((at(first), at(second)), (None, Some(Split::Test)));
}

#[test]
fn overwritten_files_hold_only_the_new_image() {
    let (_folder, workspace) = workspace();
    add_plain(&workspace, &[("photos/a/1.jpg", "d1")]).unwrap();
    let version = add_plain(&workspace, &[("photos/a/1.jpg", "d2")]).unwrap();
    assert_eq!(rows(&workspace, version), ["d2 a d2 train"]);
}

#[test]
fn nothing_lasts_before_commit() {
    let (_folder, workspace) = workspace();
    let version = add_plain(&workspace, &[("photos/a/1.jpg", "d1")]).unwrap();
    let mut catalog = Writer::open(&workspace).unwrap();
    let mut change = catalog.change().unwrap();
    change.remove("photos/a/1.jpg").unwrap();
    drop(change);
    drop(catalog);
    assert_eq!((reader(&workspace).counts().unwrap(), reader(&workspace).version().unwrap()), ((1, 1), version));
    assert_eq!(remove(&workspace, &["photos/a/1.jpg"]).unwrap(), version + 1);
    assert_eq!(reader(&workspace).counts().unwrap(), (0, 0));
}

#[test]
fn hashes_keep_all_64_bits() {
    let (_folder, workspace) = workspace();
    let mut one = image("d1");
    one.hashes.phash = u64::MAX;
    let version = add(&workspace, &[(file("photos/a/1.jpg", "d1"), one.clone())]).unwrap();
    let mut seen = Vec::new();
    reader(&workspace).stored_images(|image| seen.push((image.phash, image.dhash, image.group.to_owned()))).unwrap();
    assert_eq!(seen, [(u64::MAX, one.hashes.dhash, "d1".to_owned())]);
    assert_eq!(reader(&workspace).records(version, 0, 9).unwrap()[0].image, one);
}

#[test]
fn merged_groups_hold_from_their_version_on() {
    let (_folder, workspace) = workspace();
    let before = add_plain(&workspace, &[("photos/a/1.jpg", "d1"), ("photos/a/2.jpg", "d2")]).unwrap();
    let mut catalog = Writer::open(&workspace).unwrap();
    for lasts in [false, true] {
        let mut change = catalog.change().unwrap();
        change.add_image(&Image { group: "d1".to_owned(), split: Split::Test, ..image("d3") }).unwrap();
        change.place(&file("photos/a/3.jpg", "d3")).unwrap();
        change.merge_groups("d1", "d2").unwrap();
        if lasts {
            assert_eq!(change.commit().unwrap(), before + 1);
        }
    }
    assert_eq!(rows(&workspace, before), ["d1 a d1 train", "d2 a d2 train"]);
    assert_eq!(rows(&workspace, before + 1), ["d1 a d1 train", "d2 a d1 train", "d3 a d1 test"]);
    let of_records: Vec<String> =
        reader(&workspace).records(before, 0, 9).unwrap().into_iter().map(|r| r.image.group).collect();
    assert_eq!(of_records, ["d1", "d2"], "records say the same");
    let mut change = catalog.change().unwrap();
    change.set_group("d2", "d2").unwrap();
    let apart = change.commit().unwrap();
    assert_eq!(rows(&workspace, apart), ["d1 a d1 train", "d2 a d2 train", "d3 a d1 test"]);
    assert_eq!(rows(&workspace, before + 1)[1], "d2 a d1 train");
    let mut change = catalog.change().unwrap();
    change.set_group("d2", "d2").unwrap();
    assert_eq!(change.commit().unwrap(), apart, "nothing has changed");
}

#[test]
fn settled_splits_are_kept_for_earlier_versions() {
    let (_folder, workspace) = workspace();
    let new =
        |digest: &str| (file(&format!("photos/a/{digest}.jpg"), digest), Image { settled: false, ..image(digest) });
    let first = add(&workspace, &[new("d1"), new("d2")]).unwrap();
    let mut catalog = Writer::open(&workspace).unwrap();
    let mut set = |splits: &[(&str, Split)], settle: Option<u64>| {
        let mut change = catalog.change().unwrap();
        for (sample, split) in splits {
            change.set_split(sample, *split).unwrap();
        }
        if let Some(version) = settle {
            change.settle(version).unwrap();
        }
        change.commit().unwrap()
    };
    assert_eq!(set(&[("d1", Split::Test)], None), first, "nothing was trained on it");
    assert_eq!(rows(&workspace, first), ["d1 a d1 test", "d2 a d2 train"]);
    assert_eq!(set(&[], Some(first)), first);
    add(&workspace, &[new("d3")]).unwrap();
    let moved = set(&[("d1", Split::Train), ("d3", Split::Test)], None);
    assert_eq!(rows(&workspace, first), ["d1 a d1 test", "d2 a d2 train"]);
    assert_eq!(rows(&workspace, moved), ["d1 a d1 train", "d2 a d2 train", "d3 a d3 test"]);
    let settled: Vec<bool> = reader(&workspace).live_samples().unwrap().iter().map(|sample| sample.settled).collect();
    assert_eq!(settled, [true, true, false]);
}

#[test]
fn settling_an_old_version_keeps_its_splits() {
    let (_folder, workspace) = workspace();
    let first = add(&workspace, &[(file("photos/a/1.jpg", "d1"), Image { settled: false, ..image("d1") })]).unwrap();
    let mut catalog = Writer::open(&workspace).unwrap();
    // Another group from the next version on: its split of now is noted.
    let mut change = catalog.change().unwrap();
    change.set_group("d1", "g").unwrap();
    let second = change.commit().unwrap();
    let mut change = catalog.change().unwrap();
    change.set_split("d1", Split::Test).unwrap();
    change.commit().unwrap();
    let change = catalog.change().unwrap();
    assert_eq!(change.settle(first).unwrap(), 1);
    assert_eq!(change.settle(first).unwrap(), 0);
    change.commit().unwrap();
    assert_eq!(
        (rows(&workspace, first), rows(&workspace, second)),
        (vec!["d1 a d1 train".into()], vec!["d1 a g train".into()])
    );
}

#[test]
fn scores_are_added_once() {
    let (_folder, workspace) = workspace();
    let none = Scores { dark: f32::NAN, bright: f32::NAN, blur: f32::NAN, information: f32::NAN };
    let version = add(&workspace, &[(file("photos/a/1.jpg", "d1"), Image { scores: none, ..image("d1") })]).unwrap();
    let scores = |dark| Scores { dark, bright: 0.25, blur: 1.0, information: 0.125 };
    let mut catalog = Writer::open(&workspace).unwrap();
    for dark in [0.5, 0.0] {
        let change = catalog.change().unwrap();
        change.add_late_scores("d1", &scores(dark)).unwrap();
        change.commit().unwrap();
    }
    assert_eq!(catalog.read().records(version, 0, 9).unwrap()[0].image.scores, scores(0.5));
}

#[test]
fn late_signatures_ask_for_comparing_again() {
    let (_folder, workspace) = workspace();
    add_plain(&workspace, &[("photos/a/1.jpg", "d1")]).unwrap();
    let mut catalog = Writer::open(&workspace).unwrap();
    for (bytes, is_grouped) in [(b"one", false), (b"two", true)] {
        let change = catalog.change().unwrap();
        change.grouped_by("a rule").unwrap();
        change.add_late_signatures("d1", bytes).unwrap();
        change.commit().unwrap();
        assert_eq!(catalog.read().is_grouped_by("a rule").unwrap(), is_grouped);
    }
    let mut seen = Vec::new();
    catalog.read().stored_images(|image| seen.push(image.signatures.map(<[u8]>::to_vec))).unwrap();
    assert_eq!(seen, [Some(b"one".to_vec())]);
}

#[test]
fn views_of_an_earlier_version_are_replaced() {
    let (_folder, workspace) = workspace();
    add_plain(&workspace, &[("photos/a/1.jpg", "d1")]).unwrap();
    let mut catalog = Writer::open(&workspace).unwrap();
    for bytes in [&b"short"[..], b"of this version"] {
        let change = catalog.change().unwrap();
        change.grouped_by("a rule").unwrap();
        change.add_late_signatures("d1", bytes).unwrap();
        change.commit().unwrap();
        assert!(!catalog.read().is_grouped_by("a rule").unwrap(), "the next start compares all");
        let mut seen = Vec::new();
        catalog.read().stored_images(|image| seen.push(image.signatures.map(<[u8]>::to_vec))).unwrap();
        assert_eq!(seen, [Some(bytes.to_vec())]);
    }
}

#[test]
fn different_samples_are_remembered() {
    let (_folder, workspace) = workspace();
    let mut catalog = Writer::open(&workspace).unwrap();
    let sets = [vec!["a".to_owned(), "b".to_owned()], vec!["a".to_owned(), "c".to_owned()]];
    for sets in [&sets[..], &sets[1..]] {
        let change = catalog.change().unwrap();
        change.set_different(sets).unwrap();
        change.commit().unwrap();
        assert_eq!(catalog.read().different().unwrap(), sets);
    }
}

#[test]
fn no_catalog_is_none_and_what_is_no_catalog_an_error() {
    let (_folder, workspace) = workspace();
    assert!(Reader::open(&workspace).unwrap().is_none());
    std::fs::write(path(&workspace), "").unwrap();
    assert!(Reader::open(&workspace).unwrap().is_none(), "just made");
    std::fs::write(path(&workspace), "no database, only text").unwrap();
    let error = Reader::open(&workspace).unwrap_err().to_string();
    assert!(error.contains("catalog.sqlite: ") && error.contains("not a database"), "{error}");
}

#[test]
fn later_formats_are_refused() {
    let (_folder, workspace) = workspace();
    drop(Writer::open(&workspace).unwrap());
    Connection::open(path(&workspace)).unwrap().pragma_update(None, "user_version", 99).unwrap();
    for error in [Writer::open(&workspace).err().unwrap(), Reader::open(&workspace).err().unwrap()] {
        assert!(matches!(error, CatalogError::Later { found: 99, .. }), "{error}");
    }
}

/// The rule by which its images were grouped.
const RULE: &str = "Some(Radii { plain: 6, plain_all: 20, view: 8, view_all: 20 }) of 448 bytes";

/// A catalog of format 3, as the version before this wrote it.
fn of_format_3(workspace: &Workspace) {
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures");
    std::fs::copy(fixtures.join("catalog-format-3.sqlite"), path(workspace)).unwrap();
}

#[test]
fn format_3_is_taken_over_whole() {
    let (_folder, workspace) = workspace();
    of_format_3(&workspace);
    assert!(matches!(Reader::open(&workspace).unwrap_err(), CatalogError::Earlier { found: 3, .. }));
    for _ in 0..2 {
        let catalog = Writer::open(&workspace).unwrap();
        let catalog = catalog.read();
        let version = catalog.version().unwrap();
        let text = |version: u64| {
            let rows = catalog.samples(version, Some("16-stretch")).unwrap();
            let one = |s: &Sample| format!("  {} {} {} {} {}", &s.digest[..6], s.label, s.path, &s.group[..6], s.split);
            std::iter::once(format!("version {version}")).chain(rows.iter().map(one)).collect::<Vec<_>>()
        };
        let all: Vec<String> = (0..=version).flat_map(text).collect();
        let read: Vec<&str> = include_str!("../../../tests/fixtures/catalog-format-3.txt").lines().collect();
        assert_eq!(all, read, "as the version before read it");
        let records = catalog.records(version, 0, 99).unwrap();
        assert_eq!(records.len() as u64, catalog.record_count(version).unwrap());
        let first = &records[0];
        assert_eq!((first.file.changed_ns, first.file.inode, first.file.given), (0, 0, None));
        assert_eq!((first.file.size_bytes, first.image.source), (1001, (640, 480)));
        assert!(first.image.scores.blur.is_nan() && first.image.scores.bright == 0.75);
        assert!(records.iter().all(|r| r.image.settled && r.image.pixel_digest.is_none()));
        let mut signatures = 0;
        catalog
            .stored_images(|image| signatures += usize::from(image.signatures.is_some_and(|b| b.len() > 99)))
            .unwrap();
        assert_eq!(signatures as u64, catalog.counts().unwrap().1);
        assert_eq!(catalog.shards("16-stretch").unwrap().len(), 3);
        assert!(catalog.is_grouped_by(RULE).unwrap(), "no search at the start");
    }
    assert_eq!(Reader::open(&workspace).unwrap().unwrap().version().unwrap(), 6);
}

/// Runs in a process of its own, which is killed in the middle of the migration.
#[test]
fn killed_in_the_middle() {
    let Some(folder) = std::env::var_os("WAKUTEKA_TEST_KILLED") else { return };
    let db = Connection::open(folder).unwrap();
    db.pragma_update(None, "cache_size", 1).unwrap();
    let half = schema::FORMAT_4.split_once("ALTER TABLE regrouped").unwrap().0;
    db.execute_batch(&format!("BEGIN IMMEDIATE; {half}")).unwrap();
    std::process::abort();
}

#[test]
fn a_killed_migration_starts_again() {
    let (_folder, workspace) = workspace();
    of_format_3(&workspace);
    let me = std::env::current_exe().unwrap();
    let killed = Command::new(me)
        .args(["tests::killed_in_the_middle", "--exact"])
        .env("WAKUTEKA_TEST_KILLED", path(&workspace))
        .output()
        .unwrap();
    assert!(!killed.status.success(), "it was killed");
    assert!(matches!(Reader::open(&workspace).unwrap_err(), CatalogError::Earlier { found: 3, .. }));
    assert_eq!(Writer::open(&workspace).unwrap().read().version().unwrap(), 6);
}

#[test]
fn format_1_is_taken_over() {
    let (_folder, workspace) = workspace();
    let db = Connection::open(path(&workspace)).unwrap();
    db.execute_batch(schema::FORMAT_1).unwrap();
    db.execute_batch(
        "INSERT INTO pictures VALUES ('d1', 1, 2, 3, 4, 50, 40, 'd1', 'validation');
         INSERT INTO placements VALUES (1, 'photos/a/1.jpg', 'a', 'd1', 7, 99, 1, NULL);
         INSERT INTO shards VALUES (1, 'p', 's.arrow', 1);
         INSERT INTO pixels VALUES ('p', 'd1', 1, 0);
         UPDATE counter SET version = 1;
         PRAGMA user_version = 1;",
    )
    .unwrap();
    drop(db);
    drop(Writer::open(&workspace).unwrap());
    let catalog = reader(&workspace);
    assert_eq!(rows(&workspace, 1), ["d1 a d1 validation"]);
    let record = &catalog.records(1, 0, 9).unwrap()[0];
    assert_eq!((record.file.size_bytes, record.image.hashes.whash), (99, 4));
    assert!(record.image.scores.dark.is_nan(), "never measured");
}
