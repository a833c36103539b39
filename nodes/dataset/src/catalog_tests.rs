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
        scores: [f32::NAN; 4],
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

fn labels(catalog: &Catalog, version: u64) -> Vec<(String, String)> {
    let rows = catalog.labelled(version, "8-stretch").unwrap();
    rows.into_iter().map(|l| (l.digest, l.label)).collect()
}

/// Digest, group and split of every picture at a version.
fn groups(catalog: &Catalog, version: u64) -> Vec<[String; 3]> {
    let rows = catalog.labelled(version, "8-stretch").unwrap();
    let of_rows: Vec<_> = rows.into_iter().map(|l| [l.digest, l.group, l.split]).collect();
    let records = catalog.records(version, 0, 100).unwrap();
    let of_records = |digest: &str| records.iter().find(|r| r.picture.digest == digest).unwrap().picture.clone();
    for [digest, group, split] in &of_rows {
        assert_eq!((&of_records(digest).group, &of_records(digest).split), (group, split), "records say the same");
    }
    of_rows
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
    assert_eq!(labels(&catalog, first), [("d1".into(), "a".into())]);
    assert_eq!(labels(&catalog, second), [("d1".into(), "きゅんきゅん".into())]);
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
fn a_picture_in_two_classes_has_two_rows_and_copies_in_one_class_have_one() {
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
    let expected = [("d1", "a"), ("d2", "a"), ("d2", "b")];
    assert_eq!(labels(&catalog, version), expected.map(|(d, l)| (d.to_owned(), l.to_owned())));
}

#[test]
fn an_overwritten_file_holds_only_the_new_picture() {
    let (_folder, mut catalog) = open();
    place(&mut catalog, &[file("photos/a/1.jpg", "a", "d1")]);
    let version = place(&mut catalog, &[file("photos/a/1.jpg", "a", "d2")]);
    assert_eq!(labels(&catalog, version), [("d2".into(), "a".into())]);
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
    catalog
        .groups(|face, group, split| seen.push((face.phash, face.dhash, group.to_owned(), split.to_owned())))
        .unwrap();
    assert_eq!(seen, [(2, 1, "d1".to_owned(), "train".to_owned())]);
}

/// A change that joins two groups.
fn merge<'a>(
    catalog: &'a mut Catalog,
    [kept, gone]: [&str; 2],
    split: &'static str,
    new: Option<&Placement>,
) -> Change<'a> {
    let mut change = catalog.change().unwrap();
    if let Some(file) = new {
        change.add_picture(&Picture { group: kept.to_owned(), ..picture(&file.digest, "train") }).unwrap();
        change.add_shard("8-stretch", "s.arrow", std::slice::from_ref(&file.digest)).unwrap();
        change.place(file).unwrap();
    }
    change.merge(&crate::split::Merge { kept: kept.to_owned(), gone: gone.to_owned(), split }).unwrap();
    change
}

#[test]
fn a_merge_holds_from_its_version_on_and_what_is_learnt_from_does_not_change() {
    let (folder, mut catalog) = open();
    let [one, two, three] = ["d1", "d2", "d3"].map(|d| file(&format!("photos/a/{d}.jpg"), "a", d));
    let before = place(&mut catalog, &[one, two]);
    let old = groups(&catalog, before);
    drop(merge(&mut catalog, ["d1", "d2"], "test", Some(&three)));
    assert_eq!(groups(&catalog, before), old, "nothing of it lasts before commit");
    let joined = merge(&mut catalog, ["d1", "d2"], "validation", Some(&three)).commit().unwrap();
    let later = merge(&mut catalog, ["d1", "d1"], "test", None).commit().unwrap();
    drop(catalog);
    let catalog = Catalog::open(&folder.path().join("catalog.sqlite")).unwrap();
    let row = |d: &str, group: &str, split: &str| [d, group, split].map(str::to_owned);
    assert_eq!(groups(&catalog, before), [row("d1", "d1", "train"), row("d2", "d2", "train")]);
    let all = |split: &str| ["d1", "d2", "d3"].map(|d| row(d, "d1", split));
    assert_eq!(groups(&catalog, joined), all("validation"));
    assert_eq!((later, groups(&catalog, later)), (joined + 1, all("test").to_vec()));
    assert_eq!(groups(&catalog, joined), all("validation"));
}

#[test]
fn a_picture_without_scores_gets_them_and_keeps_those_it_has() {
    let (_folder, mut catalog) = open();
    let version = place(&mut catalog, &[file("photos/a/1.jpg", "a", "d1")]);
    for scores in [[0.5, 0.25, 1.0, 0.125], [0.0; 4]] {
        let change = catalog.change().unwrap();
        change.measured("d1", scores).unwrap();
        change.commit().unwrap();
    }
    assert_eq!(catalog.records(version, 0, 9).unwrap()[0].picture.scores, [0.5, 0.25, 1.0, 0.125]);
}
