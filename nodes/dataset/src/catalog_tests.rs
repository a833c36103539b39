use super::*;

fn file(path: &str, label: &str, digest: &str) -> Placement {
    Placement {
        path: path.to_owned(),
        label: Some(label.to_owned()),
        digest: digest.to_owned(),
        modified_ns: 1,
        size_bytes: 10,
    }
}

fn picture(digest: &str, split: &str) -> Picture {
    Picture {
        digest: digest.to_owned(),
        hashes: [u64::MAX, 1, 2, 3],
        source: (4, 3),
        group: digest.to_owned(),
        split: split.to_owned(),
    }
}

fn place(catalog: &mut Catalog, files: &[Placement]) -> u64 {
    let mut change = catalog.change().unwrap();
    for file in files {
        change.add_picture(&picture(&file.digest, "train")).unwrap();
        change.add_shard("8-stretch", "s.arrow", std::slice::from_ref(&file.digest)).unwrap();
        change.place(file).unwrap();
    }
    change.commit().unwrap()
}

fn labels(catalog: &Catalog, version: u64) -> Vec<(String, String, bool)> {
    let rows = catalog.labelled(version, "8-stretch").unwrap();
    rows.into_iter().map(|l| (l.digest, l.label, l.conflict)).collect()
}

fn open() -> (tempfile::TempDir, Catalog) {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Catalog::open(&folder.path().join("catalog.sqlite")).unwrap();
    (folder, catalog)
}

#[test]
fn a_move_between_class_folders_is_a_relabel_and_the_old_version_can_still_be_read() {
    let (_folder, mut catalog) = open();
    let first = place(&mut catalog, &[file("photos/a/1.jpg", "a", "d1")]);
    let mut change = catalog.change().unwrap();
    change.remove("photos/a/1.jpg").unwrap();
    change.place(&file("photos/きゅんきゅん/1.jpg", "きゅんきゅん", "d1")).unwrap();
    let second = change.commit().unwrap();
    assert_eq!(second, first + 1);
    assert_eq!(labels(&catalog, first), [("d1".into(), "a".into(), false)]);
    assert_eq!(labels(&catalog, second), [("d1".into(), "きゅんきゅん".into(), false)]);
}

#[test]
fn the_same_batch_twice_changes_nothing() {
    let (_folder, mut catalog) = open();
    let files = [file("photos/a/1.jpg", "a", "d1"), file("photos/a/2.jpg", "a", "d2")];
    let first = place(&mut catalog, &files);
    let second = place(&mut catalog, &files);
    assert_eq!(first, second);
    assert_eq!(catalog.counts().unwrap(), (2, 2));
}

#[test]
fn a_picture_in_two_classes_is_a_conflict_and_copies_in_one_class_are_not() {
    let (_folder, mut catalog) = open();
    let version = place(
        &mut catalog,
        &[
            file("photos/a/1.jpg", "a", "d1"),
            file("photos/a/1 copy.jpg", "a", "d1"),
            file("photos/a/2.jpg", "a", "d2"),
            file("photos/b/2.jpg", "b", "d2"),
        ],
    );
    let expected = [("d1", "a", false), ("d2", "a", true), ("d2", "b", true)];
    assert_eq!(labels(&catalog, version), expected.map(|(d, l, c)| (d.to_owned(), l.to_owned(), c)));
}

#[test]
fn an_overwritten_file_holds_only_the_new_picture() {
    let (_folder, mut catalog) = open();
    place(&mut catalog, &[file("photos/a/1.jpg", "a", "d1")]);
    let version = place(&mut catalog, &[file("photos/a/1.jpg", "a", "d2")]);
    assert_eq!(labels(&catalog, version), [("d2".into(), "a".into(), false)]);
}

#[test]
fn nothing_lasts_before_commit_and_everything_after() {
    let (folder, mut catalog) = open();
    place(&mut catalog, &[file("photos/a/1.jpg", "a", "d1")]);
    let mut change = catalog.change().unwrap();
    change.remove("photos/a/1.jpg").unwrap();
    drop(change);
    drop(catalog);
    let catalog = Catalog::open(&folder.path().join("catalog.sqlite")).unwrap();
    assert_eq!(catalog.counts().unwrap(), (1, 1));
    assert_eq!(catalog.inventory("8-stretch").unwrap(), [("photos/a/1.jpg".to_owned(), 1, 10)]);
    assert!(catalog.inventory("64-stretch").unwrap().is_empty(), "another size has no pixels yet");
}

#[test]
fn hashes_keep_all_64_bits() {
    let (_folder, mut catalog) = open();
    place(&mut catalog, &[file("photos/a/1.jpg", "a", "d1")]);
    let mut seen = Vec::new();
    catalog.groups(|p, d, group, split| seen.push((p, d, group.to_owned(), split.to_owned()))).unwrap();
    assert_eq!(seen, [(2, 1, "d1".to_owned(), "train".to_owned())]);
}

#[test]
fn a_catalog_of_a_later_version_is_refused() {
    let (folder, catalog) = open();
    catalog.db.pragma_update(None, "user_version", 99).unwrap();
    drop(catalog);
    let error = Catalog::open(&folder.path().join("catalog.sqlite")).err().unwrap();
    assert!(error.to_string().contains("99"), "{error}");
}
