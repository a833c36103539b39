//! The inbox over a real workspace, with made-up predictions.
#![cfg(test)]

use node_predict::Sidecars;
use node_predict::inbox::{InboxState, Rules};
use node_predict::prediction::{ClassScore, Prediction};
use node_predict::store::{File, Store, View};
use plugin_api::Workspace;
use plugin_links::{CONFIRM, Link, LinkChanges, LinkState, table};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Instant;

const RULES: Rules = Rules { abstain_below: 0.5, review: 3, review_margin: 0.2, sort: true, sidecars: Sidecars::On };

struct Fixture {
    _folder: tempfile::TempDir,
    workspace: Workspace,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(folder.path()).unwrap();
    Fixture { _folder: folder, workspace }
}

fn prediction(model: &str, class: &str, probability: f64) -> Prediction {
    let score = |class: &str, probability| ClassScore { class: class.to_owned(), probability };
    Prediction {
        model: model.to_owned(),
        top: vec![score(class, probability), score("other", 1.0 - probability)],
        classes: vec![class.to_owned()],
        margin: (2.0 * probability - 1.0).abs(),
        calibrated: true,
        is_novel: false,
    }
}

impl Fixture {
    fn inbox(&self) -> InboxState {
        InboxState::open(&self.workspace, RULES).unwrap()
    }

    fn at(&self, path: &str) -> PathBuf {
        self.workspace.root().join(path)
    }

    /// Writes a file and gives it as it comes from `watch`.
    fn put(&self, name: &str, content: &str, prediction: Option<Prediction>) -> File {
        let path = format!("inbox/{name}");
        fs::write(self.at(&path), content).unwrap();
        let meta = fs::metadata(self.at(&path)).unwrap();
        File {
            path,
            digest: blake3::hash(content.as_bytes()).to_hex().to_string(),
            modified_ns: meta.mtime() * 1_000_000_000 + meta.mtime_nsec(),
            size_bytes: meta.len(),
            prediction,
        }
    }

    /// What lies in a folder, tables left out, sorted.
    fn list(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.at(folder)).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|e| e.file_name().into_string().unwrap()).collect();
        names.retain(|name| !["predictions.csv", "review.csv"].contains(&name.as_str()));
        names.sort();
        names
    }

    fn table(&self) -> Vec<String> {
        let text = fs::read_to_string(self.at("inbox/predictions.csv")).unwrap();
        text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect()
    }
}

/// Arranges, looks over twice so that what is missing is confirmed, and arranges again.
fn pass(inbox: &mut InboxState) {
    inbox.arrange().unwrap();
    let now = Instant::now();
    for now in [now, now + CONFIRM] {
        for view in [View::Review, View::Sorted] {
            inbox.look_over(view, now).unwrap();
        }
    }
    inbox.arrange().unwrap();
}

#[test]
fn links_follow_predictions_and_replaced_images() {
    let fixture = fixture();
    let mut inbox = fixture.inbox();
    let file = fixture.put("a.jpg", "one", Some(prediction("m", "cat", 0.9)));
    inbox.take_in(vec![file.clone()]).unwrap();
    inbox.arrange().unwrap();
    assert_eq!(fixture.list("sorted/cat"), ["a.jpg", "a.jpg.xmp"]);
    assert_eq!(fixture.list("inbox"), ["a.jpg", "a.jpg.xmp"]);

    // Another champion; unsure, then another class.
    inbox.set_predictions(vec![("inbox/a.jpg".to_owned(), prediction("n", "dog", 0.55))]).unwrap();
    inbox.arrange().unwrap();
    assert_eq!(
        (fixture.list("sorted"), fixture.list("sorted/dog")),
        (vec!["dog".to_owned()], vec!["a.jpg".into(), "a.jpg.xmp".into()])
    );
    assert_eq!(fixture.list("review"), ["0.100_a.jpg"]);
    inbox.set_predictions(vec![("inbox/a.jpg".to_owned(), prediction("o", "dog", 0.45))]).unwrap();
    inbox.arrange().unwrap();
    assert!(fixture.list("sorted").is_empty(), "it abstains");
    assert_eq!(
        (fixture.list("inbox"), fixture.list("review")),
        (vec!["a.jpg".to_owned()], vec!["0.100_a.jpg".to_owned()])
    );

    // Saved anew by an editor: another file, and the old one has no other name left.
    inbox.set_predictions(vec![("inbox/a.jpg".to_owned(), prediction("o", "cat", 0.9))]).unwrap();
    inbox.arrange().unwrap();
    fs::remove_file(fixture.at("inbox/a.jpg")).unwrap();
    let file = fixture.put("a.jpg", "two, larger", Some(prediction("o", "cat", 0.8)));
    inbox.take_in(vec![file]).unwrap();
    inbox.arrange().unwrap();
    assert_eq!(fs::read_to_string(fixture.at("sorted/cat/a.jpg")).unwrap(), "two, larger");
    assert_eq!(fixture.list("sorted/cat").len(), 2);
}

#[test]
fn the_least_sure_are_asked_about_first_and_answers_last() {
    let fixture = fixture();
    let mut inbox = fixture.inbox();
    let files: Vec<File> = [0.51, 0.52, 0.53, 0.54, 0.7]
        .into_iter()
        .enumerate()
        .map(|(n, p)| fixture.put(&format!("{n}.jpg"), &format!("image {n}"), Some(prediction("m", "cat", p))))
        .collect();
    inbox.take_in(files).unwrap();
    inbox.arrange().unwrap();
    assert_eq!(fixture.list("review"), ["0.020_0.jpg", "0.040_1.jpg", "0.060_2.jpg"]);
    let list = fs::read_to_string(fixture.at("review/review.csv")).unwrap();
    assert!(
        list.lines().nth(1).unwrap().starts_with("0.020_0.jpg,inbox/0.jpg,0.0200,cat,0.5100,other,0.4900,m"),
        "{list}"
    );

    // One deleted, one labelled, one renamed.
    fs::remove_file(fixture.at("review/0.020_0.jpg")).unwrap();
    fs::create_dir(fixture.at("photos/dog")).unwrap();
    fs::rename(fixture.at("review/0.040_1.jpg"), fixture.at("photos/dog/x.jpg")).unwrap();
    fs::rename(fixture.at("review/0.060_2.jpg"), fixture.at("review/what.jpg")).unwrap();
    pass(&mut inbox);
    assert_eq!(fixture.list("review"), ["0.080_3.jpg", "what.jpg"]);
    assert_eq!(
        fixture.table(),
        ["inbox/0.jpg", "inbox/2.jpg", "inbox/3.jpg", "inbox/4.jpg"],
        "the labelled one is gone"
    );
    assert_eq!(inbox.counts().labelled, 1);
    assert!(!fixture.list("sorted/cat").iter().any(|name| name.starts_with('1')));

    // Whatever is prediction later, and after a restart, they are not asked about again.
    let again = (0..5).map(|n| (format!("inbox/{n}.jpg"), prediction("n", "cat", 0.505))).collect();
    inbox.set_predictions(again).unwrap();
    pass(&mut inbox);
    let mut inbox = fixture.inbox();
    pass(&mut inbox);
    assert_eq!(fixture.list("review"), ["0.010_2.jpg", "0.010_3.jpg", "0.010_4.jpg"]);

    // The label is taken back: it is an image like others, though not asked about.
    fs::remove_file(fixture.at("photos/dog/x.jpg")).unwrap();
    inbox.look_through_photos();
    pass(&mut inbox);
    assert!(fixture.table().contains(&"inbox/1.jpg".to_owned()) && fixture.list("review").len() == 3);

    // The whole folder is deleted: nothing is meant by it.
    fs::remove_dir_all(fixture.at("review")).unwrap();
    pass(&mut inbox);
    pass(&mut inbox);
    assert_eq!(fixture.list("review").len(), 3);
}

#[test]
fn an_image_in_photos_already_is_classified_but_not_asked_about() {
    let fixture = fixture();
    fs::create_dir(fixture.at("photos/cat")).unwrap();
    fs::write(fixture.at("photos/cat/a.jpg"), "one").unwrap();
    let mut inbox = fixture.inbox();
    inbox.take_in(vec![fixture.put("b.jpg", "one", Some(prediction("m", "cat", 0.51)))]).unwrap();
    inbox.look_through_photos();
    inbox.arrange().unwrap();
    assert_eq!((fixture.table(), fixture.list("review")), (vec!["inbox/b.jpg".to_owned()], Vec::<String>::new()));
    assert_eq!(fixture.list("sorted/cat"), ["b.jpg", "b.jpg.xmp"]);
}

#[test]
fn a_sorted_link_that_was_taken_is_not_put_back_and_labels() {
    let fixture = fixture();
    let mut inbox = fixture.inbox();
    let files = ["a.jpg", "b.jpg"].map(|name| fixture.put(name, name, Some(prediction("m", "cat", 0.9))));
    inbox.take_in(files.to_vec()).unwrap();
    inbox.arrange().unwrap();
    fs::remove_file(fixture.at("sorted/cat/a.jpg")).unwrap();
    fs::create_dir(fixture.at("photos/cat")).unwrap();
    fs::rename(fixture.at("sorted/cat/b.jpg"), fixture.at("photos/cat/b.jpg")).unwrap();
    pass(&mut inbox);
    assert!(fixture.list("sorted/cat").is_empty(), "{:?}", fixture.list("sorted/cat"));
    assert_eq!(fixture.table(), ["inbox/a.jpg"]);
    inbox.set_predictions(vec![("inbox/a.jpg".to_owned(), prediction("n", "dog", 0.9))]).unwrap();
    pass(&mut inbox);
    assert_eq!(fixture.list("sorted/dog"), ["a.jpg", "a.jpg.xmp"], "another class is another matter");
}

#[test]
fn links_go_with_the_file_but_not_its_last_name() {
    let fixture = fixture();
    let mut inbox = fixture.inbox();
    let files = ["moved.jpg", "deleted.jpg"].map(|name| fixture.put(name, name, Some(prediction("m", "cat", 0.55))));
    inbox.take_in(files.to_vec()).unwrap();
    inbox.arrange().unwrap();
    assert_eq!((fixture.list("review").len(), fixture.list("sorted/cat").len()), (2, 4));
    fs::create_dir(fixture.at("photos/cat")).unwrap();
    fs::rename(fixture.at("inbox/moved.jpg"), fixture.at("photos/cat/moved.jpg")).unwrap();
    fs::remove_file(fixture.at("inbox/deleted.jpg")).unwrap();
    inbox.take_away(["inbox/moved.jpg", "inbox/deleted.jpg"].into_iter()).unwrap();
    inbox.arrange().unwrap();
    assert!(fixture.list("review").is_empty() && fixture.table().is_empty() && fixture.list("inbox").is_empty());
    assert_eq!(fixture.list("sorted/cat"), ["deleted.jpg"]);
    assert_eq!(fs::read_to_string(fixture.at("photos/cat/moved.jpg")).unwrap(), "moved.jpg");
    // It is a person's from now on.
    drop(inbox);
    pass(&mut fixture.inbox());
    assert_eq!(fixture.list("sorted/cat"), ["deleted.jpg"]);
}

/// A link is written down, made, written down; written down, taken away, forgotten. Killed after each step, a link that is
/// missing must not be taken for a person's doing, and none may stay that nobody knows.
#[test]
fn killed_after_any_step_the_next_start_ends_it() {
    for (state, is_made) in [
        (LinkState::Pending, false),
        (LinkState::Pending, true),
        (LinkState::Removing, true),
        (LinkState::Removing, false),
    ] {
        let fixture = fixture();
        let file = fixture.put("a.jpg", "one", Some(prediction("m", "cat", 0.55)));
        let mut inbox = fixture.inbox();
        inbox.take_in(vec![file.clone()]).unwrap();
        drop(inbox);
        let at = fixture.at("review/0.100_a.jpg");
        if is_made {
            fs::hard_link(fixture.at("inbox/a.jpg"), &at).unwrap();
        }
        let inode =
            if state == LinkState::Pending { 0 } else { fs::metadata(fixture.at("inbox/a.jpg")).unwrap().ino() };
        let link = Link {
            view: View::Review.name().to_owned(),
            item: file.path.clone(),
            folder: "review".to_owned(),
            name: "0.100_a.jpg".to_owned(),
            inode,
            origin: "m".to_owned(),
            state,
        };
        let mut store = Store::open(&fixture.workspace.dataset().join("inbox.sqlite")).unwrap();
        let change = store.change().unwrap();
        change.put_links(&LinkChanges { removed: Vec::new(), put: vec![link] }).unwrap();
        change.commit().unwrap();
        drop(store);
        pass(&mut fixture.inbox());
        assert_eq!(fixture.list("review"), ["0.100_a.jpg"], "{state:?} {is_made}");
        let mut store = Store::open(&fixture.workspace.dataset().join("inbox.sqlite")).unwrap();
        let links = table::read(store.connection()).unwrap();
        assert!(links.iter().all(|link| link.state == LinkState::Linked), "{links:?}");
    }
}

#[test]
fn switched_off_links_and_sidecars_go_and_others_sidecars_stay() {
    let fixture = fixture();
    let mut inbox = fixture.inbox();
    fs::write(fixture.at("inbox/b.jpg.xmp"), "mine").unwrap();
    let files = ["a.jpg", "b.jpg"].map(|name| fixture.put(name, name, Some(prediction("m", "cat", 0.55))));
    inbox.take_in(files.to_vec()).unwrap();
    inbox.arrange().unwrap();
    drop(inbox);
    let rules = Rules { sort: false, sidecars: Sidecars::Off, review: 0, ..RULES };
    let mut inbox = InboxState::open(&fixture.workspace, rules).unwrap();
    inbox.arrange().unwrap();
    assert!(fixture.list("sorted").is_empty() && fixture.list("review").is_empty());
    assert_eq!(fixture.list("inbox"), ["a.jpg", "b.jpg", "b.jpg.xmp"]);
    assert_eq!(fs::read_to_string(fixture.at("inbox/b.jpg.xmp")).unwrap(), "mine");
    assert_eq!(fixture.table().len(), 2);
}

#[test]
fn rated_sidecar_follows_the_class_after_a_restart() {
    let fixture = fixture();
    let mut inbox = fixture.inbox();
    let file = fixture.put("a.jpg", "one", Some(prediction("m", "cat", 0.9)));
    inbox.take_in(vec![file]).unwrap();
    inbox.arrange().unwrap();
    let at = fixture.at("inbox/a.jpg.xmp");
    let rating =
        "<rdf:Description rdf:about=\"\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" xmp:Rating=\"5\"/></rdf:RDF>";
    fs::write(&at, fs::read_to_string(&at).unwrap().replace("</rdf:RDF>", rating)).unwrap();
    drop(inbox);

    let mut inbox = fixture.inbox();
    inbox.set_predictions(vec![("inbox/a.jpg".to_owned(), prediction("n", "dog", 0.8))]).unwrap();
    inbox.arrange().unwrap();
    let text = fs::read_to_string(&at).unwrap();
    assert!(text.contains("<rdf:li>dog</rdf:li>") && !text.contains("cat") && text.contains(rating), "{text}");
    assert!(inbox.notices().is_empty());

    // It is unsure now: the class goes, the rating stays.
    inbox.set_predictions(vec![("inbox/a.jpg".to_owned(), prediction("o", "dog", 0.4))]).unwrap();
    inbox.arrange().unwrap();
    let text = fs::read_to_string(&at).unwrap();
    assert!(!text.contains("dog") && text.contains(rating), "{text}");
}

#[test]
fn sidecars_that_are_left_alone_are_told() {
    let fixture = fixture();
    let mut inbox = fixture.inbox();
    fs::write(fixture.at("inbox/b.jpg.xmp"), "mine").unwrap();
    inbox.take_in(vec![fixture.put("b.jpg", "two", Some(prediction("m", "cat", 0.9)))]).unwrap();
    inbox.arrange().unwrap();
    let [notice] = &inbox.notices()[..] else { panic!("{:?}", inbox.notices()) };
    assert_eq!((notice.kind.as_str(), notice.count), ("sidecar_left_alone", 1));
    assert_eq!(notice.examples, ["inbox/b.jpg.xmp"]);
    // Taken away, it is written at the next champion, and there is nothing to tell.
    fs::remove_file(fixture.at("inbox/b.jpg.xmp")).unwrap();
    inbox.set_predictions(vec![("inbox/b.jpg".to_owned(), prediction("n", "cat", 0.9))]).unwrap();
    inbox.arrange().unwrap();
    assert!(inbox.notices().is_empty() && fixture.at("inbox/b.jpg.xmp").exists());
}

/// What `dataset` says of photos/, as path and class.
fn labels(all: &[(&str, &str)]) -> BTreeMap<String, Vec<String>> {
    all.iter().map(|(path, class)| ((*path).to_owned(), vec![(*class).to_owned()])).collect()
}

#[test]
fn labelled_images_get_sidecars_that_keep_what_others_write() {
    let fixture = fixture();
    let rules = Rules { sidecars: Sidecars::All, ..RULES };
    let mut inbox = InboxState::open(&fixture.workspace, rules).unwrap();
    for path in ["photos/cat/a.jpg", "photos/cat/b.jpg", "photos/dog/c.jpg"] {
        fs::create_dir_all(fixture.at(path).parent().unwrap()).unwrap();
        fs::write(fixture.at(path), path).unwrap();
    }
    let theirs = "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\
                  <rdf:Description rdf:about=\"\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" \
                  xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmp:Rating=\"4\"><dc:subject><rdf:Bag>\
                  <rdf:li>holiday</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>";
    fs::write(fixture.at("photos/cat/b.jpg.xmp"), theirs).unwrap();
    let all = [("photos/cat/a.jpg", "cat"), ("photos/cat/b.jpg", "cat"), ("photos/dog/c.jpg", "dog")];
    inbox.set_labels(&labels(&all));
    inbox.arrange().unwrap();
    let read = |path: &str| fs::read_to_string(fixture.at(path)).unwrap();
    let has = |path: &str, keyword: &str| read(path).matches(&format!("<rdf:li>{keyword}</rdf:li>")).count();
    assert_eq!([has("photos/cat/a.jpg.xmp", "cat"), has("photos/dog/c.jpg.xmp", "dog")], [3, 3]);
    let b = "photos/cat/b.jpg.xmp";
    assert_eq!([has(b, "cat"), has(b, "holiday")], [3, 3], "a tag that stands in one list alone would hide the others");
    assert!(read(b).contains("xmp:Rating=\"4\""));
    assert!(!inbox.is_dirty() && inbox.notices().is_empty());

    // The class is renamed with all that is in its folder, one image goes, and somebody rates one.
    let rating = " xmp:Rating=\"5\" xmlns:xmp=\"http://ns.adobe.com/xap/1.0/\" rdf:about";
    fs::write(fixture.at("photos/cat/a.jpg.xmp"), read("photos/cat/a.jpg.xmp").replace(" rdf:about", rating)).unwrap();
    fs::rename(fixture.at("photos/cat"), fixture.at("photos/feline")).unwrap();
    fs::remove_file(fixture.at("photos/dog/c.jpg")).unwrap();
    inbox.set_labels(&labels(&[("photos/feline/a.jpg", "feline"), ("photos/feline/b.jpg", "feline")]));
    inbox.arrange().unwrap();
    let a = "photos/feline/a.jpg.xmp";
    assert_eq!([has(a, "cat"), has(a, "feline")], [0, 3]);
    let b = "photos/feline/b.jpg.xmp";
    assert_eq!([has(b, "cat"), has(b, "feline"), has(b, "holiday")], [0, 3, 3]);
    assert!(read(a).contains("xmp:Rating=\"5\"") && !fixture.at("photos/cat").exists());
    assert!(!fixture.at("photos/dog/c.jpg.xmp").exists(), "it was ours, and its image is gone");
    drop(inbox);

    // Switched off again, what is ours goes and what others wrote stays.
    let mut inbox = fixture.inbox();
    inbox.arrange().unwrap();
    assert_eq!([has(a, "feline"), has("photos/feline/b.jpg.xmp", "feline")], [0, 0]);
    assert!(read(a).contains("xmp:Rating=\"5\""));
    assert_eq!(has("photos/feline/b.jpg.xmp", "holiday"), 3);
}

#[test]
fn tables_open_in_excel_and_run_nothing() {
    let fixture = fixture();
    let mut inbox = fixture.inbox();
    inbox.take_in(vec![fixture.put("a.jpg", "one", Some(prediction("m", "=1+2", 0.55)))]).unwrap();
    inbox.arrange().unwrap();
    for name in ["inbox/predictions.csv", "review/review.csv"] {
        let bytes = fs::read(fixture.at(name)).unwrap();
        assert!(bytes.starts_with(plugin_tables::MARK), "{name}");
        assert!(String::from_utf8(bytes).unwrap().contains(",'=1+2,0.5500,"), "{name}");
    }
}

#[test]
fn novel_images_are_listed_apart_from_the_unsure() {
    let fixture = fixture();
    let mut inbox = fixture.inbox();
    let novel = Prediction { is_novel: true, ..prediction("one", "cat", 0.98) };
    let files = [
        fixture.put("sure.jpg", "sure", Some(prediction("one", "cat", 0.98))),
        fixture.put("novel.jpg", "novel", Some(novel)),
        fixture.put("unsure.jpg", "unsure", Some(prediction("one", "cat", 0.45))),
    ];
    inbox.take_in(files.to_vec()).unwrap();
    pass(&mut inbox);
    assert_eq!(fixture.list("review"), ["0.100_unsure.jpg", "0.960 unlike anything learnt_novel.jpg"]);
    assert_eq!((inbox.counts().abstained, inbox.counts().novel), (2, 1));
    let reasons = |table: &str| -> Vec<[String; 2]> {
        let mut reader = csv::Reader::from_path(fixture.at(table)).unwrap();
        let at = reader.headers().unwrap().iter().position(|column| column == "reason").unwrap();
        let path = reader.headers().unwrap().iter().position(|column| column == "path").unwrap();
        reader.records().map(|row| row.unwrap()).map(|row| [path, at].map(|column| row[column].to_owned())).collect()
    };
    let expected =
        [["inbox/novel.jpg", "unlike anything learnt"], ["inbox/sure.jpg", ""], ["inbox/unsure.jpg", "unsure"]];
    assert_eq!(reasons("inbox/predictions.csv"), expected);
    assert_eq!(reasons("review/review.csv"), [expected[2], expected[0]]);
    assert_eq!(fixture.list("sorted/cat"), ["sure.jpg", "sure.jpg.xmp"]);
}
